/*
 * roles.c - role names of the configuration as groups of the directory.
 *
 * The few names of the configuration are looked up, not the many groups of a user; what is compared are SIDs, so a group that
 * was made anew under an old name is another one (threats.md L08) as soon as the hour is over.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "directory/directory_priv.h"
#include "directory/text_forms.h"

static const struct {
    const char *name, *sid;
} well_known[] = {
    { "Everyone",                            "S-1-1-0"      },
    { "Authenticated Users",                 "S-1-5-11"     },
    { "NT AUTHORITY\\Authenticated Users",   "S-1-5-11"     },
    { "NETWORK",                             "S-1-5-2"      },
    { "NT AUTHORITY\\NETWORK",               "S-1-5-2"      },
    { "BUILTIN\\Administrators",             "S-1-5-32-544" },
    { "BUILTIN\\Users",                      "S-1-5-32-545" },
    { "BUILTIN\\Guests",                     "S-1-5-32-546" },
    { "BUILTIN\\Power Users",                "S-1-5-32-547" },
    { "BUILTIN\\Account Operators",          "S-1-5-32-548" },
    { "BUILTIN\\Server Operators",           "S-1-5-32-549" },
    { "BUILTIN\\Backup Operators",           "S-1-5-32-551" },
};

/* Ask for the group; *sid stays empty when there is none. */
static int ask(struct directory *d, const struct domain *domain, struct slice name, struct text *steps, struct text *sid)
{
    static const char *const wanted[] = { "objectSid", NULL };
    size_t backslash = slice_find(name, '\\'), at = slice_find_last(name, '@');
    if (backslash != SIZE_MAX) {
        if (!domain_is(domain, slice_first(name, backslash)))
            return 0; /* another domain's */
        name = slice_from(name, backslash + 1);
    } else if (at != SIZE_MAX && domain_is(domain, slice_from(name, at + 1))) {
        name = slice_first(name, at);
    }
    OWNED_TEXT_BUFFER filter = { 0 }, binary = { 0 };
    text_add_str(&filter, "(&(objectClass=group)(sAMAccountName=");
    ldap_text_add_filter(&filter, name);
    text_add_str(&filter, "))");
    if (text_error(&filter))
        return text_error(&filter);
    const struct ldap_query query = { domain->base, LDAP_SCOPE_SUBTREE, text_str(&filter), wanted, 1 };
    OWNED_ANSWER answer = { 0 };
    int err = ldap_pool_search(d->pool, &query, steps, &answer);
    if (err == ERR_LIMIT || err == ERR_NOT_FOUND)
        return 0; /* which of them is meant cannot be said */
    LDAPMessage *entry = err ? NULL : ldap_answer_next(&answer, NULL);
    if (entry && ldap_answer_text(&answer, entry, "objectSid", &binary))
        err = ldap_text_add_sid(sid, text_slice(&binary));
    return err;
}

static struct cached_role *slot_of(struct directory *d, struct slice name)
{
    return &d->roles[slice_hash_fold(name) % ROLE_CACHE_SLOTS];
}

static bool recall(struct directory *d, struct slice name, struct text *sid)
{
    pthread_mutex_lock(&d->lock);
    const struct cached_role *r = slot_of(d, name);
    bool known = r->name && r->until > clock_ms() && slice_equal_fold_str(name, r->name);
    if (known)
        text_add_str(sid, r->sid);
    pthread_mutex_unlock(&d->lock);
    return known;
}

static void remember(struct directory *d, struct slice name, const struct text *sid)
{
    char *kept_name = strndup(name.ptr, name.len), *kept_sid = strdup(text_str(sid));
    pthread_mutex_lock(&d->lock);
    struct cached_role *r = slot_of(d, name);
    free(r->name);
    free(r->sid);
    *r = (struct cached_role){ kept_name, kept_sid, clock_ms() + (sid->len ? ROLE_CACHE_MS : ACCOUNT_CACHE_MS) };
    if (!kept_name || !kept_sid) {
        free(kept_name);
        free(kept_sid);
        *r = (struct cached_role){ 0 };
    }
    pthread_mutex_unlock(&d->lock);
}

static int sid_of(struct directory *d, const struct domain *domain, struct slice name, struct text *steps, struct text *sid)
{
    uint8_t binary[68];
    size_t len;
    if (slice_starts_fold(name, SLICE_LITERAL("S-1-")) && facts_sid_binary(name, binary, &len) == 0) {
        text_add(sid, name);
        return text_error(sid);
    }
    for (size_t i = 0; i < sizeof well_known / sizeof well_known[0]; i++)
        if (slice_equal_fold_str(name, well_known[i].name)) {
            text_add_str(sid, well_known[i].sid);
            return text_error(sid);
        }
    if (recall(d, name, sid))
        return text_error(sid);
    int err = ask(d, domain, name, steps, sid);
    if (!err)
        remember(d, name, sid);
    return err;
}

static bool holds(struct slice groups, struct slice sid)
{
    while (groups.ptr)
        if (slice_equal_fold(slice_cut(&groups, '\n'), sid))
            return true;
    return false;
}

int roles_of(struct directory *d, struct slice names, struct slice groups, struct text *steps, struct text *roles_out)
{
    const struct domain *domain;
    int err = directory_domain(d, steps, &domain);
    while (!err && names.ptr) {
        struct slice name = slice_cut(&names, '\n');
        OWNED_TEXT_BUFFER sid = { 0 };
        if (!name.len)
            continue;
        err = sid_of(d, domain, name, steps, &sid);
        if (!err && sid.len && holds(groups, text_slice(&sid))) {
            if (roles_out->len)
                text_add_char(roles_out, '\n');
            text_add(roles_out, name);
        }
    }
    return err ? err : text_error(roles_out);
}
