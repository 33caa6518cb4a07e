/*
 * identity.c - fsuid, fsgid and groups of one thread.
 *
 * Groups change first and come back last: without the right to change them nothing else has happened yet.  setfsuid
 * and setfsgid report no errors, they answer with the previous value, so asking for -1 tells the present one.
 */
#include "broker/identity.h"

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "wire/wire.h"

static uint32_t fsuid_now(void)
{
    return (uint32_t)syscall(SYS_setfsuid, (long)-1);
}

static uint32_t fsgid_now(void)
{
    return (uint32_t)syscall(SYS_setfsgid, (long)-1);
}

static int compare_ids(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* The kernel sorts what it was given, so compare as sets. */
static bool groups_are(const uint32_t *want, size_t count)
{
    long have = syscall(SYS_getgroups, 0, NULL);
    if (have < 0 || (size_t)have != count)
        return false;
    if (count == 0)
        return true;
    uint32_t *now = calloc(2 * count, sizeof *now);
    if (!now)
        return false;
    memcpy(now + count, want, count * sizeof *now);
    bool same = syscall(SYS_getgroups, have, now) == have;
    qsort(now, count, sizeof *now, compare_ids);
    qsort(now + count, count, sizeof *now, compare_ids);
    same = same && memcmp(now, now + count, count * sizeof *now) == 0;
    free(now);
    return same;
}

static void set_ids(uint32_t uid, uint32_t gid)
{
    syscall(SYS_setfsgid, (long)gid);
    syscall(SYS_setfsuid, (long)uid);
}

/* The broker itself has no supplementary groups (sandbox_become took them). */
static bool is_own(void)
{
    return fsuid_now() == geteuid() && fsgid_now() == getegid() && groups_are(NULL, 0);
}

static void come_back(void)
{
    syscall(SYS_setfsuid, (long)geteuid());
    syscall(SYS_setfsgid, (long)getegid());
    if (syscall(SYS_setgroups, 0, NULL) < 0 || !is_own())
        abort();
}

int identity_take(const struct identity *who)
{
    if (!who->is_system)
        return 0;
    if (syscall(SYS_setgroups, who->group_count, who->groups) < 0)
        return ERR_DENIED;
    set_ids(who->uid, who->gid);
    if (fsuid_now() == who->uid && fsgid_now() == who->gid && groups_are(who->groups, who->group_count))
        return 0;
    come_back();
    return ERR_DENIED;
}

void identity_restore(const struct identity *who)
{
    if (who->is_system)
        come_back();
}

bool identity_is_allowed(const struct identity *who, uint32_t floor)
{
    if (!who->is_system)
        return true;
    if (who->uid == 0 || who->gid == 0 || who->uid < floor || who->uid == UINT32_MAX || who->gid == UINT32_MAX)
        return false;
    for (size_t i = 0; i < who->group_count; i++)
        if (who->groups[i] == 0 || who->groups[i] == UINT32_MAX)
            return false;
    return true;
}

int identity_take_groups(struct slice bytes, struct identity *who)
{
    if (bytes.len % 4)
        return ERR_DENIED;
    who->group_count = bytes.len / 4;
    if (!who->group_count)
        return 0;
    who->groups = calloc(who->group_count, sizeof *who->groups);
    if (!who->groups)
        return ERR_NOMEM;
    struct wire_in in = wire_in_of(bytes.ptr, bytes.len);
    for (size_t i = 0; i < who->group_count; i++)
        who->groups[i] = (uint32_t)wire_get_number(&in, 4, UINT32_MAX);
    return wire_in_finish(&in);
}

int shared_identity_new(uint32_t uid, uint32_t gid, struct slice groups, struct shared_identity **out)
{
    struct shared_identity *i = calloc(1, sizeof *i);
    if (!i)
        return ERR_NOMEM;
    atomic_init(&i->holders, 1);
    i->who = (struct identity){ .is_system = true, .uid = uid, .gid = gid };
    int err = identity_take_groups(groups, &i->who);
    if (err) {
        shared_identity_unref(i);
        return err;
    }
    *out = i;
    return 0;
}

struct shared_identity *shared_identity_ref(struct shared_identity *i)
{
    if (i)
        atomic_fetch_add(&i->holders, 1);
    return i;
}

void shared_identity_unref(struct shared_identity *i)
{
    if (!i || atomic_fetch_sub(&i->holders, 1) != 1)
        return;
    free(i->who.groups);
    free(i);
}
