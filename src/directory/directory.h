/*
 * directory.h - accounts of an Active Directory over LDAP: which one a certificate or a name means, whether a password is
 * its, and what it may.
 *
 * Blocking, thread-safe (one LDAP handle per calling thread, pooled); called from the authenticator's threads and from
 * `sallyport certificate test`.  Nothing is cached as "unavailable".
 */
#pragma once

#include "base/diag.h"
#include "pki/facts.h"

/*   verdict                 win32  what the log says */
#define DIRECTORY_VERDICTS(V)                                                                              \
    V(DIRECTORY_FOUND,        0,     "the certificate maps to an account")                                  \
    V(DIRECTORY_NONE,         1317,  "no account of the directory has this certificate")                    \
    V(DIRECTORY_AMBIGUOUS,    1332,  "more than one account has this certificate")                          \
    V(DIRECTORY_WEAK,         1326,  "the mapping is weak and mappingStrength does not take it")            \
    V(DIRECTORY_SID_DIFFERS,  1326,  "the SID in the certificate is not that of the account")               \
    V(DIRECTORY_NOT_NTAUTH,   0x800B0112u, "the issuing CA does not lie in store NTAuth")                   \
    V(DIRECTORY_DISABLED,     1331,  "the account is disabled")                                             \
    V(DIRECTORY_EXPIRED,      1793,  "the account has expired")                                             \
    V(DIRECTORY_LOCKED_OUT,   1909,  "the account is locked out")                                           \
    V(DIRECTORY_HOURS,        1328,  "the account may not log on at this hour")                             \
    V(DIRECTORY_WORKSTATION,  1329,  "the account may not log on at this computer")                         \
    V(DIRECTORY_MUST_CHANGE,  1907,  "the password must be changed before the first logon")                 \
    V(DIRECTORY_PASSWORD_OLD, 1330,  "the password has expired")                                            \
    V(DIRECTORY_SMARTCARD,    1327,  "the account may log on with a smart card only")                       \
    V(DIRECTORY_BAD_PASSWORD, 1326,  "no such account, or not its password")                                \
    V(DIRECTORY_SPARED,       1909,  "one more wrong password would lock the account out: it was not tried") \
    V(DIRECTORY_NO_IDENTITY,  1332,  "the account has no uidNumber and gidNumber, or too many groups")      \
    V(DIRECTORY_UNAVAILABLE,  1311,  "no controller of the directory answers")

enum directory_verdict {
#define V(name, win32, text) name,
    DIRECTORY_VERDICTS(V)
#undef V
    DIRECTORY_VERDICT_COUNT,
};
uint32_t directory_verdict_win32(enum directory_verdict v);
const char *directory_verdict_text(enum directory_verdict v);

enum directory_strength { STRENGTH_FULL = 0, STRENGTH_COMPATIBILITY = 1, STRENGTH_DISABLED = 2 };

struct directory_config {       /* borrowed by directory_new, which copies */
    struct slice uris;          /* blank-separated: ldaps://dc1 ldap://dc2 (StartTLS) */
    struct slice base;          /* search base DN, "" for the defaultNamingContext */
    struct slice domain;        /* NetBIOS name, "" asks the directory */
    struct slice dns_domain;    /* "" asks the directory */
    struct slice bind_name, bind_password; /* secret */
    struct slice ca_pem;        /* whom to believe as the controllers' CA; "" : none, LDAPS then fails */
    int64_t connect_ms, search_ms; /* 0: 3000, 5000 */
    int64_t cache_ms;           /* how long an account that was found counts; -1: not at all, 0: 60000 */
    int64_t skip_ms;            /* how long a dead controller is skipped; 0: 30000 */
    bool no_lockout_protection; /* try passwords even when the next wrong one locks the account */
};

struct directory;
/* A CRL or delta CRL at an ldap: address (RFC 4516) of this directory.  ERR_UNSUPPORTED, ERR_SYNTAX: the address;
 * ERR_DENIED: of another host; ERR_NOT_FOUND; ERR_TIMEOUT: no controller answers. */
MUST_USE int directory_read_crl(struct directory *d, struct slice address, struct text *crl_out);
/* Whether the certificate (DER) lies in NTAuthCertificates of the forest; `fresh`: now, not a minute ago. */
bool directory_is_ntauth(struct directory *d, struct slice der, bool fresh, struct text *steps);
MUST_USE int directory_new(const struct directory_config *config, struct directory **directory_out, struct diag *d);
void directory_free(struct directory *d); /* nobody may be in it any more */
/* Forget every answer; the next question goes to a controller. */
void directory_flush(struct directory *d);
/* Before a program confines itself: what libldap reads and asks when it is first used. */
void directory_warm_up(void);

