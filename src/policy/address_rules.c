/* address_rules.c - see address_rules.h. */
#include "policy/address_rules.h"

#include "policy/vpath.h"

enum { WORDS = 4 };

static struct slice word_text(struct slice *rest)
{
    return slice_trim(slice_cut(rest, '/'));
}

/* The address as four numbers, most significant first; IPv4 fills the first. */
static void words_of(const struct net_addr *a, uint32_t words_out[WORDS])
{
    for (size_t i = 0; i < WORDS; i++) {
        const uint8_t *b = a->ip + 4 * i;
        words_out[i] = a->family == 4 && i ? 0
                     : (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    }
}

static void prefix_mask(unsigned bits, uint32_t words_out[WORDS])
{
    for (size_t i = 0; i < WORDS; i++, bits = bits > 32 ? bits - 32 : 0)
        words_out[i] = bits >= 32 ? UINT32_MAX : bits ? UINT32_MAX << (32 - bits) : 0;
}

static int parse_mask(struct slice mask, unsigned width, uint32_t words_out[WORDS])
{
    struct net_addr dotted;
    uint64_t bits;
    if (!mask.len || slice_equal_str(mask, "255.255.255.255")) {
        prefix_mask(width, words_out);
        return 0;
    }
    if (!slice_has_byte(mask, '.')) {
        int err = slice_to_u64(mask, width, &bits);
        if (!err)
            prefix_mask((unsigned)bits, words_out);
        return err;
    }
    if (width != 32 || net_addr_parse(mask, &dotted) || dotted.family != 4)
        return ERR_SYNTAX;
    words_of(&dotted, words_out);
    return 0;
}

int address_rule_parse(struct slice address, struct slice mask, struct snap_address *rule_out)
{
    struct net_addr a;
    uint32_t ip[WORDS], bits[WORDS];
    struct slice rest = slice_trim(address), host = word_text(&rest);
    if (net_addr_parse(host, &a))
        return ERR_SYNTAX;
    mask = slice_trim(mask);
    if (rest.ptr) { /* "10.0.0.0/8": a mask beside it must say nothing */
        if (mask.len && !slice_equal_str(mask, "255.255.255.255"))
            return ERR_SYNTAX;
        mask = slice_trim(rest);
        if (!mask.len || slice_has_byte(mask, '.'))
            return ERR_SYNTAX;
    }
    int err = parse_mask(mask, a.family == 4 ? 32 : 128, bits);
    if (err)
        return err;
    words_of(&a, ip);
    *rule_out = (struct snap_address){
        .family = a.family,
        .ip0 = ip[0] & bits[0], .ip1 = ip[1] & bits[1], .ip2 = ip[2] & bits[2], .ip3 = ip[3] & bits[3],
        .mask0 = bits[0], .mask1 = bits[1], .mask2 = bits[2], .mask3 = bits[3],
    };
    if (a.family == 4)
        rule_out->mask1 = rule_out->mask2 = rule_out->mask3 = 0;
    return 0;
}

bool address_rule_matches(const struct snap_address *rule, const struct net_addr *client)
{
    uint32_t ip[WORDS];
    if (!client->family || rule->family != client->family)
        return false;
    words_of(client, ip);
    return (ip[0] & rule->mask0) == rule->ip0 && (ip[1] & rule->mask1) == rule->ip1 &&
           (ip[2] & rule->mask2) == rule->ip2 && (ip[3] & rule->mask3) == rule->ip3;
}

bool address_rule_is_single(const struct snap_address *rule)
{
    return rule->mask0 == UINT32_MAX &&
           (rule->family == 4 || (rule->mask1 == UINT32_MAX && rule->mask2 == UINT32_MAX && rule->mask3 == UINT32_MAX));
}

bool address_rules_name_matches(struct slice pattern, struct slice name)
{
    for (; pattern.len; pattern = slice_from(pattern, 1)) {
        if (pattern.ptr[0] == '*') {
            for (size_t skip = 0; skip <= name.len; skip++)
                if (address_rules_name_matches(slice_from(pattern, 1), slice_from(name, skip)))
                    return true;
            return false;
        }
        if (!name.len || ascii_lower(pattern.ptr[0]) != ascii_lower(name.ptr[0]))
            return false;
        name = slice_from(name, 1);
    }
    return !name.len;
}

enum match { MATCH_NO, MATCH_YES, MATCH_LATER };

/* `name` without a pointer: nobody has looked it up. */
static enum match rule_matches(const struct snapshot *s, const struct snap_address *rule, const struct net_addr *client,
                               struct slice name)
{
    struct slice pattern = snapshot_text(s, rule->name);
    if (rule->family || !pattern.len)
        return address_rule_matches(rule, client) ? MATCH_YES : MATCH_NO;
    if (!name.ptr)
        return MATCH_LATER;
    if (slice_equal_str(name, NAME_UNKNOWN))
        return rule->allowed ? MATCH_NO : MATCH_YES;
    return name.len && address_rules_name_matches(pattern, name) ? MATCH_YES : MATCH_NO;
}

static bool scope_allows(const struct snapshot *s, const struct snap_address_scope *scope, const struct net_addr *client,
                         struct slice name, struct reason *why)
{
    if (!client->family && scope->addresses.count) {
        reason_set(why, 0, "a client without address is never allowed where ipSecurity has rules");
        return false;
    }
    for (uint32_t i = 0; i < scope->addresses.count; i++) {
        const struct snap_address *rule = snapshot_address(s, scope->addresses.first + i);
        enum match match = rule ? rule_matches(s, rule, client, name) : MATCH_YES;
        if (match == MATCH_NO)
            continue;
        bool is_allowed = match == MATCH_LATER || (rule && rule->allowed);
        reason_set(why, rule ? rule->source : 0, "ipSecurity rule %u of \"" SLICE_FMT "\" %s", i + 1,
                   SLICE_ARG(slice_first(snapshot_text(s, scope->path), 120)),
                   match == MATCH_LATER ? "needs the client's name, which is looked up at the login"
                   : is_allowed         ? "allows the address"
                                        : "denies the address");
        return is_allowed;
    }
    reason_set(why, snapshot_origin_of(s, scope->origins, offsetof(struct snap_address_scope, allow_unlisted)),
               "no ipSecurity rule names the address, and allowUnlisted is %s", scope->allow_unlisted ? "true" : "false");
    return scope->allow_unlisted;
}

bool address_rules_allow_named(const struct snapshot *s, const struct snap_site *site, struct slice path,
                               const struct net_addr *client, struct slice name, struct reason *why)
{
    for (uint32_t i = 0; i < site->address_scopes.count; i++) { /* longest first */
        const struct snap_address_scope *scope = snapshot_address_scope(s, site->address_scopes.first + i);
        if (scope && vpath_is_below(path, snapshot_text(s, scope->path), NULL))
            return scope_allows(s, scope, client, name, why);
    }
    reason_set(why, 0, "the site has no ipSecurity");
    return false;
}

bool address_rules_allow(const struct snapshot *s, const struct snap_site *site, struct slice path,
                         const struct net_addr *client, struct reason *why)
{
    return address_rules_allow_named(s, site, path, client, SLICE_NONE, why);
}

bool address_rules_allow_below(const struct snapshot *s, const struct snap_site *site, struct slice path,
                               const struct net_addr *client, struct slice name)
{
    for (uint32_t i = 0; i < site->address_scopes.count; i++) {
        const struct snap_address_scope *scope = snapshot_address_scope(s, site->address_scopes.first + i);
        if (scope && vpath_is_below(snapshot_text(s, scope->path), path, NULL) && !scope_allows(s, scope, client, name, NULL))
            return false;
    }
    return address_rules_allow_named(s, site, path, client, name, NULL);
}

bool address_rules_exempt(const struct snapshot *s, const struct net_addr *client)
{
    const struct snap_range exempt = snapshot_server(s, 0)->never_denied;
    for (uint32_t i = 0; i < exempt.count; i++) {
        const struct snap_address *rule = snapshot_address(s, exempt.first + i);
        if (rule && address_rule_matches(rule, client))
            return true;
    }
    return false;
}
