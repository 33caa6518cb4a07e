/* manager.c - opening, committing, errors, strings. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "management/management_priv.h"
#include "protect/protect.h"

#define APPHOST "MACHINE/WEBROOT/APPHOST"
#define WEBROOT "MACHINE/WEBROOT"

/* ---- errors ---- */

static const struct {
    int status;
    const char *name;
} statuses[] = {
    { SP_OK, "SP_OK" },
    { SP_ERR_MEMORY, "SP_ERR_MEMORY" },
    { SP_ERR_SYSTEM, "SP_ERR_SYSTEM" },
    { SP_ERR_DENIED, "SP_ERR_DENIED" },
    { SP_ERR_NOT_FOUND, "SP_ERR_NOT_FOUND" },
    { SP_ERR_VALUE, "SP_ERR_VALUE" },
    { SP_ERR_EXISTS, "SP_ERR_EXISTS" },
    { SP_ERR_LOCKED, "SP_ERR_LOCKED" },
    { SP_ERR_CONFLICT, "SP_ERR_CONFLICT" },
    { SP_ERR_STATE, "SP_ERR_STATE" },
    { SP_ERR_UNSUPPORTED, "SP_ERR_UNSUPPORTED" },
    { SP_ERR_NOT_RUNNING, "SP_ERR_NOT_RUNNING" },
    { SP_ERR_HANDLE, "SP_ERR_HANDLE" },
};

const char *sp_status_name(int status)
{
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (statuses[i].status == status)
            return statuses[i].name;
    return "unknown status";
}

static int status_of(int err)
{
    static const struct {
        int err, status;
    } table[] = {
        { 0, SP_OK },
        { ERR_NOMEM, SP_ERR_MEMORY },
        { ERR_DENIED, SP_ERR_DENIED },
        { ERR_NOT_FOUND, SP_ERR_NOT_FOUND },
        { ERR_PATH, SP_ERR_NOT_FOUND },
        { ERR_SYNTAX, SP_ERR_VALUE },
        { ERR_RANGE, SP_ERR_VALUE },
        { ERR_TOO_LONG, SP_ERR_VALUE },
        { ERR_TOO_BIG, SP_ERR_VALUE },
        { ERR_LIMIT, SP_ERR_VALUE },
        { ERR_EXISTS, SP_ERR_EXISTS },
        { ERR_LOCKED, SP_ERR_LOCKED },
        { ERR_CONFLICT, SP_ERR_CONFLICT },
        { ERR_STATE, SP_ERR_STATE },
        { ERR_UNSUPPORTED, SP_ERR_UNSUPPORTED },
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].err == err)
            return table[i].status;
    return SP_ERR_SYSTEM;
}

static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
}

static void error_fill(struct sp_error *e, int err, const struct diag *d)
{
    *e = (struct sp_error){ .status = status_of(err) };
    copy(e->what, sizeof e->what, d && d->what[0] ? d->what : err_text(err));
    if (!d)
        return;
    e->line = d->line;
    e->column = d->column;
    copy(e->file, sizeof e->file, d->file);
    copy(e->section, sizeof e->section, d->path);
    copy(e->todo, sizeof e->todo, d->todo);
}

int manager_fail(struct sp_manager *m, int err, const struct diag *d)
{
    error_fill(&m->error, err, d);
    return m->error.status;
}

int manager_refuse(struct sp_manager *m, int status, const struct sp_element *about, const char *todo, const char *fmt, ...)
{
    va_list args;
    m->error = (struct sp_error){ .status = status };
    va_start(args, fmt);
    vsnprintf(m->error.what, sizeof m->error.what, fmt, args);
    va_end(args);
    copy(m->error.todo, sizeof m->error.todo, todo);
    for (; about && about->kind != ELEMENT_SECTION; about = about->parent)
        ;
    if (about)
        copy(m->error.section, sizeof m->error.section, about->name);
    return status;
}

size_t sp_error_print(const struct sp_error *error, char *buffer, size_t size)
{
    struct diag d = { .line = error->line, .column = error->column };
    OWNED_TEXT_BUFFER line = { 0 };
    copy(d.file, sizeof d.file, error->file);
    copy(d.path, sizeof d.path, error->section);
    copy(d.what, sizeof d.what, error->what);
    copy(d.todo, sizeof d.todo, error->todo);
    diag_print(&d, &line);
    if (size)
        copy(buffer, size, text_str(&line));
    return line.len;
}

const struct sp_error *sp_manager_error(const struct sp_manager *manager)
{
    static const struct sp_error no_manager = { .status = SP_ERR_HANDLE, .what = "There is no manager" };
    return manager ? &manager->error : &no_manager;
}

/* ---- strings ---- */

