/* password_test.c - which stored forms let whom in, and that wrong names cost what right ones do. */
#include "auth/password.h"

#include "base/case_test.h"

#define YESCRYPT_P "$y$j9T$abcdefgh12345678$KusMIs4oqdAxmLOni1xc2UZCxvtrGAxqP4WhOMOsLU3"
#define YESCRYPT_EMPTY "$y$j9T$abcdefgh12345678$K2GfN4yUDxY5aeJTBZh9H5Ge7YoYSNbk4a7jEUqD9i."

static const struct {
    const char *label, *stored, *password;
    enum password_form form;
    bool want;
} cases[] = {
    { "upper-case hex", "B03DDF3CA2E714A6548E7495E2A03F5E824EAAC9837CD7F159C67B90FB4B7342", "P@ssw0rd",
      PASSWORD_FORM_SHA256, true },
    { "lower-case hex", "b03ddf3ca2e714a6548e7495e2a03f5e824eaac9837cd7f159c67b90fb4b7342", "P@ssw0rd",
      PASSWORD_FORM_SHA256, true },
    { "Base64", "sD3fPKLnFKZUjnSV4qA/XoJOqsmDfNfxWcZ7kPtLc0I=", "P@ssw0rd", PASSWORD_FORM_SHA256, true },
    { "hex over UTF-16LE", "6da6f219dac977da75f2f2894f33abad5052af2a60ae9219af0e302eddd5bbc4", "P@ssw0rd",
      PASSWORD_FORM_SHA256, true },
    { "Base64 over UTF-16LE", "babyGdrJd9p18vKJTzOrrVBSrypgrpIZrw4wLt3Vu8Q=", "P@ssw0rd", PASSWORD_FORM_SHA256, true },
    { "UTF-16LE with a surrogate pair", "e27b6afee2d745da6472640ce7308a1709c13c9545f57dba46676579bfe345ca",
      "Gr\xC3\xBC\xC3\x9F" "e\xE2\x82\xAC\xF0\x9F\x98\x80", PASSWORD_FORM_SHA256, true },
    { "passwords have a case", "B03DDF3CA2E714A6548E7495E2A03F5E824EAAC9837CD7F159C67B90FB4B7342", "p@ssw0rd",
      PASSWORD_FORM_SHA256, false },
    { "Base64 has a case", "SD3fPKLnFKZUjnSV4qA/XoJOqsmDfNfxWcZ7kPtLc0I=", "P@ssw0rd", PASSWORD_FORM_SHA256, false },
    { "the digest is not the password (pass the hash)",
      "B03DDF3CA2E714A6548E7495E2A03F5E824EAAC9837CD7F159C67B90FB4B7342",
      "B03DDF3CA2E714A6548E7495E2A03F5E824EAAC9837CD7F159C67B90FB4B7342", PASSWORD_FORM_SHA256, false },
    { "digest of the empty password (A09)", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "",
      PASSWORD_FORM_SHA256, false },
    { "yescrypt", YESCRYPT_P, "P@ssw0rd", PASSWORD_FORM_YESCRYPT, true },
    { "yescrypt, wrong password", YESCRYPT_P, "P@ssw0rD", PASSWORD_FORM_YESCRYPT, false },
    { "yescrypt of the empty password (A09)", YESCRYPT_EMPTY, "", PASSWORD_FORM_YESCRYPT, false },
    { "yescrypt cut short", "$y$j9T$abcdefgh12345678$KusMIs4oqdAxmLOni1xc2UZCxvtrGAxqP4WhOMOsLU", "P@ssw0rd",
      PASSWORD_FORM_YESCRYPT, false },
    { "yescrypt setting without a hash", "$y$j9T$abcdefgh12345678", "P@ssw0rd", PASSWORD_FORM_YESCRYPT, false },
    { "yescrypt setting that libcrypt refuses", "$y$", "*0", PASSWORD_FORM_YESCRYPT, false },
    { "empty stored password (A09)", "", "", PASSWORD_FORM_UNKNOWN, false },
    { "clear text stored", "P@ssw0rd", "P@ssw0rd", PASSWORD_FORM_UNKNOWN, false },
    { "encrypted attribute we cannot read", "[enc:AesProvider:abcd:enc]", "[enc:AesProvider:abcd:enc]",
      PASSWORD_FORM_UNKNOWN, false },
    { "other crypt method", "$1$abcdefgh$G//4keteveJp0qb8z2DxG/", "password", PASSWORD_FORM_UNKNOWN, false },
    { "hex of 31 bytes", "03DDF3CA2E714A6548E7495E2A03F5E824EAAC9837CD7F159C67B90FB4B7342", "P@ssw0rd",
      PASSWORD_FORM_UNKNOWN, false },
    { "Base64 with spare bits set", "sD3fPKLnFKZUjnSV4qA/XoJOqsmDfNfxWcZ7kPtLc0J=", "P@ssw0rd", PASSWORD_FORM_UNKNOWN,
      false },
};

