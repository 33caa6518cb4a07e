/*
 * hello.c - what is decided from the ClientHello, before anything else of the handshake runs.
 *
 * The server name picks the certificate here and not in OpenSSL's servername callback, because that one runs after a
 * TLS 1.2 session was resumed: a ticket would then be judged by the listener's first site instead of the named one
 * (threats.md C12).  A client that speaks ALPN without FTP is a browser sent astray (ALPACA, P05).
 */
#include "tls/tls_priv.h"

#include <stdlib.h>

/* A cursor over big-endian TLS vectors; anything out of bounds empties it. */
static bool cut_number(struct slice *in, size_t bytes, size_t *value_out)
{
    if (in->len < bytes)
        return false;
    size_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | (uint8_t)in->ptr[i];
    *in = slice_from(*in, bytes);
    *value_out = value;
    return true;
}

static bool cut_vector(struct slice *in, size_t length_bytes, struct slice *out)
{
    size_t len;
    if (!cut_number(in, length_bytes, &len) || len > in->len)
        return false;
    *out = slice_first(*in, len);
    *in = slice_from(*in, len);
    return true;
}

static struct slice extension(SSL *ssl, unsigned type, bool *present_out)
{
    const unsigned char *bytes = NULL;
    size_t len = 0;
    *present_out = SSL_client_hello_get0_ext(ssl, type, &bytes, &len) == 1;
    return *present_out ? slice_of((const char *)bytes, len) : SLICE_NONE;
}

static struct slice hello_server_name(SSL *ssl)
{
    bool present;
    struct slice rest = extension(ssl, TLSEXT_TYPE_server_name, &present), list, name;
    size_t kind;
    if (!present || !cut_vector(&rest, 2, &list) || !cut_number(&list, 1, &kind) ||
        kind != TLSEXT_NAMETYPE_host_name || !cut_vector(&list, 2, &name))
        return SLICE_NONE;
    return name.len > 255 || slice_has_byte(name, 0) ? SLICE_NONE : name;
}

/* FileZilla offers names of its own beside `ftp`; no other protocol's client offers any of these. */
static const struct {
    const char *name;
    bool data_only;
} protocols[] = {
    { "ftp", false },
    { "x-filezilla-ftp", false },
    { "ftp-data", true },
};

static bool is_ours(struct slice protocol, bool is_data)
{
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++)
        if (slice_equal_str(protocol, protocols[i].name) && (is_data || !protocols[i].data_only))
            return true;
    return false;
}

static bool offers_ftp(struct slice rest, bool is_data, struct slice *chosen_out)
{
    struct slice protocol;
    while (cut_vector(&rest, 1, &protocol))
        if (is_ours(protocol, is_data)) {
            *chosen_out = protocol;
            return true;
        }
    return false;
}

static int refuse(struct tls_link *link, int *alert, int code, const char *why)
{
    link->refusal = why;
    *alert = code;
    return SSL_CLIENT_HELLO_ERROR;
}

/* Hand the handshake to the server that the name stands for; false: out of memory inside OpenSSL. */
static bool switch_server(SSL *ssl, struct tls_link *link, struct tls_server *named)
{
    if (named == link->session->server)
        return true;
    if (!SSL_set_SSL_CTX(ssl, named->ctx))
        return false;
    tls_server_ref(named);
    tls_server_unref(link->session->server);
    link->session->server = named;
    return true;
}

/* TLS 1.2 sends its ticket within the handshake, before anybody could judge the certificate. */
static bool offers_tls13(SSL *ssl)
{
    bool present;
    struct slice rest = extension(ssl, TLSEXT_TYPE_supported_versions, &present), list;
    size_t version;
    if (!present || !cut_vector(&rest, 1, &list))
        return false;
    while (cut_number(&list, 2, &version))
        if (version == TLS1_3_VERSION)
            return true;
    return false;
}

/* SSL_set_SSL_CTX leaves the verify mode and the number of tickets as they were. */
static void apply_certificate_policy(SSL *ssl, const struct tls_link *link)
{
    const struct tls_server *server = link->session->server;
    SSL_set_verify(ssl, server->ask_certificate ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (link->is_data)
        return;
    bool none_yet = server->ask_certificate || !ticket_keys_present(server->keys);
    SSL_set_num_tickets(ssl, none_yet ? 0 : SSL_CTX_get_num_tickets(server->ctx));
    if (server->ask_certificate && !offers_tls13(ssl))
        SSL_set_options(ssl, SSL_OP_NO_TICKET); /* data channels resume by session id */
}

static int on_client_hello(SSL *ssl, int *alert, void *unused)
{
    (void)unused;
    struct tls_link *link = link_of(ssl);
    bool strict = link->session->server->strict_alpn && !link->is_data, has_alpn;

    extension(ssl, TLSEXT_TYPE_extended_master_secret, &link->client_has_ems);

    struct slice alpn = extension(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &has_alpn), list, chosen;
    if (has_alpn && (!cut_vector(&alpn, 2, &list) || !offers_ftp(list, link->is_data, &chosen)))
        return refuse(link, alert, SSL_AD_NO_APPLICATION_PROTOCOL, "the client speaks another protocol (ALPN)");
    if (strict && !has_alpn)
        return refuse(link, alert, SSL_AD_NO_APPLICATION_PROTOCOL, "strictAlpn: the client did not name a protocol");

    struct slice name = hello_server_name(ssl);
    if (name.len && !link->server_name)
        link->server_name = strndup(name.ptr, name.len);
    if (link->is_data) { /* the control channel has chosen */
        apply_certificate_policy(ssl, link);
        return SSL_CLIENT_HELLO_SUCCESS;
    }
    struct tls_server *named = name.len && link->choose ? link->choose(link->choose_context, name) : NULL;
    if (strict && link->choose && !named)
        return refuse(link, alert, SSL_AD_UNRECOGNIZED_NAME, "strictAlpn: no site has the server name");
    if (named && !switch_server(ssl, link, named))
        return refuse(link, alert, SSL_AD_INTERNAL_ERROR, "out of memory");
    apply_certificate_policy(ssl, link);
    return SSL_CLIENT_HELLO_SUCCESS;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                           unsigned in_len, void *unused)
{
    (void)unused;
    struct slice chosen;
    if (!offers_ftp(slice_of((const char *)in, in_len), link_of(ssl)->is_data, &chosen))
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = (const unsigned char *)chosen.ptr;
    *out_len = (unsigned char)chosen.len;
    return SSL_TLSEXT_ERR_OK;
}

void hello_install(SSL_CTX *ctx)
{
    SSL_CTX_set_client_hello_cb(ctx, on_client_hello, NULL);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
}
