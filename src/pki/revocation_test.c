/* revocation_test.c - verdicts against servers that answer, lie, hang and die (threats.md C09, C10, C11). */
#include "pki/pki_world.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "pki/fetch.h"

#pragma GCC diagnostic ignored "-Woverride-init" /* rows change what LIST_OF presets */

static struct world w;

static int set_up(void **state)
{
    (void)state;
    world_begin(&w);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_end(&w);
    return 0;
}

static struct revocation *new_revocation(const char *hosts, bool private_addresses, unsigned redirects)
{
    struct revocation *r = NULL;
    const struct revocation_options options = { .hosts = slice_str(hosts), .private_addresses = private_addresses,
                                                .public_addresses = true, .redirects = redirects };
    assert_int_equal(revocation_new(&options, &r), 0);
    return r;
}

enum { LEAF = 1, NOBODY, SOMEBODY, LISTED }; /* whom a list revokes */

struct list {
    int whom;          /* 0: nothing is published */
    long number, base;
    int reason;
    int64_t from, until;
    bool foreign, forged, freshest;
    const char *extension, *value;
};
#define GOOD_LIST { NOBODY, 5, 0, -1, -60, 3600, false, false, false, NULL, NULL }
#define LIST_OF(who, ...) { .whom = (who), .number = 5, .reason = -1, .from = -60, .until = 3600, __VA_ARGS__ }
#define DELTA_OF(who, ...) { .whom = (who), .number = 6, .base = 5, .reason = -1, .from = -30, .until = 3600, __VA_ARGS__ }
#define NAMES(place) (1u << (place))

static void publish(const struct list *list, enum place place, X509 *leaf)
{
    if (!list->whom)
        return;
    const struct crl_plan plan = {
        .revoked = list->whom == LEAF ? leaf : list->whom == SOMEBODY ? w.responder.cert : list->whom == LISTED ? w.listed.cert : NULL,
        .reason = list->reason, .number = list->number, .base = list->base, .from = list->from, .until = list->until,
        .foreign = list->foreign, .forged = list->forged, .freshest = list->freshest, .extension = list->extension, .value = list->value,
    };
    world_publish(&w, place, &plan);
}

