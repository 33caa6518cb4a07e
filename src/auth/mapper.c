/* mapper.c - see mapper.h. */
#include "auth/mapper.h"

/* OpenSSL has a type of the name of one of our error codes. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/evp.h>
#undef ERR_STATE
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/own.h"
#include "base/secret.h"

/* ---- the directory of a configuration ---- */

struct ad {
    atomic_uint count;
    struct directory *directory;
    struct directory **homes; /* the same, asked by the accounts of table home_login */
    size_t home_count;
    struct mapping_rules rules;
    bool any_ca, check_workstation, asks_ntauth;
    struct text key; /* of everything it was made from */
};

static struct ad *ad_ref(struct ad *ad)
{
    if (ad)
        atomic_fetch_add(&ad->count, 1);
    return ad;
}

static void wipe(struct text *t)
{
    if (t->ptr)
        secret_wipe(t->ptr, t->cap);
    text_free(t);
}

void ad_unref(struct ad *ad)
{
    if (!ad || atomic_fetch_sub(&ad->count, 1) != 1)
        return;
    directory_free(ad->directory);
    for (size_t i = 0; i < ad->home_count; i++)
        directory_free(ad->homes[i]);
    free(ad->homes);
    wipe(&ad->key);
    free(ad);
}

void ad_flush(struct ad *ad)
{
    if (!ad)
        return;
    directory_flush(ad->directory);
    for (size_t i = 0; i < ad->home_count; i++)
        directory_flush(ad->homes[i]);
}

bool ad_is_configured(const struct snapshot *s)
{
    return snapshot_count(s, SNAP_TABLE_ad) > 0;
}

/* A file of store Root as PEM: it may be DER. */
static void add_pem(struct text *pem, struct slice file)
{
    if (memmem(file.ptr, file.len, "-----BEGIN", 10)) {
        text_add(pem, file);
        text_add_char(pem, '\n');
        return;
    }
    size_t len = (file.len + 2) / 3 * 4;
    OWNED_TEXT encoded = malloc(len + 1);
    if (!encoded)
        return;
    EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)file.ptr, (int)file.len);
    text_add_str(pem, "-----BEGIN CERTIFICATE-----\n");
    for (size_t at = 0; at < len; at += 64) {
        text_add(pem, slice_first(slice_of(encoded + at, len - at), 64));
        text_add_char(pem, '\n');
    }
    text_add_str(pem, "-----END CERTIFICATE-----\n");
}

/* Controllers are known by the CAs of store Root, as on Windows. */
static void add_roots(const struct snapshot *s, struct text *pem)
{
    for (size_t row = 0; row < snapshot_count(s, SNAP_TABLE_trust); row++) {
        const struct snap_trust *trust = snapshot_trust(s, row);
        if (trust->store == SNAP_TRUST_ROOT)
            add_pem(pem, snapshot_text(s, trust->bytes));
    }
}

static void add_key(const struct snapshot *s, const struct snap_ad *row, struct slice pem, struct text *key)
{
    const struct snap_text texts[] = { row->servers, row->base, row->domain, row->dns_domain, row->bind_name, row->bind_password };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        text_add(key, snapshot_text(s, texts[i]));
        text_add_char(key, 0);
    }
    text_addf(key, "%u %u %lld ", row->ntauth_store, row->implicit_upn, (long long)row->cache_seconds);
    text_addf(key, "%lld %lld %lld %u %u %u %u %u %u %u %u %u\n", (long long)row->connect_seconds, (long long)row->search_seconds,
              (long long)row->retry_seconds, row->strength, row->require_ntauth, row->ntauth_depth, row->methods,
              row->backdating_minutes, row->allow_issuer_mapping, row->match_published, row->check_workstations,
              row->protect_lockout);
    for (size_t i = 0; i < snapshot_count(s, SNAP_TABLE_home_login); i++) {
        text_add(key, snapshot_text(s, snapshot_home_login(s, i)->name));
        text_add_char(key, 0);
        text_add(key, snapshot_text(s, snapshot_home_login(s, i)->password));
        text_add_char(key, 0);
    }
    text_add(key, pem);
}

