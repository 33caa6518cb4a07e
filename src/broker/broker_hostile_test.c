/*
 * broker_hostile_test.c - a worker that a stranger has taken over: it says everything a worker can say, wrongly.
 *
 * What must hold: no descriptor, no listing, no change in the tree without a grant for exactly that; the broker answers
 * or ends, and keeps nothing open.
 */
#include "broker_world.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/auth.h"
#include "proto/grant.h"
#include "proto/log.h"
#include "sys/datagram.h"

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d))
        count++;
    closedir(d);
    return count;
}

/* The site as it must be after everything. */
static void make_site(struct world *w)
{
    world_open(w, (struct world_options){ 0 });
    world_file(w, "treasure", "outside the site");
    world_file(w, "site/a.txt", "mine");
    world_dir(w, "site/in");
    world_dir(w, "site/out");
    world_dir(w, "site/in/secret");
    world_file(w, "site/in/secret/key", "nobody's");
    world_file(w, "site/out/read.txt", "read only");
    assert_int_equal(symlink("../treasure", world_path(w, "site/link")), 0);
}

static void expect_untouched(struct world *w)
{
    assert_string_equal(world_read(w, "treasure"), "outside the site");
    assert_string_equal(world_read(w, "site/a.txt"), "mine");
    assert_string_equal(world_read(w, "site/in/secret/key"), "nobody's");
    assert_string_equal(world_read(w, "site/out/read.txt"), "read only");
    assert_int_equal(world_temps(w, "site"), 0);
}

static struct reply *try_verb(struct world *w, uint64_t ticket, uint8_t verb, struct slice path, uint64_t handle)
{
    return ask_all(w, (struct broker_request){ .ticket = ticket, .verb = verb, .path = path, .handle = handle,
                                               .pattern = SLICE_LITERAL("*"), .time = 1 });
}

/* Tickets of nobody, of those who left, and all that lies beside a good one. */
static void test_tickets_of_others(void **state)
{
    (void)state;
    struct world w;
    make_site(&w);
    uint64_t anna = world_login(&w, "anna"), gone = world_login(&w, "anna");
    assert_int_equal(DATAGRAM_SEND(w.worker, -1, broker_release, .ticket = gone), 0);
    assert_int_equal(ask(&w, anna, BROKER_STAT, "/a.txt")->m.status, 0);
    uint64_t tickets[3 + 64 + 1] = { 0, UINT64_MAX, gone };
    size_t count = 3;
    for (unsigned bit = 0; bit < 64; bit++)
        if ((anna ^ 1ull << bit) != gone)
            tickets[count++] = anna ^ 1ull << bit;
    for (size_t i = 0; i < count; i++)
        for (uint8_t verb = 0; verb <= BROKER_VERB_MAX; verb++) {
            struct reply *r = try_verb(&w, tickets[i], verb, SLICE_LITERAL("/a.txt"), 1);
            assert_int_not_equal(r->m.status, 0);
            assert_int_equal(r->fd, -1);
            assert_int_equal(r->m.data.len, 0);
        }
    expect_untouched(&w);
    world_close(&w);
}

/* What another login has open: an upload, a listing, a rename. */
static void test_handles_of_others(void **state)
{
    (void)state;
    static const uint8_t verbs[] = { BROKER_COMMIT, BROKER_ABANDON, BROKER_LIST_NEXT, BROKER_LIST_END };
    struct world w;
    make_site(&w);
    uint64_t anna = world_login(&w, "anna"), reader = world_login(&w, "reader");
    uint64_t handle = upload(&w, anna, BROKER_UPLOAD, "/a.txt", "new");
    assert_int_equal(ask(&w, anna, BROKER_RENAME_FROM, "/a.txt")->m.status, 0);
    for (uint64_t guess = 0; guess < 300; guess++)
        for (size_t i = 0; i < sizeof verbs; i++)
            assert_int_not_equal(finish(&w, reader, verbs[i], guess < 299 ? guess : UINT64_MAX)->m.status, 0);
    assert_int_not_equal(finish(&w, anna, BROKER_LIST_NEXT, handle)->m.status, 0); /* of the wrong kind */
    assert_int_not_equal(ask(&w, reader, BROKER_RENAME_TO, "/stolen")->m.status, 0);
    assert_int_equal(finish(&w, anna, BROKER_ABANDON, handle)->m.status, 0);
    assert_int_not_equal(finish(&w, anna, BROKER_COMMIT, handle)->m.status, 0);    /* twice */
    expect_untouched(&w);
    world_close(&w);
}

