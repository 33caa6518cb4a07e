/* auth_world.c - see auth_world.h. */
#include "auth/auth_world.h"

#include "base/clock.h"
#include "sys/memfd.h"

enum { PATIENCE_SECONDS = 60 };

struct world world;

const struct auth_options world_usual = { { "HOST1", 5 }, 2, true, 16, 32, 8, 0 };

/* ---- the configuration ---- */

static struct snapshot_writer *compose(const struct world_setup *t, uint64_t generation)
{
    struct snapshot_writer *w = snapshot_writer_new();
#define PUT(text) snapshot_build_text(w, text)
    struct snap_server server = snapshot_build_server(w);
    struct snap_site site = snapshot_build_site(w, "My New FTP Site", SITE);
    struct snap_provider providers[] = { { PUT(t->membership ? "AspNetAuth" : "Custom"),
                                           t->membership ? SNAP_PROVIDER_ASPNET : SNAP_PROVIDER_UNKNOWN, 0 },
                                         { PUT("IisManagerAuth"), SNAP_PROVIDER_IIS_MANAGER, 0 } };
    struct snap_user users[] = {
        { PUT("FTPManager"), PUT(t->manager_password ? t->manager_password : SHA256_P), !t->manager_disabled, 0 },
        { PUT("yes"), PUT(YESCRYPT_P), 1, 0 },
        { PUT("off"), PUT(SHA256_P), 0, 0 },
        { PUT("stranger"), PUT(YESCRYPT_P), 1, 0 }, /* no permission for the site */
        { PUT("locked"), PUT("[enc:AesProvider:abc:enc]"), 1, 0 },
        { PUT("blank"), PUT(""), 1, 0 },
    };
    struct snap_permission permissions[] = {
        { PUT("/My New FTP Site"), PUT("yes"), 0, 0 },    { PUT("/My New FTP Site"), PUT("off"), 0, 0 },
        { PUT("/My New FTP Site"), PUT("locked"), 0, 0 }, { PUT("/My New FTP Site"), PUT("blank"), 0, 0 },
        { PUT("/Elsewhere"), PUT("stranger"), 0, 0 },     { PUT("/My New FTP Site"), PUT("ftpmanager"), 0, 0 },
    };
    server.generation = (int64_t)generation;
    server.management_installed = !t->not_installed;
    server.deny_by_failure = t->deny;
    server.deny_log_only = t->log_only;
    server.deny_max_failure = 2;
    if (t->exempt) {
        struct snap_address us = { .family = 4, .ip0 = 0xc0000201, .mask0 = UINT32_MAX, .allowed = 1 };
        server.never_denied = (struct snap_range){ snapshot_put_row(w, SNAP_TABLE_address, &us), 1 };
    }
    server.requires_windows_credentials = t->windows_only;
    server.credentials_cache_enabled = t->cache;
    server.credentials_cache_seconds = 900;
    server.rehash_on_login = t->rehash;
    server.password_format = PASSWORD_FORMAT_YESCRYPT;
    server.uid_floor = 1000;
    server.pam_service = PUT("sallyport");
    site.anonymous_enabled = t->anonymous;
    site.basic_enabled = t->basic;
    site.client_cert_policy = t->require_certificate ? CERT_REQUIRE : CERT_IGNORE;
    site.basic_default_logon_domain = PUT("NT AUTHORITY");
#undef PUT
    uint32_t first = snapshot_put_row(w, SNAP_TABLE_provider, &providers[0]);
    snapshot_put_row(w, SNAP_TABLE_provider, &providers[1]);
    site.providers = (struct snap_range){ first + !t->other_provider, (uint32_t)t->other_provider + t->manager };
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    snapshot_put_row(w, SNAP_TABLE_site, &site);
    for (size_t i = 0; i < COUNT_OF(users); i++)
        snapshot_put_row(w, SNAP_TABLE_user, &users[i]);
    for (size_t i = 0; i < COUNT_OF(permissions) - t->no_permission; i++)
        snapshot_put_row(w, SNAP_TABLE_permission, &permissions[i]);
    return w;
}

