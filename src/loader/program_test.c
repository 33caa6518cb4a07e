/* program_test.c - the program itself, sandbox included, driven over its channel. */
#include "base/case_test.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "proto/child.h"
#include "proto/loader.h"
#include "snapshot/snapshot.h"
#include "sys/datagram.h"
#include "tls/cert.h"

struct outcome {
    struct text diags;
    struct snapshot *snapshots[256]; /* by role */
    bool done, good, edited, changed;
    struct text file; /* an edited one */
    int status;
};

static pid_t start(int channel)
{
    char *const argv[] = { "sallyport-loader", NULL };
    /* in its sandbox a process cannot look into itself for leaks */
    char *const environment[] = { "ASAN_OPTIONS=detect_leaks=0", NULL };
    posix_spawn_file_actions_t actions;
    pid_t pid;
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, channel, CHILD_FD), 0);
    assert_int_equal(posix_spawn(&pid, LOADER_PROGRAM, &actions, NULL, argv, environment), 0);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static int file_of(struct slice bytes, mode_t mode)
{
    int fd = memfd_create("file", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes.ptr, bytes.len), bytes.len);
    assert_int_equal(fchmod(fd, mode), 0);
    return fd;
}

static void send_file(int channel, const char *name, struct slice bytes, mode_t mode)
{
    OWNED_FD fd = file_of(bytes, mode);
    assert_int_equal(DATAGRAM_SEND(channel, fd, loader_file, .name = slice_str(name)), 0);
}

static void take_edited(struct outcome *o, const struct loader_edited *m, int fd)
{
    o->edited = true;
    o->changed = m->changed;
    if (fd < 0)
        return;
    char *room = text_room(&o->file, 65536);
    ssize_t got = pread(fd, room, 65536, 0);
    assert_true(got >= 0);
    text_grown(&o->file, (size_t)got);
}

static void take(struct outcome *o, const struct wire_message *message, struct wire_in *in, int fd)
{
    struct loader_diag diag = { 0 };
    struct loader_snapshot snapshot = { 0 };
    struct loader_done done = { 0 };
    struct loader_edited edited = { 0 };
    switch (message->number) {
    case MSG_loader_diag:
        assert_int_equal(loader_diag_decode(in, &diag), 0);
        text_addf(&o->diags, "%u %u " SLICE_FMT "\n", diag.severity, diag.site, SLICE_ARG(diag.text));
        break;
    case MSG_loader_snapshot:
        assert_int_equal(loader_snapshot_decode(in, &snapshot), 0);
        assert_int_equal(snapshot.generation, 5);
        assert_int_equal(snapshot_open(fd, &o->snapshots[snapshot.role]), 0);
        break;
    case MSG_loader_done:
        assert_int_equal(loader_done_decode(in, &done), 0);
        o->done = true;
        o->good = done.good;
        break;
    default:
        assert_int_equal(message->number, MSG_loader_edited);
        assert_int_equal(loader_edited_decode(in, &edited), 0);
        take_edited(o, &edited, fd);
    }
}

/* Everything the loader says until its end. */
static void listen_to(int channel, pid_t pid, struct outcome *o)
{
    static char buffer[WIRE_DATAGRAM_MAX];
    for (;;) {
        OWNED_FD fd = -1;
        struct slice bytes;
        const struct wire_message *message;
        struct wire_in in;
        int err = datagram_receive(channel, buffer, sizeof buffer, &bytes, &fd);
        if (err == ERR_CLOSED)
            break;
        assert_int_equal(err, 0);
        assert_int_equal(wire_channel_accept(&loader_channel, ROLE_LOADER, bytes, fd >= 0, &message, &in), 0);
        take(o, message, &in, fd);
    }
    assert_int_equal(waitpid(pid, &o->status, 0), pid);
    print_message("%s", text_str(&o->diags));
}

static void begin(int *channel_out, pid_t *pid_out)
{
    int pair[2];
    assert_int_equal(datagram_pair(pair), 0);
    *pid_out = start(pair[1]);
    close(pair[1]);
    *channel_out = pair[0];
}

static void finish(struct outcome *o)
{
    for (size_t i = 0; i < COUNT_OF(o->snapshots); i++)
        snapshot_unref(o->snapshots[i]);
    text_free(&o->diags);
    text_free(&o->file);
}

