/*
 * login_turn.c - which login is asked about next.
 *
 * What proves a password (the verifiers, pam, membership, the directory) is asked about no more logins at a time than keep
 * it busy: the others wait here, where nobody's queue is in front of them, and are served address by address (shares.h).
 */
#include "auth/login.h"

enum {
    QUEUE_WAIT_MS = 60000,
    /* For every thread one more that waits for it, so that none is idle for our sake. */
    MEMBERSHIP_MAX = 16,
    DIRECTORY_MAX = 8,
    PAM_MAX = 32, /* refusals are kept back for up to a second, which costs no thread */
};

static const struct lane {
    unsigned kinds; /* account_kind bits of those who wait in it */
    enum login_stage stage;
    unsigned max;   /* 0: by the number of verifiers */
} lanes[SHARES_LANES] = {
    { ACCOUNT_IIS_MANAGER,                LOGIN_VERIFYING,         0              },
    { ACCOUNT_SYSTEM | ACCOUNT_ANONYMOUS, LOGIN_ASKING_PAM,        PAM_MAX        },
    { ACCOUNT_MEMBERSHIP,                 LOGIN_ASKING_MEMBERSHIP, MEMBERSHIP_MAX },
    { ACCOUNT_DIRECTORY,                  LOGIN_ASKING_DIRECTORY,  DIRECTORY_MAX  },
};

static unsigned lane_of(enum account_kind kind)
{
    unsigned i = 0;
    while (!(lanes[i].kinds & kind))
        i++;
    return i;
}

/* Passwords that are stored anew go through the verifiers too. */
static bool is_open(const struct auth_server *a, unsigned lane)
{
    unsigned max = lanes[lane].max ? lanes[lane].max : 2 * a->options.verifiers;
    return a->at_stage[lanes[lane].stage] < max && (lanes[lane].max || !errands_are_full(a->verifier));
}

/* Leaves `l->stage`; where it was asked about there, somebody else can be. */
void login_leave_stage(struct auth_server *a, const struct login *l)
{
    a->at_stage[l->stage]--;
    for (unsigned i = 0; i < SHARES_LANES; i++)
        a->has_room |= l->stage == lanes[i].stage;
    if (l->stage != LOGIN_VERIFYING)
        return;
    for (struct login *other = a->logins; other; other = other->next)
        if (other->twin == l->id)
            other->twin = 0;
}

void login_queue_up(struct auth_server *a, struct login *l, enum account_kind kind)
{
    l->queued_for = kind;
    if (l->stage != LOGIN_QUEUED)
        login_wait_for(a, l, LOGIN_QUEUED, QUEUE_WAIT_MS);
}

bool login_may_ask(struct auth_server *a, struct login *l, enum account_kind kind)
{
    unsigned lane = lane_of(kind);
    bool is_served = l->stage == LOGIN_QUEUED && l->queued_for == kind;
    if (!is_open(a, lane) || (!is_served && a->at_stage[LOGIN_QUEUED])) {
        login_queue_up(a, l, kind); /* who came before has his turn first, at the end of ours */
        a->has_room |= is_open(a, lane);
        return false;
    }
    shares_serve(a->shares, l->share, lane);
    return true;
}

static bool is_before(const struct login *l, const struct login *other, unsigned lane)
{
    uint64_t served = l->share->served[lane], others = other->share->served[lane];
    return served != others ? served < others : l->id < other->id;
}

/* Of the address that was served longest ago, the oldest. */
static struct login *next_queued(const struct auth_server *a, unsigned lane)
{
    struct login *first = NULL;
    for (struct login *l = a->logins; l; l = l->next)
        if (l->stage == LOGIN_QUEUED && (l->queued_for & lanes[lane].kinds) && !l->twin && (!first || is_before(l, first, lane)))
            first = l;
    return first;
}

void login_serve_queue(struct auth_server *a)
{
    if (!a->has_room)
        return;
    a->has_room = false;
    for (unsigned lane = 0; lane < SHARES_LANES; lane++)
        for (struct login *l; is_open(a, lane) && (l = next_queued(a, lane));)
            login_attempt(a, l, l->queued_for);
}
