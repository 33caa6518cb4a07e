/*
 * map.c - which account a certificate means.
 *
 * One tier after the other, the first with a hit decides; within a tier everything that is found must be one account.
 * Explicit strong forms come before names, so that a name in the certificate cannot shadow them.  What the directory finds is
 * compared once more with the certificate, field by field: a directory ignores accents, kana type and width, and the
 * text of one form could be made to look like another (threats.md C03).
 */
#include <stdlib.h>

#include "base/fold.h"
#include "directory/directory_priv.h"
#include "directory/text_forms.h"
#include "pki/chain.h"

enum { /* certificateMappingMethods, as Schannel numbers them */
    METHOD_SUBJECT_ISSUER = 1,
    METHOD_ISSUER = 2,
    METHOD_UPN = 4,
    METHOD_S4U2SELF = 8,
    METHOD_EXPLICIT = 0x10,
};

struct search {
    struct directory *d;
    const struct cert_facts *facts;
    const struct mapping_rules *rules;
    const struct domain *domain;
    struct text *steps;
    struct hit *hit;
    unsigned tier;
    struct slice upn, ca; /* the one being looked for */
};

typedef bool agrees_fn(const struct search *s, const struct ldap_answer *answer, LDAPMessage *entry);

static void tell(const struct search *s, const char *what)
{
    if (s->steps)
        text_addf(s->steps, "mapping tier %u: %s\n", s->tier, what);
}

/* ---- what is found must agree with the certificate ---- */

static bool same(struct slice directory, struct slice certificate)
{
    return directory.len && fold_equal(directory, certificate);
}

/* Some tools keep the 00 that pads a serial number in DER, as trailing 00 of the reversed form, and some do not. */
static struct slice without_pad(struct slice serial)
{
    return serial.len > 2 && slice_ends(serial, SLICE_LITERAL("00")) ? slice_first(serial, serial.len - 2) : serial;
}

static bool is_strong_form(const struct alt_identity *a, const struct cert_facts *f)
{
    if (a->serial_reversed.len)
        return same(a->issuer, f->issuer) && same(without_pad(a->serial_reversed), without_pad(f->serial_reversed));
    if (a->sid.len)
        return same(a->issuer, f->issuer) && same(a->sid, f->sid);
    return same(a->ski, f->ski) || same(a->sha1_pukey, f->sha1_pukey) || same(a->sha1_pukey, f->sha1_spki);
}

static bool is_form_of_tier(const struct search *s, const struct alt_identity *a)
{
    const struct cert_facts *f = s->facts;
    bool weak_only = !a->serial_reversed.len && !a->sid.len && !a->ski.len && !a->sha1_pukey.len;
    switch (s->tier) {
    case 1:
        return is_strong_form(a, f);
    case 4:
        return weak_only && same(a->issuer, f->issuer) && same(a->subject, f->subject);
    case 5:
        if (!weak_only || a->issuer.len)
            return false;
        if (a->subject.len)
            return !a->rfc822.len && same(a->subject, f->subject);
        for (size_t i = 0; i < f->rfc822_count; i++)
            if (same(a->rfc822, f->rfc822[i]))
                return true;
        return false;
    case 6:
        return weak_only && !a->subject.len && !a->rfc822.len && same(a->issuer, s->ca);
    default:
        return false;
    }
}

static bool agrees_alternative(const struct search *s, const struct ldap_answer *answer, LDAPMessage *entry)
{
    bool agrees = false;
    struct berval **values = ldap_answer_values(answer, entry, "altSecurityIdentities");
    for (size_t i = 0; values && values[i] && !agrees; i++) {
        struct alt_identity a = { 0 };
        if (alt_identity_parse(slice_of(values[i]->bv_val, values[i]->bv_len), &a) == 0)
            agrees = is_form_of_tier(s, &a);
    }
    ldap_value_free_len(values);
    return agrees;
}

static bool agrees_published(const struct search *s, const struct ldap_answer *answer, LDAPMessage *entry)
{
    static const char *const names[] = { "userCertificate", "userCertificate;binary" };
    bool agrees = false;
    for (size_t n = 0; n < 2; n++) {
        struct berval **values = ldap_answer_values(answer, entry, names[n]);
        for (size_t i = 0; values && values[i]; i++)
            agrees |= slice_equal(slice_of(values[i]->bv_val, values[i]->bv_len), s->facts->der);
        ldap_value_free_len(values);
    }
    return agrees;
}