/* ---- life ---- */

static int our_end(int *theirs)
{
    int pair[2];
    assert_int_equal(datagram_pair(pair), 0);
    assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
    *theirs = pair[1];
    return pair[0];
}

int world_join(unsigned role, unsigned index)
{
    int theirs, ours = our_end(&theirs);
    assert_int_equal(auth_server_add_peer(world.auth, role, index, theirs), 0);
    return ours;
}

/* Of a world whose `child` is filled in. */
static void open_world(const struct auth_options *options, bool with_pam, bool with_membership)
{
    world.supervisor = our_end(&world.child.fd);
    assert_non_null(world.child.snapshot);
    assert_int_equal(auth_server_new(&world.child, options, &world.auth), 0);
    for (unsigned i = 0; i < 2; i++) {
        world.worker[i] = world_join(ROLE_WORKER, i);
        world.broker[i] = world_join(ROLE_BROKER, i);
    }
    world.membership = with_membership ? world_join(ROLE_MEMBERSHIP, 0) : -1;
    world.pam = with_pam ? world_join(ROLE_PAM, 0) : -1;
    world.logger = world_join(ROLE_LOGGER, 0);
    auth_server_start(world.auth);
}

void world_begin_with(const struct world_setup *t, const struct auth_options *options, bool with_pam)
{
    struct snapshot_writer *w = compose(t, 1);
    world = (struct world){ .child = { .role = ROLE_AUTH, .region_fd = -1, .cache_fd = -1, .snapshot = snapshot_build(w, ROLE_AUTH) } };
    snapshot_writer_free(w);
    open_world(options, with_pam, t->membership);
}

void world_begin(const struct world_setup *t)
{
    world_begin_with(t, &world_usual, true);
}

void world_begin_written(struct snapshot_writer *w)
{
    world = (struct world){ .child = { .role = ROLE_AUTH, .region_fd = -1, .cache_fd = -1, .privileged = true,
                                       .snapshot = snapshot_build(w, ROLE_AUTH) } };
    snapshot_writer_free(w);
    open_world(&world_usual, true, false);
}

void world_collect(void)
{
    struct slice bytes;
    int fd;
    while (datagram_receive(world.logger, world.buffer, sizeof world.buffer, &bytes, &fd) == 0) {
        struct wire_in in = wire_in_of(bytes.ptr + 2, bytes.len - 2);
        struct log_event m = { 0 };
        struct log_reason why = { 0 };
        if ((uint8_t)bytes.ptr[0] == MSG_log_reason) {
            assert_int_equal(log_reason_decode(&in, &why), 0);
            text_addf(&world.reasons, "%u " SLICE_FMT "\n", why.substatus, SLICE_ARG(why.reason));
            world.reason_count++;
            continue;
        }
        if ((uint8_t)bytes.ptr[0] == MSG_log_lost) {
            struct log_lost lost = { 0 };
            assert_int_equal(log_lost_decode(&in, &lost), 0);
            world.lost += lost.count;
            continue;
        }
        assert_int_equal(log_event_decode(&in, &m), 0);
        text_addf(&world.told, SLICE_FMT "\n", SLICE_ARG(m.text));
    }
}

void world_finish(void)
{
    auth_server_free(world.auth);
    world_collect();
    assert_null(strstr(text_str(&world.told), "P@ssw0rd")); /* A14 */
    assert_null(strstr(text_str(&world.reasons), "P@ssw0rd"));
    text_free(&world.told);
    text_free(&world.reasons);
    int ours[] = { world.supervisor, world.child.fd, world.worker[0], world.worker[1], world.broker[0], world.broker[1],
                   world.pam, world.membership, world.logger };
    for (size_t i = 0; i < COUNT_OF(ours); i++)
        if (ours[i] >= 0)
            close(ours[i]);
    snapshot_unref(world.child.snapshot);
}

