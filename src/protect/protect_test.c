/* protect_test.c - stored passwords (X04): what opens, what does not, and whose the key file is. */
#include "base/case_test.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protect/protect.h"

static const struct protect_key key = { { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 } }, other_key = { { 1 } };

/* ---- the form ---- */

static void test_round_trip(void **state)
{
    (void)state;
    static const char *const clears[] = { "p", "geheim", "Pässwörd <&\"> \t\n", "[enc:AesProvider:abcd:enc]", "" };
    for (size_t i = 0; i < COUNT_OF(clears); i++) {
        OWNED_TEXT_BUFFER a = { 0 }, b = { 0 }, clear = { 0 };
        assert_int_equal(protect_seal(&key, slice_str(clears[i]), &a), 0);
        assert_int_equal(protect_seal(&key, slice_str(clears[i]), &b), 0);
        assert_string_not_equal(text_str(&a), text_str(&b)); /* equal passwords do not look equal */
        assert_int_equal(protect_open(&key, text_slice(&a), &clear), 0);
        assert_string_equal(text_str(&clear), clears[i]);
        assert_true(protect_is_ours(text_slice(&a)));
    }
}

#define STORED "AWRlZmdoaWprbG1ub1bVRoZqTkan1RnlxvzJRA+e7aK3R2g=" /* of another program */
#define OURS(data) "[enc:SallyportAesProvider:" data ":enc]"

static const struct {
    const char *label, *stored;
    int want;
} cases[] = {
    { "the form does not change", OURS(STORED), 0 },
    { "clear text", "geheim", ERR_UNSUPPORTED },
    { "of Windows", "[enc:AesProvider:" STORED ":enc]", ERR_UNSUPPORTED },
    { "a provider that begins like ours", "[enc:SallyportAesProvider2:" STORED ":enc]", ERR_UNSUPPORTED },
    { "without its end", "[enc:SallyportAesProvider:" STORED, ERR_SYNTAX },
    { "a line end in it", OURS("AWRl\n" STORED), ERR_SYNTAX },
    { "nothing but its begin", "[enc:SallyportAesProvider:", ERR_SYNTAX },
    { "one colon for two", "[enc:SallyportAesProvider:enc]", ERR_SYNTAX },
    { "empty", OURS(""), ERR_SYNTAX },
    { "cut before the tag", OURS("AQAAAAAAAAAAAAAA"), ERR_SYNTAX },
    { "no base64", OURS("A*" STORED), ERR_SYNTAX },
    { "padding in the middle", OURS("AQ==" STORED), ERR_SYNTAX },
    { "a version that is not known", OURS("AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), ERR_SYNTAX },
    { "nothing right but the length", OURS("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), ERR_DENIED },
};

static void test_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        OWNED_TEXT_BUFFER clear = { 0 };
        CASE_LABEL(&cases[i]);
        assert_int_equal(protect_open(&key, slice_str(cases[i].stored), &clear), cases[i].want);
        assert_string_equal(text_str(&clear), cases[i].want ? "" : "geheim");
    }
}

/* Every byte counts: version, nonce, ciphertext, tag. */
static void test_damage(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER stored = { 0 };
    assert_int_equal(protect_seal(&key, slice_str("geheim"), &stored), 0);
    size_t head = strlen("[enc:SallyportAesProvider:"), tail = strlen(":enc]");
    for (size_t i = head; i < stored.len - tail; i++) {
        OWNED_TEXT_BUFFER clear = { 0 }, cut = { 0 };
        char was = stored.ptr[i];
        if (was == '=')
            continue;
        stored.ptr[i] = was >= 'A' && was <= 'Z' ? 'z' : 'B'; /* another of the first bits, so of the byte */
        assert_int_not_equal(protect_open(&key, text_slice(&stored), &clear), 0);
        stored.ptr[i] = was;
        text_add(&cut, slice_first(text_slice(&stored), i));
        text_add_str(&cut, ":enc]");
        assert_int_not_equal(protect_open(&key, text_slice(&cut), &clear), 0);
        assert_int_equal(clear.len, 0);
    }
    OWNED_TEXT_BUFFER clear = { 0 };
    assert_int_equal(protect_open(&other_key, text_slice(&stored), &clear), ERR_DENIED);
    assert_int_equal(protect_open(&key, text_slice(&stored), &clear), 0);
}

/* ---- the key ---- */

#define HEX62 "00112233445566778899aabbccddeeff00112233445566778899aabbccddee"
static const struct {
    const char *label, *file;
    int want;
} keys[] = {
    { "as it is made", HEX62 "ff\n", 0 },
    { "from Windows's editor", HEX62 "ff\r\n", 0 },
    { "too short", HEX62 "f\n", ERR_SYNTAX },
    { "too long", HEX62 "fff\n", ERR_SYNTAX },
    { "two lines", HEX62 "ff\n" HEX62 "ff\n", ERR_SYNTAX },
    { "no digits", HEX62 "fg\n", ERR_SYNTAX },
    { "empty", "", ERR_SYNTAX },
};

static void test_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        struct protect_key k;
        CASE_LABEL(&keys[i]);
        assert_int_equal(protect_key_parse(slice_str(keys[i].file), &k), keys[i].want);
    }
}

