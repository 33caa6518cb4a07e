/* fetch_url_test.c - addresses out of certificates, and which machines may be asked (threats.md C10). */
#include "base/case_test.h"
#include "pki/fetch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

static const struct {
    const char *label, *text;
    int want;
    const char *host;
    unsigned port;
    const char *target;
} cases[] = {
    { "plain",                     "http://pki.example/ca.crl",       0, "pki.example", 80, "/ca.crl" },
    { "scheme in capitals",        "HTTP://pki.example/ca.crl",       0, "pki.example", 80, "/ca.crl" },
    { "port",                      "http://pki.example:8080/a",       0, "pki.example", 8080, "/a" },
    { "no path",                   "http://pki.example",              0, "pki.example", 80, "" },
    { "query without path",        "http://pki.example?a=b",          0, "pki.example", 80, "?a=b" },
    { "IPv4",                      "http://10.0.0.1/ca.crl",          0, "10.0.0.1", 80, "/ca.crl" },
    { "IPv6",                      "http://[fd00::1]:81/ca.crl",      0, "fd00::1", 81, "/ca.crl" },
    { "as AD CS writes it",        "http://pki/CertEnroll/Test%20CA(1)+.crl", 0, "pki", 80, "/CertEnroll/Test%20CA(1)+.crl" },
    { "https",                     "https://pki.example/ca.crl",      ERR_UNSUPPORTED, NULL, 0, NULL },
    { "file",                      "file:///etc/passwd",              ERR_UNSUPPORTED, NULL, 0, NULL },
    { "gopher",                    "gopher://pki.example/1",          ERR_UNSUPPORTED, NULL, 0, NULL },
    { "ldap",                      "ldap:///CN=x?certificateRevocationList", ERR_UNSUPPORTED, NULL, 0, NULL },
    { "empty",                     "",                                ERR_UNSUPPORTED, NULL, 0, NULL },
    { "no host",                   "http:///ca.crl",                  ERR_SYNTAX, NULL, 0, NULL },
    { "a user",                    "http://user@pki.example/",        ERR_SYNTAX, NULL, 0, NULL },
    { "a user and a password",     "http://a:b@pki.example/",         ERR_SYNTAX, NULL, 0, NULL },
    { "port 0",                    "http://pki.example:0/",           ERR_SYNTAX, NULL, 0, NULL },
    { "port too large",            "http://pki.example:65536/",       ERR_SYNTAX, NULL, 0, NULL },
    { "empty port",                "http://pki.example:/",            ERR_SYNTAX, NULL, 0, NULL },
    { "two ports",                 "http://pki.example:80:80/",       ERR_SYNTAX, NULL, 0, NULL },
    { "text after the bracket",    "http://[::1]x/",                  ERR_SYNTAX, NULL, 0, NULL },
    { "bracket left open",         "http://[::1/",                    ERR_SYNTAX, NULL, 0, NULL },
    { "a name in brackets",        "http://[pki.example]/",           ERR_SYNTAX, NULL, 0, NULL },
    { "a fragment",                "http://pki.example/a#b",          ERR_SYNTAX, NULL, 0, NULL },
    { "a blank",                   "http://pki.example/a b",          ERR_SYNTAX, NULL, 0, NULL },
    { "a second request line",     "http://pki.example/a\r\nHost: x", ERR_SYNTAX, NULL, 0, NULL },
    { "a backslash",               "http://pki.example\\@evil/",      ERR_SYNTAX, NULL, 0, NULL },
    { "no ASCII",                  "http://pki.example/\xc3\xbc",     ERR_SYNTAX, NULL, 0, NULL },
};

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fetch_url url;
        CASE_LABEL(&cases[i]);
        assert_int_equal(fetch_url_parse(slice_str(cases[i].text), &url), cases[i].want);
        if (cases[i].want)
            continue;
        assert_true(slice_equal_str(url.host, cases[i].host));
        assert_int_equal(url.port, cases[i].port);
        assert_true(slice_equal_str(url.target, cases[i].target));
    }
    struct fetch_url url;
    assert_int_equal(fetch_url_parse(slice_of("http://a/\0b", 11), &url), ERR_SYNTAX);
    char *text = malloc(FETCH_URL_MAX + 1);
    memset(text, 'a', FETCH_URL_MAX + 1);
    assert_int_equal(fetch_url_parse(slice_of(text, FETCH_URL_MAX + 1), &url), ERR_TOO_LONG);
    free(text);
}

static const struct {
    const char *label, *hosts, *host;
    bool want;
} hosts[] = {
    { "no list",              "",                         "pki.example",      true  },
    { "only blanks",          " , ",                      "pki.example",      true  },
    { "the name",             "pki.example",              "PKI.example",      true  },
    { "another name",         "pki.example",              "pki.example.evil", false },
    { "second of two",        "a.example, *.pki.example", "crl.pki.example",  true  },
    { "below, not the name",  "*.pki.example",            "pki.example",      false },
};

static void test_hosts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        CASE_LABEL(&hosts[i]);
        assert_int_equal(fetch_host_allowed(slice_str(hosts[i].hosts), slice_str(hosts[i].host)), hosts[i].want);
    }
}

static const struct {
    const char *label, *address;
    bool if_private, if_public;
} addresses[] = {
    { "a public address",              "203.0.113.7",        false, true  },
    { "loopback",                      "127.0.0.1",          true,  false },
    { "all of loopback",               "127.93.0.1",         true,  false },
    { "private, 10",                   "10.1.2.3",           true,  false },
    { "private, 172.16",               "172.31.0.1",         true,  false },
    { "beside 172.16",                 "172.32.0.1",         false, true  },
    { "private, 192.168",              "192.168.0.1",        true,  false },
    { "metadata of clouds",            "169.254.169.254",    false, false },
    { "unspecified",                   "0.0.0.0",            false, false },
    { "multicast",                     "224.0.0.1",          false, false },
    { "broadcast",                     "255.255.255.255",    false, false },
    { "IPv6 loopback",                 "::1",                true,  false },
    { "IPv6 unique local",             "fd00::1",            true,  false },
    { "IPv6 public",                   "2001:db8::1",        false, true  },
    { "IPv6 link-local",               "fe80::1",            false, false },
    { "IPv6 multicast",                "ff02::1",            false, false },
    { "IPv6 unspecified",              "::",                 false, false },
    { "IPv4 in IPv6",                  "::ffff:10.0.0.1",    true,  false },
    { "metadata in IPv6",              "::ffff:169.254.169.254", false, false },
    { "metadata behind NAT64",         "64:ff9b::a9fe:a9fe", false, false },
    { "6to4",                          "2002:7f00:1::",      false, false },
};

static bool allowed(const char *text, bool private_addresses, bool public_addresses)
{
    const struct fetch_policy policy = { .private_addresses = private_addresses, .public_addresses = public_addresses };
    struct sockaddr_storage sa = { 0 };
    struct sockaddr_in *v4 = (struct sockaddr_in *)&sa;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&sa;
    bool is_v4 = inet_pton(AF_INET, text, &v4->sin_addr) == 1;
    sa.ss_family = is_v4 ? AF_INET : AF_INET6;
    assert_true(is_v4 || inet_pton(AF_INET6, text, &v6->sin6_addr) == 1);
    return fetch_address_allowed(&policy, (struct sockaddr *)&sa);
}

static void test_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        CASE_LABEL(&addresses[i]);
        assert_int_equal(allowed(addresses[i].address, true, false), addresses[i].if_private);
        assert_int_equal(allowed(addresses[i].address, false, true), addresses[i].if_public);
        assert_false(allowed(addresses[i].address, false, false));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
