/* connection.c - see connection.h. */
#include "membership/connection.h"

/* What becomes of a keyword: an ODBC keyword; DROPPED: it has a meaning for pools and libraries that are not here;
 * REFUSED: leaving it out would change who logs in where. */
enum fate { KEPT, SERVER, ENCRYPT, DROPPED, REFUSED, REFUSED_WHEN_TRUE };

struct keyword {
    const char *ado;
    enum fate fate;
    const char *odbc;
};

static const char no_windows_login[] = "there is no Windows login here: give User ID and Password of a database login";

static const struct keyword sql_server[] = {
    { "Data Source", SERVER, "Server" },          { "Server", SERVER, "Server" },
    { "Address", SERVER, "Server" },              { "Addr", SERVER, "Server" },
    { "Network Address", SERVER, "Server" },      { "Initial Catalog", KEPT, "Database" },
    { "Database", KEPT, "Database" },             { "User ID", KEPT, "UID" },
    { "UID", KEPT, "UID" },                       { "User", KEPT, "UID" },
    { "Password", KEPT, "PWD" },                  { "PWD", KEPT, "PWD" },
    { "Encrypt", ENCRYPT, NULL },                 { "TrustServerCertificate", KEPT, "TrustServerCertificate" },
    { "Application Name", KEPT, "APP" },          { "App", KEPT, "APP" },
    { "Integrated Security", REFUSED_WHEN_TRUE, no_windows_login },
    { "Trusted_Connection", REFUSED_WHEN_TRUE, no_windows_login },
    { "User Instance", REFUSED_WHEN_TRUE, "attach the database to a server" },
    { "AttachDbFilename", REFUSED, "attach the database to a server" },
    { "Extended Properties", REFUSED, "attach the database to a server" },
    { "Initial File Name", REFUSED, "attach the database to a server" },
    { "Connect Timeout", DROPPED, NULL },         { "Connection Timeout", DROPPED, NULL },
    { "Timeout", DROPPED, NULL },                 { "Pooling", DROPPED, NULL },
    { "Max Pool Size", DROPPED, NULL },           { "Min Pool Size", DROPPED, NULL },
    { "Connection Lifetime", DROPPED, NULL },     { "Load Balance Timeout", DROPPED, NULL },
    { "Persist Security Info", DROPPED, NULL },   { "PersistSecurityInfo", DROPPED, NULL },
    { "MultipleActiveResultSets", DROPPED, NULL }, { "Asynchronous Processing", DROPPED, NULL },
    { "Packet Size", DROPPED, NULL },             { "Workstation ID", DROPPED, NULL },
    { "WSID", DROPPED, NULL },                    { "Current Language", DROPPED, NULL },
    { "Enlist", DROPPED, NULL },                  { "Network Library", DROPPED, NULL },
    { "Net", DROPPED, NULL },                     { NULL, DROPPED, NULL },
};

static const struct keyword npgsql[] = {
    { "Host", KEPT, "Server" },       { "Server", KEPT, "Server" },      { "Port", KEPT, "Port" },
    { "Database", KEPT, "Database" }, { "DB", KEPT, "Database" },        { "Username", KEPT, "UID" },
    { "User Name", KEPT, "UID" },     { "User ID", KEPT, "UID" },        { "UserId", KEPT, "UID" },
    { "UID", KEPT, "UID" },           { "Password", KEPT, "PWD" },       { "PWD", KEPT, "PWD" },
    { "SSL Mode", KEPT, "SSLmode" },  { "SslMode", KEPT, "SSLmode" },    { "Timeout", DROPPED, NULL },
    { "Command Timeout", DROPPED, NULL }, { "CommandTimeout", DROPPED, NULL }, { "Pooling", DROPPED, NULL },
    { "Minimum Pool Size", DROPPED, NULL }, { "Maximum Pool Size", DROPPED, NULL },
    { "Integrated Security", REFUSED_WHEN_TRUE, no_windows_login }, { NULL, DROPPED, NULL },
};

