/*
 * explain.c - `sallyport explain`: would this user be let in, and do this there; every check in the order in which the service
 * makes them (ftp-behaviour 5), and the line of the configuration that decides.
 */
#include "cli/explain.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/fold.h"
#include "base/own.h"
#include "broker/fixed.h"
#include "broker/home.h"
#include "cli/certificate.h"
#include "cli/control_client.h"
#include "cli/table.h"
#include "policy/address_rules.h"
#include "policy/channel_policy.h"
#include "policy/win_error.h"

/* ---- lines ---- */

void explain_say(struct explain *e, const char *check, enum explain_outcome outcome, unsigned substatus,
                 const struct reason *why)
{
    static const char *const words[] = { "ok", "REFUSED", "not asked" };
    OWNED_TEXT_BUFFER text = { 0 };
    reason_print(e->s, why, &text);
    if (outcome == EXPLAIN_REFUSED && !e->refused_by) {
        e->refused_by = check;
        e->substatus = substatus;
    }
    cli_say(e->c, "%2u  %-20s %-9s  %s%s", ++e->number, check, words[outcome], text_str(&text),
            outcome == EXPLAIN_REFUSED && e->refused_by == check ? "  <-- here the service stops" : "");
}

void explain_sayf(struct explain *e, const char *check, enum explain_outcome outcome, unsigned substatus, const char *fmt, ...)
{
    struct reason why = { 0 };
    OWNED_TEXT_BUFFER text = { 0 };
    va_list args;
    va_start(args, fmt);
    text_addv(&text, fmt, args);
    va_end(args);
    reason_set(&why, 0, "%s", text_str(&text));
    explain_say(e, check, outcome, substatus, &why);
}

/* ---- the configuration, compiled ---- */

static int find_site(struct explain *e, struct slice name)
{
    for (size_t row = 0; row < snapshot_count(e->s, SNAP_TABLE_site); row++)
        if (fold_same(snapshot_text(e->s, snapshot_site(e->s, row)->name), name)) {
            e->site = snapshot_site(e->s, row);
            return EXIT_OK;
        }
    return cli_cannot_find(e->c, "SITE", name);
}

static int compile(struct explain *e)
{
    struct diag d = { 0 };
    struct report report = { 0 };
    struct snapshot_writer *w = NULL;
    int err = instance_files_read(&e->files, e->c->directory, &d);
    if (err)
        return cli_failed_diag(e->c, err, &d);
    const struct compile_input input = { .files = e->files.files, .count = e->files.count, .sources = e->files.sources,
                                         .source_count = e->files.source_count, .generation = 1, .privileged = true,
                                         .directory = slice_str(e->c->directory), .now = (int64_t)time(NULL) };
    err = compile_run(&input, &report, &w);
    for (size_t i = 0; err && i < report.count; i++) {
        OWNED_TEXT_BUFFER line = { 0 };
        diag_print(&report.items[i].diag, &line);
        if (report.items[i].severity == LOADER_ERROR)
            cli_say(e->c, "%s", text_str(&line));
    }
    report_free(&report);
    if (err && e->files.unreadable)
        cli_say(e->c, "WARNING ( message:%zu certificates or folders of the instance cannot be read by this user )", e->files.unreadable);
    if (!err)
        err = snapshot_writer_finish(w, 0, &e->bytes);
    snapshot_writer_free(w);
    if (!err)
        err = snapshot_view(e->bytes.ptr, e->bytes.len, &e->s);
    return err ? cli_failed(e->c, cli_exit_of(err), "The service could not start with this configuration.") : EXIT_OK;
}

/* ---- before the login ---- */

static void check_site(struct explain *e)
{
    struct slice failure = snapshot_text(e->s, e->site->failure);
    if (failure.len)
        explain_sayf(e, "site", EXPLAIN_REFUSED, e->site->failure_substatus, "it does not start: " SLICE_FMT, SLICE_ARG(failure));
    else
        explain_sayf(e, "site", EXPLAIN_OK, 0, "it can start; `sallyport list site` says whether it runs");
}

static bool is_exempt(const struct explain *e, const struct snap_server *server)
{
    for (uint32_t i = 0; e->from.family && i < server->never_denied.count; i++)
        if (address_rule_matches(snapshot_address(e->s, server->never_denied.first + i), &e->from))
            return true;
    return false;
}

static void check_deny_by_failure(struct explain *e)
{
    const struct snap_server *server = snapshot_server(e->s, 0);
    if (!server->deny_by_failure)
        explain_sayf(e, "denyByFailure", EXPLAIN_OK, 0, "is off");
    else if (is_exempt(e, server))
        explain_sayf(e, "denyByFailure", EXPLAIN_OK, 0, "the address has its own Allow entry in the server's ipSecurity");
    else
        explain_sayf(e, "denyByFailure", EXPLAIN_NOT_ASKED, 0, "%u failures block an address for %lld seconds; only the running "
                     "service counts them", server->deny_max_failure, (long long)server->deny_seconds);
}

