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
#include "proto/control.h"

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

/* The groups of such a user are known elsewhere: what --role gives is taken for them. */
static void take_roles(struct explain *e, struct explain_candidate *who, const char *whose)
{
    size_t count = 0;
    who->takes_roles = true;
    for (size_t i = 0; i < e->c->args.param_count; i++) {
        const struct arg_param *p = &e->c->args.params[i];
        if (!slice_equal_fold_str(p->name, "role") || !p->value.len)
            continue;
        text_add(&who->roles, p->value);
        text_add_char(&who->roles, '\n');
        count++;
    }
    if (count)
        explain_sayf(e, "  roles", EXPLAIN_NOT_ASKED, 0, "the %zu of --role are taken for those that %s knows", count, whose);
    else
        explain_sayf(e, "  roles", EXPLAIN_NOT_ASKED, 0, "%s alone knows them; give them with --role", whose);
}

/* As `user`, `DOMAIN\\user` or `user@domain` of the configured directory. */
static void check_directory(struct explain *e, struct explain_candidate *who)
{
    const struct snap_ad *ad = snapshot_ad(e->s, 0);
    if (!ad) {
        explain_sayf(e, "basic", EXPLAIN_NOT_ASKED, 0, "the name is of a domain, and no directory is configured (sallyport/directory)");
        return;
    }
    explain_sayf(e, "basic, directory", EXPLAIN_NOT_ASKED, 0, "the name is of a domain: the directory would be asked whether the account "
                 "exists, may log in and has this password");
    if (who->is_found)
        return;
    size_t backslash = slice_find(e->user, '\\'), at = slice_find_last(e->user, '@');
    who->is_found = true;
    who->give.account = GRANT_DOMAIN;
    who->give.user = backslash != SIZE_MAX ? slice_from(e->user, backslash + 1) : slice_first(e->user, at);
    who->give.domain = snapshot_text(e->s, ad->domain);
    who->give.alias = snapshot_text(e->s, ad->dns_domain);
    who->give.principal = backslash == SIZE_MAX && at != SIZE_MAX ? e->user : SLICE_NONE;
    if (!who->give.domain.len)
        who->give.domain = backslash != SIZE_MAX ? slice_first(e->user, backslash) : snapshot_text(e->s, e->site->basic_default_logon_domain);
    take_roles(e, who, "the directory");
}

static void check_membership(struct explain *e, struct explain_candidate *who)
{
    explain_sayf(e, "AspNetAuth", EXPLAIN_NOT_ASKED, 0, "the membership database would be asked for the name and the password");
    if (who->is_found)
        return;
    who->is_found = true;
    who->give.account = GRANT_CUSTOM;
    who->give.user = e->user;
    take_roles(e, who, "the database");
}

static void check_system(struct explain *e, struct explain_candidate *who)
{
    struct slice name;
    struct slice domain = snapshot_text(e->s, e->site->basic_default_logon_domain);
    if (account_system_name(e->user, slice_str(who->machine), domain, &name)) {
        check_directory(e, who);
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

/* Whom the certificate stands for; the authenticator has said so. */
static bool take_certificate_account(struct explain *e, struct explain_candidate *who)
{
    static const char *const kinds[] = { "anonymous", "system account", "directory account", "IIS Manager user" };
    struct control_account m;
    struct wire_in in = wire_in_of(e->account.ptr, e->account.len);
    if (!e->account.len || control_account_decode(&in, &m) != 0)
        return false;
    who->is_found = true;
    who->give.account = m.account;
    who->give.identity = m.identity;
    who->give.uid = m.uid;
    who->give.gid = m.gid;
    who->give.user = m.user;
    who->give.domain = m.domain;
    who->give.alias = m.alias;
    who->give.principal = m.principal;
    who->give.home_root = m.home_root;
    who->give.home_dir = m.home_dir;
    text_add(&who->roles, m.roles);
    size_t len = m.groups.len < sizeof who->groups ? m.groups.len : sizeof who->groups;
    if (len)
        memcpy(who->groups, m.groups.ptr, len);
    who->give.groups = slice_of((const char *)who->groups, len);
    explain_sayf(e, "login", EXPLAIN_OK, 0, "%s \"" SLICE_FMT "%s" SLICE_FMT "\", %s", kinds[m.account], SLICE_ARG(m.domain),
                 m.domain.len ? "\\" : "", SLICE_ARG(m.user),
                 e->has_certificate ? "no password is needed" : "whose password has to follow");
    return true;
}

static void look_at_methods(struct explain *e, struct explain_candidate *who)
{
    unsigned kinds = account_kinds(e->s, e->site);
    if (!kinds) {
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
            check_membership(e, who);
    }
    if (kinds & ACCOUNT_OTHER_PROVIDER)
        explain_sayf(e, "other providers", EXPLAIN_NOT_ASKED, 0, "a third-party provider cannot be run here: nobody logs in through it");
    if (kinds & ACCOUNT_SYSTEM)
        check_system(e, who);
    if (!who->is_found)
        explain_sayf(e, "login", EXPLAIN_REFUSED, SUB_AUTHENTICATION_ERROR, "no method that can be looked at from here knows the user");
}

void explain_login(struct explain *e, struct explain_candidate *who)
{
    machine_name(who->machine);
    who->give.alias = slice_str(who->machine);
    if (!take_certificate_account(e, who))
        look_at_methods(e, who);
    if (cli_has(e->c, "role") && !who->takes_roles)
        explain_sayf(e, "  roles", EXPLAIN_NOT_ASKED, 0, "--role is not used: the groups of this user are known here");
}
