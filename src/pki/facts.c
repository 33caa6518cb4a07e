/*
 * facts.c - names, identifiers and digests of a certificate as checked UTF-8.
 *
 * Texts gather in one pool that may move while it grows, so each field is noted as a span and turned into a slice when
 * everything is in.
 */
#include "pki/facts.h"

#include <stdlib.h>
#include <time.h>

#include "pki/x509.h"

enum { SPANS_MAX = 16 + 2 * FACT_SAN_VALUES, SID_PARTS_MAX = 15, DESCRIBED_MAX = 768 };
static const char sid_extension[] = "1.3.6.1.4.1.311.25.2", sid_name[] = "1.3.6.1.4.1.311.25.2.1";
static const char sid_uri[] = "tag:microsoft.com,2022-09-14:sid:";

struct builder {
    struct cert_facts *facts;
    struct text *pool;
    const char *why; /* static text: what is wrong; NULL nothing so far */
    struct {
        struct slice *to;
        size_t at, len;
    } spans[SPANS_MAX];
    size_t count;
};

static int refuse(struct builder *b, const char *why)
{
    b->why = why;
    return ERR_SYNTAX;
}

/* What was added to the pool since `at` is the value of *to. */
static void close_span(struct builder *b, struct slice *to, size_t at)
{
    b->spans[b->count].to = to;
    b->spans[b->count].at = at;
    b->spans[b->count++].len = b->pool->len - at;
    text_add_char(b->pool, 0);
}

static void add_hex(struct builder *b, struct slice *to, const void *bytes, size_t len, bool upper)
{
    size_t at = b->pool->len;
    text_add_hex(b->pool, slice_of(bytes, len));
    for (size_t i = at; upper && !text_error(b->pool) && i < b->pool->len; i++)
        b->pool->ptr[i] = ascii_upper(b->pool->ptr[i]);
    close_span(b, to, at);
}

/* ---- names ---- */

static const struct {
    int nid;
    const char *key;
} keys[] = {
    { NID_commonName, "CN" },       { NID_countryName, "C" },          { NID_localityName, "L" },
    { NID_stateOrProvinceName, "S" }, { NID_organizationName, "O" },   { NID_organizationalUnitName, "OU" },
    { NID_domainComponent, "DC" },  { NID_pkcs9_emailAddress, "E" },   { NID_title, "T" },
    { NID_givenName, "G" },         { NID_initials, "I" },             { NID_surname, "SN" },
    { NID_streetAddress, "STREET" }, { NID_serialNumber, "SERIALNUMBER" },
};

static const char *key_of(int nid)
{
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (keys[i].nid == nid)
            return keys[i].key;
    return NULL;
}

/* The value as UTF-8 that OPENSSL_free releases; false when it holds what no name may (threats.md C05). */
static bool value_utf8(const ASN1_STRING *value, unsigned char **utf8_out, struct slice *text_out)
{
    unsigned char *utf8 = NULL;
    int len = ASN1_STRING_to_UTF8(&utf8, value);
    struct slice text = slice_of((char *)utf8, len > 0 ? (size_t)len : 0);
    if (len < 0 || !slice_is_utf8(text) || slice_has_control(text)) {
        OPENSSL_free(utf8);
        ERR_clear_error();
        return false;
    }
    *utf8_out = utf8;
    *text_out = text;
    return true;
}

static bool wants_quotes(struct slice v)
{
    if (!v.len || v.ptr[0] == ' ' || v.ptr[v.len - 1] == ' ')
        return true;
    for (size_t i = 0; i < v.len; i++)
        if (strchr(",+=\"<>#;\n", v.ptr[i]))
            return true;
    return false;
}

static void add_value(struct text *out, struct slice v)
{
    bool quoted = wants_quotes(v);
    if (quoted)
        text_add_char(out, '"');
    for (size_t i = 0; i < v.len; i++) {
        if (v.ptr[i] == '"')
            text_add_char(out, '"');
        text_add_char(out, v.ptr[i]);
    }
    if (quoted)
        text_add_char(out, '"');
}

