/* disk.c - see disk.h. */
#include "pki/disk.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

/* OpenSSL has a type of the name of one of our error codes. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/evp.h>
#undef ERR_STATE

enum { BUCKETS = 4096, PLACES_MAX = 65536, DIGEST = 32 };

struct header {
    char magic[8];
    uint64_t epoch;
};

struct record { /* numbers as this machine writes them: the file does not travel */
    uint64_t epoch;
    int64_t fetched;
    uint64_t len;
    struct pki_key key;
    uint8_t digest[DIGEST]; /* of all above, and of the bytes behind */
};

struct place {
    struct place *next; /* in its bucket */
    struct pki_key key;
    off_t at;           /* of the record */
    size_t len;         /* of all of it */
};

struct pki_disk {
    pthread_mutex_t lock;
    int fd;
    size_t size_max, count;
    uint64_t epoch;
    off_t end; /* where the next record goes */
    struct place *buckets[BUCKETS];
};

static const char magic[8] = "SPREVOC1";

/* ---- bytes ---- */

static bool read_whole(int fd, void *to, size_t len, off_t at)
{
    for (size_t done = 0; done < len;) {
        ssize_t got = pread(fd, (char *)to + done, len - done, at + (off_t)done);
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

static bool write_whole(int fd, const void *from, size_t len, off_t at)
{
    for (size_t done = 0; done < len;) {
        ssize_t put = pwrite(fd, (const char *)from + done, len - done, at + (off_t)done);
        if (put <= 0)
            return false;
        done += (size_t)put;
    }
    return true;
}

static bool digest_of(const struct record *r, struct slice bytes, uint8_t out[DIGEST])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    unsigned len = 0;
    bool ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) && EVP_DigestUpdate(md, r, offsetof(struct record, digest)) &&
              EVP_DigestUpdate(md, bytes.ptr, bytes.len) && EVP_DigestFinal_ex(md, out, &len);
    EVP_MD_CTX_free(md);
    return ok && len == DIGEST;
}

/* ---- places ---- */

static struct place **find(struct pki_disk *d, const struct pki_key *key)
{
    struct place **at = &d->buckets[(key->bytes[0] | key->bytes[1] << 8) % BUCKETS];
    while (*at && memcmp(&(*at)->key, key, sizeof *key) != 0)
        at = &(*at)->next;
    return at;
}

static void note(struct pki_disk *d, const struct pki_key *key, off_t where, size_t len)
{
    struct place **at = find(d, key);
    if (!*at && d->count < PLACES_MAX && (*at = calloc(1, sizeof **at))) {
        (*at)->key = *key;
        d->count++;
    }
    if (*at) {
        (*at)->at = where;
        (*at)->len = len;
    }
}

static void forget_all(struct pki_disk *d)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct place *p; (p = d->buckets[i]);) {
            d->buckets[i] = p->next;
            free(p);
        }
    d->count = 0;
}

/* ---- the file ---- */

static bool is_plausible(uint64_t epoch, const struct record *r)
{
    return r->epoch == epoch && r->len > 0 && r->len <= PKI_DISK_RECORD_MAX;
}

/* Begin with an empty list under an epoch that no record in the file can have. */
static void begin_anew(struct pki_disk *d)
{
    struct header h = { .epoch = ++d->epoch };
    memcpy(h.magic, magic, sizeof h.magic);
    forget_all(d);
    d->end = sizeof h;
    (void)write_whole(d->fd, &h, sizeof h, 0);
}

static void find_records(struct pki_disk *d)
{
    struct header h;
    if (!read_whole(d->fd, &h, sizeof h, 0) || memcmp(h.magic, magic, sizeof h.magic) != 0) {
        begin_anew(d);
        return;
    }
    d->epoch = h.epoch;
    d->end = sizeof h;
    for (struct record r; read_whole(d->fd, &r, sizeof r, d->end) && is_plausible(d->epoch, &r);) {
        note(d, &r.key, d->end, sizeof r + r.len);
        d->end += (off_t)(sizeof r + r.len);
    }
}

int pki_disk_open(int fd, size_t size_max, struct pki_disk **disk_out)
{
    struct pki_disk *d = calloc(1, sizeof *d);
    if (!d)
        return ERR_NOMEM;
    d->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (d->fd < 0) {
        free(d);
        return ERR_SYS;
    }
    pthread_mutex_init(&d->lock, NULL);
    d->size_max = size_max;
    find_records(d);
    *disk_out = d;
    return 0;
}