static const struct {
    const char *label;
    unsigned names;
    enum responder ocsp;
    enum manner ocsp_manner, crl_manner, crl2_manner, delta_manner;
    struct list crl, crl2, delta;
    enum revocation_status want;
    enum revocation_source source;
} cases[] = {
#define ONLY_OCSP .names = NAMES(AT_OCSP)
#define ONLY_CRL .names = NAMES(AT_CRL)
#define IS(status, from) .want = REVOCATION_##status, .source = REVOCATION_##from
    { "OCSP: the issuer says good",             ONLY_OCSP, .ocsp = OCSP_GOOD,        IS(GOOD, OCSP) },
    { "OCSP: revoked",                          ONLY_OCSP, .ocsp = OCSP_REVOKED,     IS(REVOKED, OCSP) },
    { "OCSP: a responder with the usage",       ONLY_OCSP, .ocsp = OCSP_DELEGATED,   IS(GOOD, OCSP) },
    { "OCSP: no nonce, but in time",            ONLY_OCSP, .ocsp = OCSP_NO_NONCE,    IS(GOOD, OCSP) },
    { "OCSP: unknown",                          ONLY_OCSP, .ocsp = OCSP_DONT_KNOW,   IS(UNKNOWN, NOWHERE) },
    { "OCSP: expired answer",                   ONLY_OCSP, .ocsp = OCSP_EXPIRED,     IS(UNKNOWN, NOWHERE) },
    { "OCSP: answer from the future",           ONLY_OCSP, .ocsp = OCSP_EARLY,       IS(UNKNOWN, NOWHERE) },
    { "OCSP: signed by a stranger",             ONLY_OCSP, .ocsp = OCSP_FOREIGN,     IS(UNKNOWN, NOWHERE) },
    { "OCSP: a certificate without the usage",  ONLY_OCSP, .ocsp = OCSP_NO_EKU,      IS(UNKNOWN, NOWHERE) },
    { "OCSP: a forged answer",                  ONLY_OCSP, .ocsp = OCSP_FORGED,      IS(UNKNOWN, NOWHERE) },
    { "OCSP: yesterday's answer without end",   ONLY_OCSP, .ocsp = OCSP_REPLAY,      IS(UNKNOWN, NOWHERE) },
    { "OCSP: somebody else's nonce",            ONLY_OCSP, .ocsp = OCSP_WRONG_NONCE, IS(UNKNOWN, NOWHERE) },
    { "OCSP: about another certificate",        ONLY_OCSP, .ocsp = OCSP_OTHER_CERT,  IS(UNKNOWN, NOWHERE) },
    { "OCSP: among others",                     ONLY_OCSP, .ocsp = OCSP_AMONG_OTHERS, IS(GOOD, OCSP) },
    { "OCSP: said twice, and revoked once",     ONLY_OCSP, .ocsp = OCSP_TWICE,       IS(REVOKED, OCSP) },
    { "OCSP: a responder that a CRL may revoke, and does not", ONLY_OCSP, .ocsp = OCSP_LISTED, .crl2 = GOOD_LIST, IS(GOOD, OCSP) },
    { "OCSP: a responder that is revoked",      ONLY_OCSP, .ocsp = OCSP_LISTED, .crl2 = LIST_OF(LISTED), IS(UNKNOWN, NOWHERE) },
    { "OCSP: nobody says whether the responder is revoked", ONLY_OCSP, .ocsp = OCSP_LISTED, IS(UNKNOWN, NOWHERE) },
    { "OCSP: a revoked responder, and a CRL",   .names = NAMES(AT_OCSP) | NAMES(AT_CRL), .ocsp = OCSP_LISTED,
      .crl = GOOD_LIST, .crl2 = LIST_OF(LISTED), IS(GOOD, CRL) },
    { "OCSP: try later",                        ONLY_OCSP, .ocsp = OCSP_TRY_LATER,   IS(UNKNOWN, NOWHERE) },
    { "OCSP: garbage",                          ONLY_OCSP, .ocsp = OCSP_GARBAGE,     IS(UNKNOWN, NOWHERE) },
    { "OCSP: a byte after the end",             ONLY_OCSP, .ocsp = OCSP_TRAILING,    IS(UNKNOWN, NOWHERE) },
    { "OCSP: 500",                              ONLY_OCSP, .ocsp_manner = STATUS_500, IS(UNKNOWN, NOWHERE) },
    { "OCSP: cut in the middle",                ONLY_OCSP, .ocsp_manner = TRUNCATE,  IS(UNKNOWN, NOWHERE) },
    { "OCSP: larger than allowed",              ONLY_OCSP, .ocsp_manner = OVERSIZE,  IS(UNKNOWN, NOWHERE) },
    { "OCSP: closes",                           ONLY_OCSP, .ocsp_manner = CLOSE,     IS(UNKNOWN, NOWHERE) },
    { "OCSP: redirects, which is not allowed",  ONLY_OCSP, .ocsp_manner = REDIRECT,  IS(UNKNOWN, NOWHERE) },
    { "OCSP: hangs",                            ONLY_OCSP, .ocsp_manner = HANG,      IS(UNKNOWN, NOWHERE) },
    { "OCSP: drips",                            ONLY_OCSP, .ocsp_manner = DRIP,      IS(UNKNOWN, NOWHERE) },
    { "OCSP is dead, the CRL says good",        .names = NAMES(AT_OCSP) | NAMES(AT_CRL), .ocsp_manner = STATUS_500,
      .crl = GOOD_LIST,                         IS(GOOD, CRL) },
    { "OCSP hangs, the CRL says revoked",       .names = NAMES(AT_OCSP) | NAMES(AT_CRL), .ocsp_manner = HANG,
      .crl = LIST_OF(LEAF),                     IS(REVOKED, CRL) },
    { "OCSP lies, the CRL says revoked",        .names = NAMES(AT_OCSP) | NAMES(AT_CRL), .ocsp = OCSP_FOREIGN,
      .crl = LIST_OF(LEAF),                     IS(REVOKED, CRL) },
    { "CRL: good",                              ONLY_CRL, .crl = GOOD_LIST,          IS(GOOD, CRL) },
    { "CRL: revoked",                           ONLY_CRL, .crl = LIST_OF(LEAF),      IS(REVOKED, CRL) },
    { "CRL: on hold",                           ONLY_CRL, .crl = LIST_OF(LEAF, .reason = CRL_REASON_CERTIFICATE_HOLD), IS(REVOKED, CRL) },
    { "CRL: somebody else is revoked",          ONLY_CRL, .crl = LIST_OF(SOMEBODY),  IS(GOOD, CRL) },
    { "CRL: expired",                           ONLY_CRL, .crl = LIST_OF(NOBODY, .from = -7200, .until = -3600), IS(UNKNOWN, NOWHERE) },
    { "CRL: not valid yet",                     ONLY_CRL, .crl = LIST_OF(NOBODY, .from = 3600, .until = 7200), IS(UNKNOWN, NOWHERE) },
    { "CRL: without an end",                    ONLY_CRL, .crl = LIST_OF(NOBODY, .until = 0), IS(GOOD, CRL) },
    { "CRL: signed by a stranger",              ONLY_CRL, .crl = LIST_OF(NOBODY, .foreign = true), IS(UNKNOWN, NOWHERE) },
    { "CRL: forged",                            ONLY_CRL, .crl = LIST_OF(NOBODY, .forged = true), IS(UNKNOWN, NOWHERE) },
    { "CRL: a delta in its place",              ONLY_CRL, .crl = DELTA_OF(NOBODY),   IS(UNKNOWN, NOWHERE) },
    { "CRL: says something critical that nobody knows", ONLY_CRL,
      .crl = LIST_OF(NOBODY, .extension = "1.3.6.1.4.1.99999.1", .value = "critical,DER:0500"), IS(UNKNOWN, NOWHERE) },
    { "CRL: of certificates of users",          ONLY_CRL,
      .crl = LIST_OF(NOBODY, .extension = "issuingDistributionPoint", .value = "critical,onlyuser:TRUE"), IS(GOOD, CRL) },
    { "CRL: of certificates of CAs only",       ONLY_CRL,
      .crl = LIST_OF(NOBODY, .extension = "issuingDistributionPoint", .value = "critical,onlyCA:TRUE"), IS(UNKNOWN, NOWHERE) },
    { "CRL: for some reasons only",             ONLY_CRL,
      .crl = LIST_OF(NOBODY, .extension = "issuingDistributionPoint", .value = "critical,onlysomereasons:keyCompromise"), IS(UNKNOWN, NOWHERE) },
    { "CRL: for some reasons only, one of them", ONLY_CRL,
      .crl = LIST_OF(LEAF, .extension = "issuingDistributionPoint", .value = "critical,onlysomereasons:keyCompromise"), IS(REVOKED, CRL) },
    { "CRL: of another distribution point",     ONLY_CRL,
      .crl = LIST_OF(NOBODY, .extension = "issuingDistributionPoint", .value = "critical,fullname:URI:http://pki.example/other.crl"),
                                                IS(UNKNOWN, NOWHERE) },
    { "CRL: not there",                         ONLY_CRL,                            IS(UNKNOWN, NOWHERE) },
    { "CRL: 500",                               ONLY_CRL, .crl = GOOD_LIST, .crl_manner = STATUS_500, IS(UNKNOWN, NOWHERE) },
    { "CRL: cut in the middle",                 ONLY_CRL, .crl = GOOD_LIST, .crl_manner = TRUNCATE, IS(UNKNOWN, NOWHERE) },
    { "CRL: larger than allowed",               ONLY_CRL, .crl = GOOD_LIST, .crl_manner = OVERSIZE, IS(UNKNOWN, NOWHERE) },
    { "CRL: hangs",                             ONLY_CRL, .crl = GOOD_LIST, .crl_manner = HANG, IS(UNKNOWN, NOWHERE) },
    { "CRL: drips",                             ONLY_CRL, .crl = GOOD_LIST, .crl_manner = DRIP, IS(UNKNOWN, NOWHERE) },
    { "CRL: the first address is dead",         .names = NAMES(AT_CRL) | NAMES(AT_CRL2), .crl_manner = CLOSE,
      .crl2 = LIST_OF(LEAF),                    IS(REVOKED, CRL) },
    { "CRL: the first address hangs",           .names = NAMES(AT_CRL) | NAMES(AT_CRL2), .crl_manner = HANG,
      .crl2 = GOOD_LIST,                        IS(GOOD, CRL) },
    { "delta: nothing new",                     .names = NAMES(AT_CRL) | NAMES(AT_DELTA), .crl = GOOD_LIST,
      .delta = DELTA_OF(NOBODY),                IS(GOOD, CRL) },
    { "delta: revokes",                         .names = NAMES(AT_CRL) | NAMES(AT_DELTA), .crl = GOOD_LIST,
      .delta = DELTA_OF(LEAF),                  IS(REVOKED, CRL) },
    { "delta: named by the CRL, revokes",       ONLY_CRL, .crl = LIST_OF(NOBODY, .freshest = true),
      .delta = DELTA_OF(LEAF),                  IS(REVOKED, CRL) },
    { "delta: lifts a hold",                    .names = NAMES(AT_CRL) | NAMES(AT_DELTA),
      .crl = LIST_OF(LEAF, .reason = CRL_REASON_CERTIFICATE_HOLD), .delta = DELTA_OF(LEAF, .reason = CRL_REASON_REMOVE_FROM_CRL),
                                                IS(GOOD, CRL) },
    { "delta: named but not there",             .names = NAMES(AT_CRL) | NAMES(AT_DELTA), .crl = GOOD_LIST,
                                                IS(UNKNOWN, NOWHERE) },
    { "delta: not there, revoked anyway",       .names = NAMES(AT_CRL) | NAMES(AT_DELTA), .crl = LIST_OF(LEAF),
                                                IS(REVOKED, CRL) },
    { "delta: starts from a newer list",        .names = NAMES(AT_CRL) | NAMES(AT_DELTA), .crl = LIST_OF(NOBODY, .number = 4),
      .delta = DELTA_OF(NOBODY),                IS(UNKNOWN, NOWHERE) },
    { "delta: has no number (crashes OpenSSL before 3.0.20)", .names = NAMES(AT_CRL) | NAMES(AT_DELTA), .crl = GOOD_LIST,
      .delta = DELTA_OF(NOBODY, .number = 0),   IS(UNKNOWN, NOWHERE) },
    { "delta: of another scope than the list",  .names = NAMES(AT_CRL) | NAMES(AT_DELTA), .crl = GOOD_LIST,
      .delta = DELTA_OF(LEAF, .extension = "issuingDistributionPoint", .value = "critical,onlyuser:TRUE"), IS(UNKNOWN, NOWHERE) },
    { "delta: signed by a stranger",            .names = NAMES(AT_CRL) | NAMES(AT_DELTA), .crl = GOOD_LIST,
      .delta = DELTA_OF(NOBODY, .foreign = true), IS(UNKNOWN, NOWHERE) },
    { "delta: expired",                         .names = NAMES(AT_CRL) | NAMES(AT_DELTA), .crl = GOOD_LIST,
      .delta = DELTA_OF(NOBODY, .from = -7200, .until = -3600), IS(UNKNOWN, NOWHERE) },
    { "no source at all",                       .names = 0,                          IS(UNKNOWN, NOWHERE) },
};

