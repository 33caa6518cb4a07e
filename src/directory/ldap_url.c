/* ldap_url.c - see ldap_url.h. */
#include "directory/ldap_url.h"

enum { DN_LIMIT = 2048 };

static const struct {
    const char *name;
    bool delta;
} attributes[] = {
    { "certificateRevocationList", false },
    { "certificateRevocationList;binary", false },
    { "authorityRevocationList", false },
    { "deltaRevocationList", true },
    { "deltaRevocationList;binary", true },
};

static int hex_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

static int decode(struct slice in, struct text *out)
{
    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];
        if (c == '%') {
            int high = i + 2 < in.len ? hex_of(in.ptr[i + 1]) : -1, low = high < 0 ? -1 : hex_of(in.ptr[i + 2]);
            if (low < 0)
                return ERR_SYNTAX;
            c = (char)(high << 4 | low);
            i += 2;
        }
        if ((unsigned char)c < ' ' || c == 127)
            return ERR_SYNTAX;
        text_add_char(out, c);
        if (out->len > DN_LIMIT)
            return ERR_TOO_LONG;
    }
    return text_error(out);
}

static int attribute_of(struct slice name, bool *delta_out)
{
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++)
        if (slice_equal_fold_str(name, attributes[i].name)) {
            *delta_out = attributes[i].delta;
            return 0;
        }
    return ERR_UNSUPPORTED;
}

int ldap_crl_url_parse(struct slice url, struct ldap_crl_url *out)
{
    static const char scheme[] = "ldap://";
    struct ldap_crl_url parsed = { 0 };
    if (!slice_starts_fold(url, slice_str(scheme)))
        return ERR_UNSUPPORTED;
    url = slice_from(url, sizeof scheme - 1);
    size_t slash = slice_find(url, '/');
    if (slash == SIZE_MAX)
        return ERR_UNSUPPORTED;
    parsed.host = slice_first(url, slash);
    url = slice_from(url, slash + 1);
    struct slice dn = slice_cut(&url, '?'), attribute = slice_cut(&url, '?'), scope = slice_cut(&url, '?');
    int err = attribute_of(attribute, &parsed.delta);
    if (!err && scope.len && !slice_equal_fold_str(scope, "base"))
        err = ERR_UNSUPPORTED;
    if (!err)
        err = dn.len ? decode(dn, &parsed.dn) : ERR_SYNTAX;
    if (err) {
        text_free(&parsed.dn);
        return err;
    }
    *out = parsed;
    return 0;
}
