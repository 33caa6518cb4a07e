/*
 * explain_login.c - the methods of authentication in the order in which they are tried, and whom they could make of a name.
 *
 * Passwords are not asked for: the first method that knows the name is taken to accept it.
 */
#include "cli/explain.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/account.h"
#include "auth/password.h"
#include "base/own.h"
#include "policy/win_error.h"

static void take_groups(const struct passwd *pw, struct explain_candidate *who)
{
    gid_t groups[EXPLAIN_GROUPS_MOST];
    int count = EXPLAIN_GROUPS_MOST;
    if (getgrouplist(pw->pw_name, pw->pw_gid, groups, &count) < 0)
        count = 0;
    for (int i = 0; i < count; i++) {
        const struct group *group = getgrgid(groups[i]);
        if (group)
            text_addf(&who->roles, "%s\n", group->gr_name);
        who->groups[i] = groups[i];
    }
    who->give.groups = slice_of((const char *)who->groups, (size_t)count * sizeof who->groups[0]);
}

static void check_manager(struct explain *e, struct explain_candidate *who)
{
    struct reason why = { 0 };
    bool allowed = account_manager_allows(e->s, e->site, e->user, &why);
    const struct snap_user *user = account_user(e->s, e->user);
    explain_say(e, "IisManagerAuth", allowed ? EXPLAIN_OK : EXPLAIN_NOT_ASKED, 0, &why);
    if (!allowed)
        return;
    explain_sayf(e, "  password", EXPLAIN_NOT_ASKED, 0, "would be compared with the stored %s",
                 password_form(snapshot_text(e->s, user->password)) == PASSWORD_FORM_YESCRYPT ? "yescrypt form" : "SHA-256");
    if (who->is_found)
        return;
    who->is_found = true;
    who->give.account = GRANT_CUSTOM;
    who->give.user = snapshot_text(e->s, user->name);
}

static void check_system(struct explain *e, struct explain_candidate *who)
{
    struct slice name;
    char machine[256] = "";
    (void)gethostname(machine, sizeof machine - 1);
    machine[strcspn(machine, ".")] = 0;
    struct slice domain = snapshot_text(e->s, e->site->basic_default_logon_domain);
    if (account_system_name(e->user, slice_str(machine), domain, &name)) {
        explain_sayf(e, "basic", EXPLAIN_NOT_ASKED, 0, "the name is of a domain: %s",
                     snapshot_count(e->s, SNAP_TABLE_ad) ? "the directory would be asked, which alone knows its groups"
                                                         : "no directory is configured (sallyport/directory)");
        return;
    }
    OWNED_TEXT own = strndup(name.ptr, name.len);
    const struct passwd *pw = own ? getpwnam(own) : NULL;
    uint32_t floor = snapshot_server(e->s, 0)->uid_floor;
    if (!pw || pw->pw_uid == 0 || pw->pw_uid < floor) {
        explain_sayf(e, "basic", EXPLAIN_NOT_ASKED, 0, "%s; uidFloor is %u",
                     pw ? "the system account's uid is too low" : "no system account has that name", floor);
        return;
    }
    explain_sayf(e, "basic", EXPLAIN_OK, 0, "the system account %s, uid %u", pw->pw_name, pw->pw_uid);
    explain_sayf(e, "  password", EXPLAIN_NOT_ASKED, 0, "PAM would be asked");
    if (who->is_found)
        return;
    who->is_found = true;
    who->give.account = GRANT_LOCAL;
    who->give.identity = GRANT_SYSTEM;
    who->give.user = name;
    who->give.uid = pw->pw_uid;
    who->give.gid = pw->pw_gid;
    take_groups(pw, who);
}

void explain_login(struct explain *e, struct explain_candidate *who)
{
    unsigned kinds = account_kinds(e->s, e->site);
    if (!kinds && !e->has_certificate) {
        explain_sayf(e, "login", EXPLAIN_REFUSED, SUB_ALL_METHODS_DISABLED, "%s", substatus_text(SUB_ALL_METHODS_DISABLED));
        return;
    }
    if (account_is_anonymous_name(e->user)) {
        struct reason why = { 0 };
        bool on = kinds & ACCOUNT_ANONYMOUS;
        reason_set(&why, EXPLAIN_ORIGIN(e, anonymous_enabled), "anonymousAuthentication is %s", on ? "on" : "off");
        explain_say(e, "anonymous", on ? EXPLAIN_OK : EXPLAIN_REFUSED, SUB_ANONYMOUS_DENIED, &why);
        who->is_found = on;
        who->give.account = GRANT_ANONYMOUS;
        who->give.user = SLICE_LITERAL("anonymous");
        return;
    }
    unsigned left = kinds & (ACCOUNT_IIS_MANAGER | ACCOUNT_MEMBERSHIP);
    for (enum account_kind kind; left && (kind = account_first_provider(e->s, e->site, left)); left &= ~(unsigned)kind) {
        if (kind == ACCOUNT_IIS_MANAGER)
            check_manager(e, who);
        else
            explain_sayf(e, "AspNetAuth", EXPLAIN_NOT_ASKED, 0, "the membership database would be asked for the name and its roles");
    }
    if (kinds & ACCOUNT_OTHER_PROVIDER)
        explain_sayf(e, "other providers", EXPLAIN_NOT_ASKED, 0, "a third-party provider cannot be run here: nobody logs in through it");
    if (kinds & ACCOUNT_SYSTEM)
        check_system(e, who);
    if (!who->is_found)
        explain_sayf(e, "login", EXPLAIN_REFUSED, SUB_AUTHENTICATION_ERROR, "no method that can be looked at from here knows the user");
}
