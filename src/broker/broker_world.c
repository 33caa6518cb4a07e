/* broker_world.c - see broker_world.h. */
#include "broker_world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/own.h"
#include "proto/child.h"
#include "snapshot/snapshot_build.h"
#include "sys/datagram.h"

static struct snap_text put(struct snapshot_writer *w, const char *text)
{
    return snapshot_build_text(w, text);
}

struct scope_row {
    const char *path, *users;
    unsigned permissions;
    const char *more_users;
    unsigned more_permissions;
};

static const struct scope_row world_scopes[] = {
    { "/in/secret", "nobody", 3, "nobody", 3 },
    { "/out", "anna", PERMISSION_READ, "nobody", 3 },
    { "/in", "anna", PERMISSION_WRITE, "nobody", 3 },
    { "/", "anna,sys", 3, "reader", PERMISSION_READ },
};

static const struct scope_row home_scopes[] = {
    { "/LocalUser/anna/closed", "nobody", 3, "nobody", 3 },
    { "/in/secret", "nobody", 3, "nobody", 3 },
    { "/", "*", 3, "nobody", 3 },
};

static void put_scopes(struct snapshot_writer *w, struct snap_site *site, bool homes)
{
    const struct scope_row *scopes = homes ? home_scopes : world_scopes;
    size_t count = homes ? COUNT_OF(home_scopes) : COUNT_OF(world_scopes);
    struct snap_scope rows[8] = { 0 };
    for (size_t i = 0; i < count; i++) {
        struct snap_rule first = { .users = put(w, scopes[i].users), .permissions = scopes[i].permissions };
        struct snap_rule second = { .users = put(w, scopes[i].more_users), .permissions = scopes[i].more_permissions };
        rows[i].path = put(w, scopes[i].path);
        rows[i].rules = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_rule, &first), 2 };
        snapshot_put_row(w, SNAP_TABLE_rule, &second);
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t row = snapshot_put_row(w, SNAP_TABLE_scope, &rows[i]);
        if (i == 0)
            site->scopes = (struct snap_range){ row, (uint32_t)count };
    }
}

static void put_filter(struct snapshot_writer *w, struct snap_site *site, struct world_options o)
{
    struct snap_filter rows[2] = {
        { .path = put(w, "/loose"), .allow_high_bit = 1, .allow_unlisted_extensions = 1, .max_url = 4096 },
        { .path = put(w, "/"), .allow_high_bit = 1, .allow_unlisted_extensions = 1, .max_url = PATH_LIMIT },
    };
    if (o.filtered) {
        struct snap_extension exe = { .extension = put(w, ".exe") }, txt = { .extension = put(w, "txt"), .allowed = 1 };
        struct snap_segment segment = { .segment = put(w, "hidden") };
        rows[1].extensions = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_extension, &exe), 2 };
        snapshot_put_row(w, SNAP_TABLE_extension, &txt);
        rows[1].segments = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_segment, &segment), 1 };
        rows[1].allow_unlisted_extensions = 0;
        rows[1].max_content_length = 10;
    }
    site->filters = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_filter, &rows[o.filtered ? 0 : 1]), 1 };
    if (o.filtered) {
        snapshot_put_row(w, SNAP_TABLE_filter, &rows[1]);
        site->filters.count = 2;
    }
}

/* "/lan" is for 192.0.2.0/24 alone. */
static void put_addresses(struct snapshot_writer *w, struct snap_site *site)
{
    struct snap_address lan = { .family = 4, .ip0 = 0xc0000200, .mask0 = 0xffffff00, .allowed = 1 };
    struct snap_address_scope rows[2] = { { .path = put(w, "/lan") }, { .path = put(w, "/"), .allow_unlisted = 1 } };
    rows[0].addresses = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_address, &lan), 1 };
    site->address_scopes = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_address_scope, &rows[0]), 2 };
    snapshot_put_row(w, SNAP_TABLE_address_scope, &rows[1]);
}

static void put_directory_of(struct world *world, struct snapshot_writer *w, struct snap_site *site, const char *path,
                             const char *below, const char *failure, const char *user)
{
    struct snap_directory d = { .path = put(w, path), .linux_path = put(w, world_path(world, below)),
                                .failure = put(w, failure), .user_name = put(w, user) };
    uint32_t row = snapshot_put_row(w, SNAP_TABLE_directory, &d);
    if (site->directories.count++ == 0)
        site->directories.first = row;
}

