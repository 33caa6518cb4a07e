/* store.c - see store.h. */
#include "membership/store.h"

#include <sql.h>
#include <sqlext.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/secret.h"
#include "membership/hash.h"

enum { NAME_MAX_BYTES = 256 * 4 /* nvarchar(256) */, CELL_BYTES = 1024, CONNECT_SECONDS = 10, PARAMETERS_MAX = 6 };

struct database {
    SQLHDBC handle; /* SQL_NULL_HDBC: not connected */
    bool quotes;    /* the tables were made with quoted names */
};

struct store {
    const struct store_settings *settings;
    SQLHENV environment;
    struct database users, roles; /* roles: only when its connection is another */
};

/* ---- the queries ---- */

/* $name$ is a table or column: quoted where the database was made so.  Everything is looked up through the two names and
 * never by the ids, since drivers disagree about the type of a parameter that holds a GUID. */
#define USER_ROW                                                                                                       \
    " IN (SELECT u.$UserId$ FROM $aspnet_Users$ u JOIN $aspnet_Applications$ a ON a.$ApplicationId$ = u.$ApplicationId$ " \
    "WHERE a.$LoweredApplicationName$ = LOWER(?) AND u.$LoweredUserName$ = LOWER(?))"

static const char probe_query[] = "SELECT $UserId$ FROM $aspnet_Users$ WHERE 1 = 0";
static const char find_query[] =
    "SELECT u.$UserName$, m.$Password$, m.$PasswordFormat$, m.$PasswordSalt$, m.$IsApproved$, m.$IsLockedOut$ "
    "FROM $aspnet_Membership$ m JOIN $aspnet_Users$ u ON u.$UserId$ = m.$UserId$ "
    "JOIN $aspnet_Applications$ a ON a.$ApplicationId$ = u.$ApplicationId$ "
    "WHERE a.$LoweredApplicationName$ = LOWER(?) AND u.$LoweredUserName$ = LOWER(?)";
static const char roles_query[] =
    "SELECT r.$RoleName$ FROM $aspnet_Roles$ r JOIN $aspnet_UsersInRoles$ i ON i.$RoleId$ = r.$RoleId$ "
    "JOIN $aspnet_Users$ u ON u.$UserId$ = i.$UserId$ JOIN $aspnet_Applications$ a ON a.$ApplicationId$ = u.$ApplicationId$ "
    "WHERE a.$LoweredApplicationName$ = LOWER(?) AND u.$LoweredUserName$ = LOWER(?) ORDER BY r.$RoleName$";
static const char failed_query[] =
    "UPDATE $aspnet_Membership$ SET "
    "$FailedPasswordAttemptCount$ = CASE WHEN $FailedPasswordAttemptWindowStart$ < ? THEN 1 "
    "ELSE $FailedPasswordAttemptCount$ + 1 END, $FailedPasswordAttemptWindowStart$ = ? WHERE $UserId$" USER_ROW;
static const char lock_query[] =
    "UPDATE $aspnet_Membership$ SET $IsLockedOut$ = ?, $LastLockoutDate$ = ? "
    "WHERE $FailedPasswordAttemptCount$ >= ? AND $UserId$" USER_ROW;
static const char succeeded_query[] =
    "UPDATE $aspnet_Membership$ SET $LastLoginDate$ = ?, $FailedPasswordAttemptCount$ = 0, "
    "$FailedPasswordAttemptWindowStart$ = ? WHERE $UserId$" USER_ROW;
static const char active_query[] = "UPDATE $aspnet_Users$ SET $LastActivityDate$ = ? WHERE $UserId$" USER_ROW;

static void write_query(const struct database *db, const char *query, struct text *out)
{
    bool inside = false;
    for (; *query; query++) {
        if (*query != '$') {
            text_add_char(out, *query);
        } else {
            inside = !inside;
            if (db->quotes)
                text_add_char(out, '"');
        }
    }
}

/* ---- errors ---- */

