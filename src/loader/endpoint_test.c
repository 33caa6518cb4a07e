/* endpoint_test.c - bindings as they stand in files, good and bad. */
#include "loader/endpoint.h"

#include "base/case_test.h"

static const struct {
    const char *label, *text, *address;
    unsigned port;
    const char *host;
} cases[] = {
    { "any address",                     "*:21:",                     "",          21,    "" },
    { "empty address",                   ":21:",                      "",          21,    "" },
    { "the walkthrough's loopback",      "127.0.0.1:21:",             "127.0.0.1", 21,    "" },
    { "virtual host",                    "*:21:FTP.Example.com",      "",          21,    "ftp.example.com" },
    { "IPv6",                            "[::1]:21:",                 "::1",       21,    "" },
    { "IPv6 long form",                  "[0:0:0:0:0:0:0:1]:990:h",   "::1",       990,   "h" },
    { "IPv4 inside IPv6 is IPv4",        "[::ffff:10.0.0.1]:21:",     "10.0.0.1",  21,    "" },
    { "highest port",                    "*:65535:",                  "",          65535, "" },
    { "one colon (trap 13)",             "*:21",                      NULL, 0, NULL },
    { "a colon alone",                   ":",                         NULL, 0, NULL },
    { "two colons alone",                "::",                        NULL, 0, NULL },
    { "empty",                           "",                          NULL, 0, NULL },
    { "port too high",                   "*:161902:x",                NULL, 0, NULL },
    { "port of letters",                 "*:abc:",                    NULL, 0, NULL },
    { "port zero",                       "*:0:",                      NULL, 0, NULL },
    { "port with a sign",                "*:+21:",                    NULL, 0, NULL },
    { "IPv6 without brackets",           "::1:21:",                   NULL, 0, NULL },
    { "IPv4 in brackets",                "[127.0.0.1]:21:",           NULL, 0, NULL },
    { "a name as address",               "localhost:21:",             NULL, 0, NULL },
    { "address cut off",                 "[::1:21:",                  NULL, 0, NULL },
    { "a blank in the host",             "*:21:a b",                  NULL, 0, NULL },
    { "a bar in the host",               "*:21:a|b",                  NULL, 0, NULL },
};

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct endpoint e = { .port = 7 };
        CASE_LABEL(&cases[i]);
        assert_int_equal(endpoint_parse(slice_str(cases[i].text), &e) == NULL, cases[i].address != NULL);
        if (!cases[i].address) {
            assert_int_equal(e.port, 7);
            continue;
        }
        assert_string_equal(e.address, cases[i].address);
        assert_int_equal(e.port, cases[i].port);
        assert_string_equal(e.host, cases[i].host);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_parse) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
