/* w3c_test.c - lines as real logs show them, and text that must not get through. */
#include "logfmt/w3c.h"

#include "base/case_test.h"
#include "snapshot/snapshot.h"

enum { DEFAULT_FIELDS = 1 | 2 | 4 | 8 | 64 | 128 | 256 | 1024 | 2048 | 2097152 | 32768 | 4194304 | 8388608 };

#define SESSION "3f0c9a52-6b1e-4d7f-9c28-51e0aa7734d6"
static const char session_bytes[16] = "\x3f\x0c\x9a\x52\x6b\x1e\x4d\x7f\x9c\x28\x51\xe0\xaa\x77\x34\xd6";
static const int64_t start_time = 1741939284000; /* 2025-03-14 08:01:24 */

static struct net_addr addr_of(const char *ip, uint16_t port)
{
    struct net_addr a = { 0 };
    assert_int_equal(net_addr_parse(slice_str(ip), &a), 0);
    a.port = port;
    return a;
}

/* The sample log of ftp-behaviour.md 10 and the two refusals below it. */
static const struct {
    const char *label;
    unsigned second;
    const char *user;
    uint16_t port;
    const char *verb, *argument;
    uint32_t status, win32, substatus;
    const char *path, *want;
} samples[] = {
    { "connection", 0, "", 21, "ControlChannelOpened", "", 0, 0, 0, "",
      "2025-03-14 08:01:24 192.0.2.53 - 192.0.2.10 21 ControlChannelOpened - - 0 0 " SESSION " -" },
    { "before login no name", 0, "", 21, "USER", "anna", 331, 0, 0, "",
      "2025-03-14 08:01:24 192.0.2.53 - 192.0.2.10 21 USER anna 331 0 0 " SESSION " -" },
    { "login", 0, "HOST1\\anna", 21, "PASS", "***", 230, 0, 0, "/",
      "2025-03-14 08:01:24 192.0.2.53 HOST1\\anna 192.0.2.10 21 PASS *** 230 0 0 " SESSION " /" },
    { "verb in the client's case, blank as +", 0, "HOST1\\anna", 21, "opts", "utf8 on", 200, 0, 0, "",
      "2025-03-14 08:01:24 192.0.2.53 HOST1\\anna 192.0.2.10 21 opts utf8+on 200 0 0 " SESSION " -" },
    { "argument as sent, path resolved", 0, "HOST1\\anna", 21, "CWD", "/plans/", 250, 0, 0, "/plans",
      "2025-03-14 08:01:24 192.0.2.53 HOST1\\anna 192.0.2.10 21 CWD /plans/ 250 0 0 " SESSION " /plans" },
    { "no argument", 0, "HOST1\\anna", 21, "PASV", "", 227, 0, 0, "",
      "2025-03-14 08:01:24 192.0.2.53 HOST1\\anna 192.0.2.10 21 PASV - 227 0 0 " SESSION " -" },
    { "data channel carries its port", 0, "HOST1\\anna", 50112, "DataChannelClosed", "", 0, 0, 0, "",
      "2025-03-14 08:01:24 192.0.2.53 HOST1\\anna 192.0.2.10 50112 DataChannelClosed - - 0 0 " SESSION " -" },
    { "transfer", 0, "HOST1\\anna", 21, "RETR", "q1.txt", 226, 0, 0, "/plans/q1.txt",
      "2025-03-14 08:01:24 192.0.2.53 HOST1\\anna 192.0.2.10 21 RETR q1.txt 226 0 0 " SESSION " /plans/q1.txt" },
    { "six seconds later", 6, "HOST1\\anna", 21, "ControlChannelClosed", "", 0, 0, 0, "",
      "2025-03-14 08:01:30 192.0.2.53 HOST1\\anna 192.0.2.10 21 ControlChannelClosed - - 0 0 " SESSION " -" },
    { "anonymous off", 0, "", 21, "PASS", "IEUser@", 530, 1326, 42, "",
      "2025-03-14 08:01:24 192.0.2.53 - 192.0.2.10 21 PASS IEUser@ 530 1326 42 " SESSION " -" },
    { "refused low port", 0, "", 50112, "DataChannelClosed", "", 0, 1236, 38, "",
      "2025-03-14 08:01:24 192.0.2.53 - 192.0.2.10 50112 DataChannelClosed - - 1236 38 " SESSION " -" },
};