/* The driver's own words; ODBC messages name tables and hosts, never the connection string. */
static int complain(struct diag *d, const char *what, SQLSMALLINT type, SQLHANDLE handle)
{
    SQLCHAR state[6] = "", message[400] = "";
    SQLINTEGER native;
    SQLSMALLINT len;
    if (!SQL_SUCCEEDED(SQLGetDiagRec(type, handle, 1, state, &native, message, sizeof message, &len)))
        snprintf((char *)message, sizeof message, "no reason given");
    diag_set(d, "membership database: %s: %s (SQLSTATE %s)", what, message, state);
    return ERR_SYS;
}

/* ---- connections ---- */

static void disconnect(struct database *db)
{
    if (db->handle == SQL_NULL_HDBC)
        return;
    SQLDisconnect(db->handle);
    SQLFreeHandle(SQL_HANDLE_DBC, db->handle);
    db->handle = SQL_NULL_HDBC;
}

static bool is_dead(const struct database *db)
{
    SQLUINTEGER dead = SQL_CD_FALSE;
    return SQL_SUCCEEDED(SQLGetConnectAttr(db->handle, SQL_ATTR_CONNECTION_DEAD, &dead, sizeof dead, NULL)) &&
           dead == SQL_CD_TRUE;
}

/* ---- statements ---- */

struct parameter {
    struct slice text; /* unless the type says otherwise */
    SQLSMALLINT type;  /* SQL_VARCHAR, SQL_TYPE_TIMESTAMP, SQL_INTEGER, SQL_BIT */
    SQL_TIMESTAMP_STRUCT time;
    SQLINTEGER number;
    SQLLEN len;
};

static SQLRETURN bind(SQLHSTMT statement, SQLUSMALLINT number, struct parameter *p)
{
    switch (p->type) {
    case SQL_TYPE_TIMESTAMP:
        return SQLBindParameter(statement, number, SQL_PARAM_INPUT, SQL_C_TYPE_TIMESTAMP, SQL_TYPE_TIMESTAMP, 23, 3, &p->time,
                                sizeof p->time, NULL);
    case SQL_INTEGER:
        return SQLBindParameter(statement, number, SQL_PARAM_INPUT, SQL_C_SLONG, SQL_INTEGER, 10, 0, &p->number, 0, NULL);
    case SQL_BIT:
        p->number = !!p->number;
        return SQLBindParameter(statement, number, SQL_PARAM_INPUT, SQL_C_BIT, SQL_BIT, 1, 0, &p->number, 1, NULL);
    default:
        p->len = (SQLLEN)p->text.len;
        return SQLBindParameter(statement, number, SQL_PARAM_INPUT, SQL_C_CHAR, SQL_VARCHAR, p->text.len ? p->text.len : 1, 0,
                                (SQLPOINTER)(uintptr_t)p->text.ptr, (SQLLEN)p->text.len, &p->len);
    }
}

static int query(struct store *s, struct database *db, const char *sql, struct parameter *parameters, size_t count,
                 SQLHSTMT *statement_out, struct diag *d)
{
    OWNED_TEXT_BUFFER text = { 0 };
    SQLHSTMT statement;
    write_query(db, sql, &text);
    if (text_error(&text) || !SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_STMT, db->handle, &statement)))
        return complain(d, "no statement", SQL_HANDLE_DBC, db->handle);
    /* A driver without time-outs says so; then the connection's own must do. */
    SQLSetStmtAttr(statement, SQL_ATTR_QUERY_TIMEOUT, (SQLPOINTER)(uintptr_t)s->settings->command_seconds, 0);
    for (size_t i = 0; i < count; i++)
        if (!SQL_SUCCEEDED(bind(statement, (SQLUSMALLINT)(i + 1), &parameters[i]))) {
            complain(d, "parameter", SQL_HANDLE_STMT, statement);
            SQLFreeHandle(SQL_HANDLE_STMT, statement);
            return ERR_SYS;
        }
    SQLRETURN result = SQLExecDirect(statement, (SQLCHAR *)text.ptr, (SQLINTEGER)text.len);
    if (!SQL_SUCCEEDED(result) && result != SQL_NO_DATA) { /* NO_DATA: an UPDATE that met no row */
        complain(d, "query", SQL_HANDLE_STMT, statement);
        SQLFreeHandle(SQL_HANDLE_STMT, statement);
        return ERR_SYS;
    }
    *statement_out = statement;
    return 0;
}

