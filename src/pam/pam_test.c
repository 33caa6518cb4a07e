/*
 * pam_test.c - conversations with real PAM modules from a configuration folder of our own; no root, no accounts made.
 */
#include "base/clock.h"
#include "pam/pool.h"

#include "base/case_test.h"

#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* libpam loses 96 bytes when a service has no configuration at all. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libpam.so";
}

static char confdir[64], account[256];
static int nss_error; /* instead of an account */

/* In front of the C library's, for libpam too. */
int getpwnam_r(const char *name, struct passwd *pw, char *buffer, size_t size, struct passwd **found_out)
{
    static int (*real)(const char *, struct passwd *, char *, size_t, struct passwd **);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "getpwnam_r");
    *found_out = NULL;
    return nss_error ? nss_error : real(name, pw, buffer, size, found_out);
}

/* The groups of the account, instead of the system's. */
static struct {
    int count;              /* 0: as they are */
    int error;              /* of looking one up */
    size_t needs, name_len; /* bytes that an entry takes, and of its name; 0: there is none */
    bool line_break;
} groups;

int getgrouplist(const char *user, gid_t gid, gid_t *list_out, int *count)
{
    static int (*real)(const char *, gid_t, gid_t *, int *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "getgrouplist");
    if (!groups.count)
        return real(user, gid, list_out, count);
    assert_in_range(groups.count, 1, *count);
    for (int i = 0; i < groups.count; i++)
        list_out[i] = gid + (gid_t)i;
    *count = groups.count;
    return groups.count;
}

int getgrgid_r(gid_t gid, struct group *gr, char *buffer, size_t size, struct group **found_out)
{
    static int (*real)(gid_t, struct group *, char *, size_t, struct group **);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "getgrgid_r");
    if (!groups.count)
        return real(gid, gr, buffer, size, found_out);
    *found_out = NULL;
    if (groups.error || !groups.name_len)
        return groups.error;
    if (size < groups.needs || size <= groups.name_len)
        return ERANGE;
    memset(buffer, 'g', groups.name_len);
    buffer[0] = groups.line_break ? '\n' : 'g';
    buffer[groups.name_len] = 0;
    *gr = (struct group){ .gr_name = buffer, .gr_gid = gid };
    *found_out = gr;
    return 0;
}

static void put_file(const char *name, mode_t mode, const char *content)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", confdir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(content, f);
    assert_int_equal(fchmod(fileno(f), mode), 0);
    fclose(f);
}

/* Any account but root will do. */
static bool choose_account(void)
{
    setpwent();
    for (const struct passwd *pw; (pw = getpwent());)
        if (pw->pw_uid != 0 && !account[0])
            snprintf(account, sizeof account, "%s", pw->pw_name);
    endpwent();
    return account[0];
}

static int set_up(void **state)
{
    (void)state;
    char exec[256];
    strcpy(confdir, "/tmp/sallyport-pam-XXXXXX");
    if (!choose_account() || !mkdtemp(confdir))
        return -1;
    put_file("permit", 0644, "auth required pam_permit.so\naccount required pam_permit.so\n");
    put_file("deny", 0644, "auth required pam_deny.so\naccount required pam_permit.so\n");
    put_file("expired", 0644, "auth required pam_permit.so\naccount required pam_deny.so\n");
    put_file("renew", 0644, "auth required pam_permit.so\naccount required pam_debug.so acct=new_authtok_reqd\n");
    put_file("down", 0644, "auth required pam_debug.so auth=authinfo_unavail\naccount required pam_permit.so\n");
    put_file("broken", 0644, "auth required pam_no_such_module.so\naccount required pam_permit.so\n");
    put_file("check", 0755,
             "#!/bin/sh\npassword=$(tr -d '\\000')\n"
             "test \"$password\" = 'P@ssw0rd' && test \"$PAM_RHOST\" = 192.0.2.1 && test \"$PAM_TTY\" = ftp\n");
    snprintf(exec, sizeof exec, "auth required pam_exec.so expose_authtok quiet %s/check\naccount required pam_permit.so\n",
             confdir);
    put_file("exec", 0644, exec);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", confdir);
    return system(command);
}

