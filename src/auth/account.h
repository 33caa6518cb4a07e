/*
 * account.h - whom a name means, and what a site lets that kind of account do.  Pure.
 *
 * Every question "may this account be logged in on this site" is answered by account_is_allowed and nowhere else: at
 * the login, once more when the broker has accepted the grant, and for every live login when the configuration changes
 * (threats.md A08, A15).
 */
#pragma once

#include "policy/reason.h"
#include "proto/grant.h"
#include "snapshot/snapshot.h"

/* How somebody proves who he is; the same bits say what a site has on. */
enum account_kind {
    ACCOUNT_ANONYMOUS = 1,
    ACCOUNT_IIS_MANAGER = 2,
    ACCOUNT_SYSTEM = 4,
    ACCOUNT_OTHER_PROVIDER = 8, /* a provider that we cannot run: it is on, and nobody gets in through it */
    ACCOUNT_MEMBERSHIP = 32, /* of the ASP.NET membership */
    ACCOUNT_DIRECTORY = 16, /* of the Active Directory, named by a certificate or with its password */
};

/* "anonymous" and "ftp", without regard to case. */
bool account_is_anonymous_name(struct slice name);

/* What the site has on: account_kind bits; 0 when all authentication methods are disabled (sub-status 36). */
unsigned account_kinds(const struct snapshot *s, const struct snap_site *site);
/* Which of `kinds` the site's list of providers names first; 0: none. */
enum account_kind account_first_provider(const struct snapshot *s, const struct snap_site *site, unsigned kinds);

/* The IIS Manager user of that name without regard to case, NULL if there is none (threats.md A10). */
const struct snap_user *account_user(const struct snapshot *s, struct slice name);

/* Whether the IIS Manager user may be logged in on the site, his password apart; `why` (may be NULL) says what decided. */
bool account_manager_allows(const struct snapshot *s, const struct snap_site *site, struct slice name, struct reason *why);

/* Whether IIS Manager users can log in at all: the Management Service is there and takes their credentials. */
bool account_manager_is_open(const struct snapshot *s);

/* `user` is the canonical name (unused for other kinds than IIS Manager).  All of ftp-behaviour.md 4.1 but the
 * password, the authorization rules and the home directory; the last two are the broker's. */
bool account_is_allowed(const struct snapshot *s, enum account_kind kind, uint32_t site, struct slice user);

/* The same for a login by certificate: the site has clientCertAuthentication on and asks for certificates; an IIS Manager
 * user needs his permission for the site, but no provider, since nobody asks for his password. */
bool account_is_allowed_by_certificate(const struct snapshot *s, enum account_kind kind, uint32_t site,
                                       struct slice user);

/* The account name in "name", "DOMAIN\name" or "name@DOMAIN" for Basic authentication.  The machine itself, "." and
 * "NT AUTHORITY" mean local accounts; any other domain is ERR_UNSUPPORTED.  Without a domain `default_domain`
 * (defaultLogonDomain) counts.  ERR_SYNTAX: nothing, or no name that an account could have. */
MUST_USE int account_system_name(struct slice typed, struct slice machine, struct slice default_domain,
                                 struct slice *name_out);

/* The row of sallyport/identities for the name that logs show, NULL: none.  A name with a Kelvin sign is not that with a k. */
const struct snap_account_map *account_mapped(const struct snapshot *s, struct slice name);

/* The PAM service that stands for an IIS logonMethod. */
struct slice account_pam_service(const struct snapshot *s, uint32_t logon_method);

/* ---- an identity that was established ---- */
struct identity {
    enum account_kind kind;
    uint32_t uid, gid; /* ACCOUNT_SYSTEM; ACCOUNT_ANONYMOUS served by an account of its own, else 0; with has_ids */
    bool has_ids;      /* `uid`, `gid` and `groups` are known of another kind of account too (fileAccessIdentity) */
    uint64_t certificate; /* number of the certificate that named it, 0: a password did */
    uint64_t shown;       /* of the one the session showed, whoever named the account; 0 none */
    struct slice user; /* canonical, "" for anonymous; borrowed unless made by identity_copy */
    struct slice groups, roles;
    struct slice sid;  /* ACCOUNT_DIRECTORY, whose `user` is DOMAIN\name */
    struct slice dns_domain, principal; /* ... its other names, which rules may use */
    struct slice mapped; /* ... as an entry of the site's certificate mappings names it, "" when the directory mapped it */
};
/* One allocation owns the texts; free with identity_free. */
MUST_USE int identity_copy(const struct identity *from, struct identity **to_out);
void identity_free(struct identity *identity);