static void test_samples(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(samples); i++) {
        OWNED_TEXT_BUFFER out = { 0 }, want = { 0 };
        CASE_LABEL(&samples[i]);
        const struct log_access r = {
            .site = 2,
            .time = start_time + 1000 * samples[i].second + 999,
            .session_id = slice_of(session_bytes, 16),
            .client = addr_of("192.0.2.53", 49152),
            .local = addr_of("192.0.2.10", samples[i].port),
            .user = slice_str(samples[i].user),
            .verb = slice_str(samples[i].verb),
            .argument = slice_str(samples[i].argument),
            .status = samples[i].status,
            .win32 = samples[i].win32,
            .substatus = samples[i].substatus,
            .full_path = slice_str(samples[i].path),
        };
        w3c_line(&(struct w3c_style){ .fields = DEFAULT_FIELDS, .utf8 = true }, &r, &out);
        text_addf(&want, "%s\r\n", samples[i].want);
        assert_int_equal(text_error(&out), 0);
        assert_string_equal(text_str(&out), text_str(&want));
    }
}

#define HEAD "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: 2025-03-14 08:01:24\r\n"

static const struct {
    const char *label;
    uint32_t fields;
    const char *want;
} headers[] = {
    { "default set", DEFAULT_FIELDS,
      HEAD "#Fields: date time c-ip cs-username s-ip s-port cs-method cs-uri-stem sc-status sc-win32-status "
           "sc-substatus x-session x-fullpath\r\n" },
    { "everything, in the order of real logs", ~(uint32_t)W3C_CERTIFICATE,
      HEAD "#Fields: date time c-ip c-port cs-username s-sitename s-computername cs-host s-ip s-port cs-method "
           "cs-uri-stem sc-status sc-win32-status sc-substatus sc-bytes cs-bytes time-taken x-session x-fullpath "
           "x-debug\r\n" },
    { "certificates", 1 | W3C_CERTIFICATE,
      HEAD "#Fields: date x-cert-subject x-cert-issuer x-cert-serial x-cert-sha256 x-cert-verdict\r\n" },
};

static void test_headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        OWNED_TEXT_BUFFER out = { 0 };
        CASE_LABEL(&headers[i]);
        w3c_header(&(struct w3c_style){ .fields = headers[i].fields, .utf8 = true }, start_time, &out);
        assert_string_equal(text_str(&out), headers[i].want);
    }
}

/* In this order: each date is asked for behind another one. */
static const struct {
    const char *label;
    int64_t time;
    const char *want;
} stamps[] = {
    { "the epoch",                      0,               "1970-01-01 00:00:00\r\n" },
    { "last second of a day",           1741996799999,   "2025-03-14 23:59:59\r\n" },
    { "first of the next",              1741996800000,   "2025-03-15 00:00:00\r\n" },
    { "back again, the clock was set",  1741996799000,   "2025-03-14 23:59:59\r\n" },
    { "leap day",                       1835481599000,   "2028-02-29 23:59:59\r\n" },
    { "before the epoch, rounded down", -1,              "1969-12-31 23:59:59\r\n" },
    { "a day before that",              -86400001,       "1969-12-30 23:59:59\r\n" },
    { "no such year",                   INT64_MAX,       "292278994-08-17 07:12:55\r\n" },
};

static void test_stamps(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(stamps); i++) {
        OWNED_TEXT_BUFFER out = { 0 };
        CASE_LABEL(&stamps[i]);
        w3c_line(&(struct w3c_style){ .fields = 1 | 2 }, &(struct log_access){ .time = stamps[i].time }, &out);
        assert_string_equal(text_str(&out), stamps[i].want);
    }
}

static void test_every_field(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER out = { 0 };
    const struct log_access r = {
        .site = 2, .time = start_time, .session_id = slice_of(session_bytes, 16),
        .client = addr_of("2001:db8::5", 49152), .local = addr_of("2001:db8::1", 21),
        .user = SLICE_LITERAL("ftpmanager"), .host = SLICE_LITERAL("ftp.example.com"),
        .verb = SLICE_LITERAL("USER"), .argument = SLICE_LITERAL("administrator"), .status = 331,
        .bytes_sent = 42, .bytes_received = 20, .elapsed = 15,
        .info = SLICE_LITERAL("User failed to authenticate."),
        .certificate = SLICE_LITERAL("CN=a b,O=x\nCN=CA\n2a\nF00D"), .cert_verdict = SLICE_LITERAL("no account"),
    };
    w3c_line(&(struct w3c_style){ w3c_known_fields(), true, SLICE_LITERAL("HOST1") }, &r, &out);
    assert_string_equal(text_str(&out),
                        "2025-03-14 08:01:24 2001:db8::5 49152 ftpmanager FTPSVC2 HOST1 ftp.example.com 2001:db8::1 21 "
                        "USER administrator 331 0 0 42 20 15 " SESSION " - User+failed+to+authenticate. CN=a+b,O=x CN=CA 2a F00D "
                        "no+account\r\n");
}

