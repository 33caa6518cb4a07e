/*
 * home.c - see home.h.
 *
 * Names of homes compare without regard to case, as on NTFS: the exact name first, else the only one that differs by
 * case alone.  The spelling of the disk is kept in the grant, so that every later request opens exactly that.
 */
#include "broker/home.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/own.h"
#include "broker/verbs.h"
#include "policy/address_rules.h"
#include "policy/ftp_root.h"
#include "policy/isolation.h"
#include "policy/win_error.h"

/* The directory at `path` of the site, opened for a look as the grant's identity; its spelling over `spelled_out`. */
static int look(struct place *p, const struct standing *as, struct fixed_accounts *fixed, struct text *spelled_out)
{
    struct shared_identity *owner = NULL;
    int err = fixed_of_place(fixed, p, &owner);
    const struct identity *who = owner ? &owner->who : &as->identity;
    if (!err)
        err = identity_take(who);
    if (err) {
        shared_identity_unref(owner);
        return err;
    }
    OWNED_FD fd = -1;
    err = place_enter(p);
    if (!err)
        err = place_open(p, O_PATH | O_DIRECTORY, &fd);
    identity_restore(who);
    shared_identity_unref(owner);
    if (err)
        return err;
    text_reset(spelled_out);
    if (p->directory)
        text_add(spelled_out, snapshot_text(p->snapshot, p->directory->path));
    if (p->directory && p->rest.len && !slice_ends(text_slice(spelled_out), SLICE_LITERAL("/")))
        text_add_char(spelled_out, '/');
    text_add(spelled_out, text_slice(&p->rest));
    return text_error(spelled_out);
}

static int find_directory(struct snapshot *s, const struct snap_site *site, const struct standing *as, struct slice path,
                          struct fixed_accounts *fixed, struct text *spelled_out)
{
    OWNED_PLACE p = PLACE_NONE;
    const struct authorization_subject who = standing_subject(as);
    const struct place_view everything = { 0 };
    int err = place_look(&p, s, site, path, &everything);
    if (!err)
        err = place_map(&p, &who);
    if (err)
        return err;
    p.fold = true;
    err = look(&p, as, fixed, spelled_out);
    /* mode IsolateRootDirectoryOnly knows physical homes alone */
    return !err && site->isolation_mode == ISOLATION_ROOT_ONLY && place_is_mapping(&p) ? ERR_PATH : err;
}

/* Mode ActiveDirectory: the home that the directory names, below a configured root, as the disk spells it. */
static int find_physical(struct snapshot *s, const struct snap_site *site, struct standing *as, struct fixed_accounts *fixed)
{
    OWNED_PLACE p = { .snapshot = s, .site = site, .root = -1, .fold = true };
    struct slice linux_root;
    if (as->account != GRANT_DOMAIN)
        return ERR_DENIED;
    int err = ftp_root_find(s, text_slice(&as->home_root), text_slice(&as->home_dir), &linux_root, &p.rest);
    if (err)
        return err;
    text_add(&as->physical, linux_root);
    if (text_error(&as->physical))
        return ERR_NOMEM;
    p.physical = text_slice(&as->physical);
    err = look(&p, as, fixed, &as->below);
    return err ? err : text_error(&as->below);
}

/* What userIsolation makes of the account: as->home and as->start. */
static int place_home(struct snapshot *s, const struct snap_site *site, struct standing *as, struct fixed_accounts *fixed)
{
    OWNED_TEXT_BUFFER wanted = { 0 };
    const struct isolation_account who = { as->account, text_slice(&as->user), text_slice(&as->domain) };
    as->isolation = site->isolation_mode;
    text_add_char(&as->start, '/');
    if (text_error(&as->start))
        return text_error(&as->start);
    if (site->isolation_mode == ISOLATION_NONE)
        return 0;
    if (site->isolation_mode == ISOLATION_ACTIVE_DIRECTORY)
        return find_physical(s, site, as, fixed);
    int err = isolation_home(site->isolation_mode, &who, &wanted);
    if (isolation_confines(site->isolation_mode))
        return err ? err : find_directory(s, site, as, text_slice(&wanted), fixed, &as->home);
    OWNED_TEXT_BUFFER found = { 0 };
    if (!err && find_directory(s, site, as, text_slice(&wanted), fixed, &found) == 0) {
        text_reset(&as->start);
        text_add(&as->start, text_slice(&found));
    }
    return text_error(&as->start);
}

