/*
 * export.c - `sallyport export`: IIS's files, as a Windows server reads them.
 *
 * They are the instance's own bytes: nothing of ours was ever written into them but edits by its tools.  What Windows could
 * not use is told.  sallyport.config stays: Windows knows nothing of it.
 */
#include "cli/cli.h"

#include "auth/password.h"
#include "base/own.h"
#include "cli/file.h"
#include "cli/table.h"
#include "protect/protect.h"

enum { EXPORT_MODE = 0640 };

static void tell_passwords(struct cli *c)
{
    struct conf_element *section, *users;
    if (conf_section(c->conf, SLICE_LITERAL("system.webServer/management/authentication"), SLICE_LITERAL(""), &section))
        return;
    users = conf_child(section, "credentials");
    for (size_t i = 0; users && i < conf_count(users); i++) {
        struct conf_element *user = conf_item(users, i);
        if (password_form(conf_text(user, "password")) == PASSWORD_FORM_YESCRYPT)
            cli_say(c, "WARNING ( message:IIS Manager user \"" SLICE_FMT "\" has a yescrypt password, which Windows cannot use: give "
                    "a new one there )", SLICE_ARG(conf_text(user, "name")));
    }
}

/* Windows refuses the whole configuration when it cannot decrypt a value that it needs. */
static void tell_protected(struct cli *c, enum conf_file file)
{
    const struct slice form = SLICE_LITERAL("[enc:" PROTECT_PROVIDER ":");
    struct slice rest = conf_bytes(c->conf, file);
    for (unsigned line = 1; rest.len; line++) {
        struct slice text = slice_cut(&rest, '\n');
        while (text.len >= form.len && !slice_starts(text, form))
            text = slice_from(text, 1);
        if (text.len >= form.len)
            cli_say(c, "WARNING ( message:%s:%u holds a value that only this instance's key opens: give it again on Windows )",
                    conf_file_name(file), line);
    }
}

static int put(struct cli *c, const char *folder, enum conf_file file)
{
    OWNED_TEXT_BUFFER path = { 0 };
    struct slice bytes = conf_bytes(c->conf, file);
    if (!bytes.ptr)
        return EXIT_OK;
    text_addf(&path, "%s/%s", folder, conf_file_name(file));
    int err = text_error(&path) ? ERR_NOMEM : file_create(text_str(&path), bytes, EXPORT_MODE);
    if (err == ERR_EXISTS)
        return cli_failed(c, EXIT_FILE_EXISTS, "%s exists already; nothing is overwritten.", text_str(&path));
    if (err)
        return cli_failed(c, cli_exit_of(err), "Cannot write %s: %s", text_str(&path), err_text(err));
    cli_say(c, "FILE \"%s\" written", text_str(&path));
    return EXIT_OK;
}

int export_run(struct cli *c)
{
    OWNED_TEXT folder = strndup(c->identifier.ptr, c->identifier.len);
    int code = folder ? cli_open(c) : 14;
    if (code)
        return code;
    int err = file_make_folders(folder, 0755);
    if (err)
        return cli_failed(c, cli_exit_of(err), "Cannot make %s: %s", folder, err_text(err));
    code = put(c, folder, CONF_APPLICATION_HOST);
    if (!code)
        code = put(c, folder, CONF_ADMINISTRATION);
    if (!code) {
        tell_passwords(c);
        tell_protected(c, CONF_APPLICATION_HOST);
        tell_protected(c, CONF_ADMINISTRATION);
    }
    return code;
}
