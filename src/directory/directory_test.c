/* directory_test.c - mapping, account reading and fail-over against controllers that misbehave (fake_controller.py). */
#include "directory/directory.h"

#include "base/case_test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "directory/directory_priv.h"
#include "tls/cert.h"

enum {
    NOW = 1700000000,
    QUICK_MS = 4000,    /* of controllers that hang; a good one may take no longer, either */
    PATIENT_MS = 30000, /* of those that answer */
    SKIP_MS = 600000,   /* longer than the test */
};

struct controller {
    FILE *in, *out;
    pid_t pid;
    unsigned ldap, ldaps;
};

static struct text certificate; /* with the name 127.0.0.1, known to everybody here */
static char folder[] = "/tmp/directory_test.XXXXXX";
static struct controller first, second;

/* ---- the controllers ---- */

static void in_folder(const char *name, char path[64])
{
    snprintf(path, 64, "%s/%s", folder, name);
}

static void write_file(const char *name, const struct text *bytes)
{
    char path[64];
    in_folder(name, path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes->ptr, 1, bytes->len, f), bytes->len);
    fclose(f);
}

static void make_certificate(void)
{
    struct cert *c = NULL;
    struct diag d = { 0 };
    struct slice names[] = { SLICE_LITERAL("127.0.0.1") };
    const struct cert_request r = { SLICE_LITERAL("dc1"), names, 1, 30, time(NULL) };
    OWNED_TEXT_BUFFER key = { 0 };
    assert_int_equal(cert_create_self_signed(&r, &c, &d), 0);
    assert_int_equal(cert_write_pem(c, CERT_PART_LEAF, &certificate), 0);
    assert_int_equal(cert_write_pem(c, CERT_PART_KEY, &key), 0);
    write_file("cert", &certificate);
    write_file("key", &key);
    cert_free(c);
}

