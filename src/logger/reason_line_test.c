/* reason_line_test.c - one JSON object a line, whatever clients send (threats.md H07). */
#include "logger/reason_line.h"

#include "base/case_test.h"

static const char id[16] = "\x3f\x0c\x9a\x52\x6b\x1e\x4d\x7f\x9c\x28\x51\xe0\xaa\x77\x34\xd6";
#define BEGIN "{\"time\":\"2025-03-14T08:01:24.007Z\",\"session\":\"3f0c9a52-6b1e-4d7f-9c28-51e0aa7734d6\",\"site\":2"
enum { SECONDS = 1741939284 };

static const struct {
    const char *label, *user, *verb, *path, *reason;
    unsigned status, substatus;
    const char *want;
} commands[] = {
    { "refused by a rule", "anna", "RETR", "/a", "Deny Read (applicationHost.config:17)", 550, 1,
      BEGIN ",\"client\":\"192.0.2.53\",\"user\":\"anna\",\"verb\":\"RETR\",\"path\":\"/a\",\"outcome\":\"refused\",\"status\":550,\"win32\":5,\"substatus\":1,"
            "\"reason\":\"Deny Read (applicationHost.config:17)\"}\n" },
    { "a login that was allowed", "anna", "PASS", "/", "permission", 230, 0,
      BEGIN ",\"client\":\"192.0.2.53\",\"user\":\"anna\",\"verb\":\"PASS\",\"path\":\"/\",\"outcome\":\"allowed\",\"status\":230,\"win32\":5,\"substatus\":0,"
            "\"reason\":\"permission\"}\n" },
    { "a connection that was ended has no reply", "", "ControlChannelClosed", "", "IP restriction", 0, 4,
      BEGIN ",\"client\":\"192.0.2.53\",\"verb\":\"ControlChannelClosed\",\"outcome\":\"refused\",\"win32\":5,\"substatus\":4,\"reason\":\"IP restriction\"}\n" },
    { "a name that would forge a line", "a\"}\r\n{", "RETR", "/b\x1b", "x", 550, 2,
      BEGIN ",\"client\":\"192.0.2.53\",\"user\":\"a\\\"}\\u000d\\u000a{\",\"verb\":\"RETR\",\"path\":\"/b\\u001b\",\"outcome\":\"refused\",\"status\":550,\"win32\":5,"
            "\"substatus\":2,\"reason\":\"x\"}\n" },
};

static void test_commands(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        CASE_LABEL(&commands[i]);
        OWNED_TEXT_BUFFER line = { 0 };
        struct net_addr client;
        assert_int_equal(net_addr_parse(SLICE_LITERAL("192.0.2.53"), &client), 0);
        const struct log_access record = { .site = 2, .client = client, .time = SECONDS * INT64_C(1000) + 7, .session_id = slice_of(id, sizeof id),
                                           .user = slice_str(commands[i].user), .verb = slice_str(commands[i].verb),
                                           .full_path = slice_str(commands[i].path), .status = commands[i].status, .win32 = 5,
                                           .substatus = commands[i].substatus, .reason = slice_str(commands[i].reason) };
        reason_line_of_command(&record, &line);
        assert_string_equal(text_str(&line), commands[i].want);
    }
}

static void test_login(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER line = { 0 };
    const struct log_reason record = { .site = 2, .time = SECONDS * INT64_C(1000) + 7, .session_id = slice_of(id, sizeof id),
                                       .user = SLICE_LITERAL("eve"), .win32 = 1326, .substatus = 41, .reason = SLICE_LITERAL("no such user") };
    reason_line_of_login(&record, &line);
    assert_string_equal(text_str(&line), BEGIN ",\"user\":\"eve\",\"verb\":\"login\",\"outcome\":\"refused\",\"win32\":1326,\"substatus\":41,"
                                               "\"reason\":\"no such user\"}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_commands), cmocka_unit_test(test_login) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