static enum revocation_status ask(struct revocation *r, X509 *leaf, const struct revocation_question *with,
                                  struct revocation_answer answers[PKI_CHAIN_MAX], struct text *steps)
{
    struct pki_stores *stores;
    struct pki_chain *chain = world_chain(&w, leaf, &stores);
    struct revocation_question q = *with;
    q.chain = chain;
    q.stores = stores;
    q.at = q.at ? q.at : w.at;
    enum revocation_status got = revocation_check(r, &q, answers, steps);
    pki_chain_free(chain);
    pki_stores_unref(stores);
    return got;
}

static void test_verdicts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct revocation_answer answers[PKI_CHAIN_MAX];
        OWNED_TEXT_BUFFER steps = { 0 };
        CASE_LABEL(&cases[i]);
        world_reset(&w);
        w.places[AT_OCSP].responder = cases[i].ocsp;
        w.places[AT_OCSP].manner = cases[i].ocsp_manner;
        w.places[AT_CRL].manner = cases[i].crl_manner;
        w.places[AT_CRL2].manner = cases[i].crl2_manner;
        w.places[AT_DELTA].manner = cases[i].delta_manner;
        X509 *leaf = world_leaf(&w, &(struct leaf_plan){ .places = cases[i].names });
        publish(&cases[i].crl, AT_CRL, leaf);
        publish(&cases[i].crl2, AT_CRL2, leaf);
        publish(&cases[i].delta, AT_DELTA, leaf);
        struct revocation *r = new_revocation("", true, 0);
        int64_t begun = clock_ms();
        const enum manner manners[] = { cases[i].ocsp_manner, cases[i].crl_manner, cases[i].crl2_manner, cases[i].delta_manner };
        bool waits = false;
        for (size_t at = 0; at < sizeof manners / sizeof manners[0]; at++)
            waits = waits || manners[at] == HANG || manners[at] == DRIP;
        /* an address that hangs takes half of the time; who answers behind it has half of the rest */
        const struct revocation_question q = { .retrieval_ms = !waits ? 15000 : cases[i].want == REVOCATION_UNKNOWN ? 3000 : 8000 };
        enum revocation_status got = ask(r, leaf, &q, answers, &steps);
        if (got != cases[i].want || answers[0].source != cases[i].source)
            print_message("%s", text_str(&steps));
        assert_int_equal(got, cases[i].want);
        assert_int_equal(answers[0].status, cases[i].want);
        assert_int_equal(answers[0].source, cases[i].source);
        assert_int_equal(answers[0].no_source, cases[i].names == 0);
        assert_true(clock_ms() - begun < 14000);
        revocation_free(r);
        X509_free(leaf);
    }
}

