/*
 * ahead.c - the socket under TLS: one recv by record of a control channel instead of two, or by many records of an upload.
 *
 * OpenSSL asks for the five bytes of a record's head, then for the rest.  Its own read-ahead would take everything that
 * has come and keep it where nobody finds it when the channel goes back to clear text (CCC, REIN): what follows the
 * client's close_notify belongs to the dialogue.  So the bytes beyond those asked for wait here; mostly there are none
 * once a record has been read, and then no memory is held.
 *
 * For uploads OpenSSL's own read-ahead would move all that it has taken in to the front of its buffer at each record
 * (ssl3_read_n), eight times as many bytes as the record has.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "tls/tls_priv.h"

enum {
    AHEAD = 2048, /* commands are short; longer pieces come as they are asked for */
    AHEAD_BULK = 256 * 1024,
};

struct tls_ahead {
    int fd;
    bool is_bulk;
    bool eof, more; /* `more`: see ahead_expect_more */
    unsigned reads_left;
    bool was_stopped;
    unsigned at, len; /* of `bytes`, NULL: nothing waits */
    char *bytes;
};

struct tls_ahead *ahead_new(int fd, bool is_bulk)
{
    struct tls_ahead *a = calloc(1, sizeof *a);
    if (a)
        *a = (struct tls_ahead){ .fd = fd, .is_bulk = is_bulk };
    return a;
}

void ahead_free(struct tls_ahead *a)
{
    if (a)
        free(a->bytes);
    free(a);
}

bool ahead_has_some(const struct tls_ahead *a)
{
    return a && a->bytes;
}

size_t ahead_take(struct tls_ahead *a, void *buffer, size_t size)
{
    size_t left = a->len - a->at, most = size < left ? size : left;
    memcpy(buffer, a->bytes + a->at, most);
    a->at += (unsigned)most;
    if (a->at == a->len) {
        free(a->bytes);
        a->bytes = NULL;
    }
    return most;
}

void ahead_expect_more(struct tls_ahead *a, bool more)
{
    if (a)
        a->more = more;
}

void ahead_allow(struct tls_ahead *a, unsigned reads)
{
    if (!a)
        return;
    a->reads_left = reads;
    a->was_stopped = false;
}

bool ahead_was_stopped(const struct tls_ahead *a)
{
    return a && a->was_stopped;
}

static MUST_USE bool keep(struct tls_ahead *a, const char *bytes, size_t len)
{
    a->bytes = malloc(len);
    if (!a->bytes)
        return false;
    memcpy(a->bytes, bytes, len);
    a->at = 0;
    a->len = (unsigned)len;
    return true;
}

static ssize_t receive_bulk(struct tls_ahead *a, char *buffer, size_t size)
{
    char *bytes = malloc(AHEAD_BULK);
    if (!bytes)
        return recv(a->fd, buffer, size, 0);
    ssize_t got = recv(a->fd, bytes, AHEAD_BULK, 0);
    if (got <= 0) {
        int why = errno;
        free(bytes);
        errno = why;
        return got;
    }
    a->bytes = bytes;
    a->at = 0;
    a->len = (unsigned)got;
    return (ssize_t)ahead_take(a, buffer, size);
}

/* recv, whatever fits into `buffer`, and the rest kept. */
static ssize_t receive(struct tls_ahead *a, char *buffer, size_t size)
{
    if (a->is_bulk)
        return receive_bulk(a, buffer, size);
    char bytes[AHEAD] __attribute__((uninitialized));
    if (size >= sizeof bytes)
        return recv(a->fd, buffer, size, 0);
    ssize_t got = recv(a->fd, bytes, sizeof bytes, 0);
    if (got <= 0)
        return got;
    size_t most = (size_t)got < size ? (size_t)got : size;
    memcpy(buffer, bytes, most);
    return (size_t)got == most || keep(a, bytes + most, (size_t)got - most) ? (ssize_t)most : -1;
}

/* ---- as OpenSSL sees it ---- */

static bool may_try_again(int errnum)
{
    return errnum == EAGAIN || errnum == EWOULDBLOCK || errnum == EINTR;
}

static int bio_read(BIO *bio, char *buffer, int size)
{
    struct tls_ahead *a = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (size <= 0)
        return 0;
    if (!a->reads_left) {
        a->was_stopped = true;
        BIO_set_retry_read(bio);
        return -1;
    }
    a->reads_left--;
    if (a->bytes)
        return (int)ahead_take(a, buffer, (size_t)size);
    ssize_t got = receive(a, buffer, (size_t)size);
    if (got < 0 && may_try_again(errno))
        BIO_set_retry_read(bio);
    a->eof |= got == 0;
    return (int)got;
}

static int bio_write(BIO *bio, const char *bytes, int size)
{
    const struct tls_ahead *a = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t put = send(a->fd, bytes, (size_t)size, MSG_NOSIGNAL | (a->more ? MSG_MORE : 0));
    if (put < 0 && may_try_again(errno))
        BIO_set_retry_write(bio);
    return (int)put;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    const struct tls_ahead *a = BIO_get_data(bio);
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_EOF:
        return a->eof;
    case BIO_CTRL_FLUSH:
        return 1;
    default:
        return 0;
    }
}

/* For as long as the program runs. */
static const BIO_METHOD *method(void)
{
    static BIO_METHOD *made;
    if (made)
        return made;
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket, read ahead");
    if (!m || !BIO_meth_set_read(m, bio_read) || !BIO_meth_set_write(m, bio_write) || !BIO_meth_set_ctrl(m, bio_ctrl)) {
        BIO_meth_free(m);
        return NULL;
    }
    return made = m;
}

BIO *ahead_bio(struct tls_ahead *a)
{
    const BIO_METHOD *m = method();
    BIO *bio = m ? BIO_new(m) : NULL;
    if (!bio)
        return NULL;
    BIO_set_data(bio, a);
    BIO_set_init(bio, 1);
    return bio;
}
