/*
 * session.h - one control connection from accept to its last byte.
 *
 *             flushed             flushed            done
 *   OPEN ---> TLS_NEXT ---> HANDSHAKE ------> OPEN            AUTH; implicit TLS begins in HANDSHAKE
 *   OPEN ---> CLEAR_NEXT ---> CLEARING -----> OPEN            CCC; close_notify behind REIN
 *   OPEN ---> CLOSING ---> LINGER ---> DEAD                   QUIT, 421: the last reply must arrive
 *              CLOSING ---> DEAD                               ... in the clear, with nothing of the client's unread
 *   any ----> DEAD                                            connection lost, handshake failed
 *
 * Everything that happens to a session comes in through session_enter ... session_leave.  Between the two no session
 * is freed; the outermost leave flushes, takes the next commands and frees a dead session.  While one command runs the
 * next ones wait in order; only while a transfer runs are ABOR, STAT and NOOP taken (threats.md P15, P16), and an ABOR that
 * waits behind others stops it.
 */
#pragma once

#include "ftp/line.h"
#include "ftp/reply.h"
#include "policy/win_error.h"
#include "worker/data.h"
#include "worker/generation.h"
#include "worker/worker.h"

struct run;

enum session_state {
    SESSION_OPEN,
    SESSION_TLS_NEXT,
    SESSION_HANDSHAKE,
    SESSION_CLEAR_NEXT,
    SESSION_CLEARING,
    SESSION_CLOSING,
    SESSION_LINGER,
    SESSION_DEAD,
};

enum {
    SESSION_INPUT_MAX = 16 * 1024,  /* commands read ahead of the one that runs */
    SESSION_OUTPUT_HIGH = 64 * 1024, /* no more commands before the client has read its replies */
};

enum cert_state { CERT_NONE, CERT_PENDING, CERT_GOOD, CERT_REFUSED, CERT_LATE }; /* certificate.h */

struct session {
    uint64_t id;
    struct worker *worker;
    struct generation *generation;  /* the newest when the last command began */
    const struct snap_site *site;   /* of its snapshot */
    struct generation *pinned;      /* that the connection began with: certificates */
    const struct snap_site *pinned_site;
    struct net_addr local, peer;
    struct tally_cell *of_address, *of_site, *of_user; /* held; the user's while a name is logged in */
    uint8_t guid[16];

    struct stream stream;
    struct loop_io *io;
    struct loop_timer *timer;
    struct text in, out;
    struct line line;
    unsigned write_wants, read_wants;

    uint32_t unanswered;      /* requests at the broker whose answer nobody waits for: until they come no line is taken (threats.md R04) */

    uint8_t state;
    uint8_t depth;            /* of session_enter */
    uint8_t held;             /* the event of a line that waits for the transfer to end; LINE_MORE none */
    uint16_t peeked;          /* so many bytes of `in` behind it hold no ABOR */
    bool eof;
    bool implicit_tls, cleared, may_clear, host_missing, counted;
    uint8_t cert_state;
    uint32_t cert_site, cert_win32; /* the site that was asked about; why refused */
    uint64_t certificate;     /* number at the authenticator, 0 none */
    char *cert_facts, *cert_verdict; /* for the log, where the site wants them; NULL none */
    bool by_certificate;      /* USER got 232: a PASS behind it is welcome */
    bool was_logged_in;
    bool logged_in, user_given, login_pending, broker_lost;
    bool type_ascii, prot_private, pbsz_given, epsv_all, dir_style_changed, rename_pending;
    uint8_t mlst_facts;       /* bits in the order of facts.h */
    uint8_t login_failures;
    uint16_t unknown_commands;
    uint32_t end_substatus, end_win32, last_error;

    int64_t login_deadline, activity, command_activity; /* loop time */
    int64_t start_time;       /* seconds since the epoch */
    tally_time own_clocks[TALLY_CLOCKS]; /* of this session's bandwidth */
    uint64_t rest;
    uint64_t bytes_sent, bytes_received; /* control channel and data */

    char *user_typed;         /* USER, without host */
    char *user;               /* canonical; NULL before login, "" anonymous */
    char *cwd;
    char *host;               /* virtual host, NULL none */
    uint64_t ticket;
    bool anonymous;