static void check_connections(struct explain *e)
{
    struct reason why = { 0 };
    reason_set(&why, EXPLAIN_ORIGIN(e, max_connections), "the site takes %u connections; only the running service counts them",
               e->site->max_connections);
    explain_say(e, "maxConnections", EXPLAIN_NOT_ASKED, 0, &why);
}

static void check_address(struct explain *e)
{
    struct reason why = { 0 };
    if (!e->from.family) {
        explain_sayf(e, "ipSecurity of /", EXPLAIN_NOT_ASKED, 0, "no --from ADDRESS was given");
        return;
    }
    bool allowed = address_rules_allow(e->s, e->site, SLICE_LITERAL("/"), &e->from, &why);
    explain_say(e, "ipSecurity of /", allowed ? EXPLAIN_OK : EXPLAIN_REFUSED, SUB_IP_RESTRICTION, &why);
}

static void check_channel(struct explain *e)
{
    struct reason why = { 0 };
    if (!e->site->cert)
        explain_sayf(e, "server certificate", EXPLAIN_NOT_ASKED, 0, "there is none that can be used (%s): AUTH TLS gets 534",
                     substatus_text(e->site->cert_substatus));
    unsigned refused = channel_policy_credentials(e->site, e->s, e->is_secure, &why);
    explain_say(e, "control channel", refused ? EXPLAIN_REFUSED : EXPLAIN_OK, refused, &why);
}

/* ---- --cert: the authenticator is asked, as a login would ---- */

static void take_line(void *context, const struct wire_message *message, struct wire_in *fields)
{
    struct explain *e = context;
    struct control_line line;
    struct control_verdict verdict;
    if (message->number == MSG_control_account) {
        text_add(&e->account, slice_of((const char *)fields->ptr + fields->at, fields->len - fields->at));
    } else if (message->number == MSG_control_line && !control_line_decode(fields, &line)) {
        cli_say(e->c, "                                      " SLICE_FMT, SLICE_ARG(line.text));
    } else if (message->number == MSG_control_verdict && !control_verdict_decode(fields, &verdict)) {
        bool is_good = verdict.outcome == REHEARSAL_ALLOWED || verdict.outcome == REHEARSAL_NEEDS_PASSWORD;
        e->has_certificate = verdict.outcome == REHEARSAL_ALLOWED;
        explain_sayf(e, "certificate login", is_good ? EXPLAIN_OK : EXPLAIN_REFUSED, verdict.substatus,
                     "the authenticator of the running service says: reply %u, sub-status %u", verdict.status, verdict.substatus);
    }
}

static int ask_certificate(struct explain *e, struct slice file)
{
    OWNED_TEXT_BUFFER chain = { 0 };
    struct cert *cert = NULL;
    int code = certificate_read(e->c, file, &cert);
    if (!code && cert_write_sent(cert, &chain))
        code = cli_failed(e->c, 14, "The certificate cannot be written.");
    cert_free(cert);
    struct net_addr from = e->from;
    if (!from.family && net_addr_parse(SLICE_LITERAL("127.0.0.1"), &from))
        from = (struct net_addr){ 0 };
    const struct control_test test = { .site = snapshot_text(e->s, e->site->name), .user = e->user, .client = from,
                                       .chain = text_slice(&chain) };
    return code ? code : control_rehearse(e->c, &test, take_line, e);
}

static int check_certificate(struct explain *e)
{
    struct reason why = { 0 };
    struct slice file = cli_param(e->c, "cert");
    unsigned refused = channel_policy_certificate(e->site, e->s, file.len != 0, &why);
    explain_say(e, "client certificate", refused ? EXPLAIN_REFUSED : EXPLAIN_OK, refused, &why);
    return file.len && e->site->client_cert_policy != CERT_IGNORE ? ask_certificate(e, file) : EXIT_OK;
}

/* ---- home ---- */

/* Whose files a service account's are: looking as root would find everything open. */
static void become_service(struct explain *e, struct explain_candidate *who)
{
    struct slice account = snapshot_text(e->s, snapshot_server(e->s, 0)->broker_user);
    OWNED_TEXT name = strndup(account.ptr, account.len);
    const struct passwd *pw = geteuid() == 0 && name ? getpwnam(name) : NULL;
    if (geteuid() == 0 && name && !pw)
        pw = getpwnam("nobody"); /* as the service itself does where the user is missing */
    if (who->give.identity == GRANT_SYSTEM || !pw || pw->pw_uid == 0)
        return;
    who->give.identity = GRANT_SYSTEM;
    who->give.uid = pw->pw_uid;
    who->give.gid = pw->pw_gid;
}

static void name_fixed_accounts(struct explain *e)
{
    for (uint32_t i = 0; i < e->site->directories.count; i++) {
        const struct snap_directory *d = snapshot_directory(e->s, e->site->directories.first + i);
        struct slice user = snapshot_text(e->s, d->user_name);
        OWNED_TEXT name = strndup(user.ptr, user.len);
        const struct passwd *pw = user.len && name ? getpwnam(name) : NULL;
        const struct grant_fixed m = { .site = e->site->id, .path = snapshot_text(e->s, d->path), .user = user,
                                       .accepted = pw != NULL, .uid = pw ? pw->pw_uid : UINT32_MAX, .gid = pw ? pw->pw_gid : UINT32_MAX };
        if (user.len && fixed_set(e->fixed, &m, snapshot_server(e->s, 0)->uid_floor))
            cli_say(e->c, "    the fixed account \"" SLICE_FMT "\" cannot be used", SLICE_ARG(user));
    }
}

