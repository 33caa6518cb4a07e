/*
 * store_test.c - the tables of aspnet_regsql in SQLite, through ODBC as the program does it.
 *
 * Skipped where the driver is not installed (libsqliteodbc); tests/e2e/membership_test.py asks PostgreSQL too.
 */
#include "membership/store.h"

#include "base/case_test.h"

#include <locale.h>
#include <sql.h>
#include <sqlext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char file[] = "/tmp/sallyport-store-XXXXXX", connection[128];
static SQLHENV environment;
static SQLHDBC database;

static const char *const tables[] = {
    "CREATE TABLE aspnet_Applications (ApplicationName TEXT, LoweredApplicationName TEXT, ApplicationId TEXT, Description TEXT)",
    "CREATE TABLE aspnet_Users (ApplicationId TEXT, UserId TEXT, UserName TEXT, LoweredUserName TEXT, MobileAlias TEXT, "
    "IsAnonymous INTEGER, LastActivityDate TIMESTAMP)",
    "CREATE TABLE aspnet_Membership (ApplicationId TEXT, UserId TEXT, Password TEXT, PasswordFormat INTEGER, PasswordSalt TEXT, "
    "Email TEXT, IsApproved INTEGER, IsLockedOut INTEGER, CreateDate TIMESTAMP, LastLoginDate TIMESTAMP, "
    "LastLockoutDate TIMESTAMP, FailedPasswordAttemptCount INTEGER, FailedPasswordAttemptWindowStart TIMESTAMP)",
    "CREATE TABLE aspnet_Roles (ApplicationId TEXT, RoleId TEXT, RoleName TEXT, LoweredRoleName TEXT)",
    "CREATE TABLE aspnet_UsersInRoles (UserId TEXT, RoleId TEXT)",
    "INSERT INTO aspnet_Applications VALUES ('/', '/', 'a1', NULL), ('Other', 'other', 'a2', NULL)",
    "INSERT INTO aspnet_Users VALUES ('a1', 'u1', 'Anna', 'anna', NULL, 0, NULL), ('a1', 'u2', 'new', 'new', NULL, 0, NULL), "
    "('a1', 'u3', 'locked', 'locked', NULL, 0, NULL), ('a1', 'u4', 'enc', 'enc', NULL, 0, NULL), "
    "('a2', 'u5', 'Stranger', 'stranger', NULL, 0, NULL), ('a1', 'u6', 'Jürgen', 'jürgen', NULL, 0, NULL)",
    "INSERT INTO aspnet_Membership (ApplicationId, UserId, Password, PasswordFormat, PasswordSalt, IsApproved, IsLockedOut, "
    "FailedPasswordAttemptCount, FailedPasswordAttemptWindowStart) VALUES "
    "('a1', 'u1', 'SA/B/hWqGB+DWfFxX7xyBJkL6KMeuoR7SjPdyGn1d/g=', 1, 'AAECAwQFBgcICQoLDA0ODw==', 1, 0, 0, '1754-01-01 00:00:00.000'), "
    "('a1', 'u2', 'secret', 0, '', 0, 0, 0, '1754-01-01 00:00:00.000'), "
    "('a1', 'u3', 'secret', 0, '', 1, 1, 5, '1754-01-01 00:00:00.000'), "
    "('a1', 'u4', 'secret', 2, '', 1, 0, 0, '1754-01-01 00:00:00.000'), "
    "('a2', 'u5', 'secret', 0, '', 1, 0, 0, '1754-01-01 00:00:00.000'), "
    "('a1', 'u6', 'secret', 0, '', 1, 0, 0, '1754-01-01 00:00:00.000')",
    "INSERT INTO aspnet_Roles VALUES ('a1', 'r1', 'Partners', 'partners'), ('a1', 'r2', 'Admins', 'admins')",
    "INSERT INTO aspnet_UsersInRoles VALUES ('u1', 'r1'), ('u1', 'r2')",
};

