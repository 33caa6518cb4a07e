/*
 * directory.c - see directory.h: life, the domain's names, the cache of answers.
 *
 * A cache entry is found by everything that the answer depends on but the time.  That no controller answers is never
 * remembered here; the pool remembers which controllers to leave alone.
 */
#include "directory/directory.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/own.h"
#include "directory/directory_priv.h"
#include "directory/text_forms.h"

static const struct {
    uint32_t win32;
    const char *text;
} verdicts[] = {
#define V(name, win32, text) { win32, text },
    DIRECTORY_VERDICTS(V)
#undef V
};

uint32_t directory_verdict_win32(enum directory_verdict v)
{
    return v < DIRECTORY_VERDICT_COUNT ? verdicts[v].win32 : verdicts[DIRECTORY_UNAVAILABLE].win32;
}

const char *directory_verdict_text(enum directory_verdict v)
{
    return v < DIRECTORY_VERDICT_COUNT ? verdicts[v].text : "unknown";
}

/* ---- the domain ---- */

static char *text_of(const struct ldap_answer *a, LDAPMessage *entry, const char *attribute)
{
    OWNED_TEXT_BUFFER value = { 0 };
    return ldap_answer_text(a, entry, attribute, &value) ? text_release(&value) : NULL;
}

static bool has_value(const struct ldap_answer *a, LDAPMessage *entry, const char *attribute, const char *value)
{
    struct berval **values = ldap_answer_values(a, entry, attribute);
    bool found = false;
    for (size_t i = 0; values && values[i] && !found; i++)
        found = slice_equal_str(slice_of(values[i]->bv_val, values[i]->bv_len), value);
    ldap_value_free_len(values);
    return found;
}

static void replace(char **field, char *found)
{
    if (found && !(*field && **field)) { /* what the administrator wrote stays */
        free(*field);
        *field = found;
    } else {
        free(found);
    }
}

static int ask_root(struct directory *d, struct text *steps, struct domain *domain)
{
    static const char *const wanted[] = { "defaultNamingContext", "configurationNamingContext", "supportedCapabilities", NULL };
    OWNED_ANSWER answer = { 0 };
    int err = ldap_pool_search(d->pool, &(struct ldap_query){ "", LDAP_SCOPE_BASE, NULL, wanted, 1 }, steps, &answer);
    LDAPMessage *entry = err ? NULL : ldap_answer_next(&answer, NULL);
    if (entry) {
        replace(&domain->base, text_of(&answer, entry, "defaultNamingContext"));
        domain->configuration = text_of(&answer, entry, "configurationNamingContext");
        domain->follows_chains = has_value(&answer, entry, "supportedCapabilities", "1.2.840.113556.1.4.800");
    }
    return err;
}

static int ask_names(struct directory *d, const char *naming_context, struct text *steps, struct domain *domain)
{
    static const char *const wanted[] = { "nETBIOSName", "dnsRoot", NULL };
    OWNED_TEXT_BUFFER filter = { 0 }, base = { 0 };
    text_add_str(&filter, "(&(objectClass=crossRef)(nCName=");
    ldap_text_add_filter(&filter, slice_str(naming_context));
    text_add_str(&filter, "))");
    text_addf(&base, "CN=Partitions,%s", domain->configuration);
    OWNED_ANSWER answer = { 0 };
    const struct ldap_query query = { text_str(&base), LDAP_SCOPE_ONELEVEL, text_str(&filter), wanted, 1 };
    int err = ldap_pool_search(d->pool, &query, steps, &answer);
    LDAPMessage *entry = err ? NULL : ldap_answer_next(&answer, NULL);
    if (entry) {
        replace(&domain->netbios, text_of(&answer, entry, "nETBIOSName"));
        replace(&domain->dns, text_of(&answer, entry, "dnsRoot"));
    }
    return err == ERR_NOT_FOUND ? 0 : err;
}

