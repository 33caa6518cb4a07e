/* rehearsal.c - see rehearsal.h. */
#include "auth/rehearsal.h"

#include <stdlib.h>

#include "auth/login.h"
#include "base/own.h"
#include "ftp/reply.h"
#include "policy/authorization.h"

/* ---- what is told ---- */

#define TO_SUPERVISOR(a, name, ...)                                                    \
    do {                                                                               \
        uint8_t told_bytes_[48 * 1024] __attribute__((uninitialized));                 \
        struct wire_out told_out_ = { told_bytes_, sizeof told_bytes_, 0, 0 };         \
        const struct name told_ = { __VA_ARGS__ };                                     \
        wire_channel_begin(&told_out_, MSG_##name);                                    \
        if (name##_encode(&told_, &told_out_) == 0)                                    \
            server_send_supervisor((a), slice_of((char *)told_bytes_, told_out_.len)); \
    } while (0)

static void say_slice(struct auth_server *a, const struct rehearsal *r, struct slice line)
{
    TO_SUPERVISOR(a, child_test_line, .query = r->query, .text = slice_first(line, 4096));
}

void rehearsal_say(struct auth_server *a, const struct rehearsal *r, const char *fmt, ...)
{
    OWNED_TEXT_BUFFER line = { 0 };
    va_list args;
    va_start(args, fmt);
    text_addv(&line, fmt, args);
    va_end(args);
    say_slice(a, r, text_slice(&line));
}

static void say_each(struct auth_server *a, const struct rehearsal *r, const char *label, struct slice lines)
{
    while (lines.len) {
        struct slice one = slice_cut(&lines, '\n');
        if (one.len)
            rehearsal_say(a, r, "%s" SLICE_FMT, label, SLICE_ARG(one));
    }
}

static void say_time(struct auth_server *a, const struct rehearsal *r, const char *label, int64_t from, int64_t until)
{
    char texts[2][32] = { "?", "?" };
    const int64_t times[] = { from, until };
    for (size_t i = 0; i < 2; i++) {
        time_t seconds = (time_t)times[i];
        struct tm tm;
        if (gmtime_r(&seconds, &tm))
            strftime(texts[i], sizeof texts[i], "%Y-%m-%dT%H:%M:%SZ", &tm);
    }
    rehearsal_say(a, r, until ? "%s: %s to %s" : "%s: %s", label, texts[0], texts[1]);
}

/* The reply as a client sees it. */
static void say_reply(struct auth_server *a, const struct rehearsal *r, const char *command, enum reply_id id)
{
    struct reply reply = { 0 };
    struct slice bytes = SLICE_NONE;
    reply_begin(&reply, reply_code_of(id));
    reply_row(&reply, id, SLICE_NONE);
    if (reply_bytes(&reply, &bytes) == 0)
        rehearsal_say(a, r, "reply to %s: " SLICE_FMT, command, SLICE_ARG(slice_trim(bytes)));
    reply_free(&reply);
}

static void done(struct auth_server *a, const struct rehearsal *r, enum rehearsal_outcome outcome, unsigned status,
                 uint32_t win32, uint32_t substatus)
{
    rehearsal_say(a, r, "log: sc-status %u, sc-win32-status %u, sc-substatus %u%s%s", status, win32, substatus,
                  substatus ? ": " : "", substatus ? substatus_text(substatus) : "");
    certificate_remove(&a->certificates, r->certificate);
    TO_SUPERVISOR(a, child_test_done, .query = r->query, .outcome = (uint8_t)outcome, .status = status, .win32 = win32,
                  .substatus = substatus);
}

/* ---- the certificate ---- */

static struct slice chain_of(const struct rehearsal *r)
{
    return slice_of((const char *)r->chain, r->chain_len);
}

static void say_values(struct auth_server *a, const struct rehearsal *r, const char *label, const struct slice *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        OWNED_TEXT_BUFFER shown = { 0 };
        text_add_escaped(&shown, values[i]);
        rehearsal_say(a, r, "%s: " SLICE_FMT, label, SLICE_ARG(text_slice(&shown)));
    }
}

static void say_facts(struct auth_server *a, const struct rehearsal *r)
{
    struct cert_facts f;
    const char *why;
    if (facts_read(certificate_leaf(chain_of(r)), &f, &why)) {
        rehearsal_say(a, r, "certificate: cannot be mapped: %s", why);
        return;
    }
    rehearsal_say(a, r, "subject: " SLICE_FMT, SLICE_ARG(f.subject_shown));
    rehearsal_say(a, r, "issuer: " SLICE_FMT, SLICE_ARG(f.issuer_shown));
    rehearsal_say(a, r, "serial: " SLICE_FMT, SLICE_ARG(f.serial));
    rehearsal_say(a, r, "SHA-1: " SLICE_FMT, SLICE_ARG(f.sha1));
    rehearsal_say(a, r, "SHA-256: " SLICE_FMT, SLICE_ARG(f.sha256));
    say_time(a, r, "valid", f.not_before, f.not_after);
    say_values(a, r, "UPN", f.upn, f.upn_count);
    say_values(a, r, "mail", f.rfc822, f.rfc822_count);
    say_values(a, r, "SID", &f.sid, f.sid.len > 0);
    OWNED_TEXT_BUFFER strong = { 0 }; /* what to write into the account for a strong mapping */
    text_addf(&strong, "X509:<I>" SLICE_FMT "<SR>" SLICE_FMT, SLICE_ARG(f.issuer), SLICE_ARG(f.serial_reversed));
    say_values(a, r, "altSecurityIdentities", &(struct slice){ strong.ptr, strong.len }, !text_error(&strong));
    facts_free(&f);
}

static void say_site(struct auth_server *a, const struct rehearsal *r, const struct snap_site *site)
{
    static const char *const policies[] = { "CertIgnore", "CertAllow", "CertRequire" };
    unsigned f = site->client_cert_flags;
    rehearsal_say(a, r, "site: \"" SLICE_FMT "\" (%u), %s, clientCertAuthentication %s, useActiveDirectoryMapping %s, validationFlags"
                  "%s%s%s%s%s", SLICE_ARG(snapshot_text(a->child->snapshot, site->name)), site->id,
                  site->client_cert_policy <= CERT_REQUIRE ? policies[site->client_cert_policy] : "?",
                  site->client_cert_enabled ? "on" : "off", site->use_ad_mapping ? "true" : "false", f ? "" : " none",
                  f & PKI_NO_REVOCATION_CHECK ? " NoRevocationCheck" : "",
                  f & PKI_REVOCATION_CACHE_ONLY ? " CertChainRevocationCheckCacheOnly" : "",
                  f & PKI_URL_CACHE_ONLY ? " CertChainCacheOnlyUrlRetrieval" : "",
                  f & PKI_NO_USAGE_CHECK ? " CertNoUsageCheck" : "");
    if (r->at)
        say_time(a, r, "judged at", r->at, 0);
}

/* As the worker answers a certificate that was not found good. */
static void refuse_certificate(struct auth_server *a, const struct rehearsal *r, enum chain_reason reason)
{
    rehearsal_say(a, r, "verdict: %s", chain_reason_text(reason));
    say_reply(a, r, "USER", REPLY_CERT_INVALID);
    rehearsal_say(a, r, "then the connection is closed");
    done(a, r, REHEARSAL_CERTIFICATE_REFUSED, reply_code_of(REPLY_CERT_INVALID), chain_reason_win32(reason),
         SUB_CERTIFICATE_INVALID);
}

/* TLS does not take its key. */
static void tell_not_shown(struct auth_server *a, const struct rehearsal *r, const struct snap_site *site)
{
    bool required = site->client_cert_policy == CERT_REQUIRE;
    enum reply_id reply = required ? REPLY_CERT_REQUIRED : REPLY_USER;
    rehearsal_say(a, r, "handshake: keys are RSA, P-256, P-384, P-521, Ed25519 or Ed448; with another a client shows no certificate");
    say_reply(a, r, "USER", reply);
    done(a, r, required ? REHEARSAL_CERTIFICATE_REFUSED : REHEARSAL_NOT_ASKED, reply_code_of(reply),
         required ? WIN_ACCESS_DENIED : 0, required ? SUB_CERTIFICATE_REQUIRED : 0);
}

/* The verdict, and with a good one the login; takes `r` over. */
static void go_on(struct auth_server *a, struct rehearsal *r, const struct snap_site *site)
{
    OWNED_TEXT_BUFFER steps = { 0 };
    int64_t at = r->at ? r->at : login_seconds_now();
    enum chain_reason reason = certificate_verify(&a->certificates, site, chain_of(r), at, &steps, NULL);
    say_each(a, r, "", text_slice(&steps));
    if (reason != CHAIN_GOOD) {
        refuse_certificate(a, r, reason);
        rehearsal_free(r);
        return;
    }
    const struct certificate what = { .number = ticket_draw(a->tickets), .worker = REHEARSAL_WORKER, .session = r->query,
                                      .site = r->site };
    if (!what.number || certificate_add(&a->certificates, &what, chain_of(r))) {
        rehearsal_unavailable(a, r);
        return;
    }
    r->certificate = what.number;
    login_rehearse(a, r);
}

void rehearsal_resume(struct auth_server *a, struct rehearsal *r, struct slice asked)
{
    const struct snap_site *site = snapshot_site_by_id(a->child->snapshot, r->site);
    say_each(a, r, "asked now: ", asked);
    if (site)
        go_on(a, r, site);
    else
        rehearsal_unavailable(a, r); /* the configuration has changed meanwhile */
}

void rehearsal_begin(struct auth_server *a, const struct child_test *m)
{
    const struct snap_site *site = snapshot_site_by_id(a->child->snapshot, m->site);
    struct rehearsal *r = calloc(1, sizeof *r + m->chain.len);
    char *user = strndup(m->user.len ? m->user.ptr : "", m->user.len);
    if (!r || !user) {
        const struct rehearsal none = { .query = m->query };
        done(a, &none, REHEARSAL_UNAVAILABLE, reply_code_of(REPLY_NO_SERVICE), WIN_SEM_TIMEOUT, SUB_CERTIFICATE_INVALID);
        free(r);
        free(user);
        return;
    }
    r->query = m->query;
    r->site = m->site;
    r->at = m->at;
    r->client = m->client;
    r->user = user;
    r->chain_len = m->chain.len;
    if (m->chain.len)
        memcpy(r->chain, m->chain.ptr, m->chain.len);
    if (!site) {
        rehearsal_unavailable(a, r);
        return;
    }
    say_site(a, r, site);
    say_facts(a, r);
    if (site->cert_substatus) { /* no TLS, so nobody shows a certificate */
        say_reply(a, r, "AUTH", REPLY_AUTH_NO_CERT);
        done(a, r, REHEARSAL_NOT_ASKED, reply_code_of(REPLY_AUTH_NO_CERT), WIN_ACCESS_DENIED, site->cert_substatus);
        rehearsal_free(r);
    } else if (site->client_cert_policy == CERT_IGNORE) {
        say_reply(a, r, "USER", REPLY_USER);
        done(a, r, REHEARSAL_NOT_ASKED, reply_code_of(REPLY_USER), 0, 0);
        rehearsal_free(r);
    } else if (!chain_can_be_shown(certificate_leaf(chain_of(r)))) {
        tell_not_shown(a, r, site);
        rehearsal_free(r);
    } else if (!server_inquires_for(a, r, site)) {
        go_on(a, r, site);
    }
}

void rehearsal_free(struct rehearsal *r)
{
    if (!r)
        return;
    free(r->user);
    free(r);
}

unsigned rehearsal_broker(struct auth_server *a)
{
    for (unsigned i = 0; i < WORKERS_MAX; i++)
        if (server_peer(a, ROLE_BROKER, i))
            return i;
    return REHEARSAL_WORKER;
}

/* ---- the account ---- */

void rehearsal_found(struct auth_server *a, struct login *l, enum certificate_mapping mapping, struct slice user)
{
    OWNED_TEXT_BUFFER shown = { 0 };
    text_add_escaped(&shown, user);
    if (mapping == MAPPING_USER)
        LOGIN_SAY(a, l, "mapping: an entry of the site's own mappings: user \"" SLICE_FMT "\"", SLICE_ARG(text_slice(&shown)));
    else
        LOGIN_SAY(a, l, "mapping: %s", mapping == MAPPING_DENIED ? "an entry of the site's own mappings denies it"
                                                                  : "no entry of the site's own mappings fits");
}

void rehearsal_mapped(struct auth_server *a, const struct rehearsal *r, const struct map_job *job)
{
    const struct directory_account *account = &job->account;
    say_each(a, r, "directory: ", text_slice(&job->steps));
    if (account->sid.len) {
        say_values(a, r, "account", &account->dn, 1);
        say_values(a, r, "account SID", &account->sid, 1);
        if (job->question == MAP_CERTIFICATE)
            rehearsal_say(a, r, "mapping: tier %u, %s", account->tier, account->strong ? "strong" : "weak");
    }
    rehearsal_say(a, r, "directory: %s", map_job_text(job));
}

struct told_rules {
    struct auth_server *a;
    const struct rehearsal *r;
};

static void say_rule(void *context, const struct snap_scope *scope, const struct snap_rule *rule)
{
    const struct told_rules *t = context;
    const struct snapshot *s = t->a->child->snapshot;
    rehearsal_say(t->a, t->r, "rule at " SLICE_FMT ": %s users=\"" SLICE_FMT "\" roles=\"" SLICE_FMT "\" permissions=%s%s%s",
                  SLICE_ARG(snapshot_text(s, scope->path)), rule->deny ? "Deny" : "Allow",
                  SLICE_ARG(snapshot_text(s, rule->users)), SLICE_ARG(snapshot_text(s, rule->roles)),
                  rule->permissions & PERMISSION_READ ? "Read" : "",
                  (rule->permissions & PERMISSION_READ) && (rule->permissions & PERMISSION_WRITE) ? ", " : "",
                  rule->permissions & PERMISSION_WRITE ? "Write" : "");
}

static void say_account(struct auth_server *a, const struct login *l, const struct grant_give *give)
{
    TO_SUPERVISOR(a, child_test_account, .query = l->rehearsal->query, .account = give->account, .identity = give->identity,
                  .uid = give->uid, .gid = give->gid, .groups = give->groups, .user = give->user, .domain = give->domain,
                  .alias = give->alias, .principal = give->principal, .roles = give->roles, .home_root = give->home_root,
                  .home_dir = give->home_dir);
}

/* The identity that was asked for, what it belongs to, and the authorization rules that name it. */
static void say_identity(struct auth_server *a, const struct login *l, struct slice start)
{
    const struct identity *identity = l->identity;
    const struct snapshot *s = a->child->snapshot;
    const struct snap_site *site = snapshot_site_by_id(s, l->site);
    OWNED_TEXT_BUFFER name = { 0 };
    text_add_escaped(&name, identity->user);
    rehearsal_say(a, l->rehearsal, "login: " SLICE_FMT " (%s)", SLICE_ARG(text_slice(&name)),
                  identity->kind == ACCOUNT_DIRECTORY ? "directory account"
                  : identity->kind == ACCOUNT_SYSTEM  ? "system account"
                                                      : "IIS Manager user");
    say_each(a, l->rehearsal, "role: ", identity->roles);
    struct grant_give give;
    login_describe(a, l, &give);
    say_account(a, l, &give);
    const struct authorization_subject who = { .user = give.user, .domain = give.domain, .alias = give.alias,
                                               .principal = give.principal, .system = give.account == GRANT_LOCAL,
                                               .roles = give.roles };
    if (site)
        authorization_each_rule(s, site, start, &who, say_rule, &(struct told_rules){ a, l->rehearsal });
}

/* ---- ends ---- */

static bool replies_at_user(const struct snap_site *site)
{
    return site && site->cert_login_reply == CERT_LOGIN_232 && site->client_cert_enabled;
}

void rehearsal_allowed(struct auth_server *a, const struct login *l, struct slice home)
{
    const struct rehearsal *r = l->rehearsal;
    const struct snap_site *site = snapshot_site_by_id(a->child->snapshot, l->site);
    OWNED_TEXT_BUFFER shown = { 0 };
    text_add_escaped(&shown, home);
    say_identity(a, l, home);
    rehearsal_say(a, r, "start directory: " SLICE_FMT, SLICE_ARG(text_slice(&shown)));
    if (site && site->cert_and_password) {
        say_reply(a, r, "USER", REPLY_USER);
        rehearsal_say(a, r, "the account's password has to follow (certificateAndPassword)");
        done(a, r, REHEARSAL_NEEDS_PASSWORD, reply_code_of(REPLY_USER), 0, 0);
    } else if (replies_at_user(site)) {
        say_reply(a, r, "USER", REPLY_LOGGED_IN_232);
        done(a, r, REHEARSAL_ALLOWED, reply_code_of(REPLY_LOGGED_IN_232), 0, 0);
    } else {
        say_reply(a, r, "USER", REPLY_USER);
        say_reply(a, r, "PASS", REPLY_LOGGED_IN);
        done(a, r, REHEARSAL_ALLOWED, reply_code_of(REPLY_LOGGED_IN), 0, 0);
    }
}

static const struct {
    enum auth_verdict verdict;
    enum rehearsal_outcome outcome;
    enum reply_id reply;
} ends[] = {
    { AUTH_DENIED,         REHEARSAL_ACCOUNT_REFUSED, REPLY_LOGIN_FAILED },
    { AUTH_HOME_DENIED,    REHEARSAL_HOME_REFUSED,    REPLY_HOME_FAILED  },
    { AUTH_UNAVAILABLE,    REHEARSAL_UNAVAILABLE,     REPLY_NO_SERVICE   },
    { AUTH_NEEDS_PASSWORD, REHEARSAL_NEEDS_PASSWORD,  REPLY_USER         },
};

void rehearsal_refused(struct auth_server *a, const struct login *l, enum auth_verdict verdict, uint32_t win32,
                       uint32_t substatus)
{
    const struct rehearsal *r = l->rehearsal;
    bool at_user = verdict == AUTH_NEEDS_PASSWORD || replies_at_user(snapshot_site_by_id(a->child->snapshot, l->site));
    if (verdict == AUTH_HOME_DENIED)
        say_identity(a, l, SLICE_LITERAL("/"));
    if (!at_user)
        say_reply(a, r, "USER", REPLY_USER);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (ends[i].verdict != verdict)
            continue;
        say_reply(a, r, at_user ? "USER" : "PASS", ends[i].reply);
        bool certificate = verdict == AUTH_DENIED && substatus == SUB_CERTIFICATE_INVALID;
        done(a, r, certificate ? REHEARSAL_CERTIFICATE_REFUSED : ends[i].outcome, reply_code_of(ends[i].reply), win32, substatus);
    }
}

void rehearsal_unavailable(struct auth_server *a, struct rehearsal *r)
{
    say_reply(a, r, "USER", REPLY_NO_SERVICE);
    done(a, r, REHEARSAL_UNAVAILABLE, reply_code_of(REPLY_NO_SERVICE), WIN_SEM_TIMEOUT, SUB_CERTIFICATE_INVALID);
    rehearsal_free(r);
}