static void controller_start(struct controller *c)
{
    int to[2], from[2];
    char cert[64], key[64];
    in_folder("cert", cert);
    in_folder("key", key);
    assert_int_equal(pipe2(to, O_CLOEXEC), 0);
    assert_int_equal(pipe2(from, O_CLOEXEC), 0);
    c->pid = fork();
    if (c->pid == 0) {
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        execlp("python3", "python3", FAKE_CONTROLLER, cert, key, NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    c->in = fdopen(to[1], "w");
    c->out = fdopen(from[0], "r");
    assert_int_equal(fscanf(c->out, "%u %u", &c->ldap, &c->ldaps), 2);
}

static void controller_stop(struct controller *c)
{
    fclose(c->in);
    fclose(c->out);
    kill(c->pid, SIGKILL);
    waitpid(c->pid, NULL, 0);
}

static void command(struct controller *c, const char *word, const char *value)
{
    char answer[8];
    fprintf(c->in, "%s %s\n", word, value);
    fflush(c->in);
    assert_int_equal(fscanf(c->out, "%7s", answer), 1);
}

static void behave(struct controller *c, const char *mode)
{
    command(c, "mode", mode);
}

struct counts {
    unsigned connections, binds, searches, attempts; /* binds as a person */
};

static struct counts counts_of(struct controller *c)
{
    struct counts n;
    fprintf(c->in, "count\n");
    fflush(c->in);
    assert_int_equal(fscanf(c->out, "%u %u %u %u", &n.connections, &n.binds, &n.searches, &n.attempts), 4);
    return n;
}

/* ---- questions ---- */

static const struct mapping_rules strict = { .strength = STRENGTH_FULL, .issuer_in_ntauth = true, .require_ntauth = true, .at = NOW };

static struct directory *open_with(struct directory_config config, const char *uris)
{
    struct directory *d = NULL;
    struct diag diag = { 0 };
    config.uris = slice_str(uris);
    config.bind_name = SLICE_LITERAL("svc@depot.test");
    if (!config.bind_password.len)
        config.bind_password = SLICE_LITERAL("secret");
    if (!config.ca_pem.len)
        config.ca_pem = text_slice(&certificate);
    config.connect_ms = config.connect_ms ? config.connect_ms : PATIENT_MS;
    config.search_ms = config.search_ms ? config.search_ms : PATIENT_MS;
    assert_int_equal(directory_new(&config, &d, &diag), 0);
    return d;
}

static struct directory *open_one(const struct controller *c)
{
    char uri[64];
    snprintf(uri, sizeof uri, "ldaps://127.0.0.1:%u", c->ldaps);
    return open_with((struct directory_config){ 0 }, uri);
}

static struct directory *open_both(int64_t limit_ms, int64_t skip_ms)
{
    char uris[128];
    snprintf(uris, sizeof uris, "ldaps://127.0.0.1:%u  ldaps://127.0.0.1:%u", first.ldaps, second.ldaps);
    return open_with((struct directory_config){ .connect_ms = limit_ms, .search_ms = limit_ms, .skip_ms = skip_ms }, uris);
}

/* Facts that no account has, but for what the caller sets.  Each has its own cache key. */
static struct cert_facts facts_with(struct cert_facts f)
{
    static unsigned number;
    static char keys[512][16];
    snprintf(keys[number % 512], sizeof keys[0], "%u", number);
    f.sha256 = slice_str(keys[number++ % 512]);
    if (!f.issuer.len)
        f.issuer = SLICE_LITERAL("CN=Test CA");
    f.not_before = f.not_before ? f.not_before : NOW;
    return f;
}

static struct cert_facts upn(const char *name)
{
    return facts_with((struct cert_facts){ .upn = { slice_str(name) }, .upn_count = 1 });
}

static enum directory_verdict ask(struct directory *d, struct cert_facts f)
{
    struct directory_account a = { 0 };
    struct mapping_rules lenient = strict;
    lenient.strength = STRENGTH_DISABLED;
    enum directory_verdict v = directory_map(d, &f, &lenient, SLICE_NONE, NULL, &a);
    directory_account_free(&a);
    return v;
}

/* ---- mapping ---- */

#define S(text) { (text), sizeof(text) - 1 }
#define RULES(...) { .issuer_in_ntauth = true, .require_ntauth = true, .at = NOW, __VA_ARGS__ }
#define STRICT { .issuer_in_ntauth = true, .require_ntauth = true, .at = NOW }

static const struct {
    const char *label;
    struct cert_facts facts;
    struct mapping_rules rules;
    enum directory_verdict want;
    unsigned tier;
    const char *name;
} cases[] = {
    { "issuer and serial number", { .serial_reversed = S("0a01") }, STRICT, DIRECTORY_FOUND, 1, "alice" },
    { "another serial number", { .serial_reversed = S("0a02") }, STRICT, DIRECTORY_NONE, 0, "" },
    { "same serial number, another CA (C04)", { .issuer = S("CN=Evil CA"), .serial_reversed = S("0a01") }, STRICT, DIRECTORY_NONE, 0, "" },
    { "serial number stored with its pad", { .serial_reversed = S("0b99") }, STRICT, DIRECTORY_FOUND, 1, "padded" },
    { "serial number with the pad in the certificate only", { .serial_reversed = S("0a0100") }, STRICT, DIRECTORY_FOUND, 1, "alice" },
    { "two accounts with one key (C03)", { .ski = S("77") }, STRICT, DIRECTORY_AMBIGUOUS, 0, "" },
    { "a strong hit is not shadowed by a name", { .serial_reversed = S("0a01"), .upn = { S("ivan@depot.test") }, .upn_count = 1 }, STRICT, DIRECTORY_FOUND, 1, "alice" },
    { "a UPN alone is weak (C01)", { .upn = { S("alice@depot.test") }, .upn_count = 1 }, STRICT, DIRECTORY_WEAK, 0, "" },
    { "a UPN, all mappings allowed", { .upn = { S("alice@depot.test") }, .upn_count = 1 }, RULES(.strength = STRENGTH_DISABLED), DIRECTORY_FOUND, 2, "alice" },
    { "a UPN, certificate younger than the account", { .upn = { S("alice@depot.test") }, .upn_count = 1 }, RULES(.strength = STRENGTH_COMPATIBILITY), DIRECTORY_FOUND, 2, "alice" },
    { "a UPN, certificate older than the account", { .upn = { S("alice@depot.test") }, .upn_count = 1, .not_before = 1672531199 }, RULES(.strength = STRENGTH_COMPATIBILITY), DIRECTORY_WEAK, 0, "" },
    { "backdating covers the difference", { .upn = { S("alice@depot.test") }, .upn_count = 1, .not_before = 1672531199 }, RULES(.strength = STRENGTH_COMPATIBILITY, .backdating_minutes = 1), DIRECTORY_FOUND, 2, "alice" },
    { "the SID makes it strong", { .upn = { S("alice@depot.test") }, .upn_count = 1, .sid = S("S-1-5-21-1-2-3-1001") }, STRICT, DIRECTORY_FOUND, 2, "alice" },
    { "somebody else's SID (C02)", { .upn = { S("alice@depot.test") }, .upn_count = 1, .sid = S("S-1-5-21-1-2-3-1002") }, RULES(.strength = STRENGTH_DISABLED), DIRECTORY_SID_DIFFERS, 0, "" },
    { "a strong form with somebody else's SID (C02)", { .serial_reversed = S("0a01"), .sid = S("S-1-5-21-1-2-3-1002") }, STRICT, DIRECTORY_SID_DIFFERS, 0, "" },
    { "two UPNs of two accounts (C03)", { .upn = { S("alice@depot.test"), S("bert@depot.test") }, .upn_count = 2 }, RULES(.strength = STRENGTH_DISABLED), DIRECTORY_AMBIGUOUS, 0, "" },
    { "two UPNs of two accounts, one of them implicit (C03)", { .upn = { S("alice@depot.test"), S("noname@depot.test") }, .upn_count = 2 }, RULES(.strength = STRENGTH_DISABLED), DIRECTORY_AMBIGUOUS, 0, "" },
    { "two UPNs, one of nobody", { .upn = { S("alice@depot.test"), S("gone@depot.test") }, .upn_count = 2 }, RULES(.strength = STRENGTH_DISABLED), DIRECTORY_FOUND, 2, "alice" },
    { "two UPNs of one account", { .upn = { S("ALICE@depot.test"), S("alice@depot.test") }, .upn_count = 2 }, RULES(.strength = STRENGTH_DISABLED), DIRECTORY_FOUND, 2, "alice" },
    { "its category is a DN, as servers hold it that are not Microsoft's", { .upn = { S("stored@depot.test") }, .upn_count = 1 }, RULES(.strength = STRENGTH_DISABLED), DIRECTORY_FOUND, 2, "stored" },
    { "the implicit UPN", { .upn = { S("noname@DEPOT.test") }, .upn_count = 1 }, RULES(.strength = STRENGTH_DISABLED), DIRECTORY_FOUND, 2, "noname" },
    { "the implicit UPN of another domain", { .upn = { S("noname@other.test") }, .upn_count = 1 }, RULES(.strength = STRENGTH_DISABLED), DIRECTORY_NONE, 0, "" },
    { "a UPN that differs by an accent only", { .upn = { S("zoe@depot.test") }, .upn_count = 1 }, RULES(.strength = STRENGTH_DISABLED), DIRECTORY_NONE, 0, "" },
    { "a star is no wildcard (L01)", { .upn = { S("ali*@depot.test") }, .upn_count = 1 }, RULES(.strength = STRENGTH_DISABLED), DIRECTORY_NONE, 0, "" },
    { "brackets do not end the filter (L01)", { .upn = { S("x)(sAMAccountName=alice@depot.test") }, .upn_count = 1 }, RULES(.strength = STRENGTH_DISABLED), DIRECTORY_NONE, 0, "" },
    { "the SID alone", { .sid = S("S-1-5-21-1-2-3-1002") }, STRICT, DIRECTORY_FOUND, 3, "bert" },
    { "a group's SID is nobody", { .sid = S("S-1-5-21-1-2-3-2001") }, STRICT, DIRECTORY_NONE, 0, "" },
    { "issuer and subject are weak", { .subject = S("CN=bert") }, STRICT, DIRECTORY_WEAK, 0, "" },
    { "issuer and subject, allowed", { .subject = S("CN=bert") }, RULES(.strength = STRENGTH_DISABLED), DIRECTORY_FOUND, 4, "bert" },
    { "a mail address", { .rfc822 = { S("paul@depot.test") }, .rfc822_count = 1 }, RULES(.strength = STRENGTH_DISABLED), DIRECTORY_FOUND, 5, "paul" },
    { "a whole CA, not asked for", { .issuer = S("CN=Whole CA") }, RULES(.strength = STRENGTH_DISABLED), DIRECTORY_NONE, 0, "" },
    { "a whole CA", { .issuer = S("CN=Whole CA") }, RULES(.strength = STRENGTH_DISABLED, .allow_issuer_mapping = true), DIRECTORY_FOUND, 6, "owner" },
    { "methods without UPN", { .upn = { S("alice@depot.test") }, .upn_count = 1 }, RULES(.strength = STRENGTH_DISABLED, .methods = 1), DIRECTORY_NONE, 0, "" },
    { "CA not in NTAuth", { .serial_reversed = S("0a01") }, { .require_ntauth = true, .at = NOW }, DIRECTORY_NOT_NTAUTH, 0, "" },
    { "CA not in NTAuth, not required, strong", { .serial_reversed = S("0a01") }, { .at = NOW }, DIRECTORY_FOUND, 1, "alice" },
    { "CA not in NTAuth, not required, by name", { .upn = { S("alice@depot.test") }, .upn_count = 1 }, { .at = NOW, .strength = STRENGTH_DISABLED }, DIRECTORY_NOT_NTAUTH, 0, "" },
    { "disabled", { .upn = { S("ivan@depot.test") }, .upn_count = 1 }, RULES(.strength = STRENGTH_DISABLED), DIRECTORY_DISABLED, 2, "ivan" },
    { "more groups than anybody has (L07)", { .upn = { S("crowd@depot.test") }, .upn_count = 1 }, RULES(.strength = STRENGTH_DISABLED), DIRECTORY_UNAVAILABLE, 0, "" },
    { "nothing in the certificate", { .issuer = S("") }, RULES(.strength = STRENGTH_DISABLED), DIRECTORY_NONE, 0, "" },
};

static void test_mapping(void **state)
{
    (void)state;
    struct directory *d = open_one(&first);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        struct directory_account a = { 0 };
        struct cert_facts f = facts_with(cases[i].facts);
        for (int again = 0; again < 2; again++) { /* the second answer comes from the cache */
            OWNED_TEXT_BUFFER steps = { 0 };
            enum directory_verdict v = directory_map(d, &f, &cases[i].rules, SLICE_NONE, &steps, &a);
            assert_string_equal(directory_verdict_text(v), directory_verdict_text(cases[i].want));
            assert_int_equal(a.tier, cases[i].tier);
            assert_true(slice_equal_str(a.name, cases[i].name));
            directory_account_free(&a);
        }
    }
    directory_free(d);
}

/* Tier 6 looks for the CAs above the issuing one, too, the lower ones first. */
static void test_upper_authorities(void **state)
{
    (void)state;
    static const struct {
        const char *label, *chain[2], *want;
        bool allowed;
    } chains[] = {
        { "no CA of the chain",       { "Low CA", "Root CA" }, "", true },
        { "the CA above",             { "Low CA", "Upper CA" }, "chief", true },
        { "two have one, the lower counts", { "Whole CA", "Upper CA" }, "owner", true },
        { "not asked for",            { "Low CA", "Upper CA" }, "", false },
    };
    struct directory *d = open_one(&first);
    for (size_t i = 0; i < COUNT_OF(chains); i++) {
        CASE_LABEL(&chains[i]);
        OWNED_TEXT_BUFFER issuers = { 0 };
        struct directory_account a = { 0 };
        struct cert_facts f = facts_with((struct cert_facts){ .issuer = S("CN=Low CA") });
        for (size_t n = 0; n < 2; n++) {
            struct slice name = slice_str(chains[i].chain[n]);
            const struct cert_request request = { name, &name, 1, 30, time(NULL) };
            struct cert *c = NULL;
            struct diag diag = { 0 };
            assert_int_equal(cert_create_self_signed(&request, &c, &diag), 0);
            assert_int_equal(cert_write_sent(c, &issuers), 0);
            cert_free(c);
        }
        struct mapping_rules rules = RULES(.strength = STRENGTH_DISABLED, .allow_issuer_mapping = chains[i].allowed);
        rules.issuers = text_slice(&issuers);
        assert_int_equal(directory_map(d, &f, &rules, SLICE_NONE, NULL, &a), *chains[i].want ? DIRECTORY_FOUND : DIRECTORY_NONE);
        assert_true(slice_equal_str(a.name, chains[i].want));
        directory_account_free(&a);
    }
    directory_free(d);
}

static void test_account(void **state)
{
    (void)state;
    struct directory *d = open_one(&first);
    struct directory_account a = { 0 };
    struct cert_facts f = facts_with((struct cert_facts){ .serial_reversed = S("0a01") });
    struct slice roles = SLICE_LITERAL("ftp-admins\nftp-users\nDEPOT\\ftp-users\nOTHER\\ftp-users\nS-1-5-21-1-2-3-513\nEveryone\n*\n"
                                       "nobody\n\nBUILTIN\\Administrators\nDepot.test\\ftp-users\nftp-users@depot.test\nFTP-users@DEPOT\n"
                                       "ftp-users@other.test\nother.test\\ftp-users\n.\\ftp-users\nftp-admins@depot.test\n@depot.test");
    assert_int_equal(directory_map(d, &f, &strict, roles, NULL, &a), DIRECTORY_FOUND);
    assert_true(slice_equal_str(a.domain, "DEPOT"));
    assert_true(slice_equal_str(a.dns_domain, "depot.test"));
    assert_true(slice_equal_str(a.upn, "alice@depot.test"));
    assert_true(slice_equal_str(a.dn, "CN=alice,OU=People,DC=depot,DC=test"));
    assert_true(slice_equal_str(a.sid, "S-1-5-21-1-2-3-1001"));
    assert_true(slice_equal_str(a.groups, "S-1-5-21-1-2-3-513\nS-1-5-21-1-2-3-2001\nS-1-1-0\nS-1-5-11\nS-1-5-2"));
    assert_true(slice_equal_str(a.roles, "ftp-users\nDEPOT\\ftp-users\nS-1-5-21-1-2-3-513\nEveryone\nDepot.test\\ftp-users\n"
                                         "ftp-users@depot.test\nFTP-users@DEPOT"));
    assert_true(a.strong && !a.has_uid);
    directory_account_free(&a);
    directory_free(d);
}

/* Where tokenGroups cannot be read, by the rule in-chain or, from who does not say that he knows it, member by member: the
 * groups are the same, and what is not known as a whole lets nobody in (L07). */
static void test_groups_without_token(void **state)
{
    static const struct {
        const char *label, *mode, *upn;
        enum directory_verdict want;
    } rows[] = {
        { "in-chain",                "good",  "nogroups@depot.test", DIRECTORY_FOUND       },
        { "one by one, in a circle", "plain", "nogroups@depot.test", DIRECTORY_FOUND       },
        { "deeper than 32",          "plain", "deep@depot.test",     DIRECTORY_UNAVAILABLE },
        { "in more than 1000",       "plain", "popular@depot.test",  DIRECTORY_UNAVAILABLE },
        { "only a part of them",     "cut",   "deep@depot.test",     DIRECTORY_UNAVAILABLE }, /* MaxPageSize */
    };
    static const struct mapping_rules rules = RULES(.strength = STRENGTH_DISABLED);
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CASE_LABEL(&rows[i]);
        behave(&first, rows[i].mode);
        struct directory *d = open_one(&first);
        struct directory_account a = { 0 };
        struct cert_facts f = upn(rows[i].upn);
        assert_int_equal(directory_map(d, &f, &rules, SLICE_LITERAL("inner\nmiddle\nouter\nother"), NULL, &a), rows[i].want);
        if (rows[i].want == DIRECTORY_FOUND)
            assert_true(slice_equal_str(a.roles, "inner\nmiddle\nouter"));
        directory_account_free(&a);
        directory_free(d);
    }
    behave(&first, "good");
}

