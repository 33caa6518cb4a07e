/*
 * broker_fuzz.c - datagrams of a worker that has gone bad.
 *
 * The broker runs without its threads over a tree of its own with one grant.  The input is either a whole datagram or,
 * because random bytes rarely decode, a recipe for a well-formed request: whatever is asked, the tree beside the
 * mapping stays untouched and an answer comes for every request that was legal.
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/broker.h"
#include "proto/broker.h"
#include "snapshot/snapshot_build.h"
#include "sys/datagram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char root[64] = "/tmp/broker-fuzz-XXXXXX";
static struct broker broker;
static int worker, auth;

static void require(bool claim)
{
    if (!claim)
        abort();
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void remove_tree(void)
{
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void path_of(char *out, size_t size, const char *below)
{
    snprintf(out, size, "%s/%s", root, below);
}

static void make_tree(void)
{
    char path[128];
    static const char *const dirs[] = { "site", "site/d", "outside" };
    require(mkdtemp(root) != NULL);
    atexit(remove_tree);
    for (size_t i = 0; i < 3; i++) {
        path_of(path, sizeof path, dirs[i]);
        require(mkdir(path, 0755) == 0);
    }
    path_of(path, sizeof path, "outside/treasure");
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    path_of(path, sizeof path, "site/f");
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    path_of(path, sizeof path, "site/l");
    require(symlink("../outside", path) == 0);
}

static struct snapshot *make_snapshot(void)
{
    char path[128];
    struct snapshot_writer *w = snapshot_writer_new();
    struct snap_server server = snapshot_build_server(w);
    struct snap_site site = snapshot_build_site(w, "Site", 1);
    path_of(path, sizeof path, "site");
    struct snap_directory d = { .path = snapshot_build_text(w, "/"), .linux_path = snapshot_build_text(w, path) };
    struct snap_rule rule = { .users = snapshot_build_text(w, "*"), .permissions = PERMISSION_READ | PERMISSION_WRITE };
    struct snap_scope scope = { .path = snapshot_build_text(w, "/") };
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    site.directories = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_directory, &d), 1 };
    scope.rules = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_rule, &rule), 1 };
    site.scopes = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_scope, &scope), 1 };
    struct snap_segment segment = { .segment = snapshot_build_text(w, "hidden") };
    struct snap_filter filter = { .path = snapshot_build_text(w, "/"), .allow_high_bit = 1, .max_url = 4096,
                                  .allow_unlisted_extensions = 1, .max_content_length = 1000 };
    filter.segments = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_segment, &segment), 1 };
    site.filters = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_filter, &filter), 1 };
    struct snap_address_scope anywhere = { .path = snapshot_build_text(w, "/"), .allow_unlisted = 1 };
    site.address_scopes = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_address_scope, &anywhere), 1 };
    snapshot_put_row(w, SNAP_TABLE_site, &site);
    struct snapshot *s = snapshot_build(w, ROLE_BROKER);
    snapshot_writer_free(w);
    return s;
}

static void serve_grant(void)
{
    uint8_t bytes[512];
    int none = -1;
    struct wire_out out = { bytes, sizeof bytes, 0, 0 };
    const struct grant_give give = { .ticket = 7, .site = 1, .account = GRANT_CUSTOM, .user = SLICE_LITERAL("anna") };
    wire_channel_begin(&out, MSG_grant_give);
    require(grant_give_encode(&give, &out) == 0);
    require(broker_serve_auth(&broker, auth, slice_of((char *)bytes, out.len), &none) == 0);
    while (recv(auth, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        ;
}

static void begin(void)
{
    int worker_pair[2], auth_pair[2];
    make_tree();
    struct snapshot *s = make_snapshot();
    require(s && datagram_pair(worker_pair) == 0 && datagram_pair(auth_pair) == 0);
    worker = worker_pair[0];
    auth = auth_pair[1];
    require(broker_init(&broker, s, worker_pair[1], -1, -1) == 0);
    serve_grant();
}

/* Verb, flags, handle, offset, and a path: one of those that lead somewhere interesting, or the rest of the input. */
static size_t request_from(const uint8_t *data, size_t size, uint8_t *out, size_t cap)
{
    static const char *const known[] = { "/", "/f", "/d", "/d/x", "/l", "/l/treasure", "/new", "/none/x" };
    struct wire_out w = { out, cap, 0, 0 };
    struct slice rest = slice_of((const char *)data + 7, size - 7);
    unsigned choice = data[6] % 16;
    struct broker_request q = {
        .ticket = 7,
        .verb = data[1] % (BROKER_VERB_MAX + 1),
        .flags = data[2] % (LIST_FLAGS_MAX + 1),
        .handle = data[3],
        .offset = data[4],
        .time = data[5],
        .path = choice < sizeof known / sizeof known[0] ? slice_str(known[choice]) : rest,
        .pattern = slice_first(rest, data[5] % 4 ? 0 : NAME_LIMIT),
    };
    wire_channel_begin(&w, MSG_broker_request);
    return broker_request_encode(&q, &w) ? 0 : w.len;
}

static void check_outside(void)
{
    char path[128];
    struct stat st;
    path_of(path, sizeof path, "outside/treasure");
    require(stat(path, &st) == 0 && st.st_size == 0 && st.st_mtime > 100000);
    path_of(path, sizeof path, "outside");
    require(stat(path, &st) == 0 && st.st_nlink == 2);
}

/* One answer for one request; descriptors that come with it are of regular files. */
static void take_answer(void)
{
    static char buffer[WIRE_DATAGRAM_MAX];
    struct slice datagram;
    const struct wire_message *m;
    struct wire_in in;
    struct stat st;
    int fd = -1;
    require(datagram_receive(worker, buffer, sizeof buffer, &datagram, &fd) == 0);
    require(wire_channel_accept(&broker_channel, ROLE_BROKER, datagram, fd >= 0, &m, &in) == 0);
    if (fd >= 0) {
        require(fstat(fd, &st) == 0 && S_ISREG(st.st_mode));
        close(fd);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t built[WIRE_DATAGRAM_MAX];
    static bool is_begun;
    if (!is_begun)
        begin();
    is_begun = true;
    if (size > 7 && size < PATH_LIMIT && data[0] % 4) {
        size = request_from(data, size, built, sizeof built);
        data = built;
    }
    bool is_request = size > 2 && data[0] == MSG_broker_request && data[1] == 0;
    int err = broker_serve_worker(&broker, slice_of((const char *)data, size), 0);
    if (!err && is_request)
        take_answer();
    else if (!err)
        serve_grant(); /* a release may have dropped it; given twice it is refused, which is fine */
    check_outside();
    return 0;
}