/* Paths that a worker would never send, for every verb that takes one. */
static const struct {
    const char *label, *path;
} paths[] = {
    { "nothing", "" },
    { "relative", "a.txt" },
    { "up and out", "/../treasure" },
    { "up in the middle", "/in/../../treasure" },
    { "a dot", "/./a.txt" },
    { "two slashes", "//a.txt" },
    { "a slash at the end", "/a.txt/" },
    { "a backslash", "/..\\treasure" },
    { "a line break", "/a.txt\n" },
    { "no UTF-8", "/\xff\xfe" },
    { "overlong dots", "/\xc0\xae\xc0\xae/treasure" },
    { "a link that leads out", "/link" },
    { "a scope of nobody", "/in/secret/key" },
    { "a scope of nobody, in capitals", "/IN/Secret/key" },
    { "an absolute path of the host", "/etc/passwd" },
    { "the file system of processes", "/proc/self/root/etc/passwd" },
    { "a stream", "/a.txt::$DATA" },
    { "a temporary name", "/.sallyport-upload-0123456789abcdef" },
};

static void test_paths(void **state)
{
    (void)state;
    struct world w;
    make_site(&w);
    uint64_t anna = world_login(&w, "anna");
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct slice path = slice_str(paths[i].path);
        CASE_LABEL(&paths[i]);
        for (uint8_t verb = BROKER_STAT; verb <= BROKER_VERB_MAX; verb++) {
            bool is_link = slice_equal_str(path, "/link"); /* may be removed or moved, which leaves its target alone */
            if (is_link && verb == BROKER_DELETE)
                continue;
            struct reply *r = try_verb(&w, anna, verb, path, 0);
            assert_true(r->m.status != 0 || (is_link && (verb == BROKER_RENAME_FROM || verb == BROKER_RENAME_TO)));
            assert_int_equal(r->fd, -1);
            assert_int_equal(r->m.data.len, 0);
        }
    }
    expect_untouched(&w);
    world_close(&w);
}

/* Everything open at once, and again, without ever closing. */
static void test_floods(void **state)
{
    (void)state;
    struct world w;
    make_site(&w);
    for (unsigned i = 0; i < 64; i++) {
        char name[64];
        snprintf(name, sizeof name, "site/%02u-%s", i, "listing");
        world_file(&w, name, "");
    }
    uint64_t anna = world_login(&w, "anna");
    unsigned before = open_descriptors();
    unsigned uploads = 0, listings = 0;
    for (unsigned i = 0; i < 200; i++) {
        char path[64];
        snprintf(path, sizeof path, "/flood-%u", i);
        uploads += ask(&w, anna, BROKER_UPLOAD, path)->m.status == 0;
        uploads += ask(&w, anna, BROKER_UPLOAD_UNIQUE, "/")->m.status == 0;
        ask(&w, anna, BROKER_RENAME_FROM, "/a.txt");
        listings += try_verb(&w, anna, BROKER_LIST, SLICE_LITERAL("/"), 0)->m.more;
    }
    assert_true(uploads <= GRANT_UPLOADS_MAX);
    assert_true(listings <= GRANT_LISTINGS_MAX);
    assert_true(open_descriptors() < before + 6 * GRANT_UPLOADS_MAX + 4 * GRANT_LISTINGS_MAX + 8);
    assert_int_equal(DATAGRAM_SEND(w.worker, -1, broker_release, .ticket = anna), 0);
    uint64_t again = world_login(&w, "anna");
    assert_int_equal(ask(&w, again, BROKER_STAT, "/a.txt")->m.status, 0);
    world_await_no_temps(&w, "site");
    expect_untouched(&w);
    world_close(&w);
}

