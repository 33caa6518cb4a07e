/* event_test.c - lines of the service log: what an event says forges no other line. */
#include "logfmt/event.h"

#include "base/case_test.h"

static const int64_t march_14 = 1741939284000; /* 2025-03-14 08:01:24 UTC */

static const struct {
    const char *label;
    bool json;
    uint8_t level;
    const char *where, *text, *want;
} events[] = {
    { "plain", false, LOG_LEVEL_WARNING, "worker", "site \"A\" stopped",
      "2025-03-14T08:01:24.000Z warning worker: site \"A\" stopped\n" },
    { "forged line (H07)", false, LOG_LEVEL_NOTICE, "auth", "a\n2025-03-14T08:01:24.000Z error",
      "2025-03-14T08:01:24.000Z notice auth: a\\x0a2025-03-14T08:01:24.000Z error\n" },
    { "escape sequence (H07)", false, LOG_LEVEL_ERROR, "auth\n", "\x1b[2J",
      "2025-03-14T08:01:24.000Z error auth\\x0a: \\x1b[2J\n" },
    { "JSON", true, LOG_LEVEL_DEBUG, "broker", "a \"b\"\n",
      "{\"time\":\"2025-03-14T08:01:24.000Z\",\"level\":\"debug\",\"program\":\"broker\",\"text\":\"a \\\"b\\\"\\u000a\"}\n" },
    { "JSON, C1 control (H07)", true, LOG_LEVEL_ERROR, "auth", "\xC2\x9B" "2J",
      "{\"time\":\"2025-03-14T08:01:24.000Z\",\"level\":\"error\",\"program\":\"auth\",\"text\":\"\\u009b2J\"}\n" },
};

static void test_events(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(events); i++) {
        OWNED_TEXT_BUFFER out = { 0 };
        CASE_LABEL(&events[i]);
        const struct log_event e = { march_14, events[i].level, slice_str(events[i].where), slice_str(events[i].text) };
        log_event_print(events[i].json, &e, &out);
        assert_string_equal(text_str(&out), events[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