static void test_revoked_intermediate(void **state)
{
    (void)state;
    struct revocation_answer answers[PKI_CHAIN_MAX];
    world_reset(&w);
    world_publish(&w, AT_ROOT_CRL, &(struct crl_plan){ .revoked = w.issuing.cert, .reason = -1, .number = 2, .from = -60, .until = 600 });
    X509 *leaf = world_leaf(&w, &(struct leaf_plan){ .places = NAMES(AT_OCSP) });
    struct revocation *r = new_revocation("", true, 0);
    assert_int_equal(ask(r, leaf, &(struct revocation_question){ .retrieval_ms = 15000 }, answers, NULL), REVOCATION_REVOKED);
    assert_int_equal(answers[0].status, REVOCATION_GOOD);
    assert_int_equal(answers[1].status, REVOCATION_REVOKED);
    revocation_free(r);
    X509_free(leaf);
}

/* What may be asked: hosts, addresses, redirects, and nothing for a chain that is not signed (C10). */
static const struct {
    const char *label, *hosts;
    bool private_addresses;
    unsigned redirects;
    enum manner manner;
    bool wrong_anchor;
    enum revocation_status want;
    unsigned hits;
} limits[] = {
    { "every host",                   "",                         true,  0, SERVE,    false, REVOCATION_GOOD,    1 },
    { "a listed host",                "pki.example, 127.0.*",     true,  0, SERVE,    false, REVOCATION_GOOD,    1 },
    { "a host that is not listed",    "pki.example",              true,  0, SERVE,    false, REVOCATION_UNKNOWN, 0 },
    { "no private addresses",         "",                         false, 0, SERVE,    false, REVOCATION_UNKNOWN, 0 },
    { "a redirect, none allowed",     "",                         true,  0, REDIRECT, false, REVOCATION_UNKNOWN, 1 },
    { "a redirect, one allowed",      "",                         true,  1, REDIRECT, false, REVOCATION_GOOD,    1 },
    { "a chain that ends elsewhere",  "",                         true,  0, SERVE,    true,  REVOCATION_UNKNOWN, 0 },
};

