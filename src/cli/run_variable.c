/*
 * run_variable.c - what %NAME% means in a batch file: a SET line, the instance's own variables, the usual ones of Windows,
 * the environment.
 *
 * FTP's message variables look like cmd.exe's: the ones that the messages element knows stay as they are.
 */
#include "cli/run_priv.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/own.h"

extern char **environ;

int run_variable_set(struct run *r, struct slice name, struct slice value)
{
    size_t i = 0;
    while (i < r->variable_count && !slice_equal_fold_str(name, r->variables[i].name))
        i++;
    if (i == RUN_VARIABLES)
        return ERR_LIMIT;
    OWNED_TEXT new_name = strndup(name.ptr, name.len);
    OWNED_TEXT new_value = strndup(value.ptr, value.len);
    if (!new_name || !new_value)
        return ERR_NOMEM;
    if (i == r->variable_count)
        r->variable_count++;
    free(r->variables[i].name);
    free(r->variables[i].value);
    r->variables[i] = (struct run_variable){ text_take(&new_name), text_take(&new_value) };
    return 0;
}

/* sallyport/paths/variables: what %NAME% in a path of this instance means. */
static bool instance_variable(struct run *r, struct slice name, struct text *out)
{
    struct conf_element *section = NULL, *item = NULL;
    const struct conf_pair pair = { SLICE_LITERAL("name"), name };
    if (conf_section(r->c->conf, SLICE_LITERAL("sallyport/paths"), SLICE_LITERAL(""), &section) != 0 ||
        conf_find(conf_child(section, "variables"), &pair, 1, &item) != 0)
        return false;
    text_add(out, conf_text(item, "value"));
    return true;
}

static bool environment_variable(struct slice name, struct text *out)
{
    for (char **entry = environ; *entry; entry++) {
        struct slice text = slice_str(*entry);
        size_t equals = slice_find(text, '=');
        if (equals == SIZE_MAX || !slice_equal_fold(slice_first(text, equals), name))
            continue;
        text_add(out, slice_from(text, equals + 1));
        return true;
    }
    return false;
}

static bool usual_variable(struct slice name, struct text *out)
{
    static const struct {
        const char *name, *value;
    } usual[] = {
        { "SystemDrive", "C:" },
        { "HOMEDRIVE", "C:" },
        { "SystemRoot", "C:\\Windows" },
        { "windir", "C:\\Windows" },
        { "ProgramFiles", "C:\\Program Files" },
        { "ProgramFiles(x86)", "C:\\Program Files (x86)" },
        { "ProgramData", "C:\\ProgramData" },
        { "ALLUSERSPROFILE", "C:\\ProgramData" },
        { "PUBLIC", "C:\\Users\\Public" },
        { "TEMP", RUN_TEMP },
        { "TMP", RUN_TEMP },
        { "CD", "C:\\Windows\\System32\\inetsrv" },
    };
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
        if (slice_equal_fold_str(name, usual[i].name)) {
            text_add_str(out, usual[i].value);
            return true;
        }
    return false;
}

static bool message_variable(struct slice name, struct text *out)
{
    static const char *const names[] = { "BytesReceived", "BytesSent", "SessionID", "SiteName", "UserName" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (slice_equal_fold_str(name, names[i])) {
            text_addf(out, "%%" SLICE_FMT "%%", SLICE_ARG(name));
            return true;
        }
    return false;
}

/* %0, %~f0, %~dp0, %~nx0: the batch file itself, as a Linux path. */
static bool file_variable(const struct run *r, struct slice name, struct text *out)
{
    struct slice file = slice_str(r->file);
    size_t slash = slice_find_last(file, '/');
    struct slice folder = slash == SIZE_MAX ? SLICE_LITERAL("./") : slice_first(file, slash + 1);
    if (slice_equal_str(name, "0") || slice_equal_fold_str(name, "~f0") || slice_equal_fold_str(name, "~0"))
        text_add(out, file);
    else if (slice_equal_fold_str(name, "~dp0"))
        text_add(out, folder);
    else if (slice_equal_fold_str(name, "~nx0"))
        text_add(out, slash == SIZE_MAX ? file : slice_from(file, slash + 1));
    else
        return false;
    return true;
}

bool run_variable_lookup(void *context, struct slice name, struct text *out)
{
    struct run *r = context;
    if (file_variable(r, name, out))
        return true;
    for (size_t i = 0; i < r->variable_count; i++)
        if (slice_equal_fold_str(name, r->variables[i].name)) {
            text_add_str(out, r->variables[i].value);
            return true;
        }
    if (instance_variable(r, name, out) || usual_variable(name, out) || message_variable(name, out))
        return true;
    if (slice_equal_fold_str(name, "COMPUTERNAME")) {
        char host[256] = "";
        gethostname(host, sizeof host - 1);
        text_add_str(out, host);
        return true;
    }
    if (slice_equal_fold_str(name, "ERRORLEVEL")) {
        text_addf(out, "%d", r->error_level);
        return true;
    }
    return environment_variable(name, out);
}

void run_variables_free(struct run *r)
{
    for (size_t i = 0; i < r->variable_count; i++) {
        free(r->variables[i].name);
        free(r->variables[i].value);
    }
    r->variable_count = 0;
}