/* The start directory, as the session sees it, by the rules that count there. */
static int judge_start(struct snapshot *s, const struct snap_site *site, const struct standing *as, struct fixed_accounts *fixed,
                       unsigned *substatus_out, struct reason *why)
{
    OWNED_PLACE p = PLACE_NONE;
    OWNED_TEXT_BUFFER spelled = { 0 };
    const struct authorization_subject who = standing_subject(as);
    const struct place_view view = standing_view(as);
    int err = place_look(&p, s, site, text_slice(&as->start), &view);
    if (!err && !address_rules_allow_named(s, site, p.path, &as->client, slice_str(text_str(&as->client_name)), why)) {
        *substatus_out = SUB_IP_RESTRICTION;
        return ERR_DENIED;
    }
    if (!err)
        err = place_map(&p, &who);
    if (!err && !authorization_allows(s, site, p.path, &who, PERMISSION_READ | PERMISSION_WRITE, true, why)) {
        *substatus_out = authorization_substatus(site);
        return ERR_DENIED;
    }
    if (!err)
        err = look(&p, as, fixed, &spelled);
    if (err)
        reason_set(why, p.directory ? p.directory->source : 0, "the start directory \"" SLICE_FMT "\" cannot be entered: %s",
                   SLICE_ARG(slice_first(p.path, 120)), err_text(err));
    *substatus_out = verbs_substatus(err);
    return err;
}

/* The home that the mode wants is missing, or cannot be one. */
static void tell_no_home(struct snapshot *s, const struct snap_site *site, const struct standing *as, int err, struct reason *why)
{
    OWNED_TEXT_BUFFER wanted = { 0 };
    const struct isolation_account who = { as->account, text_slice(&as->user), text_slice(&as->domain) };
    uint32_t source = snapshot_origin_of(s, site->origins, offsetof(struct snap_site, isolation_mode));
    if (site->isolation_mode == ISOLATION_ACTIVE_DIRECTORY)
        reason_set(why, source, "the directory names no home below a configured root for the account, or it cannot be entered: %s",
                   err_text(err));
    else if (isolation_home(site->isolation_mode, &who, &wanted))
        reason_set(why, source, "the account's name cannot be a home directory under userIsolation");
    else
        reason_set(why, source, "the home that userIsolation wants, \"" SLICE_FMT "\" below the site's root, cannot be entered: %s",
                   SLICE_ARG(slice_first(text_slice(&wanted), 120)), err_text(err));
}

int home_find(struct snapshot *snapshot, struct standing *as, struct fixed_accounts *fixed, uint32_t *win32_out,
              unsigned *substatus_out, struct reason *why)
{
    const struct snap_site *site = snapshot_site_by_id(snapshot, as->site);
    *substatus_out = SUB_SITE_CONFIGURATION;
    int err = site ? place_home(snapshot, site, as, fixed) : ERR_PATH;
    if (!site) {
        reason_set(why, 0, "the site is not there any more");
    } else if (err) {
        *substatus_out = SUB_HOME_LOOKUP;
        tell_no_home(snapshot, site, as, err, why);
    } else {
        err = judge_start(snapshot, site, as, fixed, substatus_out, why);
    }
    /* KB 2649659 shows this one, whatever is wrong with the attributes */
    *win32_out = site && *substatus_out == SUB_HOME_LOOKUP && site->isolation_mode == ISOLATION_ACTIVE_DIRECTORY && err
                     ? WIN_ACCESS_DENIED
                     : win_error_from(err);
    return err;
}
