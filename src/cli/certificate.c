/*
 * certificate.c - the certificate stores: DIR/certificates/STORE, one PEM file per certificate, its key beside it.
 *
 * The key is written before the certificate: whoever reads the store in between sees neither or both.
 */
#include <dirent.h>
#include <errno.h>
#include <time.h>

#include "base/own.h"
#include "base/secret.h"
#include "cli/certificate.h"
#include "cli/file.h"
#include "cli/listing.h"
#include "cli/prompt.h"
#include "cli/site.h"
#include "cli/table.h"
#include "proto/loader.h"
#include "tls/cert.h"

static const char *const stores[] = { CERTIFICATE_STORES };
enum { STORE_COUNT = sizeof stores / sizeof stores[0], KEY_STORES = 2, SOON = 30 * 86400 };

/* Whether the store is for the server's own certificates; the others need no keys, and take one certificate at a time. */
static bool holds_keys(const char *store)
{
    for (size_t i = 0; i < KEY_STORES; i++)
        if (strcmp(store, stores[i]) == 0)
            return true;
    return false;
}

/* ---- stores ---- */

/* The store the command names, `otherwise` when it names none. */
static int choose_store(struct cli *c, const char *otherwise, const char **store_out)
{
    struct slice written = cli_param(c, "store");
    *store_out = otherwise;
    if (!written.ptr)
        return EXIT_OK;
    for (size_t i = 0; i < STORE_COUNT; i++) {
        if (!slice_equal_fold_str(written, stores[i]))
            continue;
        *store_out = stores[i];
        return EXIT_OK;
    }
    return cli_error(c, EXIT_BAD_PARAMETER, "Unknown certificate store \"" SLICE_FMT "\": it is one of MY, "
                     "WebHosting, Root, CA, NTAuth, Disallowed.", SLICE_ARG(written));
}

static void store_path(struct cli *c, const char *store, const char *file, struct text *out)
{
    text_addf(out, "%s/certificates/%s%s%s", c->directory, store, file ? "/" : "", file ? file : "");
}