static bool agrees_upn(const struct search *s, const struct ldap_answer *answer, LDAPMessage *entry)
{
    OWNED_TEXT_BUFFER value = { 0 };
    return ldap_answer_text(answer, entry, "userPrincipalName", &value) && same(text_slice(&value), s->upn);
}

static bool agrees_implicit(const struct search *s, const struct ldap_answer *answer, LDAPMessage *entry)
{
    OWNED_TEXT_BUFFER value = { 0 };
    return ldap_answer_text(answer, entry, "sAMAccountName", &value) &&
           same(text_slice(&value), slice_first(s->upn, slice_find_last(s->upn, '@')));
}

static bool agrees_sid(const struct search *s, const struct ldap_answer *answer, LDAPMessage *entry)
{
    (void)s;
    (void)answer;
    (void)entry;
    return true; /* objectSid is compared for every hit */
}

/* ---- one search ---- */

MUST_USE static enum directory_verdict keep(struct search *s, const struct ldap_answer *answer, LDAPMessage *entry)
{
    OWNED_TEXT_BUFFER binary = { 0 }, sid = { 0 };
    if (!ldap_answer_text(answer, entry, "objectSid", &binary) || ldap_text_add_sid(&sid, text_slice(&binary)))
        return DIRECTORY_UNAVAILABLE;
    if (s->hit->sid.len)
        return slice_equal(text_slice(&sid), text_slice(&s->hit->sid)) ? DIRECTORY_FOUND : DIRECTORY_AMBIGUOUS;
    text_add(&s->hit->sid, text_slice(&sid));
    return ldap_answer_dn(answer, entry, &s->hit->dn) || text_error(&s->hit->sid) ? DIRECTORY_UNAVAILABLE : DIRECTORY_FOUND;
}

/* Look for accounts with `part`; FOUND: there is one, the same as any before it; NONE: there is none. */
MUST_USE static enum directory_verdict look(struct search *s, struct slice part, agrees_fn *agrees)
{
    static const char *const attributes[] = { "objectSid",       "userPrincipalName",      "sAMAccountName", "altSecurityIdentities",
                                              "userCertificate", "userCertificate;binary", NULL };
    OWNED_TEXT_BUFFER filter = { 0 };
    text_add_str(&filter, "(&");
    filter_add_person(&filter, s->domain);
    text_add(&filter, part);
    text_add_char(&filter, ')');
    if (text_error(&filter))
        return DIRECTORY_UNAVAILABLE;
    const struct ldap_query query = { s->domain->base, LDAP_SCOPE_SUBTREE, text_str(&filter), attributes, 3 };
    OWNED_ANSWER answer = { 0 };
    int err = ldap_pool_search(s->d->pool, &query, s->steps, &answer);
    if (err == ERR_LIMIT)
        return DIRECTORY_AMBIGUOUS;
    if (err)
        return err == ERR_NOT_FOUND ? DIRECTORY_NONE : DIRECTORY_UNAVAILABLE;
    enum directory_verdict found = DIRECTORY_NONE;
    for (LDAPMessage *entry = NULL; (entry = ldap_answer_next(&answer, entry));) {
        if (!agrees(s, &answer, entry)) {
            tell(s, "the directory found an account, but what it holds is not what the certificate says");
            continue;
        }
        found = keep(s, &answer, entry);
        if (found != DIRECTORY_FOUND)
            return found;
    }
    return found;
}

/* ---- the tiers ---- */

static void add_alternative(struct text *filter, struct slice a_tag, struct slice a, struct slice b_tag, struct slice b)
{
    text_add_str(filter, "(altSecurityIdentities=X509:");
    text_add(filter, a_tag);
    ldap_text_add_filter(filter, a);
    text_add(filter, b_tag);
    ldap_text_add_filter(filter, b);
    text_add_char(filter, ')');
}

#define TAG(text) SLICE_LITERAL(text)

