/* ldap_url_test.c - addresses of CRLs in a directory, good and bad. */
#include "base/case_test.h"
#include "directory/ldap_url.h"

static const struct {
    const char *label, *url;
    int want;
    const char *host, *dn;
    bool delta;
} cases[] = {
    { "as AD CS writes it",
      "ldap:///CN=Issuing%20CA,CN=dc1,CN=CDP,DC=test?certificateRevocationList?base?objectClass=cRLDistributionPoint", 0, "",
      "CN=Issuing CA,CN=dc1,CN=CDP,DC=test", false },
    { "its delta", "ldap:///CN=a,DC=test?deltaRevocationList?base?objectClass=cRLDistributionPoint", 0, "", "CN=a,DC=test", true },
    { "a host, no scope", "LDAP://dc1.test:389/CN=a?CertificateRevocationList;binary", 0, "dc1.test:389", "CN=a", false },
    { "an escaped question mark", "ldap:///CN=a%3Fb?certificateRevocationList?base", 0, "", "CN=a?b", false },
    { "http", "http://a/b", ERR_UNSUPPORTED, NULL, NULL, false },
    { "ldaps", "ldaps:///CN=a?certificateRevocationList", ERR_UNSUPPORTED, NULL, NULL, false },
    { "a password", "ldap:///CN=a?unicodePwd?base", ERR_UNSUPPORTED, NULL, NULL, false },
    { "every attribute", "ldap:///CN=a??base", ERR_UNSUPPORTED, NULL, NULL, false },
    { "a whole tree", "ldap:///CN=a?certificateRevocationList?sub", ERR_UNSUPPORTED, NULL, NULL, false },
    { "no object", "ldap:///?certificateRevocationList?base", ERR_SYNTAX, NULL, NULL, false },
    { "no path", "ldap://a", ERR_UNSUPPORTED, NULL, NULL, false },
    { "a NUL", "ldap:///CN=a%00b?certificateRevocationList", ERR_SYNTAX, NULL, NULL, false },
    { "half an escape", "ldap:///CN=a%2?certificateRevocationList", ERR_SYNTAX, NULL, NULL, false },
    { "no escape", "ldap:///CN=a%zz?certificateRevocationList", ERR_SYNTAX, NULL, NULL, false },
};

static void test_urls(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct ldap_crl_url url = { 0 };
        CASE_LABEL(&cases[i]);
        assert_int_equal(ldap_crl_url_parse(slice_str(cases[i].url), &url), cases[i].want);
        if (cases[i].want)
            continue;
        assert_true(slice_equal_str(url.host, cases[i].host));
        assert_string_equal(text_str(&url.dn), cases[i].dn);
        assert_int_equal(url.delta, cases[i].delta);
        text_free(&url.dn);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_urls) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
