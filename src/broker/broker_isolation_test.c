/* broker_isolation_test.c - homes of userIsolation on disk: who begins where, sees what, and gets no further. */
#include "broker_world.h"

#include <unistd.h>

#include "policy/isolation.h"

enum { NONE = ISOLATION_NONE, START = ISOLATION_START_IN_USERS_DIRECTORY, ROOT = ISOLATION_ROOT_ONLY, ALL = ISOLATION_ALL };

/* Physical homes: LocalUser/{anna,Public,Dora,twin,TWIN}, default, anna; "/mapped" is a global directory, and
 * "/LocalUser/carl" a home that is one. */
static void open_homes(struct world *w, uint32_t mode)
{
    world_open(w, (struct world_options){ .isolation = mode + 1, .homes = true });
    world_dir(w, "carl");
    world_dir(w, "site/LocalUser");
    world_dir(w, "site/LocalUser/anna");
    world_dir(w, "site/LocalUser/anna/plans");
    world_dir(w, "site/LocalUser/Dora");
    world_dir(w, "site/LocalUser/Public");
    world_dir(w, "site/LocalUser/twin");
    world_dir(w, "site/LocalUser/TWIN");
    world_dir(w, "site/CORP");
    world_dir(w, "site/CORP/anna");
    world_dir(w, "site/anna");
    world_file(w, "site/LocalUser/anna/a.txt", "anna's");
    world_file(w, "site/LocalUser/Dora/d.txt", "dora's");
    world_file(w, "site/root.txt", "root's");
    world_file(w, "mapped/m.txt", "all's");
    world_file(w, "carl/c.txt", "carl's");
    assert_int_equal(symlink("../Dora", world_path(w, "site/LocalUser/anna/out")), 0);
    assert_int_equal(symlink("plans", world_path(w, "site/LocalUser/anna/in")), 0);
}

static struct grant_answer enter(struct world *w, enum grant_account kind, const char *user, const char *domain)
{
    struct grant_give give = { .ticket = ++w->ticket, .site = 1, .account = (uint8_t)kind, .user = slice_str(user),
                               .domain = slice_str(domain) };
    return world_give(w, give);
}

static const struct {
    const char *label;
    uint32_t mode;
    enum grant_account kind;
    const char *user, *domain;
    const char *start; /* NULL: refused with `substatus` */
    unsigned substatus;
} logins[] = {
    { "no isolation", NONE, GRANT_CUSTOM, "anna", "", "/", 0 },
    { "start in the directory", START, GRANT_CUSTOM, "anna", "", "/anna", 0 },
    { "start in the directory, another case", START, GRANT_CUSTOM, "ANNA", "", "/anna", 0 },
    { "start in a mapping", START, GRANT_CUSTOM, "mapped", "", "/mapped", 0 },
    { "no such directory", START, GRANT_CUSTOM, "dora", "", "/", 0 },
    { "no component (F06)", START, GRANT_CUSTOM, "..", "", "/", 0 },
    { "home", ALL, GRANT_CUSTOM, "anna", "", "/", 0 },
    { "home of a system account", ALL, GRANT_LOCAL, "anna", "", "/", 0 },
    { "home in a domain", ALL, GRANT_DOMAIN, "anna", "CORP", "/", 0 },
    { "home in a domain, another case", ALL, GRANT_DOMAIN, "anna", "corp", "/", 0 },
    { "home of anonymous", ALL, GRANT_ANONYMOUS, "anonymous", "", "/", 0 },
    { "home in another case", ALL, GRANT_CUSTOM, "dora", "", "/", 0 },
    { "exact spelling of two", ALL, GRANT_CUSTOM, "twin", "", "/", 0 },
    { "which of two?", ALL, GRANT_CUSTOM, "Twin", "", NULL, 33 },
    { "home that is a mapping", ALL, GRANT_CUSTOM, "Carl", "", "/", 0 },
    { "no home", ALL, GRANT_CUSTOM, "emil", "", NULL, 33 },
    { "no home in the domain", ALL, GRANT_DOMAIN, "dora", "CORP", NULL, 33 },
    { "no such domain", ALL, GRANT_DOMAIN, "anna", "OTHER", NULL, 33 },
    { "the parent as home (F06)", ALL, GRANT_CUSTOM, "..", "", NULL, 33 },
    { "a path as home (F06)", ALL, GRANT_CUSTOM, "anna/plans", "", NULL, 33 },
    { "the home of anonymous (F06)", ALL, GRANT_CUSTOM, "public", "", NULL, 33 },
    { "root only: home", ROOT, GRANT_CUSTOM, "anna", "", "/", 0 },
    { "root only: a mapping is no home", ROOT, GRANT_CUSTOM, "carl", "", NULL, 33 },
    { "root only: no home", ROOT, GRANT_CUSTOM, "emil", "", NULL, 33 },
};

static void test_logins(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(logins); i++) {
        struct world w;
        CASE_LABEL(&logins[i]);
        open_homes(&w, logins[i].mode);
        struct grant_answer answer = enter(&w, logins[i].kind, logins[i].user, logins[i].domain);
        assert_int_equal(answer.accepted, logins[i].start != NULL);
        if (logins[i].start)
            assert_true(slice_equal_str(answer.home, logins[i].start));
        assert_int_equal(answer.substatus, logins[i].substatus);
        world_close(&w);
    }
}