/* False: the key is too long to be written. */
static bool add_key(struct text *out, const X509_NAME_ENTRY *entry)
{
    char oid[128];
    const ASN1_OBJECT *object = X509_NAME_ENTRY_get_object(entry);
    const char *key = key_of(OBJ_obj2nid(object));
    if (key) {
        text_addf(out, "%s=", key);
        return true;
    }
    int len = OBJ_obj2txt(oid, sizeof oid, object, 1);
    text_addf(out, "OID.%s=", oid);
    return len > 0 && (size_t)len < sizeof oid;
}

/* altSecurityIdentities writes names in the order of the DER. */
static int add_name(struct builder *b, struct slice *to, const X509_NAME *name)
{
    size_t at = b->pool->len;
    for (int i = 0, set = -1; i < X509_NAME_entry_count(name); i++) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
        unsigned char *utf8;
        struct slice value;
        if (!value_utf8(X509_NAME_ENTRY_get_data(entry), &utf8, &value))
            return refuse(b, "a name in the certificate holds a NUL or control character");
        if (i)
            text_add_str(b->pool, X509_NAME_ENTRY_set(entry) == set ? " + " : ",");
        set = X509_NAME_ENTRY_set(entry);
        bool whole = add_key(b->pool, entry);
        add_value(b->pool, value);
        OPENSSL_free(utf8);
        if (!whole || b->pool->len - at > FACT_DN_MAX)
            return refuse(b, "a name in the certificate is too long");
    }
    close_span(b, to, at);
    return 0;
}

static void print_name(const X509_NAME *name, struct text *to)
{
    BIO *out = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    if (out && X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
        long len = BIO_get_mem_data(out, &bytes);
        text_add_escaped(to, slice_of(bytes, len > 0 ? (size_t)len : 0));
    }
    BIO_free(out);
}

static void add_shown(struct builder *b, struct slice *to, const X509_NAME *name)
{
    size_t at = b->pool->len;
    print_name(name, b->pool);
    close_span(b, to, at);
}

static void add_cut_line(struct text *out, struct slice shown)
{
    size_t len = shown.len < DESCRIBED_MAX ? shown.len : DESCRIBED_MAX;
    while (len && len < shown.len && ((unsigned char)shown.ptr[len] & 0xC0) == 0x80)
        len--; /* not inside of a character */
    text_add(out, slice_first(shown, len));
    text_add_str(out, len < shown.len ? "...\n" : "\n");
}

void facts_describe(struct slice der, struct text *out)
{
    const unsigned char *at = (const unsigned char *)der.ptr;
    X509 *x = der.len ? d2i_X509(NULL, &at, (long)der.len) : NULL;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (!x) {
        ERR_clear_error();
        return;
    }
    const X509_NAME *names[] = { X509_get_subject_name(x), X509_get_issuer_name(x) };
    for (size_t i = 0; i < 2; i++) {
        OWNED_TEXT_BUFFER name = { 0 };
        print_name(names[i], &name);
        add_cut_line(out, text_slice(&name));
    }
    const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
    text_add_hex(out, slice_first(slice_of((const char *)ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial)),
                                  FACT_SERIAL_MAX));
    text_add_char(out, '\n');
    if (X509_digest(x, EVP_sha256(), digest, &len))
        for (unsigned i = 0; i < len; i++)
            text_addf(out, "%02X", digest[i]);
    X509_free(x);
}

/* ---- SID ---- */

int facts_sid_binary(struct slice sid, uint8_t out[68], size_t *len_out)
{
    uint64_t authority, part;
    uint8_t binary[68] = { 1 };
    size_t count = 0;
    if (!slice_starts(sid, SLICE_LITERAL("S-1-")))
        return ERR_SYNTAX;
    struct slice rest = slice_from(sid, 4);
    if (slice_to_u64(slice_cut(&rest, '-'), 0xffffffffffffu, &authority))
        return ERR_SYNTAX;
    for (int i = 0; i < 6; i++)
        binary[2 + i] = (uint8_t)(authority >> (8 * (5 - i)));
    while (rest.ptr) {
        if (count == SID_PARTS_MAX || slice_to_u64(slice_cut(&rest, '-'), UINT32_MAX, &part))
            return ERR_SYNTAX;
        for (int i = 0; i < 4; i++)
            binary[8 + 4 * count + (size_t)i] = (uint8_t)(part >> (8 * i));
        count++;
    }
    if (!count)
        return ERR_SYNTAX;
    binary[1] = (uint8_t)count;
    memcpy(out, binary, sizeof binary);
    *len_out = 8 + 4 * count;
    return 0;
}

