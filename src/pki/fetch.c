/*
 * fetch.c - see fetch.h.
 *
 * The address is judged where the socket is made, after name resolution, so a name that resolves to a forbidden place is
 * refused as well.  Redirects are followed here and not by libcurl because each target must pass the same judgement.
 */
#include "pki/fetch.h"

#include <curl/curl.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/net_addr.h"

enum { HEADERS_MAX = 16 * 1024 };

static pthread_once_t started = PTHREAD_ONCE_INIT;
static CURLcode start_result;

static void start(void)
{
    start_result = curl_global_init(CURL_GLOBAL_NOTHING);
}

int fetch_start(void)
{
    return pthread_once(&started, start) || start_result != CURLE_OK ? ERR_NOMEM : 0;
}

/* ---- addresses ---- */

enum reach { REACH_NEVER, REACH_PRIVATE, REACH_PUBLIC };

static const struct {
    uint8_t family, bits, bytes[4];
    enum reach reach;
} networks[] = {
    /* what may not be reached first: the first row that fits decides */
    { 4, 8,  { 0 },                REACH_NEVER   }, /* "this" network: Linux takes 0.0.0.0 for loopback */
    { 4, 16, { 169, 254 },         REACH_NEVER   }, /* link-local, metadata of clouds */
    { 4, 3,  { 224 },              REACH_NEVER   }, /* multicast, reserved, broadcast */
    { 4, 8,  { 127 },              REACH_PRIVATE },
    { 4, 8,  { 10 },               REACH_PRIVATE },
    { 4, 12, { 172, 16 },          REACH_PRIVATE },
    { 4, 16, { 192, 168 },         REACH_PRIVATE },
    { 4, 10, { 100, 64 },          REACH_PRIVATE }, /* behind a carrier's NAT */
    { 6, 10, { 0xfe, 0x80 },       REACH_NEVER   },
    { 6, 8,  { 0xff },             REACH_NEVER   },
    { 6, 7,  { 0xfc },             REACH_PRIVATE },
    { 6, 32, { 0x00, 0x64, 0xff, 0x9b }, REACH_NEVER }, /* NAT64 and 6to4 hide an IPv4 address */
    { 6, 16, { 0x20, 0x02 },       REACH_NEVER   },
    { 6, 3,  { 0x20 },             REACH_PUBLIC  },
};

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

static enum reach reach_of(const struct net_addr *a)
{
    if (net_addr_is_any(a) || net_addr_is_multicast(a))
        return REACH_NEVER;
    if (net_addr_is_loopback(a))
        return REACH_PRIVATE;
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++)
        if (networks[i].family == a->family && same_bits(a->ip, networks[i].bytes, networks[i].bits))
            return networks[i].reach;
    return a->family == 4 ? REACH_PUBLIC : REACH_NEVER;
}

bool fetch_address_allowed(const struct fetch_policy *policy, const struct sockaddr *address)
{
    struct sockaddr_storage storage = { 0 };
    size_t size = address->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    if (address->sa_family != AF_INET && address->sa_family != AF_INET6)
        return false;
    memcpy(&storage, address, size);
    struct net_addr a = net_addr_from_sockaddr(&storage);
    switch (reach_of(&a)) {
    case REACH_PRIVATE: return policy->private_addresses;
    case REACH_PUBLIC: return policy->public_addresses;
    case REACH_NEVER: break;
    }
    return false;
}

/* ---- one exchange ---- */

struct exchange {
    const struct fetch_policy *policy;
    struct text *body;
    size_t max, headers;
    bool too_long, denied;
};

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct exchange *x = context;
    size_t len = size * count;
    if (len > x->max - x->body->len) {
        x->too_long = true;
        return 0;
    }
    text_add(x->body, slice_of(bytes, len));
    return text_error(x->body) ? 0 : len;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
    struct exchange *x = context;
    (void)bytes;
    x->headers += size * count;
    x->too_long |= x->headers > HEADERS_MAX;
    return x->too_long ? 0 : size * count;
}

static curl_socket_t on_socket(void *context, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct exchange *x = context;
    (void)purpose;
    if (!fetch_address_allowed(x->policy, &to->addr)) {
        x->denied = true;
        return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* libcurl asks several times in a second. */
static int on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct exchange *x = context;
    (void)a, (void)b, (void)c, (void)d;
    return x->policy->stop && atomic_load(x->policy->stop);
}

static MUST_USE int set_options(CURL *c, const struct fetch_request *request, struct exchange *x, int64_t left,
                                const char *url, struct curl_slist *headers)
{
    bool failed = false;
#define SET(option, value) (failed |= curl_easy_setopt(c, option, value) != CURLE_OK)
    SET(CURLOPT_URL, url);
#if LIBCURL_VERSION_NUM >= 0x075500
    SET(CURLOPT_PROTOCOLS_STR, "http");
#else
    SET(CURLOPT_PROTOCOLS, (long)CURLPROTO_HTTP);
#endif
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_FORBID_REUSE, 1L);
    SET(CURLOPT_TIMEOUT_MS, (long)left);
    SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)request->max);
    SET(CURLOPT_BUFFERSIZE, 64L * 1024);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, x);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, x);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_socket);
    SET(CURLOPT_OPENSOCKETDATA, x);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, x);
    SET(CURLOPT_HTTPHEADER, headers);
