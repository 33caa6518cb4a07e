/*
 * broker_program_test.c - the program itself under its sandbox: every verb once, so that a system call missing in its
 * list shows here and not in the field (threats.md H15); with the rights of root also as a user of its own and with
 * grants of system accounts.
 */
#include "broker_world.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { SERVICE_ID = 54400, SOME_UID = 54321 };

static struct world_options options_for(uint32_t become)
{
    return (struct world_options){ .program = BROKER_PROGRAM, .durable = true, .become = become, .sort_limit = 3,
                                   .case_insensitive = true };
}

static void expect_success(struct reply *r)
{
    assert_int_equal(r->m.status, 0);
}

static void every_verb(struct world *w, uint64_t ticket)
{
    expect_success(ask(w, ticket, BROKER_MKDIR, "/d"));
    uint64_t handle = upload(w, ticket, BROKER_UPLOAD, "/d/a", "0123456789");
    assert_true(handle);
    expect_success(finish(w, ticket, BROKER_COMMIT, handle));
    struct broker_request q = { .ticket = ticket, .verb = BROKER_UPLOAD, .path = SLICE_LITERAL("/d/A"), .offset = 5 };
    expect_success(ask_all(w, q));
    assert_int_equal(write(w->reply.fd, "abc", 3), 3);
    expect_success(finish(w, ticket, BROKER_COMMIT, w->reply.m.handle));
    assert_string_equal(world_read(w, "site/d/a"), "01234abc");
    handle = upload(w, ticket, BROKER_APPEND, "/d/a", "X");
    expect_success(finish(w, ticket, BROKER_COMMIT, handle));
    handle = upload(w, ticket, BROKER_UPLOAD_UNIQUE, "/d", "u");
    expect_success(finish(w, ticket, BROKER_COMMIT, handle));
    handle = upload(w, ticket, BROKER_UPLOAD, "/d/b", "x");
    expect_success(finish(w, ticket, BROKER_ABANDON, handle));
    expect_success(ask(w, ticket, BROKER_STAT, "/d/a"));
    expect_success(ask(w, ticket, BROKER_CHDIR, "/d"));
    expect_success(ask(w, ticket, BROKER_OPEN_READ, "/D/a"));
    expect_success(ask(w, ticket, BROKER_FREE_SPACE, "/"));
    for (unsigned style = 0; style <= LIST_STYLE_MASK; style++)
        assert_non_null(strstr(list(w, ticket, "/d", style | LIST_VIRTUAL_DIRECTORIES, ""), "a\r\n"));
    q = (struct broker_request){ .ticket = ticket, .verb = BROKER_SET_TIME, .path = SLICE_LITERAL("/d/a"), .time = 1 };
    expect_success(ask_all(w, q));
    expect_success(ask(w, ticket, BROKER_RENAME_FROM, "/d/a"));
    expect_success(ask(w, ticket, BROKER_RENAME_TO, "/d/c"));
    expect_success(ask(w, ticket, BROKER_DELETE, "/d/c"));
    expect_success(ask(w, ticket, BROKER_MKDIR, "/d/e"));
    expect_success(ask(w, ticket, BROKER_RMDIR, "/d/e"));
}

static void give_tree(struct world *w, uint32_t id)
{
    assert_int_equal(chown(world_path(w, "site"), id, id), 0);
    assert_int_equal(chown(world_path(w, "mapped"), id, id), 0);
}

static void test_as_ourselves(void **state)
{
    (void)state;
    struct world w;
    if (geteuid() == 0)
        skip(); /* the broker is never root */
    world_open(&w, options_for(0));
    uint64_t anna = world_login(&w, "anna");
    every_verb(&w, anna);
    struct grant_give give = { .ticket = 9, .site = 1, .account = GRANT_LOCAL, .identity = GRANT_SYSTEM, .uid = geteuid(),
                               .gid = getegid(), .user = SLICE_LITERAL("sys") };
    assert_false(world_give(&w, give).accepted); /* no right to become anybody */
    world_kill_worker(&w);
    assert_int_equal(w.exit_status, 0);
    world_close(&w);
}

