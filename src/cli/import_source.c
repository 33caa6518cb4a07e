/* import_source.c - see import_source.h. */
#include "cli/import_source.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/own.h"
#include "base/utf16.h"
#include "cli/file.h"

enum { SOURCE_FILE_MAX = 64 << 20, DECLARATION_MAX = 200 };

/* ---- bytes ---- */

/* <?xml ... encoding="utf-16"?>: what the file no longer is. */
static void rewrite_declaration(struct text *t)
{
    struct slice head = slice_first(text_slice(t), DECLARATION_MAX);
    if (!slice_starts(head, SLICE_LITERAL("<?xml")))
        return;
    const char *end = memmem(head.ptr, head.len, "?>", 2);
    const char *name = end ? memmem(head.ptr, (size_t)(end - head.ptr), "encoding", 8) : NULL;
    const char *open = name ? strpbrk(name, "\"'") : NULL;
    const char *close = open && open < end ? memchr(open + 1, *open, (size_t)(end - open - 1)) : NULL;
    if (close)
        text_splice(t, (size_t)(open + 1 - t->ptr), (size_t)(close - open - 1), SLICE_LITERAL("UTF-8"));
}

int source_decode(struct slice bytes, struct text *out, bool *was_utf16_out)
{
    bool is_little = slice_starts(bytes, SLICE_LITERAL("\xff\xfe")), is_big = slice_starts(bytes, SLICE_LITERAL("\xfe\xff"));
    text_reset(out);
    *was_utf16_out = is_little || is_big;
    if (!*was_utf16_out) {
        text_add(out, bytes);
        return text_error(out);
    }
    int err = utf8_from_utf16(slice_from(bytes, 2), is_big, out);
    if (!err)
        rewrite_declaration(out);
    return err ? err : text_error(out);
}

/* ---- files ---- */

static void source_file_free(struct source_file *f)
{
    free(f->path);
    text_free(&f->bytes);
    *f = (struct source_file){ 0 };
}

void source_free(struct source *s)
{
    for (size_t i = 0; i < CONF_FILE_COUNT; i++)
        source_file_free(&s->files[i]);
    source_file_free(&s->redirection);
    free(s->others);
    *s = (struct source){ 0 };
}

static int read_file(const char *path, struct source_file *file_out, struct diag *d)
{
    OWNED_TEXT_BUFFER bytes = { 0 };
    diag_place(d, slice_str(path), 0, 0);
    int err = file_read(path, SOURCE_FILE_MAX, &bytes);
    if (err) {
        diag_set(d, "cannot be read: %s", err_text(err));
        return err;
    }
    err = source_decode(text_slice(&bytes), &file_out->bytes, &file_out->was_utf16);
    if (err)
        diag_set(d, "is no UTF-16 although it begins like that: %s", err_text(err));
    file_out->path = err ? NULL : strdup(path);
    return !err && !file_out->path ? ERR_NOMEM : err;
}

static struct source_file *file_named(struct source *s, const char *name)
{
    for (size_t i = 0; i < CONF_FILE_COUNT; i++)
        if (i != CONF_SALLYPORT && strcasecmp(name, conf_file_name((enum conf_file)i)) == 0)
            return &s->files[i];
    return strcasecmp(name, "redirection.config") == 0 ? &s->redirection : NULL;
}

static int is_visible(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static int take_entry(struct source *s, const char *folder, const char *name, struct text *others, struct diag *d)
{
    struct source_file *file = file_named(s, name);
    OWNED_TEXT_BUFFER path = { 0 };
    text_addf(&path, "%s/%s", folder, name);
    if (!file) {
        text_addf(others, "%s\n", name);
        return 0;
    }
    if (file->path) {
        diag_place(d, text_slice(&path), 0, 0);
        diag_set(d, "and %s differ only by case; Windows knows one such file", file->path);
        return ERR_CONFLICT;
    }
    return read_file(text_str(&path), file, d);
}

static int read_folder(struct source *s, const char *folder, struct diag *d)
{
    struct dirent **entries;
    OWNED_TEXT_BUFFER others = { 0 };
    int count = scandir(folder, &entries, is_visible, alphasort), err = 0;
    if (count < 0) {
        diag_place(d, slice_str(folder), 0, 0);
        diag_set(d, "cannot be read: %s", strerror(errno));
        return err_from_errno(errno);
    }
    for (int i = 0; i < count; i++) {
        if (!err)
            err = take_entry(s, folder, entries[i]->d_name, &others, d);
        free(entries[i]);
    }
    free(entries);
    if (!err && !s->files[CONF_APPLICATION_HOST].path) {
        diag_place(d, slice_str(folder), 0, 0);
        diag_set(d, "holds no applicationHost.config");
        diag_todo(d, "Copy the folder %%windir%%\\System32\\inetsrv\\config with a 64-bit program; 32-bit programs see another folder");
        err = ERR_NOT_FOUND;
    }
    s->others = err ? NULL : strdup(text_str(&others));
    return err || s->others ? err : ERR_NOMEM;
}

int source_read(const char *path, struct source *source_out, struct diag *d)
{
    struct source s = { 0 };
    struct stat st;
    if (stat(path, &st) != 0) {
        diag_place(d, slice_str(path), 0, 0);
        diag_set(d, "cannot be read: %s", strerror(errno));
        return errno == ENOENT ? ERR_NOT_FOUND : err_from_errno(errno);
    }
    int err = S_ISDIR(st.st_mode) ? read_folder(&s, path, d) : read_file(path, &s.files[CONF_APPLICATION_HOST], d);
    if (err)
        source_free(&s);
    else
        *source_out = s;
    if (!err)
        source_out->is_folder = S_ISDIR(st.st_mode);
    return err;
}