static void test_verify(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        assert_int_equal(password_form(slice_str(cases[i].stored)), cases[i].form);
        assert_int_equal(password_verify(slice_str(cases[i].stored), slice_str(cases[i].password)), cases[i].want);
    }
}

static void test_nul_never_cuts(void **state)
{
    (void)state;
    static const char behind[] = "P@ssw0rd\0x";
    assert_false(password_verify(slice_str(YESCRYPT_P), slice_of(behind, sizeof behind - 1)));
    assert_false(password_verify(slice_str(YESCRYPT_P), slice_of(behind, 9)));
}

static void test_made_passwords_verify(void **state)
{
    (void)state;
    struct slice password = SLICE_LITERAL("walk through");
    OWNED_TEXT_BUFFER first = { 0 }, second = { 0 }, sha = { 0 };
    assert_int_equal(password_make_yescrypt(password, &first), 0);
    assert_int_equal(password_make_yescrypt(password, &second), 0);
    assert_int_equal(password_make_sha256(password, &sha), 0);
    assert_int_equal(password_form(text_slice(&first)), PASSWORD_FORM_YESCRYPT);
    assert_string_not_equal(text_str(&first), text_str(&second)); /* salted */
    assert_true(password_verify(text_slice(&first), password));
    assert_true(password_verify(text_slice(&second), password));
    assert_true(password_verify(text_slice(&sha), password));
    assert_int_equal(sha.len, 64);
    text_reset(&sha);
    assert_int_equal(password_make_sha256(SLICE_LITERAL("P@ssw0rd"), &sha), 0);
    assert_string_equal(text_str(&sha), cases[0].stored);
}

static const struct {
    const char *label;
    size_t len;
    int want;
} lengths[] = {
    { "empty (A09)", 0, ERR_SYNTAX },
    { "one byte", 1, 0 },
    { "longer than yescrypt takes", 600, ERR_TOO_LONG },
};

static void test_refused_to_make(void **state)
{
    (void)state;
    char bytes[600];
    memset(bytes, 'a', sizeof bytes);
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        OWNED_TEXT_BUFFER t = { 0 };
        CASE_LABEL(&lengths[i]);
        assert_int_equal(password_make_yescrypt(slice_of(bytes, lengths[i].len), &t), lengths[i].want);
    }
}

/* A02: a name that does not exist costs the digests that one that exists costs. */
static void test_waste_costs_the_same(void **state)
{
    (void)state;
    static const char *const stored[PASSWORD_FORM_COUNT] = {
        [PASSWORD_FORM_SHA256] = "B03DDF3CA2E714A6548E7495E2A03F5E824EAAC9837CD7F159C67B90FB4B7342",
        [PASSWORD_FORM_YESCRYPT] = YESCRYPT_P,
    };
    for (enum password_form f = PASSWORD_FORM_SHA256; f < PASSWORD_FORM_COUNT; f++) {
        unsigned long before = password_work(f);
        assert_false(password_verify(slice_str(stored[f]), SLICE_LITERAL("wrong")));
        unsigned long known = password_work(f) - before;
        before = password_work(f);
        password_waste(f, SLICE_NONE, SLICE_LITERAL("wrong"));
        assert_int_equal(password_work(f) - before, known);
        before = password_work(f);
        password_waste(f, slice_str(YESCRYPT_P), SLICE_LITERAL("wrong"));
        assert_int_equal(password_work(f) - before, known);
        assert_int_equal(known, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verify),
        cmocka_unit_test(test_nul_never_cuts),
        cmocka_unit_test(test_made_passwords_verify),
        cmocka_unit_test(test_refused_to_make),
        cmocka_unit_test(test_waste_costs_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
