/*
 * import_report.c - the report of an import, for a person who then knows what to do.
 *
 * First what needs a decision, then what has another form here, then the lists of questions (paths, accounts, certificates,
 * encrypted values), then everything that simply counts.  The numbers at the end add up to the attributes in the files.
 */
#include "cli/import.h"

#include <ctype.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"

static void heading(struct text *out, const char *title, size_t count)
{
    text_addf(out, "\n%s (%zu)\n", title, count);
}

static void place(struct import *in, unsigned file, unsigned line)
{
    text_addf(&in->report, "  %s:%u: ", fidelity_file_name(&in->fidelity, file), line);
}

static void items(struct import *in, enum fate fate, const char *title)
{
    const struct fidelity *f = &in->fidelity;
    heading(&in->report, title, f->fates[fate]);
    for (size_t i = 0; i < f->count; i++) {
        const struct fidelity_item *item = &f->items[i];
        if (item->fate != fate)
            continue;
        place(in, item->file, item->line);
        text_addf(&in->report, "%s%s%s\n", item->what, item->note[0] ? ": " : "", item->note);
    }
}

/* ---- paths ---- */

/* The part of a Windows path that a mapping names: "D:", "\\filer\partners"; "" when it is neither. */
static void root_of(const char *written, struct text *out)
{
    struct slice path = slice_str(written);
    if (path.len >= 2 && path.ptr[1] == ':' && isalpha((unsigned char)path.ptr[0])) {
        text_addf(out, "%c:", ascii_upper(path.ptr[0]));
        return;
    }
    if (!slice_starts(path, SLICE_LITERAL("\\\\")))
        return;
    struct slice rest = slice_from(path, 2), server = slice_cut(&rest, '\\'), share = slice_cut(&rest, '\\');
    text_addf(out, "\\\\" SLICE_FMT "\\" SLICE_FMT, SLICE_ARG(server), SLICE_ARG(share));
}

static bool told_before(const struct import *in, size_t at, struct slice root)
{
    for (size_t i = 0; i < at; i++) {
        OWNED_TEXT_BUFFER other = { 0 };
        root_of(in->fidelity.physical_paths.items[i].text, &other);
        if (slice_equal_fold(root, text_slice(&other)))
            return true;
    }
    return false;
}

/* A proposal for what is not mapped, ready to be put into a file for --map. */
static void propose(struct import *in)
{
    OWNED_TEXT_BUFFER table = { 0 };
    for (size_t i = 0; i < in->fidelity.physical_paths.count; i++) {
        const char *written = in->fidelity.physical_paths.items[i].text;
        OWNED_TEXT_BUFFER linux_path = { 0 }, root = { 0 };
        struct diag d = { 0 };
        root_of(written, &root);
        if (!path_map_resolve(in->paths, slice_str(written), &linux_path, &d) || !root.len ||
            told_before(in, i, text_slice(&root)))
            continue;
        const char *name = strrchr(text_str(&root), '\\');
        if (name)
            text_addf(&table, "      %s = /mnt/%s\n", text_str(&root), name + 1);
        else
            text_addf(&table, "      %s = /srv/%c\n", text_str(&root), ascii_lower(root.ptr[0]));
    }
    if (table.len)
        text_addf(&in->report, "  Not mapped yet.  Put lines like these into a file and give it with --map FILE:\n%s",
                  text_str(&table));
}

static void paths(struct import *in)
{
    const struct fidelity_names *list = &in->fidelity.physical_paths;
    heading(&in->report, "Paths", list->count);
    for (size_t i = 0; i < list->count; i++) {
        OWNED_TEXT_BUFFER linux_path = { 0 };
        struct diag d = { 0 };
        struct stat st;
        text_add_str(&in->report, "  ");
        fidelity_add_shown(&in->report, slice_str(list->items[i].text));
        if (path_map_resolve(in->paths, slice_str(list->items[i].text), &linux_path, &d))
            text_addf(&in->report, " -> %s\n", d.what);
        else
            text_addf(&in->report, " -> %s%s\n", text_str(&linux_path),
                      stat(text_str(&linux_path), &st) == 0 ? "" : " (does not exist yet)");
    }
    propose(in);
}

/* ---- accounts ---- */

static bool is_manager(struct import *in, struct slice name)
{
    struct conf_element *section, *item;
    const struct conf_pair pair = { SLICE_LITERAL("name"), name };
    if (conf_section(in->conf, SLICE_LITERAL("system.webServer/management/authentication"), SLICE_LITERAL(""), &section))
        return false;
    struct conf_element *users = conf_child(section, "credentials");
    return users && conf_find(users, &pair, 1, &item) == 0;
}

static bool is_system(const char *name, bool is_role)
{
    return is_role ? getgrnam(name) != NULL : getpwnam(name) != NULL;
}

/* Who a name of a rule is here. */
static void question(struct import *in, const char *written, bool is_role, struct text *out)
{
    struct slice name = slice_str(written);
    const char *kind = fidelity_windows_account(name);
    text_reset(out);
    if (slice_equal_str(name, "*") || (!is_role && slice_equal_str(name, "?")))
        text_add_str(out, slice_equal_str(name, "*") ? "everybody" : "anonymous users");
    else if (!is_role && !slice_has_byte(name, '\\') && is_manager(in, name)) /* a rule with one means another account */
        text_add_str(out, "an IIS Manager user, in administration.config");
    else if (kind)
        text_add_str(out, kind);
    else if (slice_has_byte(name, '\\') || slice_has_byte(name, '@'))
        text_add_str(out, "of a Windows domain: needs sallyport/directory, or a Linux account and a rule for it");
    else if (is_system(written, is_role))
        text_add_str(out, is_role ? "a group of this machine" : "an account of this machine");
    else
        text_addf(out, "no %s of this machine has that name: make one, or change the rule", is_role ? "group" : "account");
}

