/* pki_world.c - see pki_world.h. */
#include "pki/pki_world.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char *const paths[PLACES] = { "/ocsp", "/crl", "/crl2", "/delta", "/root.crl", "/issuer" };

/* ---- certificates ---- */

static void add_ext(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(e);
    assert_true(X509_add_ext(x, e, -1));
    X509_EXTENSION_free(e);
}

static X509 *begin_cert(const char *name, const X509 *issuer, EVP_PKEY *key)
{
    static long serial = 1000;
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(x), -86400L * 30);
    X509_gmtime_adj(X509_getm_notAfter(x), 86400L * 30);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : X509_get_subject_name(x));
    X509_set_pubkey(x, key);
    return x;
}

static void add_url(struct world *w, X509 *x, X509 *issuer, int nid, enum place place)
{
    char url[64], value[128];
    world_url(w, place, url);
    snprintf(value, sizeof value, "URI:%s", url);
    add_ext(x, issuer, nid, value);
}

static struct ca make_ca(struct world *w, const char *name, const struct ca *parent)
{
    struct ca ca = { .key = EVP_EC_gen("P-256") };
    ca.cert = begin_cert(name, parent ? parent->cert : NULL, ca.key);
    X509 *issuer = parent ? parent->cert : ca.cert;
    add_ext(ca.cert, issuer, NID_basic_constraints, "critical,CA:TRUE");
    add_ext(ca.cert, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
    add_ext(ca.cert, issuer, NID_subject_key_identifier, "hash");
    if (parent)
        add_url(w, ca.cert, issuer, NID_crl_distribution_points, AT_ROOT_CRL);
    assert_true(X509_sign(ca.cert, parent ? parent->key : ca.key, EVP_sha256()));
    return ca;
}

static struct ca make_responder(struct world *w, const char *name, const struct ca *parent, bool usage, bool listed)
{
    struct ca ca = { .key = EVP_EC_gen("P-256") };
    ca.cert = begin_cert(name, parent->cert, ca.key);
    add_ext(ca.cert, parent->cert, NID_key_usage, "critical,digitalSignature");
    if (usage)
        add_ext(ca.cert, parent->cert, NID_ext_key_usage, "OCSPSigning");
    if (listed)
        add_url(w, ca.cert, parent->cert, NID_crl_distribution_points, AT_CRL2);
    assert_true(X509_sign(ca.cert, parent->key, EVP_sha256()));
    return ca;
}

X509 *world_leaf(struct world *w, const struct leaf_plan *plan)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = begin_cert("Partner", w->issuing.cert, key), *issuer = w->issuing.cert;
    char cdp[256] = "", aia[256] = "", url[64];
    add_ext(x, issuer, NID_key_usage, "critical,digitalSignature");
    add_ext(x, issuer, NID_ext_key_usage, "clientAuth");
    if (plan->extra_cdp)
        snprintf(cdp, sizeof cdp, "URI:%s", plan->extra_cdp);
    if (plan->extra_aia)
        snprintf(aia, sizeof aia, "%s", plan->extra_aia);
    for (enum place p = AT_OCSP; p < PLACES; p++) {
        if (!(plan->places & (1u << p)))
            continue;
        world_url(w, p, url);
        char *list = p == AT_OCSP || p == AT_ISSUER ? aia : cdp;
        size_t used = strlen(list);
        if (p == AT_DELTA)
            add_url(w, x, issuer, NID_freshest_crl, p);
        else
            snprintf(list + used, 256 - used, "%s%s%s", used ? "," : "",
                     p == AT_OCSP ? "OCSP;URI:" : p == AT_ISSUER ? "caIssuers;URI:" : "URI:", url);
    }
    if (cdp[0])
        add_ext(x, issuer, NID_crl_distribution_points, cdp);
    if (aia[0])
        add_ext(x, issuer, NID_info_access, aia);
    assert_true(X509_sign(x, w->issuing.key, EVP_sha256()));
    EVP_PKEY_free(key);
    return x;
}

static struct slice der_of(X509 *x, unsigned char **owner)
{
    *owner = NULL;
    int len = i2d_X509(x, owner);
    assert_true(len > 0);
    return slice_of((char *)*owner, (size_t)len);
}

