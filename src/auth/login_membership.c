/* login_membership.c - members of an ASP.NET application (provider AspNetAuth), whom sallyport-membership looks up. */
#include "auth/login.h"

enum { MEMBERSHIP_WAIT_MS = 60000 };

/* As in IIS a provider that fails does not end the login: the methods behind it are asked. */
static void note_failure(struct auth_server *a, struct login *l, struct slice why)
{
    LOGIN_SAY(a, l, "AspNetAuth could not answer: " SLICE_FMT, SLICE_ARG(why));
    l->provider_failed = true;
    text_reset(&l->failure);
    text_add(&l->failure, slice_first(why, DETAIL_LIMIT));
}

void login_membership_failed(struct auth_server *a, struct login *l, struct slice why)
{
    note_failure(a, l, why);
    login_next_method(a, l);
}

bool login_try_membership(struct auth_server *a, struct login *l)
{
    const struct identity *known = login_recall(a, l, ACCOUNT_MEMBERSHIP, login_user(l));
    if (known) {
        login_grant(a, l, known);
        return true;
    }
    struct peer *membership = server_peer(a, ROLE_MEMBERSHIP, 0);
    if (!membership) {
        note_failure(a, l, SLICE_LITERAL("the program that asks the membership database is being started"));
        return false;
    }
    if (!login_may_ask(a, l, ACCOUNT_MEMBERSHIP))
        return true;
    login_wait_for(a, l, LOGIN_ASKING_MEMBERSHIP, MEMBERSHIP_WAIT_MS);
    SERVER_SEND(membership, membership_check, .job = l->id, .user = login_user(l), .password = login_password(l));
    return true;
}

void login_membership_answered(struct auth_server *a, const struct membership_answer *m)
{
    struct login *l = login_find(a, LOGIN_ASKING_MEMBERSHIP, m->job);
    if (!l)
        return;
    if (m->verdict == MEMBERSHIP_UNAVAILABLE) {
        login_membership_failed(a, l, m->detail);
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