static void accounts(struct import *in, const struct fidelity_names *list, bool is_role, const char *title)
{
    heading(&in->report, title, list->count);
    for (size_t i = 0; i < list->count; i++) {
        OWNED_TEXT_BUFFER answer = { 0 };
        question(in, list->items[i].text, is_role, &answer);
        place(in, list->items[i].file, list->items[i].line);
        fidelity_add_shown(&in->report, slice_str(list->items[i].text));
        text_addf(&in->report, " (%zu rule%s): %s\n", list->items[i].count, list->items[i].count == 1 ? "" : "s",
                  text_str(&answer));
    }
}

static void managers(struct import *in)
{
    struct conf_element *service;
    heading(&in->report, "IIS Manager users", in->fidelity.managers);
    if (!in->fidelity.managers)
        return;
    text_add_str(&in->report, "  kept with their hashes and their permissions for sites\n");
    if (!in->fidelity.uses_manager_provider)
        text_add_str(&in->report, "  no site has the provider IisManagerAuth: they cannot log in by FTP, as on Windows\n");
    if (!conf_section(in->conf, SLICE_LITERAL("sallyport/managementService"), SLICE_LITERAL(""), &service) &&
        conf_number(service, "requiresWindowsCredentials"))
        text_add_str(&in->report, "  decide: Windows keeps the Management Service option \"Windows credentials or IIS Manager "
                     "credentials\" in its registry.\n  If it was set there:\n"
                     "      sallyport set config -section:sallyport/managementService /requiresWindowsCredentials:false\n");
}

/* ---- the rest ---- */

static void names(struct import *in, const struct fidelity_names *list, const char *title, const char *note)
{
    heading(&in->report, title, list->count);
    for (size_t i = 0; i < list->count; i++) {
        place(in, list->items[i].file, list->items[i].line);
        fidelity_add_shown(&in->report, slice_str(list->items[i].text));
        text_addf(&in->report, "%s%s\n", list->items[i].count > 1 ? " and others" : "", note);
    }
}

static void sources(struct import *in)
{
    const struct source *s = &in->source;
    text_addf(&in->report, "Import of %s into %s\n", in->from, in->to);
    for (int file = 0; file < CONF_FILE_COUNT; file++)
        if (s->files[file].path)
            text_addf(&in->report, "  %s: %s\n", conf_file_name((enum conf_file)file),
                      s->files[file].was_utf16 ? "translated from UTF-16 to UTF-8; its declaration says so" : "taken over byte for byte");
    for (size_t i = 0; i < in->fidelity.source_count; i++)
        text_addf(&in->report, "  %s: named by configSource, taken over byte for byte\n", in->fidelity.sources[i].name);
    if (!s->files[CONF_ADMINISTRATION].path)
        text_add_str(&in->report, "  administration.config: none was there, so there are no IIS Manager users; a new one is made\n");
    if (s->redirection.path && memmem(s->redirection.bytes.ptr, s->redirection.bytes.len, "enabled=\"true\"", 14))
        text_add_str(&in->report, "  redirection.config: this server reads its configuration from elsewhere (shared configuration), "
                     "and these files may be old; import the folder that it names. Not taken over\n");
    else if (s->redirection.path)
        text_add_str(&in->report, "  redirection.config: switched off; not taken over\n");
    for (struct slice rest = slice_str(s->others); rest.len;) {
        struct slice name = slice_cut(&rest, '\n');
        if (!name.len)
            continue;
        text_add_str(&in->report, "  ");
        fidelity_add_shown(&in->report, name);
        text_add_str(&in->report, ": not taken over\n");
    }
    text_addf(&in->report, "  %zu ftp sites; %zu other sites are kept and ignored\n", in->fidelity.ftp_sites,
              in->fidelity.other_sites);
}

static void doubts(struct import *in)
{
    if (!in->doubts.count)
        return;
    heading(&in->report, "What the service would say besides", in->doubts.count);
    for (size_t i = 0; i < in->doubts.count; i++)
        text_addf(&in->report, "  %s\n", in->doubts.items[i].text ? in->doubts.items[i].text : "");
}

static void totals(struct import *in)
{
    const struct fidelity *f = &in->fidelity;
    text_addf(&in->report, "\n%zu attributes: %zu enforced, %zu translated, %zu need a decision, %zu are not FTP, %zu frame the "
              "file. %zu comments kept.", f->attributes, f->fates[FATE_ENFORCED], f->fates[FATE_TRANSLATED],
              f->fates[FATE_DECISION], f->fates[FATE_NOT_FTP], f->fates[FATE_FRAME], f->comments);
}

int import_write_report(struct import *in)
{
    struct fidelity *f = &in->fidelity;
    sources(in);
    items(in, FATE_DECISION, "Needs a decision");
    doubts(in);
    items(in, FATE_TRANSLATED, "Translated");
    paths(in);
    accounts(in, &f->users, false, "Users in rules");
    accounts(in, &f->roles, true, "Roles in rules");
    managers(in);
    names(in, &f->hashes, "Certificates that are not in the stores", "");
    names(in, &f->protectors, "Providers of encrypted values", ": its key stays on the machine that the files come from; the values are kept as they are");
    names(in, &f->foreign, "Kept and ignored, because not FTP", "");
    items(in, FATE_ENFORCED, "Enforced as they stand");
    totals(in);
    return text_error(&in->report) || f->err ? cli_failed(in->c, 14, "%s", err_text(ERR_NOMEM)) : EXIT_OK;
}