/* An object that cannot be found says nothing for long: what the domain locks is to be known as soon as it can be. */
static int ask_lockout(struct directory *d, const char *naming_context, struct text *steps, struct lockout *lockout)
{
    static const char *const wanted[] = { "lockoutDuration", "lockoutThreshold", "lockOutObservationWindow", NULL };
    OWNED_ANSWER answer = { 0 };
    const struct ldap_query query = { naming_context, LDAP_SCOPE_BASE, NULL, wanted, 1 };
    int err = ldap_pool_search(d->pool, &query, steps, &answer);
    LDAPMessage *entry = err ? NULL : ldap_answer_next(&answer, NULL);
    lockout->until = clock_ms() + (entry ? LOCKOUT_CACHE_MS : NEGATIVE_CACHE_MS);
    lockout->duration = entry ? ldap_answer_number(&answer, entry, "lockoutDuration", INT64_MIN) : INT64_MIN;
    lockout->threshold = entry ? ldap_answer_number(&answer, entry, "lockoutThreshold", 0) : 0;
    lockout->window = entry ? ldap_answer_number(&answer, entry, "lockOutObservationWindow", INT64_MIN) : INT64_MIN;
    return err == ERR_NOT_FOUND ? 0 : err;
}

/* The DC= parts at the end of a base DN: the domain it lies in. */
static const char *domain_part(const char *base)
{
    for (const char *at = base; *at; at++)
        if ((at == base || at[-1] == ',') && !strncasecmp(at, "DC=", 3))
            return at;
    return base;
}

bool domain_is(const struct domain *domain, struct slice name)
{
    return name.len && (slice_equal_fold_str(name, domain->netbios) || slice_equal_fold_str(name, domain->dns));
}

/* Active Directory takes "person" for the name of a class; who stands in for it has what is stored, the DN. */
void filter_add_person(struct text *filter, const struct domain *domain)
{
    bool knows = domain->configuration && domain->configuration[0];
    text_add_str(filter, "(|(objectCategory=person)(objectCategory=CN=Person,CN=Schema,");
    if (!knows)
        text_add_str(filter, "CN=Configuration,");
    ldap_text_add_filter(filter, slice_str(knows ? domain->configuration : domain_part(domain->base)));
    text_add_str(filter, "))(objectClass=user)");
}

static char *copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

static void domain_free(struct domain *domain)
{
    free(domain->base);
    free(domain->netbios);
    free(domain->dns);
    free(domain->configuration);
}

static int learn(struct directory *d, struct text *steps, struct domain *domain)
{
    int err = ask_root(d, steps, domain);
    if (err)
        return err;
    if (!domain->base || !domain->base[0]) {
        if (steps)
            text_add_str(steps, "the directory names no defaultNamingContext: a base DN must be configured\n");
        return ERR_NOT_FOUND;
    }
    if (domain->configuration && !(domain->netbios[0] && domain->dns[0]))
        err = ask_names(d, domain_part(domain->base), steps, domain);
    return err;
}

int directory_domain(struct directory *d, struct text *steps, const struct domain **domain_out)
{
    pthread_mutex_lock(&d->lock);
    bool known = d->domain.known;
    struct domain domain = { .base = copy(d->domain.base), .netbios = copy(d->domain.netbios), .dns = copy(d->domain.dns) };
    pthread_mutex_unlock(&d->lock);
    int err = 0;
    if (!known) {
        err = domain.base && domain.netbios && domain.dns ? learn(d, steps, &domain) : ERR_NOMEM;
        pthread_mutex_lock(&d->lock);
        if (!err && !d->domain.known) {
            struct domain unlearned = d->domain;
            d->domain = domain;
            d->domain.known = true;
            domain = unlearned;
        }
        pthread_mutex_unlock(&d->lock);
    }
    domain_free(&domain);
    if (!err)
        *domain_out = &d->domain;
    return err;
}

int directory_lockout(struct directory *d, struct text *steps, struct lockout *lockout_out)
{
    const struct domain *domain;
    pthread_mutex_lock(&d->lock);
    struct lockout lockout = d->lockout;
    pthread_mutex_unlock(&d->lock);
    if (lockout.until <= clock_ms()) {
        int err = directory_domain(d, steps, &domain);
        if (!err)
            err = ask_lockout(d, domain_part(domain->base), steps, &lockout);
        if (err)
            return err;
        pthread_mutex_lock(&d->lock);
        d->lockout = lockout;
        pthread_mutex_unlock(&d->lock);
    }
    *lockout_out = lockout;
    return 0;
}

/* ---- life ---- */

static char *copy_slice(struct slice s)
{
    return strndup(s.ptr ? s.ptr : "", s.len);
}

void directory_warm_up(void)
{
    LDAP *ld = NULL;
    setenv("LDAPNOINIT", "1", 1); /* no ldap.conf, no .ldaprc */
    if (ldap_create(&ld) == LDAP_SUCCESS)
        ldap_destroy(ld);
}