static int open_directory(const struct snapshot *s, const struct snap_ad *row, struct slice pem, struct ad *ad, struct diag *d)
{
    struct directory_config config = {
        .uris = snapshot_text(s, row->servers), .base = snapshot_text(s, row->base), .domain = snapshot_text(s, row->domain),
        .dns_domain = snapshot_text(s, row->dns_domain), .bind_name = snapshot_text(s, row->bind_name),
        .bind_password = snapshot_text(s, row->bind_password), .ca_pem = pem, .connect_ms = row->connect_seconds * 1000,
        .search_ms = row->search_seconds * 1000, .skip_ms = row->retry_seconds * 1000,
        .no_lockout_protection = !row->protect_lockout,
        .cache_ms = row->cache_seconds > 0 ? row->cache_seconds * 1000 : -1,
    };
    ad->rules = (struct mapping_rules){
        .strength = (enum directory_strength)row->strength, .methods = row->methods, .require_ntauth = row->require_ntauth,
        .allow_issuer_mapping = row->allow_issuer_mapping, .match_published = row->match_published,
        .backdating_minutes = row->backdating_minutes, .implicit_upn_of_all = row->implicit_upn,
    };
    ad->asks_ntauth = row->ntauth_store;
    ad->any_ca = row->ntauth_depth;
    ad->check_workstation = row->check_workstations;
    int err = directory_new(&config, &ad->directory, d);
    size_t count = snapshot_count(s, SNAP_TABLE_home_login);
    ad->homes = calloc(count + 1, sizeof(struct directory *));
    if (!ad->homes)
        return ERR_NOMEM;
    for (size_t i = 0; !err && i < count; i++, ad->home_count++) {
        config.bind_name = snapshot_text(s, snapshot_home_login(s, i)->name);
        config.bind_password = snapshot_text(s, snapshot_home_login(s, i)->password);
        err = directory_new(&config, &ad->homes[i], d);
    }
    return err;
}

int ad_from_snapshot(const struct snapshot *s, struct ad *before, struct ad **ad_out, struct diag *d)
{
    if (!ad_is_configured(s)) {
        *ad_out = NULL;
        return 0;
    }
    const struct snap_ad *row = snapshot_ad(s, 0);
    OWNED_TEXT_BUFFER pem = { 0 };
    struct ad *ad = calloc(1, sizeof *ad);
    if (!ad)
        return ERR_NOMEM;
    atomic_init(&ad->count, 1);
    add_roots(s, &pem);
    add_key(s, row, text_slice(&pem), &ad->key);
    int err = text_error(&ad->key) ? ERR_NOMEM : 0;
    if (!err && before && slice_equal(text_slice(&ad->key), text_slice(&before->key))) {
        ad_unref(ad);
        *ad_out = ad_ref(before);
        return 0;
    }
    if (!err)
        err = open_directory(s, row, text_slice(&pem), ad, d);
    if (err) {
        ad_unref(ad);
        return err;
    }
    *ad_out = ad;
    return 0;
}

/* ---- jobs ---- */

struct map_job *map_job_new(struct ad *ad)
{
    struct map_job *job = calloc(1, sizeof *job);
    if (job)
        job->ad = ad_ref(ad);
    return job;
}

void map_job_free(struct map_job *job)
{
    if (!job)
        return;
    ad_unref(job->ad);
    text_free(&job->leaf);
    text_free(&job->issuers);
    text_free(&job->roles);
    text_free(&job->workstation);
    text_free(&job->name);
    text_free(&job->domain);
    text_free(&job->sid);
    wipe(&job->password);
    text_free(&job->home_root);
    text_free(&job->home_dir);
    text_free(&job->steps);
    directory_account_free(&job->account);
    free(job);
}

const char *map_job_text(const struct map_job *job)
{
    if (job->question == MAP_PASSWORD && job->verdict == DIRECTORY_FOUND)
        return "the password is that of the account";
    if (job->question == MAP_NAME && job->verdict <= DIRECTORY_NONE)
        return job->verdict ? "no account of the directory has that name" : "the name is that of an account";
    return directory_verdict_text(job->verdict);
}

void map_job_add_roles(struct map_job *job, const struct snapshot *s)
{
    for (size_t row = 0; row < snapshot_count(s, SNAP_TABLE_role); row++) {
        text_add(&job->roles, snapshot_text(s, snapshot_role(s, row)->name));
        text_add_char(&job->roles, '\n');
    }
}

