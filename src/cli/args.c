/*
 * args.c - splitting argv.
 *
 * A parameter starts with / or -, which on Linux is also how a path starts.  No parameter name holds a slash, so an
 * argument with a second slash before any colon or indexer ("/etc/ssl/ftp.pem") is a word.  "--config" and the other
 * long options are the only arguments with two dashes; any other, like --[name='x'], is the sign "-" behind a "-".
 *
 * Single quotes protect nothing on Windows, so /[name='Default FTP Site'].x:y arrives in three pieces there; two of
 * the published samples are written so.  An argument that ends inside an indexer means nothing else: it is joined with
 * those that follow, if one of them closes the indexer.  "-" alone is /in.
 */
#include "cli/args.h"

#include <stdlib.h>

#include "cli/propath.h"

/* "/ftpServer/security/ssl/controlChannelPolicy:SslAllow", as section names and the tree of IIS Manager suggest. */
static bool has_slashes_for_dots(struct slice arg)
{
    size_t colon = slice_find(arg, ':');
    if (colon == SIZE_MAX || !slice_starts(arg, SLICE_LITERAL("/")) || slice_starts(arg, SLICE_LITERAL("//")))
        return false;
    for (size_t i = 0; i < colon; i++)
        if (!propath_is_name_char(arg.ptr[i]) && arg.ptr[i] != '/' && arg.ptr[i] != '.')
            return false;
    return arg.ptr[colon - 1] != '/';
}

size_t args_find_secret(struct slice text)
{
    static const struct slice names[] = { { "password", 8 }, { "encryptedValue", 14 } };
    for (size_t i = 0; i < text.len; i++)
        for (size_t n = 0; n < sizeof names / sizeof names[0]; n++)
            if (slice_starts_fold(slice_from(text, i), names[n]))
                return i + names[n].len;
    return SIZE_MAX;
}

/* IIS's words first, on a line of their own: they sound wrong for what does begin with a slash. */
void args_complain(struct slice arg, struct text *message)
{
    text_add_str(message, "Failed to process input: The parameter '");
    text_add_escaped(message, arg);
    text_add_str(message, "' must begin with a / or - (HRESULT=80070057).\n");
    if (!has_slashes_for_dots(arg)) {
        text_add_str(message, "What has blanks is put in quotes: \"/name:My Site\".");
        return;
    }
    text_add_str(message, "In the names of properties write dots instead of slashes: /");
    for (size_t i = 1, colon = slice_find(arg, ':'); i < colon; i++)
        text_add_char(message, arg.ptr[i] == '/' ? '.' : arg.ptr[i]);
}

static bool is_linux_path(struct slice arg)
{
    struct slice name = slice_from(arg, 1);
    for (size_t i = 0; i < name.len && name.ptr[i] != ':' && name.ptr[i] != '['; i++)
        if (name.ptr[i] == '/')
            return true;
    return false;
}

static bool is_param(struct slice arg)
{
    if (arg.len < 2)
        return false;
    return arg.ptr[0] == '-' || (arg.ptr[0] == '/' && !is_linux_path(arg));
}

/* A value still in double quotes was protected twice ('/name:"Depot FTP"'); Windows would have dropped them. */
static struct slice without_quotes(struct slice value)
{
    bool quoted = value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"';
    return quoted ? slice_of(value.ptr + 1, value.len - 2) : value;
}

static int add_param(struct args *a, struct slice text)
{
    if (slice_equal_str(text, "?")) {
        a->help = true;
        return 0;
    }
    if (a->param_count == ARGS_PARAMS)
        return ERR_LIMIT;
    struct arg_param *p = &a->params[a->param_count++];
    *p = (struct arg_param){ 0 };
    if (text.ptr[0] == '!') {
        p->is_property = true;
        text = slice_from(text, 1);
    }
    p->name = slice_first(text, propath_name_length(text));
    p->has_value = p->name.len < text.len;
    if (p->has_value)
        p->value = without_quotes(slice_from(text, p->name.len + 1));
    return 0;
}

/* Long options that are parameters of a verb: "--site S" is "/site:S". */
static const struct {
    const char *name;
    bool takes_value;
} long_params[] = {
    { "atomic", false }, { "dry-run", false }, { "site", true }, { "user", true }, { "cert", true }, { "from", true },
    { "path", true },    { "verb", true },     { "session", true }, { "at", true },
    { "to", true },      { "role", true },      { "replace", false }, { "map", true },  { "drive", true }, { "share", true }, { "variable", true },
};