const char *manager_keep(struct sp_manager *m, struct slice text)
{
    uint32_t known = map_get(&m->interned, text);
    if (known != MAP_NONE)
        return m->texts[known];
    const char **grown = reallocarray(m->texts, m->text_count + 1, sizeof *grown);
    if (grown)
        m->texts = grown;
    char *kept = grown ? arena_copy(&m->strings, text) : NULL;
    if (!kept || map_put(&m->interned, slice_of(kept, text.len), (uint32_t)m->text_count)) {
        (void)manager_fail(m, ERR_NOMEM, NULL);
        return NULL;
    }
    m->texts[m->text_count++] = kept;
    return kept;
}

/* ---- opening ---- */

struct first_problem {
    struct diag d;
    bool any;
};

static void keep_first(void *context, int severity, const struct diag *d)
{
    struct first_problem *first = context;
    if (severity != 0 || first->any)
        return;
    first->d = *d;
    first->any = true;
}

static MUST_USE int check_directory(const char *directory, struct diag *d)
{
    struct stat st;
    int errnum = stat(directory, &st) != 0 ? errno : S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
    if (!errnum)
        return 0;
    diag_place(d, slice_str(directory), 0, 0);
    diag_set(d, "Cannot open the configuration: %s", strerror(errnum));
    return errnum == ENOENT || errnum == ENOTDIR ? ERR_NOT_FOUND : err_from_errno(errnum);
}

static MUST_USE int manager_load(struct sp_manager *m, const char *directory, struct diag *d)
{
    struct first_problem first = { 0 };
    m->directory = strdup(directory);
    m->commit_path = APPHOST;
    int err = m->directory ? check_directory(directory, d) : ERR_NOMEM;
    if (err)
        return err;
    err = conf_open_directory(directory, keep_first, &first, &m->conf);
    if (!err)
        conf_protect_with(m->conf, &protect_values);
    if (err && first.any)
        *d = first.d;
    return err;
}

int sp_manager_open(const char *directory, struct sp_manager **manager_out, struct sp_error *error_out)
{
    struct diag d = { 0 };
    const char *environment = getenv("SALLYPORT_CONFIG");
    if (!directory)
        directory = environment && environment[0] ? environment : "/etc/sallyport";
    struct sp_manager *m = calloc(1, sizeof *m);
    int err = m ? manager_load(m, directory, &d) : ERR_NOMEM;
    if (!err) {
        *manager_out = m;
        return SP_OK;
    }
    sp_manager_free(m);
    if (error_out)
        error_fill(error_out, err, &d);
    return status_of(err);
}

static void free_element(struct sp_element *e)
{
    if (e->is_free)
        conf_draft_free(e->draft);
    free(e->below);
    free(e->items);
    free(e);
}

void sp_manager_free(struct sp_manager *manager)
{
    if (!manager)
        return;
    for (struct sp_element *e = manager->elements, *next; e; e = next) {
        next = e->next;
        free_element(e);
    }
    map_free(&manager->interned);
    map_free(&manager->sections);
    free(manager->texts);
    free(manager->section_list);
    arena_free(&manager->strings);
    conf_free(manager->conf);
    free(manager->directory);
    free(manager);
}

const char *sp_manager_directory(const struct sp_manager *manager)
{
    return manager ? manager->directory : NULL;
}

/* ---- committing ---- */

int sp_manager_set_commit_path(struct sp_manager *manager, const char *path)
{
    if (!manager || !path)
        return SP_ERR_HANDLE;
    struct slice written = slice_str(path);
    while (slice_ends(written, SLICE_LITERAL("/")))
        written.len--;
    if (slice_equal_fold_str(written, APPHOST) || slice_equal_fold_str(written, WEBROOT)) {
        manager->commit_path = slice_equal_fold_str(written, APPHOST) ? APPHOST : WEBROOT;
        return SP_OK;
    }
    return manager_refuse(manager, SP_ERR_LOCKED, NULL, "Allowed: " APPHOST ", " WEBROOT,
                          "Changes cannot be committed at '%s': FTP settings stand in applicationHost.config only", path);
}

const char *sp_manager_commit_path(const struct sp_manager *manager)
{
    return manager ? manager->commit_path : NULL;
}

int sp_manager_commit(struct sp_manager *manager)
{
    struct diag d = { 0 };
    if (!manager)
        return SP_ERR_HANDLE;
    int err = conf_save(manager->conf, &d);
    manager_edited(manager); /* what a save adds for passwords */
    return err ? manager_fail(manager, err, &d) : SP_OK;
}

bool sp_manager_is_changed(const struct sp_manager *manager)
{
    return manager && conf_is_changed(manager->conf);
}
