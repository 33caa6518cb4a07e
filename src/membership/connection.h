/*
 * connection.h - connection strings of .NET as ODBC connection strings.
 *
 * A connectionStrings entry names its provider: System.Data.SqlClient (also when it names none), Npgsql, System.Data.SQLite
 * and System.Data.Odbc, whose strings pass as they are.  "SqlConnection.ConnectionString", Npgsql "Connection String
 * Parameters".
 */
#pragma once

#include "base/diag.h"
#include "base/text.h"

/* Names of ODBC drivers as in odbcinst.ini. */
struct connection_drivers {
    struct slice sql_server, postgres, sqlite;
};

/* Append the ODBC form.  ERR_UNSUPPORTED, ERR_SYNTAX: `d` says what cannot be used and what to write instead; it never
 * shows a value, since one of them is the password. */
MUST_USE int connection_string(struct slice provider, struct slice ado, const struct connection_drivers *drivers,
                               struct text *out, struct diag *d);
