/* table.c - what the command line knows: every object, every verb, every parameter with a name of its own. */
#include "cli/table.h"

#include "base/text.h"

const struct object_row object_rows[] = {
    { "site",        "sites",        "SITE",        "FTP sites" },
    { "app",         "apps",         "APP",         "applications of a site" },
    { "vdir",        "vdirs",        "VDIR",        "virtual directories" },
    { "config",      "configs",      "CONFIG",      "configuration sections at any path" },
    { "backup",      "backups",      "BACKUP",      "copies of the configuration files" },
    { "user",        "users",        "USER",        "IIS Manager users and their permission for sites" },
    { "certificate", "certificates", "CERTIFICATE", "certificates in the stores of the instance" },
    { "session",     "sessions",     "SESSION",     "FTP sessions of the running service" },
    { "log",         "logs",         "LOG",         "log files of the running service" },
    { "cache",       "caches",       "CACHE",       "caches of the running service" },
    { "instance",    "instances",    "INSTANCE",    "a configuration directory" },
};
const size_t object_row_count = sizeof object_rows / sizeof object_rows[0];

#define SITE_PROPERTIES "any other property of a site, e.g. /ftpServer.security.ssl.controlChannelPolicy:SslAllow"
#define COMMIT_HELP "a level (apphost, site ...) or a path that exists; FTP settings can stand in applicationHost.config only"
#define COMMIT { "commit", "PATH", COMMIT_HELP }

