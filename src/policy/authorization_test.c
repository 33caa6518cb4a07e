/* authorization_test.c - rules against subjects; the order of rules never matters, a Deny always does. */
#include "policy/authorization.h"

#include <stdlib.h>

#include "base/case_test.h"
#include "snapshot/snapshot_build.h"

enum { R = PERMISSION_READ, W = PERMISSION_WRITE, RW = PERMISSION_READ | PERMISSION_WRITE };

struct rule {
    bool deny;
    const char *users, *roles;
    unsigned permissions;
};

struct scope {
    const char *path;
    struct rule rules[4]; /* ends with permissions 0 */
};

static struct snapshot *with_site(const struct scope *scopes, size_t count, bool admits_domain)
{
    struct snapshot_writer *w = snapshot_writer_new();
    struct snap_server server = snapshot_build_server(w);
    struct snap_site site = snapshot_build_site(w, "Site", 1);
    struct snap_scope rows[8] = { 0 };
    site.admits_domain = admits_domain;
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    for (size_t i = 0; i < count; i++) {
        rows[i].path = snapshot_build_text(w, scopes[i].path);
        for (size_t j = 0; j < COUNT_OF(scopes[i].rules) && scopes[i].rules[j].permissions; j++) {
            const struct rule *from = &scopes[i].rules[j];
            struct snap_rule rule = { .deny = from->deny, .users = snapshot_build_text(w, from->users),
                                      .roles = snapshot_build_text(w, from->roles), .permissions = from->permissions };
            uint32_t row = snapshot_put_row(w, SNAP_TABLE_rule, &rule);
            if (rows[i].rules.count++ == 0)
                rows[i].rules.first = row;
        }
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t row = snapshot_put_row(w, SNAP_TABLE_scope, &rows[i]);
        if (site.scopes.count++ == 0)
            site.scopes.first = row;
    }
    snapshot_put_row(w, SNAP_TABLE_site, &site);
    struct snapshot *s = snapshot_build(w, ROLE_BROKER);
    snapshot_writer_free(w);
    assert_non_null(s);
    return s;
}

static struct snapshot *with_scopes(const struct scope *scopes, size_t count)
{
    return with_site(scopes, count, false);
}

#define ANNA \
    { .user = SLICE_LITERAL("anna"), .alias = SLICE_LITERAL("HOST1"), .system = true, .roles = SLICE_LITERAL("staff\nftp users") }
#define DOMAIN_ANNA \
    { .user = SLICE_LITERAL("anna"), .domain = SLICE_LITERAL("CORP"), .alias = SLICE_LITERAL("corp.example"), \
      .principal = SLICE_LITERAL("a.smith@example.net"), .roles = SLICE_LITERAL("staff") }
#define CUSTOM(name) { .user = SLICE_LITERAL(name), .alias = SLICE_LITERAL("HOST1"), .roles = SLICE_LITERAL("staff") }
#define CUSTOM_ROLES(names) { .user = SLICE_LITERAL("anna"), .alias = SLICE_LITERAL("HOST1"), .roles = SLICE_LITERAL(names) }
#define ANONYMOUS { .user = SLICE_LITERAL("IUSR"), .anonymous = true }