static void test_limits(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        struct revocation_answer answers[PKI_CHAIN_MAX];
        struct pki_stores *stores, *none = pki_stores_new();
        CASE_LABEL(&limits[i]);
        world_reset(&w);
        w.places[AT_CRL].manner = limits[i].manner;
        world_publish(&w, AT_CRL, &(struct crl_plan){ .number = 1, .from = -60, .until = 600 });
        world_publish(&w, AT_CRL2, &(struct crl_plan){ .number = 1, .from = -60, .until = 600 });
        X509 *leaf = world_leaf(&w, &(struct leaf_plan){ .places = NAMES(AT_CRL) });
        struct revocation *r = new_revocation(limits[i].hosts, limits[i].private_addresses, limits[i].redirects);
        struct pki_chain *chain = world_chain(&w, leaf, &stores);
        const struct revocation_question q = { .chain = chain, .stores = limits[i].wrong_anchor ? none : stores,
                                               .retrieval_ms = 15000, .at = w.at };
        assert_int_equal(revocation_check(r, &q, answers, NULL), limits[i].want);
        assert_int_equal(w.places[AT_CRL].hits, limits[i].hits);
        pki_chain_free(chain);
        pki_stores_unref(stores);
        pki_stores_unref(none);
        revocation_free(r);
        X509_free(leaf);
    }
}