static void put_directory(struct world *world, struct snapshot_writer *w, struct snap_site *site, const char *path,
                          const char *below, const char *failure)
{
    put_directory_of(world, w, site, path, below, failure, "");
}

static struct snapshot_writer *world_rows(struct world *world, struct world_options o)
{
    struct snapshot_writer *w = snapshot_writer_new();
    struct snap_server server = snapshot_build_server(w);
    struct snap_site site = snapshot_build_site(w, "Site", o.no_site ? 99 : 1);
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    site.case_insensitive_names = o.case_insensitive;
    site.windows_names = !o.any_names;
    site.keep_partial_uploads = o.keep_partial;
    site.durable_uploads = o.durable;
    site.allow_replace_on_rename = o.replace_on_rename;
    site.allow_read_uploads = o.read_uploads;
    site.sort_limit = o.streaming ? 0 : o.sort_limit ? o.sort_limit : 1000;
    if (o.isolation)
        site.isolation_mode = o.isolation - 1;
    if (o.homes) {
        put_directory(world, w, &site, "/LocalUser/anna/box", "mapped", "");
        put_directory(world, w, &site, "/LocalUser/carl", "carl", "");
    }
    if (o.fixed) {
        put_directory_of(world, w, &site, "/fixed2", "fixed2", "", "eve");
        put_directory_of(world, w, &site, "/fixed", "mapped", "", "bob");
    }
    if (o.roots) {
        struct snap_ad_root root = { .path = put(w, "//files/ftp"), .linux_path = put(w, world_path(world, "homes")) };
        snapshot_put_row(w, SNAP_TABLE_ad_root, &root);
    }
    put_directory(world, w, &site, "/linked", "site/elsewhere", "");
    put_directory(world, w, &site, "/broken", "nowhere", "no such drive");
    put_directory(world, w, &site, "/missing", "nowhere", "");
    put_directory(world, w, &site, "/mapped", "mapped", "");
    put_directory(world, w, &site, "/", "site", "");
    put_scopes(w, &site, o.homes || o.roots);
    put_filter(w, &site, o);
    put_addresses(w, &site);
    snapshot_put_row(w, SNAP_TABLE_site, &site);
    return w;
}

static struct snapshot *world_snapshot(struct world *world, struct world_options o)
{
    struct snapshot_writer *w = world_rows(world, o);
    struct snapshot *s = snapshot_build(w, ROLE_BROKER);
    snapshot_writer_free(w);
    assert_non_null(s);
    return s;
}

/* ---- the program ---- */

static void send_snapshot(struct world *world, struct world_options o)
{
    OWNED_TEXT_BUFFER bytes = { 0 };
    OWNED_FD fd = -1;
    struct snapshot_writer *w = world_rows(world, o);
    assert_int_equal(snapshot_writer_finish(w, ROLE_BROKER, &bytes), 0);
    snapshot_writer_free(w);
    assert_int_equal(snapshot_seal(text_slice(&bytes), &fd), 0);
    assert_int_equal(DATAGRAM_SEND(world->supervisor, fd, child_snapshot, .generation = 1), 0);
}

static void await_ready(struct world *world)
{
    char *buffer = malloc(WIRE_DATAGRAM_MAX);
    const struct wire_message *m = NULL;
    while (!m || m->number != MSG_child_ready) {
        struct slice datagram;
        struct wire_in in;
        OWNED_FD fd = -1;
        assert_int_equal(datagram_receive(world->supervisor, buffer, WIRE_DATAGRAM_MAX, &datagram, &fd), 0);
        assert_int_equal(wire_channel_accept(&child_channel, ROLE_BROKER, datagram, fd >= 0, &m, &in), 0);
    }
    free(buffer);
}