static const struct {
    const char *label;
    bool utf8;
    const char *in, *want;
} texts[] = {
    { "line break forges no line (H07)",      true,  "a\r\n2025-03-14 forged",     "a%0D%0A2025-03-14+forged" },
    { "escape sequence (H07)",                true,  "\x1b[2J",                    "%1B[2J" },
    { "tab splits no field (H07)",            true,  "a\tb",                       "a%09b" },
    { "DEL",                                  true,  "a\x7f",                      "a%7F" },
    { "C1 control as UTF-8 (H07)",            true,  "a\xC2\x9B" "2J",             "a%C2%9B2J" },
    { "next line U+0085",                     true,  "a\xC2\x85" "b",              "a%C2%85b" },
    { "line separator U+2028",                true,  "a\xE2\x80\xA8" "b",          "a%E2%80%A8b" },
    { "direction override U+202E",            true,  "a\xE2\x80\xAE" "b",          "a%E2%80%AEb" },
    { "directive at line start (H07)",        true,  "#Fields: x",                 "%23Fields:+x" },
    { "hash elsewhere passes",                true,  "a#b",                        "a#b" },
    { "UTF-8 passes",                         true,  "gr\xC3\xBC\xC3\x9F",         "gr\xC3\xBC\xC3\x9F" },
    { "emoji passes",                         true,  "\xF0\x9F\x98\x80",           "\xF0\x9F\x98\x80" },
    { "broken UTF-8",                         true,  "a\xC3(\xFF",                 "a%C3(%FF" },
    { "overlong slash",                       true,  "\xC0\xAF",                   "%C0%AF" },
    { "cut at the end",                       true,  "a\xE2\x82",                  "a%E2%82" },
    { "Latin-1 file, character it has",       false, "gr\xC3\xBC",                 "gr\xFC" },
    { "Latin-1 file, character it lacks",     false, "\xE2\x82\xAC" "5",           "?5" },
    { "Latin-1 file, control (H07)",          false, "a\xC2\x9B",                  "a%C2%9B" },
    { "Latin-1 file, broken UTF-8",           false, "a\xFC",                      "a%FC" },
};

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        OWNED_TEXT_BUFFER out = { 0 }, want = { 0 };
        CASE_LABEL(&texts[i]);
        const struct log_access r = { .user = slice_str(texts[i].in), .argument = slice_str(texts[i].in) };
        w3c_line(&(struct w3c_style){ .fields = 8, .utf8 = texts[i].utf8 }, &r, &out);
        text_addf(&want, "%s\r\n", texts[i].want);
        assert_string_equal(text_str(&out), text_str(&want));
    }
}

enum { ALL = LOG_SUCCESSFUL | LOG_ERROR | LOG_INFRASTRUCTURE };

static const struct {
    const char *label;
    uint32_t selective, status, win32;
    bool infrastructure, want;
} selections[] = {
    { "all: success",                          ALL,                           226, 0,    false, true },
    { "all: error",                            ALL,                           550, 5,    false, true },
    { "all: data channel",                     ALL,                           0,   0,    true,  true },
    { "nothing selected",                      0,                             226, 0,    false, false },
    { "errors only: success",                  LOG_ERROR,                     226, 0,    false, false },
    { "errors only: failure",                  LOG_ERROR,                     530, 1326, false, true },
    { "errors only: aborted pseudo-verb",      LOG_ERROR,                     0,   64,   false, true },
    { "errors only: orderly pseudo-verb",      LOG_ERROR,                     0,   0,    false, false },
    { "intermediate reply is success",         LOG_SUCCESSFUL,                331, 0,    false, true },
    { "no infrastructure: PASV",               LOG_SUCCESSFUL | LOG_ERROR,    227, 0,    true,  false },
    { "no infrastructure: failed PORT",        LOG_SUCCESSFUL | LOG_ERROR,    501, 87,   true,  false },
    { "infrastructure alone: PASV",            LOG_INFRASTRUCTURE,            227, 0,    true,  true },
    { "infrastructure alone: failed PORT",     LOG_INFRASTRUCTURE,            501, 87,   true,  true },
    { "infrastructure alone: a login",         LOG_INFRASTRUCTURE,            230, 0,    false, false },
};

static void test_selections(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(selections); i++) {
        CASE_LABEL(&selections[i]);
        const struct log_access r = { .status = selections[i].status, .win32 = selections[i].win32,
                                      .infrastructure = selections[i].infrastructure };
        assert_int_equal(w3c_is_wanted(selections[i].selective, &r), selections[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),     cmocka_unit_test(test_headers), cmocka_unit_test(test_every_field),
        cmocka_unit_test(test_texts),       cmocka_unit_test(test_selections), cmocka_unit_test(test_stamps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