static const struct keyword sqlite[] = {
    { "Data Source", KEPT, "Database" }, { "DataSource", KEPT, "Database" }, { "Version", DROPPED, NULL },
    { "Pooling", DROPPED, NULL },        { "Journal Mode", DROPPED, NULL },  { "New", DROPPED, NULL },
    { "Password", REFUSED, "encrypted SQLite files cannot be read" },        { NULL, DROPPED, NULL },
};

static const struct dialect {
    const char *provider;
    const struct keyword *keywords; /* NULL: the string is one of ODBC */
    size_t driver;                  /* offset in struct connection_drivers */
} dialects[] = {
    { "", sql_server, offsetof(struct connection_drivers, sql_server) },
    { "System.Data.SqlClient", sql_server, offsetof(struct connection_drivers, sql_server) },
    { "Microsoft.Data.SqlClient", sql_server, offsetof(struct connection_drivers, sql_server) },
    { "Npgsql", npgsql, offsetof(struct connection_drivers, postgres) },
    { "System.Data.SQLite", sqlite, offsetof(struct connection_drivers, sqlite) },
    { "Microsoft.Data.Sqlite", sqlite, offsetof(struct connection_drivers, sqlite) },
    { "System.Data.Odbc", NULL, 0 },
};

static bool is_true(struct slice value)
{
    return slice_equal_fold_str(value, "true") || slice_equal_fold_str(value, "yes") || slice_equal_fold_str(value, "sspi");
}

/* Some drivers take the braces as part of the value: only where they are needed. */
static bool needs_braces(struct slice value)
{
    for (size_t i = 0; i < value.len; i++)
        if (strchr(";{}[]()=!@?*,", value.ptr[i]))
            return true;
    return value.len && (value.ptr[0] == ' ' || value.ptr[value.len - 1] == ' ');
}

static void add_value(struct text *out, const char *keyword, struct slice value)
{
    if (!needs_braces(value)) {
        text_addf(out, "%s=" SLICE_FMT ";", keyword, SLICE_ARG(value));
        return;
    }
    text_addf(out, "%s={", keyword);
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '}')
            text_add_char(out, '}');
        text_add_char(out, value.ptr[i]);
    }
    text_add_str(out, "};");
}

/* "tcp:HOST,PORT" and "HOST\INSTANCE": FreeTDS takes HOST\INSTANCE, and the port by itself. */
static void add_server(struct text *out, struct slice value)
{
    if (slice_starts_fold(value, SLICE_LITERAL("tcp:")))
        value = slice_from(value, 4);
    struct slice rest = value, host = slice_trim(slice_cut(&rest, ','));
    if (slice_equal_str(host, ".") || slice_equal_fold_str(host, "(local)"))
        host = SLICE_LITERAL("localhost");
    add_value(out, "Server", host);
    if (rest.ptr)
        text_addf(out, "Port=" SLICE_FMT ";", SLICE_ARG(slice_trim(rest)));
    else if (!slice_has_byte(host, '\\'))
        text_add_str(out, "Port=1433;");
}

/* FreeTDS and Microsoft's driver have a word each. */
static void add_encryption(struct text *out, struct slice value)
{
    bool off = slice_equal_fold_str(value, "false") || slice_equal_fold_str(value, "no") ||
               slice_equal_fold_str(value, "optional");
    text_add_str(out, off ? "Encryption=off;Encrypt=no;" : "Encryption=require;Encrypt=yes;");
}

