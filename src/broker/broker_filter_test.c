/* broker_filter_test.c - requestFiltering where the files are: verbs, rename targets, listings, sizes. */
#include "broker_world.h"

#include <unistd.h>

static void expect(struct reply *r, int err, uint32_t win32, unsigned substatus)
{
    assert_int_equal(r->m.status, -err);
    assert_int_equal(r->m.win32, win32);
    assert_int_equal(r->m.substatus, substatus);
}

static const struct {
    const char *label;
    enum broker_verb verb;
    const char *path;
    unsigned substatus; /* 0: allowed */
} cases[] = {
    { "read what is listed", BROKER_OPEN_READ, "/a.txt", 0 },
    { "read what is denied", BROKER_OPEN_READ, "/a.exe", 11 },
    { "read what is denied, another case (F13)", BROKER_OPEN_READ, "/a.EXE", 11 },
    { "read a file without extension", BROKER_OPEN_READ, "/README", 11 },
    { "size of a denied file", BROKER_STAT, "/a.exe", 11 },
    { "list a denied file", BROKER_LIST, "/a.exe", 11 },
    { "upload a denied file", BROKER_UPLOAD, "/new.exe", 11 },
    { "upload through a semicolon (W07)", BROKER_UPLOAD, "/new.exe;.txt", 11 },
    { "append to a denied file", BROKER_APPEND, "/a.exe", 11 },
    { "a unique name has no extension", BROKER_UPLOAD_UNIQUE, "/", 11 },
    { "a unique name where anything goes", BROKER_UPLOAD_UNIQUE, "/loose", 0 },
    { "delete a denied file", BROKER_DELETE, "/a.exe", 11 },
    { "rename a denied file", BROKER_RENAME_FROM, "/a.exe", 11 },
    { "rename a file without extension", BROKER_RENAME_FROM, "/README", 11 },
    { "rename a directory without extension", BROKER_RENAME_FROM, "/dir", 0 },
    { "enter a hidden directory", BROKER_CHDIR, "/hidden", 8 },
    { "enter a hidden directory, another case (F13)", BROKER_CHDIR, "/HIDDEN", 8 },
    { "list a hidden directory", BROKER_LIST, "/hidden", 8 },
    { "read in a hidden directory", BROKER_OPEN_READ, "/dir/Hidden/a.txt", 8 },
    { "make a hidden directory", BROKER_MKDIR, "/dir/hidden2/../hidden", 3 }, /* not canonical: 123, sub 3 */
    { "make a directory of a hidden name", BROKER_MKDIR, "/dir/hiDDen", 8 },
    { "enter a directory", BROKER_CHDIR, "/dir", 0 },
    { "a path with looser rules", BROKER_OPEN_READ, "/loose/a.exe", 0 },
};

static void world_of_filters(struct world *w)
{
    world_open(w, (struct world_options){ .filtered = true });
    world_file(w, "site/a.txt", "text");
    world_file(w, "site/a.exe", "code");
    world_file(w, "site/README", "read");
    world_dir(w, "site/dir");
    world_dir(w, "site/dir/hidden");
    world_dir(w, "site/hidden");
    world_file(w, "site/hidden/a.txt", "x");
    world_dir(w, "site/loose");
    world_file(w, "site/loose/a.exe", "x");
    world_file(w, "site/loose/hidden", "x");
}

static void test_verbs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world w;
        CASE_LABEL(&cases[i]);
        world_of_filters(&w);
        struct reply *r = ask(&w, world_login(&w, "anna"), cases[i].verb, cases[i].path);
        assert_int_equal(r->m.substatus, cases[i].substatus);
        assert_int_equal(r->m.win32, cases[i].substatus == 0 ? 0 : cases[i].substatus == 3 ? 123 : 5);
        world_close(&w);
    }
}

static void test_listing_leaves_hidden_segments_out(void **state)
{
    (void)state;
    struct world w;
    world_of_filters(&w);
    uint64_t anna = world_login(&w, "anna");
    assert_string_equal(list(&w, anna, "/", LIST_STYLE_NAMES, ""), "a.exe\r\na.txt\r\ndir\r\nloose\r\nREADME\r\n");
    assert_string_equal(list(&w, anna, "/", LIST_STYLE_NAMES, "hid*"), "");
    assert_string_equal(list(&w, anna, "/loose", LIST_STYLE_NAMES, ""), "a.exe\r\nhidden\r\n");
    world_close(&w);
}

static const struct {
    const char *label, *from, *to;
    unsigned substatus;
} renames[] = {
    { "to a listed extension", "/a.txt", "/b.TXT", 0 },
    { "to a denied extension (F13)", "/a.txt", "/a.exe2.EXE", 11 },
    { "to no extension", "/a.txt", "/noextension", 11 },
    { "to a hidden name", "/a.txt", "/HIDDEN", 8 },
    { "into a hidden directory", "/a.txt", "/hidden/b.txt", 8 },
    { "a directory to another name", "/dir", "/dir2", 0 },
    { "a directory out of the rules that hide what is in it", "/dir", "/loose/dir", 8 },
    { "a file into looser rules", "/a.txt", "/loose/a.exe2", 0 },
};

static void test_renames(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(renames); i++) {
        struct world w;
        CASE_LABEL(&renames[i]);
        world_of_filters(&w);
        uint64_t anna = world_login(&w, "anna");
        expect(ask(&w, anna, BROKER_RENAME_FROM, renames[i].from), 0, 0, 0);
        assert_int_equal(ask(&w, anna, BROKER_RENAME_TO, renames[i].to)->m.substatus, renames[i].substatus);
        world_close(&w);
    }
}