int directory_new(const struct directory_config *config, struct directory **directory_out, struct diag *diag)
{
    struct directory *d = calloc(1, sizeof *d);
    if (!d)
        return ERR_NOMEM;
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->free, NULL);
    d->no_lockout_protection = config->no_lockout_protection;
    d->account_cache_ms = config->cache_ms > 0 ? config->cache_ms : config->cache_ms < 0 ? 0 : ACCOUNT_CACHE_MS;
    d->domain.base = copy_slice(config->base);
    d->domain.netbios = copy_slice(config->domain);
    d->domain.dns = copy_slice(config->dns_domain);
    int err = d->domain.base && d->domain.netbios && d->domain.dns ? ldap_pool_new(config, &d->pool, diag) : ERR_NOMEM;
    if (err) {
        directory_free(d);
        return err;
    }
    *directory_out = d;
    return 0;
}

static void forget(struct cached_account *c)
{
    free(c->key);
    directory_account_free(&c->account);
    *c = (struct cached_account){ 0 };
}

void directory_flush(struct directory *d)
{
    pthread_mutex_lock(&d->lock);
    d->ntauth.until = d->lockout.until = 0;
    for (size_t i = 0; i < ACCOUNT_CACHE_SLOTS; i++)
        forget(&d->accounts[i]);
    for (size_t i = 0; i < ROLE_CACHE_SLOTS; i++) {
        free(d->roles[i].name);
        free(d->roles[i].sid);
        d->roles[i] = (struct cached_role){ 0 };
    }
    homes_forget(d);
    pthread_mutex_unlock(&d->lock);
}

void directory_free(struct directory *d)
{
    if (!d)
        return;
    directory_flush(d);
    ldap_pool_free(d->pool);
    domain_free(&d->domain);
    pthread_cond_destroy(&d->free);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

void directory_account_free(struct directory_account *a)
{
    text_free(&a->pool);
    *a = (struct directory_account){ 0 };
}

/* ---- copies of accounts ---- */

/* The texts of an account, one list for whoever walks over them. */
#define ACCOUNT_TEXTS(a) { &(a)->name, &(a)->domain, &(a)->dns_domain, &(a)->upn, &(a)->dn, &(a)->sid, &(a)->groups, &(a)->roles, &(a)->ftp_root, &(a)->ftp_dir, &(a)->gids }

/* A copy that owns its texts. */
static int account_copy(const struct directory_account *from, struct directory_account *to_out)
{
    struct directory_account to = *from;
    const struct slice *texts[] = ACCOUNT_TEXTS(from);
    struct slice *copies[] = ACCOUNT_TEXTS(&to);
    to.pool = (struct text){ 0 };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        text_add(&to.pool, *texts[i]);
        text_add_char(&to.pool, 0);
    }
    if (text_error(&to.pool)) {
        text_free(&to.pool);
        return ERR_NOMEM;
    }
    const char *at = to.pool.ptr;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        *copies[i] = slice_of(at, texts[i]->len);
        at += texts[i]->len + 1;
    }
    *to_out = to;
    return 0;
}

/* ---- the cache ---- */

static bool has_account(enum directory_verdict v)
{
    return v == DIRECTORY_FOUND || (v >= DIRECTORY_DISABLED && v <= DIRECTORY_SMARTCARD);
}

static void add_key(struct text *key, const struct cert_facts *facts, const struct mapping_rules *rules, struct slice role_names)
{
    uint64_t issuers = rules->allow_issuer_mapping ? slice_hash_fold(rules->issuers) : 0;
    text_addf(key, SLICE_FMT " %llx %d %u %d %d %d %d %d %d %lld " SLICE_FMT "\n", SLICE_ARG(facts->sha256), (unsigned long long)issuers, rules->strength, rules->methods,
              rules->issuer_in_ntauth, rules->require_ntauth, rules->allow_issuer_mapping, rules->match_published, rules->with_ids + 2 * rules->by_password,
              rules->implicit_upn_of_all, (long long)rules->backdating_minutes, SLICE_ARG(rules->workstation));
    text_add(key, role_names);
}

static bool recall(struct directory *d, const struct text *key, enum directory_verdict *verdict, struct directory_account *account)
{
    bool known = false;
    pthread_mutex_lock(&d->lock);
    const struct cached_account *c = &d->accounts[slice_hash_fold(text_slice(key)) % ACCOUNT_CACHE_SLOTS];
    if (c->key && c->until > clock_ms() && !strcmp(c->key, text_str(key))) {
        *verdict = c->verdict;
        known = !has_account(c->verdict) || account_copy(&c->account, account) == 0;
    }
    pthread_mutex_unlock(&d->lock);
    return known;
}