/* Cut "key = value" off; quotes around the value are taken off, doubled ones inside become one.  False: nothing left. */
static bool next_pair(struct slice *rest, struct slice *key_out, struct text *value_out)
{
    while (rest->len && (*rest->ptr == ';' || *rest->ptr == ' ' || *rest->ptr == '\t' || *rest->ptr == '\r' || *rest->ptr == '\n'))
        *rest = slice_from(*rest, 1);
    if (!rest->len)
        return false;
    size_t equals = slice_find(*rest, '=');
    *key_out = slice_trim(slice_first(*rest, equals == SIZE_MAX ? rest->len : equals));
    *rest = equals == SIZE_MAX ? slice_from(*rest, rest->len) : slice_from(*rest, equals + 1);
    while (rest->len && *rest->ptr == ' ')
        *rest = slice_from(*rest, 1);
    text_reset(value_out);
    if (!rest->len || (*rest->ptr != '"' && *rest->ptr != '\'')) {
        size_t end = slice_find(*rest, ';');
        text_add(value_out, slice_trim(slice_first(*rest, end == SIZE_MAX ? rest->len : end)));
        *rest = slice_from(*rest, end == SIZE_MAX ? rest->len : end);
        return true;
    }
    char quote = *rest->ptr;
    for (*rest = slice_from(*rest, 1); rest->len; *rest = slice_from(*rest, 1)) {
        if (*rest->ptr == quote && !(rest->len > 1 && rest->ptr[1] == quote))
            break;
        if (*rest->ptr == quote)
            *rest = slice_from(*rest, 1);
        text_add_char(value_out, *rest->ptr);
    }
    size_t end = slice_find(*rest, ';');
    *rest = slice_from(*rest, end == SIZE_MAX ? rest->len : end);
    return true;
}

static int add_pair(const struct dialect *dialect, struct slice key, struct slice value, struct text *out, struct diag *d)
{
    const struct keyword *k = dialect->keywords;
    while (k->ado && !slice_equal_fold_str(key, k->ado))
        k++;
    if (!k->ado) {
        diag_set(d, "connection string: \"" SLICE_FMT "\" is not known", SLICE_ARG(slice_first(key, 60)));
        diag_todo(d, "Remove it, or write an ODBC connection string and providerName=\"System.Data.Odbc\".");
        return ERR_UNSUPPORTED;
    }
    if (k->fate == REFUSED || (k->fate == REFUSED_WHEN_TRUE && is_true(value))) {
        diag_set(d, "connection string: %s cannot be used", k->ado);
        diag_todo(d, "%s", k->odbc);
        return ERR_UNSUPPORTED;
    }
    if (k->fate == SERVER)
        add_server(out, value);
    else if (k->fate == ENCRYPT)
        add_encryption(out, value);
    else if (k->fate == KEPT)
        add_value(out, k->odbc, value);
    return 0;
}

int connection_string(struct slice provider, struct slice ado, const struct connection_drivers *drivers, struct text *out,
                      struct diag *d)
{
    const struct dialect *dialect = NULL;
    OWNED_TEXT_BUFFER value = { 0 };
    struct slice key;
    for (size_t i = 0; i < sizeof dialects / sizeof dialects[0]; i++)
        if (slice_equal_fold_str(provider, dialects[i].provider))
            dialect = &dialects[i];
    if (!dialect) {
        diag_set(d, "connection string: providerName \"" SLICE_FMT "\" is not known", SLICE_ARG(slice_first(provider, 60)));
        diag_todo(d, "Use System.Data.SqlClient, Npgsql, System.Data.SQLite or System.Data.Odbc.");
        return ERR_UNSUPPORTED;
    }
    if (slice_is_empty(slice_trim(ado))) {
        diag_set(d, "connection string: it is empty");
        return ERR_SYNTAX;
    }
    if (!dialect->keywords) {
        text_add(out, ado);
        return text_error(out);
    }
    const struct slice *driver = (const void *)((const char *)drivers + dialect->driver);
    text_addf(out, "Driver={" SLICE_FMT "};", SLICE_ARG(*driver));
    for (struct slice rest = ado; next_pair(&rest, &key, &value);) {
        int err = text_error(&value);
        if (!err)
            err = add_pair(dialect, key, text_slice(&value), out, d);
        if (err)
            return err;
    }
    return text_error(out);
}
