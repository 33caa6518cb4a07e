/*
 * identity.c - sandbox_become: leave root behind and prove it.
 *
 * setgroups first, then the group, then the user: in any other order the later calls are no longer permitted and a
 * group of root would stay (threats.md F08).  Capabilities by raw capset, to need no library for two integers.
 */
#include "sys/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CAP_LAST_TRIED = 63, SETID_CAPS = 1 << CAP_SETGID | 1 << CAP_SETUID };

static int set_capabilities(uint32_t wanted)
{
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2] = { { wanted, wanted, 0 }, { 0, 0, 0 } };
    return syscall(SYS_capset, &header, data) < 0 ? ERR_SYS : 0;
}

static bool has_exactly(uint32_t wanted)
{
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2] = { { 0, 0, 0 }, { 0, 0, 0 } };
    return syscall(SYS_capget, &header, data) == 0 && data[0].permitted == wanted && data[0].effective == wanted &&
           data[0].inheritable == 0 && data[1].permitted == 0 && data[1].effective == 0;
}

/* Nothing executed later may get a capability back.  Not ours to drop without CAP_SETPCAP: then there are none. */
static void drop_bounding_set(void)
{
    for (unsigned long cap = 0; cap <= CAP_LAST_TRIED; cap++)
        if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
            (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static bool is_nobody_else(uint32_t uid, uint32_t gid)
{
    uid_t r, e, s;
    gid_t gr, ge, gs;
    return getresuid(&r, &e, &s) == 0 && r == uid && e == uid && s == uid && getresgid(&gr, &ge, &gs) == 0 && gr == gid &&
           ge == gid && gs == gid && getgroups(0, NULL) == 0;
}

static int change_ids(uint32_t uid, uint32_t gid, bool keep_setid, struct diag *d)
{
    if (keep_setid && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
        return ERR_SYS;
    if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0) {
        diag_set(d, "cannot become user %u, group %u: %s", uid, gid, strerror(errno));
        return ERR_SYS;
    }
    return 0;
}

int sandbox_become(uint32_t uid, uint32_t gid, bool keep_setid, struct diag *d)
{
    /* A change of identity clears the parent-death signal. */
    int death = 0;
    (void)prctl(PR_GET_PDEATHSIG, &death, 0, 0, 0);
    bool changes = uid != UINT32_MAX;
    if (changes && (gid == UINT32_MAX || uid == 0)) {
        diag_set(d, "user %u, group %u is no identity to become", uid, gid);
        return ERR_RANGE;
    }
    drop_bounding_set();
    int err = changes ? change_ids(uid, gid, keep_setid, d) : 0;
    if (err)
        return err;

    uint32_t caps = keep_setid && changes ? SETID_CAPS : 0;
    if (set_capabilities(caps) || !has_exactly(caps) || (changes && !is_nobody_else(uid, gid)) ||
        (changes && !keep_setid && setresuid(0, 0, 0) == 0)) {
        diag_set(d, "the identity %u:%u did not take effect completely", uid, gid);
        return ERR_STATE;
    }
    if (death && prctl(PR_SET_PDEATHSIG, death, 0, 0, 0) < 0)
        return ERR_SYS;
    return 0;
}