/* Numbers at their edges. */
static void test_numbers(void **state)
{
    (void)state;
    static const uint64_t offsets[] = { 1, 5, INT32_MAX, 1ull << 32, INT64_MAX };
    static const int64_t times[] = { INT64_MIN, -1, INT64_MAX, 1ll << 40 };
    struct world w;
    make_site(&w);
    uint64_t anna = world_login(&w, "anna");
    for (size_t i = 0; i < COUNT_OF(offsets); i++) {
        struct broker_request q = { .ticket = anna, .verb = BROKER_OPEN_READ, .path = SLICE_LITERAL("/a.txt"), .offset = offsets[i] };
        assert_int_equal(ask_all(&w, q)->m.status, offsets[i] <= 4 ? 0 : -ERR_RANGE);
        q.verb = BROKER_UPLOAD;
        q.path = SLICE_LITERAL("/new");
        assert_int_equal(ask_all(&w, q)->m.status, -ERR_RANGE);
    }
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        world_file(&w, "site/clock", "x");
        ask_all(&w, (struct broker_request){ .ticket = anna, .verb = BROKER_SET_TIME, .path = SLICE_LITERAL("/clock"),
                                             .time = times[i] });
        for (unsigned flags = 0; flags <= LIST_FLAGS_MAX; flags++)
            ask_all(&w, (struct broker_request){ .ticket = anna, .verb = BROKER_LIST, .path = SLICE_LITERAL("/clock"),
                                                 .flags = flags, .time = times[i] });
    }
    expect_untouched(&w);
    world_close(&w);
}

/* Messages of other channels and other senders, and a descriptor where none belongs: the channel ends, nothing is
 * granted, nothing stays open. */
static int as_authenticator(struct world *w)
{
    return DATAGRAM_SEND(w->worker, -1, grant_give, .ticket = 4711, .site = 1, .account = GRANT_CUSTOM,
                         .user = SLICE_LITERAL("anna"));
}

static int as_broker(struct world *w)
{
    return DATAGRAM_SEND(w->worker, -1, broker_answer, .request = 1);
}

static int as_logger_client(struct world *w)
{
    return DATAGRAM_SEND(w->worker, -1, log_event, .time = 1, .level = 1, .where = SLICE_LITERAL("x"),
                         .text = SLICE_LITERAL("y"));
}

static int with_descriptor(struct world *w)
{
    return DATAGRAM_SEND(w->worker, 0, broker_request, .ticket = 1, .request = 9, .verb = BROKER_STAT,
                         .path = SLICE_LITERAL("/"));
}

static int release_with_more(struct world *w)
{
    uint8_t bytes[64] = { MSG_broker_release, 0 };
    return send(w->worker, bytes, sizeof bytes, 0) == sizeof bytes ? 0 : ERR_SYS;
}

static int a_large_one(struct world *w)
{
    static uint8_t bytes[WIRE_DATAGRAM_MAX];
    memset(bytes, 0xff, sizeof bytes);
    bytes[0] = MSG_broker_request;
    bytes[1] = 0;
    return send(w->worker, bytes, sizeof bytes, 0) > 0 ? 0 : ERR_SYS;
}

static const struct {
    const char *label;
    int (*say)(struct world *w);
} lies[] = {
    { "a grant for itself", as_authenticator },
    { "an answer", as_broker },
    { "a message of the logger's channel", as_logger_client },
    { "a request with a descriptor", with_descriptor },
    { "a release with bytes left over", release_with_more },
    { "the largest datagram, all ones", a_large_one },
};

static void test_messages_of_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lies); i++) {
        struct world w;
        CASE_LABEL(&lies[i]);
        unsigned before = open_descriptors();
        make_site(&w);
        uint64_t anna = world_login(&w, "anna");
        assert_true(upload(&w, anna, BROKER_UPLOAD, "/a.txt", "half"));
        assert_int_equal(lies[i].say(&w), 0);
        broker_wait(&w.broker);
        assert_int_equal(w.broker.grants.count, 0);
        expect_untouched(&w);
        world_close(&w);
        assert_int_equal(open_descriptors(), before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tickets_of_others), cmocka_unit_test(test_handles_of_others), cmocka_unit_test(test_paths),
        cmocka_unit_test(test_floods),            cmocka_unit_test(test_numbers),           cmocka_unit_test(test_messages_of_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