    struct run *run;          /* the command under way */
    struct data *data;        /* from PASV or PORT on */
    char previous_verb[8];
};

/* A connection was accepted; `fd` and the hold on `of_address` are taken over.  Sends the banner, or a refusal. */
void session_begin(struct worker *w, int fd, const struct net_addr *local, const struct net_addr *peer,
                   struct tally_cell *of_address);

void session_enter(struct session *s);
/* `s` may be gone afterwards. */
void session_leave(struct session *s);

/* Queue bytes of a finished reply; returns how many.  Without memory the session ends. */
size_t session_put(struct session *s, struct slice bytes);
size_t session_send(struct session *s, const struct reply *r);
/* 421 in the words of `id`, then close in order; `substatus` goes to the log.  Cuts a running transfer. */
void session_end(struct session *s, uint32_t substatus, enum reply_id id);
/* After the last reply has been queued (QUIT). */
void session_close(struct session *s, uint32_t substatus);
/* Close now, nothing more to say. */
void session_die(struct session *s, uint32_t substatus, uint32_t win32);

/* AUTH: everything received so far is forgotten, TLS starts when the 234 is out; not where there was no memory for that. */
void session_start_tls(struct session *s);
/* CCC: back to clear when the 200 is out, likewise. */
void session_stop_tls(struct session *s);
/* After logging in or out: the time-out that now counts. */
void session_rearm(struct session *s);
/* Forget who is logged in and all that hangs on it (USER, REIN, AUTH); the host stays. */
void session_log_out(struct session *s);
/* Login succeeded.  ERR_LIMIT: that user has as many sessions as one may have; nothing has changed. */
MUST_USE int session_log_in(struct session *s, struct slice user, bool anonymous, struct slice home, uint64_t ticket);
/* The site changes (HOST, USER host|user, server name); ERR_LIMIT: it is full, ERR_STATE: it is stopped,
 * ERR_DENIED: its ipSecurity does not let this client in. */
MUST_USE int session_choose_site(struct session *s, const struct snap_site *site, struct slice host);
/* 421 in the words of `site`, which has too many clients, then close in order; a reset where it wants that. */
void session_refuse_full(struct session *s, const struct snap_site *site);
/* ipSecurity at the root of `site`. */
bool session_address_is_allowed(const struct session *s, const struct snap_site *site);
/* Take the site that `host` names here; ERR_NOT_FOUND. */
MUST_USE int session_choose_host(struct session *s, struct slice host);
const struct snap_site *session_site_of_host(const struct session *s, struct slice host); /* NULL: none */

/* Go on under the newest configuration; for session_follow. */
void session_move_on(struct session *s);
/* Before a command: what it is judged by is the newest configuration.  One that runs keeps what it began with. */
static inline void session_follow(struct session *s)
{
    if (s->generation != s->worker->generation && !s->run)
        session_move_on(s);
}
static inline struct slice session_text(const struct session *s, struct snap_text t)
{
    return generation_text(s->generation, t);
}
static inline const struct snap_server *session_server(const struct session *s)
{
    return generation_server(s->generation);
}
static inline bool session_is_secure(const struct session *s)
{
    return stream_is_tls(&s->stream);
}
/* LIST in the style of ls instead of DOS: as the site has it, unless SITE DIRSTYLE was given. */
static inline bool session_lists_unix(const struct session *s)
{
    return ((s->site->show_flags & SHOW_STYLE_UNIX) != 0) != s->dir_style_changed;
}
/* Whether detailed errors are for this client: it is on this very machine (ftp-behaviour.md 2.3). */
bool session_is_local(const struct session *s);
/* A configured message of `site` with its variables filled in, when the site wants that. */
void session_message(const struct session *s, const struct snap_site *site, struct snap_text message, struct text *out);

/* The broker died: logins that hold its grants end; downloads under way may finish first. */
void sessions_lost_broker(struct worker *w);
/* The authenticator died: logins under way end. */
void sessions_lost_auth(struct worker *w);
/* The site is stopped. */
void sessions_end_site(struct worker *w, uint32_t site);