static const struct {
    const char *label, *service, *user, *password; /* user NULL: the account that exists */
    enum pam_verdict want;
} cases[] = {
    { "everything in order",              "permit",  NULL,           "x",        PAM_VERDICT_OK },
    { "wrong password",                   "deny",    NULL,           "x",        PAM_VERDICT_DENIED },
    { "modules see password and address", "exec",    NULL,           "P@ssw0rd", PAM_VERDICT_OK },
    { "modules refuse the password",      "exec",    NULL,           "P@ssw0rD", PAM_VERDICT_DENIED },
    { "expired account (A01)",            "expired", NULL,           "x",        PAM_VERDICT_DENIED },
    { "password must be changed (A01)",   "renew",   NULL,           "x",        PAM_VERDICT_DENIED },
    { "unknown name (A01)",               "permit",  "no such user", "x",        PAM_VERDICT_DENIED },
    { "root, whatever PAM says",          "permit",  "root",         "x",        PAM_VERDICT_DENIED },
    { "empty password (A09)",             "permit",  NULL,           "",         PAM_VERDICT_DENIED },
    { "empty name",                       "permit",  "",             "x",        PAM_VERDICT_DENIED },
    { "directory is down",                "down",    NULL,           "x",        PAM_VERDICT_UNAVAILABLE },
    { "no such service, no such other",   "absent",  NULL,           "x",        PAM_VERDICT_UNAVAILABLE },
    { "service that is a path",           "../permit", NULL,         "x",        PAM_VERDICT_DENIED },
    { "service without a name",           "",        NULL,           "x",        PAM_VERDICT_DENIED },
};

static struct pam_check check_of(const char *service, const char *user, const char *password)
{
    return (struct pam_check){ .job = 7, .service = slice_str(service), .user = slice_str(user ? user : account),
                               .password = slice_str(password), .rhost = SLICE_LITERAL("192.0.2.1") };
}

static void test_verdicts(void **state)
{
    (void)state;
    const struct conversation_settings settings = { confdir };
    struct conversation_result *r = malloc(sizeof *r);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        const struct pam_check check = check_of(cases[i].service, cases[i].user, cases[i].password);
        memset(r, 0xAA, sizeof *r);
        conversation_run(&settings, &check, r);
        assert_int_equal(r->verdict, cases[i].want);
        if (cases[i].want != PAM_VERDICT_OK) { /* nothing about the account leaks */
            assert_int_equal(r->uid, 0);
            assert_string_equal(r->user, "");
            assert_int_equal(r->groups_len, 0);
            assert_int_equal(r->group_names_len, 0);
        }
    }
    free(r);
}

static void test_broken_service(void **state)
{
    (void)state;
    const struct conversation_settings settings = { confdir };
    struct conversation_result *r = malloc(sizeof *r);
    const struct pam_check check = check_of("broken", NULL, "x");
    conversation_run(&settings, &check, r);
    assert_int_not_equal(r->verdict, PAM_VERDICT_OK);
    free(r);
}

static void test_identity(void **state)
{
    (void)state;
    const struct conversation_settings settings = { confdir };
    struct conversation_result *r = malloc(sizeof *r);
    const struct pam_check check = check_of("permit", NULL, "x");
    const struct passwd *pw = getpwnam(account);
    conversation_run(&settings, &check, r);
    assert_int_equal(r->uid, pw->pw_uid);
    assert_int_equal(r->gid, pw->pw_gid);
    assert_string_equal(r->user, account);
    assert_true(r->groups_len >= 4);
    uint32_t first = r->groups[0] | (uint32_t)r->groups[1] << 8 | (uint32_t)r->groups[2] << 16 | (uint32_t)r->groups[3] << 24;
    assert_int_equal(first, pw->pw_gid);
    assert_false(slice_has_byte(slice_of(r->group_names, r->group_names_len), 0));
    free(r);
}

enum { MIB = 1024 * 1024 };

