/* address_rules_test.c - matching addresses, and which list of a site counts. */
#include "policy/address_rules.h"

#include "base/case_test.h"
#include "snapshot/snapshot_build.h"

static struct net_addr addr(const char *text)
{
    struct net_addr a = { 0 };
    if (text[0])
        assert_int_equal(net_addr_parse(slice_str(text), &a), 0);
    return a;
}

static const struct {
    const char *label, *address, *mask, *client;
    int err;
    bool matches, single;
} rules[] = {
    { "single address", "192.0.2.1", "", "192.0.2.1", 0, true, true },
    { "IIS's default mask", "192.0.2.1", "255.255.255.255", "192.0.2.1", 0, true, true },
    { "another address", "192.0.2.1", "", "192.0.2.2", 0, false, true },
    { "network", "192.0.2.0", "255.255.255.0", "192.0.2.77", 0, true, false },
    { "host bits in the rule do not count", "192.0.2.9", "255.255.255.0", "192.0.2.77", 0, true, false },
    { "outside the network", "192.0.2.0", "255.255.255.0", "192.0.3.1", 0, false, false },
    { "mask with a hole, as Windows allows", "10.0.7.0", "255.0.255.0", "10.9.7.1", 0, true, false },
    { "mask of nothing", "0.0.0.0", "0.0.0.0", "203.0.113.9", 0, true, false },
    { "prefix length (extension)", "10.0.0.0/8", "", "10.255.0.1", 0, true, false },
    { "prefix length beside IIS's default mask", "10.0.0.0/8", "255.255.255.255", "10.255.0.1", 0, true, false },
    { "prefix length as mask (extension)", "10.0.0.0", "8", "11.0.0.1", 0, false, false },
    { "prefix length 0", "10.0.0.0/0", "", "203.0.113.9", 0, true, false },
    { "IPv6 address", "2001:db8::1", "255.255.255.255", "2001:db8::1", 0, true, true },
    { "IPv6 network", "2001:db8::/32", "", "2001:db8:ffff::1", 0, true, false },
    { "IPv6 network with odd bits", "2001:db8::/33", "", "2001:db8:ffff::1", 0, false, false },
    { "IPv4 rule, IPv6 client", "0.0.0.0/0", "", "2001:db8::1", 0, false, false },
    { "IPv6 rule, IPv4 client", "::/0", "", "192.0.2.1", 0, false, false },
    { "IPv4-mapped client", "192.0.2.1", "", "::ffff:192.0.2.1", 0, true, true },
    { "client without address", "0.0.0.0/0", "", "", 0, false, false },
    { "no address (A12)", "", "", "192.0.2.1", ERR_SYNTAX, false, false },
    { "name instead of an address (A12)", "example.com", "", "192.0.2.1", ERR_SYNTAX, false, false },
    { "three numbers (A12)", "192.0.2", "", "192.0.2.1", ERR_SYNTAX, false, false },
    { "mask out of range (A12)", "192.0.2.0", "255.255.256.0", "192.0.2.1", ERR_SYNTAX, false, false },
    { "prefix too long (A12)", "192.0.2.0/33", "", "192.0.2.1", ERR_RANGE, false, false },
    { "IPv6 prefix too long (A12)", "2001:db8::/129", "", "192.0.2.1", ERR_RANGE, false, false },
    { "empty prefix (A12)", "192.0.2.0/", "", "192.0.2.1", ERR_SYNTAX, false, false },
    { "prefix with a sign (A12)", "192.0.2.0/-1", "", "192.0.2.1", ERR_SYNTAX, false, false },
    { "two masks (A12)", "192.0.2.0/24", "255.255.0.0", "192.0.2.1", ERR_SYNTAX, false, false },
    { "dotted mask behind the bar (A12)", "192.0.2.0/255.255.255.0", "", "192.0.2.1", ERR_SYNTAX, false, false },
    { "IPv4 mask for IPv6 (A12)", "2001:db8::", "255.255.0.0", "192.0.2.1", ERR_SYNTAX, false, false },
};

static void test_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        struct snap_address rule = { 0 };
        struct net_addr client = addr(rules[i].client);
        CASE_LABEL(&rules[i]);
        assert_int_equal(address_rule_parse(slice_str(rules[i].address), slice_str(rules[i].mask), &rule), rules[i].err);
        if (rules[i].err)
            continue;
        assert_int_equal(address_rule_matches(&rule, &client), rules[i].matches);
        assert_int_equal(address_rule_is_single(&rule), rules[i].single);
    }
}