static void test_cache_and_connections(void **state)
{
    (void)state;
    struct directory *d = open_one(&second);
    struct counts before = counts_of(&second);
    struct cert_facts f = upn("alice@depot.test");
    for (int i = 0; i < 5; i++)
        assert_int_equal(ask(d, f), DIRECTORY_FOUND);
    struct counts once = counts_of(&second);
    assert_int_equal(once.connections - before.connections, 1);
    assert_int_equal(once.binds - before.binds, 1);
    directory_flush(d);
    assert_int_equal(ask(d, f), DIRECTORY_FOUND);
    struct counts flushed = counts_of(&second);
    assert_int_equal(flushed.connections, once.connections);
    assert_true(flushed.searches > once.searches);
    directory_free(d);
}

/* ---- passwords ---- */

static const struct {
    const char *label, *name, *domain, *password;
    enum directory_verdict want;
    const char *account;
    unsigned binds; /* that reach the controller */
} logons[] = {
    { "DOMAIN\\user", "DEPOT\\alice", "", "Pw-alice", DIRECTORY_FOUND, "alice", 1 },
    { "another case (A10)", "depot\\ALICE", "", "Pw-alice", DIRECTORY_FOUND, "alice", 1 },
    { "the DNS name as domain", "depot.test\\alice", "", "Pw-alice", DIRECTORY_FOUND, "alice", 1 },
    { "user@domain", "alice@depot.test", "", "Pw-alice", DIRECTORY_FOUND, "alice", 1 },
    { "user@DOMAIN without a UPN", "noname@DEPOT", "", "Pw-noname", DIRECTORY_FOUND, "noname", 1 },
    { "defaultLogonDomain", "alice", "DEPOT", "Pw-alice", DIRECTORY_FOUND, "alice", 1 },
    { "no domain at all", "alice", "", "Pw-alice", DIRECTORY_NONE, "", 0 },
    { "another domain's", "OTHER\\alice", "DEPOT", "Pw-alice", DIRECTORY_NONE, "", 0 },
    { "an empty name", "DEPOT\\", "", "Pw-alice", DIRECTORY_NONE, "", 1 },
    { "wrong password", "DEPOT\\alice", "", "pw-alice", DIRECTORY_BAD_PASSWORD, "", 1 },
    { "empty password (L02)", "DEPOT\\alice", "", "", DIRECTORY_BAD_PASSWORD, "", 0 },
    { "nobody, for the price of a bind (A01)", "DEPOT\\nobody", "", "Pw-alice", DIRECTORY_NONE, "", 1 },
    { "a star is no wildcard (L01)", "DEPOT\\ali*", "", "Pw-alice", DIRECTORY_NONE, "", 1 },
    { "brackets do not end the filter (L01, A13)", "DEPOT\\x)(sAMAccountName=alice", "", "Pw-alice", DIRECTORY_NONE, "", 1 },
    { "an accent more (A10)", "DEPOT\\zoé", "", "Pw-zoe", DIRECTORY_NONE, "", 1 },
    { "the account name as UPN beside another UPN", "zoe@depot.test", "", "Pw-zoe", DIRECTORY_FOUND, "zoe", 1 },
    { "a trailing blank (A10)", "DEPOT\\alice ", "", "Pw-alice", DIRECTORY_NONE, "", 1 },
    { "disabled, right password", "DEPOT\\ivan", "", "Pw-ivan", DIRECTORY_DISABLED, "", 1 },
    { "disabled, wrong password", "DEPOT\\ivan", "", "x", DIRECTORY_BAD_PASSWORD, "", 1 },
    { "must change the password", "DEPOT\\nina", "", "Pw-nina", DIRECTORY_MUST_CHANGE, "", 1 },
    { "a line break in the name", "DEPOT\\alice\n", "", "Pw-alice", DIRECTORY_NONE, "", 0 },
};

