/*
 * login.h - one login, shared by the files that decide about it (login*.c).
 */
#pragma once

#include <string.h>
#include <time.h>

#include "auth/rehearsal.h"
#include "auth/server_priv.h"
#include "base/text.h"
#include "policy/win_error.h"

struct login {
    struct login *next;
    uint64_t id; /* also the job number for verifier and pam */
    unsigned worker;
    unsigned broker;      /* that lets him in: the worker's, or any for a rehearsal */
    struct rehearsal *rehearsal; /* NULL: somebody waits for a real answer */
    uint64_t session;
    uint8_t session_id[16]; /* for logs */
    uint64_t generation;  /* of the snapshot that it began with */
    const char *reason;   /* static: why the certificate's account may not, NULL */
    uint32_t site;
    struct share *share;  /* of its address */
    enum login_stage stage;
    enum account_kind queued_for; /* LOGIN_QUEUED: the method whose turn it awaits */
    uint64_t twin;        /* ... or the login that checks the same password, 0: none */
    uint64_t shown;       /* certificate of the session, whether it names somebody or not */
    uint64_t certificate; /* that names the account, 0: the password must */
    unsigned methods;  /* account_kind bits still to try */
    int64_t deadline, asked; /* monotonic ms; when the broker was asked */
    uint64_t ticket;   /* LOGIN_GRANTING */
    struct text question; /* grant_give behind the ticket, for twins.h */
    struct identity *identity; /* from the moment on that somebody has said who it is */
    bool ids_known, home_known; /* login_prepare.c */
    struct text home_root, home_dir;
    char *user, *password;
    size_t user_len, password_len;
    bool asked_at_user; /* no password was sent yet */
    bool asked_provider; /* the site has one that cannot be run: it would have had a say */
    bool provider_failed; /* one that could not answer, for the reason in `failure` */
    unsigned asked_of; /* login_stage bits: where it has waited so far */
    bool anonymous;    /* pam is asked for the account that serves anonymous clients */
    bool vouched;      /* the certificate suffices: no password is checked */
    struct text why;   /* what each method said, for the reason log */
    struct text failure; /* for the client, if it may see details */
    char rhost[64];
    bool name_known;
    char client_name[NAMES_TEXT];
    struct net_addr client;
    uint8_t digest[CACHE_DIGEST]; /* of the method being tried */
};

static inline int64_t login_seconds_now(void) /* of the calendar */
{
    return (int64_t)time(NULL);
}

/* The moment at which it is judged. */
static inline int64_t login_at(const struct login *l)
{
    return l->rehearsal && l->rehearsal->at ? l->rehearsal->at : login_seconds_now();
}

/* A line for who rehearses; in a real login, for the reason log. */
#define LOGIN_SAY(a, l, ...)                                  \
    do {                                                      \
        if ((l)->rehearsal)                                   \
            rehearsal_say((a), (l)->rehearsal, __VA_ARGS__); \
        else                                                  \
            login_because_text((l), __VA_ARGS__);             \
    } while (0)

static inline struct slice login_user(const struct login *l)
{
    return slice_of(l->user, l->user_len);
}

static inline struct slice login_password(const struct login *l)
{
    return slice_of(l->password, l->password_len);
}

/* ---- login.c: the list, the answers, the order of methods ---- */
struct login *login_find(struct auth_server *a, enum login_stage stage, uint64_t id);
void login_remove(struct auth_server *a, struct login *l); /* frees it */
/* The three ways a login ends or waits; after the first two `l` is gone. */
void login_refuse(struct auth_server *a, struct login *l, enum auth_verdict verdict, uint32_t win32, uint32_t substatus);
void login_give_up(struct auth_server *a, struct login *l);
void login_wait_for(struct auth_server *a, struct login *l, enum login_stage stage, int64_t ms);
/* The next method of l->methods, or the end. */
void login_next_method(struct auth_server *a, struct login *l);
/* This method, and the next where it has no say. */
void login_attempt(struct auth_server *a, struct login *l, enum account_kind kind);
/* Without a word from the certificate: the password, or nobody in particular.  kinds: account_kinds() of the site. */
void login_go_on(struct auth_server *a, struct login *l, unsigned kinds);
/* Take over the rehearsal of a login at USER with a certificate that was found good. */
void login_rehearse(struct auth_server *a, struct rehearsal *r);

/* What a method or a rule said about this login; "; " between them. */
void login_because(struct auth_server *a, struct login *l, const struct reason *why);
void login_because_text(struct login *l, const char *fmt, ...) FORMAT_LIKE_PRINTF(2, 3);

/* ---- login_turn.c ---- */
/* Whether the prover of that kind of account may be asked about `l` now; else `l` waits for its turn, then comes the
 * attempt again. */
bool login_may_ask(struct auth_server *a, struct login *l, enum account_kind kind);
void login_queue_up(struct auth_server *a, struct login *l, enum account_kind kind);
void login_leave_stage(struct auth_server *a, const struct login *l);

