/* fetch.c - one question, one answer, over the loader's channel. */
#include "loader/fetch.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/own.h"
#include "base/secret.h"
#include "conf/redirection.h"
#include "loader/read.h"
#include "proto/child.h"
#include "proto/loader.h"
#include "sys/datagram.h"

struct fetch {
    int fd;
    struct report *report;
    struct fetched *out;
    enum conf_file of; /* whose sections are being asked */
    int err;
};

static void report_conf(void *context, int severity, const struct diag *d)
{
    report_add(context, severity == 0 ? LOADER_ERROR : LOADER_WARNING, 0, d);
}

static int complain(struct fetch *f, const char *name, struct slice why)
{
    struct diag d = { 0 };
    OWNED_TEXT_BUFFER text = { 0 };
    text_add_escaped(&text, why);
    diag_place(&d, slice_str(name), 0, 0);
    diag_set(&d, "Cannot read configuration file: %s", text_str(&text));
    report_add(f->report, LOADER_ERROR, 0, &d);
    return ERR_SYNTAX;
}

/* The answer: the file's bytes, or a report why not. */
static int take_answer(struct fetch *f, const char *shown, struct slice bytes, int fd, struct text *out)
{
    const struct wire_message *message;
    struct wire_in fields;
    struct loader_file file;
    struct loader_file_absent absent;
    int err = wire_channel_accept(&loader_channel, ROLE_SUPERVISOR, bytes, fd >= 0, &message, &fields);
    if (!err && message->number == MSG_loader_file_absent)
        return loader_file_absent_decode(&fields, &absent) ? ERR_STATE : complain(f, shown, absent.why);
    if (err || message->number != MSG_loader_file || loader_file_decode(&fields, &file) || fd < 0)
        return ERR_STATE;
    err = read_config(fd, out);
    return err == ERR_TOO_BIG || err == ERR_NOT_FILE ? complain(f, shown, slice_str(err_text(err))) : err;
}

static int ask(struct fetch *f, const char *directory, const char *name, struct text *out)
{
    OWNED_FD fd = -1;
    struct slice bytes;
    OWNED_TEXT buffer = malloc(WIRE_DATAGRAM_MAX);
    OWNED_TEXT_BUFFER shown = { 0 };
    text_addf(&shown, "%s%s%s", directory, *directory ? "/" : "", name);
    if (!buffer || text_error(&shown))
        return ERR_NOMEM;
    int err = DATAGRAM_SEND(f->fd, -1, loader_want, .directory = slice_str(directory), .name = slice_str(name));
    if (!err)
        err = datagram_receive(f->fd, buffer, WIRE_DATAGRAM_MAX, &bytes, &fd);
    return err ? err : take_answer(f, text_str(&shown), bytes, fd, out);
}

static int fetch_shared(struct fetch *f, const struct compile_file *files, size_t count, struct slice directory)
{
    struct redirection r = { 0 };
    int err = redirection_read(compile_file_bytes(files, count, REDIRECTION_FILE),
                               compile_file_bytes(files, count, conf_file_name(CONF_SALLYPORT)), directory, report_conf,
                               f->report, &r);
    if (!err && r.enabled) {
        f->out->directory = text_release(&r.folder);
        err = f->out->directory ? DATAGRAM_SEND(f->fd, -1, loader_shared, .directory = slice_str(f->out->directory),
                                                .poll_seconds = r.poll_seconds)
                                : ERR_NOMEM;
        for (int i = 0; i < CONF_FILE_COUNT && !err; i++) {
            f->out->has_shared[i] = i != CONF_SALLYPORT;
            if (f->out->has_shared[i])
                err = ask(f, f->out->directory, conf_file_name((enum conf_file)i), &f->out->shared[i]);
        }
    }
    redirection_free(&r);
    return err;
}

static bool is_known(const struct fetched *out, enum conf_file of, const char *name)
{
    for (size_t i = 0; i < out->source_count; i++)
        if (out->sources[i].of == of && strcmp(out->sources[i].name, name) == 0)
            return true;
    return false;
}

static void fetch_source(void *context, const char *name)
{
    struct fetch *f = context;
    struct fetched *out = f->out;
    if (f->err || is_known(out, f->of, name))
        return;
    if (out->source_count == FETCH_SOURCES_MAX) {
        f->err = complain(f, name, SLICE_LITERAL("too many sections stand in files of their own"));
        return;
    }
    struct text bytes = { 0 };
    const char *directory = out->has_shared[f->of] ? out->directory : "";
    f->err = ask(f, directory, name, &bytes);
    size_t len = bytes.len;
    char *kept = f->err ? NULL : text_release(&bytes), *own_name = strdup(name);
    text_free(&bytes);
    if (!kept || !own_name) {
        free(kept);
        free(own_name);
        f->err = f->err ? f->err : ERR_NOMEM;
        return;
    }
    out->sources[out->source_count++] = (struct conf_source_bytes){ f->of, own_name, slice_of(kept, len) };
}

/* The bytes of a configuration file: the shared ones where they are. */
static struct slice bytes_of(const struct fetched *f, const struct compile_file *files, size_t count, enum conf_file which)
{
    return f->has_shared[which] ? text_slice(&f->shared[which]) : compile_file_bytes(files, count, conf_file_name(which));
}

int fetch_all(int fd, const struct compile_file *files, size_t count, struct slice directory, struct report *r,
              struct fetched *out)
{
    struct fetch f = { .fd = fd, .report = r, .out = out };
    int err = fetch_shared(&f, files, count, directory);
    for (int i = 0; i < CONF_FILE_COUNT && !err; i++) {
        f.of = (enum conf_file)i;
        err = conf_sources_wanted(bytes_of(out, files, count, f.of), fetch_source, &f);
        err = err ? err : f.err;
    }
    return err;
}

void fetch_free(struct fetched *f)
{
    for (int i = 0; i < CONF_FILE_COUNT; i++) {
        if (f->shared[i].ptr)
            secret_wipe(f->shared[i].ptr, f->shared[i].cap);
        text_free(&f->shared[i]);
    }
    for (size_t i = 0; i < f->source_count; i++) {
        free((void *)(uintptr_t)f->sources[i].bytes.ptr);
        free((void *)(uintptr_t)f->sources[i].name);
    }
    free(f->directory);
}