static enum directory_verdict log_on(struct directory *d, const char *name, const char *domain, const char *password,
                                     struct directory_account *a)
{
    const struct directory_logon logon = { slice_str(name), slice_str(domain), slice_str(password) };
    const struct mapping_rules rules = { .at = NOW, .by_password = true, .with_ids = true };
    return directory_log_on(d, &logon, &rules, SLICE_LITERAL("ftp-users"), NULL, a);
}

static void test_log_on(void **state)
{
    (void)state;
    struct directory *d = open_one(&first);
    struct directory_account a = { 0 };
    assert_int_equal(log_on(d, "DEPOT\\bert", "", "Pw-bert", &a), DIRECTORY_FOUND); /* now the domain is known */
    directory_account_free(&a);
    for (size_t i = 0; i < COUNT_OF(logons); i++) {
        CASE_LABEL(&logons[i]);
        struct counts before = counts_of(&first);
        enum directory_verdict v = log_on(d, logons[i].name, logons[i].domain, logons[i].password, &a);
        assert_string_equal(directory_verdict_text(v), directory_verdict_text(logons[i].want));
        assert_true(slice_equal_str(a.name, logons[i].account));
        assert_int_equal(counts_of(&first).binds - before.binds, logons[i].binds);
        directory_account_free(&a);
    }
    directory_free(d);
}

