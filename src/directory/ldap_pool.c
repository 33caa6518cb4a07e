/* ldap_pool.c - see ldap_pool.h. */
#include "directory/ldap_pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/secret.h"

enum { SERVERS_MAX = 8, IDLE_MAX = 8, CONNECT_MS = 3000, SEARCH_MS = 5000, SKIP_MS = 30000, IDLE_MS = 300000 };

struct idle {
    struct ldap_conn *conn;
    int64_t since;
};

struct server {
    struct ldap_server where;
    int64_t skip_until;
    bool failed; /* the last time it was asked */
    struct idle idle[IDLE_MAX]; /* newest last */
    size_t idle_count;
};

struct ldap_pool {
    pthread_mutex_t lock; /* of skip_until and idle */
    SSL_CTX *tls;
    char *name, *password;
    size_t password_len;
    int64_t connect_ms, search_ms, skip_ms;
    size_t server_count;
    struct server servers[SERVERS_MAX];
};

/* ---- life ---- */

static int add_servers(struct ldap_pool *p, struct slice uris, struct diag *d)
{
    while (uris.ptr) {
        struct slice uri = slice_trim(slice_cut(&uris, ' '));
        if (!uri.len)
            continue;
        if (p->server_count == SERVERS_MAX) {
            diag_set(d, "more than %d directory servers", SERVERS_MAX);
            return ERR_LIMIT;
        }
        int err = ldap_server_parse(uri, &p->servers[p->server_count].where);
        if (err) {
            diag_set(d, "\"" SLICE_FMT "\" is no directory server", SLICE_ARG(uri));
            diag_todo(d, "write ldaps://HOST[:PORT], or ldap://HOST[:PORT] for StartTLS, several separated by blanks");
            return err;
        }
        p->server_count++;
    }
    if (!p->server_count) {
        diag_set(d, "no directory server is named");
        return ERR_NOT_FOUND;
    }
    return 0;
}

static int64_t or_default(int64_t value, int64_t otherwise)
{
    return value > 0 ? value : otherwise;
}

int ldap_pool_new(const struct directory_config *config, struct ldap_pool **pool_out, struct diag *d)
{
    struct ldap_pool *p = calloc(1, sizeof *p);
    if (!p)
        return ERR_NOMEM;
    pthread_mutex_init(&p->lock, NULL);
    p->connect_ms = or_default(config->connect_ms, CONNECT_MS);
    p->search_ms = or_default(config->search_ms, SEARCH_MS);
    p->skip_ms = or_default(config->skip_ms, SKIP_MS);
    p->name = strndup(config->bind_name.ptr ? config->bind_name.ptr : "", config->bind_name.len);
    p->password = strndup(config->bind_password.ptr ? config->bind_password.ptr : "", config->bind_password.len);
    p->password_len = p->password ? strlen(p->password) : 0;
    int err = p->name && p->password ? add_servers(p, config->uris, d) : ERR_NOMEM;
    if (!err && (!p->name[0] || !p->password[0])) {
        diag_set(d, "the directory's bind account has no name or no password");
        err = ERR_DENIED;
    }
    if (!err)
        err = ldap_tls_new(config->ca_pem, &p->tls, d);
    if (err) {
        ldap_pool_free(p);
        return err;
    }
    *pool_out = p;
    return 0;
}

void ldap_pool_free(struct ldap_pool *p)
{
    if (!p)
        return;
    for (size_t s = 0; s < SERVERS_MAX; s++) {
        for (size_t i = 0; i < p->servers[s].idle_count; i++)
            ldap_conn_free(p->servers[s].idle[i].conn);
        ldap_server_free(&p->servers[s].where);
    }
    SSL_CTX_free(p->tls);
    if (p->password)
        secret_wipe(p->password, p->password_len);
    free(p->password);
    free(p->name);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* ---- connections ---- */

/* Whether to leave the controller alone.  The first who may ask one that failed asks for all: until it is known how that
 * went, the others find it still skipped. */
static bool is_skipped(struct ldap_pool *p, struct server *s)
{
    int64_t now = clock_ms();
    pthread_mutex_lock(&p->lock);
    bool skipped = s->skip_until > now;
    if (!skipped && s->failed)
        s->skip_until = now + p->connect_ms + p->search_ms;
    pthread_mutex_unlock(&p->lock);
    return skipped;
}

static void answered(struct ldap_pool *p, struct server *s)
{
    pthread_mutex_lock(&p->lock);
    s->failed = false;
    s->skip_until = 0;
    pthread_mutex_unlock(&p->lock);
}

static void skip(struct ldap_pool *p, struct server *s)
{
    struct idle dropped[IDLE_MAX];
    pthread_mutex_lock(&p->lock);
    s->skip_until = clock_ms() + p->skip_ms;
    s->failed = true;
    size_t count = s->idle_count;
    memcpy(dropped, s->idle, count * sizeof dropped[0]);
    s->idle_count = 0;
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i < count; i++)
        ldap_conn_free(dropped[i].conn);
}

static struct ldap_conn *take_idle(struct ldap_pool *p, struct server *s)
{
    struct idle taken = { 0 };
    pthread_mutex_lock(&p->lock);
    if (s->idle_count)
        taken = s->idle[--s->idle_count];
    pthread_mutex_unlock(&p->lock);
    if (taken.conn && clock_ms() - taken.since > IDLE_MS) { /* the controller has closed it by now */
        ldap_conn_free(taken.conn);
        return NULL;
    }
    return taken.conn;
}

static void put_idle(struct ldap_pool *p, struct server *s, struct ldap_conn *conn)
{
    pthread_mutex_lock(&p->lock);
    if (s->idle_count < IDLE_MAX) {
        s->idle[s->idle_count++] = (struct idle){ conn, clock_ms() };
        conn = NULL;
    }
    pthread_mutex_unlock(&p->lock);
    ldap_conn_free(conn);
}