static void load_file(struct cli *c, struct cert_store *s, const char *store, const char *name)
{
    OWNED_TEXT_BUFFER path = { 0 }, bytes = { .max = CERT_FILE_LIMIT + 1 };
    struct diag d = { 0 };
    store_path(c, store, name, &path);
    int err = file_read(text_str(&path), CERT_FILE_LIMIT, &bytes);
    if (!err)
        err = cert_store_add(s, slice_str(name), text_slice(&bytes), &d);
    if (err)
        cli_say(c, "WARNING ( message:%s is not used: %s )", text_str(&path), d.what[0] ? d.what : err_text(err));
    secret_wipe(bytes.ptr, bytes.len);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_visible(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

/* Every file of the store; an absent folder is an empty store. */
static int load_store(struct cli *c, const char *store, struct cert_store **store_out)
{
    OWNED_TEXT_BUFFER path = { 0 };
    struct dirent **entries = NULL;
    struct cert_store *s = cert_prepare() == 0 ? cert_store_new() : NULL;
    if (!s)
        return cli_failed(c, 14, "The certificate library cannot be prepared.");
    store_path(c, store, NULL, &path);
    int count = scandir(text_str(&path), &entries, is_visible, by_name);
    if (count < 0 && errno != ENOENT) {
        cert_store_free(s);
        return cli_failed(c, EXIT_DENIED, "Cannot read %s: %s", text_str(&path), strerror(errno));
    }
    for (int i = 0; i < count; i++) {
        load_file(c, s, store, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    *store_out = s;
    return EXIT_OK;
}

/* ---- who uses it ---- */

static bool site_uses(struct conf_element *site, const char *thumbprint, const char *store)
{
    struct conf_element *ssl = conf_child(site, "ftpServer/security/ssl");
    char used[CERT_THUMBPRINT_LEN + 1];
    if (!ssl || cert_normalise_thumbprint(conf_text(ssl, "serverCertHash"), used) != 0)
        return false;
    return strcmp(used, thumbprint) == 0 && slice_equal_fold_str(conf_text(ssl, "serverCertStoreName"), store);
}

static void add_users(struct cli *c, const char *thumbprint, const char *store, struct text *out)
{
    struct conf_element *sites = NULL;
    if (conf_section(c->conf, SLICE_LITERAL(SITES_SECTION), SLICE_LITERAL(""), &sites) != 0)
        return;
    for (size_t i = 0; i < conf_count(sites); i++) {
        if (!site_uses(conf_item(sites, i), thumbprint, store))
            continue;
        if (out->len)
            text_add_char(out, ',');
        text_add(out, conf_text(conf_item(sites, i), "name"));
    }
}

/* ---- list ---- */

static void print_time(int64_t seconds, char out[24])
{
    struct tm utc;
    time_t when = (time_t)seconds;
    if (!gmtime_r(&when, &utc) || strftime(out, 24, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        strcpy(out, "?");
}

static int show(struct cli *c, const struct cert *cert, const char *store)
{
    struct cert_info info;
    char from[24], until[24], key[48];
    time_t now = time(NULL);
    OWNED_TEXT_BUFFER sites = { 0 };
    cert_describe(cert, &info);
    print_time(info.not_before, from);
    print_time(info.not_after, until);
    snprintf(key, sizeof key, "%s %u", info.key_type, info.key_bits);
    add_users(c, info.thumbprint, store, &sites);
    struct listed row = {
        .tag = "CERTIFICATE", .name = slice_str(info.thumbprint), .count = 13,
        .attrs = { { "store", NULL, store, true },
                   { "subject", NULL, info.subject, true },
                   { "issuer", NULL, info.issuer, true },
                   { "notAfter", NULL, until, true },
                   { "expired", NULL, info.not_after < now ? "true" : "false", true },
                   { "expiresSoon", NULL, info.not_after >= now && info.not_after < now + SOON ? "true" : "false", true },
                   { "hasPrivateKey", NULL, info.has_key ? "true" : "false", true },
                   { "sites", NULL, text_str(&sites), true },
                   { "thumbprint", NULL, info.thumbprint, false },
                   { "notBefore", NULL, from, false },
                   { "names", NULL, info.names, false },
                   { "key", NULL, key, false },
                   { "sha256", NULL, info.sha256, false } },
    };
    return listing_row(c, &row);
}

static int list_store(struct cli *c, const char *store)
{
    struct cert_store *s = NULL;
    int code = load_store(c, store, &s);
    for (size_t i = 0; !code && i < cert_store_count(s); i++)
        code = show(c, cert_store_at(s, i), store);
    cert_store_free(s);
    return code;
}

/* The identifier as a thumbprint, as lists show it. */
static int take_thumbprint(struct cli *c, char thumbprint[CERT_THUMBPRINT_LEN + 1])
{
    if (cert_normalise_thumbprint(c->identifier, thumbprint) != 0)
        return cli_error(c, EXIT_BAD_PARAMETER, "\"" SLICE_FMT "\" is no thumbprint: that is 40 hexadecimal digits.",
                         SLICE_ARG(c->identifier));
    c->identifier = slice_of(thumbprint, CERT_THUMBPRINT_LEN);
    return EXIT_OK;
}

int certificate_list(struct cli *c)
{
    char thumbprint[CERT_THUMBPRINT_LEN + 1];
    const char *only = NULL;
    int code = cli_open(c);
    if (!code)
        code = choose_store(c, NULL, &only);
    if (!code && c->identifier.ptr)
        code = take_thumbprint(c, thumbprint);
    for (size_t i = 0; !code && i < STORE_COUNT; i++)
        if (!only || strcmp(only, stores[i]) == 0)
            code = list_store(c, stores[i]);
    return code ? code : listing_end(c);
}

/* ---- reading what is to be imported ---- */

typedef int parse_function(struct slice bytes, const char *password, struct cert **cert, struct diag *d);

static int parse_plain(struct slice bytes, const char *password, struct cert **cert, struct diag *d)
{
    return cert_parse(bytes, password, cert, d);
}

static int parse_pfx(struct slice bytes, const char *password, struct cert **cert, struct diag *d)
{
    return cert_parse_pfx(bytes, password ? password : "", cert, d);
}

static int parse_key(struct slice bytes, const char *password, struct cert **cert, struct diag *d)
{
    return cert_add_key(*cert, bytes, password, d);
}

/* Without a pass phrase first; only what is protected makes us ask. */
static int parse_asking(struct cli *c, parse_function *parse, struct slice bytes, struct cert **cert, struct diag *d)
{
    OWNED_SECRET secret = { 0 };
    *d = (struct diag){ 0 };
    int err = parse(bytes, NULL, cert, d);
    if (err != ERR_DENIED)
        return err;
    *d = (struct diag){ 0 };
    err = prompt_read(c, "Pass phrase: ", false, &secret);
    if (err) {
        diag_set(d, "a pass phrase is needed; it is asked for, or read as one line from standard input");
        return ERR_DENIED;
    }
    return parse(bytes, secret.text, cert, d);
}

static int parse_any(struct cli *c, struct slice bytes, struct cert **cert, struct diag *d)
{
    int err = parse_asking(c, parse_plain, bytes, cert, d);
    if (err != ERR_SYNTAX)
        return err;
    struct diag pfx = { 0 };
    int pfx_err = parse_asking(c, parse_pfx, bytes, cert, &pfx);
    if (pfx_err != ERR_SYNTAX)
        *d = pfx;
    return pfx_err;
}

static int read_into(struct cli *c, struct slice name, parse_function *parse, struct cert **cert)
{
    OWNED_TEXT_BUFFER bytes = { .max = CERT_FILE_LIMIT + 1 };
    OWNED_TEXT path = strndup(name.ptr, name.len);
    struct diag d = { 0 };
    if (!path)
        return 14;
    int err = file_read(path, CERT_FILE_LIMIT, &bytes);
    if (err) {
        int code = err == ERR_NOT_FOUND ? EXIT_NO_FILE : cli_exit_of(err);
        return cli_failed(c, code, "Cannot read %s: %s", path, err_text(err));
    }
    err = parse ? parse_asking(c, parse, text_slice(&bytes), cert, &d) : parse_any(c, text_slice(&bytes), cert, &d);
    secret_wipe(bytes.ptr, bytes.len);
    if (!err)
        return EXIT_OK;
    return cli_failed(c, err == ERR_DENIED ? 86 : cli_exit_of(err), "%s: %s", path, d.what[0] ? d.what : err_text(err));
}

int certificate_read(struct cli *c, struct slice file, struct cert **cert_out)
{
    return read_into(c, file, NULL, cert_out);
}

static int import(struct cli *c, struct cert **cert)
{
    struct slice file = cli_has(c, "file") ? cli_param(c, "file") : c->identifier;
    struct slice key = cli_param(c, "key");
    if (slice_is_empty(file))
        return cli_error(c, EXIT_BAD_PARAMETER, "Must specify the certificate with /file: or /selfSigned:.");
    int code = cli_refuse_param(c, "days", "without /selfSigned");
    if (!code && c->identifier.ptr)
        code = cli_refuse_param(c, "file", "beside another file");
    if (code)
        return code;
    code = read_into(c, file, NULL, cert);
    return code || !key.ptr ? code : read_into(c, key, parse_key, cert);
}

static int self_sign(struct cli *c, struct slice host, struct cert **cert)
{
    const struct slice loopback[] = { host, SLICE_LITERAL("127.0.0.1"), SLICE_LITERAL("::1") };
    uint64_t days = 365;
    struct diag d = { 0 };
    int code = cli_refuse_param(c, "file", "beside /selfSigned");
    if (!code)
        code = cli_refuse_param(c, "key", "beside /selfSigned");
    if (code)
        return code;
    if (c->identifier.ptr)
        return cli_error(c, EXIT_BAD_PARAMETER, "\"" SLICE_FMT "\" has no effect beside /selfSigned.", SLICE_ARG(c->identifier));
    if (cli_has(c, "days") && (slice_to_u64(cli_param(c, "days"), 3650, &days) != 0 || days == 0))
        return cli_error(c, EXIT_BAD_PARAMETER, "/days: is a number from 1 to 3650.");
    struct cert_request request = {
        .common_name = host, .names = loopback, .name_count = slice_equal_fold_str(host, "localhost") ? 3 : 1,
        .days = (unsigned)days, .now = time(NULL),
    };
    int err = cert_create_self_signed(&request, cert, &d);
    return err ? cli_failed_diag(c, err, &d) : EXIT_OK;
}

/* ---- add ---- */

static int write_part(struct cli *c, const struct cert *cert, const char *store, unsigned parts, const char *suffix,
                      unsigned mode)
{
    OWNED_TEXT_BUFFER pem = { 0 }, name = { 0 }, path = { 0 };
    struct cert_info info;
    cert_describe(cert, &info);
    text_addf(&name, "%s.%s", info.thumbprint, suffix);
    store_path(c, store, text_str(&name), &path);
    int err = cert_write_pem(cert, parts, &pem);
    if (!err)
        err = file_write(text_str(&path), text_slice(&pem), mode);
    secret_wipe(pem.ptr, pem.len);
    return err ? cli_failed(c, cli_exit_of(err), "Cannot write %s: %s", text_str(&path), err_text(err)) : EXIT_OK;
}

static int make_folders(struct cli *c, const char *store)
{
    OWNED_TEXT_BUFFER top = { 0 }, path = { 0 };
    text_addf(&top, "%s/certificates", c->directory);
    store_path(c, store, NULL, &path);
    int err = file_make_folder(text_str(&top), 0700);
    if (!err)
        err = file_make_folder(text_str(&path), 0700);
    return err ? cli_failed(c, cli_exit_of(err), "Cannot make %s: %s", text_str(&path), err_text(err)) : EXIT_OK;
}

/* Adding again is refused unless it brings the key that was missing. */
static int refuse_duplicate(struct cli *c, const struct cert *cert, const char *store)
{
    struct cert_info info;
    struct cert_store *s = NULL;
    int code = load_store(c, store, &s);
    if (code)
        return code;
    cert_describe(cert, &info);
    size_t at = cert_store_find(s, info.thumbprint);
    if (at != SIZE_MAX && (cert_has_key(cert_store_at(s, at)) || !info.has_key))
        code = cli_error(c, EXIT_DUPLICATE, "Failed to add duplicate collection element \"%s\".", info.thumbprint);
    cert_store_free(s);
    return code;
}

static int store_it(struct cli *c, const struct cert *cert, const char *store)
{
    bool own = holds_keys(store), with_key = own && cert_has_key(cert); /* authorities need none: leave it where it was */
    int code = make_folders(c, store);
    if (!code)
        code = refuse_duplicate(c, cert, store);
    if (!code && with_key)
        code = write_part(c, cert, store, CERT_PART_KEY, "key", 0600);
    /* what stands in Root is trusted: nothing that merely came along is put there */
    unsigned parts = own ? CERT_PART_LEAF | CERT_PART_CHAIN : CERT_PART_LEAF;
    return code ? code : write_part(c, cert, store, parts, "pem", 0644);
}

static int say_added(struct cli *c, const struct cert *cert, const char *store)
{
    struct cert_info info;
    c->identifier = SLICE_NONE; /* it named the file; the row is printed whatever its name is */
    if (slice_is_empty(cli_param(c, "text"))) {
        cert_describe(cert, &info);
        cli_say(c, "CERTIFICATE object \"%s\" added", info.thumbprint);
        return EXIT_OK;
    }
    return show(c, cert, store);
}

/* Its thumbprint is wanted whatever the service says: it is what the settings that are refused may be mended with. */
static int say_and_tell(struct cli *c, const struct cert *cert, const char *store)
{
    int code = say_added(c, cert, store), verdict = cli_changed(c);
    return code ? code : verdict;
}

int certificate_add(struct cli *c)
{
    struct cert *cert = NULL;
    const char *store = NULL;
    int code = cert_prepare() == 0 ? cli_open(c) : cli_failed(c, 14, "The certificate library cannot be prepared.");
    if (!code)
        code = choose_store(c, "MY", &store);
    if (code)
        return code;
    struct slice host = cli_param(c, "selfSigned");
    code = host.ptr ? self_sign(c, host, &cert) : import(c, &cert);
    if (!code)
        code = store_it(c, cert, store);
    if (!code)
        code = say_and_tell(c, cert, store);
    cert_free(cert);
    return code;
}

/* ---- delete ---- */

static int remove_file(struct cli *c, const char *store, const char *name)
{
    OWNED_TEXT_BUFFER path = { 0 };
    store_path(c, store, name, &path);
    if (unlink(text_str(&path)) != 0 && errno != ENOENT)
        return cli_failed(c, EXIT_DENIED, "Cannot delete %s: %s", text_str(&path), strerror(errno));
    return EXIT_OK;
}

static int remove_at(struct cli *c, const struct cert_store *s, size_t at, const char *store)
{
    const char *key = cert_store_key_file_at(s, at), *file = cert_store_file_at(s, at);
    bool shared = false;
    for (size_t i = 0; key && i < cert_store_count(s); i++)
        shared = shared || (i != at && cert_store_key_file_at(s, i) && strcmp(cert_store_key_file_at(s, i), key) == 0);
    int code = remove_file(c, store, file);
    if (!code && key && !shared && strcmp(key, file) != 0)
        code = remove_file(c, store, key);
    return code;
}

int certificate_delete(struct cli *c)
{
    char thumbprint[CERT_THUMBPRINT_LEN + 1];
    const char *store = NULL;
    struct cert_store *s = NULL;
    OWNED_TEXT_BUFFER sites = { 0 };
    int code = cli_open(c);
    if (!code)
        code = choose_store(c, "MY", &store);
    if (!code)
        code = take_thumbprint(c, thumbprint);
    if (!code)
        code = load_store(c, store, &s);
    if (code)
        return code;
    size_t at = cert_store_find(s, thumbprint);
    add_users(c, thumbprint, store, &sites);
    if (at == SIZE_MAX)
        code = cli_cannot_find(c, "CERTIFICATE", c->identifier);
    else if (sites.len && !cli_has(c, "force"))
        code = cli_failed(c, EXIT_BUSY, "The certificate is used by %s.  Give them another one first, or insist with "
                          "/force.", text_str(&sites));
    else
        code = remove_at(c, s, at, store);
    cert_store_free(s);
    if (code)
        return code;
    cli_say(c, "CERTIFICATE object \"%s\" deleted", thumbprint);
    return cli_changed(c);
}