static void test_ids_and_home(void **state)
{
    (void)state;
    struct directory *d = open_one(&first);
    struct directory_account a = { 0 };
    OWNED_TEXT_BUFFER root = { 0 };
    OWNED_TEXT_BUFFER dir = { 0 };
    struct slice sid = SLICE_LITERAL("S-1-5-21-1-2-3-1016");
    assert_int_equal(log_on(d, "DEPOT\\wanda", "", "Pw-wanda", &a), DIRECTORY_FOUND);
    assert_true(a.has_uid && a.uid == 5016 && a.gid == 5513);
    assert_true(slice_equal(a.gids, slice_of("\x71\x17\0\0\x72\x17\0\0", 8)));
    assert_true(slice_equal_str(a.roles, "ftp-users"));
    assert_int_equal(directory_prove(d, &a, SLICE_LITERAL("Pw-wanda"), NULL), DIRECTORY_FOUND);
    assert_int_equal(directory_prove(d, &a, SLICE_LITERAL("Pw-alice"), NULL), DIRECTORY_BAD_PASSWORD);
    assert_int_equal(directory_prove(d, &a, SLICE_NONE, NULL), DIRECTORY_BAD_PASSWORD);
    directory_account_free(&a);

    assert_int_equal(directory_home(d, sid, 60000, NULL, &root, &dir), DIRECTORY_FOUND);
    assert_string_equal(text_str(&root), "\\\\files\\ftp");
    assert_string_equal(text_str(&dir), "wanda");
    struct counts before = counts_of(&first);
    assert_int_equal(directory_home(d, sid, 60000, NULL, &root, &dir), DIRECTORY_FOUND);
    assert_int_equal(counts_of(&first).searches, before.searches);
    assert_int_equal(directory_home(d, sid, 0, NULL, &root, &dir), DIRECTORY_FOUND); /* no answer is that young */
    assert_int_equal(counts_of(&first).searches, before.searches + 1);
    assert_int_equal(directory_home(d, SLICE_LITERAL("S-1-5-21-1-2-3-1001"), 60000, NULL, &root, &dir), DIRECTORY_FOUND);
    assert_int_equal(root.len + dir.len, 0);
    assert_int_equal(directory_home(d, SLICE_LITERAL("S-1-5-21-1-2-3-9"), 60000, NULL, &root, &dir), DIRECTORY_NONE);

    assert_int_equal(directory_look_up(d, sid, &strict, SLICE_NONE, NULL, &a), DIRECTORY_FOUND);
    assert_true(slice_equal_str(a.name, "wanda"));
    directory_account_free(&a);
    assert_int_equal(directory_look_up(d, SLICE_LITERAL("S-1-5-21-1-2-3-2001"), &strict, SLICE_NONE, NULL, &a), DIRECTORY_NONE);
    assert_int_equal(directory_look_up(d, SLICE_LITERAL("S-1-5-21-1-2-3-1005"), &strict, SLICE_NONE, NULL, &a), DIRECTORY_DISABLED);
    directory_account_free(&a);
    directory_free(d);
}

