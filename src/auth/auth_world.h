/*
 * auth_world.h - the authenticator over socket pairs, for its tests: the test is supervisor, two workers with their brokers,
 * pam, membership and logger.
 *
 * One world at a time, in `world`.  world_begin makes it from a configuration, either of a `struct world_setup` or one of the test's
 * own; world_finish takes it down and looks whether a password came into a log.
 */
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include "auth/server.h"
#include "base/case_test.h"
#include "base/text.h"
#include "proto/auth.h"
#include "proto/grant.h"
#include "proto/log.h"
#include "proto/membership.h"
#include "proto/pam.h"
#include "snapshot/snapshot_build.h"
#include "sys/datagram.h"

/* Both are stored forms of "P@ssw0rd". */
#define SHA256_P "B03DDF3CA2E714A6548E7495E2A03F5E824EAAC9837CD7F159C67B90FB4B7342"
#define YESCRYPT_P "$y$j9T$abcdefgh12345678$KusMIs4oqdAxmLOni1xc2UZCxvtrGAxqP4WhOMOsLU3"
enum { SITE = 5 };

/* Users: ftpmanager, yes, off (disabled), stranger (no permission for the site), locked and blank (no password that fits). */
struct world_setup {
    bool anonymous, basic, manager, other_provider;
    bool membership; /* the other provider is AspNetAuth */
    bool not_installed, windows_only, cache, rehash;
    bool manager_disabled, no_permission; /* of ftpmanager */
    bool require_certificate;
    bool deny, log_only, exempt;          /* denyByFailure after two failures */
    const char *manager_password;         /* of ftpmanager, SHA256_P unless given */
};

extern struct world {
    struct child child;
    struct auth_server *auth;
    int supervisor, worker[2], broker[2], pam, membership, logger; /* our ends */
    struct text told;                                   /* events, one per line */
    struct text reasons;                                /* of refused logins, the same */
    unsigned long reason_count, lost;                   /* messages to the logger */
    uint8_t buffer[WIRE_DATAGRAM_MAX];
} world;

extern const struct auth_options world_usual;

/* Everybody is there but membership. */
void world_begin(const struct world_setup *t);
/* Membership is there if the setup has it. */
void world_begin_with(const struct world_setup *t, const struct auth_options *options, bool with_pam);
/* With a configuration of the test's own, started by root; takes it. */
void world_begin_written(struct snapshot_writer *w);
/* Another configuration. */
void world_apply(const struct world_setup *t);
void world_apply_written(struct snapshot_writer *w); /* takes it */
void world_finish(void);

/* A peer that comes (again); our end. */
int world_join(unsigned role, unsigned index);
/* What the logger has heard so far, into `told` and `reasons`. */
void world_collect(void);

/* Let the server work until a datagram comes to `socket`; ERR_CLOSED when it was closed instead. */
MUST_USE int world_wait(int socket, struct wire_in *fields_out, uint16_t *number_out);
/* After some turns without anything to do, what has not been sent will not be. */
bool world_is_silent(int socket);

#define EXPECT(socket, name, out)                                              \
    do {                                                                       \
        struct wire_in in_;                                                    \
        uint16_t number_ = 0;                                                  \
        memset(out, 0, sizeof *(out));                                         \
        assert_int_equal(world_wait(socket, &in_, &number_), 0);               \
        assert_int_equal(number_, MSG_##name);                                 \
        assert_int_equal(name##_decode(&in_, out), 0);                         \
    } while (0)

/* A login from 192.0.2.1, or from 192.0.2.`host`, and what becomes of it. */
void world_ask_from(uint8_t host, unsigned worker, const char *user, const char *password);
void world_ask(unsigned worker, const char *user, const char *password);
struct auth_result world_result(unsigned worker);
/* The broker's answer to the grant that has come; the ticket. */
uint64_t world_answer_grant(unsigned worker, bool accepted);
/* Log in as an IIS Manager user and keep the ticket. */
uint64_t world_log_in(unsigned worker, const char *user);
/* The worker says that a login is over, and its broker hears it. */
void world_end(unsigned worker, uint64_t ticket);