struct rule {
    const char *address;
    bool allowed;
};

static void put_scope(struct snapshot_writer *w, struct snap_site *site, const char *path, bool allow_unlisted,
                      const struct rule list[3])
{
    struct snap_address_scope scope = { .path = snapshot_build_text(w, path), .allow_unlisted = allow_unlisted };
    for (size_t i = 0; i < 3 && list[i].address; i++) {
        struct snap_address row = { 0 };
        assert_int_equal(address_rule_parse(slice_str(list[i].address), SLICE_NONE, &row), 0);
        row.allowed = list[i].allowed;
        uint32_t at = snapshot_put_row(w, SNAP_TABLE_address, &row);
        if (scope.addresses.count++ == 0)
            scope.addresses.first = at;
    }
    uint32_t at = snapshot_put_row(w, SNAP_TABLE_address_scope, &scope);
    if (site->address_scopes.count++ == 0)
        site->address_scopes.first = at;
}

static const struct rule office[3] = { { "192.0.2.13", false }, { "192.0.2.0/24", true }, { "192.0.2.66", false } };
static const struct rule nobody_special[3] = { { "198.51.100.0/24", false } };

static const struct {
    const char *label, *path, *client;
    bool here, below;
} cases[] = {
    { "first match allows", "/office", "192.0.2.1", true, true },
    { "first match denies", "/office", "192.0.2.13", false, false },
    { "a later deny is too late", "/office", "192.0.2.66", true, true },
    { "unlisted, not allowed", "/office", "203.0.113.1", false, false },
    { "inside, another case", "/OFFICE/plans/x", "203.0.113.1", false, false },
    { "a longer name", "/office2", "203.0.113.1", true, true },
    { "root, unlisted", "/", "203.0.113.1", true, false },
    { "root, allowed everywhere", "/", "192.0.2.1", true, true },
    { "root, denied", "/", "198.51.100.7", false, false },
    { "denied at the root, unlisted inside", "/office", "198.51.100.7", false, false },
    { "no address", "/", "", false, false },
};

static void test_lists(void **state)
{
    (void)state;
    struct snapshot_writer *w = snapshot_writer_new();
    struct snap_server server = snapshot_build_server(w);
    struct snap_site site = snapshot_build_site(w, "Site", 1), bare = snapshot_build_site(w, "Bare", 2);
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    put_scope(w, &site, "/office", false, office);
    put_scope(w, &site, "/", true, nobody_special);
    snapshot_put_row(w, SNAP_TABLE_site, &site);
    snapshot_put_row(w, SNAP_TABLE_site, &bare);
    struct snapshot *s = snapshot_build(w, ROLE_BROKER);
    snapshot_writer_free(w);
    assert_non_null(s);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct net_addr client = addr(cases[i].client);
        CASE_LABEL(&cases[i]);
        assert_int_equal(address_rules_allow(s, snapshot_site(s, 0), slice_str(cases[i].path), &client, NULL), cases[i].here);
        assert_int_equal(address_rules_allow_below(s, snapshot_site(s, 0), slice_str(cases[i].path), &client, SLICE_NONE),
                         cases[i].below);
    }
    struct net_addr client = addr("192.0.2.1");
    assert_false(address_rules_allow(s, snapshot_site(s, 1), SLICE_LITERAL("/"), &client, NULL)); /* closed by default */
    snapshot_unref(s);
}

static const struct {
    const char *pattern, *name;
    bool want;
} names[] = {
    { "partner.example.com", "Partner.EXAMPLE.com", true },
    { "partner.example.com", "partner.example.com.evil.test", false },
    { "partner.example.com", "evil-partner.example.com", false },
    { "*.example.com", "a.b.example.com", true },
    { "*.example.com", "example.com", false },
    { "*.example.com", "a.example.com.evil.test", false },
    { "ftp*.example.com", "ftp17.example.com", true },
    { "*", "anything", true },
    { "*", "", true },
    { "", "x", false },
};

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        print_message("    %s: %s\n", names[i].pattern, names[i].name);
        assert_int_equal(address_rules_name_matches(slice_str(names[i].pattern), slice_str(names[i].name)), names[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_names), cmocka_unit_test(test_rules), cmocka_unit_test(test_lists) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