struct guesser {
    struct directory *d;
    pthread_t thread;
};

static void *guess(void *context)
{
    struct guesser *g = context;
    struct directory_account a = { 0 };
    enum directory_verdict v = log_on(g->d, "DEPOT\\olaf", "", "wrong", &a);
    assert_true(v == DIRECTORY_BAD_PASSWORD || v == DIRECTORY_SPARED);
    return NULL;
}

/* A05: the domain locks after 4; at 3 nobody asks any more, however many guess at once. */
static void test_lockout_is_not_reached(void **state)
{
    (void)state;
    struct directory *d = open_one(&second);
    struct directory_account a = { 0 };
    struct guesser g[12];
    assert_int_equal(log_on(d, "DEPOT\\rita", "", "Pw-rita", &a), DIRECTORY_FOUND);
    directory_account_free(&a);
    struct counts before = counts_of(&second);
    for (size_t i = 0; i < COUNT_OF(g); i++) {
        g[i].d = d;
        assert_int_equal(pthread_create(&g[i].thread, NULL, guess, &g[i]), 0);
    }
    for (size_t i = 0; i < COUNT_OF(g); i++)
        pthread_join(g[i].thread, NULL);
    assert_int_equal(counts_of(&second).attempts - before.attempts, 3);
    assert_int_equal(log_on(d, "DEPOT\\olaf", "", "Pw-olaf", &a), DIRECTORY_SPARED);
    assert_int_equal(log_on(d, "DEPOT\\rita", "", "Pw-rita", &a), DIRECTORY_FOUND); /* others are not concerned */
    directory_account_free(&a);
    directory_free(d);

    char uri[64];
    snprintf(uri, sizeof uri, "ldaps://127.0.0.1:%u", second.ldaps);
    d = open_with((struct directory_config){ .no_lockout_protection = true }, uri);
    assert_int_equal(log_on(d, "DEPOT\\olaf", "", "Pw-olaf", &a), DIRECTORY_FOUND);
    directory_account_free(&a);
    directory_free(d);
}

/* A05: the domain's administrator may lower the threshold, or set one. */
static void test_lockout_is_learned_again(void **state)
{
    (void)state;
    struct directory *d = open_one(&second);
    struct directory_account a = { 0 };
    command(&second, "lockout", "0");
    for (int i = 0; i < 2; i++)
        assert_int_equal(log_on(d, "DEPOT\\paul", "", "wrong", &a), DIRECTORY_BAD_PASSWORD);
    command(&second, "lockout", "3");
    directory_flush(d);
    assert_int_equal(log_on(d, "DEPOT\\paul", "", "wrong", &a), DIRECTORY_SPARED);
    command(&second, "lockout", "4");
    directory_flush(d);
    assert_int_equal(log_on(d, "DEPOT\\paul", "", "Pw-paul", &a), DIRECTORY_FOUND);
    directory_account_free(&a);
    directory_free(d);
}

