/*
 * stream.h - a non-blocking byte stream over a connected socket, in the clear or under TLS.
 *
 * No event loop in here: every call does what it can and says ERR_AGAIN; stream_wants() then tells which readiness to
 * wait for.  Used for control and data channels alike.  Bytes received in clear before stream_start_tls are the
 * caller's to drop (threats.md P01); stream_start_tls never looks at them.
 */
#pragma once

#include "base/diag.h"
#include "base/slice.h"
#include "base/text.h"

struct tls_server;  /* tls/server.h: one per certificate and policy */
struct tls_ahead;   /* what was received beyond the record that was read */
struct tls_session; /* what ties data channels to one control channel: its server and a random secret in its tickets */

enum { STREAM_WANTS_READ = 1, STREAM_WANTS_WRITE = 2 }; /* the values of LOOP_READ, LOOP_WRITE */

struct stream {
    int fd;          /* owned; -1 when closed */
    void *ssl;       /* SSL *, NULL in the clear */
    struct tls_ahead *ahead;     /* of a control channel that speaks or spoke TLS, or an upload under TLS; NULL otherwise */
    struct tls_session *session; /* NULL until stream_start_tls; outlives stream_stop_tls */
    unsigned wants;  /* STREAM_WANTS_ bits of the last ERR_AGAIN */
    bool handshaking, close_notify_sent, close_notify_received, fin_sent;
    bool is_last;    /* set by the owner: what is written is followed by FIN, and travels with it */
    bool is_quiet;   /* all is said and nothing unread: to close says FIN as well as stream_shutdown */
    bool failed;     /* nothing more can be sent or received */
    bool reset;      /* set by the owner: stream_close sends RST, so that nobody takes the cut for the end of a file */
};

void stream_init(struct stream *s, int fd);
/* Close the descriptor and forget everything; safe to repeat.  Sends no close_notify: stream_shutdown does. */
void stream_close(struct stream *s);

/* 0; ERR_AGAIN; ERR_CLOSED: orderly end (FIN in clear, close_notify under TLS); ERR_TRUNCATED: TLS ended without
 * close_notify; ERR_IO: reset; ERR_SYNTAX: TLS protocol error. */
MUST_USE int stream_read(struct stream *s, void *buffer, size_t size, size_t *got_out);
/* Writes a part or all; a retry after ERR_AGAIN may pass a longer buffer starting with the same bytes, from another
 * place. */
MUST_USE int stream_write(struct stream *s, struct slice bytes, size_t *put_out);
/* While it is held, what is written leaves in whole segments; the rest when it is let go, or with the FIN. */
void stream_hold(struct stream *s, bool is_held);
/* Acknowledge what came at once, and what comes for a while.  A client whose system holds small segments back until then (Nagle)
 * would otherwise wait for our system, which hopes for an answer that takes the acknowledgement along. */
void stream_acknowledge(struct stream *s);
/* From now on readable means that so many bytes wait, or that the end is there; at first 1. */
void stream_wake_at(struct stream *s, int bytes);
/* File to socket: sendfile in the clear, kernel TLS when it is on, else ERR_UNSUPPORTED (read and stream_write then).
 * Advances *offset.  ERR_CLOSED: the file ends at *offset.  ERR_SYS: the file could not be read, errno says why. */
MUST_USE int stream_sendfile(struct stream *s, int file, uint64_t *offset, size_t most, size_t *put_out);
/* Socket to pipe, in the clear, without a copy: as stream_read.  ERR_UNSUPPORTED: not here, read then. */
MUST_USE int stream_splice(struct stream *s, int pipe, size_t most, size_t *got_out);
/* Whether stream_sendfile works here.  After the handshake. */
bool stream_can_sendfile(const struct stream *s);
/* Send close_notify (TLS) and FIN; ERR_AGAIN as usual.  The stream stays readable; safe to
 * repeat. */
MUST_USE int stream_shutdown(struct stream *s);
/* The last byte has been written: stream_shutdown, or in the clear, where nothing of the peer's is unread, only note that
 * closing will do (is_quiet). */
MUST_USE int stream_finish(struct stream *s);
/* Bytes already received or decrypted and waiting, which no readiness event will announce (threats.md P15). */
bool stream_has_pending(const struct stream *s);
static inline unsigned stream_wants(const struct stream *s)
{
    return s->wants;
}

/* ---- TLS ---- */
/* Become the server side of a control channel's handshake; then call stream_handshake until it is not ERR_AGAIN. */
MUST_USE int stream_start_tls(struct stream *s, struct tls_server *server);
/* Who answers for the server name a client asked for: NULL when no site of the listener has it (the default stays).
 * Borrowed.  `host` is whatever the client sent: lower case it, compare it, never print it raw. */
typedef struct tls_server *stream_choose(void *context, struct slice host);
/* Between stream_start_tls and the first stream_handshake: let the server name pick the certificate. */
void stream_choose_server(struct stream *s, stream_choose *choose, void *context);
/* 0: done; ERR_AGAIN; ERR_CLOSED: the peer left; else failed (the alert has been sent).  `d` says why. */
MUST_USE int stream_handshake(struct stream *s, struct diag *d);
static inline bool stream_is_tls(const struct stream *s)
{
    return s->ssl != NULL;
}
/* CCC: back to clear after both close_notify.  ERR_AGAIN until the peer's has come; what follows it is read next, in the
 * clear (threats.md P22). */
MUST_USE int stream_stop_tls(struct stream *s);
/* The server name the client asked for, "" if none; lives as long as the TLS session. */
struct slice stream_server_name(const struct stream *s);

/* ---- client certificates ---- */
/* Append what the client sent, leaf first: for each certificate u32 little-endian length and its DER.  Nothing when it
 * sent none.  ERR_TOO_LONG, ERR_NOMEM. */
MUST_USE int stream_peer_chain(const struct stream *s, struct text *out);
/* Put resumption tickets into a control channel whose certificate was found good (or needs none); until then there are
 * none where certificates are asked for. */
void stream_allow_resumption(struct stream *control);

/* ---- data channels of a control channel ---- */
/* After the handshake of a data channel: 0 when it shows what its control channel showed, be that nothing;
 * ERR_NOT_FOUND: a certificate is missing; ERR_CONFLICT: it is another one (threats.md C13). */
MUST_USE int stream_check_peer(const struct stream *data);
/* What data channels need of this control channel; borrowed, NULL if it never spoke TLS.  Still there after CCC. */
static inline struct tls_session *stream_session(const struct stream *control)
{
    return control->session;
}
struct tls_session *tls_session_ref(struct tls_session *t);
void tls_session_unref(struct tls_session *t); /* NULL is fine */
/* Put one more ticket into the control channel's output, for the next data connection to resume with (threats.md D09);
 * goes out with the next write.  Call before the 150 of each transfer.  No-op in the clear and before TLS 1.3. */
void stream_replenish(struct stream *control);
/* Server side of a data channel's handshake: same certificate as the control channel, no tickets (D21), and only
 * tickets of that very control channel resume (D08). */
MUST_USE int stream_start_tls_data(struct stream *s, struct tls_session *control);
/* This data channel will receive a file: many records are taken in with one call, and its end is not held back.  Before the
 * first read; no-op in the clear.  Afterwards stream_has_pending matters after every read. */
void stream_expect_bulk(struct stream *s);
/* After the handshake of a data channel: did it resume its control channel's session? */
bool stream_is_resumption(const struct stream *data);
