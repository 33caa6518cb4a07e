/* account_rules_test.c - accounts that may, and may not, be used at a moment. */
#include "directory/account_rules.h"

#include "base/case_test.h"

enum { NOW = 1700000000 }; /* Tuesday, 14 November 2023, 22:13:20 UTC: hour 70 of the week */
#define FILETIME(seconds) (((int64_t)(seconds) + 11644473600) * 10000000)
#define NO_HOUR   { "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 21 }
#define HOUR_70   { "\0\0\0\0\0\0\0\0\x40\0\0\0\0\0\0\0\0\0\0\0", 21 }
#define HOUR_71   { "\0\0\0\0\0\0\0\0\x80\0\0\0\0\0\0\0\0\0\0\0", 21 }

static const struct {
    const char *label;
    struct account_state account;
    const char *workstation;
    enum directory_verdict want;
} cases[] = {
    { "ordinary",                           { .control = 0x200 }, "", DIRECTORY_FOUND },
    { "disabled",                           { .control = 0x202 }, "", DIRECTORY_DISABLED },
    { "the account of a domain",            { .control = 0x800 }, "", DIRECTORY_DISABLED },
    { "the account of a computer",          { .control = 0x1000 }, "", DIRECTORY_DISABLED },
    { "the account of a controller",        { .control = 0x2000 }, "", DIRECTORY_DISABLED },
    { "smart card required",                { .control = 0x40200 }, "", DIRECTORY_FOUND },
    { "password expired",                   { .control = 0x200, .has_computed = true, .computed = 0x800000 }, "", DIRECTORY_FOUND },
    { "must change, but shows a certificate", { .control = 0x200, .is_new = true }, "", DIRECTORY_FOUND },
    { "expired",                            { .expires = FILETIME(NOW) - 1 }, "", DIRECTORY_EXPIRED },
    { "expires in this moment",             { .expires = FILETIME(NOW) }, "", DIRECTORY_FOUND },
    { "never expires",                      { .expires = INT64_MAX }, "", DIRECTORY_FOUND },
    { "locked, says the controller",        { .has_computed = true, .computed = 0x10 }, "", DIRECTORY_LOCKED_OUT },
    { "was locked, says the controller",    { .has_computed = true, .lockout_time = FILETIME(NOW) }, "", DIRECTORY_FOUND },
    { "locked for half an hour",            { .lockout_time = FILETIME(NOW - 60), .lockout_duration = -18000000000 }, "", DIRECTORY_LOCKED_OUT },
    { "half an hour is over",               { .lockout_time = FILETIME(NOW - 1801), .lockout_duration = -18000000000 }, "", DIRECTORY_FOUND },
    { "locked until unlocked",              { .lockout_time = 1, .lockout_duration = INT64_MIN }, "", DIRECTORY_LOCKED_OUT },
    { "at no hour",                         { .logon_hours = NO_HOUR }, "", DIRECTORY_HOURS },
    { "at this hour",                       { .logon_hours = HOUR_70 }, "", DIRECTORY_FOUND },
    { "at the next hour",                   { .logon_hours = HOUR_71 }, "", DIRECTORY_HOURS },
    { "hours that nobody can read",         { .logon_hours = { "\xff", 1 } }, "", DIRECTORY_HOURS },
    { "other computers only",               { .workstations = { "PC1,PC2", 7 } }, "FTP1", DIRECTORY_WORKSTATION },
    { "this computer among others",         { .workstations = { "PC1,ftp1", 8 } }, "FTP1", DIRECTORY_FOUND },
    { "computers are not checked",          { .workstations = { "PC1", 3 } }, "", DIRECTORY_FOUND },
};

static const struct {
    const char *label;
    struct account_state account;
    enum directory_verdict want;
} with_passwords[] = {
    { "must change the password",           { .control = 0x200, .is_new = true }, DIRECTORY_MUST_CHANGE },
    { "new, but its password stays",        { .control = 0x10200, .is_new = true }, DIRECTORY_FOUND },
    { "expired password",                   { .control = 0x200, .has_computed = true, .computed = 0x800000 }, DIRECTORY_PASSWORD_OLD },
    { "smart card instead of a password",   { .control = 0x40200 }, DIRECTORY_SMARTCARD },
    { "disabled, with a password",          { .control = 0x202, .is_new = true }, DIRECTORY_DISABLED },
    { "ordinary, with a password",          { .control = 0x200, .has_computed = true }, DIRECTORY_FOUND },
};

/* What a certificate has nothing to do with. */
static void test_passwords(void **state)
{
    (void)state;
    const struct mapping_rules rules = { .at = NOW, .by_password = true };
    for (size_t i = 0; i < COUNT_OF(with_passwords); i++) {
        CASE_LABEL(&with_passwords[i]);
        assert_int_equal(account_check(&with_passwords[i].account, &rules), with_passwords[i].want);
    }
}

static void test_accounts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        const struct mapping_rules rules = { .at = NOW, .workstation = slice_str(cases[i].workstation) };
        assert_int_equal(account_check(&cases[i].account, &rules), cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_accounts), cmocka_unit_test(test_passwords) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
