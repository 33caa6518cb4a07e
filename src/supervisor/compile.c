/*
 * compile.c - one run of the loader: files out, diagnostics and snapshots in.
 *
 * The loader is as little believed as any child: a snapshot that does not open, a role that is missing, an end before
 * loader_done make the run a failure.  Our own complaints about files (a key that others can read) count as errors of
 * the configuration, so --check fails on them.
 */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/own.h"
#include "supervisor/files.h"
#include "sys/spawn.h"

enum { LOADER_LIMIT_MS = 60000, 
       SNAPSHOT_ROLES = ROLE_SUPERVISOR | ROLE_WORKER | ROLE_BROKER | ROLE_AUTH | ROLE_MEMBERSHIP | ROLE_LOGGER };

struct compile {
    struct supervisor *super;
    struct mailbox mail;
    struct loop_timer *timer;
    compile_done *done;
    pid_t pid;
    bool said_good, lacking; /* lacking: the loader has not seen every file that is there */
    struct compile_result result;
    unsigned roles; /* snapshots that came */
};

void generation_free(struct generation *g)
{
    if (!g)
        return;
    snapshot_unref(g->view);
    for (size_t i = 0; i < sizeof g->fds / sizeof g->fds[0]; i++)
        if (g->fds[i] >= 0)
            close(g->fds[i]);
    text_free(&g->notes);
    text_free(&g->sources);
    free(g);
}

static struct generation *generation_new(uint64_t number)
{
    struct generation *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->number = number;
    for (size_t i = 0; i < sizeof g->fds / sizeof g->fds[0]; i++)
        g->fds[i] = -1;
    return g;
}

/* ---- what is told to the administrator ---- */

static void tell(struct compile *c, enum loader_severity severity, struct slice line)
{
    struct supervisor *s = c->super;
    static const enum log_level levels[] = { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE };
    static const char *const words[] = { "", "warning: ", "" };
    if (s->check_only)
        printf("%s" SLICE_FMT "\n", words[severity], SLICE_ARG(line));
    else
        say(s, levels[severity], SLICE_FMT, SLICE_ARG(line));
    if (severity == LOADER_ERROR)
        supervisor_error(s, line);
}

static void tell_file(void *context, enum loader_severity severity, const struct diag *d)
{
    struct compile *c = context;
    OWNED_TEXT_BUFFER line = { 0 };
    diag_print(d, &line);
    c->result.errors += severity == LOADER_ERROR;
    tell(c, severity, text_slice(&line));
}

/* ---- messages ---- */

static void take_diag(struct compile *c, struct wire_in *in, int *fd)
{
    (void)fd;
    struct loader_diag m;
    if (loader_diag_decode(in, &m))
        return;
    OWNED_TEXT_BUFFER line = { 0 };
    text_add_visible(&line, m.text);
    if (m.severity == LOADER_ERROR && m.site)
        c->result.failing_sites++;
    else if (m.severity == LOADER_ERROR)
        c->result.errors++;
    if (slice_starts(text_slice(&line), SLICE_LITERAL("not enforced yet")) || m.severity == LOADER_NOTE)
        text_addf(&c->result.generation->notes, "%s\n", text_str(&line));
    tell(c, m.severity, text_slice(&line));
}

static void take_snapshot(struct compile *c, struct wire_in *in, int *fd)
{
    struct loader_snapshot m;
    if (loader_snapshot_decode(in, &m) || *fd < 0 || !(m.role & SNAPSHOT_ROLES) || (m.role & (m.role - 1)))
        return;
    struct snapshot *view;
    if (snapshot_open(*fd, &view))
        return;
    if (m.role == ROLE_SUPERVISOR && !c->result.generation->view)
        c->result.generation->view = snapshot_ref(view);
    snapshot_unref(view);
    int *place = &c->result.generation->fds[m.role];
    if (*place >= 0)
        close(*place);
    *place = fd_take(fd);
    c->roles |= m.role;
}

static void take_shared(struct compile *c, struct wire_in *in, int *fd)
{
    (void)fd;
    struct loader_shared m;
    struct generation *g = c->result.generation;
    if (loader_shared_decode(in, &m) || m.directory.len >= sizeof g->shared || !slice_starts(m.directory, SLICE_LITERAL("/")))
        return;
    snprintf(g->shared, sizeof g->shared, SLICE_FMT, SLICE_ARG(m.directory));
    watch_poll(c->super, m.poll_seconds);
}