static enum directory_verdict tier_explicit(struct search *s)
{
    const struct cert_facts *f = s->facts;
    OWNED_TEXT_BUFFER filter = { 0 }, padded = { 0 };
    text_add_str(&filter, "(|");
    if (f->issuer.len && f->serial_reversed.len) {
        text_add(&padded, without_pad(f->serial_reversed));
        add_alternative(&filter, TAG("<I>"), f->issuer, TAG("<SR>"), text_slice(&padded));
        text_add_str(&padded, "00");
        add_alternative(&filter, TAG("<I>"), f->issuer, TAG("<SR>"), text_slice(&padded));
    }
    if (f->ski.len)
        add_alternative(&filter, TAG("<SKI>"), f->ski, SLICE_NONE, SLICE_NONE);
    if (f->sha1_pukey.len)
        add_alternative(&filter, TAG("<SHA1-PUKEY>"), f->sha1_pukey, SLICE_NONE, SLICE_NONE);
    if (f->sha1_spki.len)
        add_alternative(&filter, TAG("<SHA1-PUKEY>"), f->sha1_spki, SLICE_NONE, SLICE_NONE);
    if (f->issuer.len && f->sid.len)
        add_alternative(&filter, TAG("<I>"), f->issuer, TAG("<SID>"), f->sid);
    text_add_char(&filter, ')');
    enum directory_verdict verdict = filter.len > 3 ? look(s, text_slice(&filter), agrees_alternative) : DIRECTORY_NONE;
    if (verdict != DIRECTORY_NONE || !s->rules->match_published)
        return verdict;
    OWNED_TEXT_BUFFER published = { 0 };
    text_add_str(&published, "(userCertificate=");
    ldap_text_add_filter(&published, f->der);
    text_add_char(&published, ')');
    return look(s, text_slice(&published), agrees_published);
}

static enum directory_verdict look_for_upn(struct search *s)
{
    OWNED_TEXT_BUFFER filter = { 0 };
    text_add_str(&filter, "(userPrincipalName=");
    ldap_text_add_filter(&filter, s->upn);
    text_add_char(&filter, ')');
    enum directory_verdict verdict = look(s, text_slice(&filter), agrees_upn);
    size_t at = slice_find_last(s->upn, '@');
    if (verdict != DIRECTORY_NONE || at == SIZE_MAX || at == 0 ||
        !slice_equal_fold_str(slice_from(s->upn, at + 1), s->domain->dns))
        return verdict;
    text_reset(&filter);
    text_add_str(&filter, s->rules->implicit_upn_of_all ? "(sAMAccountName=" : "(!(userPrincipalName=*))(sAMAccountName=");
    ldap_text_add_filter(&filter, slice_first(s->upn, at));
    text_add_char(&filter, ')');
    return look(s, text_slice(&filter), agrees_implicit);
}

static enum directory_verdict tier_upn(struct search *s)
{
    enum directory_verdict found = DIRECTORY_NONE;
    for (size_t i = 0; i < s->facts->upn_count; i++) {
        s->upn = s->facts->upn[i];
        enum directory_verdict verdict = look_for_upn(s);
        if (verdict != DIRECTORY_FOUND && verdict != DIRECTORY_NONE)
            return verdict;
        found = verdict == DIRECTORY_FOUND ? verdict : found;
    }
    return found;
}

int filter_add_sid(struct text *filter, struct slice sid)
{
    uint8_t binary[68];
    size_t len;
    int err = facts_sid_binary(sid, binary, &len);
    if (err)
        return err;
    text_add_str(filter, "(objectSid=");
    for (size_t i = 0; i < len; i++)
        text_addf(filter, "\\%02x", binary[i]);
    text_add_char(filter, ')');
    return text_error(filter);
}

static enum directory_verdict tier_sid(struct search *s)
{
    OWNED_TEXT_BUFFER filter = { 0 };
    if (s->facts->upn_count || !s->facts->sid.len)
        return DIRECTORY_NONE;
    return filter_add_sid(&filter, s->facts->sid) ? DIRECTORY_NONE : look(s, text_slice(&filter), agrees_sid);
}

static enum directory_verdict tier_issuer_subject(struct search *s)
{
    OWNED_TEXT_BUFFER filter = { 0 };
    if (!s->facts->issuer.len || !s->facts->subject.len)
        return DIRECTORY_NONE;
    add_alternative(&filter, TAG("<I>"), s->facts->issuer, TAG("<S>"), s->facts->subject);
    return look(s, text_slice(&filter), agrees_alternative);
}