static const struct {
    const char *label;
    struct rule rules[4];
    struct authorization_subject who;
    unsigned want;
} cases[] = {
    { "no rules refuse everybody", { { 0 } }, ANNA, 0 },
    { "named", { { false, "anna", "", RW } }, ANNA, RW },
    { "another name", { { false, "bert", "", RW } }, ANNA, 0 },
    { "a longer name", { { false, "annabel", "", RW } }, ANNA, 0 },
    { "case does not matter", { { false, "ANNA", "", RW } }, ANNA, RW },
    { "nor beyond ASCII", { { true, "\xc3\xbcnal", "", W }, { false, "*", "", RW } }, CUSTOM("\xc3\x9cnal"), R },
    { "in a list with blanks", { { false, "bert, anna ,carl", "", R } }, ANNA, R },
    { "empty list items match nobody", { { false, " , ,", "", RW } }, ANNA, 0 },
    { "star is everybody", { { false, "*", "", R } }, ANNA, R },
    { "star includes anonymous", { { false, "*", "", R } }, ANONYMOUS, R },
    { "question mark is anonymous", { { false, "?", "", R } }, ANONYMOUS, R },
    { "question mark is nobody else", { { false, "?", "", R } }, ANNA, 0 },
    { "anonymous is not matched by name", { { false, "IUSR,anonymous", "", RW } }, ANONYMOUS, 0 },
    { "role", { { false, "", "staff", RW } }, ANNA, RW },
    { "role with a blank in it", { { false, "", "x, FTP Users", R } }, ANNA, R },
    { "part of a role", { { false, "", "ftp", R } }, ANNA, 0 },
    { "any role", { { false, "", "*", R } }, ANNA, R },
    { "any role is not no role", { { false, "", "*", R } }, ANONYMOUS, 0 },
    { "a role is not a user", { { false, "staff", "", R } }, ANNA, 0 },
    { "deny after allow", { { false, "*", "", RW }, { true, "anna", "", W } }, ANNA, R },
    { "deny before allow", { { true, "anna", "", W }, { false, "*", "", RW } }, ANNA, R },
    { "deny by role", { { false, "anna", "", RW }, { true, "", "staff", RW } }, ANNA, 0 },
    { "deny of somebody else", { { false, "*", "", RW }, { true, "bert", "", RW } }, ANNA, RW },
    { "deny anonymous", { { false, "*", "", R }, { true, "?", "", RW } }, ANONYMOUS, 0 },
    { "bits add up over rules", { { false, "anna", "", R }, { false, "", "staff", W } }, ANNA, RW },
    { "domain form", { { false, "CORP\\anna", "", R } }, DOMAIN_ANNA, R },
    { "domain form in other case", { { false, "corp\\Anna", "", R } }, DOMAIN_ANNA, R },
    { "principal form (A10)", { { false, "anna@corp", "", R } }, DOMAIN_ANNA, R },
    { "plain name is not a domain account", { { false, "anna", "", RW } }, DOMAIN_ANNA, 0 },
    { "another domain", { { false, "OTHER\\anna", "", RW } }, DOMAIN_ANNA, 0 },
    { "domain form is not a local account", { { false, "CORP\\anna", "", RW } }, ANNA, 0 },
    { "dot form is the local account", { { false, ".\\anna", "", R } }, ANNA, R },
    { "dot form is no domain account", { { false, ".\\anna", "", R } }, DOMAIN_ANNA, 0 },
    { "machine form is the local account", { { true, "host1\\anna", "", W }, { false, "*", "", RW } }, ANNA, R },
    { "machine behind", { { true, "anna@Host1", "", W }, { false, "*", "", RW } }, ANNA, R },
    { "NT AUTHORITY", { { true, "nt authority\\anna", "", W }, { false, "*", "", RW } }, ANNA, R },
    { "dot behind", { { true, "anna@.", "", W }, { false, "*", "", RW } }, ANNA, R },
    { "allowed by the machine form", { { false, "HOST1\\anna", "", RW } }, ANNA, RW },
    { "somebody else of the machine", { { true, "HOST1\\ann", "", W }, { false, "*", "", RW } }, ANNA, RW },
    { "another machine", { { true, "HOST10\\anna", "", W }, { false, "*", "", RW } }, ANNA, RW },
    { "machine form is no domain account", { { false, "HOST1\\anna,NT AUTHORITY\\anna", "", R } }, DOMAIN_ANNA, 0 },
    { "nobody at the machine", { { false, "HOST1\\,@HOST1", "", R } }, ANNA, 0 },
    { "group of the machine", { { true, "", "HOST1\\staff", W }, { false, "*", "", RW } }, ANNA, R },
    { "group with a dot", { { true, "", ".\\FTP Users", W }, { false, "*", "", RW } }, ANNA, R },
    { "group, machine behind", { { true, "", "staff@host1", W }, { false, "*", "", RW } }, ANNA, R },
    { "group of NT AUTHORITY", { { true, "", "x,NT AUTHORITY\\staff", W }, { false, "*", "", RW } }, ANNA, R },
    { "group of another machine", { { false, "", "HOST10\\staff,CORP\\staff", RW } }, ANNA, 0 },
    { "another group of the machine", { { false, "", ".\\staf,.\\", RW } }, ANNA, 0 },
    { "group of the machine and a domain account", { { false, "", ".\\staff,HOST1\\staff", RW } }, DOMAIN_ANNA, 0 },
    { "group of the machine and a custom role", { { false, "", ".\\staff,HOST1\\staff", RW } }, CUSTOM("anna"), 0 },
    { "DNS name of the domain in front", { { true, "corp.example\\Anna", "", W }, { false, "*", "", RW } }, DOMAIN_ANNA, R },
    { "DNS name of the domain behind", { { true, "anna@Corp.Example", "", W }, { false, "*", "", RW } }, DOMAIN_ANNA, R },
    { "principal name with another suffix", { { true, "A.Smith@example.net", "", W }, { false, "*", "", RW } }, DOMAIN_ANNA, R },
    { "allowed by the principal name", { { false, "a.smith@example.net", "", R } }, DOMAIN_ANNA, R },
    { "part of the principal name", { { false, "a.smith,a.smith@corp,CORP\\a.smith", "", R } }, DOMAIN_ANNA, 0 },
    { "a domain below", { { false, "anna@eu.corp.example", "", R } }, DOMAIN_ANNA, 0 },
    { "a Deny where the machine's name is not known", { { true, "HOST1\\anna", "HOST1\\staff", W }, { false, "*", "", RW } },
      { .user = SLICE_LITERAL("anna"), .system = true }, R },
    { "a Deny where the domain's DNS name is not known", { { true, "anna@corp.example", "", W }, { false, "*", "", RW } },
      { .user = SLICE_LITERAL("anna"), .domain = SLICE_LITERAL("CORP") }, R },
    { "an Allow there", { { false, "anna@corp.example", "", RW } },
      { .user = SLICE_LITERAL("anna"), .domain = SLICE_LITERAL("CORP") }, 0 },
    { "dot form is no custom account", { { false, ".\\anna,anna@.", "", R } }, CUSTOM("anna"), 0 },
    { "machine form is no custom account", { { false, "HOST1\\anna,anna@HOST1,NT AUTHORITY\\anna", "", R } }, CUSTOM("anna"), 0 },
    { "a custom account that calls itself so", { { false, ".\\anna", "", R } }, CUSTOM(".\\anna"), 0 },
    { "a custom account with the machine's name", { { false, "host1\\anna", "", R } }, CUSTOM("HOST1\\anna"), 0 },
    { "a Deny of such a name", { { true, "host1\\anna", "", W }, { false, "*", "", RW } }, CUSTOM("HOST1\\anna"), R },
    { "plain name is a custom account", { { false, "anna", "", R } }, CUSTOM("anna"), R },
    { "a custom name with an at sign", { { false, "anna@example.com", "", R } }, CUSTOM("anna@example.com"), R },
    { "a custom name that looks like one of a domain", { { false, "shop\\anna", "", R } }, CUSTOM("shop\\anna"), 0 },
    { "a Deny of such a name, of whatever domain", { { true, "SHOP\\anna", "", W }, { false, "*", "", RW } }, CUSTOM("shop\\anna"), R },
    { "a custom role that looks like a group of the machine", { { false, "", "HOST1\\staff,.\\staff,staff@host1", RW } },
      CUSTOM_ROLES("HOST1\\staff\n.\\staff\nstaff@host1"), 0 },
    { "a custom role that looks like a group of a domain", { { false, "", "CORP\\staff", RW } }, CUSTOM_ROLES("CORP\\staff"), 0 },
    { "a Deny of such a role", { { true, "", "corp\\staff", W }, { false, "*", "", RW } }, CUSTOM_ROLES("CORP\\staff"), R },
    { "a custom role with an at sign", { { false, "", "staff@shop", R } }, CUSTOM_ROLES("staff@shop"), R },
    { "an account that is called so with any role", { { false, "CORP\\anna", "*", R } }, CUSTOM("CORP\\anna"), R },
    { "no user at all", { { false, "", "", RW } }, { .user = SLICE_LITERAL("") }, 0 },
};