static bool is_listed(struct slice names, struct slice name)
{
    while (names.len)
        if (slice_equal(slice_from(slice_cut(&names, '\n'), 1), name))
            return true;
    return false;
}

/* For the history.  Of two folders' files of one name it keeps the first, which is the one of applicationHost.config. */
static void note_source(struct generation *g, const struct loader_want *m)
{
    for (size_t i = 0; config_file_names[i]; i++)
        if (slice_equal_str(m->name, config_file_names[i]))
            return;
    if (!is_listed(text_slice(&g->sources), m->name))
        text_addf(&g->sources, "%c" SLICE_FMT "\n", m->directory.len ? 'S' : 'L', SLICE_ARG(m->name));
}

static void take_want(struct compile *c, struct wire_in *in, int *fd)
{
    struct loader_want m = { 0 };
    const char *why = "not understood";
    (void)fd;
    int wanted = -1, err = loader_want_decode(in, &m);
    if (!err)
        err = files_open_wanted(c->super->directory, m.directory, m.name, c->super->service_uid, tell_file, c, &wanted, &why);
    if (m.name.ptr)
        watch_wanted(c->super, m.directory, m.name);
    if (err) {
        MAILBOX_SEND(&c->mail, -1, loader_file_absent, .why = slice_str(why));
        return;
    }
    note_source(c->result.generation, &m);
    MAILBOX_SEND(&c->mail, wanted, loader_file, .name = m.name);
}

/* Which of the configuration's files are there, as bits. */
static unsigned files_there(const struct config_files *files)
{
    unsigned there = 0;
    for (size_t i = 0; config_file_names[i]; i++)
        for (size_t k = 0; k < files->count; k++)
            if (strcmp(files->items[k].name, config_file_names[i]) == 0)
                there |= 1u << i;
    return there;
}

/* Some programs save by removing and writing, and without administration.config nobody is a user: what the configuration in
 * force was made of does not go by being away.  Of applicationHost.config, and of what is on a share, the loader tells. */
static bool is_any_gone(struct compile *c)
{
    struct supervisor *s = c->super;
    const struct generation *new = c->result.generation;
    unsigned gone = s->current ? s->current->files & ~new->files : 0;
    bool any = false;
    for (size_t i = 0; config_file_names[i]; i++) {
        struct diag d = { 0 };
        OWNED_TEXT_BUFFER path = { 0 };
        bool is_ours = strcmp(config_file_names[i], "applicationHost.config") != 0 &&
                       (!new->shared[0] || strcmp(config_file_names[i], "administration.config") != 0);
        if (!(gone & 1u << i) || !is_ours)
            continue;
        text_addf(&path, "%s/%s", s->directory, config_file_names[i]);
        diag_place(&d, text_slice(&path), 0, 0);
        diag_set(&d, "the file was there and is gone");
        diag_todo(&d, "Put it back, or one that says nothing: <configuration />");
        tell_file(c, LOADER_ERROR, &d);
        any = true;
    }
    return any;
}

static void warn(void *context, struct slice line)
{
    OWNED_TEXT_BUFFER escaped = { 0 };
    text_add_visible(&escaped, line);
    tell(context, LOADER_WARNING, text_slice(&escaped));
}

static void finish(struct compile *c, const char *failure)
{
    struct supervisor *s = c->super;
    if (failure) {
        c->result.errors++;
        tell(c, LOADER_ERROR, slice_str(failure));
    }
    bool whole = c->said_good && c->roles == SNAPSHOT_ROLES && c->result.generation->view;
    c->result.good = whole && !failure && !c->lacking && !is_any_gone(c);
    if (c->said_good && !whole && !failure)
        tell(c, LOADER_ERROR, SLICE_LITERAL("the loader sent no usable snapshot"));
    if (whole && !s->current)
        folders_check(c->result.generation->view, warn, c);
    struct compile_result result = c->result;
    compile_done *done = c->done;
    if (!result.good) {
        generation_free(result.generation);
        result.generation = NULL;
    }
    c->result.generation = NULL;
    compile_cancel(s);
    done(s, result);
}

static void take_done(struct compile *c, struct wire_in *in, int *fd)
{
    (void)fd;
    struct loader_done m = { 0 };
    if (loader_done_decode(in, &m) == 0)
        c->said_good = m.good;
    finish(c, NULL);
}

static const struct {
    uint16_t number;
    void (*take)(struct compile *c, struct wire_in *in, int *fd);
} takes[] = {
    { MSG_loader_diag,     take_diag     },
    { MSG_loader_want,     take_want     },
    { MSG_loader_shared,   take_shared   },
    { MSG_loader_snapshot, take_snapshot },
    { MSG_loader_done,     take_done     },
};