static enum directory_verdict tier_names(struct search *s)
{
    OWNED_TEXT_BUFFER filter = { 0 };
    text_add_str(&filter, "(|");
    if (s->facts->subject.len)
        add_alternative(&filter, TAG("<S>"), s->facts->subject, SLICE_NONE, SLICE_NONE);
    for (size_t i = 0; i < s->facts->rfc822_count; i++)
        add_alternative(&filter, TAG("<RFC822>"), s->facts->rfc822[i], SLICE_NONE, SLICE_NONE);
    text_add_char(&filter, ')');
    return filter.len > 3 ? look(s, text_slice(&filter), agrees_alternative) : DIRECTORY_NONE;
}

static enum directory_verdict look_for_ca(struct search *s, struct slice name)
{
    OWNED_TEXT_BUFFER filter = { 0 };
    s->ca = name;
    if (!name.len)
        return DIRECTORY_NONE;
    add_alternative(&filter, TAG("<I>"), name, SLICE_NONE, SLICE_NONE);
    return look(s, text_slice(&filter), agrees_alternative);
}

/* The CA that issued the certificate, then the one that issued that one, up to the root. */
static enum directory_verdict tier_issuer(struct search *s)
{
    struct slice rest = s->rules->issuers, der;
    if (!s->rules->allow_issuer_mapping)
        return DIRECTORY_NONE;
    enum directory_verdict verdict = look_for_ca(s, s->facts->issuer);
    while (verdict == DIRECTORY_NONE && pki_chain_cut(&rest, &der)) {
        struct cert_facts ca;
        const char *why;
        if (facts_read(der, &ca, &why))
            continue;
        if (!slice_equal(ca.subject, s->facts->issuer))
            verdict = look_for_ca(s, ca.subject);
        facts_free(&ca);
    }
    return verdict;
}

static const struct {
    const char *name;
    bool strong;
    unsigned methods; /* any of these lets it be tried */
    enum directory_verdict (*find)(struct search *s);
} tiers[] = {
    { "issuer and serial number, SKI or public key in altSecurityIdentities", true, METHOD_EXPLICIT, tier_explicit },
    { "userPrincipalName",                          false, METHOD_UPN | METHOD_S4U2SELF, tier_upn },
    { "objectSid",                                  true,  METHOD_S4U2SELF | METHOD_EXPLICIT, tier_sid },
    { "issuer and subject in altSecurityIdentities", false, METHOD_SUBJECT_ISSUER | METHOD_EXPLICIT, tier_issuer_subject },
    { "subject or mail address in altSecurityIdentities", false, METHOD_EXPLICIT, tier_names },
    { "issuer in altSecurityIdentities",            false, METHOD_ISSUER, tier_issuer },
};
enum { TIERS_WITHOUT_NTAUTH = 1 }; /* the strong explicit forms */

enum directory_verdict map_find(struct directory *d, const struct cert_facts *facts, const struct mapping_rules *rules,
                                struct text *steps, struct hit *hit)
{
    struct search s = { .d = d, .facts = facts, .rules = rules, .steps = steps, .hit = hit };
    if (!rules->issuer_in_ntauth && rules->require_ntauth)
        return DIRECTORY_NOT_NTAUTH;
    if (directory_domain(d, steps, &s.domain))
        return DIRECTORY_UNAVAILABLE;
    size_t count = rules->issuer_in_ntauth ? sizeof tiers / sizeof tiers[0] : TIERS_WITHOUT_NTAUTH;
    for (size_t i = 0; i < count; i++) {
        s.tier = (unsigned)i + 1;
        if (rules->methods && !(rules->methods & tiers[i].methods))
            continue;
        enum directory_verdict verdict = tiers[i].find(&s);
        if (verdict == DIRECTORY_NONE)
            continue;
        tell(&s, verdict == DIRECTORY_FOUND ? tiers[i].name : directory_verdict_text(verdict));
        hit->tier = s.tier;
        hit->strong = tiers[i].strong;
        return verdict;
    }
    return rules->issuer_in_ntauth ? DIRECTORY_NONE : DIRECTORY_NOT_NTAUTH;
}