static int add_long_param(struct args *a, struct slice arg, const char *next)
{
    struct slice name = slice_from(arg, 2);
    size_t equals = slice_find(name, '=');
    struct slice value = equals == SIZE_MAX ? SLICE_NONE : slice_from(name, equals + 1);
    name = slice_first(name, equals);
    for (size_t i = 0; i < sizeof long_params / sizeof long_params[0]; i++) {
        if (!slice_equal_str(name, long_params[i].name) || a->param_count == ARGS_PARAMS)
            continue;
        bool takes_next = long_params[i].takes_value && !value.ptr && next;
        if (takes_next)
            value = slice_str(next);
        a->params[a->param_count++] = (struct arg_param){ .name = name, .value = value, .has_value = value.ptr != NULL };
        return takes_next ? 2 : 1;
    }
    return 0;
}

/* Returns how many arguments were used, 0 if this is no long option. */
static int long_option(struct args *a, struct slice arg, const char *next)
{
    if (!slice_starts(arg, SLICE_LITERAL("--")))
        return 0;
    if (slice_equal_str(arg, "--help"))
        a->help = true;
    else if (slice_equal_str(arg, "--version"))
        a->version = true;
    else if (slice_starts(arg, SLICE_LITERAL("--config=")))
        a->config = slice_from(arg, sizeof("--config=") - 1);
    else if (slice_equal_str(arg, "--config") && next) {
        a->config = slice_str(next);
        return 2;
    } else
        return add_long_param(a, arg, next);
    return 1;
}

/* How many of the arguments make one; the text in *arg.  1 when nothing was torn, or nothing closes it. */
static int join_torn(struct args *a, int count, char **argv, struct slice *arg)
{
    OWNED_TEXT_BUFFER whole = { 0 };
    *arg = slice_str(argv[0]);
    if (!is_param(*arg) || !propath_is_open(slice_from(*arg, 1)) || a->joined_count == ARGS_JOINED)
        return 1;
    text_add(&whole, *arg);
    for (int used = 1; used < count; used++) {
        text_addf(&whole, " %s", argv[used]);
        if (text_error(&whole) != 0)
            return 1;
        if (propath_is_open(slice_from(text_slice(&whole), 1)))
            continue;
        char *kept = text_release(&whole);
        if (!kept)
            return 1;
        a->joined[a->joined_count++] = kept;
        *arg = slice_str(kept);
        return used + 1;
    }
    return 1;
}

void args_free(struct args *a)
{
    for (size_t i = 0; i < a->joined_count; i++)
        free(a->joined[i]);
    a->joined_count = 0;
}

int args_parse(int argc, char **argv, struct args *args_out, struct text *message)
{
    struct args *a = args_out;
    *a = (struct args){ 0 };
    for (int i = 1; i < argc;) {
        struct slice arg = slice_str(argv[i]);
        int used = long_option(a, arg, i + 1 < argc ? argv[i + 1] : NULL);
        if (used) {
            i += used;
            continue;
        }
        used = join_torn(a, argc - i, argv + i, &arg);
        if (slice_equal_str(arg, "-"))
            arg = SLICE_LITERAL("/in");
        if (is_param(arg)) {
            if (add_param(a, slice_from(arg, 1)) != 0) {
                text_addf(message, "Failed to process input: more than %d parameters (HRESULT=80070057).", ARGS_PARAMS);
                return ERR_LIMIT;
            }
        } else if (a->word_count < ARGS_WORDS) {
            a->words[a->word_count++] = arg;
        } else {
            bool is_secret = args_find_secret(slice_str(argv[i - 1])) != SIZE_MAX; /* "--password geheim" */
            args_complain(is_secret ? SLICE_LITERAL("***") : arg, message);
            return ERR_SYNTAX;
        }
        i += used;
    }
    return 0;
}

const struct arg_param *args_find(const struct args *a, const char *name)
{
    for (size_t i = 0; i < a->param_count; i++)
        if (!a->params[i].is_property && slice_equal_fold_str(a->params[i].name, name))
            return &a->params[i];
    return NULL;
}