/* The same SID may stand in the certificate twice; two different ones may not. */
static int take_sid(struct builder *b, struct slice sid)
{
    uint8_t binary[68];
    size_t len;
    if (facts_sid_binary(sid, binary, &len))
        return refuse(b, "the SID in the certificate is malformed");
    for (size_t i = 0; i < b->count; i++)
        if (b->spans[i].to == &b->facts->sid)
            return slice_equal(slice_of(b->pool->ptr + b->spans[i].at, b->spans[i].len), sid)
                       ? 0
                       : refuse(b, "the certificate holds two different SIDs");
    size_t at = b->pool->len;
    text_add(b->pool, sid);
    close_span(b, &b->facts->sid, at);
    return 0;
}

static bool is_oid(const ASN1_OBJECT *object, const char *oid)
{
    char text[64];
    return OBJ_obj2txt(text, sizeof text, object, 1) > 0 && strcmp(text, oid) == 0;
}

static int sid_of_names(struct builder *b, GENERAL_NAMES *names)
{
    int err = 0, count = 0;
    for (int i = 0; !err && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_OTHERNAME || !is_oid(name->d.otherName->type_id, sid_name))
            continue;
        const ASN1_TYPE *value = name->d.otherName->value;
        const ASN1_OCTET_STRING *bytes = value->type == V_ASN1_OCTET_STRING ? value->value.octet_string : NULL;
        if (!bytes)
            return refuse(b, "the SID extension of the certificate is malformed");
        err = take_sid(b, slice_of((const char *)ASN1_STRING_get0_data(bytes), (size_t)ASN1_STRING_length(bytes)));
        count++;
    }
    return err || count ? err : refuse(b, "the SID extension of the certificate is malformed");
}

static int read_sid_extension(struct builder *b, const X509 *x)
{
    ASN1_OBJECT *oid = OBJ_txt2obj(sid_extension, 1);
    if (!oid)
        return ERR_NOMEM;
    int at = X509_get_ext_by_OBJ(x, oid, -1), err = 0;
    if (at >= 0 && X509_get_ext_by_OBJ(x, oid, at) >= 0) {
        err = refuse(b, "the certificate holds two SID extensions");
    } else if (at >= 0) {
        const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(X509_get_ext(x, at));
        const unsigned char *bytes = ASN1_STRING_get0_data(value), *end = bytes + ASN1_STRING_length(value);
        GENERAL_NAMES *names = d2i_GENERAL_NAMES(NULL, &bytes, ASN1_STRING_length(value));
        err = names && bytes == end ? sid_of_names(b, names)
                                    : refuse(b, "the SID extension of the certificate is malformed");
        GENERAL_NAMES_free(names);
    }
    ASN1_OBJECT_free(oid);
    ERR_clear_error();
    return err;
}

/* ---- subjectAltName ---- */

static int add_san(struct builder *b, const ASN1_STRING *value, struct slice list[FACT_SAN_VALUES], size_t *count)
{
    unsigned char *utf8;
    struct slice text;
    if (!value_utf8(value, &utf8, &text))
        return refuse(b, "an alternative name in the certificate holds a NUL or control character");
    int err = 0;
    if (!text.len || text.len > FACT_UPN_MAX)
        err = refuse(b, "an alternative name in the certificate is empty or too long");
    else if (*count == FACT_SAN_VALUES)
        err = refuse(b, "the certificate has too many alternative names");
    if (!err) {
        size_t at = b->pool->len;
        text_add(b->pool, text);
        close_span(b, &list[(*count)++], at);
    }
    OPENSSL_free(utf8);
    return err;
}

static int read_upn(struct builder *b, const OTHERNAME *other)
{
    const ASN1_TYPE *value = other->value;
    if (value->type != V_ASN1_UTF8STRING && value->type != V_ASN1_IA5STRING && value->type != V_ASN1_PRINTABLESTRING)
        return refuse(b, "the user principal name in the certificate is not a text");
    return add_san(b, value->value.asn1_string, b->facts->upn, &b->facts->upn_count);
}