struct pki_chain *world_chain(struct world *w, X509 *leaf, struct pki_stores **stores_out)
{
    unsigned char *owners[3];
    struct diag d = { 0 };
    struct pki_stores *stores = pki_stores_new();
    const struct slice root = der_of(w->root.cert, &owners[2]);
    const struct slice sent[] = { der_of(leaf, &owners[0]), der_of(w->issuing.cert, &owners[1]) };
    const struct chain_rules rules = { .flags = 0, .security_level = 2, .at = w->at };
    struct chain_result result;
    assert_int_equal(pki_stores_add(stores, PKI_ROOT, root, &d), 0);
    chain_verify(stores, sent, 2, &rules, NULL, &result);
    for (size_t i = 0; i < 3; i++)
        OPENSSL_free(owners[i]);
    assert_int_equal(result.reason, CHAIN_GOOD);
    *stores_out = stores;
    return result.chain;
}

/* ---- CRLs ---- */

static void add_number(X509_CRL *crl, int nid, long number, int critical)
{
    ASN1_INTEGER *n = ASN1_INTEGER_new();
    ASN1_INTEGER_set(n, number);
    assert_true(X509_CRL_add1_ext_i2d(crl, nid, n, critical, 0));
    ASN1_INTEGER_free(n);
}

static void add_revoked(X509_CRL *crl, const X509 *x, int reason, time_t at)
{
    X509_REVOKED *r = X509_REVOKED_new();
    ASN1_TIME *t = ASN1_TIME_set(NULL, at - 60);
    X509_REVOKED_set_serialNumber(r, (ASN1_INTEGER *)X509_get0_serialNumber(x));
    X509_REVOKED_set_revocationDate(r, t);
    if (reason >= 0) {
        ASN1_ENUMERATED *e = ASN1_ENUMERATED_new();
        ASN1_ENUMERATED_set(e, reason);
        X509_REVOKED_add1_ext_i2d(r, NID_crl_reason, e, 0, 0);
        ASN1_ENUMERATED_free(e);
    }
    X509_CRL_add0_revoked(crl, r);
    ASN1_TIME_free(t);
}

static void add_to_list(X509_CRL *crl, const char *name, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, NULL, NULL, NULL, crl, 0);
    X509_EXTENSION *e = X509V3_EXT_conf(NULL, &ctx, name, value);
    assert_non_null(e);
    X509_CRL_add_ext(crl, e, -1);
    X509_EXTENSION_free(e);
}

static void add_freshest(struct world *w, X509_CRL *crl)
{
    char url[64], value[128];
    world_url(w, AT_DELTA, url);
    snprintf(value, sizeof value, "URI:%s", url);
    add_to_list(crl, "freshestCRL", value);
}

void world_publish(struct world *w, enum place place, const struct crl_plan *plan)
{
    const struct ca *named = place == AT_ROOT_CRL ? &w->root : &w->issuing;
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *t = ASN1_TIME_set(NULL, (time_t)(w->at + plan->from));
    unsigned char *der = NULL;
    X509_CRL_set_version(crl, 1);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(named->cert));
    X509_CRL_set1_lastUpdate(crl, t);
    ASN1_TIME_set(t, (time_t)(w->at + plan->until));
    if (plan->until)
        X509_CRL_set1_nextUpdate(crl, t);
    ASN1_TIME_free(t);
    if (plan->number)
        add_number(crl, NID_crl_number, plan->number, 0);
    if (plan->extension)
        add_to_list(crl, plan->extension, plan->value);
    if (plan->base)
        add_number(crl, NID_delta_crl, plan->base, 1);
    if (plan->freshest)
        add_freshest(w, crl);
    if (plan->revoked)
        add_revoked(crl, plan->revoked, plan->reason, (time_t)w->at);
    assert_true(X509_CRL_sign(crl, plan->foreign ? w->foreign.key : named->key, EVP_sha256()));
    int len = i2d_X509_CRL(crl, &der);
    assert_true(len > 0);
    if (plan->forged)
        der[len - 1] ^= 1;
    world_publish_bytes(w, place, der, (size_t)len);
    OPENSSL_free(der);
    X509_CRL_free(crl);
}