/* CapEff and the like of a process, "" when it is not there. */
static void status_line(pid_t pid, const char *name, char *out, size_t size)
{
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    *out = '\0';
    while (fgets(line, sizeof line, f))
        if (!strncmp(line, name, strlen(name)))
            snprintf(out, size, "%s", line + strlen(name));
    fclose(f);
}

static void test_as_service(void **state)
{
    (void)state;
    struct world w;
    struct stat st;
    char line[256];
    if (geteuid() != 0)
        skip();
    world_open(&w, options_for(SERVICE_ID));
    give_tree(&w, SERVICE_ID);
    status_line(w.pid, "CapEff:", line, sizeof line);
    assert_string_equal(line, "\t00000000000000c0\n"); /* CAP_SETGID, CAP_SETUID */
    status_line(w.pid, "Seccomp:", line, sizeof line);
    assert_string_equal(line, "\t2\n");
    uint64_t anna = world_login(&w, "anna");
    every_verb(&w, anna);
    assert_int_equal(stat(world_path(&w, "site/d"), &st), 0);
    assert_int_equal(st.st_uid, SERVICE_ID);
    world_kill_worker(&w);
    assert_int_equal(w.exit_status, 0);
    world_close(&w);
}

static void test_as_system_account(void **state)
{
    (void)state;
    struct world w;
    struct stat st;
    if (geteuid() != 0)
        skip();
    world_open(&w, options_for(SERVICE_ID));
    give_tree(&w, SOME_UID);
    assert_int_equal(chmod(world_path(&w, "site"), 0700), 0);
    struct grant_give give = { .ticket = 9, .site = 1, .account = GRANT_LOCAL, .identity = GRANT_SYSTEM, .uid = SOME_UID,
                               .gid = SOME_UID, .user = SLICE_LITERAL("sys"),
                               .groups = SLICE_LITERAL("\x31\xd4\x00\x00\x32\xd4\x00\x00") };
    assert_true(world_give(&w, give).accepted);
    every_verb(&w, give.ticket);
    assert_int_equal(stat(world_path(&w, "site/d"), &st), 0);
    assert_int_equal(st.st_uid, SOME_UID);
    struct grant_give service = { .ticket = 10, .site = 1, .account = GRANT_CUSTOM, .user = SLICE_LITERAL("anna") };
    assert_false(world_give(&w, service).accepted); /* not the service account's to enter: threads came back */
    assert_true(upload(&w, give.ticket, BROKER_UPLOAD, "/half", "x"));
    world_kill_worker(&w);
    assert_int_equal(w.exit_status, 0);
    assert_int_equal(world_temps(&w, "site"), 0);
    world_close(&w);
}

/* H04: killed in the middle of an upload; what it left goes when the next broker meets it. */
static void test_killed(void **state)
{
    (void)state;
    struct world w;
    uint32_t become = geteuid() ? 0 : SERVICE_ID;
    world_open(&w, options_for(become));
    if (become)
        give_tree(&w, become);
    world_file(&w, "site/old", "old");
    if (become)
        assert_int_equal(chown(world_path(&w, "site/old"), become, become), 0);
    uint64_t anna = world_login(&w, "anna");
    assert_true(upload(&w, anna, BROKER_UPLOAD, "/old", "half"));
    kill(w.pid, SIGKILL);
    world_kill_worker(&w);
    assert_true(WIFSIGNALED(w.exit_status));
    assert_string_equal(world_read(&w, "site/old"), "old");
    assert_int_equal(world_temps(&w, "site"), 1);

    struct world next;
    char tree[64];
    world_open(&next, (struct world_options){ 0 });
    memcpy(tree, next.root, sizeof tree);
    memcpy(next.root, w.root, sizeof tree);
    world_configure(&next, (struct world_options){ 0 });
    memcpy(next.root, tree, sizeof tree);
    anna = world_login(&next, "anna");
    uint64_t handle = upload(&next, anna, BROKER_UPLOAD, "/old", "whole");
    assert_true(handle);
    assert_int_equal(finish(&next, anna, BROKER_COMMIT, handle)->m.status, 0);
    assert_string_equal(world_read(&w, "site/old"), "whole");
    assert_int_equal(world_temps(&w, "site"), 0);
    world_close(&next);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_as_ourselves), cmocka_unit_test(test_as_service),
                                        cmocka_unit_test(test_as_system_account), cmocka_unit_test(test_killed) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