/* ---- login_anonymous.c ---- */
bool login_try_anonymous(struct auth_server *a, struct login *l);
void login_anonymous_found(struct auth_server *a, struct login *l, const struct pam_answer *m);

/* The login is refused for a reason that is no guess at a password: nothing is counted against the address. */
void login_turn_away(struct auth_server *a, struct login *l, uint32_t win32, uint32_t substatus);

/* ---- login_directory.c ---- */
bool login_try_directory(struct auth_server *a, struct login *l);
void login_directory_answered(struct auth_server *a, struct login *l, const struct map_job *job);
/* What the service log says about an answer, rate-limited. */
void login_tell_directory(struct auth_server *a, const struct login *l, const struct map_job *job);
/* The identity of an account of the directory; borrows from `account` and `user`, over which its name is printed. */
struct identity login_identity_of(const struct directory_account *account, struct text *user);
void login_directory_recheck(struct auth_server *a, const struct ticket *ticket);

/* ---- login_prepare.c ---- */
/* Somebody said who this is: find out whose files he touches and where his home is, then ask the broker to let him in. */
void login_grant(struct auth_server *a, struct login *l, const struct identity *identity);
void login_home_answered(struct auth_server *a, struct login *l, const struct map_job *job);
/* pam has been asked for an identity alone; false: nobody asked. */
bool login_identified(struct auth_server *a, const struct pam_answer *m);
/* Go on with those who wait for the fixed accounts of the site, 0: of any. */
void login_fixed_settled(struct auth_server *a, uint32_t site);
/* Groups written as numbers separated by commas, as u32 little-endian. */
void login_add_groups(struct text *out, struct slice list);

/* ---- login_grant.c ---- */
/* Every question whether somebody may be logged in is asked here, the one about his certificate included. */
bool login_is_allowed(struct auth_server *a, uint32_t site_id, const struct identity *identity);
/* The site requires a certificate, and this session has shown none. */
bool login_lacks_certificate(const struct auth_server *a, uint32_t site_id, const struct identity *identity);
/* Ask the broker to let l->identity in. */
void login_ask_broker(struct auth_server *a, struct login *l);
/* What the broker is told about l->identity, without ticket and memo; the texts are borrowed. */
void login_describe(const struct auth_server *a, const struct login *l, struct grant_give *give_out);
/* The name without and the domain in *domain_out, "" for accounts that have none. */
struct slice login_split_domain(const struct identity *identity, struct slice *domain_out);

/* ---- login_password.c ---- */
/* false: the method has no say, go on with the next. */
bool login_try_manager(struct auth_server *a, struct login *l);
bool login_try_system(struct auth_server *a, struct login *l);
bool login_try_membership(struct auth_server *a, struct login *l);
/* The database could not be asked about `l`: what the next method says. */
void login_membership_failed(struct auth_server *a, struct login *l, struct slice why);
/* The credential cache: who this was the last time, NULL when it does not know; and keep what was found out. */
const struct identity *login_recall(struct auth_server *a, struct login *l, enum account_kind kind, struct slice name);
void login_remember(struct auth_server *a, const struct login *l, const struct identity *identity);
bool login_pam_is_expected(const struct auth_server *a);
/* What the cache compares: a digest of the password stored for this identity, or of the configuration by which it was asked
 * for (its `generation`). */
void login_fingerprint(const struct auth_server *a, const struct identity *identity, uint64_t generation,
                       uint8_t out[CACHE_DIGEST]);

/* ---- login_certificate.c ---- */
/* For the service log: how the login of a certificate ended.  `reason` as login.reason, win32 and substatus 0 when well. */
void login_tell_certificate(struct auth_server *a, const struct login *l, const char *reason, uint32_t win32, uint32_t substatus);
/* True: the login has been decided, or is on its way. */
bool login_by_certificate(struct auth_server *a, struct login *l, const struct snap_site *site, const struct auth_login *m,
                          unsigned kinds);
bool login_names_account(const struct auth_server *a, struct slice mapped, struct slice account);

/* ---- login_live.c ---- */
void login_recheck_answered(struct auth_server *a, const struct map_job *job);
/* Whether this one may go on under the present configuration; else it ends. */
void login_check(struct auth_server *a, uint64_t ticket);

/* ---- login_return.c: logins that another start of ours let in ---- */
/* What the broker keeps about a login; its length, 0 when it does not fit. */
size_t login_write_memo(const struct identity *identity, uint8_t *bytes, size_t size);
/* Nothing happens where no such login waits to come back. */
void login_return_ended(struct auth_server *a, unsigned worker, uint64_t ticket);
void login_return_gone(struct auth_server *a, unsigned worker);
/* Monotonic ms of the next moment to call it, INT64_MAX: nobody waits. */
int64_t login_return_expire(struct auth_server *a, int64_t now);
void login_return_free(struct auth_server *a);