/* One after the other, the same revocation: what is asked again, and when. */
static const struct visit {
    const char *label;
    int64_t later;        /* seconds after the first */
    unsigned flags;
    int64_t freshness;
    enum manner manner;
    bool republish;       /* a list of this moment that revokes */
    bool foreign;         /* ... signed by a stranger */
    enum revocation_status want;
    enum revocation_source source;
    unsigned hits;        /* of all visits so far */
} visits[] = {
    { "cache only, and it is empty",         0,    PKI_REVOCATION_CACHE_ONLY, 0, SERVE, false, false, REVOCATION_UNKNOWN, REVOCATION_NOWHERE, 0 },
    { "the first",                           0,    0, 0,    SERVE,      false, false, REVOCATION_GOOD,    REVOCATION_CRL,     1 },
    { "the second finds it in the cache",    10,   0, 0,    SERVE,      false, false, REVOCATION_GOOD,    REVOCATION_CACHE,   1 },
    { "cache only",                          10,   PKI_REVOCATION_CACHE_ONLY, 0, HANG, false, false, REVOCATION_GOOD, REVOCATION_CACHE, 1 },
    { "young enough",                        100,  0, 600,  SERVE,      false, false, REVOCATION_GOOD,    REVOCATION_CACHE,   1 },
    { "too old, and none can be had",        900,  0, 600,  STATUS_500, false, false, REVOCATION_GOOD,    REVOCATION_CACHE,   2 },
    { "too old, left alone for a while",     900,  0, 600,  SERVE,      false, false, REVOCATION_GOOD,    REVOCATION_CACHE,   2 },
};

static void test_cache(void **state)
{
    (void)state;
    world_reset(&w);
    X509 *leaf = world_leaf(&w, &(struct leaf_plan){ .places = NAMES(AT_CRL) });
    struct revocation *r = new_revocation("", true, 0);
    world_publish(&w, AT_ROOT_CRL, &(struct crl_plan){ .number = 1, .from = -60, .until = 90000 });
    world_publish(&w, AT_CRL, &(struct crl_plan){ .number = 1, .from = -60, .until = 7200 });
    for (size_t i = 0; i < COUNT_OF(visits); i++) {
        struct revocation_answer answers[PKI_CHAIN_MAX];
        CASE_LABEL(&visits[i]);
        w.places[AT_CRL].manner = visits[i].manner;
        const struct revocation_question q = { .flags = visits[i].flags, .freshness = visits[i].freshness,
                                               .retrieval_ms = 15000, .at = w.at + visits[i].later };
        assert_int_equal(ask(r, leaf, &q, answers, NULL), visits[i].want);
        assert_int_equal(answers[0].source, visits[i].source);
        assert_int_equal(w.places[AT_CRL].hits, visits[i].hits);
    }
    /* A stranger's list does not drive out the good one; the CA's own new list does; an old one does not come back. */
    static const struct {
        const char *label;
        int64_t from;
        bool revokes, foreign;
        enum revocation_status want;
    } lists[] = {
        { "a stranger's list",  900,  true,  true,  REVOCATION_GOOD    },
        { "the CA's new list",  900,  true,  false, REVOCATION_REVOKED },
        { "its old list again", -60,  false, false, REVOCATION_REVOKED },
    };
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        struct revocation_answer answers[PKI_CHAIN_MAX];
        CASE_LABEL(&lists[i]);
        revocation_flush(r, false);
        w.places[AT_CRL].manner = SERVE;
        world_publish(&w, AT_CRL, &(struct crl_plan){ .revoked = lists[i].revokes ? leaf : NULL, .reason = -1, .number = 2,
                                                      .from = lists[i].from, .until = 7200, .foreign = lists[i].foreign });
        const struct revocation_question q = { .freshness = 60, .retrieval_ms = 15000, .at = w.at + 1000 + (int64_t)i * 100 };
        (void)ask(r, leaf, &q, answers, NULL);
        const struct revocation_question again = { .retrieval_ms = 15000, .at = q.at };
        assert_int_equal(ask(r, leaf, &again, answers, NULL), lists[i].want);
    }
    revocation_flush(r, true);
    w.places[AT_CRL].manner = STATUS_404;
    struct revocation_answer answers[PKI_CHAIN_MAX];
    assert_int_equal(ask(r, leaf, &(struct revocation_question){ .retrieval_ms = 15000 }, answers, NULL), REVOCATION_UNKNOWN);
    revocation_free(r);
    X509_free(leaf);
}