static void execute(const char *sql)
{
    SQLHSTMT statement;
    assert_true(SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_STMT, database, &statement)));
    assert_true(SQL_SUCCEEDED(SQLExecDirect(statement, (SQLCHAR *)(uintptr_t)sql, SQL_NTS)));
    SQLFreeHandle(SQL_HANDLE_STMT, statement);
}

static int number(const char *sql)
{
    SQLHSTMT statement;
    SQLINTEGER value = -1;
    SQLLEN len;
    assert_true(SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_STMT, database, &statement)));
    assert_true(SQL_SUCCEEDED(SQLExecDirect(statement, (SQLCHAR *)(uintptr_t)sql, SQL_NTS)));
    assert_true(SQL_SUCCEEDED(SQLFetch(statement)));
    assert_true(SQL_SUCCEEDED(SQLGetData(statement, 1, SQL_C_SLONG, &value, sizeof value, &len)));
    SQLFreeHandle(SQL_HANDLE_STMT, statement);
    return value;
}

static int set_up(void **state)
{
    (void)state;
    setlocale(LC_CTYPE, "C.UTF-8");
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    close(fd);
    snprintf(connection, sizeof connection, "Driver={SQLite3};Database=%s;", file);
    assert_true(SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_ENV, SQL_NULL_HANDLE, &environment)));
    assert_true(SQL_SUCCEEDED(SQLSetEnvAttr(environment, SQL_ATTR_ODBC_VERSION, (SQLPOINTER)SQL_OV_ODBC3, 0)));
    assert_true(SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_DBC, environment, &database)));
    if (!SQL_SUCCEEDED(SQLDriverConnect(database, NULL, (SQLCHAR *)connection, SQL_NTS, NULL, 0, NULL, SQL_DRIVER_NOPROMPT)))
        return -1;
    for (size_t i = 0; i < COUNT_OF(tables); i++)
        execute(tables[i]);
    return 0;
}

static int clean_up(void **state)
{
    (void)state;
    SQLDisconnect(database);
    SQLFreeHandle(SQL_HANDLE_DBC, database);
    SQLFreeHandle(SQL_HANDLE_ENV, environment);
    unlink(file);
    return 0;
}

static struct store_settings settings(void)
{
    return (struct store_settings){ .users_connection = slice_str(connection), .users_application = SLICE_LITERAL("/"),
                                    .roles_connection = slice_str(connection), .roles_application = SLICE_LITERAL("/"),
                                    .max_failures = 3, .window_minutes = 10, .command_seconds = 5 };
}

#define ANNAS "P\xC3\xA4ssw0rd\xE2\x82\xAC\xF0\x9F\x98\x80"

static const struct {
    const char *label, *user, *password;
    enum store_verdict want;
    const char *name, *roles;
} cases[] = {
    { "the right password", "anna", ANNAS, STORE_OK, "Anna", "Admins\nPartners" },
    { "names have no case", "ANNA", ANNAS, STORE_OK, "Anna", "Admins\nPartners" },
    { "beyond ASCII", "J\xC3\xBCrgen", "secret", STORE_OK, "J\xC3\xBCrgen", "" },
    { "passwords have", "anna", "p\xC3\xA4ssw0rd\xE2\x82\xAC\xF0\x9F\x98\x80", STORE_DENIED, "", "" },
    { "unknown", "nobody", "secret", STORE_DENIED, "", "" },
    { "not approved", "new", "secret", STORE_DENIED, "", "" },
    { "locked out", "locked", "secret", STORE_DENIED, "", "" },
    { "encrypted", "enc", "secret", STORE_DENIED, "", "" },
    { "of another application", "stranger", "secret", STORE_DENIED, "", "" },
    { "SQL in the name (A11)", "x' OR '1'='1", "secret", STORE_DENIED, "", "" },
    { "empty name", "", "secret", STORE_DENIED, "", "" },
    { "no UTF-8", "\xff\xfe", "secret", STORE_DENIED, "", "" },
};