void world_apply_written(struct snapshot_writer *w)
{
    OWNED_TEXT_BUFFER bytes = { 0 };
    int fd = -1;
    assert_int_equal(snapshot_writer_finish(w, ROLE_AUTH, &bytes), 0);
    snapshot_writer_free(w);
    assert_int_equal(memfd_sealed("snapshot", text_slice(&bytes), &fd), 0);
    assert_int_equal(DATAGRAM_SEND(world.supervisor, fd, child_snapshot, .generation = 2), 0);
    close(fd);
    for (int i = 0; i < 3; i++)
        assert_int_equal(auth_server_turn(world.auth, 5), 0);
}

void world_apply(const struct world_setup *t)
{
    world_apply_written(compose(t, snapshot_generation(world.child.snapshot) + 1));
}

/* ---- waiting ---- */

int world_wait(int socket, struct wire_in *fields_out, uint16_t *number_out)
{
    struct slice bytes;
    int fd;
    for (int64_t begun = clock_ms(); clock_ms() - begun < PATIENCE_SECONDS * 1000;) {
        int err = datagram_receive(socket, world.buffer, sizeof world.buffer, &bytes, &fd);
        if (!err) {
            *number_out = (uint16_t)((uint8_t)bytes.ptr[0] | (uint8_t)bytes.ptr[1] << 8);
            *fields_out = wire_in_of(bytes.ptr + 2, bytes.len - 2);
            return 0;
        }
        if (err != ERR_AGAIN)
            return err;
        assert_int_equal(auth_server_turn(world.auth, 10), 0);
    }
    return ERR_TIMEOUT;
}

bool world_is_silent(int socket)
{
    struct slice bytes;
    int fd;
    for (int i = 0; i < 10; i++)
        assert_int_equal(auth_server_turn(world.auth, 10), 0);
    return datagram_receive(socket, world.buffer, sizeof world.buffer, &bytes, &fd) == ERR_AGAIN;
}

/* ---- logins ---- */

void world_ask_from(uint8_t host, unsigned worker, const char *user, const char *password)
{
    assert_int_equal(DATAGRAM_SEND(world.worker[worker], -1, auth_login, .session = 77,
                                   .session_id = SLICE_LITERAL("0123456789abcdef"), .site = SITE,
                                   .user = slice_str(user), .password = slice_str(password),
                                   .client = { 4, { 192, 0, 2, host }, 49152, 0 }),
                     0);
}

void world_ask(unsigned worker, const char *user, const char *password)
{
    world_ask_from(1, worker, user, password);
}

struct auth_result world_result(unsigned worker)
{
    struct auth_result m;
    EXPECT(world.worker[worker], auth_result, &m);
    assert_int_equal(m.session, 77);
    return m;
}

uint64_t world_answer_grant(unsigned worker, bool accepted)
{
    struct grant_give m;
    EXPECT(world.broker[worker], grant_give, &m);
    assert_int_equal(DATAGRAM_SEND(world.broker[worker], -1, grant_answer, .ticket = m.ticket, .accepted = accepted,
                                   .win32 = accepted ? 0 : 5, .substatus = accepted ? 0 : 1,
                                   .home = SLICE_LITERAL("/")),
                     0);
    return m.ticket;
}

uint64_t world_log_in(unsigned worker, const char *user)
{
    world_ask(worker, user, "P@ssw0rd");
    uint64_t ticket = world_answer_grant(worker, true);
    struct auth_result m = world_result(worker);
    assert_int_equal(m.verdict, AUTH_ALLOWED);
    assert_int_equal(m.ticket, ticket);
    return ticket;
}

void world_end(unsigned worker, uint64_t ticket)
{
    struct grant_ended ended;
    const struct slice bytes = { (char *)&ticket, sizeof ticket };
    assert_int_equal(DATAGRAM_SEND(world.worker[worker], -1, auth_ended, .tickets = bytes), 0);
    EXPECT(world.broker[worker], grant_ended, &ended);
    assert_true(slice_equal(ended.tickets, bytes));
}
