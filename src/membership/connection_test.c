/* connection_test.c - what becomes of .NET's connection strings. */
#include "membership/connection.h"

#include "base/case_test.h"

static const struct {
    const char *label, *provider, *ado, *want, *what; /* `what`: part of the complaint, NULL: none */
} cases[] = {
    { "ODBC as it is", "System.Data.Odbc", "Driver={PostgreSQL Unicode};Server=db;UID=a;PWD=b", "Driver={PostgreSQL Unicode};Server=db;UID=a;PWD=b", NULL },
    { "SQL Server", "System.Data.SqlClient", "Data Source=db1;Initial Catalog=aspnetdb;User ID=ftp;Password=p@ss",
      "Driver={FreeTDS};Server=db1;Port=1433;Database=aspnetdb;UID=ftp;PWD={p@ss};", NULL },
    { "no provider is SQL Server's", "", "server=tcp:db1,1444;database=d;uid=u;pwd=p;Integrated Security=false",
      "Driver={FreeTDS};Server=db1;Port=1444;Database=d;UID=u;PWD=p;", NULL },
    { "named instance", "", "Server=.\\SQLEXPRESS;UID=u;PWD=p", "Driver={FreeTDS};Server=.\\SQLEXPRESS;UID=u;PWD=p;", NULL },
    { "this machine", "", "Server=(local);UID=u;PWD=p", "Driver={FreeTDS};Server=localhost;Port=1433;UID=u;PWD=p;", NULL },
    { "encryption", "", "Server=d;Encrypt=True", "Driver={FreeTDS};Server=d;Port=1433;Encryption=require;Encrypt=yes;", NULL },
    { "no encryption", "", "Server=d;Encrypt=Optional", "Driver={FreeTDS};Server=d;Port=1433;Encryption=off;Encrypt=no;", NULL },
    { "pools mean nothing here", "", "Server=d;Max Pool Size=5;Persist Security Info=True", "Driver={FreeTDS};Server=d;Port=1433;", NULL },
    { "quotes, separators and braces in a value", "", "Server=d;PWD=\"a;b\"\"c}\"", "Driver={FreeTDS};Server=d;Port=1433;PWD={a;b\"c}}};", NULL },
    { "single quotes", "", "PWD='x;y' ; UID = u ", "Driver={FreeTDS};PWD={x;y};UID=u;", NULL },
    { "PostgreSQL", "Npgsql", "Host=db;Port=5433;Database=d;Username=u;Password=p;SSL Mode=require",
      "Driver={PostgreSQL Unicode};Server=db;Port=5433;Database=d;UID=u;PWD=p;SSLmode=require;", NULL },
    { "SQLite", "System.Data.SQLite", "Data Source=/var/lib/x.db;Version=3", "Driver={SQLite3};Database=/var/lib/x.db;", NULL },
    { "Windows login", "", "Server=d;Integrated Security=SSPI", NULL, "Integrated Security" },
    { "trusted connection", "", "Server=d;Trusted_Connection=yes", NULL, "Trusted_Connection" },
    { "attached file", "", "AttachDbFilename=|DataDirectory|aspnetdb.mdf", NULL, "AttachDbFilename" },
    { "unknown keyword", "", "Server=d;Failover Partner=e", NULL, "\"Failover Partner\" is not known" },
    { "unknown provider", "Oracle.DataAccess.Client", "x=y", NULL, "Oracle.DataAccess.Client" },
    { "empty", "", " ", NULL, "empty" },
};

static void test_cases(void **state)
{
    (void)state;
    const struct connection_drivers drivers = { SLICE_LITERAL("FreeTDS"), SLICE_LITERAL("PostgreSQL Unicode"), SLICE_LITERAL("SQLite3") };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        OWNED_TEXT_BUFFER out = { 0 };
        struct diag d = { 0 };
        CASE_LABEL(&cases[i]);
        int err = connection_string(slice_str(cases[i].provider), slice_str(cases[i].ado), &drivers, &out, &d);
        assert_int_equal(err != 0, cases[i].what != NULL);
        if (cases[i].what)
            assert_non_null(strstr(d.what, cases[i].what));
        else
            assert_string_equal(text_str(&out), cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