static void loader_message(void *context, struct slice bytes, int fd)
{
    struct compile *c = context;
    OWNED_FD owned = fd;
    const struct wire_message *m;
    struct wire_in in;
    int err = wire_channel_accept(&loader_channel, ROLE_LOADER, bytes, owned >= 0, &m, &in);
    for (size_t i = 0; !err && i < sizeof takes / sizeof takes[0]; i++)
        if (takes[i].number == m->number) {
            takes[i].take(c, &in, &owned);
            return;
        }
    finish(c, "the loader sent what it may not");
}

/* A loader that closes is dying: how, its burial tells, and one that lives on is late. */
static void loader_closed(void *context, int err)
{
    if (err != ERR_CLOSED)
        finish(context, "the loader sent what cannot be taken in");
}

static void loader_late(void *context)
{
    finish(context, "the loader takes longer than a minute");
}

/* ---- starting and ending ---- */

void compile_cancel(struct supervisor *s)
{
    struct compile *c = s->compile;
    if (!c)
        return;
    s->compile = NULL;
    mailbox_close(&c->mail); /* the loader ends when its channel does; the reaper takes it */
    if (c->pid)
        kill(c->pid, SIGKILL);
    loop_timer_free(c->timer);
    generation_free(c->result.generation);
    free(c);
}

bool compile_reaped(struct supervisor *s, pid_t pid, int status)
{
    struct compile *c = s->compile;
    if (!c || c->pid != pid)
        return false;
    c->pid = 0;
    mailbox_drain(&c->mail); /* its last words; may finish */
    if (s->compile == c && c->pid == 0) { /* not a later run at the same address */
        char how[128], why[160];
        program_describe_death(status, how, sizeof how);
        snprintf(why, sizeof why, "the loader %s", how);
        finish(c, why);
    }
    return true;
}

static void hand_over(struct compile *c, struct config_files *files)
{
    struct supervisor *s = c->super;
    for (size_t i = 0; i < files->count; i++)
        MAILBOX_SEND(&c->mail, fd_take(&files->items[i].fd), loader_file, .name = slice_str(files->items[i].name));
    MAILBOX_SEND(&c->mail, -1, loader_go, .generation = ++s->generations, .directory = slice_str(s->directory),
                 .privileged = s->privileged, .lacking = files->lacking);
}

int compile_spawn_loader(struct supervisor *s, struct mailbox *mail, pid_t *pid_out, struct diag *d)
{
    char path[PATH_MAX];
    int pair[2];
    if (!program_find("loader", path)) {
        diag_set(d, "sallyport-loader is neither beside sallyportd nor in %s", SALLYPORT_LIBEXEC);
        return ERR_NOT_FOUND;
    }
    if (datagram_pair(pair)) {
        diag_set(d, "no socket for the loader: %s", strerror(errno));
        return ERR_SYS;
    }
    OWNED_FD theirs = pair[1];
    const struct spawn how = { path, "sallyport-loader", 0, theirs, s->privileged ? s->loader.uid : UINT32_MAX,
                               s->privileged ? s->loader.gid : UINT32_MAX };
    int err = spawn_program(&how, pid_out, d);
    if (err) {
        close(pair[0]);
        return err;
    }
    return mailbox_open(mail, s->loop, pair[0]);
}

int compile_start(struct supervisor *s, compile_done *done, struct diag *d)
{
    struct compile *c = calloc(1, sizeof *c);
    if (!c)
        return ERR_NOMEM;
    *c = (struct compile){ .super = s, .done = done };
    c->mail = (struct mailbox){ .fd = -1, .message = loader_message, .closed = loader_closed, .context = c };
    c->result.generation = generation_new(s->generations + 1);
    c->timer = loop_timer_new(s->loop, loader_late, c);
    s->compile = c;
    text_reset(&s->errors);
    watch_forget_wanted(s);
    struct config_files files = { 0 };
    int err = c->result.generation && c->timer ? files_open(s->directory, s->service_uid, tell_file, c, &files) : ERR_NOMEM;
    if (!err)
        err = compile_spawn_loader(s, &c->mail, &c->pid, d);
    if (err) {
        files_close(&files);
        compile_cancel(s);
        return err;
    }
    c->lacking = files.lacking;
    c->result.generation->files = files_there(&files);
    hand_over(c, &files);
    files_close(&files);
    loop_timer_set(c->timer, LOADER_LIMIT_MS);
    return 0;
}