struct mapping_rules {
    enum directory_strength strength;   /* mappingStrength */
    unsigned methods;                   /* certificateMappingMethods, Schannel's bits; 0: no narrowing */
    bool issuer_in_ntauth;              /* pki_chain_is_ntauth() */
    bool require_ntauth;                /* requireNTAuth */
    bool implicit_upn_of_all;           /* NAME@dns-domain finds accounts that have another userPrincipalName, too */
    bool allow_issuer_mapping;          /* tier 6 */
    struct slice issuers;               /* for it: the CAs of the chain (pki_chain_add_issuers) */
    bool match_published;               /* matchPublishedCertificate */
    int64_t backdating_minutes;         /* certificateBackdatingCompensation */
    int64_t at;                         /* seconds since the epoch */
    struct slice workstation;           /* "" : not checked */
    bool fresh;                         /* no answer of a moment ago will do */
    bool elsewhen;                      /* `at` is not now: no answer is taken from the cache, none is left there */
    bool by_password;                   /* also what concerns passwords alone: expired, must change, smart card */
    bool with_ids;                      /* gidNumber of every group too */
};

struct directory_account {
    struct slice name;                  /* sAMAccountName */
    struct slice domain;                /* NetBIOS */
    struct slice dns_domain;
    struct slice upn, dn, sid;
    struct slice groups;                /* SIDs, one per line: tokenGroups, Everyone, Authenticated Users, Network */
    struct slice roles;                 /* those names of `role_names` that are among the groups, one per line */
    struct slice ftp_root, ftp_dir;     /* msIIS-FTPRoot, msIIS-FTPDir; "" */
    bool has_uid;
    uint32_t uid, gid;                  /* uidNumber, gidNumber */
    struct slice gids;                  /* with_ids: gidNumber of the groups, u32 little-endian */
    unsigned tier;                      /* 1..6 */
    bool strong;
    struct text pool;                   /* owns the texts */
};
void directory_account_free(struct directory_account *a);

/* `role_names`: the roles of the configuration, one per line (name, DOMAIN\name, SID, BUILTIN\Users).  With
 * DIRECTORY_FOUND the caller frees *account_out; with the verdicts about an account (disabled ...) too; otherwise it is
 * untouched. */
enum directory_verdict directory_map(struct directory *d, const struct cert_facts *facts,
                                     const struct mapping_rules *rules, struct slice role_names, struct text *steps,
                                     struct directory_account *account_out);

struct directory_logon {
    struct slice name;                  /* as typed: DOMAIN\\user, user@domain, user */
    struct slice domain;                /* of a name without one */
    struct slice password;
};
/* Whether the password is that of the account that the name means, asked by a bind as that account; an empty one is
 * DIRECTORY_BAD_PASSWORD before any question.  A name of another domain is DIRECTORY_NONE.  The account as by
 * directory_map.  Nothing is cached. */
enum directory_verdict directory_log_on(struct directory *d, const struct directory_logon *logon,
                                        const struct mapping_rules *rules, struct slice role_names, struct text *steps,
                                        struct directory_account *account_out);
/* The same for an account that directory_map has found. */
enum directory_verdict directory_prove(struct directory *d, const struct directory_account *account, struct slice password,
                                       struct text *steps);

/* The account that the name means, without a password: somebody else has proved who it is. */
enum directory_verdict directory_name(struct directory *d, const struct directory_logon *logon, const struct mapping_rules *rules,
                                      struct slice role_names, struct text *steps, struct directory_account *account_out);

/* The account with that SID as it is now. */
enum directory_verdict directory_look_up(struct directory *d, struct slice sid, const struct mapping_rules *rules,
                                         struct slice role_names, struct text *steps, struct directory_account *account_out);

/* msIIS-FTPRoot and msIIS-FTPDir of the account with that SID over `root` and `dir`, from an answer that is at most
 * `max_age_ms` old.  DIRECTORY_FOUND even when it has none: then they are empty. */
enum directory_verdict directory_home(struct directory *d, struct slice sid, int64_t max_age_ms, struct text *steps,
                                      struct text *root, struct text *dir);
