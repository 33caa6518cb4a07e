/* certificate_memo_test.c - how long a good verdict counts. */
#include "auth/certificate.h"
#include "pki/pki_world.h"

static struct world w;
static struct certificate_table table;
static const struct slice bytes = SLICE_LITERAL("a chain");

static void nothing(struct snap_site *site, int64_t *at)
{
    (void)site;
    (void)at;
}

static void later(struct snap_site *site, int64_t *at)
{
    (void)site;
    *at += 1;
}

static void other_flags(struct snap_site *site, int64_t *at)
{
    (void)at;
    site->client_cert_flags |= PKI_URL_CACHE_ONLY;
}

static void more_is_known(struct snap_site *site, int64_t *at)
{
    (void)site;
    (void)at;
    revocation_flush(table.revocation, false);
}

static const struct {
    const char *label;
    void (*working_out)(struct snap_site *site, int64_t *at); /* what happens meanwhile */
    void (*afterwards)(struct snap_site *site, int64_t *at);
    bool counts;
} cases[] = {
    { "the same again", nothing, nothing, true },
    { "a second later", nothing, later, false },
    { "a site of other rules", nothing, other_flags, false },
    { "something was learnt since", nothing, more_is_known, false },
    { "something was learnt while it was worked out", more_is_known, nothing, false },
};

static void test_good_verdicts(void **state)
{
    (void)state;
    struct pki_stores *stores = NULL;
    X509 *leaf = world_leaf(&w, &(struct leaf_plan){ 0 });
    struct pki_chain *chain = world_chain(&w, leaf, &stores);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        struct snap_site site = { 0 };
        struct pki_chain *found = NULL;
        int64_t at = 1700000000;
        struct verdict_key key = verdict_key(&table, &site, bytes, at);
        assert_false(verdict_recall(&table, &key, &found));
        cases[i].working_out(&site, &at);
        verdict_keep(&table, &key, chain);
        cases[i].afterwards(&site, &at);
        key = verdict_key(&table, &site, bytes, at);
        assert_int_equal(verdict_recall(&table, &key, &found), cases[i].counts);
        assert_ptr_equal(found, cases[i].counts ? chain : NULL);
        pki_chain_free(found);
        verdicts_free(&table);
    }
    pki_chain_free(chain);
    pki_stores_unref(stores);
    X509_free(leaf);
}

static int set_up(void **state)
{
    (void)state;
    const struct revocation_options options = { 0 };
    world_begin(&w);
    return revocation_start() || revocation_new(&options, &table.revocation);
}

static int tear_down(void **state)
{
    (void)state;
    revocation_free(table.revocation);
    world_end(&w);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_good_verdicts) };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