static int read_uri(struct builder *b, const ASN1_STRING *uri)
{
    struct slice text = slice_of((const char *)ASN1_STRING_get0_data(uri), (size_t)ASN1_STRING_length(uri));
    struct slice prefix = slice_of(sid_uri, sizeof sid_uri - 1);
    return slice_starts_fold(text, prefix) ? take_sid(b, slice_from(text, prefix.len)) : 0;
}

static int read_san_value(struct builder *b, const GENERAL_NAME *name)
{
    switch (name->type) {
    case GEN_OTHERNAME:
        return OBJ_obj2nid(name->d.otherName->type_id) == NID_ms_upn ? read_upn(b, name->d.otherName) : 0;
    case GEN_EMAIL:
        return add_san(b, name->d.rfc822Name, b->facts->rfc822, &b->facts->rfc822_count);
    case GEN_URI:
        return read_uri(b, name->d.uniformResourceIdentifier);
    default:
        return 0;
    }
}

static int read_san(struct builder *b, const X509 *x)
{
    int critical = 0, err = 0;
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, &critical, NULL);
    if (!names && critical != -1)
        err = refuse(b, "subjectAltName of the certificate is damaged or there twice");
    for (int i = 0; !err && i < sk_GENERAL_NAME_num(names); i++)
        err = read_san_value(b, sk_GENERAL_NAME_value(names, i));
    GENERAL_NAMES_free(names);
    ERR_clear_error();
    return err;
}

/* ---- numbers and digests ---- */

static int add_serial(struct builder *b, const X509 *x)
{
    unsigned char *der = NULL, reversed[FACT_SERIAL_MAX];
    int len = i2d_ASN1_INTEGER(X509_get0_serialNumber(x), &der);
    if (len < 3 || len - 2 > FACT_SERIAL_MAX) { /* a tag, a length of one byte, the octets */
        OPENSSL_free(der);
        return refuse(b, "the serial number of the certificate is too long");
    }
    for (int i = 0; i < len - 2; i++)
        reversed[i] = der[len - 1 - i];
    add_hex(b, &b->facts->serial, der + 2, (size_t)len - 2, false);
    add_hex(b, &b->facts->serial_reversed, reversed, (size_t)len - 2, false);
    OPENSSL_free(der);
    return 0;
}

static int add_digests(struct builder *b, const X509 *x)
{
    unsigned char digest[EVP_MAX_MD_SIZE], *spki = NULL;
    unsigned len = 0;
    const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id((X509 *)x);
    if (ski && ASN1_STRING_length(ski) > FACT_SERIAL_MAX)
        return refuse(b, "subjectKeyIdentifier of the certificate is too long");
    if (ski)
        add_hex(b, &b->facts->ski, ASN1_STRING_get0_data(ski), (size_t)ASN1_STRING_length(ski), false);
    if (!X509_pubkey_digest(x, EVP_sha1(), digest, &len))
        return refuse(b, "the public key of the certificate cannot be read");
    add_hex(b, &b->facts->sha1_pukey, digest, len, false);
    int spki_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki);
    if (spki_len > 0 && EVP_Digest(spki, (size_t)spki_len, digest, &len, EVP_sha1(), NULL))
        add_hex(b, &b->facts->sha1_spki, digest, len, false);
    OPENSSL_free(spki);
    const EVP_MD *kinds[] = { EVP_sha1(), EVP_sha256() };
    struct slice *fields[] = { &b->facts->sha1, &b->facts->sha256 };
    for (int i = 0; i < 2; i++) {
        if (!EVP_Digest(b->facts->der.ptr, b->facts->der.len, digest, &len, kinds[i], NULL))
            return ERR_NOMEM;
        add_hex(b, fields[i], digest, len, true);
    }
    return 0;
}

static int64_t seconds_of(const ASN1_TIME *t)
{
    struct tm tm = { 0 };
    return ASN1_TIME_to_tm(t, &tm) ? (int64_t)timegm(&tm) : 0;
}

/* ---- all of it ---- */