/* The folder says so, or the directory does: of the issuing CA, or of any CA of the chain. */
static bool is_ntauth(struct map_job *job)
{
    struct slice rest = text_slice(&job->issuers), der;
    bool found = job->ad->any_ca ? job->in_ntauth_by_chain : job->in_ntauth_by_issuer;
    while (!found && job->ad->asks_ntauth && pki_chain_cut(&rest, &der)) {
        found = directory_is_ntauth(job->ad->directory, der, job->fresh, &job->steps);
        if (!job->ad->any_ca)
            break;
    }
    return found;
}

int ad_read_crl(void *context, struct slice url, int64_t deadline_ms, struct text *crl_out)
{
    struct ad_place *place = context;
    (void)deadline_ms; /* connectTimeout and searchTimeout bound it */
    pthread_mutex_lock(&place->lock);
    struct ad *ad = ad_ref(place->ad);
    pthread_mutex_unlock(&place->lock);
    int err = ad ? directory_read_crl(ad->directory, url, crl_out) : ERR_UNSUPPORTED;
    ad_unref(ad);
    return err;
}

static void answer_certificate(struct map_job *job, struct mapping_rules *rules)
{
    struct cert_facts facts;
    const char *why;
    rules->issuer_in_ntauth = is_ntauth(job);
    rules->issuers = text_slice(&job->issuers);
    if (facts_read(text_slice(&job->leaf), &facts, &why)) {
        text_add_str(&job->steps, why);
        job->verdict = DIRECTORY_NONE;
        return;
    }
    job->verdict = directory_map(job->ad->directory, &facts, rules, text_slice(&job->roles), &job->steps, &job->account);
    facts_free(&facts);
    if (job->verdict == DIRECTORY_FOUND && job->needs_password)
        job->verdict = directory_prove(job->ad->directory, &job->account, text_slice(&job->password), &job->steps);
}

static void answer_home(struct map_job *job)
{
    struct directory *d = job->home_login && job->home_login <= job->ad->home_count ? job->ad->homes[job->home_login - 1]
                                                                                     : job->ad->directory;
    job->verdict = directory_home(d, text_slice(&job->sid), job->max_age_ms, &job->steps, &job->home_root, &job->home_dir);
}

static void answer(struct map_job *job)
{
    struct mapping_rules rules = job->ad->rules;
    const struct text *texts[] = { &job->leaf, &job->issuers, &job->roles, &job->workstation, &job->name, &job->domain, &job->password, &job->sid };
    const struct directory_logon logon = { text_slice(&job->name), text_slice(&job->domain), text_slice(&job->password) };
    job->verdict = DIRECTORY_UNAVAILABLE;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (text_error(texts[i]))
            return;
    rules.at = job->at;
    rules.fresh = job->fresh;
    rules.elsewhen = job->elsewhen;
    rules.with_ids = job->with_ids;
    rules.by_password = job->question == MAP_PASSWORD || job->needs_password;
    if (job->ad->check_workstation)
        rules.workstation = text_slice(&job->workstation);
    switch (job->question) {
    case MAP_CERTIFICATE:
        answer_certificate(job, &rules);
        return;
    case MAP_PASSWORD:
        job->verdict = directory_log_on(job->ad->directory, &logon, &rules, text_slice(&job->roles), &job->steps, &job->account);
        return;
    case MAP_NAME:
        job->verdict = directory_name(job->ad->directory, &logon, &rules, text_slice(&job->roles), &job->steps, &job->account);
        return;
    case MAP_ACCOUNT:
        job->verdict = directory_look_up(job->ad->directory, text_slice(&job->sid), &rules, text_slice(&job->roles), &job->steps,
                                         &job->account);
        return;
    case MAP_HOME:
        answer_home(job);
        return;
    }
}

/* ---- the threads ---- */

static void run(void *context, struct errand *errand)
{
    (void)context;
    answer((struct map_job *)errand);
}

static void drop(void *context, struct errand *errand)
{
    (void)context;
    map_job_free((struct map_job *)errand);
}

int mapper_new(unsigned threads, size_t queue_max, struct errands **mapper_out)
{
    const struct errands_options options = { .run = run, .drop = drop, .threads = threads, .queue_max = queue_max };
    return errands_new(&options, mapper_out);
}