/* clang-format off */
const struct verb_row verb_rows[] = {
    { "list", "site", MAY_IDENTIFY, "site name", TAKES_FILTERS, site_list,
      "List sites, their bindings and whether they run.",
      {{ "attribute", "VALUE", "only sites whose attribute has this value: /state:Started, /serverAutoStart:false" }} },
    { "add", "site", MAY_IDENTIFY, "site name", TAKES_EDITS, site_add,
      "Add a site.  With /physicalPath it gets the application / and the virtual directory / as well.",
      {{ "name", "NAME", "name of the site" },
       { "id", "NUMBER", "number of the site, the next free one if left out" },
       { "bindings", "LIST", "protocol/address:port:host, joined by commas: ftp/*:21: or ftp://*:21" },
       { "physicalPath", "PATH", "folder of the root, %SystemDrive%\\inetpub\\ftproot or a Linux path" },
       COMMIT, { "property", "VALUE", SITE_PROPERTIES }} },
    { "set", "site", MUST_IDENTIFY, "site name", TAKES_EDITS, site_set,
      "Change properties of a site.",
      {{ "name", "NAME", "new name" },
       { "id", "NUMBER", "new number; the log folder is named after it" },
       { "bindings", "LIST", "replaces all bindings" },
       COMMIT, { "property", "VALUE", SITE_PROPERTIES }} },
    { "delete", "site", MUST_IDENTIFY, "site name", TAKES_PARAMS, site_delete,
      "Delete a site.  Location tags of its paths stay, as in IIS.", { COMMIT } },
    { "start", "site", MUST_IDENTIFY, "site name", TAKES_PARAMS, site_start,
      "Start the FTP part of a site in the running service.", {{ 0 }} },
    { "stop", "site", MUST_IDENTIFY, "site name", TAKES_PARAMS, site_stop,
      "Stop the FTP part of a site in the running service; its sessions end.", {{ 0 }} },

    { "list", "app", MAY_IDENTIFY, "application, e.g. MySite/app", TAKES_FILTERS, app_list,
      "List applications.", {{ "site.name", "SITE", "only those of this site" }} },
    { "add", "app", NO_IDENTIFIER, "", TAKES_EDITS, app_add,
      "Add an application to a site.",
      {{ "site.name", "SITE", "the site" }, { "path", "PATH", "virtual path, e.g. /app" },
       { "physicalPath", "PATH", "also adds its virtual directory /" }, COMMIT }},
    { "set", "app", MUST_IDENTIFY, "application, e.g. MySite/app", TAKES_EDITS, app_set,
      "Change properties of an application.", { COMMIT }},
    { "delete", "app", MUST_IDENTIFY, "application, e.g. MySite/app", TAKES_PARAMS, app_delete,
      "Delete an application and its virtual directories.", { COMMIT }},

    { "list", "vdir", MAY_IDENTIFY, "virtual directory, e.g. MySite/pub", TAKES_FILTERS, vdir_list,
      "List virtual directories.", {{ "app.name", "APP", "only those of this application" }} },
    { "add", "vdir", NO_IDENTIFIER, "", TAKES_EDITS, vdir_add,
      "Add a virtual directory to an application.",
      {{ "app.name", "APP", "the application, \"MySite/\" for the root one" }, { "path", "PATH", "virtual path, e.g. /pub" },
       { "physicalPath", "PATH", "the folder" }, COMMIT }},
    { "set", "vdir", MUST_IDENTIFY, "virtual directory, e.g. MySite/pub", TAKES_EDITS, vdir_set,
      "Change properties of a virtual directory: /physicalPath, /userName, /password.", { COMMIT }},
    { "delete", "vdir", MUST_IDENTIFY, "virtual directory, e.g. MySite/pub", TAKES_PARAMS, vdir_delete,
      "Delete a virtual directory; the folder itself stays.", { COMMIT }},

    { "list", "config", MAY_IDENTIFY, "configuration path, e.g. MySite/pub", TAKES_PARAMS, config_list,
      "Show what a section sets at a path, as XML; with /config:* what is effective there.",
      {{ "section", "SECTION", "the section, ? lists their names; all when left out" }} },
    { "set", "config", MAY_IDENTIFY, "configuration path, e.g. MySite/pub", TAKES_EDITS, config_set,
      "Edit a section at a path.  /property:value sets, /+path.[key='x'] adds, /-path.[key='x'] removes.",
      {{ "section", "SECTION", "the section, ? lists their names; with -? its properties are listed" }, COMMIT,
       { "property", "VALUE", "one or more edits, carried out in order or not at all" }} },
    { "clear", "config", MAY_IDENTIFY, "configuration path, e.g. MySite/pub", TAKES_PARAMS, config_clear,
      "Remove what a section sets at a path.",
      {{ "section", "SECTION", "the section" }, { "delete", "", "the section's element as well, with tags that are empty without it" }, COMMIT }},
    { "search", "config", MAY_IDENTIFY, "configuration path, e.g. MySite/pub", TAKES_EDITS, config_search,
      "Find the paths at or below one that set something.",
      {{ "section", "SECTION", "the section; any when left out" },
       { "property", "[VALUE]", "only where it is set (to this value)" } }},
    { "reset", "config", MAY_IDENTIFY, "configuration path, e.g. MySite/pub", TAKES_PARAMS, config_reset,
      "Undo every edit of a section at a path; at the server it becomes what a fresh instance has.",
      {{ "section", "SECTION", "the section" }, COMMIT }},
    { "migrate", "config", MAY_IDENTIFY, "configuration path, e.g. MySite/pub", TAKES_PARAMS, config_migrate,
      "Bring old forms of sections to the present one; FTP's have only one.", {{ "section", "SECTION", "the section" }, COMMIT }},
    { "lock", "config", MAY_IDENTIFY, "configuration path, e.g. MySite/pub", TAKES_PARAMS, config_lock,
      "Forbid deeper levels to change a section.", {{ "section", "SECTION", "the section" }, COMMIT }},
    { "unlock", "config", MAY_IDENTIFY, "configuration path, e.g. MySite/pub", TAKES_PARAMS, config_unlock,
      "Allow deeper levels to change a section.", {{ "section", "SECTION", "the section" }, COMMIT }},

    { "list", "backup", MAY_IDENTIFY, "backup name", TAKES_FILTERS, backup_list,
      "List backups, and the copies that the service keeps (configHistory).", {{ 0 }} },
    { "add", "backup", MAY_IDENTIFY, "backup name", TAKES_PARAMS, backup_add,
      "Copy the configuration files; the name is the time when none is given.", {{ "name", "NAME", "name of the backup" }} },
    { "restore", "backup", MUST_IDENTIFY, "backup name", TAKES_PARAMS, backup_restore,
      "Put the configuration files back; the running service takes them over.",
      {{ "stop", "BOOL", "true: the started sites stop, ending their sessions, and start again behind it; false if left out" }} },
    { "delete", "backup", MUST_IDENTIFY, "backup name", TAKES_PARAMS, backup_delete,
      "Delete a backup.", {{ 0 }} },

    { "list", "user", MAY_IDENTIFY, "user name", TAKES_FILTERS, user_list,
      "List IIS Manager users and the sites they may connect to.",
      {{ "site", "SITE", "only those who are allowed for this site" }} },
    { "add", "user", MUST_IDENTIFY, "user name", TAKES_PARAMS, user_add,
      "Add an IIS Manager user.  The password is asked for, or read as one line from standard input.",
      {{ "enabled", "BOOL", "false: may not log in yet" },
       { "password", "PASSWORD", "needs /allowPasswordArgument: other users of this machine can see it" },
       { "allowPasswordArgument", "", "take the password from the command line" }} },
    { "set", "user", MUST_IDENTIFY, "user name", TAKES_PARAMS, user_set,
      "Change an IIS Manager user.",
      {{ "enabled", "BOOL", "false: may not log in" },
       { "password", "[PASSWORD]", "without a value it is asked for, or read from standard input" },
       { "allowPasswordArgument", "", "take the password from the command line" }} },
    { "delete", "user", MUST_IDENTIFY, "user name", TAKES_PARAMS, user_delete,
      "Delete an IIS Manager user; the permissions for sites stay, as in IIS, unless /permissions is given.",
      {{ "permissions", "", "remove those as well" }} },
    { "allow", "user", MUST_IDENTIFY, "user name", TAKES_PARAMS, user_allow,
      "Let a user connect to a site (IIS Manager Permissions).",
      {{ "site", "SITE", "the site or application, e.g. MySite" },
       { "role", "", "the name is a group" }} },
    { "deny", "user", MUST_IDENTIFY, "user name", TAKES_PARAMS, user_deny,
      "Take the permission for a site away.", {{ "site", "SITE", "the site or application, e.g. MySite" }} },

    { "list", "certificate", MAY_IDENTIFY, "thumbprint", TAKES_FILTERS, certificate_list,
      "List certificates: thumbprint, subject, issuer, expiry, whether the key is there, which sites use it.",
      {{ "store", "STORE", "MY, WebHosting, Root, CA, NTAuth or Disallowed; all when left out" }} },
    { "add", "certificate", MAY_IDENTIFY, "file", TAKES_PARAMS, certificate_add,
      "Import a certificate from a PEM, DER or PFX file, or make one for trial.",
      {{ "file", "PATH", "the file; a pass phrase is asked for, or read from standard input" },
       { "key", "PATH", "PEM file of the private key, if it stands apart" },
       { "selfSigned", "HOST", "make a self-signed certificate for this host name or address" },
       { "days", "NUMBER", "how long a self-signed certificate is valid, 365 if left out" },
       { "store", "STORE", "MY (the default), WebHosting, Root, CA, NTAuth or Disallowed" }} },
    { "delete", "certificate", MUST_IDENTIFY, "thumbprint", TAKES_PARAMS, certificate_delete,
      "Delete a certificate and its key from a store.",
      {{ "store", "STORE", "MY if left out" }, { "force", "", "even if a site uses it" }} },

    { "test", "certificate", MUST_IDENTIFY, "file", TAKES_PARAMS, certificate_rehearse,
      "Ask the running service whether a client with this certificate would be let in, step by step; nobody is logged in.",
      {{ "site", "SITE", "the site" },
       { "at", "TIME", "judge at another time: 2030-01-31, 2030-01-31T12:00:00Z (UTC)" },
       { "user", "NAME", "what the client sends with USER; whoever the certificate names if left out" },
       { "from", "ADDRESS", "where it comes from, 127.0.0.1 if left out" }} },

    { "list", "session", MAY_IDENTIFY, "session GUID", TAKES_FILTERS, session_list,
      "List the FTP sessions of the running service.", {{ "site.name", "SITE", "only those of this site" }} },
    { "delete", "session", MUST_IDENTIFY, "session GUID", TAKES_PARAMS, session_delete,
      "End an FTP session.", {{ 0 }} },
    { "flush", "log", NO_IDENTIFIER, "", TAKES_PARAMS, service_flush_log,
      "Write buffered log lines to the files.", {{ "site.name", "SITE", "only of this site" }} },
    { "flush", "cache", NO_IDENTIFIER, "", TAKES_PARAMS, service_flush_cache,
      "Forget cached credentials.", {{ 0 }} },
    { "create", "instance", NO_IDENTIFIER, "", TAKES_PARAMS, instance_create,
      "Make the directory of --config an instance: the files a fresh IIS with FTP has, certificate stores, a drive.",
      {{ "drive", "C:=PATH...", "Linux folder that is drive C:; a folder c in the instance if left out" }} },
    { "import", "", MUST_IDENTIFY, "folder or applicationHost.config", TAKES_PARAMS, import_run,
      "Make an instance from a copied %windir%\\System32\\inetsrv\\config folder, and report what becomes of each setting.",
      {{ "dry-run", "", "only report; nothing is changed" },
       { "to", "DIR", "the instance to make; that of --config if left out" },
       { "replace", "", "an instance that is there is replaced, its files are kept as *.before-import" },
       { "map", "FILE", "where drives, shares and variables lie: lines like D: = /srv/d, \\\\filer\\x = /mnt/x, %X% = D:\\x" },
       { "drive", "D:=PATH...", "one such line" },
       { "share", "SHARE=PATH...", "the same for \\\\server\\share" },
       { "variable", "NAME=VALUE...", "the same for %NAME%" }} },
    { "export", "", MUST_IDENTIFY, "folder", TAKES_PARAMS, export_run,
      "Write IIS's files of the instance into a new folder, for a Windows server or for a comparison.", {{ 0 }} },
    { "explain", "", NO_IDENTIFIER, "", TAKES_PARAMS, explain_run,
      "Tell every check that a user's command passes, in the service's order, and the line of the configuration that decides.",
      {{ "site", "SITE", "the site" },
       { "user", "NAME", "what the client sends with USER" },
       { "cert", "FILE", "the client's certificate; the running service is asked about it" },
       { "role", "ROLE...", "a group of the user, when only a directory or database knows them" },
       { "from", "ADDRESS", "where the client comes from; without it ipSecurity is not asked" },
       { "path", "PATH", "what the command names" },
       { "verb", "VERB", "the command, LIST if only a path is given; without both only the login is explained" },
       { "session", "ID", "instead: what the running service logged about this session" }} },
    { "check", "", NO_IDENTIFIER, "", TAKES_PARAMS, service_check,
      "Validate the configuration as the service would.", {{ 0 }} },
    { "status", "", NO_IDENTIFIER, "", TAKES_PARAMS, service_status,
      "Show the programs of the running service and its sites.", {{ 0 }} },
    { "run", "", MUST_IDENTIFY, "file", TAKES_PARAMS, run_file,
      "Carry out a Windows batch file of appcmd lines; stops at the first error.",
      {{ "atomic", "", "all lines or none: nothing is written when one fails; also --atomic" }} },
    { "version", "", NO_IDENTIFIER, "", TAKES_PARAMS, service_version,
      "Show the version.", {{ 0 }} },
    { "complete", "", NO_IDENTIFIER, "", TAKES_PARAMS, help_completion, NULL, {{ 0 }} },
};
/* clang-format on */
const size_t verb_row_count = sizeof verb_rows / sizeof verb_rows[0];