static void start_program(struct world *w, struct world_options o, int worker, int auth)
{
    char *const argv[] = { "sallyport-broker", "--child", "0", NULL };
    /* in its sandbox a process cannot look into itself for leaks */
    char *const environment[] = { "ASAN_OPTIONS=detect_leaks=0", NULL };
    posix_spawn_file_actions_t actions;
    int pair[2];
    uint32_t become = o.become ? o.become : UINT32_MAX;
    assert_int_equal(datagram_pair(pair), 0);
    w->supervisor = pair[0];
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, pair[1], CHILD_FD), 0);
    assert_int_equal(posix_spawn(&w->pid, o.program, &actions, NULL, argv, environment), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(pair[1]);
    assert_int_equal(DATAGRAM_SEND(w->supervisor, -1, child_setting, .workers = 1, .uid = become, .gid = become,
                                   .privileged = o.become != 0), 0);
    send_snapshot(w, o);
    assert_int_equal(DATAGRAM_SEND(w->supervisor, worker, child_peer, .role = ROLE_WORKER), 0);
    assert_int_equal(DATAGRAM_SEND(w->supervisor, auth, child_peer, .role = ROLE_AUTH), 0);
    assert_int_equal(DATAGRAM_SEND(w->supervisor, -1, child_start, 0), 0);
    close(worker);
    close(auth);
    await_ready(w);
}

/* Its exit status is there when it has cleaned up. */
static void await_program(struct world *w)
{
    assert_int_equal(waitpid(w->pid, &w->exit_status, 0), w->pid);
    close(w->supervisor);
}

void world_configure(struct world *w, struct world_options options)
{
    if (w->pid)
        send_snapshot(w, options);
    else
        broker_set_snapshot(&w->broker, world_snapshot(w, options));
}

