/*
 * propath.c - one reader serves both the split of "name:value" and the parse, so a colon inside an indexer
 * ([bindingInformation='*:21:']) is never taken for the separator.
 */
#include "cli/propath.h"

struct reader {
    struct slice text;
    size_t at;
};

static char peek(const struct reader *r)
{
    return r->at < r->text.len ? r->text.ptr[r->at] : 0;
}

static void skip_blanks(struct reader *r)
{
    while (peek(r) == ' ' || peek(r) == '\t')
        r->at++;
}

static struct slice taken(const struct reader *r, size_t from, size_t to)
{
    return slice_of(r->text.ptr + from, to - from);
}

bool propath_is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* Whether `key=` stands at `at`: only then does a comma end a bare value. */
static bool key_follows(const struct reader *r, size_t at)
{
    struct reader ahead = { r->text, at };
    skip_blanks(&ahead);
    size_t from = ahead.at;
    while (propath_is_name_char(peek(&ahead)))
        ahead.at++;
    size_t len = ahead.at - from;
    skip_blanks(&ahead);
    return len > 0 && peek(&ahead) == '=';
}

static int read_quoted(struct reader *r, struct slice *value_out)
{
    char quote = peek(r);
    size_t from = ++r->at;
    for (; r->at < r->text.len; r->at++) {
        if (peek(r) != quote)
            continue;
        struct reader after = { r->text, r->at + 1 };
        skip_blanks(&after);
        if (peek(&after) != ',' && peek(&after) != ']')
            continue;
        *value_out = taken(r, from, r->at);
        *r = after;
        return 0;
    }
    return ERR_SYNTAX;
}

static int read_bare(struct reader *r, struct slice *value_out)
{
    size_t from = r->at, depth = 0;
    for (; r->at < r->text.len; r->at++) {
        char c = peek(r);
        if (c == '[')
            depth++;
        else if (c == ']' && depth > 0)
            depth--;
        else if (c == ']' || (c == ',' && key_follows(r, r->at + 1))) {
            *value_out = slice_trim(taken(r, from, r->at));
            return 0;
        }
    }
    return ERR_SYNTAX;
}

static int read_position(struct reader *r, long *position_out)
{
    size_t from = ++r->at;
    while (propath_is_name_char(peek(r)))
        r->at++;
    struct slice word = taken(r, from, r->at);
    uint64_t number = 0;
    if (slice_equal_fold_str(word, "start"))
        *position_out = PROPATH_START;
    else if (slice_equal_fold_str(word, "end"))
        *position_out = PROPATH_END;
    else if (slice_to_u64(word, 1000000, &number) == 0)
        *position_out = (long)number;
    else
        return ERR_SYNTAX;
    skip_blanks(r);
    if (peek(r) == ',')
        r->at++;
    return 0;
}

static int read_pair(struct reader *r, struct propath_step *step)
{
    if (step->count == PROPATH_PAIRS)
        return ERR_LIMIT;
    size_t from = r->at;
    while (propath_is_name_char(peek(r)))
        r->at++;
    struct slice name = taken(r, from, r->at);
    skip_blanks(r);
    if (slice_is_empty(name) || peek(r) != '=')
        return ERR_SYNTAX;
    r->at++;
    skip_blanks(r);
    struct slice value = SLICE_NONE;
    bool is_quoted = peek(r) == '\'' || peek(r) == '"';
    int err = is_quoted ? read_quoted(r, &value) : read_bare(r, &value);
    if (err)
        return err;
    step->pairs[step->count++] = (struct propath_pair){ name, value, !is_quoted };
    if (peek(r) == ',')
        r->at++;
    else if (peek(r) != ']')
        return ERR_SYNTAX;
    return 0;
}

/* From '[' to behind ']'. */
static int read_index(struct reader *r, struct propath_step *step)
{
    *step = (struct propath_step){ .kind = PROPATH_INDEX, .position = PROPATH_NO_POSITION };
    r->at++;
    skip_blanks(r);
    int err = peek(r) == '@' ? read_position(r, &step->position) : 0;
    skip_blanks(r);
    while (!err && r->at < r->text.len && peek(r) != ']') {
        err = read_pair(r, step);
        skip_blanks(r);
    }
    if (err)
        return err;
    if (peek(r) != ']' || (step->count == 0 && step->position == PROPATH_NO_POSITION))
        return ERR_SYNTAX;
    r->at++;
    return 0;
}

static int read_name(struct reader *r, struct propath_step *step)
{
    size_t from = r->at;
    while (propath_is_name_char(peek(r)))
        r->at++;
    *step = (struct propath_step){ .kind = PROPATH_NAME, .name = taken(r, from, r->at) };
    return step->name.len ? 0 : ERR_SYNTAX;
}

int propath_parse(struct slice text, struct propath *path_out)
{
    struct reader r = { text, 0 };
    path_out->sign = 0;
    path_out->count = 0;
    if (peek(&r) == '+' || peek(&r) == '-')
        path_out->sign = text.ptr[r.at++];
    do {
        if (path_out->count == PROPATH_STEPS)
            return ERR_LIMIT;
        struct propath_step *step = &path_out->steps[path_out->count];
        int err = peek(&r) == '[' ? read_index(&r, step) : read_name(&r, step);
        if (err)
            return err;
        path_out->count++;
        if (peek(&r) == '.')
            r.at++;
        else if (r.at < text.len && peek(&r) != '[')
            return ERR_SYNTAX;
        else if (r.at == text.len)
            return 0;
    } while (1);
}

/* Up to the first colon outside of indexers, or to the end.  False: an indexer is malformed, r->at is where. */
static bool skip_name(struct reader *r)
{
    struct propath_step ignored;
    while (r->at < r->text.len && peek(r) != ':') {
        if (peek(r) != '[')
            r->at++;
        else if (read_index(r, &ignored) != 0)
            return false;
    }
    return true;
}

size_t propath_name_length(struct slice text)
{
    struct reader r = { text, 0 };
    return skip_name(&r) ? r.at : text.len; /* malformed: keep it whole, so that the message shows it */
}

/* A value behind the separator may hold any bracket, so only what stands before the first colon outside counts. */
bool propath_is_open(struct slice text)
{
    struct reader r = { text, 0 };
    return !skip_name(&r) && r.at >= text.len;
}