#define APPHOST                                                                                           \
    "<configuration><configSections><sectionGroup name=\"system.applicationHost\"><section name=\"sites\" />" \
    "</sectionGroup></configSections><system.applicationHost><sites><site name=\"s\" id=\"1\">"           \
    "<application path=\"/\"><virtualDirectory path=\"/\" physicalPath=\"C:\\ftp\" /></application>"       \
    "<bindings><binding protocol=\"ftp\" bindingInformation=\"*:21:\" /></bindings>"                      \
    "<ftpServer><security><ssl serverCertHash=\"%s\" /></security></ftpServer></site></sites>"            \
    "</system.applicationHost></configuration>"

static void test_snapshots(void **state)
{
    (void)state;
    static const struct {
        unsigned role;
        size_t certs, directories;
    } roles[] = { { ROLE_SUPERVISOR, 0, 1 }, { ROLE_WORKER, 1, 0 }, { ROLE_BROKER, 0, 1 }, { ROLE_AUTH, 0, 0 }, { ROLE_LOGGER, 0, 0 } };
    OWNED_TEXT_BUFFER pem = { 0 }, apphost = { 0 };
    struct cert_request request = { .common_name = SLICE_LITERAL("a"), .days = 90, .now = (int64_t)time(NULL) };
    struct cert_info info;
    struct diag d = { 0 };
    struct cert *c;
    struct outcome o = { 0 };
    OWNED_FD channel = -1;
    pid_t pid;
    assert_int_equal(cert_create_self_signed(&request, &c, &d), 0);
    cert_describe(c, &info);
    assert_int_equal(cert_write_pem(c, CERT_PART_ALL, &pem), 0);
    cert_free(c);
    text_addf(&apphost, APPHOST, info.thumbprint);

    begin(&channel, &pid);
    send_file(channel, "applicationHost.config", text_slice(&apphost), 0640);
    send_file(channel, "certificates/MY/a.pem", text_slice(&pem), 0600);
    assert_int_equal(DATAGRAM_SEND(channel, -1, loader_go, .generation = 5, .directory = SLICE_LITERAL("/d")), 0);
    listen_to(channel, pid, &o);
    assert_int_equal(o.status, 0);
    assert_true(o.done && o.good);
    assert_string_equal(text_str(&o.diags), "");
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        const struct snapshot *s = o.snapshots[roles[i].role];
        assert_non_null(s);
        assert_int_equal(snapshot_generation(s), 5);
        assert_int_equal(snapshot_count(s, SNAP_TABLE_site), 1);
        assert_int_equal(snapshot_count(s, SNAP_TABLE_cert), roles[i].certs);
        assert_int_equal(snapshot_count(s, SNAP_TABLE_directory), roles[i].directories);
    }
    finish(&o);
}

/* X01: a file that asks for other files is refused, and nothing is opened on its behalf. */
static const struct {
    const char *label, *name, *bytes, *words;
} bad[] = {
    { "cut off", "applicationHost.config", "<configuration>", "not well-formed" },
    { "an entity", "applicationHost.config",
      "<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><configuration>&a;</configuration>", "" },
    { "another encoding", "sallyport.config", "<?xml version=\"1.0\" encoding=\"IBM-1047\"?><configuration />", "" },
    { "UTF-16", "administration.config", "\xff\xfe<\0c\0/\0>", "" },
};

static void test_bad_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct outcome o = { 0 };
        OWNED_FD channel = -1;
        pid_t pid;
        CASE_LABEL(&bad[i]);
        begin(&channel, &pid);
        send_file(channel, bad[i].name, slice_str(bad[i].bytes), 0640);
        assert_int_equal(DATAGRAM_SEND(channel, -1, loader_go, .generation = 5, .directory = SLICE_LITERAL("/d")), 0);
        listen_to(channel, pid, &o);
        assert_int_equal(o.status, 0);
        assert_true(o.done && !o.good);
        assert_non_null(strstr(text_str(&o.diags), "0 0 "));
        assert_non_null(strstr(text_str(&o.diags), bad[i].words));
        assert_null(o.snapshots[ROLE_WORKER]);
        finish(&o);
    }
}

