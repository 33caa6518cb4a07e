/* instance_files.c - see instance_files.h. */
#include "cli/instance_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/own.h"
#include "base/secret.h"
#include "cli/file.h"
#include "proto/loader.h"

enum { CONFIG_BYTES_MAX = 64 << 20 };

void instance_files_free(struct instance_files *f)
{
    for (size_t i = 0; i < f->count; i++) {
        secret_wipe((void *)(uintptr_t)f->files[i].bytes.ptr, f->files[i].bytes.len);
        free((void *)(uintptr_t)f->files[i].bytes.ptr);
        free((void *)(uintptr_t)f->files[i].name);
    }
    for (size_t i = 0; i < f->source_count; i++) {
        free((void *)(uintptr_t)f->sources[i].name);
        free((void *)(uintptr_t)f->sources[i].bytes.ptr);
    }
    free(f->sources);
    free(f->files);
    *f = (struct instance_files){ 0 };
}

int instance_files_add(struct instance_files *f, const char *name, struct slice bytes, unsigned mode)
{
    if (f->count == f->cap) {
        size_t cap = f->cap ? 2 * f->cap : 16;
        struct compile_file *files = reallocarray(f->files, cap, sizeof *files);
        if (!files)
            return ERR_NOMEM;
        f->files = files;
        f->cap = cap;
    }
    OWNED_TEXT own_name = strdup(name);
    OWNED_TEXT own_bytes = malloc(bytes.len + 1);
    if (!own_name || !own_bytes)
        return ERR_NOMEM;
    memcpy(own_bytes, bytes.ptr ? bytes.ptr : "", bytes.len);
    own_bytes[bytes.len] = 0;
    f->files[f->count++] = (struct compile_file){ text_take(&own_name), slice_of(text_take(&own_bytes), bytes.len), mode };
    return 0;
}

static int add_from(struct instance_files *f, const char *directory, const char *name, size_t max)
{
    OWNED_TEXT_BUFFER path = { 0 }, bytes = { 0 };
    struct stat st;
    text_addf(&path, "%s/%s", directory, name);
    if (text_error(&path))
        return text_error(&path);
    if (stat(text_str(&path), &st) != 0)
        return errno == ENOENT ? ERR_NOT_FOUND : err_from_errno(errno);
    int err = file_read(text_str(&path), max, &bytes);
    if (!err)
        err = instance_files_add(f, name, text_slice(&bytes), st.st_mode);
    secret_wipe(bytes.ptr, bytes.len);
    return err;
}

static int read_store(struct instance_files *f, const char *directory, const char *store)
{
    OWNED_TEXT_BUFFER folder = { 0 };
    struct dirent **entries;
    text_addf(&folder, "%s/certificates/%s", directory, store);
    int count = scandir(text_str(&folder), &entries, loader_takes_name, alphasort), err = 0;
    f->unreadable += count < 0 && errno == EACCES;
    for (int i = 0; i < count; i++) {
        OWNED_TEXT_BUFFER name = { 0 };
        text_addf(&name, "certificates/%s/%s", store, entries[i]->d_name);
        free(entries[i]);
        if (err)
            continue;
        err = text_error(&name) ? ERR_NOMEM : add_from(f, directory, text_str(&name), CERT_FILE_LIMIT);
        if (err && err != ERR_NOMEM) {
            f->unreadable++;
            err = 0;
        }
    }
    if (count >= 0)
        free(entries);
    return err;
}

int instance_files_read_certificates(struct instance_files *f, const char *directory)
{
    static const char *const stores[] = { CERTIFICATE_STORES };
    int err = 0;
    for (size_t i = 0; !err && i < sizeof stores / sizeof stores[0]; i++)
        err = read_store(f, directory, stores[i]);
    return err;
}

/* ---- secrets ---- */

/* What the supervisor takes (supervisor/files.c): nothing large, nothing that others than its owner may read. */
static bool is_secret(const struct stat *st)
{
    return S_ISREG(st->st_mode) && st->st_size <= SECRET_FILE_LIMIT && !(st->st_mode & 077);
}

/* That a secret is there decides whether the configuration is good; what it says is nothing that the command line needs, so no
 * secret is read. */