void pki_disk_close(struct pki_disk *d)
{
    if (!d)
        return;
    forget_all(d);
    close(d->fd);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

static MUST_USE int read_record(const struct pki_disk *d, uint64_t epoch, const struct place *p, size_t max,
                                struct text *bytes_out, int64_t *fetched_out)
{
    struct record r;
    uint8_t digest[DIGEST];
    if (!read_whole(d->fd, &r, sizeof r, p->at) || !is_plausible(epoch, &r) || memcmp(&r.key, &p->key, sizeof p->key) != 0)
        return ERR_SYNTAX;
    if (r.len > max)
        return ERR_TOO_LONG;
    char *bytes = malloc(r.len);
    if (!bytes)
        return ERR_NOMEM;
    struct slice whole = slice_of(bytes, r.len);
    int err = read_whole(d->fd, bytes, r.len, p->at + (off_t)sizeof r) && digest_of(&r, whole, digest) &&
                      memcmp(digest, r.digest, DIGEST) == 0
                  ? 0
                  : ERR_SYNTAX;
    if (!err) {
        text_add(bytes_out, whole);
        err = text_error(bytes_out);
        *fetched_out = r.fetched;
    }
    free(bytes);
    return err;
}

static void drop(struct pki_disk *d, struct place **at)
{
    struct place *gone = *at;
    *at = gone->next;
    free(gone);
    d->count--;
}

int pki_disk_get(struct pki_disk *d, const struct pki_key *key, size_t max, struct text *bytes_out, int64_t *fetched_out)
{
    pthread_mutex_lock(&d->lock);
    struct place **at = find(d, key);
    int err = *at ? read_record(d, d->epoch, *at, max, bytes_out, fetched_out) : ERR_NOT_FOUND;
    if (err == ERR_SYNTAX)
        drop(d, at); /* do not try again */
    pthread_mutex_unlock(&d->lock);
    return err;
}

void pki_disk_forget(struct pki_disk *d, const struct pki_key *key)
{
    pthread_mutex_lock(&d->lock);
    struct place **at = find(d, key);
    if (*at)
        drop(d, at);
    pthread_mutex_unlock(&d->lock);
}

static void append(struct pki_disk *d, const struct pki_key *key, struct slice bytes, int64_t fetched)
{
    struct record r = { .epoch = d->epoch, .fetched = fetched, .len = bytes.len, .key = *key };
    /* The bytes first: a record whose head is there is whole, or its digest says that it is not. */
    if (digest_of(&r, bytes, r.digest) && write_whole(d->fd, bytes.ptr, bytes.len, d->end + (off_t)sizeof r) &&
        write_whole(d->fd, &r, sizeof r, d->end)) {
        note(d, key, d->end, sizeof r + bytes.len);
        d->end += (off_t)(sizeof r + bytes.len);
    }
}

/* ---- a full file ---- */

static int newest_first(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return x->at < y->at ? 1 : -1;
}

/* What stays besides a new record of `key` with `need` bytes: the newest, to three quarters of what fits, so that not every
 * record from now on costs such a round. */
static size_t choose(const struct pki_disk *d, const struct pki_key *key, size_t need, struct place *kept)
{
    size_t count = 0, chosen = 0, total = sizeof(struct header), most = d->size_max - d->size_max / 4;
    most = most < d->size_max - need ? most : d->size_max - need;
    for (size_t i = 0; i < BUCKETS; i++)
        for (const struct place *p = d->buckets[i]; p; p = p->next)
            if (memcmp(&p->key, key, sizeof *key) != 0)
                kept[count++] = *p;
    qsort(kept, count, sizeof *kept, newest_first);
    for (size_t i = 0; i < count && chosen < PLACES_MAX - PLACES_MAX / 4; i++)
        if (kept[i].len <= most - total) {
            total += kept[i].len;
            kept[chosen++] = kept[i];
        }
    return chosen;
}

/* Older ones go first, so it lands on nothing that has yet to move.  Damaged ones stay behind. */
static void move_record(struct pki_disk *d, uint64_t epoch, const struct place *p)
{
    OWNED_TEXT_BUFFER bytes = { 0 };
    int64_t fetched;
    if (read_record(d, epoch, p, PKI_DISK_RECORD_MAX, &bytes, &fetched) == 0)
        append(d, &p->key, text_slice(&bytes), fetched);
}

static void make_room(struct pki_disk *d, const struct pki_key *key, size_t need)
{
    struct place *kept = calloc(d->count + 1, sizeof *kept);
    size_t count = kept ? choose(d, key, need, kept) : 0;
    uint64_t epoch = d->epoch;
    begin_anew(d);
    while (count)
        move_record(d, epoch, &kept[--count]);
    free(kept);
}

void pki_disk_put(struct pki_disk *d, const struct pki_key *key, struct slice bytes, int64_t fetched)
{
    size_t need = sizeof(struct record) + bytes.len;
    if (!bytes.len || bytes.len > PKI_DISK_RECORD_MAX || sizeof(struct header) + need > d->size_max)
        return;
    pthread_mutex_lock(&d->lock);
    if ((size_t)d->end + need > d->size_max || d->count == PLACES_MAX)
        make_room(d, key, need);
    append(d, key, bytes, fetched);
    pthread_mutex_unlock(&d->lock);
}