void world_publish_bytes(struct world *w, enum place place, const void *bytes, size_t len)
{
    struct served *s = &w->places[place];
    pthread_mutex_lock(&w->lock);
    free(s->body);
    s->body = malloc(len);
    memcpy(s->body, bytes, len);
    s->len = len;
    pthread_mutex_unlock(&w->lock);
}

/* ---- OCSP answers ---- */

static const struct {
    enum responder as;
    int status;
    long from, until; /* until 0: no nextUpdate */
    bool no_nonce;
} answers[] = {
    { OCSP_REVOKED,   V_OCSP_CERTSTATUS_REVOKED, -60,    600,   false },
    { OCSP_DONT_KNOW, V_OCSP_CERTSTATUS_UNKNOWN, -60,    600,   false },
    { OCSP_EXPIRED,   V_OCSP_CERTSTATUS_GOOD,    -90000, -3600, false },
    { OCSP_EARLY,     V_OCSP_CERTSTATUS_GOOD,    3600,   7200,  false },
    { OCSP_REPLAY,    V_OCSP_CERTSTATUS_GOOD,    -90000, 0,     true  },
    { OCSP_NO_NONCE,  V_OCSP_CERTSTATUS_GOOD,    -60,    600,   true  },
};

static OCSP_CERTID *id_for(enum responder as, OCSP_CERTID *asked)
{
    OCSP_CERTID *id = OCSP_CERTID_dup(asked);
    ASN1_INTEGER *serial;
    OCSP_id_get0_info(NULL, NULL, NULL, &serial, id);
    if (as == OCSP_OTHER_CERT)
        ASN1_INTEGER_set(serial, 999999);
    return id;
}

static OCSP_BASICRESP *answer_as(const struct world *w, enum responder as, OCSP_REQUEST *request)
{
    int status = V_OCSP_CERTSTATUS_GOOD;
    long from = -60, until = 600;
    bool no_nonce = false;
    for (size_t i = 0; i < COUNT_OF(answers); i++)
        if (answers[i].as == as) {
            status = answers[i].status;
            from = answers[i].from;
            until = answers[i].until;
            no_nonce = answers[i].no_nonce;
        }
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_CERTID *id = id_for(as, OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, 0)));
    ASN1_TIME *this_update = ASN1_GENERALIZEDTIME_set(NULL, (time_t)w->at + from);
    ASN1_TIME *next_update = until ? ASN1_GENERALIZEDTIME_set(NULL, (time_t)w->at + until) : NULL;
    if (as == OCSP_AMONG_OTHERS) {
        OCSP_CERTID *other = id_for(OCSP_OTHER_CERT, id);
        OCSP_basic_add1_status(basic, other, V_OCSP_CERTSTATUS_REVOKED, 0, this_update, this_update, next_update);
        OCSP_CERTID_free(other);
    }
    OCSP_basic_add1_status(basic, id, status, status == V_OCSP_CERTSTATUS_REVOKED ? OCSP_REVOKED_STATUS_KEYCOMPROMISE : 0,
                           status == V_OCSP_CERTSTATUS_REVOKED ? this_update : NULL, this_update, next_update);
    if (as == OCSP_TWICE)
        OCSP_basic_add1_status(basic, id, V_OCSP_CERTSTATUS_REVOKED, 0, this_update, this_update, next_update);
    if (as == OCSP_WRONG_NONCE)
        OCSP_basic_add1_nonce(basic, NULL, 16);
    else if (!no_nonce)
        OCSP_copy_nonce(basic, request);
    const struct ca *signer = as == OCSP_FOREIGN ? &w->foreign : as == OCSP_DELEGATED ? &w->responder
                              : as == OCSP_NO_EKU ? &w->no_eku : as == OCSP_LISTED ? &w->listed : &w->issuing;
    OCSP_basic_sign(basic, signer->cert, signer->key, EVP_sha256(), NULL, 0);
    ASN1_TIME_free(this_update);
    ASN1_TIME_free(next_update);
    OCSP_CERTID_free(id);
    return basic;
}