#define ADMINISTRATION(password)                                                                          \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<configuration>\n    <configSections>"                      \
    "<sectionGroup name=\"system.webServer\"><sectionGroup name=\"management\"><section name=\"authentication\" />" \
    "</sectionGroup></sectionGroup></configSections>\n    <system.webServer><management><authentication>\n"  \
    "        <!-- ours --> <credentials>\n   <add  password='" password "' name=\"ftpmanager\"/>\n"           \
    "   <add name=\"other\" password=\"OLD\" />\n</credentials></authentication></management></system.webServer>" \
    "</configuration>\n"

static const struct {
    const char *label, *user, *old_hash, *before, *after;
} rehashes[] = {
    { "the hash is still the old one", "ftpmanager", "OLD", ADMINISTRATION("OLD"), ADMINISTRATION("$y$j9T$new/.") },
    { "the name in another case", "FtpManager", "OLD", ADMINISTRATION("OLD"), ADMINISTRATION("$y$j9T$new/.") },
    { "the password was changed meanwhile", "ftpmanager", "OLD", ADMINISTRATION("OTHER"), NULL },
    { "the hash in another case is another hash", "ftpmanager", "old", ADMINISTRATION("OLD"), NULL },
    { "the user was removed meanwhile", "nobody", "OLD", ADMINISTRATION("OLD"), NULL },
    { "the file was broken meanwhile", "ftpmanager", "OLD", "<configuration>", NULL },
};

static void test_rehash(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rehashes); i++) {
        struct outcome o = { 0 };
        OWNED_FD channel = -1;
        pid_t pid;
        CASE_LABEL(&rehashes[i]);
        begin(&channel, &pid);
        send_file(channel, "administration.config", slice_str(rehashes[i].before), 0640);
        assert_int_equal(DATAGRAM_SEND(channel, -1, loader_rehash, .user = slice_str(rehashes[i].user),
                                       .old_hash = slice_str(rehashes[i].old_hash),
                                       .new_hash = SLICE_LITERAL("$y$j9T$new/.")), 0);
        listen_to(channel, pid, &o);
        assert_int_equal(o.status, 0);
        assert_true(o.edited);
        assert_int_equal(o.changed, rehashes[i].after != NULL);
        assert_string_equal(text_str(&o.file), rehashes[i].after ? rehashes[i].after : "");
        finish(&o);
    }
}

/* A certificate that is too large is no certificate; the rest still loads. */
static void test_large_certificate(void **state)
{
    (void)state;
    struct outcome o = { 0 };
    OWNED_FD channel = -1;
    OWNED_TEXT_BUFFER large = { 0 };
    char *room = text_room(&large, CERT_FILE_LIMIT + 100000);
    pid_t pid;
    assert_non_null(room);
    memset(room, 'x', CERT_FILE_LIMIT + 100000);
    text_grown(&large, CERT_FILE_LIMIT + 100000);
    begin(&channel, &pid);
    send_file(channel, "applicationHost.config", SLICE_LITERAL("<configuration />"), 0640);
    send_file(channel, "certificates/MY/large.pem", text_slice(&large), 0600);
    assert_int_equal(DATAGRAM_SEND(channel, -1, loader_go, .generation = 5, .directory = SLICE_LITERAL("/d")), 0);
    listen_to(channel, pid, &o);
    assert_int_equal(o.status, 0);
    assert_true(o.done && o.good);
    assert_non_null(strstr(text_str(&o.diags), "1 0 certificates/MY/large.pem: larger than"));
    finish(&o);
}

static void test_not_a_file(void **state)
{
    (void)state;
    struct outcome o = { 0 };
    OWNED_FD channel = -1, device = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    pid_t pid;
    begin(&channel, &pid);
    assert_int_equal(DATAGRAM_SEND(channel, device, loader_file, .name = SLICE_LITERAL("applicationHost.config")), 0);
    listen_to(channel, pid, &o);
    assert_true(o.done && !o.good);
    assert_non_null(strstr(text_str(&o.diags), "is no regular file"));
    finish(&o);
}

static void test_supervisor_gone(void **state)
{
    (void)state;
    struct outcome o = { 0 };
    int channel;
    pid_t pid;
    begin(&channel, &pid);
    close(channel);
    assert_int_equal(waitpid(pid, &o.status, 0), pid);
    assert_true(WIFEXITED(o.status));
    assert_int_equal(WEXITSTATUS(o.status), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_snapshots),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_rehash),
        cmocka_unit_test(test_large_certificate),
        cmocka_unit_test(test_not_a_file),
        cmocka_unit_test(test_supervisor_gone),
    };
    if (cert_prepare())
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