const struct object_row *object_find(struct slice word)
{
    for (size_t i = 0; i < object_row_count; i++)
        if (slice_equal_fold_str(word, object_rows[i].name) || slice_equal_fold_str(word, object_rows[i].plural))
            return &object_rows[i];
    return NULL;
}

const struct verb_row *verb_find(struct slice verb, const struct object_row *object)
{
    const char *wanted = object ? object->name : "";
    for (size_t i = 0; i < verb_row_count; i++)
        if (slice_equal_fold_str(verb, verb_rows[i].verb) && strcmp(verb_rows[i].object, wanted) == 0)
            return &verb_rows[i];
    return NULL;
}

/* A list of what may, so that a verb which comes later has no place in --atomic until somebody thought of it. */
bool verb_can_be_undone(const struct verb_row *row)
{
    static const char *const reading[] = { "list", "search", "version" };
    static const char *const edited[] = { "site", "app", "vdir", "config", "user" };
    for (size_t i = 0; i < sizeof reading / sizeof reading[0]; i++)
        if (strcmp(row->verb, reading[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof edited / sizeof edited[0]; i++)
        if (strcmp(row->object, edited[i]) == 0)
            return strcmp(row->verb, "start") != 0 && strcmp(row->verb, "stop") != 0;
    return false;
}

const struct verb_row *verb_find_any(struct slice verb)
{
    for (size_t i = 0; i < verb_row_count; i++)
        if (slice_equal_fold_str(verb, verb_rows[i].verb))
            return &verb_rows[i];
    return NULL;
}

/* "attribute" and "property" stand in the rows for help only. */
static bool is_placeholder(const char *name)
{
    return strcmp(name, "attribute") == 0 || strcmp(name, "property") == 0;
}

const struct verb_param *verb_param_find(const struct verb_row *row, struct slice name)
{
    for (size_t i = 0; i < VERB_PARAMS && row->params[i].name; i++)
        if (slice_equal_fold_str(name, row->params[i].name) && !is_placeholder(row->params[i].name))
            return &row->params[i];
    return NULL;
}

/* ---- what every object knows ---- */

static bool is_one_of(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}
#define IS_ONE_OF(word, ...)                                                                                           \
    is_one_of(word, (const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static bool stands_in_files(const struct verb_row *row)
{
    return IS_ONE_OF(row->object, "site", "app", "vdir", "config", "user");
}

static bool prints_objects(const struct verb_row *row)
{
    return IS_ONE_OF(row->verb, "list", "search");
}

static bool prints_objects_or_new_one(const struct verb_row *row)
{
    return prints_objects(row) || row->run == certificate_add;
}

static bool prints_configuration(const struct verb_row *row)
{
    return strcmp(row->verb, "list") == 0 && stands_in_files(row);
}

/* start and stop are orders to the service, which has its own file; each line of a batch file names its own. */
static bool opens_configuration(const struct verb_row *row)
{
    return (stands_in_files(row) && !IS_ONE_OF(row->verb, "start", "stop")) || row->run == export_run ||
           row->run == certificate_list || row->run == certificate_delete;
}

static bool has_objects(const struct verb_row *row)
{
    return row->object[0] != 0 && !IS_ONE_OF(row->object, "instance", "log", "cache");
}

static bool any_verb(const struct verb_row *row)
{
    return row->run != NULL;
}

static const struct {
    struct verb_param param;
    bool (*has_effect)(const struct verb_row *row);
} general_params[] = {
    { { "text", "[ATTRIBUTE]", "one line per object (default); * all properties; or only the value of one" }, prints_objects_or_new_one },
    { { "xml", "", "an XML result set" }, prints_objects },
    { { "config", "[*]", "the configuration XML of the objects; * with inherited and default values" }, prints_configuration },
    { { "metadata", "", "add lock state and location to /config" }, prints_configuration },
    { { "in", "", "read the objects as XML from standard input, also -" }, has_objects },
    { { "commit", "PATH", COMMIT_HELP }, stands_in_files },
    { { "apphostconfig", "FILE", "another applicationHost.config than the instance's" }, opens_configuration },
    { { "debug", "[BOOL]", "show the files, the section and the path worked on" }, any_verb },
};

const struct verb_param *general_param_find(struct slice name)
{
    for (size_t i = 0; i < sizeof general_params / sizeof general_params[0]; i++)
        if (slice_equal_fold_str(name, general_params[i].param.name))
            return &general_params[i].param;
    return NULL;
}

bool general_param_has_effect(const struct verb_param *param, const struct verb_row *row)
{
    for (size_t i = 0; i < sizeof general_params / sizeof general_params[0]; i++)
        if (param == &general_params[i].param)
            return general_params[i].has_effect(row);
    return true;
}
