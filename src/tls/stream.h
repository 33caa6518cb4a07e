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

struct tls_server;  /* tls/server.h: one per certificate and policy */
struct tls_session; /* a remembered session of a control channel, to recognise its resumption on a data channel */

struct stream {
    int fd;          /* owned */
    void *ssl;       /* SSL *, NULL in the clear */
    unsigned wants;  /* LOOP_READ / LOOP_WRITE bits of the last ERR_AGAIN */
    bool handshaking, close_notify_sent, close_notify_received, failed;
};

void stream_init(struct stream *s, int fd);
/* Close the descriptor and forget everything; safe to repeat. */
void stream_close(struct stream *s);

/* 0; ERR_AGAIN; ERR_CLOSED: orderly end (FIN in clear, close_notify under TLS); ERR_TRUNCATED: TLS ended without
 * close_notify; ERR_IO: reset or protocol error. */
MUST_USE int stream_read(struct stream *s, void *buffer, size_t size, size_t *got_out);
/* Writes a part or all; a retry after ERR_AGAIN may pass a longer buffer starting with the same bytes. */
MUST_USE int stream_write(struct stream *s, struct slice bytes, size_t *put_out);
/* File to socket: sendfile in the clear, kernel TLS when it is on, else ERR_UNSUPPORTED (read and stream_write then).
 * Advances *offset. */
MUST_USE int stream_sendfile(struct stream *s, int file, uint64_t *offset, size_t most, size_t *put_out);
/* Send close_notify (TLS); ERR_AGAIN as usual; 0 in the clear. */
MUST_USE int stream_shutdown(struct stream *s);
/* Bytes already decrypted and waiting, which no readiness event will announce (threats.md P15). */
bool stream_has_pending(const struct stream *s);
static inline unsigned stream_wants(const struct stream *s)
{
    return s->wants;
}

/* ---- TLS ---- */
/* Become the server side of a handshake; then call stream_handshake until it is not ERR_AGAIN. */
MUST_USE int stream_start_tls(struct stream *s, struct tls_server *server);
MUST_USE int stream_handshake(struct stream *s, struct diag *d);
static inline bool stream_is_tls(const struct stream *s)
{
    return s->ssl != NULL;
}
/* CCC: back to clear after both close_notify; bytes that followed the peer's are dropped. */
MUST_USE int stream_stop_tls(struct stream *s);