/* ---- questions ---- */

static void tell(struct text *steps, const struct server *s, const char *what)
{
    if (steps)
        text_addf(steps, "directory server %s port %u: %s\n", s->where.host, s->where.port, what);
}

static bool is_of_no_use(int err)
{
    return err == ERR_CLOSED || err == ERR_TIMEOUT;
}

/* Ask over a kept connection, which may have died unnoticed, or over a new one. */
static int ask(struct ldap_pool *p, struct server *s, const struct ldap_query *q, struct ldap_answer *a, struct diag *d)
{
    const struct ldap_login login = { .name = slice_str(p->name), .password = slice_str(p->password) };
    for (;;) {
        bool kept = true;
        struct ldap_conn *conn = take_idle(p, s);
        if (!conn) {
            kept = false;
            int err = ldap_conn_open(&s->where, p->tls, &login, clock_ms() + p->connect_ms, &conn, d);
            if (err)
                return err == ERR_DENIED ? ERR_STATE : ERR_CLOSED;
        }
        LDAPMessage *message = NULL;
        int err = ldap_conn_search(conn, q, clock_ms() + p->search_ms, &message);
        if (err == 0) {
            *a = (struct ldap_answer){ p, conn, (size_t)(s - p->servers), message };
            return 0;
        }
        if (!is_of_no_use(err)) {
            put_idle(p, s, conn);
            return err;
        }
        ldap_conn_free(conn);
        if (kept && err == ERR_CLOSED)
            continue;
        diag_set(d, err == ERR_TIMEOUT ? "no answer in %lld ms" : "the connection broke (limit %lld ms)",
                 (long long)p->search_ms);
        return err;
    }
}

int ldap_pool_search(struct ldap_pool *p, const struct ldap_query *q, struct text *steps, struct ldap_answer *answer_out)
{
    for (size_t i = 0; i < p->server_count; i++) {
        struct server *s = &p->servers[i];
        struct diag d = { 0 };
        if (is_skipped(p, s)) {
            tell(steps, s, "skipped, because it failed a moment ago");
            continue;
        }
        int err = ask(p, s, q, answer_out, &d);
        if (err != ERR_STATE && !is_of_no_use(err)) {
            answered(p, s);
            return err;
        }
        tell(steps, s, d.what);
        skip(p, s);
        if (err == ERR_STATE) { /* a wrong password sent to every controller at every login would lock the account */
            for (size_t other = 0; other < p->server_count; other++)
                skip(p, &p->servers[other]);
            return ERR_CLOSED;
        }
    }
    return ERR_CLOSED;
}

int ldap_pool_bind(struct ldap_pool *p, struct slice name, struct slice password, struct text *steps, unsigned *refusal_out)
{
    *refusal_out = 0;
    const struct ldap_login login = { name, password, refusal_out };
    for (size_t i = 0; i < p->server_count; i++) {
        struct server *s = &p->servers[i];
        struct diag d = { 0 };
        struct ldap_conn *conn = NULL;
        if (is_skipped(p, s)) {
            tell(steps, s, "skipped, because it failed a moment ago");
            continue;
        }
        int err = ldap_conn_open(&s->where, p->tls, &login, clock_ms() + p->connect_ms + p->search_ms, &conn, &d);
        if (!err)
            ldap_conn_free(conn);
        if (!err || err == ERR_DENIED) {
            answered(p, s);
            return err;
        }
        tell(steps, s, d.what);
        skip(p, s);
    }
    return ERR_CLOSED;
}

bool ldap_pool_has_host(const struct ldap_pool *p, struct slice host)
{
    for (size_t i = 0; i < p->server_count; i++)
        if (slice_equal_fold_str(host, p->servers[i].where.host))
            return true;
    return false;
}

void ldap_answer_free(struct ldap_answer *a)
{
    if (a->message)
        ldap_msgfree(a->message);
    if (a->conn)
        put_idle(a->pool, &a->pool->servers[a->server], a->conn);
    *a = (struct ldap_answer){ 0 };
}

/* ---- reading ---- */

LDAPMessage *ldap_answer_next(const struct ldap_answer *a, LDAPMessage *before)
{
    LDAP *ld = ldap_conn_handle(a->conn);
    return before ? ldap_next_entry(ld, before) : ldap_first_entry(ld, a->message);
}

struct berval **ldap_answer_values(const struct ldap_answer *a, LDAPMessage *entry, const char *attribute)
{
    return ldap_get_values_len(ldap_conn_handle(a->conn), entry, attribute);
}

bool ldap_answer_text(const struct ldap_answer *a, LDAPMessage *entry, const char *attribute, struct text *out)
{
    struct berval **values = ldap_answer_values(a, entry, attribute);
    bool there = values && values[0];
    if (there)
        text_add(out, slice_of(values[0]->bv_val, values[0]->bv_len));
    ldap_value_free_len(values);
    return there;
}

int64_t ldap_answer_number(const struct ldap_answer *a, LDAPMessage *entry, const char *attribute, int64_t missing)
{
    OWNED_TEXT_BUFFER digits = { 0 };
    int64_t value = missing;
    if (!ldap_answer_text(a, entry, attribute, &digits) || slice_to_i64(text_slice(&digits), INT64_MIN, INT64_MAX, &value))
        return missing;
    return value;
}

int ldap_answer_dn(const struct ldap_answer *a, LDAPMessage *entry, struct text *out)
{
    char *dn = ldap_get_dn(ldap_conn_handle(a->conn), entry);
    if (!dn)
        return ERR_NOMEM;
    text_add_str(out, dn);
    ldap_memfree(dn);
    return text_error(out);
}