static void test_log_on_fails_over(void **state)
{
    (void)state;
    struct directory *d = open_both(QUICK_MS, SKIP_MS);
    struct directory_account a = { 0 };
    assert_int_equal(log_on(d, "DEPOT\\rita", "", "Pw-rita", &a), DIRECTORY_FOUND);
    directory_account_free(&a);
    behave(&first, "busy"); /* for a bind alone: searches go well */
    assert_int_equal(log_on(d, "DEPOT\\rita", "", "Pw-rita", &a), DIRECTORY_FOUND);
    directory_account_free(&a);
    behave(&first, "hang");
    behave(&second, "hang");
    assert_int_equal(log_on(d, "DEPOT\\rita", "", "Pw-rita", &a), DIRECTORY_UNAVAILABLE);
    behave(&first, "good");
    behave(&second, "good");
    directory_free(d);

    d = open_both(PATIENT_MS, SKIP_MS); /* a wrong password is no reason to ask another one, nor to think ill of the first */
    struct counts before = counts_of(&second);
    assert_int_equal(log_on(d, "DEPOT\\rita", "", "wrong", &a), DIRECTORY_BAD_PASSWORD);
    assert_int_equal(log_on(d, "DEPOT\\rita", "", "Pw-rita", &a), DIRECTORY_FOUND);
    directory_account_free(&a);
    assert_int_equal(counts_of(&second).connections, before.connections);
    directory_free(d);
}

/* ---- TLS ---- */

static void test_tls(void **state)
{
    (void)state;
    char uri[64];
    snprintf(uri, sizeof uri, "ldap://127.0.0.1:%u", first.ldap);
    struct directory *d = open_with((struct directory_config){ 0 }, uri);
    assert_int_equal(ask(d, upn("alice@depot.test")), DIRECTORY_FOUND);
    directory_free(d);

    struct counts before = counts_of(&first);
    snprintf(uri, sizeof uri, "ldaps://localhost:%u", first.ldaps); /* not the name in the certificate (L05) */
    d = open_with((struct directory_config){ 0 }, uri);
    assert_int_equal(ask(d, upn("alice@depot.test")), DIRECTORY_UNAVAILABLE);
    directory_free(d);

    struct cert *other = NULL;
    struct diag diag = { 0 };
    OWNED_TEXT_BUFFER pem = { 0 };
    const struct cert_request r = { SLICE_LITERAL("dc1"), NULL, 0, 30, time(NULL) };
    assert_int_equal(cert_create_self_signed(&r, &other, &diag), 0);
    assert_int_equal(cert_write_pem(other, CERT_PART_LEAF, &pem), 0);
    snprintf(uri, sizeof uri, "ldaps://127.0.0.1:%u", first.ldaps);
    d = open_with((struct directory_config){ .ca_pem = text_slice(&pem) }, uri);
    assert_int_equal(ask(d, upn("alice@depot.test")), DIRECTORY_UNAVAILABLE);
    directory_free(d);
    cert_free(other);
    assert_int_equal(counts_of(&first).binds, before.binds); /* the password went to nobody */
}

static const struct {
    const char *label;
    struct directory_config config;
    int want;
} refused[] = {
    { "no server",                         { .uris = S(" "), .bind_name = S("x"), .bind_password = S("x") }, ERR_NOT_FOUND },
    { "a web address",                     { .uris = S("https://dc1"), .bind_name = S("x"), .bind_password = S("x") }, ERR_SYNTAX },
    { "a port that is none",               { .uris = S("ldaps://dc1:0"), .bind_name = S("x"), .bind_password = S("x") }, ERR_SYNTAX },
    { "an empty password binds anonymously (L02)", { .uris = S("ldaps://dc1"), .bind_name = S("x") }, ERR_DENIED },
    { "no CA: nobody could be trusted",    { .uris = S("ldaps://dc1"), .bind_name = S("x"), .bind_password = S("x") }, ERR_SYNTAX },
};

static void test_configuration(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        CASE_LABEL(&refused[i]);
        struct directory *d = NULL;
        struct diag diag = { 0 };
        assert_int_equal(directory_new(&refused[i].config, &d, &diag), refused[i].want);
        assert_null(d);
        assert_true(diag.what[0]);
    }
}

/* ---- controllers that fail ---- */

