/*
 * main.c - sallyport-loader: files in, snapshots out, once.
 *
 * Everything arrives over descriptor 3, which the supervisor opened; before the first byte of a file is looked at, the
 * process has lost the file system, the network and most system calls.  It holds no secret longer than its one run.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "base/own.h"
#include "base/secret.h"
#include "loader/compile.h"
#include "loader/fetch.h"
#include "loader/read.h"
#include "loader/rehash.h"
#include "proto/child.h"
#include "proto/loader.h"
#include "sys/datagram.h"
#include "sys/machine.h"
#include "sys/memfd.h"
#include "sys/sandbox.h"
#include "tls/cert.h"

enum { FILES_MAX = 4096 };

struct inbox {
    struct compile_file files[FILES_MAX];
    size_t count;
};

/* ---- files ---- */

static int tell(enum loader_severity severity, uint32_t site, const struct diag *d)
{
    OWNED_TEXT_BUFFER line = { 0 };
    diag_print(d, &line);
    return DATAGRAM_SEND(CHILD_FD, -1, loader_diag, .severity = (uint8_t)severity, .site = site,
                         .text = slice_first(text_slice(&line), 4096));
}

static int refuse_file(const char *name, const char *why)
{
    struct diag d = { 0 };
    diag_place(&d, slice_str(name), 0, 0);
    diag_set(&d, "%s", why);
    int err = tell(LOADER_ERROR, 0, &d);
    return err ? err : ERR_SYNTAX;
}

/* Take in one file.  A certificate that is too large is no certificate; a configuration file that is, is an error. */
static int take_file(struct inbox *box, const struct loader_file *m, int fd)
{
    struct stat st;
    OWNED_TEXT_BUFFER bytes = { 0 };
    OWNED_TEXT name = strndup(m->name.ptr, m->name.len);
    if (!name)
        return ERR_NOMEM;
    if (fd < 0 || box->count == FILES_MAX)
        return refuse_file(name, fd < 0 ? "came without its descriptor" : "one file too many");
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return refuse_file(name, "is no regular file");
    bool is_config = !slice_starts(m->name, SLICE_LITERAL("certificates/"));
    int err = read_whole(fd, is_config ? CONFIG_FILE_MAX : CERT_FILE_LIMIT + 1, &bytes);
    if (err && (is_config || err != ERR_TOO_BIG))
        return refuse_file(name, err_text(err));
    size_t len = bytes.len;
    char *ptr = text_release(&bytes);
    if (!ptr)
        return ERR_NOMEM;
    box->files[box->count++] = (struct compile_file){ text_take(&name), slice_of(ptr, len), st.st_mode };
    return 0;
}

static void empty_inbox(struct inbox *box)
{
    for (size_t i = 0; i < box->count; i++) {
        secret_wipe((void *)(uintptr_t)box->files[i].bytes.ptr, box->files[i].bytes.len);
        free((void *)(uintptr_t)box->files[i].bytes.ptr);
        free((void *)(uintptr_t)box->files[i].name);
    }
    box->count = 0;
}

/* ---- the two things it can be asked ---- */

static const unsigned snapshot_roles[] = { ROLE_SUPERVISOR, ROLE_WORKER, ROLE_BROKER, ROLE_AUTH, ROLE_MEMBERSHIP, ROLE_LOGGER };

static int send_snapshot(const struct snapshot_writer *w, unsigned role, uint64_t generation)
{
    OWNED_TEXT_BUFFER bytes = { 0 };
    OWNED_FD fd = -1;
    int err = snapshot_writer_finish(w, role, &bytes);
    if (!err)
        err = memfd_sealed("snapshot", text_slice(&bytes), &fd);
    if (bytes.ptr)
        secret_wipe(bytes.ptr, bytes.cap);
    return err ? err : DATAGRAM_SEND(CHILD_FD, fd, loader_snapshot, .role = role, .generation = generation);
}

static int tell_report(const struct report *r)
{
    struct diag d = { 0 };
    for (size_t i = 0; i < r->count; i++) {
        int err = tell(r->items[i].severity, r->items[i].site, &r->items[i].diag);
        if (err)
            return err;
    }
    if (!r->full)
        return 0;
    diag_set(&d, "there is more to tell than can be told");
    return tell(LOADER_WARNING, 0, &d);
}

static int tell_failure(int err)
{
    struct diag d = { 0 };
    diag_set(&d, "the configuration could not be compiled: %s", err_text(err));
    return tell(LOADER_ERROR, 0, &d);
}

/* The shared files take the place of the local ones. */
static void put_shared(struct inbox *box, struct fetched *f)
{
    for (int which = 0; which < CONF_FILE_COUNT; which++) {
        struct compile_file *file = NULL;
        for (size_t i = 0; i < box->count && !file; i++)
            if (strcmp(box->files[i].name, conf_file_name((enum conf_file)which)) == 0)
                file = &box->files[i];
        if (!f->has_shared[which] || (!file && box->count == FILES_MAX))
            continue;
        char *name = file ? NULL : strdup(conf_file_name((enum conf_file)which));
        if (!file && !name)
            continue; /* its absence is an error that the compiler tells */
        if (!file) {
            file = &box->files[box->count++];
            *file = (struct compile_file){ .name = name, .mode = S_IFREG | 0600 };
        } else {
            secret_wipe((void *)(uintptr_t)file->bytes.ptr, file->bytes.len);
            free((void *)(uintptr_t)file->bytes.ptr);
        }
        size_t len = f->shared[which].len;
        file->bytes = slice_of(text_release(&f->shared[which]), len);
    }
}

