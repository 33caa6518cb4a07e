/*
 * transfer_pace_test.c - transfers under a bandwidth limit.
 */
#include "base/clock.h"
#include "worker/transfer_world.h"

#include <unistd.h>

enum { PACED = 300000, PACE = 1000000 }; /* bytes, bytes a second: 300 ms, of which a burst may take 100 */

static const struct {
    const char *label;
    enum transfer_kind kind;
    enum cover cover;
    bool ascii;
} paced_cases[] = {
    { "download, sendfile",     TRANSFER_DOWNLOAD, CLEAR, false },
    { "download, TYPE A",       TRANSFER_DOWNLOAD, CLEAR, true },
    { "download, TLS",          TRANSFER_DOWNLOAD, TLS13, false },
    { "download, TLS, TYPE A",  TRANSFER_DOWNLOAD, TLS12, true },
    { "upload",                 TRANSFER_UPLOAD,   CLEAR, false },
    { "upload, TYPE A",         TRANSFER_UPLOAD,   CLEAR, true },
    { "upload, TLS",            TRANSFER_UPLOAD,   TLS13, false },
};

static void test_paces(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER bytes = { 0 }, wire = { 0 }, stored = { 0 };
    for (size_t i = 0; i < COUNT_OF(paced_cases); i++) {
        CASE_LABEL(&paced_cases[i]);
        bool up = paced_cases[i].kind == TRANSFER_UPLOAD, ascii = paced_cases[i].ascii;
        tally_time clock = 0, faster = 0;
        struct stream s;
        struct client c = { .cover = paced_cases[i].cover, .reads = !up };
        pattern(&bytes, PACED, !ascii);
        with_crlf(text_slice(&bytes), &wire);
        struct slice want = ascii ? text_slice(&wire) : text_slice(&bytes);
        if (up)
            text_add(&c.bytes, want);
        int file = temp_file(up ? SLICE_NONE : text_slice(&bytes));
        client_connect(&c, &s);
        client_start(&c);
        int64_t begun = clock_ns();
        struct transfer_outcome o = run_transfer(
            &s, (struct transfer_config){ .kind = paced_cases[i].kind, .ascii = ascii, .file = dup(file), .timeout_ms = 20000,
                                          .min_bytes_per_second = 2 * PACE, .rate_window_ms = 100, /* not the peer's fault */
                                          .paces = { { &clock, PACE }, { &faster, 5 * PACE } } });
        assert_int_equal(o.result, TRANSFER_DONE);
        assert_true(clock_ns() - begun >= 180000000);
        assert_true((int64_t)clock - begun >= 150000000); /* what was not used has been given back, what was used has not */
        assert_true(tally_ahead(&clock, clock_ns()) < 60000000);
        end_stream(&s, &c);
        file_content(file, &stored);
        assert_true(slice_equal(text_slice(&stored), text_slice(&bytes)));
        if (!up)
            assert_true(slice_equal(text_slice(&c.bytes), want));
        text_free(&c.bytes);
        close(file);
    }
}

static void both_done(void *context, const struct transfer_outcome *outcome)
{
    struct run *r = context;
    r->outcome = *outcome;
    r->done++;
    r->ended = clock_ns();
    static unsigned ended;
    if (++ended % 2 == 0)
        loop_stop(world.loop);
}

/* Two that share a clock take turns: they end together, and take as long as both need. */
static void test_sharing_a_pace(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER bytes = { 0 };
    tally_time clock = 0;
    struct stream s[2];
    struct client c[2] = { { .reads = true }, { .reads = true } };
    struct run r[2] = { { 0 }, { 0 } };
    int64_t begun = clock_ns();
    pattern(&bytes, PACED, true);
    for (int i = 0; i < 2; i++) {
        client_connect(&c[i], &s[i]);
        client_start(&c[i]);
        const struct transfer_config config = { .kind = TRANSFER_DOWNLOAD, .file = temp_file(text_slice(&bytes)),
                                                .paces = { { &clock, PACE } }, .done = both_done, .context = &r[i] };
        assert_int_equal(transfer_start(world.hub, &s[i], &config, &r[i].transfer), 0);
    }
    loop_run(world.loop);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(r[i].done, 1);
        assert_int_equal(r[i].outcome.result, TRANSFER_DONE);
        assert_true(r[i].ended - begun >= 350000000);
        transfer_free(r[i].transfer);
        end_stream(&s[i], &c[i]);
        text_free(&c[i].bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paces),
        cmocka_unit_test(test_sharing_a_pace),
    };
    return cmocka_run_group_tests(tests, world_begin, world_end);
}
