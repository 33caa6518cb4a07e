/* account_rules.c - see account_rules.h. */
#include "directory/account_rules.h"

enum {
    CONTROL_DISABLED = 0x2,
    CONTROL_TRUSTS = 0x800 | 0x1000 | 0x2000, /* accounts of domains and computers */
    CONTROL_PASSWORD_STAYS = 0x10000,
    CONTROL_SMARTCARD = 0x40000,
    COMPUTED_LOCKED = 0x10,
    COMPUTED_PASSWORD_EXPIRED = 0x800000,
    EPOCH_WEEKDAY = 4, /* 1970-01-01 was a Thursday; logonHours begins on Sunday */
};

/* FILETIME: 100 ns since 1601. */
static int64_t filetime(int64_t seconds)
{
    return (seconds + 11644473600) * 10000000;
}

static bool is_locked(const struct account_state *a, int64_t at)
{
    if (a->has_computed)
        return a->computed & COMPUTED_LOCKED;
    if (a->lockout_time == 0)
        return false;
    if (a->lockout_duration == INT64_MIN || a->lockout_duration > 0) /* for ever; what is no difference to the past is nobody's rule */
        return true;
    return filetime(at) + a->lockout_duration < a->lockout_time;
}

static bool is_outside_hours(struct slice hours, int64_t at)
{
    if (hours.len != LOGON_HOURS_LEN)
        return hours.len != 0; /* of a length that nobody can read: closed */
    int64_t hour = (at / 3600 + EPOCH_WEEKDAY * 24) % (7 * 24);
    return !((unsigned char)hours.ptr[hour / 8] >> (hour % 8) & 1);
}

static bool is_elsewhere(struct slice allowed, struct slice here)
{
    if (!allowed.len || !here.len)
        return false;
    while (allowed.ptr)
        if (slice_equal_fold(slice_trim(slice_cut(&allowed, ',')), here))
            return false;
    return true;
}

/* What a certificate has nothing to do with. */
static enum directory_verdict check_password(const struct account_state *a)
{
    if (a->control & CONTROL_SMARTCARD)
        return DIRECTORY_SMARTCARD;
    if (a->is_new && !(a->control & CONTROL_PASSWORD_STAYS))
        return DIRECTORY_MUST_CHANGE;
    return a->has_computed && a->computed & COMPUTED_PASSWORD_EXPIRED ? DIRECTORY_PASSWORD_OLD : DIRECTORY_FOUND;
}

enum directory_verdict account_check(const struct account_state *a, const struct mapping_rules *rules)
{
    if (a->control & (CONTROL_DISABLED | CONTROL_TRUSTS))
        return DIRECTORY_DISABLED;
    if (a->expires > 0 && a->expires < filetime(rules->at))
        return DIRECTORY_EXPIRED;
    if (is_locked(a, rules->at))
        return DIRECTORY_LOCKED_OUT;
    if (is_outside_hours(a->logon_hours, rules->at))
        return DIRECTORY_HOURS;
    if (is_elsewhere(a->workstations, rules->workstation))
        return DIRECTORY_WORKSTATION;
    return rules->by_password ? check_password(a) : DIRECTORY_FOUND;
}