static char directory[64], secrets[96], key_path[128];

static int setup(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/protect_test.XXXXXX");
    if (!mkdtemp(directory))
        return 1;
    snprintf(secrets, sizeof secrets, "%s/secrets", directory);
    snprintf(key_path, sizeof key_path, "%s/" PROTECT_KEY_FILE, directory);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)unlink(key_path);
    (void)rmdir(secrets); /* fails, and the next line with it, when something was left */
    return rmdir(directory);
}

static int seal(struct text *stored, struct diag *d)
{
    return protect_values.seal(directory, SLICE_LITERAL("geheim"), stored, d);
}

static void test_key_is_made_once(void **state)
{
    (void)state;
    struct stat st, again;
    struct diag d = { 0 };
    OWNED_TEXT_BUFFER first = { 0 }, second = { 0 }, clear = { 0 };
    assert_int_equal(protect_reveal(directory, SLICE_LITERAL(OURS("")), &clear, &d), ERR_NOT_FOUND);
    assert_int_equal(access(secrets, F_OK), -1); /* reading makes nothing */
    assert_int_equal(seal(&first, &d), 0);
    assert_int_equal(stat(key_path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_nlink, 1);
    assert_int_equal(stat(secrets, &again), 0);
    assert_int_equal(again.st_mode & 07777, 0700);
    assert_int_equal(seal(&second, &d), 0);
    assert_int_equal(stat(key_path, &again), 0);
    assert_true(st.st_ino == again.st_ino && st.st_mtim.tv_nsec == again.st_mtim.tv_nsec);
    assert_int_equal(protect_reveal(directory, text_slice(&first), &clear, &d), 0);
    assert_string_equal(text_str(&clear), "geheim");
}

static const struct {
    const char *label, *content;
    mode_t mode;
    int want;
    const char *words;
} bad_keys[] = {
    { "others may read it", HEX62 "ff\n", 0640, ERR_DENIED, "accessible to others" },
    { "something else", "hello\n", 0600, ERR_SYNTAX, "is no key" },
    { "empty: it is not replaced", "", 0600, ERR_SYNTAX, "is no key" },
};

static void test_bad_key_files(void **state)
{
    (void)state;
    assert_int_equal(mkdir(secrets, 0700), 0);
    for (size_t i = 0; i < COUNT_OF(bad_keys); i++) {
        struct diag d = { 0 };
        OWNED_TEXT_BUFFER stored = { 0 };
        CASE_LABEL(&bad_keys[i]);
        FILE *f = fopen(key_path, "w");
        assert_non_null(f);
        assert_true(fputs(bad_keys[i].content, f) >= 0 && fclose(f) == 0 && chmod(key_path, bad_keys[i].mode) == 0);
        assert_int_equal(seal(&stored, &d), bad_keys[i].want);
        assert_int_equal(stored.len, 0);
        assert_non_null(strstr(d.what, bad_keys[i].words));
        assert_string_equal(d.file, key_path);
    }
}

static void test_secrets_is_no_folder(void **state)
{
    (void)state;
    struct diag d = { 0 };
    OWNED_TEXT_BUFFER stored = { 0 };
    FILE *f = fopen(secrets, "w");
    assert_true(f && fclose(f) == 0);
    assert_int_not_equal(seal(&stored, &d), 0);
    assert_int_equal(stored.len, 0);
    (void)unlink(secrets);
}

/* A link would let an ordinary user, whose instance root works on, have a file made for himself anywhere. */
static void test_secrets_is_a_link(void **state)
{
    (void)state;
    struct diag d = { 0 };
    OWNED_TEXT_BUFFER stored = { 0 };
    char elsewhere[] = "/tmp/protect_test_elsewhere.XXXXXX";
    assert_non_null(mkdtemp(elsewhere));
    assert_int_equal(symlink(elsewhere, secrets), 0);
    assert_int_not_equal(seal(&stored, &d), 0);
    assert_non_null(strstr(d.what, "cannot be made"));
    assert_int_equal(rmdir(elsewhere), 0); /* nothing is in it */
    (void)unlink(secrets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_keys),
        cmocka_unit_test_setup_teardown(test_key_is_made_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_key_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_secrets_is_no_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(test_secrets_is_a_link, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