static int note_secrets(struct instance_files *f, const char *directory)
{
    OWNED_TEXT_BUFFER folder = { 0 };
    struct dirent **entries;
    text_addf(&folder, "%s/secrets", directory);
    int count = scandir(text_str(&folder), &entries, loader_takes_name, alphasort), err = 0;
    f->unreadable += count < 0 && errno == EACCES;
    for (int i = 0; i < count; i++) {
        OWNED_TEXT_BUFFER name = { 0 }, path = { 0 };
        struct stat st;
        text_addf(&name, "secrets/%s", entries[i]->d_name);
        text_addf(&path, "%s/%s", directory, text_str(&name));
        free(entries[i]);
        if (!err && stat(text_str(&path), &st) == 0 && is_secret(&st))
            err = instance_files_add(f, text_str(&name), SLICE_LITERAL(COMPILE_SECRET_UNREAD), st.st_mode);
    }
    if (count >= 0)
        free(entries);
    return err;
}

/* ---- files that files name ---- */

struct source_walk {
    struct instance_files *f;
    const char *folder;
    enum conf_file of;
    int err;
};

static void read_source(void *context, const char *name)
{
    struct source_walk *w = context;
    OWNED_TEXT_BUFFER path = { 0 }, bytes = { 0 };
    text_addf(&path, "%s/%s", w->folder, name);
    if (w->err || file_read(text_str(&path), CONFIG_BYTES_MAX, &bytes))
        return;
    struct conf_source_bytes *sources = reallocarray(w->f->sources, w->f->source_count + 1, sizeof *sources);
    OWNED_TEXT own_name = strdup(name);
    if (sources)
        w->f->sources = sources;
    size_t len = bytes.len;
    char *taken = sources && own_name ? text_release(&bytes) : NULL;
    if (!taken) {
        w->err = ERR_NOMEM;
        return;
    }
    sources[w->f->source_count++] = (struct conf_source_bytes){ w->of, text_take(&own_name), slice_of(taken, len) };
}

int instance_files_read_sources(struct instance_files *f, const char *folder, enum conf_file which, struct slice bytes)
{
    struct source_walk w = { f, folder, which, 0 };
    int err = conf_sources_wanted(bytes, read_source, &w);
    return err ? err : w.err;
}

/* The first error of redirection.config. */
static void keep_first(void *context, int severity, const struct diag *d)
{
    struct diag *first = context;
    if (severity == 0 && !first->what[0])
        *first = *d;
}

/* Where applicationHost.config and administration.config are. */
static int find_folder(const char *directory, struct text *folder_out, struct diag *d)
{
    int err = conf_shared_folder(directory, keep_first, d, folder_out);
    if (!folder_out->len)
        text_add_str(folder_out, directory);
    return err ? err : text_error(folder_out);
}

static int read_config(struct instance_files *f, const char *folder, enum conf_file file, struct diag *d)
{
    const char *name = conf_file_name(file);
    int err = add_from(f, folder, name, CONFIG_BYTES_MAX);
    if (!err)
        err = instance_files_read_sources(f, folder, file, compile_file_bytes(f->files, f->count, name));
    if (!err || (err == ERR_NOT_FOUND && file != CONF_APPLICATION_HOST))
        return 0;
    diag_place(d, slice_str(name), 0, 0);
    diag_set(d, "cannot be read in %s: %s", folder, err_text(err));
    if (err == ERR_DENIED)
        diag_todo(d, DIAG_NO_RIGHT);
    return err;
}

int instance_files_read(struct instance_files *f, const char *directory, struct diag *d)
{
    OWNED_TEXT_BUFFER folder = { 0 };
    int err = read_config(f, directory, CONF_SALLYPORT, d);
    if (!err)
        err = find_folder(directory, &folder, d);
    for (int file = 0; !err && file < CONF_FILE_COUNT; file++)
        if (file != CONF_SALLYPORT)
            err = read_config(f, text_str(&folder), (enum conf_file)file, d);
    if (!err)
        err = note_secrets(f, directory);
    return err ? err : instance_files_read_certificates(f, directory);
}

int instance_files_store(const struct instance_files *f, const char *store, struct cert_store **store_out)
{
    OWNED_TEXT_BUFFER folder = { 0 };
    struct cert_store *certs = cert_store_new();
    text_addf(&folder, "certificates/%s/", store);
    if (!certs)
        return ERR_NOMEM;
    for (size_t i = 0; i < f->count; i++) {
        struct slice name = slice_str(f->files[i].name);
        struct diag d = { 0 };
        if (!slice_starts(name, text_slice(&folder)))
            continue;
        if (cert_store_add(certs, slice_from(name, folder.len), f->files[i].bytes, &d) == ERR_NOMEM) {
            cert_store_free(certs);
            return ERR_NOMEM;
        }
    }
    *store_out = certs;
    return 0;
}
