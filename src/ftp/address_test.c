/* address_test.c - PORT, EPRT, EPSV arguments and the text of 227. */
#include "ftp/address.h"

#include "base/case_test.h"

static const struct {
    const char *label;
    bool extended;
    const char *argument;
    int want;
    const char *host;
    uint16_t port;
} cases[] = {
    { "plain PORT",                          false, "192,0,2,7,19,137",      0,               "192.0.2.7", 5001 },
    { "highest port",                        false, "1,2,3,4,255,255",       0,               "1.2.3.4", 65535 },
    { "five fields (P26)",                   false, "1,2,3,4,5",             ERR_SYNTAX,      NULL, 0 },
    { "seven fields (P26)",                  false, "1,2,3,4,5,6,7",         ERR_SYNTAX,      NULL, 0 },
    { "field above 255 (P26)",               false, "1,2,3,4,5,256",         ERR_RANGE,       NULL, 0 },
    { "negative field (P26)",                false, "1,2,3,4,5,-1",          ERR_SYNTAX,      NULL, 0 },
    { "empty field (P26)",                   false, "1,2,3,,5,6",            ERR_SYNTAX,      NULL, 0 },
    { "blanks",                              false, "1, 2,3,4,5,6",          ERR_SYNTAX,      NULL, 0 },
    { "too many digits",                     false, "0001,2,3,4,5,6",        ERR_SYNTAX,      NULL, 0 },
    { "trailing comma",                      false, "1,2,3,4,5,6,",          ERR_SYNTAX,      NULL, 0 },
    { "empty PORT",                          false, "",                      ERR_SYNTAX,      NULL, 0 },
    { "EPRT with IPv4",                      true,  "|1|132.235.1.2|6275|",  0,               "132.235.1.2", 6275 },
    { "EPRT with IPv6",                      true,  "|2|1080::8:800:200C:417A|5282|", 0,      "1080::8:800:200c:417a", 5282 },
    { "another delimiter",                   true,  "!1!132.235.1.2!6275!",  0,               "132.235.1.2", 6275 },
    { "IPv4-mapped folds to IPv4 (D02)",     true,  "|2|::ffff:192.0.2.7|2000|", 0,           "192.0.2.7", 2000 },
    { "unknown family is 522 (D02)",         true,  "|3|132.235.1.2|6275|",  ERR_UNSUPPORTED, NULL, 0 },
    { "IPv4 text as IPv6 (D02)",             true,  "|2|132.235.1.2|6275|",  ERR_SYNTAX,      NULL, 0 },
    { "IPv6 text as IPv4 (D02)",             true,  "|1|::1|6275|",          ERR_SYNTAX,      NULL, 0 },
    { "scope id",                            true,  "|2|fe80::1%lo|6275|",   ERR_SYNTAX,      NULL, 0 },
    { "brackets",                            true,  "|2|[::1]|6275|",        ERR_SYNTAX,      NULL, 0 },
    { "host name",                           true,  "|1|localhost|6275|",    ERR_SYNTAX,      NULL, 0 },
    { "port beyond 65535",                   true,  "|1|1.2.3.4|65536|",     ERR_SYNTAX,      NULL, 0 },
    { "no end",                              true,  "|1|1.2.3.4|6275",       ERR_SYNTAX,      NULL, 0 },
    { "one field more",                      true,  "|1|1.2.3.4|6275|1|",    ERR_SYNTAX,      NULL, 0 },
    { "control byte as delimiter",           true,  "\t1\t1.2.3.4\t2000\t",  ERR_SYNTAX,      NULL, 0 },
    { "only delimiters",                     true,  "||||||||",              ERR_SYNTAX,      NULL, 0 },
};

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct net_addr got = { .port = 7 };
        OWNED_TEXT_BUFFER host = { 0 };
        struct slice argument = slice_str(cases[i].argument);
        CASE_LABEL(&cases[i]);
        int err = cases[i].extended ? address_parse_eprt(argument, &got) : address_parse_port(argument, &got);
        assert_int_equal(err, cases[i].want);
        if (err) {
            assert_int_equal(got.port, 7);
            continue;
        }
        net_addr_print(&got, &host);
        assert_string_equal(text_str(&host), cases[i].host);
        assert_int_equal(got.port, cases[i].port);
    }
}

static const struct {
    const char *label, *argument;
    int want;
    enum epsv_kind kind;
} epsv[] = {
    { "no argument", "",     0,               EPSV_ANY  },
    { "IPv4",        "1",    0,               EPSV_IPV4 },
    { "IPv6",        "2",    0,               EPSV_IPV6 },
    { "ALL (P34)",   "all",  0,               EPSV_ALL  },
    { "family 3",    "3",    ERR_UNSUPPORTED, EPSV_ANY  },
    { "junk",        "ALLX", ERR_SYNTAX,      EPSV_ANY  },
    { "huge",        "99999999999999999999", ERR_SYNTAX, EPSV_ANY },
};

static void test_epsv(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(epsv); i++) {
        enum epsv_kind kind = EPSV_ANY;
        CASE_LABEL(&epsv[i]);
        assert_int_equal(address_parse_epsv(slice_str(epsv[i].argument), &kind), epsv[i].want);
        assert_int_equal(kind, epsv[i].kind);
    }
}

static void test_print(void **state)
{
    (void)state;
    struct net_addr a = { .family = 4, .ip = { 192, 0, 2, 7 }, .port = 5001 }, back;
    OWNED_TEXT_BUFFER text = { 0 };
    address_print_pasv(&a, &text);
    assert_string_equal(text_str(&text), "192,0,2,7,19,137");
    assert_int_equal(address_parse_port(text_slice(&text), &back), 0);
    assert_true(net_addr_same_host(&a, &back) && a.port == back.port);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_epsv),
        cmocka_unit_test(test_print),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