static const struct {
    const char *label;
    uint32_t mode;
    const char *user;
    enum broker_verb verb;
    const char *path;
    unsigned substatus; /* 0: allowed */
} cases[] = {
    { "own file", ALL, "anna", BROKER_OPEN_READ, "/a.txt", 0 },
    { "own file by the path in the site", ALL, "anna", BROKER_OPEN_READ, "/LocalUser/anna/a.txt", 3 },
    { "the site's root", ALL, "anna", BROKER_OPEN_READ, "/root.txt", 3 },
    { "global directory", ALL, "anna", BROKER_OPEN_READ, "/mapped/m.txt", 3 },
    { "link to another home", ALL, "anna", BROKER_OPEN_READ, "/out/d.txt", 2 },
    { "link inside the home", ALL, "anna", BROKER_CHDIR, "/in", 0 },
    { "mapping below the home", ALL, "anna", BROKER_OPEN_READ, "/box/m.txt", 0 },
    { "home that is a mapping", ALL, "carl", BROKER_OPEN_READ, "/c.txt", 0 },
    { "rules go by the whole path: closed to all", ALL, "anna", BROKER_CHDIR, "/closed", 1 },
    { "... and not by the one the client sees", ALL, "anna", BROKER_MKDIR, "/out2", 0 },
    { "the home cannot be removed", ALL, "anna", BROKER_RMDIR, "/", 5 },
    { "root only: own file", ROOT, "anna", BROKER_OPEN_READ, "/a.txt", 0 },
    { "root only: global directory", ROOT, "anna", BROKER_OPEN_READ, "/Mapped/m.txt", 0 },
    { "root only: the site's root", ROOT, "anna", BROKER_OPEN_READ, "/root.txt", 3 },
    { "root only: somebody's home that is a mapping", ROOT, "anna", BROKER_OPEN_READ, "/LocalUser/carl/c.txt", 3 },
    { "root only: mapping below the home", ROOT, "anna", BROKER_OPEN_READ, "/box/m.txt", 3 },
    { "root only: rules go by the path the client sees (KB 4294477)", ROOT, "anna", BROKER_MKDIR, "/in/secret", 1 },
    { "root only: ... and not by the whole path", ROOT, "anna", BROKER_MKDIR, "/closed", 0 },
    { "root only: link to another home", ROOT, "anna", BROKER_OPEN_READ, "/out/d.txt", 2 },
    { "start: nothing is confined", START, "anna", BROKER_OPEN_READ, "/LocalUser/Dora/d.txt", 0 },
};

static void test_views(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world w;
        CASE_LABEL(&cases[i]);
        open_homes(&w, cases[i].mode);
        assert_true(enter(&w, GRANT_CUSTOM, cases[i].user, "").accepted);
        assert_int_equal(ask(&w, w.ticket, cases[i].verb, cases[i].path)->m.substatus, cases[i].substatus);
        world_close(&w);
    }
}

static void test_listings(void **state)
{
    (void)state;
    struct world w;
    open_homes(&w, ALL);
    assert_true(enter(&w, GRANT_CUSTOM, "anna", "").accepted);
    assert_string_equal(list(&w, w.ticket, "/", LIST_STYLE_NAMES | LIST_VIRTUAL_DIRECTORIES, ""),
                        "a.txt\r\nbox\r\nin\r\nplans\r\n"); /* "out" leads out */
    assert_non_null(strstr(list(&w, w.ticket, "/plans", LIST_STYLE_FACTS | LIST_ONE, ""), " /plans\r\n"));
    assert_non_null(strstr(list(&w, w.ticket, "/", LIST_STYLE_FACTS | LIST_ONE, ""), " /\r\n"));
    world_close(&w);
    open_homes(&w, ROOT);
    assert_true(enter(&w, GRANT_CUSTOM, "anna", "").accepted);
    const char *names = list(&w, w.ticket, "/", LIST_STYLE_NAMES | LIST_VIRTUAL_DIRECTORIES, "");
    assert_non_null(strstr(names, "mapped\r\n"));
    assert_null(strstr(names, "LocalUser"));
    assert_null(strstr(names, "box"));
    world_close(&w);
}

/* Files land in the home; a change of the mode ends what was granted under the old one. */
static void test_upload_and_change(void **state)
{
    (void)state;
    struct world w;
    open_homes(&w, ALL);
    assert_true(enter(&w, GRANT_CUSTOM, "anna", "").accepted);
    uint64_t handle = upload(&w, w.ticket, BROKER_UPLOAD, "/new.txt", "hello");
    assert_true(handle);
    assert_int_equal(finish(&w, w.ticket, BROKER_COMMIT, handle)->m.status, 0);
    assert_string_equal(world_read(&w, "site/LocalUser/anna/new.txt"), "hello");
    assert_int_equal(ask(&w, w.ticket, BROKER_RENAME_FROM, "/new.txt")->m.status, 0);
    assert_int_equal(ask(&w, w.ticket, BROKER_RENAME_TO, "/plans/old.txt")->m.status, 0);
    assert_string_equal(world_read(&w, "site/LocalUser/anna/plans/old.txt"), "hello");
    world_configure(&w, (struct world_options){ .homes = true });
    assert_int_equal(ask(&w, w.ticket, BROKER_STAT, "/LocalUser/Dora/d.txt")->m.substatus, 54);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logins), cmocka_unit_test(test_views), cmocka_unit_test(test_listings),
        cmocka_unit_test(test_upload_and_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
