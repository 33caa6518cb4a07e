/*
 * place.h - a canonical path on its way to a file: mapped, judged, opened.
 *
 * place_map() is pure policy; place_enter() and what follows touch the disk and run under the identity of the grant.
 * Everything below a mapping is resolved by the kernel beneath a descriptor of the mapping's directory, so neither
 * links nor ".." nor a directory swapped meanwhile lead out of it (threats.md F01-F04).
 */
#pragma once

#include "policy/authorization.h"
#include "policy/directory_map.h"

enum { PLACE_NAME_MAX = 255 };

/* How a session sees the site; userIsolation decides. */
struct place_view {
    struct slice home;      /* the path in the site that the session calls "/"; "" no confinement */
    struct slice domain;    /* of its account */
    struct slice physical;  /* mode ActiveDirectory: a directory of this machine, and the home below it, which is "/" */
    struct slice below;
};

struct place {
    const struct snapshot *snapshot; /* borrowed, as `shown` is */
    const struct snap_site *site;
    struct slice shown;              /* as the client names it */
    struct slice path;               /* as rules and mappings know it */
    struct text full;                /* home and `shown` */
    struct slice home, domain;       /* of the view; `home` is "" where it does not confine */
    struct slice physical;           /* of the view; where it is set no mapping counts and `directory` is NULL */
    bool fold;                       /* find names that differ by case alone */
    const struct snap_directory *directory;
    unsigned permissions;            /* PERMISSION_ bits of the subject here */
    struct text base;                /* the home below the mapping, when it lies there: nothing leads out of it */
    int root;                        /* the mapping's directory or the home in it, -1 before place_enter */
    struct text rest;                /* below that, as the disk spells it; "" is the directory itself */
};

#define PLACE_NONE ((struct place){ .root = -1 })
#define OWNED_PLACE __attribute__((cleanup(place_free))) struct place
void place_free(struct place *p);

/* Take the canonical path `shown` of a session that sees `view`.  Descriptors are not needed yet, rules may be asked.
 * ERR_NAME: not canonical; ERR_TOO_LONG. */
MUST_USE int place_look(struct place *p, const struct snapshot *snapshot, const struct snap_site *site,
                        struct slice shown, const struct place_view *view);

/* Which directory it lies in and what `who` may do there.  ERR_NAME: a component that may not name a file; ERR_PATH: nothing mapped, or the mapping is unusable. */
MUST_USE int place_map(struct place *p, const struct authorization_subject *who);
/* Whether listings of the session may show the mapping `name` directly below the place. */
bool place_shows_mapping(const struct place *p, struct slice name);

/* Whether the place is a mapping itself rather than something in one. */
bool place_is_mapping(const struct place *p);

/* Open the mapping's directory and, where the site says so, find the spelling that the disk has for `rest`.
 * ERR_CONFLICT: two names differ only by case from what was asked (F14). */
MUST_USE int place_enter(struct place *p);

/* Open what stands there; links are followed while they stay below the mapping.  ERR_NOT_FOUND when the last
 * component is missing, ERR_PATH when one before it is. */
MUST_USE int place_open(const struct place *p, int flags, int *fd_out);
/* The directory that holds the last component (an O_PATH descriptor) and that component; not for a mapping itself. */
MUST_USE int place_open_parent(const struct place *p, int *fd_out, char name_out[PLACE_NAME_MAX + 1]);

/* What stands at `name` below `dir`, opened beneath `dir`; -1 and errno. */
int open_beneath(int dir, const char *name, int flags);
/* The ERR_ for the errno of a file operation, with the differences that matter here: EXDEV and ELOOP are links that
 * lead out (denied). */
int place_error(int errnum);

/* Names under which uploads wait for their commit: no client may use them and no listing shows them. */
#define UPLOAD_PREFIX ".sallyport-upload-"
bool place_is_upload_name(struct slice name);
