/* login_membership.c - members of an ASP.NET application (provider AspNetAuth), whom sallyport-membership looks up. */
#include "auth/login.h"

enum { MEMBERSHIP_WAIT_MS = 60000 };

bool login_try_membership(struct auth_server *a, struct login *l)
{
    const struct identity *known = login_recall(a, l, ACCOUNT_MEMBERSHIP, login_user(l));
    if (known) {
        login_grant(a, l, known);
        return true;
    }
    struct peer *membership = server_peer(a, ROLE_MEMBERSHIP, 0);
    if (!membership) {
        login_give_up(a, l); /* it is being started, or started again */
        return true;
    }
    if (!login_may_ask(a, l, ACCOUNT_MEMBERSHIP))
        return true;
    login_wait_for(a, l, LOGIN_ASKING_MEMBERSHIP, MEMBERSHIP_WAIT_MS);
    SERVER_SEND(a, membership, membership_check, .job = l->id, .user = login_user(l), .password = login_password(l));
    return true;
}

void login_membership_answered(struct auth_server *a, const struct membership_answer *m)
{
    struct login *l = login_find(a, LOGIN_ASKING_MEMBERSHIP, m->job);
    if (!l)
        return;
    if (m->verdict == MEMBERSHIP_UNAVAILABLE) {
        login_give_up(a, l);
        return;
    }
    const struct identity identity = { .kind = ACCOUNT_MEMBERSHIP, .user = m->user, .roles = m->roles };
    LOGIN_SAY(a, l, "%s", m->verdict == MEMBERSHIP_OK ? "AspNetAuth accepts the member" : "AspNetAuth refuses the member or the password");
    if (m->verdict != MEMBERSHIP_OK || slice_is_empty(m->user) || slice_has_control(m->user) ||
        !login_is_allowed(a, l->site, &identity)) {
        login_next_method(a, l);
        return;
    }
    login_remember(a, l, &identity);
    login_grant(a, l, &identity);
}