static void test_check(void **state)
{
    (void)state;
    const struct store_settings set = settings();
    struct store *s = store_new(&set);
    assert_non_null(s);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        OWNED_TEXT_BUFFER user = { 0 };
        OWNED_TEXT_BUFFER roles = { 0 };
        struct diag d = { 0 };
        CASE_LABEL(&cases[i]);
        assert_int_equal(store_check(s, slice_str(cases[i].user), slice_str(cases[i].password), &user, &roles, &d),
                         cases[i].want);
        assert_string_equal(text_str(&user), cases[i].name);
        assert_string_equal(text_str(&roles), cases[i].roles);
        assert_int_equal(d.what[0] != 0, strcmp(cases[i].label, "encrypted") == 0);
    }
    store_free(s);
}

static enum store_verdict ask(struct store *s, const char *user, const char *password)
{
    OWNED_TEXT_BUFFER name = { 0 };
    OWNED_TEXT_BUFFER roles = { 0 };
    struct diag d = { 0 };
    return store_check(s, slice_str(user), slice_str(password), &name, &roles, &d);
}

/* The count begins anew after a success and outside the window, and locks at the limit. */
static void test_lock_out(void **state)
{
    (void)state;
    const struct store_settings set = settings();
    struct store *s = store_new(&set);
    const char count[] = "SELECT FailedPasswordAttemptCount FROM aspnet_Membership WHERE UserId = 'u6'";
    const char locked[] = "SELECT IsLockedOut FROM aspnet_Membership WHERE UserId = 'u6'";
    assert_int_equal(ask(s, "j\xC3\xBCrgen", "wrong"), STORE_DENIED);
    assert_int_equal(ask(s, "j\xC3\xBCrgen", "wrong"), STORE_DENIED);
    assert_int_equal(number(count), 2);
    assert_int_equal(ask(s, "j\xC3\xBCrgen", "secret"), STORE_OK);
    assert_int_equal(number(count), 0);
    assert_int_equal(ask(s, "j\xC3\xBCrgen", "wrong"), STORE_DENIED);
    assert_int_equal(ask(s, "j\xC3\xBCrgen", "wrong"), STORE_DENIED);
    execute("UPDATE aspnet_Membership SET FailedPasswordAttemptWindowStart = '2001-01-01 00:00:00.000' WHERE UserId = 'u6'");
    assert_int_equal(ask(s, "j\xC3\xBCrgen", "wrong"), STORE_DENIED);
    assert_int_equal(number(count), 1);
    assert_int_equal(number(locked), 0);
    assert_int_equal(ask(s, "j\xC3\xBCrgen", "wrong"), STORE_DENIED);
    assert_int_equal(ask(s, "j\xC3\xBCrgen", "wrong"), STORE_DENIED);
    assert_int_equal(number(locked), 1);
    assert_int_equal(ask(s, "j\xC3\xBCrgen", "secret"), STORE_DENIED);
    store_free(s);
}

static void test_database_away(void **state)
{
    (void)state;
    struct store_settings set = settings();
    set.users_connection = SLICE_LITERAL("Driver={no such driver};PWD=geheim");
    struct store *s = store_new(&set);
    OWNED_TEXT_BUFFER user = { 0 };
    OWNED_TEXT_BUFFER roles = { 0 };
    struct diag d = { 0 };
    assert_int_equal(store_check(s, SLICE_LITERAL("anna"), SLICE_LITERAL("x"), &user, &roles, &d), STORE_UNAVAILABLE);
    assert_non_null(strstr(d.what, "cannot connect"));
    assert_null(strstr(d.what, "geheim"));
    store_free(s);
}

static bool has_driver(void)
{
    FILE *f = popen("odbcinst -q -d -n SQLite3 2>/dev/null", "r");
    char line[64] = "";
    bool found = f && fgets(line, sizeof line, f) && strstr(line, "SQLite3");
    if (f)
        pclose(f);
    return found;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_check), cmocka_unit_test(test_lock_out),
                                        cmocka_unit_test(test_database_away) };
    if (!has_driver()) {
        fprintf(stderr, "skipped: libsqliteodbc is not installed\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, set_up, clean_up);
}
