/*
 * explain.h - what the parts of `sallyport explain` share.
 *
 *   explain.c         the checks of a connection      explain_login.c     who somebody would be
 *   explain_path.c    those of a command and its path  explain_session.c   what the running service logged
 *
 * The configuration is compiled as the service would, and the functions that decide there are asked here: nothing in these
 * files decides anything itself.
 */
#pragma once

#include "cli/cli.h"
#include "cli/instance_files.h"
#include "policy/reason.h"
#include "proto/grant.h"
#include "snapshot/snapshot.h"
#include "sys/machine.h"

struct standing;
struct fixed_accounts;

struct explain {
    struct cli *c;
    struct instance_files files;
    struct text bytes;     /* of the snapshot */
    struct snapshot *s;
    const struct snap_site *site;
    struct slice user, verb;
    struct net_addr from;  /* family 0: not given */
    bool is_secure;        /* a client would have begun TLS */
    bool has_certificate;  /* it logs in, without a password */
    struct text account;   /* fields of control_account: whom the certificate stands for; empty: not told */
    char *path;            /* as typed, NULL: not given */
    struct standing *as;   /* of the login, NULL: nobody would be let in */
    struct fixed_accounts *fixed; /* of virtual directories, by name of this machine */
    unsigned number;       /* of checks told */
    const char *refused_by; /* the first one that refused, NULL: none */
    unsigned substatus;
};

/* Whom a method would let in. */
enum { EXPLAIN_GROUPS_MOST = 1024 };
struct explain_candidate {
    struct grant_give give;
    char machine[MACHINE_NAME]; /* the name of this one */
    struct text roles;
    uint32_t groups[EXPLAIN_GROUPS_MOST];
    bool is_found, takes_roles;
};

/* Where the setting of the site is written. */
#define EXPLAIN_ORIGIN(e, member) snapshot_origin_of((e)->s, (e)->site->origins, offsetof(struct snap_site, member))

enum explain_outcome { EXPLAIN_OK, EXPLAIN_REFUSED, EXPLAIN_NOT_ASKED };
/* One line: number, check, outcome, why.  The first refusal is kept as the result. */
void explain_say(struct explain *e, const char *check, enum explain_outcome outcome, unsigned substatus,
                 const struct reason *why);
void explain_sayf(struct explain *e, const char *check, enum explain_outcome outcome, unsigned substatus, const char *fmt,
                  ...) FORMAT_LIKE_PRINTF(5, 6);

/* The methods of authentication; *who says whom they would let in. */
void explain_login(struct explain *e, struct explain_candidate *who);
/* The command's checks, for a login that would succeed. */
MUST_USE int explain_path(struct explain *e);
/* The broker's verb for the handler of an FTP command; 0 when it asks for nothing of the kind. */
unsigned explain_broker_verb(unsigned handler);
/* What the service logged about the session, in the log folders of the configuration. */
MUST_USE int explain_session(struct cli *c, struct slice session, const struct snapshot *snapshot);