static char machine[MACHINE_NAME];

static int compile(struct inbox *box, const struct loader_go *m, struct report *report, struct snapshot_writer **w)
{
    struct fetched *fetched = calloc(1, sizeof *fetched);
    int err = fetched ? fetch_all(CHILD_FD, box->files, box->count, m->directory, report, fetched) : ERR_NOMEM;
    if (!err) {
        put_shared(box, fetched);
        const struct compile_input in = {
            .files = box->files,
            .count = box->count,
            .sources = fetched->sources,
            .source_count = fetched->source_count,
            .directory = m->directory,
            .generation = m->generation,
            .privileged = m->privileged,
            .lacking = m->lacking,
            .machine = slice_str(machine),
            .now = (int64_t)time(NULL),
        };
        err = compile_run(&in, report, w);
    }
    if (fetched)
        fetch_free(fetched);
    free(fetched);
    return err;
}

static int go(struct inbox *box, const struct loader_go *m)
{
    struct report report = { 0 };
    struct snapshot_writer *w = NULL;
    int failed = compile(box, m, &report, &w);
    int err = tell_report(&report);
    if (!err && failed && !report.errors)
        err = tell_failure(failed);
    report_free(&report);
    for (size_t i = 0; !failed && !err && i < sizeof snapshot_roles / sizeof snapshot_roles[0]; i++)
        err = send_snapshot(w, snapshot_roles[i], m->generation);
    snapshot_writer_free(w);
    return err ? err : DATAGRAM_SEND(CHILD_FD, -1, loader_done, .good = failed == 0);
}

static int rehash(const struct inbox *box, const struct loader_rehash *m)
{
    OWNED_TEXT_BUFFER file = { 0 };
    OWNED_FD fd = -1;
    struct diag d = { 0 };
    struct slice users = compile_file_bytes(box->files, box->count, "administration.config");
    int failed = rehash_edit(users, m->user, m->old_hash, m->new_hash, &file, &d);
    if (failed) {
        int err = tell(LOADER_WARNING, 0, &d);
        if (err)
            return err;
    }
    bool changed = !failed && file.len;
    if (changed) {
        int err = memfd_sealed("administration.config", text_slice(&file), &fd);
        if (err)
            return err;
    }
    return DATAGRAM_SEND(CHILD_FD, fd, loader_edited, .changed = changed);
}

/* ---- receiving ---- */

/* One datagram.  *done_out: it was the last. */
static int serve_one(struct inbox *box, char *buffer, bool *done_out)
{
    OWNED_FD fd = -1;
    struct slice bytes;
    const struct wire_message *message;
    struct wire_in fields;
    struct loader_file file;
    struct loader_go order;
    struct loader_rehash change;
    int err = datagram_receive(CHILD_FD, buffer, WIRE_DATAGRAM_MAX, &bytes, &fd);
    if (!err)
        err = wire_channel_accept(&loader_channel, ROLE_SUPERVISOR, bytes, fd >= 0, &message, &fields);
    if (err)
        return err;
    *done_out = message->number != MSG_loader_file;
    switch (message->number) {
    case MSG_loader_file:
        err = loader_file_decode(&fields, &file);
        return err ? err : take_file(box, &file, fd);
    case MSG_loader_go:
        err = loader_go_decode(&fields, &order);
        return err ? err : go(box, &order);
    case MSG_loader_rehash:
        err = loader_rehash_decode(&fields, &change);
        return err ? err : rehash(box, &change);
    default:
        return ERR_STATE;
    }
}

static int serve(struct inbox *box)
{
    static char buffer[WIRE_DATAGRAM_MAX];
    bool done = false;
    int err = 0;
    while (!done && !err)
        err = serve_one(box, buffer, &done);
    secret_wipe(buffer, sizeof buffer);
    /* what was wrong with a file has been told; the supervisor still waits for the end */
    if (err == ERR_SYNTAX && !done)
        err = DATAGRAM_SEND(CHILD_FD, -1, loader_done, .good = false);
    return err;
}

static int confine(struct diag *d)
{
    machine_name(machine);
    const struct rlimit no_core = { 0, 0 };
    diag_set(d, "cannot take away the process's privileges");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
        setrlimit(RLIMIT_CORE, &no_core) < 0)
        return ERR_SYS;
    tzset(); /* gmtime opens a file at its first use */
    int err = cert_prepare();
    if (err)
        return err;
    err = sandbox_become(UINT32_MAX, UINT32_MAX, false, d);
    if (!err)
        err = sandbox_paths(NULL, 0, d);
    return err ? err : sandbox_enter(SANDBOX_LOADER, -1, d);
}

int main(void)
{
    static struct inbox box;
    struct diag d = { 0 };
    struct stat st;
    if (fstat(CHILD_FD, &st) < 0 || !S_ISSOCK(st.st_mode)) {
        fputs("sallyport-loader is started by sallyportd\n", stderr);
        return 2;
    }
    int err = confine(&d);
    if (err) {
        fprintf(stderr, "sallyport-loader: %s (%s)\n", d.what, err_text(err));
        return 1;
    }
    err = serve(&box);
    empty_inbox(&box);
    return err ? 1 : 0;
}
