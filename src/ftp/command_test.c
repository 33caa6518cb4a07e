/* command_test.c - the table of verbs and what derives from it. */
#include "ftp/command.h"

#include "base/case_test.h"

enum { ALL = 0xff };

/* HELP of IIS, in its order (ftp-behaviour 1.1); a star is known but not implemented. */
static const char help[] = "ABOR ACCT ADAT* ALLO APPE AUTH CCC CDUP CWD DELE ENC* EPRT EPSV FEAT HELP HOST LANG LIST MDTM MIC* "
                           "MKD MODE NLST NOOP OPTS PASS PASV PBSZ PORT PROT PWD QUIT REIN REST RETR RMD RNFR RNTO SITE SIZE "
                           "SMNT STAT STOR STOU STRU SYST TYPE USER XCUP XCWD XMKD XPWD XRMD ";

static void test_help_order(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER got = { 0 };
    const struct command *row;
    for (size_t i = 0; (row = command_row(i)); i++)
        if (row->extension == EXT_NONE)
            text_addf(&got, "%s%s ", row->verb, row->flags & CMD_STAR ? "*" : "");
    assert_string_equal(text_str(&got), help);
}

/* ftp-behaviour 1.2: what may be said before login, and in the clear although the site requires TLS (3.2). */
static void test_classes(void **state)
{
    (void)state;
    static const char before[] = "ACCT ADAT AUTH CCC ENC FEAT HELP HOST LANG MIC NOOP OPTS PASS PBSZ PROT QUIT REIN SYST USER ";
    static const char clear[] = "AUTH FEAT HELP HOST NOOP OPTS PASS QUIT SYST USER ";
    static const char in_transfer[] = "ABOR NOOP STAT ";
    OWNED_TEXT_BUFFER new = { 0 }, open = { 0 }, during = { 0 };
    const struct command *row;
    for (size_t i = 0; (row = command_row(i)); i++) {
        text_addf(&new, "%s%s", row->phases & PHASE_NEW ? row->verb : "", row->phases & PHASE_NEW ? " " : "");
        text_addf(&open, "%s%s", row->flags & CMD_CLEAR ? row->verb : "", row->flags & CMD_CLEAR ? " " : "");
        if (row->flags & CMD_IN_TRANSFER)
            text_addf(&during, "%s ", row->verb);
    }
    assert_string_equal(text_str(&new), before);
    assert_string_equal(text_str(&open), clear);
    assert_string_equal(text_str(&during), in_transfer);
}

/* Whoever needs a right also needs a login, and no right is touched by what is allowed before it. */
static void test_rights_need_a_login(void **state)
{
    (void)state;
    const struct command *row;
    for (size_t i = 0; (row = command_row(i)); i++) {
        CASE_LABEL(&(struct { const char *label; }){ row->verb });
        assert_true(row->right == RIGHT_NONE || row->phases == PHASE_READY);
        assert_true((row->argument != ARG_PATH) || row->right != RIGHT_NONE);
        assert_true((row->flags & CMD_STAR) || row->handler != DO_none);
        assert_true(strlen(row->verb) <= 4 && row->syntax[0]);
    }
}

static const struct {
    const char *label, *verb;
    unsigned extensions;
    const char *found;
} lookups[] = {
    { "lower case",                    "retr",  0,                "RETR" },
    { "mixed case",                    "ReTr",  0,                "RETR" },
    { "prefix",                        "RET",   ALL,              NULL   },
    { "longer",                        "RETRX", ALL,              NULL   },
    { "empty",                         "",      ALL,              NULL   },
    { "bytes beyond ASCII (P14)",      "\xd2" "ETR", ALL,           NULL   },
    { "extension that is off",         "MLSD",  0,                NULL   },
    { "extension that is on",          "mlsd",  1u << EXT_MLST,   "MLSD" },
    { "another extension is on",       "MFMT",  1u << EXT_MLST,   NULL   },
    { "never known to IIS",            "CLNT",  ALL,              NULL   },
};

