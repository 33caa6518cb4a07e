/*
 * reply.c - building replies.
 *
 * The separator behind a code is written as ' ' and turned into '-' when another coded line follows, so a caller need
 * not know which line is the last.
 */
#include "ftp/reply.h"

static const struct {
    unsigned code;
    const char *text;
} rows[] = {
#define R(id, code, text) [id] = { code, text },
    REPLIES(R)
#undef R
};

enum { NO_LINE = 0 }; /* `last` is 1 + the offset, so that a zeroed reply is an empty one */

unsigned reply_code_of(enum reply_id id)
{
    return rows[id].code;
}

struct slice reply_text_of(enum reply_id id)
{
    return slice_str(rows[id].text);
}

void reply_free(struct reply *r)
{
    text_free(&r->out);
    *r = (struct reply){ 0 };
}

void reply_begin(struct reply *r, unsigned code)
{
    text_reset(&r->out);
    r->code = code;
    r->last = NO_LINE;
}

/* The one function through which text reaches a reply. */
static void add_harmless(struct text *out, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = (uint8_t)s.ptr[i];
        if (c == 0xff)
            text_add_char(out, (char)c); /* Telnet: doubled */
        text_add_char(out, (c < 0x20 && c != '\t') || c == 0x7f ? '?' : (char)c);
    }
}

static void open_line(struct reply *r)
{
    if (r->last != NO_LINE && r->out.ptr && r->out.len > r->last + 2)
        r->out.ptr[r->last - 1 + 3] = '-';
    r->last = r->out.len + 1;
    text_add_number(&r->out, r->code % 1000, 3, '0');
    text_add_char(&r->out, ' ');
}

void reply_line(struct reply *r, struct slice text)
{
    open_line(r);
    add_harmless(&r->out, text);
    text_add_str(&r->out, "\r\n");
}

void reply_row(struct reply *r, enum reply_id id, struct slice parameter)
{
    struct slice text = reply_text_of(id);
    size_t at = slice_find(text, '$');
    if (r->code == 0)
        r->code = rows[id].code;
    open_line(r);
    if (at == SIZE_MAX) {
        text_add(&r->out, text);
    } else {
        text_add(&r->out, slice_first(text, at));
        add_harmless(&r->out, parameter);
        text_add(&r->out, slice_from(text, at + 1));
    }
    text_add_str(&r->out, "\r\n");
}

void reply_row_open(struct reply *r, enum reply_id id, struct slice parameter)
{
    reply_row(r, id, parameter);
    if (!text_error(&r->out))
        r->out.ptr[r->last - 1 + 3] = '-';
}

void reply_lines(struct reply *r, struct slice text)
{
    while (text.len > 0) {
        size_t end = 0;
        while (end < text.len && text.ptr[end] != '\r' && text.ptr[end] != '\n')
            end++;
        reply_line(r, slice_first(text, end));
        bool crlf = end + 1 < text.len && text.ptr[end] == '\r' && text.ptr[end + 1] == '\n';
        text = slice_from(text, end + (crlf ? 2 : 1));
    }
}

void reply_inner(struct reply *r, struct slice text)
{
    text_add_char(&r->out, ' ');
    add_harmless(&r->out, text);
    text_add_str(&r->out, "\r\n");
}

int reply_bytes(const struct reply *r, struct slice *bytes_out)
{
    int err = text_error(&r->out);
    if (err)
        return err;
    *bytes_out = text_slice(&r->out);
    return 0;
}

static void detail_line(struct reply *r, const char *label, struct slice value)
{
    OWNED_TEXT_BUFFER line = { 0 };
    text_add_str(&line, label);
    text_add(&line, value);
    if (!text_error(&line))
        reply_inner(r, text_slice(&line));
}

void reply_detailed(struct reply *r, unsigned code, struct slice first, struct slice system, struct slice details)
{
    reply_begin(r, code);
    reply_line(r, first);
    detail_line(r, "Win32 error:   ", system);
    detail_line(r, "Error details: ", details);
    reply_line(r, SLICE_LITERAL("End"));
}
