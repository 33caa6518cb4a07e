/* wire_test.c - what a decoder must refuse. */
#include "wire/channel.h"

#include "base/case_test.h"

#define TRIAL_FIELDS(F)            \
    F(u64, ticket, UINT64_MAX)     \
    F(u32, request, UINT32_MAX)    \
    F(u8, access, 3)               \
    F(text, path, 4)
WIRE_MESSAGE(trial, TRIAL_FIELDS)
#define TRIAL_CHANNEL(M) M(7, trial, ROLE_WORKER, 1)
WIRE_CHANNEL(trial_channel, TRIAL_CHANNEL)

static size_t unhex(const char *hex, uint8_t *out)
{
    size_t len = strlen(hex) / 2;
    for (size_t i = 0; i < len; i++)
        sscanf(hex + 2 * i, "%2hhx", &out[i]);
    return len;
}

static const struct {
    const char *label, *hex;
    int want;
} cases[] = {
    { "shortest",            "0100000000000000" "07000000" "01" "01000000" "2f",           0 },
    { "empty text",          "0100000000000000" "07000000" "01" "00000000",                0 },
    { "cut in the ticket",   "01000000",                                                   ERR_TRUNCATED },
    { "access out of range", "0100000000000000" "07000000" "09" "01000000" "2f",           ERR_RANGE },
    { "NUL in the path",     "0100000000000000" "07000000" "01" "01000000" "00",           ERR_SYNTAX },
    { "path too long",       "0100000000000000" "07000000" "01" "05000000" "2f2f2f2f2f",   ERR_TOO_LONG },
    { "length beyond end",   "0100000000000000" "07000000" "01" "04000000" "2f",           ERR_TRUNCATED },
    { "length of 4 GiB",     "0100000000000000" "07000000" "01" "ffffffff" "2f",           ERR_TOO_LONG },
    { "bytes left over",     "0100000000000000" "07000000" "01" "01000000" "2fff",         ERR_TRAILING },
};

static void test_decode(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t bytes[64];
        size_t len = unhex(cases[i].hex, bytes);
        struct trial m = { .access = 99 };
        CASE_LABEL(&cases[i]);
        struct wire_in in = wire_in_of(bytes, len);
        assert_int_equal(trial_decode(&in, &m), cases[i].want);
        if (cases[i].want)
            assert_int_equal(m.access, 99);
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct wire_out out = { bytes, sizeof bytes, 0, 0 };
    struct trial m = { .ticket = 0x1122334455667788, .request = 7, .access = 3, .path = SLICE_LITERAL("/a") }, back = { 0 };
    wire_channel_begin(&out, MSG_trial);
    assert_int_equal(trial_encode(&m, &out), 0);

    const struct wire_message *row;
    struct wire_in fields;
    struct slice datagram = slice_of((char *)bytes, out.len);
    assert_int_equal(wire_channel_accept(&trial_channel, ROLE_WORKER, datagram, 1, &row, &fields), 0);
    assert_int_equal(trial_decode(&fields, &back), 0);
    assert_true(back.ticket == m.ticket && slice_equal(back.path, m.path));

    assert_int_equal(wire_channel_accept(&trial_channel, ROLE_BROKER, datagram, 0, &row, &fields), ERR_DENIED);
    assert_int_equal(wire_channel_accept(&trial_channel, ROLE_WORKER, datagram, 2, &row, &fields), ERR_LIMIT);
    bytes[0] = 8;
    assert_int_equal(wire_channel_accept(&trial_channel, ROLE_WORKER, datagram, 0, &row, &fields), ERR_SYNTAX);

    OWNED_TEXT_BUFFER t = { 0 };
    trial_dump(&m, &t);
    assert_string_equal(text_str(&t), "trial ticket=1234605616436508552 request=7 access=3 path=\"/a\"");

    m.path = SLICE_LITERAL("/too long");
    wire_channel_begin(&out, MSG_trial);
    assert_int_equal(trial_encode(&m, &out), ERR_TOO_LONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_decode), cmocka_unit_test(test_round_trip) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