static void test_find(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lookups); i++) {
        CASE_LABEL(&lookups[i]);
        const struct command *row = command_find(slice_str(lookups[i].verb), lookups[i].extensions);
        if (lookups[i].found)
            assert_string_equal(row->verb, lookups[i].found);
        else
            assert_null(row);
    }
}

static const struct {
    const char *label, *line, *verb, *argument;
} splits[] = {
    { "no argument",                   "NOOP",         "NOOP", ""         },
    { "argument",                      "RETR a b",     "RETR", "a b"      },
    { "trailing blank only",           "PWD ",         "PWD",  ""         },
    { "many blanks only",              "PWD    ",      "PWD",  ""         },
    { "leading blank of a name stays", "RETR  a",      "RETR", " a"       },
    { "trailing blank of a name stays (W02)", "RETR a ", "RETR", "a "     },
    { "blank first",                   " NOOP",        "",     "NOOP"     },
    { "empty",                         "",             "",     ""         },
    { "tab is no separator",           "RETR\ta",      "RETR\ta", ""      },
};

static void test_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(splits); i++) {
        struct slice verb, argument;
        CASE_LABEL(&splits[i]);
        command_split(slice_str(splits[i].line), &verb, &argument);
        assert_true(slice_equal_str(verb, splits[i].verb));
        assert_true(slice_equal_str(argument, splits[i].argument));
    }
}

static const struct {
    const char *label, *text, *word;
} words[] = {
    { "a verb", "PASS", "PASS" },
    { "TAB in front", "\tPASS secret", "PASS" },
    { "TAB behind", "PASS\tsecret", "PASS" },
    { "no-break space behind", "PASS\xc2\xa0secret", "PASS" },
    { "byte order mark in front", "\xef\xbb\xbfPASS secret", "PASS" },
    { "DEL", "\x7fPASS\x7f", "PASS" },
    { "none", " \t\x80", "" },
    { "empty", "", "" },
};

static void test_word(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        CASE_LABEL(&words[i]);
        assert_true(slice_equal_str(command_word(slice_str(words[i].text)), words[i].word));
    }
}

static void test_features(void **state)
{
    (void)state;
    static const char plain[] = "LANG EN*|UTF8|AUTH TLS;TLS-C;SSL;TLS-P;|PBSZ|PROT C;P;|CCC|HOST|SIZE|MDTM|REST STREAM|";
    OWNED_TEXT_BUFFER iis = { 0 }, no_utf8 = { 0 }, all = { 0 };
    const char *line;
    for (size_t i = 0; (line = command_feature(i, 0, true)); i++)
        text_addf(&iis, "%s|", line);
    for (size_t i = 0; (line = command_feature(i, 0, false)); i++)
        text_addf(&no_utf8, "%s|", line);
    for (size_t i = 0; (line = command_feature(i, ALL, true)); i++)
        text_addf(&all, "%s|", line);
    assert_string_equal(text_str(&iis), plain);
    assert_string_equal(text_str(&no_utf8), plain + strlen("LANG EN*|UTF8|"));
    assert_non_null(strstr(text_str(&all), "MLST|MFMT|TVFS|EPRT|EPSV|"));
}

static void test_http(void **state)
{
    (void)state;
    assert_true(command_is_http(SLICE_LITERAL("GET")));
    assert_true(command_is_http(SLICE_LITERAL("post")));
    assert_false(command_is_http(SLICE_LITERAL("GETX")));
    const struct command *row;
    for (size_t i = 0; (row = command_row(i)); i++)
        assert_false(command_is_http(slice_str(row->verb)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_help_order), cmocka_unit_test(test_classes), cmocka_unit_test(test_rights_need_a_login),
        cmocka_unit_test(test_find),       cmocka_unit_test(test_split),   cmocka_unit_test(test_features),
        cmocka_unit_test(test_http),       cmocka_unit_test(test_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