static void test_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct scope scope = { .path = "/" };
        CASE_LABEL(&cases[i]);
        memcpy(scope.rules, cases[i].rules, sizeof scope.rules);
        struct snapshot *s = with_scopes(&scope, 1);
        assert_int_equal(authorization_permissions(s, snapshot_site(s, 0), SLICE_LITERAL("/x/y"), &cases[i].who),
                         cases[i].want);
        snapshot_unref(s);
    }
}

/* Where accounts of a domain log in as well, a name with an at sign is one of theirs. */
static const struct {
    const char *label;
    struct rule rules[4];
    struct authorization_subject who;
    unsigned want;
} beside_domain[] = {
    { "a custom name that looks like a principal name", { { false, "a.smith@example.net", "", R } }, CUSTOM("a.smith@example.net"), 0 },
    { "a Deny of it", { { true, "A.Smith@example.net", "", W }, { false, "*", "", RW } }, CUSTOM("a.smith@example.net"), R },
    { "a custom role with an at sign", { { false, "", "staff@corp.example", R } }, CUSTOM_ROLES("staff@corp.example"), 0 },
    { "plain name is a custom account", { { false, "anna", "", R } }, CUSTOM("anna"), R },
    { "plain role is a custom one", { { false, "", "staff", R } }, CUSTOM("anna"), R },
    { "the account of the domain itself", { { false, "a.smith@example.net", "", R } }, DOMAIN_ANNA, R },
    { "the system account", { { false, "anna@HOST1", "", R } }, ANNA, R },
};

