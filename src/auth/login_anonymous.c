/*
 * login_anonymous.c - which account serves anonymous clients (anonymousAuthentication: userName, defaultLogonDomain).
 *
 * IUSR means nobody in particular: the service account (loader/anonymous.c).  Any other name is an account of the system,
 * looked up and checked like one that logs in, without a password: there is no one to ask for it.  Rules and logs know
 * the client as anonymous all the same.
 */
#include "auth/login.h"

enum { PAM_WAIT_MS = 60000 };

/* Always has the last word. */
bool login_try_anonymous(struct auth_server *a, struct login *l)
{
    const struct snapshot *s = a->child->snapshot;
    const struct snap_site *site = snapshot_site_by_id(s, l->site);
    struct slice configured = site ? snapshot_text(s, site->anonymous_user_name) : SLICE_NONE, name;
    if (!site || !site->anonymous_account) {
        login_grant(a, l, &(struct identity){ .kind = ACCOUNT_ANONYMOUS });
        return true;
    }
    struct peer *pam = server_peer(a, ROLE_PAM, 0);
    if (account_system_name(configured, a->options.machine, snapshot_text(s, site->anonymous_logon_domain), &name) ||
        (!pam && !login_pam_is_expected(a))) {
        if (login_may_explain(a))
            server_tell(a, LOG_LEVEL_NOTICE, "site %u serves anonymous clients as \"" SLICE_FMT "\", which is no account that "
                        "can be used here: refused", l->site, SLICE_ARG(configured));
        login_refuse(a, l, AUTH_DENIED, WIN_LOGON_FAILURE, SUB_AUTHENTICATION_ERROR);
        return true;
    }
    if (!pam) {
        login_give_up(a, l);
        return true;
    }
    if (!login_may_ask(a, l, ACCOUNT_ANONYMOUS))
        return true;
    l->anonymous = true;
    login_wait_for(a, l, LOGIN_ASKING_PAM, PAM_WAIT_MS);
    SERVER_SEND(pam, pam_check, .job = l->id, .service = account_pam_service(s, site->anonymous_logon_method), .user = name,
                .rhost = slice_str(l->rhost), .vouched = true);
    return true;
}

/* pam has looked the account up. */
void login_anonymous_found(struct auth_server *a, struct login *l, const struct pam_answer *m)
{
    bool usable = m->verdict == PAM_VERDICT_OK && m->uid && m->uid >= snapshot_server(a->child->snapshot, 0)->uid_floor;
    if (usable) {
        login_grant(a, l, &(struct identity){ .kind = ACCOUNT_ANONYMOUS, .uid = m->uid, .gid = m->gid, .groups = m->groups });
        return;
    }
    LOGIN_SAY(a, l, "the account that serves anonymous clients does not exist or may not be used");
    if (login_may_explain(a))
        server_tell(a, LOG_LEVEL_NOTICE, "the account that serves anonymous clients of site %u %s: refused", l->site,
                    m->verdict == PAM_VERDICT_OK ? "has a uid below uidFloor" : "does not exist or may not be used");
    login_refuse(a, l, AUTH_DENIED, WIN_LOGON_FAILURE, SUB_AUTHENTICATION_ERROR);
}
