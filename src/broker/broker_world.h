/*
 * broker_world.h - a broker in this process, for its tests: a temporary tree, one site, both channels in our hands.
 *
 *     struct world w;
 *     world_open(&w, (struct world_options){ .case_insensitive = true });
 *     world_file(&w, "docs/a.txt", "content");
 *     uint64_t anna = world_login(&w, "anna");
 *     struct reply *r = ask(&w, anna, BROKER_STAT, "/docs/a.txt");
 *     assert_int_equal(r->m.status, 0);
 *     world_close(&w);
 *
 * The tree has the mapping "/" -> <root>/site and "/mapped" -> <root>/mapped.  Rules: "/" Read and Write for anna and
 * root, Read for "reader"; "/in" Write only for anna; "/out" Read only for anna; "/in/secret" nobody.
 * "/lan" is open to clients from 192.0.2.0/24 alone.
 */
#pragma once

#include "base/case_test.h"
#include "broker/broker.h"
#include "proto/broker.h"

struct world_options {
    bool case_insensitive, any_names, keep_partial, durable, replace_on_rename, read_uploads;
    uint32_t isolation; /* 1 + userIsolation/mode; 0: None */
    bool homes; /* also "/LocalUser/carl" -> <root>/carl, "/LocalUser/anna/box" -> <root>/mapped; "/LocalUser" is
                 * everybody's, "/LocalUser/anna/closed" nobody's */
    bool filtered; /* "/": only .txt up to 10 bytes, "hidden" is hidden; "/loose": anything */
    bool fixed;    /* also "/fixed" -> <root>/mapped and "/fixed2" -> <root>/fixed2, of the accounts "bob" and "eve" */
    bool roots;    /* also \\files\ftp -> <root>/homes as a root for homes that a directory names; everybody may everything */
    uint32_t sort_limit; /* 0: 1000 */
    bool streaming;      /* sort_limit really 0 */
    bool no_site;
    const char *program; /* run this executable, sandbox included, instead of a broker in this process */
    uint32_t become;     /* ... which becomes this user and group; 0: stays who we are */
};

struct reply {
    struct broker_answer m;
    int fd; /* owned by the world until the next ask */
    char *buffer;
};

struct world {
    char root[64];
    struct broker broker;
    int worker, auth; /* our ends */
    int supervisor;   /* our end, when a program runs */
    pid_t pid;
    int exit_status;
    uint32_t request;
    uint64_t ticket;
    struct reply reply;
    bool is_ended;
};

void world_open(struct world *w, struct world_options options);
void world_close(struct world *w);
/* The worker is gone: wait until the broker has cleaned up. */
void world_kill_worker(struct world *w);
void world_configure(struct world *w, struct world_options options); /* a new snapshot */

/* Paths here are below <root>/, e.g. "site/a.txt". */
const char *world_path(struct world *w, const char *below);
void world_file(struct world *w, const char *below, const char *content);
void world_dir(struct world *w, const char *below);
bool world_has(struct world *w, const char *below);
/* Content as a string that lives until the next call; NULL when it cannot be read. */
const char *world_read(struct world *w, const char *below);
/* Entries of the directory whose name begins with UPLOAD_PREFIX. */
unsigned world_temps(struct world *w, const char *below);
/* Another thread of the broker removes them: wait until there are none. */
void world_await_no_temps(struct world *w, const char *below);

uint64_t world_login(struct world *w, const char *user);
/* Send a grant_give as it is; returns the answer. */
struct grant_answer world_give(struct world *w, struct grant_give give);

struct reply *ask(struct world *w, uint64_t ticket, enum broker_verb verb, const char *path);
struct reply *ask_all(struct world *w, struct broker_request m);
/* Begin an upload, write `content`; returns the handle (0 on failure, then w->reply tells). */
uint64_t upload(struct world *w, uint64_t ticket, enum broker_verb verb, const char *path, const char *content);
struct reply *finish(struct world *w, uint64_t ticket, enum broker_verb verb, uint64_t handle);
/* A whole listing, all chunks, as one string; lives until the next call. */
const char *list(struct world *w, uint64_t ticket, const char *path, unsigned flags, const char *pattern);