static void test_rules_beside_a_domain(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(beside_domain); i++) {
        struct scope scope = { .path = "/" };
        CASE_LABEL(&beside_domain[i]);
        memcpy(scope.rules, beside_domain[i].rules, sizeof scope.rules);
        struct snapshot *s = with_site(&scope, 1, true);
        assert_int_equal(authorization_permissions(s, snapshot_site(s, 0), SLICE_LITERAL("/"), &beside_domain[i].who),
                         beside_domain[i].want);
        snapshot_unref(s);
    }
}

static const struct scope tree[] = {
    { "/in/secret", { { true, "*", "", RW } } },
    { "/out", { { false, "*", "", R } } },
    { "/in", { { false, "anna", "", RW } } },
    { "/", { { false, "*", "", R } } },
};

static const struct {
    const char *label, *path;
    unsigned want;
} paths[] = {
    { "root", "/", R },
    { "unlisted path is the root's", "/other/x", R },
    { "scope itself", "/in", RW },
    { "below a scope", "/in/a/b", RW },
    { "case of the path does not widen (F14)", "/IN/Secret/x", 0 },
    { "longest scope wins", "/in/secret", 0 },
    { "not by half a component", "/in/secrets", RW },
    { "not by half a component at the first level", "/inner", R },
};

static void test_scopes(void **state)
{
    (void)state;
    struct snapshot *s = with_scopes(tree, COUNT_OF(tree));
    struct authorization_subject anna = ANNA;
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        CASE_LABEL(&paths[i]);
        assert_int_equal(authorization_permissions(s, snapshot_site(s, 0), slice_str(paths[i].path), &anna),
                         paths[i].want);
    }
    snapshot_unref(s);
    s = with_scopes(NULL, 0);
    assert_int_equal(authorization_permissions(s, snapshot_site(s, 0), SLICE_LITERAL("/"), &anna), 0);
    snapshot_unref(s);
}

/* Adding a Deny never gives anybody anything; the order of rules never matters (X06). */
static void test_property(void **state)
{
    (void)state;
    static const char *const users[] = { "anna", "*", "?", "bert", "", "CORP\\anna" };
    static const char *const roles[] = { "", "staff", "*", "guests" };
    const struct authorization_subject who[] = { ANNA, DOMAIN_ANNA, ANONYMOUS };
    unsigned seed = 1;
    for (int round = 0; round < 300; round++) {
        struct scope scope = { .path = "/" }, reversed = { .path = "/" }, denied;
        for (int i = 0; i < 3; i++)
            scope.rules[i] = (struct rule){ rand_r(&seed) % 3 == 0, users[(unsigned)rand_r(&seed) % COUNT_OF(users)],
                                            roles[(unsigned)rand_r(&seed) % COUNT_OF(roles)],
                                            1 + (unsigned)rand_r(&seed) % 3 };
        for (int i = 0; i < 3; i++)
            reversed.rules[i] = scope.rules[2 - i];
        denied = scope;
        denied.rules[3] = (struct rule){ true, users[(unsigned)rand_r(&seed) % COUNT_OF(users)], "", RW };
        struct snapshot *a = with_scopes(&scope, 1), *b = with_scopes(&reversed, 1), *c = with_scopes(&denied, 1);
        for (size_t i = 0; i < COUNT_OF(who); i++) {
            unsigned first = authorization_permissions(a, snapshot_site(a, 0), SLICE_LITERAL("/"), &who[i]);
            assert_int_equal(authorization_permissions(b, snapshot_site(b, 0), SLICE_LITERAL("/"), &who[i]), first);
            assert_int_equal(authorization_permissions(c, snapshot_site(c, 0), SLICE_LITERAL("/"), &who[i]) & ~first, 0);
        }
        snapshot_unref(a);
        snapshot_unref(b);
        snapshot_unref(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rules), cmocka_unit_test(test_rules_beside_a_domain),
                                        cmocka_unit_test(test_scopes), cmocka_unit_test(test_property) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
