/* service.c - what only the running service knows, and the programs beside this one. */
#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>

#include "base/own.h"
#include "cli/control_client.h"
#include "cli/listing.h"
#include "cli/table.h"

extern char **environ;

/* ---- sessions ---- */

struct rows {
    struct cli *c;
    int code;
};

static void print_time(int64_t seconds, char out[24])
{
    struct tm utc;
    time_t when = (time_t)seconds;
    if (seconds == 0 || !gmtime_r(&when, &utc) || strftime(out, 24, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        out[0] = 0;
}

/* One column of a session row, NUL-terminated and free of control characters. */
static char *column(struct text *store, struct slice s)
{
    text_reset(store);
    text_add_escaped(store, s);
    return store->ptr ? store->ptr : "";
}

static void show_session(struct rows *r, const struct control_session *s)
{
    OWNED_TEXT_BUFFER guid = { 0 }, site = { 0 }, user = { 0 }, address = { 0 }, now = { 0 }, before = { 0 };
    char started[24], command_started[24], sent[24], received[24], last_error[24];
    text_add_guid(&guid, s->session_id);
    net_addr_print(&s->client, &address);
    print_time(s->start_time, started);
    print_time(s->command_start, command_started);
    snprintf(sent, sizeof sent, "%llu", (unsigned long long)s->bytes_sent);
    snprintf(received, sizeof received, "%llu", (unsigned long long)s->bytes_received);
    snprintf(last_error, sizeof last_error, "%u", s->last_error);
    struct listed row = {
        .tag = "SESSION", .name = text_slice(&guid), .count = 12,
        .attrs = { { "site.name", "SITE.NAME", column(&site, s->site), true },
                   { "userName", NULL, column(&user, s->user), true },
                   { "clientIp", NULL, text_str(&address), true },
                   { "sessionStartTime", NULL, started, true },
                   { "currentCommand", NULL, column(&now, s->current_command), true },
                   { "previousCommand", NULL, column(&before, s->previous_command), true },
                   { "bytesSent", NULL, sent, true },
                   { "bytesReceived", NULL, received, true },
                   { "ssl", NULL, s->tls ? "true" : "false", true },
                   { "sessionId", NULL, text_str(&guid), false },
                   { "commandStartTime", NULL, command_started, false },
                   { "lastErrorStatus", NULL, last_error, false } },
    };
    if (!r->code)
        r->code = listing_row(r->c, &row);
}

static void take_session(void *context, const struct wire_message *message, struct wire_in *fields)
{
    struct control_session session;
    if (message->number == MSG_control_session && control_session_decode(fields, &session) == 0)
        show_session(context, &session);
}

int session_list(struct cli *c)
{
    struct rows r = { c, EXIT_OK };
    struct slice site = cli_param(c, "site.name");
    int code = control_do(c, CONTROL_LIST_SESSIONS, site.ptr ? site : SLICE_LITERAL(""), take_session, &r);
    if (!code)
        code = r.code;
    return code ? code : listing_end(c);
}

int session_delete(struct cli *c)
{
    int code = control_do(c, CONTROL_TERMINATE, c->identifier, NULL, NULL);
    if (!code)
        cli_say(c, "SESSION object \"" SLICE_FMT "\" deleted", SLICE_ARG(c->identifier));
    return code;
}

/* ---- flush ---- */

int service_flush_log(struct cli *c)
{
    struct slice site = cli_param(c, "site.name");
    int code = control_do(c, CONTROL_FLUSH_LOG, site.ptr ? site : SLICE_LITERAL(""), NULL, NULL);
    if (!code)
        cli_say(c, "LOG object \"" SLICE_FMT "\" flushed", SLICE_ARG(site.len ? site : SLICE_LITERAL("*")));
    return code;
}

int service_flush_cache(struct cli *c)
{
    int code = control_do(c, CONTROL_FLUSH_CACHE, SLICE_LITERAL(""), NULL, NULL);
    if (!code)
        cli_say(c, "CACHE object \"credentials\" flushed");
    return code;
}

/* ---- status ---- */

/* Whether the files are in force, and if not, why: a line for each error. */
static void take_config(struct rows *r, const struct wire_message *message, struct wire_in *fields)
{
    struct control_config config;
    struct control_line line;
    char since[24], refused[24];
    if (message->number == MSG_control_line && control_line_decode(fields, &line) == 0)
        cli_say(r->c, SLICE_FMT, SLICE_ARG(line.text));
    if (message->number != MSG_control_config || control_config_decode(fields, &config) != 0)
        return;
    print_time(config.since, since);
    print_time(config.refused, refused);
    cli_say(r->c, "CONFIGURATION \"%s\" (state:%s,inForceSince:%s%s%s)", r->c->directory, config.refused ? "Refused" : "InForce",
            since, config.refused ? ",refusedSince:" : "", refused);
}

static void take_status(void *context, const struct wire_message *message, struct wire_in *fields)
{
    struct rows *r = context;
    struct control_program p;
    char started[24];
    if (message->number != MSG_control_program)
        take_config(r, message, fields);
    if (message->number != MSG_control_program || control_program_decode(fields, &p) != 0)
        return;
    print_time(p.started, started);
    cli_say(r->c, "PROGRAM \"%s\" (index:%u,pid:%lld,uid:%u,restarts:%u,started:%s)", role_name(p.role), p.index,
            (long long)p.pid, p.uid, p.restarts, started);
}

static void take_site_status(void *context, const struct wire_message *message, struct wire_in *fields)
{
    static const char *const states[] = { "Starting", "Started", "Stopping", "Stopped", "Unknown" };
    struct rows *r = context;
    struct control_site s;
    if (message->number != MSG_control_site || control_site_decode(fields, &s) != 0)
        return;
    cli_say(r->c, "SITE \"" SLICE_FMT "\" (id:%u,state:%s,sessions:%u,lastStartupStatus:%u%s" SLICE_FMT ")",
            SLICE_ARG(s.name), s.site, states[s.state], s.sessions, s.status, s.why.len ? ",reason:" : "",
            SLICE_ARG(s.why));
}

static void take_not_enforced(void *context, const struct wire_message *message, struct wire_in *fields)
{
    struct rows *r = context;
    struct control_line line;
    if (message->number == MSG_control_line && control_line_decode(fields, &line) == 0)
        cli_say(r->c, SLICE_FMT, SLICE_ARG(line.text));
}

int service_status(struct cli *c)
{
    struct rows r = { c, EXIT_OK };
    int code = control_do(c, CONTROL_STATUS, SLICE_LITERAL(""), take_status, &r);
    if (!code)
        code = control_do(c, CONTROL_LIST_SITES, SLICE_LITERAL(""), take_site_status, &r);
    return code ? code : control_do(c, CONTROL_NOT_ENFORCED, SLICE_LITERAL(""), take_not_enforced, &r);
}

/* ---- the programs beside this one ---- */

int service_version(struct cli *c)
{
    cli_say(c, "sallyport %s", SALLYPORT_VERSION);
    return EXIT_OK;
}

/* Beside this program (installed in one folder, or a build), in the build's layout, or where it was installed. */
static char *find_supervisor(void)
{
    static const char *const places[] = { "", "../supervisor/", "../sbin/" };
    char self[4096];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self);
    const char *slash = len > 0 && (size_t)len < sizeof self ? memrchr(self, '/', (size_t)len) : NULL;
    for (size_t i = 0; slash && i < sizeof places / sizeof places[0]; i++) {
        char *path = NULL;
        if (asprintf(&path, "%.*s/%ssallyportd", (int)(slash - self), self, places[i]) < 0)
            return NULL;
        if (access(path, X_OK) == 0)
            return path;
        free(path);
    }
    return strdup(SALLYPORT_SBINDIR "/sallyportd");
}

int service_check(struct cli *c)
{
    OWNED_TEXT program = find_supervisor();
    OWNED_TEXT directory = strdup(c->directory);
    char *const argv[] = { program, "--config", directory, "--check", NULL };
    pid_t child;
    int status = 0;
    fflush(c->out);
    int failed = program && directory ? posix_spawn(&child, program, NULL, NULL, argv, environ) : ENOMEM;
    if (failed)
        return cli_failed(c, EXIT_NO_FILE, "Cannot run %s: %s", program ? program : "sallyportd", strerror(failed));
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return cli_failed(c, EXIT_BAD_DATA, "%s", strerror(errno));
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_BAD_DATA;
}
