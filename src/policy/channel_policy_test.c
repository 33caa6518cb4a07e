/* channel_policy_test.c - every policy against a clear and a protected channel. */
#include "policy/channel_policy.h"

#include "base/case_test.h"
#include "snapshot/snapshot_build.h"

static const struct {
    const char *label;
    unsigned policy;
    bool is_protected;
    unsigned credentials, command, data;
} cases[] = {
    { "SslAllow, clear",               SSL_ALLOW,   false, 0,  0,  0 },
    { "SslAllow, protected",           SSL_ALLOW,   true,  0,  0,  0 },
    { "SslRequire, clear",             SSL_REQUIRE, false, 25, 25, 24 },
    { "SslRequire, protected",         SSL_REQUIRE, true,  0,  0,  0 },
    { "CredentialsOnly/Deny, clear",   2,           false, 26, 0,  0 },
    { "CredentialsOnly/Deny, protected", 2,         true,  0,  0,  27 },
};

static void test_channels(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        struct snapshot_writer *w = snapshot_writer_new();
        struct snap_server server = snapshot_build_server(w);
        struct snap_site site = snapshot_build_site(w, "Site", 1);
        site.control_channel_policy = site.data_channel_policy = cases[i].policy;
        snapshot_put_row(w, SNAP_TABLE_server, &server);
        snapshot_put_row(w, SNAP_TABLE_site, &site);
        struct snapshot *s = snapshot_build(w, ROLE_WORKER);
        snapshot_writer_free(w);
        const struct snap_site *row = snapshot_site(s, 0);
        struct reason why = { 0 };
        assert_int_equal(channel_policy_credentials(row, s, cases[i].is_protected, NULL), cases[i].credentials);
        assert_int_equal(channel_policy_command(row, s, cases[i].is_protected, &why), cases[i].command);
        assert_non_null(strstr(why.text, "controlChannelPolicy is "));
        assert_int_equal(channel_policy_data(row, s, cases[i].is_protected, &why), cases[i].data);
        assert_non_null(strstr(why.text, "dataChannelPolicy is "));
        snapshot_unref(s);
    }
}

static void test_certificates(void **state)
{
    (void)state;
    for (unsigned policy = CERT_IGNORE; policy <= CERT_REQUIRE; policy++) {
        struct snapshot_writer *w = snapshot_writer_new();
        struct snap_server server = snapshot_build_server(w);
        struct snap_site site = snapshot_build_site(w, "Site", 1);
        site.client_cert_policy = policy;
        snapshot_put_row(w, SNAP_TABLE_server, &server);
        snapshot_put_row(w, SNAP_TABLE_site, &site);
        struct snapshot *s = snapshot_build(w, ROLE_WORKER);
        snapshot_writer_free(w);
        assert_int_equal(channel_policy_certificate(snapshot_site(s, 0), s, false, NULL), policy == CERT_REQUIRE ? 47 : 0);
        assert_int_equal(channel_policy_certificate(snapshot_site(s, 0), s, true, NULL), 0);
        snapshot_unref(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_channels), cmocka_unit_test(test_certificates) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