static size_t make_answer(const struct world *w, enum responder as, struct slice body, unsigned char **der_out)
{
    const unsigned char *at = (const unsigned char *)body.ptr;
    OCSP_REQUEST *request = d2i_OCSP_REQUEST(NULL, &at, (long)body.len);
    OCSP_BASICRESP *basic = request && as != OCSP_TRY_LATER ? answer_as(w, as, request) : NULL;
    int status = !request ? OCSP_RESPONSE_STATUS_MALFORMEDREQUEST : basic ? 0 : OCSP_RESPONSE_STATUS_TRYLATER;
    OCSP_RESPONSE *response = OCSP_response_create(status, basic);
    *der_out = NULL;
    int len = i2d_OCSP_RESPONSE(response, der_out);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    OCSP_REQUEST_free(request);
    unsigned char *more = malloc((size_t)len + 1);
    memcpy(more, *der_out, (size_t)len);
    more[len] = 0;
    OPENSSL_free(*der_out);
    *der_out = more;
    if (as == OCSP_GARBAGE)
        memset(more, 0xff, (size_t)len);
    if (as == OCSP_FORGED) /* near the start of the signed part: the time that it was produced at */
        for (int i = 0; i + 15 < len; i++)
            if (more[i] == 0x18 && more[i + 1] == 15) {
                more[i + 15] ^= 1;
                break;
            }
    return (size_t)len + (as == OCSP_TRAILING);
}

/* ---- the server ---- */

static void send_all(int fd, const void *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = send(fd, (const char *)bytes + done, len - done, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        done += (size_t)n;
    }
}

static void send_head(int fd, const char *status, size_t len, const char *more)
{
    char head[256];
    int n = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%sConnection: close\r\n\r\n", status, len, more);
    send_all(fd, head, (size_t)n);
}

/* A byte now and then, until the client has had enough. */
static void drip(const struct world *w, int fd, const unsigned char *body, size_t len)
{
    for (size_t i = 0; i < len && !w->ending; i++) {
        struct pollfd gone = { .fd = fd, .events = POLLIN };
        send_all(fd, &body[i], 1);
        if (poll(&gone, 1, 20) == 1)
            return;
    }
}

static void serve_as(struct world *w, int fd, struct served *s, const unsigned char *body, size_t len)
{
    char where[128];
    const enum manner manner = s->manner;
    switch (manner) {
    case SERVE:
        send_head(fd, body ? "200 OK" : "404 Not Found", len, "");
        send_all(fd, body, len);
        break;
    case STATUS_500: send_head(fd, "500 Oops", len, ""); send_all(fd, body, len); break;
    case STATUS_404: send_head(fd, "404 Not Found", 0, ""); break;
    case TRUNCATE: send_head(fd, "200 OK", len, ""); send_all(fd, body, len / 2); break;
    case OVERSIZE: send_head(fd, "200 OK", (size_t)40 << 20, ""); send_all(fd, body, len); break;
    case DRIP: send_head(fd, "200 OK", len, ""); drip(w, fd, body, len); break;
    case REDIRECT:
        snprintf(where, sizeof where, "Location: http://127.0.0.1:%u/crl2\r\n", w->port);
        send_head(fd, "302 Found", 0, where);
        break;
    case HANG:
    case CLOSE: break;
    }
}

/* The request as far as Content-Length says; -1: nonsense. */
static size_t read_request(int fd, char *buffer, size_t size, struct slice *body_out)
{
    size_t len = 0, want = SIZE_MAX;
    while (len < want && len < size - 1) {
        ssize_t n = recv(fd, buffer + len, size - 1 - len, 0);
        if (n <= 0)
            return 0;
        len += (size_t)n;
        buffer[len] = 0;
        char *end = strstr(buffer, "\r\n\r\n"), *length = strcasestr(buffer, "Content-Length: ");
        if (end && want == SIZE_MAX) {
            size_t head = (size_t)(end + 4 - buffer);
            want = head + (length && length < end ? (size_t)atol(length + 16) : 0);
            *body_out = slice_of(buffer + head, want - head);
        }
    }
    return len >= want ? len : 0;
}

/* The request that a GET carries behind "/ocsp/". */
static struct slice decode_get(char *path, uint8_t *out)
{
    char *from = path + strlen("/ocsp/"), *to = from;
    for (; *from; from++) {
        unsigned octet;
        if (*from == '%' && sscanf(from + 1, "%2X", &octet) == 1) {
            *to++ = (char)octet;
            from += 2;
        } else {
            *to++ = *from;
        }
    }
    *to = 0;
    char *encoded = path + strlen("/ocsp/");
    int len = EVP_DecodeBlock(out, (unsigned char *)encoded, (int)strlen(encoded));
    for (const char *c = to; c > encoded && c[-1] == '='; c--)
        len--;
    path[strlen("/ocsp")] = 0;
    return len < 0 ? SLICE_NONE : slice_of((char *)out, (size_t)len);
}