#if LIBCURL_VERSION_NUM >= 0x075700
    SET(CURLOPT_QUICK_EXIT, 1L); /* do not wait for a resolver that hangs */
#endif
    if (request->body.len) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        SET(CURLOPT_POSTFIELDS, request->body.ptr);
    }
#undef SET
    return failed ? ERR_NOMEM : 0;
}

static const struct {
    CURLcode code;
    int err;
} failures[] = {
    { CURLE_OPERATION_TIMEDOUT, ERR_TIMEOUT   },
    { CURLE_FILESIZE_EXCEEDED,  ERR_TOO_LONG  },
    { CURLE_PARTIAL_FILE,       ERR_TRUNCATED },
    { CURLE_OUT_OF_MEMORY,      ERR_NOMEM     },
};

static int judge(CURL *c, CURLcode code, const struct exchange *x, struct text *redirect_out)
{
    long status = 0;
    const char *target = NULL;
    if (x->too_long)
        return ERR_TOO_LONG;
    if (code != CURLE_OK && x->denied)
        return ERR_DENIED;
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++)
        if (failures[i].code == code)
            return failures[i].err;
    if (code != CURLE_OK)
        return ERR_IO;
    if (curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK)
        return ERR_IO;
    if (status == 200)
        return 0;
    if (status / 100 == 3 && curl_easy_getinfo(c, CURLINFO_REDIRECT_URL, &target) == CURLE_OK && target) {
        text_add_str(redirect_out, target);
        return text_error(redirect_out) ? ERR_NOMEM : ERR_AGAIN;
    }
    return ERR_NOT_FOUND;
}

/* What libcurl gets is spelled by us from the parts that passed. */
static MUST_USE int spell(const struct fetch_policy *policy, struct slice text, struct text *url_out)
{
    struct fetch_url url;
    int err = fetch_url_parse(text, &url);
    if (err)
        return err;
    if (!fetch_host_allowed(policy->hosts, url.host))
        return ERR_DENIED;
    text_addf(url_out, url.ip6 ? "http://[" SLICE_FMT "]:%u" : "http://" SLICE_FMT ":%u", SLICE_ARG(url.host), url.port);
    if (!slice_starts(url.target, SLICE_LITERAL("/")))
        text_add_char(url_out, '/');
    text_add(url_out, url.target);
    return text_error(url_out);
}

static MUST_USE int exchange(const struct fetch_policy *policy, const struct fetch_request *request, struct slice url,
                             struct text *body, struct text *redirect_out)
{
    OWNED_TEXT_BUFFER spelled = { 0 };
    char type[128];
    int64_t left = request->deadline_ms - clock_ms();
    int err = spell(policy, url, &spelled);
    if (err)
        return err;
    if (left <= 0 || (policy->stop && atomic_load(policy->stop)))
        return ERR_TIMEOUT;
    struct exchange x = { .policy = policy, .body = body, .max = request->max };
    snprintf(type, sizeof type, "Content-Type: %s", request->type ? request->type : "");
    struct curl_slist *headers = curl_slist_append(NULL, request->body.len ? type : "Accept: */*");
    CURL *c = curl_easy_init();
    err = c && headers ? set_options(c, request, &x, left < INT_MAX ? left : INT_MAX, text_str(&spelled), headers) : ERR_NOMEM;
    if (!err)
        err = judge(c, curl_easy_perform(c), &x, redirect_out);
    curl_easy_cleanup(c);
    curl_slist_free_all(headers);
    return err;
}

int fetch(const struct fetch_policy *policy, const struct fetch_request *request, struct text *body_out)
{
    OWNED_TEXT_BUFFER url = { 0 };
    int err = fetch_start();
    if (err)
        return err;
    text_add(&url, request->url);
    for (unsigned hops = 0; !(err = text_error(&url)); hops++) {
        OWNED_TEXT_BUFFER next = { 0 };
        text_reset(body_out);
        err = exchange(policy, request, text_slice(&url), body_out, &next);
        if (err != ERR_AGAIN)
            break;
        if (hops == policy->redirects)
            return ERR_DENIED;
        text_reset(&url);
        text_add(&url, text_slice(&next));
    }
    return err;
}