static void check_home(struct explain *e, struct explain_candidate *who)
{
    struct reason why = { 0 };
    uint32_t win32 = 0;
    unsigned substatus = 0;
    struct snapshot *s = e->s;
    who->give.ticket = 1;
    who->give.site = e->site->id;
    who->give.client = e->from;
    become_service(e, who);
    who->give.roles = text_slice(&who->roles);
    int err = standing_new(&who->give, 1, &e->as);
    if (!err)
        err = home_find(s, e->as, e->fixed, &win32, &substatus, &why);
    else
        reason_set(&why, 0, "the account may not be used: %s", err_text(err));
    explain_say(e, "home directory", err ? EXPLAIN_REFUSED : EXPLAIN_OK, substatus, &why);
    if (!err)
        explain_sayf(e, "  starts in", EXPLAIN_OK, 0, "\"" SLICE_FMT "\"%s" SLICE_FMT "%s", SLICE_ARG(text_slice(&e->as->start)),
                     e->as->home.len ? ", which is \"" : "", SLICE_ARG(text_slice(&e->as->home)),
                     e->as->home.len ? "\" of the site" : "");
    if (geteuid() != 0)
        explain_sayf(e, "  files", EXPLAIN_NOT_ASKED, 0, "looked at as uid %u, because only root can look as somebody else", geteuid());
}

/* ---- all of it ---- */

static int read_parameters(struct explain *e)
{
    struct slice from = cli_param(e->c, "from"), path = cli_param(e->c, "path");
    e->user = cli_param(e->c, "user");
    e->verb = cli_param(e->c, "verb");
    if (from.len && net_addr_parse(from, &e->from))
        return cli_error(e->c, EXIT_BAD_PARAMETER, "\"" SLICE_FMT "\" is no IPv4 or IPv6 address.", SLICE_ARG(from));
    e->path = path.len ? strndup(path.ptr, path.len) : NULL;
    if (!cli_param(e->c, "site").len || !e->user.len)
        return cli_error(e->c, EXIT_BAD_PARAMETER, "Give --site SITE and --user NAME, or --session ID.");
    return EXIT_OK;
}

static int tell_result(struct explain *e)
{
    if (!e->refused_by) {
        cli_say(e->c, "RESULT: allowed%s%s", e->verb.len || e->path ? "" : " to log in",
                e->verb.len || e->path || e->has_certificate ? "" : ", if the password is right");
        return EXIT_OK;
    }
    cli_say(e->c, "RESULT: refused by %s, sub-status %u: %s", e->refused_by, e->substatus, substatus_text(e->substatus));
    return EXIT_DENIED;
}

static int explain_all(struct explain *e)
{
    struct explain_candidate *who = calloc(1, sizeof *who);
    if (!who)
        return cli_failed(e->c, 14, "%s", err_text(ERR_NOMEM));
    e->is_secure = e->site->cert != 0;
    check_site(e);
    check_deny_by_failure(e);
    check_connections(e);
    check_address(e);
    check_channel(e);
    int code = check_certificate(e);
    if (!code)
        explain_login(e, who);
    if (!code && text_error(&e->account))
        code = cli_failed(e->c, 14, "%s", err_text(ERR_NOMEM));
    name_fixed_accounts(e);
    if (!code && who->is_found)
        check_home(e, who);
    if (!code && e->as && (e->verb.len || e->path))
        code = explain_path(e);
    text_free(&who->roles);
    free(who);
    return code ? code : tell_result(e);
}

static int explain_site(struct explain *e)
{
    int code = find_site(e, cli_param(e->c, "site"));
    return code ? code : explain_all(e);
}

/* What was logged is told whole. */
static int check_session_alone(struct cli *c)
{
    static const char *const others[] = { "site", "user", "cert", "role", "from", "path", "verb" };
    int code = EXIT_OK;
    for (size_t i = 0; !code && i < sizeof others / sizeof others[0]; i++)
        code = cli_refuse_param(c, others[i], "beside /session");
    return code;
}

int explain_run(struct cli *c)
{
    struct slice session = cli_param(c, "session");
    struct explain e = { .c = c };
    int code = session.ptr ? check_session_alone(c) : read_parameters(&e);
    struct fixed_accounts fixed;
    bool is_ready = fixed_init(&fixed) == 0;
    e.fixed = &fixed;
    if (!code && !is_ready)
        code = cli_failed(c, 14, "%s", err_text(ERR_NOMEM));
    if (!code)
        code = compile(&e);
    if (!code && session.ptr)
        code = explain_session(c, session, e.s);
    else if (!code)
        code = explain_site(&e);
    standing_unref(e.as);
    if (is_ready)
        fixed_free(&fixed);
    snapshot_unref(e.s);
    text_free(&e.bytes);
    text_free(&e.account);
    instance_files_free(&e.files);
    free(e.path);
    return code;
}