static int run(struct store *s, struct database *db, const char *sql, struct parameter *parameters, size_t count, struct diag *d)
{
    SQLHSTMT statement;
    int err = query(s, db, sql, parameters, count, &statement, d);
    if (!err)
        SQLFreeHandle(SQL_HANDLE_STMT, statement);
    return err;
}

/* Which spelling of the names does the database know? */
static int probe(struct store *s, struct database *db, struct diag *d)
{
    struct diag first = { 0 }, second = { 0 };
    db->quotes = false;
    if (run(s, db, probe_query, NULL, 0, &first) == 0)
        return 0;
    db->quotes = true;
    int err = run(s, db, probe_query, NULL, 0, &second);
    if (err)
        *d = first;
    return err;
}

static int connect_to(struct store *s, struct database *db, struct slice connection, struct diag *d)
{
    if (db->handle != SQL_NULL_HDBC && !is_dead(db))
        return 0;
    disconnect(db);
    if (!SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_DBC, s->environment, &db->handle))) {
        db->handle = SQL_NULL_HDBC;
        return complain(d, "no connection", SQL_HANDLE_ENV, s->environment);
    }
    SQLSetConnectAttr(db->handle, SQL_ATTR_LOGIN_TIMEOUT, (SQLPOINTER)CONNECT_SECONDS, 0);
    SQLRETURN result = SQLDriverConnect(db->handle, NULL, (SQLCHAR *)(uintptr_t)connection.ptr, (SQLSMALLINT)connection.len,
                                        NULL, 0, NULL, SQL_DRIVER_NOPROMPT);
    if (!SQL_SUCCEEDED(result)) {
        complain(d, "cannot connect", SQL_HANDLE_DBC, db->handle);
        SQLFreeHandle(SQL_HANDLE_DBC, db->handle);
        db->handle = SQL_NULL_HDBC;
        return ERR_SYS;
    }
    int err = probe(s, db, d);
    if (err)
        disconnect(db);
    return err;
}

static int cell(SQLHSTMT statement, SQLUSMALLINT column, struct text *out, struct diag *d)
{
    char bytes[CELL_BYTES];
    SQLLEN len = 0;
    if (!SQL_SUCCEEDED(SQLGetData(statement, column, SQL_C_CHAR, bytes, sizeof bytes, &len)))
        return complain(d, "answer", SQL_HANDLE_STMT, statement);
    if (len >= (SQLLEN)sizeof bytes || len == SQL_NO_TOTAL) {
        diag_set(d, "membership database: column %u of the answer is too long", (unsigned)column);
        return ERR_TOO_LONG;
    }
    text_reset(out);
    text_add(out, len == SQL_NULL_DATA ? SLICE_NONE : slice_of(bytes, (size_t)len));
    secret_wipe(bytes, sizeof bytes);
    return text_error(out);
}

/* ---- one user ---- */

enum column { USER_NAME, PASSWORD, PASSWORD_FORMAT, PASSWORD_SALT, IS_APPROVED, IS_LOCKED_OUT, COLUMNS };

struct member {
    struct text cells[COLUMNS];
    bool found;
};

static void member_free(struct member *m)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        if (m->cells[i].ptr)
            secret_wipe(m->cells[i].ptr, m->cells[i].len);
        text_free(&m->cells[i]);
    }
}

/* The two names that every query ends with; the database lowers them, as the stored procedures of aspnet_regsql do. */
struct key {
    struct slice application, user;
};

static size_t key_put(const struct key *k, struct parameter *at)
{
    at[0] = (struct parameter){ .type = SQL_VARCHAR, .text = k->application };
    at[1] = (struct parameter){ .type = SQL_VARCHAR, .text = k->user };
    return 2;
}

static bool is_name(struct slice user)
{
    return user.len && user.len <= NAME_MAX_BYTES && slice_is_utf8(user) && !slice_has_control(user);
}

