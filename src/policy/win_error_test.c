/* win_error_test.c - numbers and texts that clients and logs show. */
#include "policy/win_error.h"

#include "base/case_test.h"

static const struct {
    const char *label;
    int err;
    uint32_t number;
    const char *text;
} cases[] = {
    { "missing file", ERR_NOT_FOUND, 2, "The system cannot find the file specified." },
    { "missing directory on the way", ERR_PATH, 3, "The system cannot find the path specified." },
    { "denied", ERR_DENIED, 5, "Access is denied." },
    { "upload open", ERR_BUSY, 32, "The process cannot access the file because it is being used by another process." },
    { "disk full", ERR_NO_SPACE, 112, "There is not enough space on the disk." },
    { "quota", ERR_QUOTA, 112, "There is not enough space on the disk." },
    { "bad name", ERR_NAME, 123, "The filename, directory name, or volume label syntax is incorrect." },
    { "not empty", ERR_NOT_EMPTY, 145, "The directory is not empty." },
    { "exists", ERR_EXISTS, 183, "Cannot create a file when that file already exists." },
    { "name too long", ERR_TOO_LONG, 206, "The filename or extension is too long." },
    { "CWD to a file", ERR_NOT_DIR, 267, "The directory name is invalid." },
    { "EINVAL", ERR_RANGE, 87, "The parameter is incorrect." },
    { "FIFO", ERR_NOT_FILE, 5, "Access is denied." },
    { "success", 0, 0, "" },
    { "unknown error", -1000, 31, "A device attached to the system is not functioning." },
};

static void test_win_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        assert_int_equal(win_error_from(cases[i].err), cases[i].number);
        assert_string_equal(win_error_text(cases[i].number), cases[i].text);
    }
    assert_string_equal(win_error_text(1326), "The user name or password is incorrect.");
    assert_string_equal(win_error_text(99999), "");
}

/* Every ERR_ has a number of its own meaning, so no reply falls back to "device not functioning" by oversight. */
static void test_every_err(void **state)
{
    (void)state;
    static const int errs[] = {
#define E(name, value, text) value,
        ERR_LIST(E)
#undef E
    };
    for (size_t i = 0; i < COUNT_OF(errs); i++)
        if (errs[i] != ERR_SYS)
            assert_int_not_equal(win_error_from(errs[i]), WIN_GEN_FAILURE);
}

static void test_substatus(void **state)
{
    (void)state;
    for (unsigned i = 0; i <= SUBSTATUS_MAX; i++)
        assert_true(substatus_text(i)[0] != '\0');
    assert_string_equal(substatus_text(SUB_AUTHORIZATION), "Authorization rules denied the access.");
    assert_string_equal(substatus_text(SUB_SSL_128), "128-bit encryption is required for SSL connections.");
    assert_string_equal(substatus_text(56), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_win_errors), cmocka_unit_test(test_every_err),
                                        cmocka_unit_test(test_substatus) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
