/* hash_test.c - stored membership passwords; the values were computed by another implementation (Python's hashlib). */
#include "membership/hash.h"

#include "base/case_test.h"

#define PASSWORD "P\xC3\xA4ssw0rd\xE2\x82\xAC\xF0\x9F\x98\x80"
#define SALT "AAECAwQFBgcICQoLDA0ODw=="

static const struct {
    const char *label, *algorithm, *salt, *stored, *password;
    enum membership_format format;
    bool want;
} cases[] = {
    { "clear", "", "", "secret", "secret", MEMBERSHIP_CLEAR, true },
    { "clear has a case", "", "", "secret", "Secret", MEMBERSHIP_CLEAR, false },
    { "clear, longer", "", "", "secret", "secret1", MEMBERSHIP_CLEAR, false },
    { "SHA1", "SHA1", SALT, "dJe81I0po/cMS0cFr46YxoKGmnk=", PASSWORD, MEMBERSHIP_HASHED, true },
    { "SHA1, wrong password", "SHA1", SALT, "dJe81I0po/cMS0cFr46YxoKGmnk=", "P", MEMBERSHIP_HASHED, false },
    { "SHA1, other salt", "SHA1", "AQECAwQFBgcICQoLDA0ODw==", "dJe81I0po/cMS0cFr46YxoKGmnk=", PASSWORD, MEMBERSHIP_HASHED, false },
    { "SHA1 by its length", "", SALT, "dJe81I0po/cMS0cFr46YxoKGmnk=", PASSWORD, MEMBERSHIP_HASHED, true },
    { "MD5", "MD5", SALT, "wB4/+f1ZKz2HAlTgK5OiMA==", PASSWORD, MEMBERSHIP_HASHED, true },
    { "SHA256", "SHA256", SALT, "f/P3DTjeQUjnFWsSYed/vX1gqTTnNG/dVwjkOnIURfw=", PASSWORD, MEMBERSHIP_HASHED, true },
    { "SHA256 is not what 32 bytes mean by themselves", "", SALT, "f/P3DTjeQUjnFWsSYed/vX1gqTTnNG/dVwjkOnIURfw=", PASSWORD,
      MEMBERSHIP_HASHED, false },
    { "SHA384", "sha384", SALT, "qzd33iVsWGEuw1z3T2DC7MnT86Vz3sraMJekTVlRapd8oYtNhLJsa6ujqPMjWFEw", PASSWORD, MEMBERSHIP_HASHED,
      true },
    { "SHA512", "SHA512", SALT,
      "9cOThlfppxJiRp4sNFhnagILToRCvRkahSVmfLSKgDDE/vI37ZFVEXDIGxlZg9L1yQlzTGmgAOiLGaE3+WlB4Q==", PASSWORD, MEMBERSHIP_HASHED,
      true },
    { "HMACSHA1", "HMACSHA1", SALT, "qtYISizmUMjeAmUlR0Kjc/3g80k=", PASSWORD, MEMBERSHIP_HASHED, true },
    { "HMACSHA256", "HMACSHA256", SALT, "SA/B/hWqGB+DWfFxX7xyBJkL6KMeuoR7SjPdyGn1d/g=", PASSWORD, MEMBERSHIP_HASHED, true },
    { "HMACSHA256 by its length", "", SALT, "SA/B/hWqGB+DWfFxX7xyBJkL6KMeuoR7SjPdyGn1d/g=", PASSWORD, MEMBERSHIP_HASHED, true },
    { "HMACSHA384", "HMACSHA384", SALT, "XTdxc2h2QlXCZSmx4JA2Q9c1YR8ZM2Dh0RSg35WuQha4EiGbRjJdKvNNSZgIHeIo", PASSWORD,
      MEMBERSHIP_HASHED, true },
    { "HMACSHA512", "HMACSHA512", SALT,
      "jjvpv9oo4fxPIgGpqBUKGo8YonAHCyFut1u3EUtlBcJIPCmn+jQ1g0K5U1VSy4qOIOf+7K2lv2NTBFNgFWPRWQ==", PASSWORD, MEMBERSHIP_HASHED,
      true },
    { "the hash is not the password", "SHA1", SALT, "dJe81I0po/cMS0cFr46YxoKGmnk=", "dJe81I0po/cMS0cFr46YxoKGmnk=",
      MEMBERSHIP_HASHED, false },
    { "hash of another length", "SHA1", SALT, "dJe81A==", PASSWORD, MEMBERSHIP_HASHED, false },
    { "no base64", "SHA1", SALT, "dJe81I0po/cMS0cFr46YxoKGmn!=", PASSWORD, MEMBERSHIP_HASHED, false },
    { "empty hash", "SHA1", SALT, "", PASSWORD, MEMBERSHIP_HASHED, false },
    { "keyed without a salt", "HMACSHA256", "", "SA/B/hWqGB+DWfFxX7xyBJkL6KMeuoR7SjPdyGn1d/g=", PASSWORD, MEMBERSHIP_HASHED, false },
    { "unknown algorithm", "ROT13", SALT, "dJe81I0po/cMS0cFr46YxoKGmnk=", PASSWORD, MEMBERSHIP_HASHED, false },
    { "encrypted", "SHA1", SALT, "secret", "secret", MEMBERSHIP_ENCRYPTED, false },
    { "no UTF-8", "SHA1", SALT, "dJe81I0po/cMS0cFr46YxoKGmnk=", "\xff\xfe", MEMBERSHIP_HASHED, false },
};

static void test_matches(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        assert_int_equal(membership_hash_matches(cases[i].format, slice_str(cases[i].algorithm), slice_str(cases[i].salt),
                                                 slice_str(cases[i].stored), slice_str(cases[i].password)),
                         cases[i].want);
    }
}

static void test_known(void **state)
{
    (void)state;
    assert_true(membership_hash_is_known(SLICE_NONE));
    assert_true(membership_hash_is_known(SLICE_LITERAL("HMACSHA256")));
    assert_false(membership_hash_is_known(SLICE_LITERAL("RIPEMD160x")));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_matches), cmocka_unit_test(test_known) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