static struct parameter moment(time_t at)
{
    struct tm utc;
    gmtime_r(&at, &utc);
    return (struct parameter){ .type = SQL_TYPE_TIMESTAMP,
                               .time = { (SQLSMALLINT)(utc.tm_year + 1900), (SQLUSMALLINT)(utc.tm_mon + 1),
                                         (SQLUSMALLINT)utc.tm_mday, (SQLUSMALLINT)utc.tm_hour, (SQLUSMALLINT)utc.tm_min,
                                         (SQLUSMALLINT)utc.tm_sec, 0 } };
}

/* What the tables hold for "never": 1754-01-01. */
static struct parameter never(void)
{
    return (struct parameter){ .type = SQL_TYPE_TIMESTAMP, .time = { 1754, 1, 1, 0, 0, 0, 0 } };
}

static int find(struct store *s, const struct key *k, struct member *m, struct diag *d)
{
    struct parameter parameters[PARAMETERS_MAX];
    SQLHSTMT statement;
    int err = query(s, &s->users, find_query, parameters, key_put(k, parameters), &statement, d);
    if (err)
        return err;
    SQLRETURN result = SQLFetch(statement);
    m->found = SQL_SUCCEEDED(result);
    if (!m->found && result != SQL_NO_DATA)
        err = complain(d, "answer", SQL_HANDLE_STMT, statement);
    for (SQLUSMALLINT i = 0; m->found && !err && i < COLUMNS; i++)
        err = cell(statement, (SQLUSMALLINT)(i + 1), &m->cells[i], d);
    SQLFreeHandle(SQL_HANDLE_STMT, statement);
    return err;
}

static bool is_set(const struct text *cell)
{
    return cell->len && (cell->ptr[0] == 't' || cell->ptr[0] == 'T' || (cell->ptr[0] >= '1' && cell->ptr[0] <= '9'));
}