static int read_all(struct builder *b, const X509 *x)
{
    int err = add_name(b, &b->facts->subject, X509_get_subject_name(x));
    if (!err)
        err = add_name(b, &b->facts->issuer, X509_get_issuer_name(x));
    if (!err)
        err = add_serial(b, x);
    if (!err)
        err = add_digests(b, x);
    if (!err)
        err = read_sid_extension(b, x);
    if (!err)
        err = read_san(b, x);
    if (err)
        return err;
    add_shown(b, &b->facts->subject_shown, X509_get_subject_name(x));
    add_shown(b, &b->facts->issuer_shown, X509_get_issuer_name(x));
    return text_error(b->pool);
}

int facts_read(struct slice der, struct cert_facts *facts_out, const char **why_out)
{
    struct cert_facts *f = facts_out;
    *f = (struct cert_facts){ .der = der };
    struct builder b = { .facts = f, .pool = &f->pool };
    X509 *x = pki_x509_parse(der);
    int err = x ? 0 : refuse(&b, "this is not a certificate");
    if (x) {
        f->not_before = seconds_of(X509_get0_notBefore(x));
        f->not_after = seconds_of(X509_get0_notAfter(x));
        err = read_all(&b, x);
    }
    X509_free(x);
    if (err) {
        facts_free(f);
        *why_out = b.why ? b.why : err_text(err);
        return err;
    }
    for (size_t i = 0; i < b.count; i++)
        *b.spans[i].to = slice_of(f->pool.ptr + b.spans[i].at, b.spans[i].len);
    return 0;
}

void facts_free(struct cert_facts *f)
{
    text_free(&f->pool);
    *f = (struct cert_facts){ 0 };
}

/* ---- altSecurityIdentities ---- */

static struct slice *field_of(struct alt_identity *a, struct slice tag)
{
    const struct {
        const char *tag;
        struct slice *field;
    } fields[] = {
        { "I", &a->issuer }, { "S", &a->subject }, { "SR", &a->serial_reversed }, { "SKI", &a->ski },
        { "SHA1-PUKEY", &a->sha1_pukey }, { "RFC822", &a->rfc822 }, { "SID", &a->sid },
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (slice_equal_fold_str(tag, fields[i].tag))
            return fields[i].field;
    return NULL;
}

/* Up to the next '<' that stands outside double quotes: inside them it is part of a name (threats.md C03). */
static struct slice cut_value(struct slice *rest)
{
    bool quoted = false;
    size_t i = 0;
    for (; i < rest->len && (quoted || rest->ptr[i] != '<'); i++)
        if (rest->ptr[i] == '"')
            quoted = !quoted;
    struct slice value = slice_first(*rest, i);
    *rest = slice_from(*rest, i);
    return value;
}

int alt_identity_parse(struct slice value, struct alt_identity *out)
{
    struct alt_identity found = { .issuer = SLICE_NONE };
    if (!slice_starts_fold(value, SLICE_LITERAL("X509:")))
        return ERR_SYNTAX;
    struct slice rest = slice_from(value, 5);
    if (!rest.len)
        return ERR_SYNTAX;
    while (rest.len) {
        size_t end = slice_find(rest, '>');
        struct slice *field =
            rest.ptr[0] == '<' && end != SIZE_MAX ? field_of(&found, slice_of(rest.ptr + 1, end - 1)) : NULL;
        if (!field || field->ptr)
            return ERR_SYNTAX;
        rest = slice_from(rest, end + 1);
        *field = cut_value(&rest);
        if (!field->len)
            return ERR_SYNTAX;
    }
    *out = found;
    return 0;
}

/* ---- rules ---- */

bool facts_each_value(struct slice der, bool of_issuer, struct slice key, facts_value *each, void *context)
{
    X509 *x = pki_x509_parse(der);
    const X509_NAME *name = !x ? NULL : of_issuer ? X509_get_issuer_name(x) : X509_get_subject_name(x);
    bool found = false;
    for (int i = 0; name && !found && i < X509_NAME_entry_count(name); i++) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
        const char *own = key_of(OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)));
        unsigned char *utf8;
        struct slice value;
        if (!own || !slice_equal_fold_str(key, own) || !value_utf8(X509_NAME_ENTRY_get_data(entry), &utf8, &value))
            continue;
        found = each(context, value);
        OPENSSL_free(utf8);
    }
    X509_free(x);
    return found;
}