static void remember(struct directory *d, const struct text *key, enum directory_verdict verdict,
                     const struct directory_account *account)
{
    struct cached_account made = { .key = strdup(text_str(key)), .verdict = verdict };
    if (!made.key || (has_account(verdict) && account_copy(account, &made.account))) {
        free(made.key);
        return;
    }
    made.until = clock_ms() + (verdict == DIRECTORY_FOUND ? d->account_cache_ms : NEGATIVE_CACHE_MS);
    pthread_mutex_lock(&d->lock);
    struct cached_account *c = &d->accounts[slice_hash_fold(text_slice(key)) % ACCOUNT_CACHE_SLOTS];
    forget(c);
    *c = made;
    pthread_mutex_unlock(&d->lock);
}

/* ---- public questions ---- */

static int add_roles(struct directory *d, struct slice role_names, struct text *steps, struct directory_account *account)
{
    OWNED_TEXT_BUFFER roles = { 0 };
    int err = roles_of(d, role_names, account->groups, steps, &roles);
    if (err)
        return err;
    struct directory_account with = *account;
    with.roles = text_slice(&roles);
    struct directory_account made;
    err = account_copy(&with, &made);
    if (err)
        return err;
    directory_account_free(account);
    *account = made;
    return 0;
}

enum directory_verdict directory_complete(struct directory *d, const struct hit *hit, const struct mapping_rules *rules,
                                          struct slice role_names, struct text *steps, struct directory_account *account,
                                          int64_t *created)
{
    enum directory_verdict verdict = read_account(d, hit, rules, steps, account, created);
    if (has_account(verdict) && add_roles(d, role_names, steps, account)) {
        directory_account_free(account);
        return DIRECTORY_UNAVAILABLE;
    }
    return verdict;
}

/* Whether what was found may count; the account is kept only with the verdicts about it. */
static enum directory_verdict judge(const struct cert_facts *facts, const struct mapping_rules *rules, int64_t created,
                                    struct directory_account *account)
{
    if (facts->sid.len && !slice_equal_fold(facts->sid, account->sid))
        return DIRECTORY_SID_DIFFERS; /* threats.md C02 */
    account->strong |= facts->sid.len > 0;
    if (account->strong || rules->strength == STRENGTH_DISABLED)
        return DIRECTORY_FOUND;
    if (rules->strength == STRENGTH_COMPATIBILITY && created != INT64_MAX &&
        facts->not_before >= created - rules->backdating_minutes * 60)
        return DIRECTORY_FOUND;
    return DIRECTORY_WEAK;
}

static enum directory_verdict map(struct directory *d, const struct cert_facts *facts, const struct mapping_rules *rules,
                                  struct slice role_names, struct text *steps, struct directory_account *account)
{
    struct hit hit = { 0 };
    int64_t created = INT64_MAX;
    enum directory_verdict verdict = map_find(d, facts, rules, steps, &hit);
    if (verdict == DIRECTORY_FOUND)
        verdict = directory_complete(d, &hit, rules, role_names, steps, account, &created);
    hit_free(&hit);
    if (!has_account(verdict))
        return verdict;
    enum directory_verdict judged = judge(facts, rules, created, account);
    if (judged == DIRECTORY_FOUND)
        return verdict;
    directory_account_free(account);
    return judged;
}

enum directory_verdict directory_map(struct directory *d, const struct cert_facts *facts, const struct mapping_rules *rules,
                                     struct slice role_names, struct text *steps, struct directory_account *account_out)
{
    OWNED_TEXT_BUFFER key = { 0 };
    enum directory_verdict verdict;
    struct directory_account account = { 0 };
    add_key(&key, facts, rules, role_names);
    if (text_error(&key))
        return DIRECTORY_UNAVAILABLE;
    if (!rules->fresh && !rules->elsewhen && recall(d, &key, &verdict, &account)) {
        if (steps)
            text_add_str(steps, "directory: the answer of a moment ago still counts\n");
    } else {
        verdict = map(d, facts, rules, role_names, steps, &account);
        if (verdict != DIRECTORY_UNAVAILABLE && !rules->elsewhen)
            remember(d, &key, verdict, &account);
    }
    if (has_account(verdict))
        *account_out = account;
    return verdict;
}
