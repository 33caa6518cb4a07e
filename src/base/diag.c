/* diag.c - formatting of struct diag. */
#include "base/diag.h"

#include <stdio.h>

#include "base/text.h"

static FORMAT_LIKE_PRINTF(3, 0) void fill(char *field, size_t size, const char *fmt, va_list args)
{
    OWNED_TEXT_BUFFER raw = { 0 }, escaped = { 0 };
    text_addv(&raw, fmt, args);
    text_add_visible(&escaped, text_slice(&raw));
    int err = text_error(&raw) ? text_error(&raw) : text_error(&escaped);
    snprintf(field, size, "%s", err ? err_text(err) : text_str(&escaped));
}

#define FILL(field, fmt)                                \
    do {                                                \
        va_list args;                                   \
        va_start(args, fmt);                            \
        fill(field, sizeof(field), fmt, args);          \
        va_end(args);                                   \
    } while (0)

void diag_set(struct diag *d, const char *fmt, ...)
{
    FILL(d->what, fmt);
}

void diag_todo(struct diag *d, const char *fmt, ...)
{
    FILL(d->todo, fmt);
}

void diag_path(struct diag *d, const char *fmt, ...)
{
    FILL(d->path, fmt);
}

void diag_place(struct diag *d, struct slice file, unsigned line, unsigned column)
{
    snprintf(d->file, sizeof d->file, SLICE_FMT, SLICE_ARG(file));
    d->line = line;
    d->column = column;
}

void diag_print(const struct diag *d, struct text *out)
{
    if (d->file[0])
        text_add_str(out, d->file);
    if (d->line)
        text_addf(out, ":%u", d->line);
    if (d->line && d->column)
        text_addf(out, ":%u", d->column);
    if (d->file[0] || d->line)
        text_add_str(out, ": ");
    if (d->path[0])
        text_addf(out, "%s: ", d->path);
    text_add_str(out, d->what);
    if (d->todo[0])
        text_addf(out, "%s %s", d->what[0] && strchr(".:;", d->what[strlen(d->what) - 1]) ? "" : ".", d->todo);
}