/* C11: what a restart finds is the newest list there was, whoever sends an older one again. */
static void test_disk_keeps_the_newest(void **state)
{
    (void)state;
    struct revocation_answer answers[PKI_CHAIN_MAX];
    int fd = memfd_create("disk", MFD_CLOEXEC);
    world_reset(&w);
    X509 *leaf = world_leaf(&w, &(struct leaf_plan){ .places = NAMES(AT_CRL) });
    struct revocation *r = new_revocation("", true, 0);
    assert_int_equal(revocation_keep(r, fd, 1 << 20), 0);
    world_publish(&w, AT_ROOT_CRL, &(struct crl_plan){ .number = 1, .from = -60, .until = 90000 });
    world_publish(&w, AT_CRL, &(struct crl_plan){ .revoked = leaf, .reason = -1, .number = 2, .from = -60, .until = 7200 });
    assert_int_equal(ask(r, leaf, &(struct revocation_question){ .retrieval_ms = 15000 }, answers, NULL), REVOCATION_REVOKED);
    world_publish(&w, AT_CRL, &(struct crl_plan){ .number = 1, .from = -600, .until = 7200 });
    revocation_flush(r, false); /* asks anew */
    assert_int_equal(ask(r, leaf, &(struct revocation_question){ .retrieval_ms = 15000 }, answers, NULL), REVOCATION_REVOKED);
    assert_int_equal(w.places[AT_CRL].hits, 2);
    revocation_free(r);
    r = new_revocation("", true, 0);
    assert_int_equal(revocation_keep(r, fd, 1 << 20), 0);
    const struct revocation_question q = { .flags = PKI_REVOCATION_CACHE_ONLY, .retrieval_ms = 15000 };
    assert_int_equal(ask(r, leaf, &q, answers, NULL), REVOCATION_REVOKED);
    revocation_free(r);
    X509_free(leaf);
    close(fd);
}

/* What any certificate of a stranger makes us fetch does not push the lists out of the file. */
static void test_disk_holds_no_issuers(void **state)
{
    (void)state;
    int fd = memfd_create("disk", MFD_CLOEXEC);
    unsigned char *leaf_der = NULL, *root_der = NULL, *issuing_der = NULL;
    struct pki_stores *stores = pki_stores_new();
    struct revocation *r = new_revocation("", true, 0);
    struct revocation_fetch fetch = { r, clock_ms() + 15000 };
    struct chain_result result;
    struct diag d = { 0 };
    world_reset(&w);
    X509 *leaf = world_leaf(&w, &(struct leaf_plan){ .places = NAMES(AT_ISSUER) });
    int root_len = i2d_X509(w.root.cert, &root_der), issuing_len = i2d_X509(w.issuing.cert, &issuing_der);
    int leaf_len = i2d_X509(leaf, &leaf_der);
    const struct slice sent = slice_of((char *)leaf_der, (size_t)leaf_len);
    world_publish_bytes(&w, AT_ISSUER, issuing_der, (size_t)issuing_len);
    assert_int_equal(pki_stores_add(stores, PKI_ROOT, slice_of((char *)root_der, (size_t)root_len), &d), 0);
    assert_int_equal(revocation_keep(r, fd, 1 << 20), 0);
    off_t empty = lseek(fd, 0, SEEK_END);
    const struct chain_rules rules = { .security_level = 2, .at = w.at, .fetch = revocation_fetch_issuers, .fetch_context = &fetch };
    chain_verify(stores, &sent, 1, &rules, NULL, &result);
    assert_int_equal(result.reason, CHAIN_GOOD);
    assert_int_equal(w.places[AT_ISSUER].hits, 1);
    assert_int_equal(lseek(fd, 0, SEEK_END), empty);
    pki_chain_free(result.chain);
    pki_stores_unref(stores);
    revocation_free(r);
    X509_free(leaf);
    OPENSSL_free(leaf_der);
    OPENSSL_free(root_der);
    OPENSSL_free(issuing_der);
    close(fd);
}