static void serve(struct world *w, int fd)
{
    char request[8192], verb[8], path[512];
    uint8_t decoded[512];
    struct slice body = SLICE_NONE;
    if (!read_request(fd, request, sizeof request, &body) || sscanf(request, "%7s %511s", verb, path) != 2) {
        close(fd);
        return;
    }
    if (strncmp(path, "/ocsp/", 6) == 0)
        body = decode_get(path, decoded);
    for (enum place p = AT_OCSP; p < PLACES; p++) {
        struct served *s = &w->places[p];
        if (strcmp(path, paths[p]) != 0)
            continue;
        atomic_fetch_add(&s->hits, 1);
        if (s->manner == HANG && w->hanging_count < COUNT_OF(w->hanging)) {
            w->hanging[w->hanging_count++] = fd;
            return;
        }
        unsigned char *made = NULL;
        size_t len = p == AT_OCSP ? make_answer(w, s->responder, body, &made) : 0;
        pthread_mutex_lock(&w->lock);
        if (p != AT_OCSP && s->body) {
            made = malloc(s->len);
            memcpy(made, s->body, len = s->len);
        }
        pthread_mutex_unlock(&w->lock);
        serve_as(w, fd, s, made, len);
        free(made);
    }
    close(fd);
}

static void *serve_all(void *context)
{
    struct world *w = context;
    while (!w->ending) {
        struct pollfd ready = { .fd = w->fd, .events = POLLIN };
        int fd = poll(&ready, 1, 50) == 1 ? accept(w->fd, NULL, NULL) : -1;
        if (fd >= 0)
            serve(w, fd);
    }
    return NULL;
}

void world_url(const struct world *w, enum place place, char url_out[64])
{
    snprintf(url_out, 64, "http://127.0.0.1:%u%s", w->port, paths[place]);
}

void world_reset(struct world *w)
{
    for (enum place p = AT_OCSP; p < PLACES; p++) {
        struct served *s = &w->places[p];
        pthread_mutex_lock(&w->lock);
        free(s->body);
        s->body = NULL;
        s->len = 0;
        pthread_mutex_unlock(&w->lock);
        s->manner = SERVE;
        s->responder = OCSP_GOOD;
        s->hits = 0;
    }
    world_publish(w, AT_ROOT_CRL, &(struct crl_plan){ .number = 1, .from = -60, .until = 3600 });
}

void world_begin(struct world *w)
{
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof sa;
    memset(w, 0, sizeof *w);
    pthread_mutex_init(&w->lock, NULL);
    w->at = time(NULL);
    w->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(w->fd, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(listen(w->fd, 64), 0);
    assert_int_equal(getsockname(w->fd, (struct sockaddr *)&sa, &len), 0);
    w->port = ntohs(sa.sin_port);
    w->root = make_ca(w, "Root", NULL);
    w->issuing = make_ca(w, "Issuing", &w->root);
    w->foreign = make_ca(w, "Foreign", NULL);
    w->responder = make_responder(w, "Responder", &w->issuing, true, false);
    w->no_eku = make_responder(w, "No usage", &w->issuing, false, false);
    w->listed = make_responder(w, "Listed", &w->issuing, true, true);
    world_reset(w);
    assert_int_equal(pthread_create(&w->thread, NULL, serve_all, w), 0);
}

void world_end(struct world *w)
{
    struct ca *all[] = { &w->root, &w->issuing, &w->foreign, &w->responder, &w->no_eku, &w->listed };
    w->ending = true;
    pthread_join(w->thread, NULL);
    close(w->fd);
    for (size_t i = 0; i < w->hanging_count; i++)
        close(w->hanging[i]);
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        X509_free(all[i]->cert);
        EVP_PKEY_free(all[i]->key);
    }
    for (enum place p = AT_OCSP; p < PLACES; p++)
        free(w->places[p].body);
    pthread_mutex_destroy(&w->lock);
}