static const struct {
    const char *label, *old, *content; /* ten bytes are allowed */
    enum broker_verb verb;
    uint64_t offset;
    bool begins, fits;
} sizes[] = {
    { "as large as allowed", NULL, "0123456789", BROKER_UPLOAD, 0, true, true },
    { "one byte more", NULL, "0123456789a", BROKER_UPLOAD, 0, true, false },
    { "restarted: the final length counts", "01234567", "01", BROKER_UPLOAD, 8, true, true },
    { "restarted beyond the limit", "01234567", "012", BROKER_UPLOAD, 8, true, false },
    { "restarted behind the limit", "0123456789ab", "0", BROKER_UPLOAD, 11, false, false },
    { "appended", "01234567", "01", BROKER_APPEND, 0, true, true },
    { "appended beyond the limit", "01234567", "012", BROKER_APPEND, 0, true, false },
    { "appended to what is too large already", "0123456789ab", "", BROKER_APPEND, 0, false, false },
};

/* The worker stops a transfer that gets too long; one that does not is stopped here. */
static void test_sizes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct world w;
        CASE_LABEL(&sizes[i]);
        world_open(&w, (struct world_options){ .filtered = true, .keep_partial = true });
        if (sizes[i].old)
            world_file(&w, "site/f.txt", sizes[i].old);
        uint64_t anna = world_login(&w, "anna");
        struct broker_request m = { .ticket = anna, .verb = (uint8_t)sizes[i].verb, .path = SLICE_LITERAL("/f.txt"),
                                    .offset = sizes[i].offset };
        struct reply *r = ask_all(&w, m);
        if (!sizes[i].begins) {
            expect(r, ERR_TOO_BIG, 5, 39);
        } else {
            expect(r, 0, 0, 0);
            assert_int_equal(r->m.limit, 10);
            uint64_t handle = r->m.handle;
            size_t len = strlen(sizes[i].content);
            assert_int_equal(pwrite(r->fd, sizes[i].content, len, (off_t)r->m.size), len);
            r = finish(&w, anna, BROKER_COMMIT, handle);
            expect(r, sizes[i].fits ? 0 : ERR_TOO_BIG, sizes[i].fits ? 0 : 5, sizes[i].fits ? 0 : 39);
        }
        if (!sizes[i].fits && sizes[i].old)
            assert_string_equal(world_read(&w, "site/f.txt"), sizes[i].old);
        else if (!sizes[i].fits)
            assert_false(world_has(&w, "site/f.txt"));
        assert_int_equal(world_temps(&w, "site"), 0);
        world_close(&w);
    }
}

/* keepPartialUploads keeps no part that is too large. */
static void test_abandoned_part_is_not_kept(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, (struct world_options){ .filtered = true, .keep_partial = true });
    uint64_t anna = world_login(&w, "anna");
    uint64_t small = upload(&w, anna, BROKER_UPLOAD, "/s.txt", "012");
    finish(&w, anna, BROKER_ABANDON, small);
    uint64_t large = upload(&w, anna, BROKER_UPLOAD, "/l.txt", "0123456789ab");
    finish(&w, anna, BROKER_ABANDON, large);
    assert_true(world_has(&w, "site/s.txt"));
    assert_false(world_has(&w, "site/l.txt"));
    world_close(&w);
}

/* ---- ipSecurity below the site ---- */

static uint64_t login_from(struct world *w, const char *address)
{
    struct grant_give give = { .ticket = ++w->ticket, .site = 1, .account = GRANT_CUSTOM, .user = SLICE_LITERAL("anna") };
    assert_int_equal(net_addr_parse(slice_str(address), &give.client), 0);
    assert_true(world_give(w, give).accepted);
    return give.ticket;
}

static const struct {
    const char *label, *from;
    enum broker_verb verb;
    const char *path;
    bool allowed;
} places[] = {
    { "allowed address", "192.0.2.7", BROKER_OPEN_READ, "/lan/a.txt", true },
    { "another address", "198.51.100.7", BROKER_OPEN_READ, "/lan/a.txt", false },
    { "another address, another spelling", "198.51.100.7", BROKER_CHDIR, "/LAN", false },
    { "another address, another place", "198.51.100.7", BROKER_CHDIR, "/dir", true },
    { "upload", "198.51.100.7", BROKER_UPLOAD, "/lan/b.txt", false },
    { "moving the place itself away", "198.51.100.7", BROKER_RENAME_FROM, "/lan", false },
    { "listing the parent", "198.51.100.7", BROKER_LIST, "/", true },
};

static void test_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        struct world w;
        CASE_LABEL(&places[i]);
        world_open(&w, (struct world_options){ 0 });
        world_dir(&w, "site/lan");
        world_dir(&w, "site/dir");
        world_file(&w, "site/lan/a.txt", "x");
        struct reply *r = ask(&w, login_from(&w, places[i].from), places[i].verb, places[i].path);
        expect(r, places[i].allowed ? 0 : ERR_DENIED, places[i].allowed ? 0 : 5, places[i].allowed ? 0 : 4);
        world_close(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verbs),   cmocka_unit_test(test_listing_leaves_hidden_segments_out),
        cmocka_unit_test(test_renames), cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_abandoned_part_is_not_kept), cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