static const struct {
    const char *label;
    int error;
    size_t needs, name_len;
    bool line_break;
    enum pam_verdict want;
    size_t names_len;
} group_cases[] = {
    { "groups with names",                       0,      0,        5,   false, PAM_VERDICT_OK,          3 * 5 + 2 },
    { "there is no entry for the number",        0,      0,        0,   false, PAM_VERDICT_OK,          0 },
    { "a name that can be no role",              0,      0,        5,   true,  PAM_VERDICT_OK,          0 },
    { "a group of fifty thousand",               0,      2 * MIB,  5,   false, PAM_VERDICT_OK,          3 * 5 + 2 },
    { "an entry without end",                    0,      64 * MIB, 5,   false, PAM_VERDICT_UNAVAILABLE, 0 },
    { "sssd or its directory is away",           EIO,    0,        5,   false, PAM_VERDICT_UNAVAILABLE, 0 },
    { "so says whoever finds no socket of sssd", ENOENT, 0,        5,   false, PAM_VERDICT_UNAVAILABLE, 0 },
    { "more names than one login may have",      0,      0, ROLES_LIMIT / 2, false, PAM_VERDICT_UNAVAILABLE, 0 },
};

/* The name that is missing could be the one that a rule denies. */
static void test_all_group_names_or_none(void **state)
{
    (void)state;
    const struct conversation_settings settings = { confdir };
    struct conversation_result *r = malloc(sizeof *r);
    for (size_t i = 0; i < 2 * COUNT_OF(group_cases); i++) {
        const size_t row = i / 2;
        CASE_LABEL(&group_cases[row]);
        struct pam_check check = check_of("permit", NULL, "x");
        check.only_identity = i % 2;
        groups.count = 3;
        groups.error = group_cases[row].error;
        groups.needs = group_cases[row].needs;
        groups.name_len = group_cases[row].name_len;
        groups.line_break = group_cases[row].line_break;
        conversation_run(&settings, &check, r);
        groups.count = 0;
        assert_int_equal(r->verdict, group_cases[row].want);
        assert_int_equal(r->groups_len, r->verdict == PAM_VERDICT_OK ? 3 * 4 : 0);
        assert_int_equal(r->group_names_len, group_cases[row].names_len);
    }
    free(r);
}

static const struct {
    const char *label, *service, *user;
    enum pam_verdict want;
} vouched[] = {
    { "PAM's password modules are not asked",    "deny",    NULL,           PAM_VERDICT_OK },
    { "the account's are: it has expired (C14)", "expired", NULL,           PAM_VERDICT_DENIED },
    { "unknown name",                            "permit",  "no such user", PAM_VERDICT_DENIED },
    { "root, whatever a certificate says",       "permit",  "root",         PAM_VERDICT_DENIED },
    { "empty name",                              "permit",  "",             PAM_VERDICT_DENIED },
};

/* Somebody whom a certificate has named: no password, and all the same an account that may be used. */
static void test_vouched(void **state)
{
    (void)state;
    const struct conversation_settings settings = { confdir };
    struct conversation_result *r = malloc(sizeof *r);
    for (size_t i = 0; i < COUNT_OF(vouched); i++) {
        CASE_LABEL(&vouched[i]);
        struct pam_check check = check_of(vouched[i].service, vouched[i].user, "");
        check.vouched = true;
        conversation_run(&settings, &check, r);
        assert_int_equal(r->verdict, vouched[i].want);
        assert_string_equal(r->user, vouched[i].want == PAM_VERDICT_OK ? account : "");
    }
    free(r);
}

static const struct {
    const char *label, *user, *also; /* NULL: the account that exists */
    enum pam_verdict want;
} identities[] = {
    { "the first spelling",             NULL,           "no such user", PAM_VERDICT_OK },
    { "the second spelling",            "no such user", NULL,           PAM_VERDICT_OK },
    { "none of them",                   "no such user", "nor such",     PAM_VERDICT_DENIED },
    { "none at all",                    "",             "",             PAM_VERDICT_DENIED },
    { "root",                           "root",         "",             PAM_VERDICT_DENIED },
};

static void test_only_identity(void **state)
{
    (void)state;
    const struct conversation_settings settings = { confdir };
    struct conversation_result *r = malloc(sizeof *r);
    for (size_t i = 0; i < COUNT_OF(identities); i++) {
        CASE_LABEL(&identities[i]);
        struct pam_check check = check_of("deny", identities[i].user, ""); /* PAM is not asked */
        check.also = slice_str(identities[i].also ? identities[i].also : account);
        check.only_identity = true;
        conversation_run(&settings, &check, r);
        assert_int_equal(r->verdict, identities[i].want);
        assert_int_equal(r->uid, identities[i].want == PAM_VERDICT_OK ? getpwnam(account)->pw_uid : 0);
    }
    free(r);
}