static bool password_fits(const struct store *s, const struct member *m, struct slice password, struct diag *d)
{
    static const char absent_salt[] = "AAECAwQFBgcICQoLDA0ODw==", absent_hash[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    if (!m->found) { /* the same work for a name that is not there (threats.md A01) */
        (void)membership_hash_matches(MEMBERSHIP_HASHED, s->settings->hash_algorithm, slice_str(absent_salt),
                                      slice_str(absent_hash), password);
        return false;
    }
    uint64_t format = 0;
    if (slice_to_u64(slice_trim(text_slice(&m->cells[PASSWORD_FORMAT])), MEMBERSHIP_ENCRYPTED, &format) ||
        format == MEMBERSHIP_ENCRYPTED) {
        diag_set(d, "membership user \"" SLICE_FMT "\": PasswordFormat " SLICE_FMT " (Encrypted) cannot be checked: the user "
                 "needs a new password in format Hashed", SLICE_ARG(text_slice(&m->cells[USER_NAME])),
                 SLICE_ARG(text_slice(&m->cells[PASSWORD_FORMAT])));
        return false;
    }
    return membership_hash_matches((enum membership_format)format, s->settings->hash_algorithm,
                                   text_slice(&m->cells[PASSWORD_SALT]), text_slice(&m->cells[PASSWORD]), password);
}

/* A wrong password counts, and locks at the limit.  For a name that is not there the same statements meet no row. */
static int count_failure(struct store *s, const struct key *k, struct diag *d)
{
    time_t now = time(NULL);
    struct parameter failed[PARAMETERS_MAX] = { moment(now - 60 * (time_t)s->settings->window_minutes), moment(now) };
    int err = run(s, &s->users, failed_query, failed, 2 + key_put(k, failed + 2), d);
    if (err || !s->settings->max_failures)
        return err;
    struct parameter lock[PARAMETERS_MAX] = { { .type = SQL_BIT, .number = 1 }, moment(now),
                                              { .type = SQL_INTEGER, .number = (SQLINTEGER)s->settings->max_failures } };
    return run(s, &s->users, lock_query, lock, 3 + key_put(k, lock + 3), d);
}

static int count_success(struct store *s, const struct key *k, struct diag *d)
{
    struct parameter logged_in[PARAMETERS_MAX] = { moment(time(NULL)), never() };
    struct parameter active[PARAMETERS_MAX] = { moment(time(NULL)) };
    int err = run(s, &s->users, succeeded_query, logged_in, 2 + key_put(k, logged_in + 2), d);
    return err ? err : run(s, &s->users, active_query, active, 1 + key_put(k, active + 1), d);
}

static int read_roles(struct store *s, struct slice user, struct text *roles_out, struct diag *d)
{
    const struct store_settings *set = s->settings;
    struct parameter parameters[PARAMETERS_MAX];
    const struct key k = { set->roles_application, user };
    SQLHSTMT statement;
    if (slice_is_empty(set->roles_connection))
        return 0;
    bool same = slice_equal(set->roles_connection, set->users_connection);
    struct database *db = same ? &s->users : &s->roles;
    int err = connect_to(s, db, set->roles_connection, d);
    if (!err)
        err = query(s, db, roles_query, parameters, key_put(&k, parameters), &statement, d);
    if (err)
        return err;
    OWNED_TEXT_BUFFER role = { 0 };
    SQLRETURN result;
    while (!err && SQL_SUCCEEDED(result = SQLFetch(statement))) {
        err = cell(statement, 1, &role, d);
        if (!err && !slice_has_control(text_slice(&role)))
            text_addf(roles_out, "%s" SLICE_FMT, roles_out->len ? "\n" : "", SLICE_ARG(text_slice(&role)));
    }
    if (!err && result != SQL_NO_DATA)
        err = complain(d, "answer", SQL_HANDLE_STMT, statement);
    SQLFreeHandle(SQL_HANDLE_STMT, statement);
    return err ? err : text_error(roles_out);
}

/* ---- the question ---- */

static int check(struct store *s, const struct key *k, struct slice password, struct member *m, bool *fits_out, struct diag *d)
{
    int err = find(s, k, m, d);
    if (err)
        return err;
    bool may = m->found && is_set(&m->cells[IS_APPROVED]) && !is_set(&m->cells[IS_LOCKED_OUT]);
    bool fits = password_fits(s, m, password, d);
    *fits_out = may && fits;
    if (*fits_out)
        return count_success(s, k, d);
    return fits || (m->found && !may) ? 0 : count_failure(s, k, d);
}

enum store_verdict store_check(struct store *s, struct slice user, struct slice password, struct text *user_out,
                               struct text *roles_out, struct diag *d)
{
    const struct key k = { s->settings->users_application, user };
    struct member m = { 0 };
    bool fits = false;
    if (!is_name(user))
        return STORE_DENIED;
    int err = connect_to(s, &s->users, s->settings->users_connection, d);
    if (!err)
        err = check(s, &k, password, &m, &fits, d);
    if (!err && fits) {
        text_add(user_out, text_slice(&m.cells[USER_NAME]));
        err = text_error(user_out);
    }
    if (!err && fits)
        err = read_roles(s, text_slice(&m.cells[USER_NAME]), roles_out, d);
    member_free(&m);
    if (err) { /* whatever it was, the next question begins with a new connection */
        disconnect(&s->users);
        disconnect(&s->roles);
        return STORE_UNAVAILABLE;
    }
    return fits ? STORE_OK : STORE_DENIED;
}

struct store *store_new(const struct store_settings *settings)
{
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->settings = settings;
    s->users.handle = s->roles.handle = SQL_NULL_HDBC;
    if (!SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_ENV, SQL_NULL_HANDLE, &s->environment)) ||
        !SQL_SUCCEEDED(SQLSetEnvAttr(s->environment, SQL_ATTR_ODBC_VERSION, (SQLPOINTER)SQL_OV_ODBC3, 0))) {
        store_free(s);
        return NULL;
    }
    return s;
}

void store_free(struct store *s)
{
    if (!s)
        return;
    disconnect(&s->users);
    disconnect(&s->roles);
    if (s->environment != SQL_NULL_HENV)
        SQLFreeHandle(SQL_HANDLE_ENV, s->environment);
    free(s);
}
