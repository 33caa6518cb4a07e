/*
 * address_rules.h - ipSecurity: which client addresses may use a path.
 *
 * The rules are those of the longest configured path that contains the path asked for, from top to bottom; the first
 * that matches decides, then allowUnlisted.  Host names take part where a rule has one (enableReverseDns); a name counts only
 * when it leads back to the address (threats.md A12, H09).
 */
#pragma once

#include "base/net_addr.h"
#include "policy/reason.h"

/* Whether `client` is allowed at `path`.  A client without address is let in by nothing but a list without rules that
 * allows the unlisted; a site without any list lets nobody in: the loader always gives it one.  `why` may be NULL. */
bool address_rules_allow(const struct snapshot *s, const struct snap_site *site, struct slice path,
                         const struct net_addr *client, struct reason *why);

/* Rules by domain name need a name.  Before anybody has looked it up (the worker, when somebody connects) such a rule lets
 * pass what reaches it: the broker asks again at the login and at every command, with the name or with NAME_UNKNOWN
 * where it could not be found out, which every rule that denies a name matches and none that allows one. */
#define NAME_UNKNOWN "?"
bool address_rules_allow_named(const struct snapshot *s, const struct snap_site *site, struct slice path,
                               const struct net_addr *client, struct slice name, struct reason *why);
/* Whether it is allowed at `path` and everywhere below. */
bool address_rules_allow_below(const struct snapshot *s, const struct snap_site *site, struct slice path,
                               const struct net_addr *client, struct slice name);
/* "*" stands for any part of a name; letters compare without regard to case. */
bool address_rules_name_matches(struct slice pattern, struct slice name);

/* Whether the server names this very address as allowed: it is not denied by failures, and gets no penalty. */
bool address_rules_exempt(const struct snapshot *s, const struct net_addr *client);

/* One rule as the loader compiles it.  `address`: IPv4 or IPv6, with "/n" behind it as an extension; `mask`: dotted for
 * IPv4, a prefix length for either; IIS's default 255.255.255.255 means the single address.  ERR_SYNTAX, ERR_RANGE. */
MUST_USE int address_rule_parse(struct slice address, struct slice mask, struct snap_address *rule_out);
bool address_rule_matches(const struct snap_address *rule, const struct net_addr *client);
/* Whether the rule names one address and no network. */
bool address_rule_is_single(const struct snap_address *rule);