static void test_hanging_controller(void **state)
{
    (void)state;
    static const char *const modes[] = { "hang", "drip", "close" };
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        print_message("    case: %s\n", modes[i]);
        struct directory *d = open_both(QUICK_MS, SKIP_MS);
        struct counts before = counts_of(&second);
        behave(&first, modes[i]);
        assert_int_equal(ask(d, upn("alice@depot.test")), DIRECTORY_FOUND);
        assert_int_equal(counts_of(&second).connections, before.connections + 1); /* it was who answered */
        before = counts_of(&first);
        assert_int_equal(ask(d, upn("bert@depot.test")), DIRECTORY_FOUND);
        assert_int_equal(counts_of(&first).connections, before.connections); /* skipped, not asked again (L06) */
        behave(&second, modes[i]);
        assert_int_equal(ask(d, upn("paul@depot.test")), DIRECTORY_UNAVAILABLE);
        before = counts_of(&first);
        struct counts of_second = counts_of(&second);
        assert_int_equal(ask(d, upn("paul@depot.test")), DIRECTORY_UNAVAILABLE);
        assert_int_equal(counts_of(&first).connections, before.connections); /* both are skipped: nobody is waited for */
        assert_int_equal(counts_of(&second).connections, of_second.connections);
        behave(&first, "good");
        behave(&second, "good");
        directory_free(d);
    }
}

static void test_comes_back(void **state)
{
    (void)state;
    struct directory *d = open_both(PATIENT_MS, 1);
    struct cert_facts f = upn("alice@depot.test");
    behave(&first, "close");
    behave(&second, "close");
    assert_int_equal(ask(d, f), DIRECTORY_UNAVAILABLE);
    behave(&first, "good");
    behave(&second, "good");
    nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL); /* longer than skip_ms */
    assert_int_equal(ask(d, f), DIRECTORY_FOUND); /* that nobody answered was not remembered */
    directory_free(d);
}

static void test_refusals(void **state)
{
    (void)state;
    struct directory *d = open_both(PATIENT_MS, SKIP_MS);
    behave(&first, "refuse-bind");
    struct counts before = counts_of(&second);
    assert_int_equal(ask(d, upn("alice@depot.test")), DIRECTORY_UNAVAILABLE);
    assert_int_equal(ask(d, upn("alice@depot.test")), DIRECTORY_UNAVAILABLE);
    assert_int_equal(counts_of(&second).binds, before.binds); /* a wrong password is not tried everywhere: it would lock */
    behave(&first, "good");
    directory_free(d);

    d = open_one(&first);
    assert_int_equal(ask(d, upn("alice@depot.test")), DIRECTORY_FOUND);
    before = counts_of(&first);
    behave(&first, "referral");
    assert_int_equal(ask(d, upn("bert@depot.test")), DIRECTORY_NONE); /* L04 */
    behave(&first, "many");
    assert_int_equal(ask(d, upn("bert@depot.test")), DIRECTORY_AMBIGUOUS); /* L03 */
    behave(&first, "good");
    assert_int_equal(counts_of(&first).connections, before.connections);
    directory_free(d);
}

static const struct {
    const char *label, *mode;
    bool stays; /* the controller is asked again at once */
} failures[] = {
    { "protocolError",        "code-2",  true },  { "inappropriateMatching", "code-18", true },
    { "invalidDNSyntax",      "code-34", true },  { "unwillingToPerform",    "code-53", true },
    { "insufficient rights",  "code-50", true },  { "operationsError",       "code-1",  false },
    { "busy",                 "code-51", false }, { "unavailable",           "code-52", false },
    { "other",                "code-80", false },
};

/* L06: the address of a list that no controller understands must not switch the directory off. */
static void test_refused_questions(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(failures); i++) {
        CASE_LABEL(&failures[i]);
        OWNED_TEXT_BUFFER crl = { 0 };
        struct directory *d = open_one(&first);
        assert_int_equal(ask(d, upn("alice@depot.test")), DIRECTORY_FOUND);
        struct counts before = counts_of(&first);
        behave(&first, failures[i].mode);
        int want = failures[i].stays ? ERR_NOT_FOUND : ERR_TIMEOUT;
        assert_int_equal(directory_read_crl(d, SLICE_LITERAL("ldap:///x?certificateRevocationList"), &crl), want);
        behave(&first, "good");
        assert_int_equal(ask(d, upn("bert@depot.test")), failures[i].stays ? DIRECTORY_FOUND : DIRECTORY_UNAVAILABLE);
        if (failures[i].stays)
            assert_int_equal(counts_of(&first).connections, before.connections);
        directory_free(d);
    }
}

/* ---- running ---- */

static int set_up(void **state)
{
    (void)state;
    directory_warm_up();
    if (!mkdtemp(folder))
        return -1;
    make_certificate();
    controller_start(&first);
    controller_start(&second);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char path[64];
    controller_stop(&first);
    controller_stop(&second);
    in_folder("cert", path);
    unlink(path);
    in_folder("key", path);
    unlink(path);
    rmdir(folder);
    text_free(&certificate);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mapping),      cmocka_unit_test(test_upper_authorities),
        cmocka_unit_test(test_account),      cmocka_unit_test(test_groups_without_token),
        cmocka_unit_test(test_cache_and_connections),
        cmocka_unit_test(test_log_on),       cmocka_unit_test(test_ids_and_home), cmocka_unit_test(test_lockout_is_not_reached),
        cmocka_unit_test(test_lockout_is_learned_again), cmocka_unit_test(test_log_on_fails_over),
        cmocka_unit_test(test_tls),          cmocka_unit_test(test_configuration), cmocka_unit_test(test_hanging_controller),
        cmocka_unit_test(test_comes_back),   cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_refused_questions),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
