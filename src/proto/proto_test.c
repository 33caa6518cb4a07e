/* proto_test.c - every message of every channel survives a round trip of zeros and refuses one byte more. */
#include "base/case_test.h"
#include "proto/auth.h"
#include "proto/broker.h"
#include "proto/child.h"
#include "proto/control.h"
#include "proto/grant.h"
#include "proto/loader.h"
#include "proto/log.h"
#include "proto/membership.h"
#include "proto/neighbour.h"
#include "proto/pam.h"

static const struct wire_channel *const channels[] = { &auth_channel, &grant_channel, &broker_channel, &pam_channel, &membership_channel,
                                                       &log_channel,  &child_channel, &neighbour_channel, &loader_channel, &control_channel };

/* A message of zeros is legal for every declaration: find its length by growing until the decoder is content. */
static void test_zeros(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(channels); i++)
        for (size_t j = 0; j < channels[i]->count; j++) {
            const struct wire_message *m = &channels[i]->messages[j];
            uint8_t zeros[512] = { 0 };
            size_t len = 0;
            struct wire_in in = wire_in_of(zeros, len);
            while (len < sizeof zeros - 1 && m->check(&in) == ERR_TRUNCATED)
                in = wire_in_of(zeros, ++len);
            print_message("    %s/%s: %zu bytes\n", channels[i]->name, m->name, len);
            in = wire_in_of(zeros, len);
            assert_int_equal(m->check(&in), 0);
            in = wire_in_of(zeros, len + 1);
            assert_int_equal(m->check(&in), ERR_TRAILING);
            for (size_t k = 0; k < j; k++)
                assert_int_not_equal(channels[i]->messages[k].number, m->number);
        }
}

static void test_secret_is_masked(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER t = { 0 };
    struct auth_login m = { .user = SLICE_LITERAL("anna"), .password = SLICE_LITERAL("hunter2") };
    auth_login_dump(&m, &t);
    assert_null(strstr(text_str(&t), "hunter2")); /* A14 */
    assert_non_null(strstr(text_str(&t), "anna"));
}

static void test_run_directory(void **state)
{
    static const struct {
        const char *label, *directory, *want;
    } cases[] = {
        { "the installed instance", "/etc/sallyport", "/run/sallyport" },
        { "the same with a slash", "/etc/sallyport/", "/run/sallyport" },
        { "another one", "/srv/ftp", "/srv/ftp/run" },
        { "a relative one", "demo", "demo/run" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        OWNED_TEXT_BUFFER run = { 0 };
        CASE_LABEL(&cases[i]);
        control_run_directory(slice_str(cases[i].directory), &run);
        assert_string_equal(text_str(&run), cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_zeros), cmocka_unit_test(test_secret_is_masked),
                                         cmocka_unit_test(test_run_directory) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