void world_open(struct world *w, struct world_options options)
{
    int worker[2], auth[2];
    *w = (struct world){ .reply.fd = -1, .ticket = 1000 };
    if (geteuid() == 0)
        assert_int_equal(setgroups(0, NULL), 0); /* as sandbox_become leaves it */
    umask(027);
    strcpy(w->root, "/tmp/broker-test-XXXXXX");
    assert_non_null(mkdtemp(w->root));
    assert_int_equal(chmod(w->root, 0755), 0);
    world_dir(w, "site");
    world_dir(w, "mapped");
    assert_int_equal(datagram_pair(worker), 0);
    assert_int_equal(datagram_pair(auth), 0);
    w->worker = worker[0];
    w->auth = auth[0];
    w->reply.buffer = malloc(WIRE_DATAGRAM_MAX);
    assert_non_null(w->reply.buffer);
    if (options.program) {
        start_program(w, options, worker[1], auth[1]);
        return;
    }
    assert_int_equal(broker_init(&w->broker, world_snapshot(w, options), worker[1], auth[1], -1), 0);
    assert_int_equal(broker_start(&w->broker), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

void world_kill_worker(struct world *w)
{
    if (w->reply.fd >= 0)
        close(w->reply.fd);
    w->reply.fd = -1;
    close(w->worker);
    if (w->pid)
        await_program(w);
    else
        broker_wait(&w->broker);
    w->is_ended = true;
}

void world_close(struct world *w)
{
    if (!w->is_ended)
        world_kill_worker(w);
    if (!w->pid)
        broker_free(&w->broker);
    close(w->auth);
    free(w->reply.buffer);
    nftw(w->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- the tree ---- */

const char *world_path(struct world *w, const char *below)
{
    static char path[4][8192];
    static unsigned turn;
    char *at = path[turn++ % 4];
    snprintf(at, sizeof path[0], "%s/%s", w->root, below);
    return at;
}

void world_file(struct world *w, const char *below, const char *content)
{
    FILE *f = fopen(world_path(w, below), "w");
    assert_non_null(f);
    assert_int_equal(fwrite(content, 1, strlen(content), f), strlen(content));
    fclose(f);
}

void world_dir(struct world *w, const char *below)
{
    assert_int_equal(mkdir(world_path(w, below), 0755), 0);
    assert_int_equal(chmod(world_path(w, below), 0755), 0);
}

bool world_has(struct world *w, const char *below)
{
    struct stat st;
    return lstat(world_path(w, below), &st) == 0;
}

const char *world_read(struct world *w, const char *below)
{
    static char content[65536];
    OWNED_FD fd = open(world_path(w, below), O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, content, sizeof content - 1);
    if (n < 0)
        return NULL;
    content[n] = '\0';
    return content;
}

unsigned world_temps(struct world *w, const char *below)
{
    unsigned count = 0;
    DIR *d = opendir(world_path(w, below));
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        count += place_is_upload_name(slice_str(e->d_name));
    closedir(d);
    return count;
}

void world_await_no_temps(struct world *w, const char *below)
{
    enum { PATIENCE_MS = 60000 };
    for (int i = 0; i < PATIENCE_MS && world_temps(w, below); i++)
        usleep(1000);
    assert_int_equal(world_temps(w, below), 0);
}

/* ---- the channels ---- */

struct grant_answer world_give(struct world *w, struct grant_give give)
{
    static char buffer[WIRE_DATAGRAM_MAX];
    struct slice datagram;
    OWNED_FD fd = -1;
    assert_int_equal(DATAGRAM_SEND(w->auth, -1, grant_give, .ticket = give.ticket, .site = give.site,
                                   .account = give.account, .identity = give.identity, .uid = give.uid, .gid = give.gid,
                                   .groups = give.groups, .user = give.user, .domain = give.domain, .alias = give.alias,
                                   .principal = give.principal, .roles = give.roles,
                                   .client = give.client, .home_root = give.home_root, .home_dir = give.home_dir,
                                   .memo = give.memo),
                     0);
    assert_int_equal(datagram_receive(w->auth, buffer, sizeof buffer, &datagram, &fd), 0);
    const struct wire_message *m;
    struct wire_in in;
    struct grant_answer answer;
    assert_int_equal(wire_channel_accept(&grant_channel, ROLE_BROKER, datagram, fd >= 0, &m, &in), 0);
    assert_int_equal(m->number, MSG_grant_answer);
    assert_int_equal(grant_answer_decode(&in, &answer), 0);
    return answer;
}

uint64_t world_login(struct world *w, const char *user)
{
    struct grant_give give = { .ticket = ++w->ticket, .site = 1, .account = GRANT_CUSTOM, .user = slice_str(user) };
    struct grant_answer answer = world_give(w, give);
    assert_true(answer.accepted);
    assert_true(slice_equal_str(answer.home, "/"));
    return give.ticket;
}

struct reply *ask_all(struct world *w, struct broker_request q)
{
    struct slice datagram;
    const struct wire_message *m;
    struct wire_in in;
    struct reply *r = &w->reply;
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
    assert_int_equal(DATAGRAM_SEND(w->worker, -1, broker_request, .ticket = q.ticket, .request = ++w->request,
                                   .verb = q.verb, .flags = q.flags, .handle = q.handle, .offset = q.offset,
                                   .time = q.time, .path = q.path, .pattern = q.pattern, .prefix = q.prefix),
                     0);
    assert_int_equal(datagram_receive(w->worker, r->buffer, WIRE_DATAGRAM_MAX, &datagram, &r->fd), 0);
    assert_int_equal(wire_channel_accept(&broker_channel, ROLE_BROKER, datagram, r->fd >= 0, &m, &in), 0);
    assert_int_equal(m->number, MSG_broker_answer);
    assert_int_equal(broker_answer_decode(&in, &r->m), 0);
    assert_int_equal(r->m.request, w->request);
    if (r->m.status) {
        assert_int_equal(r->fd, -1); /* nothing leaks with a refusal */
        assert_true(r->m.win32 && r->m.substatus);
    }
    return r;
}

struct reply *ask(struct world *w, uint64_t ticket, enum broker_verb verb, const char *path)
{
    return ask_all(w, (struct broker_request){ .ticket = ticket, .verb = (uint8_t)verb, .path = slice_str(path) });
}

uint64_t upload(struct world *w, uint64_t ticket, enum broker_verb verb, const char *path, const char *content)
{
    struct reply *r = ask(w, ticket, verb, path);
    if (r->m.status)
        return 0;
    assert_true(r->fd >= 0);
    assert_int_equal(write(r->fd, content, strlen(content)), strlen(content));
    close(r->fd);
    r->fd = -1;
    return r->m.handle;
}

struct reply *finish(struct world *w, uint64_t ticket, enum broker_verb verb, uint64_t handle)
{
    return ask_all(w, (struct broker_request){ .ticket = ticket, .verb = (uint8_t)verb, .handle = handle });
}

const char *list(struct world *w, uint64_t ticket, const char *path, unsigned flags, const char *pattern)
{
    static struct text all;
    text_reset(&all);
    struct broker_request q = { .ticket = ticket, .verb = BROKER_LIST, .flags = flags, .path = slice_str(path),
                                .pattern = slice_str(pattern), .time = 1750000000 };
    struct reply *r = ask_all(w, q);
    text_add(&all, r->m.data);
    while (!r->m.status && r->m.more) {
        r = finish(w, ticket, BROKER_LIST_NEXT, r->m.handle);
        text_add(&all, r->m.data);
    }
    assert_int_equal(r->m.status, 0);
    return text_str(&all);
}