/* Many at once ask the server once; a server that hangs holds up only those who need it. */
struct crowd {
    struct revocation *r;
    X509 *leaf;
    enum revocation_status got;
};

static void *ask_in_thread(void *context)
{
    struct crowd *c = context;
    struct revocation_answer answers[PKI_CHAIN_MAX];
    c->got = ask(c->r, c->leaf, &(struct revocation_question){ .retrieval_ms = 8000 }, answers, NULL);
    return NULL;
}

static void test_single_flight(void **state)
{
    (void)state;
    struct crowd crowd[8];
    pthread_t threads[8];
    world_reset(&w);
    X509 *leaf = world_leaf(&w, &(struct leaf_plan){ .places = NAMES(AT_CRL) });
    X509 *other = world_leaf(&w, &(struct leaf_plan){ .places = NAMES(AT_OCSP) });
    struct revocation *r = new_revocation("", true, 0);
    struct revocation_answer answers[PKI_CHAIN_MAX];
    w.places[AT_CRL].manner = HANG;
    for (size_t i = 0; i < 8; i++) {
        crowd[i] = (struct crowd){ r, leaf, REVOCATION_GOOD };
        assert_int_equal(pthread_create(&threads[i], NULL, ask_in_thread, &crowd[i]), 0);
    }
    for (unsigned waited = 0; w.places[AT_CRL].hits == 0 && waited < 5000; waited += 5)
        usleep(5000);
    int64_t begun = clock_ms();
    assert_int_equal(ask(r, other, &(struct revocation_question){ .retrieval_ms = 8000 }, answers, NULL), REVOCATION_GOOD);
    assert_true(clock_ms() - begun < 6000); /* those who wait for the other one have 8000 to go */
    for (size_t i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(crowd[i].got, REVOCATION_UNKNOWN);
    }
    assert_int_equal(w.places[AT_CRL].hits, 1);
    revocation_free(r);
    X509_free(leaf);
    X509_free(other);
}

/* Only a list may be read from the directory (C10): the address of an issuer is anybody's word. */
static int count_ldap(void *context, struct slice url, int64_t deadline_ms, struct text *crl_out)
{
    (void)url;
    (void)deadline_ms;
    (void)crl_out;
    ++*(unsigned *)context;
    return ERR_NOT_FOUND;
}

static const struct {
    const char *label;
    struct leaf_plan plan;
    unsigned asked;
} ldap_places[] = {
#define IN_DIRECTORY "ldap:///CN=ca?certificateRevocationList"
    { "a list",      { .extra_cdp = IN_DIRECTORY },                    1 },
    { "an issuer",   { .extra_aia = "caIssuers;URI:" IN_DIRECTORY },   0 },
    { "a responder", { .extra_aia = "OCSP;URI:" IN_DIRECTORY },        0 },
};

static void test_directory_is_asked_for_lists_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ldap_places); i++) {
        struct revocation_answer answers[PKI_CHAIN_MAX];
        struct revocation *r = NULL;
        unsigned char *der = NULL;
        unsigned asked = 0;
        CASE_LABEL(&ldap_places[i]);
        world_reset(&w);
        X509 *leaf = world_leaf(&w, &ldap_places[i].plan);
        const struct revocation_options options = { .private_addresses = true, .public_addresses = true,
                                                    .ldap = count_ldap, .ldap_context = &asked };
        assert_int_equal(revocation_new(&options, &r), 0);
        struct revocation_fetch fetch = { r, clock_ms() + 5000 };
        int len = i2d_X509(leaf, &der);
        assert_true(len > 0);
        assert_int_equal(revocation_fetch_issuers(&fetch, slice_of((char *)der, (size_t)len), false, NULL), ERR_NOT_FOUND);
        assert_int_equal(asked, 0);
        assert_int_equal(ask(r, leaf, &(struct revocation_question){ .retrieval_ms = 15000 }, answers, NULL), REVOCATION_UNKNOWN);
        assert_int_equal(asked, ldap_places[i].asked);
        OPENSSL_free(der);
        revocation_free(r);
        X509_free(leaf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_revoked_intermediate),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_disk_keeps_the_newest),
        cmocka_unit_test(test_disk_holds_no_issuers),
        cmocka_unit_test(test_single_flight),
        cmocka_unit_test(test_directory_is_asked_for_lists_alone),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