static const struct {
    const char *label;
    int error;
    enum pam_verdict want;
} absences[] = {
    { "no such account",                         0,      PAM_VERDICT_DENIED },
    { "no such account, as some modules put it", ENOENT, PAM_VERDICT_DENIED },
    { "no such account, as others put it",       ESRCH,  PAM_VERDICT_DENIED },
    { "sssd or its directory is away",           EIO,    PAM_VERDICT_UNAVAILABLE },
    { "no descriptor left",                      EMFILE, PAM_VERDICT_UNAVAILABLE },
};

/* PAM is content with the password; then who it is cannot be found out.  That is no wrong password, which would be counted. */
static void test_good_password_without_account(void **state)
{
    (void)state;
    const struct conversation_settings settings = { confdir };
    struct conversation_result *r = malloc(sizeof *r);
    for (size_t i = 0; i < COUNT_OF(absences); i++) {
        CASE_LABEL(&absences[i]);
        struct pam_check check = check_of("permit", absences[i].error ? NULL : "no such user", "x");
        nss_error = absences[i].error;
        conversation_run(&settings, &check, r);
        enum pam_verdict whole = r->verdict;
        check.only_identity = true;
        conversation_run(&settings, &check, r);
        nss_error = 0;
        assert_int_equal(whole, absences[i].want);
        assert_int_equal(r->verdict, absences[i].want);
    }
    free(r);
}

/* A NUL must not cut the password in front of a module. */
static void test_nul(void **state)
{
    (void)state;
    const struct conversation_settings settings = { confdir };
    struct conversation_result *r = malloc(sizeof *r);
    struct pam_check check = check_of("exec", NULL, "");
    check.password = slice_of("P@ssw0rd\0x", 10);
    conversation_run(&settings, &check, r);
    assert_int_equal(r->verdict, PAM_VERDICT_DENIED);
    free(r);
}

static struct pool_answer *wait_for_answer(struct pool *p)
{
    int wait_ms = -1;
    struct pool_answer *answer;
    while (!(answer = pool_take(p, &wait_ms))) {
        struct pollfd ready = { .fd = pool_fd(p), .events = POLLIN };
        assert_in_range(poll(&ready, 1, wait_ms < 0 ? 30000 : wait_ms), 0, 1);
    }
    return answer;
}

/* A02: refusals leave on whole steps after the question, whatever the reason was. */
static void test_refusals_leave_in_step(void **state)
{
    (void)state;
    enum { STEP = 40 };
    struct pool *p;
    const struct pool_options options = { 2, 16, STEP, { confdir } };
    assert_int_equal(pool_new(&options, &p), 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct pam_check check = check_of(cases[i].service, cases[i].user, cases[i].password);
        check.job = i + 1;
        CASE_LABEL(&cases[i]);
        assert_int_equal(pool_ask(p, &check), 0);
        struct pool_answer *answer = wait_for_answer(p);
        int64_t now = clock_ms();
        assert_int_equal(answer->job, i + 1);
        assert_int_equal(answer->result.verdict, cases[i].want);
        assert_true(now >= answer->due);
        if (cases[i].want != PAM_VERDICT_OK) {
            assert_true(answer->due > answer->asked);
            assert_int_equal((answer->due - answer->asked) % STEP, 0);
        }
        pool_answer_free(answer);
    }
    pool_free(p);
}

static void test_queue_is_bounded(void **state)
{
    (void)state;
    struct pool *p;
    const struct pool_options options = { 0, 2, 0, { confdir } }; /* nobody takes from it */
    const struct pam_check check = check_of("permit", NULL, "x");
    assert_int_equal(pool_new(&options, &p), 0);
    assert_int_equal(pool_ask(p, &check), 0);
    assert_int_equal(pool_ask(p, &check), 0);
    assert_int_equal(pool_ask(p, &check), ERR_LIMIT);
    pool_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),  cmocka_unit_test(test_broken_service),
        cmocka_unit_test(test_identity),  cmocka_unit_test(test_nul),
        cmocka_unit_test(test_vouched),   cmocka_unit_test(test_only_identity),
        cmocka_unit_test(test_good_password_without_account), cmocka_unit_test(test_all_group_names_or_none),
        cmocka_unit_test(test_refusals_leave_in_step), cmocka_unit_test(test_queue_is_bounded),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
