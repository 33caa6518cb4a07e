/* fold_test.c - which letters are the same. */
#include "base/fold.h"

#include <stdlib.h>

#include "base/case_test.h"
#include "base/utf16.h"

static const struct {
    const char *label, *a, *b;
    bool want;
} folds[] = {
    { "ASCII",                                     "Alice@Depot.Test", "alice@depot.TEST", true },
    { "Latin-1",                                   "ZO\xc3\x8b@x",     "zo\xc3\xab@x",     true },
    { "Latin Extended-A",                          "\xc5\xbd",         "\xc5\xbe",         true },
    { "Greek",                                     "\xce\xa9",         "\xcf\x89",         true },
    { "Greek with an accent",                      "\xce\x86\xce\x8c",  "\xce\xac\xcf\x8c",  true },
    { "the sigma at the end of a name",            "\xce\xa3",         "\xcf\x82",         true },
    { "Greek, an accent more is another name",     "\xce\x86",         "\xce\xb1",         false },
    { "Cyrillic",                                  "\xd0\x96",         "\xd0\xb6",         true },
    { "an accent more is another name",            "zoe@x",            "zo\xc3\xab@x",     false },
    { "a letter that only looks the same is not",  "\xd0\xb0lice",     "alice",            false },
    { "full width is not ASCII",                   "\xef\xbd\x81",     "a",                false },
    { "the multiplication sign is no letter",      "\xc3\x97",         "\xc3\xb7",         false },
    { "shorter",                                   "alice",            "alice2",           false },
    { "broken UTF-8 equals nothing, not even itself", "\xff",          "\xff",             false },
};

static void test_folding(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(folds); i++) {
        CASE_LABEL(&folds[i]);
        assert_int_equal(fold_equal(slice_str(folds[i].a), slice_str(folds[i].b)), folds[i].want);
        assert_int_equal(fold_equal(slice_str(folds[i].b), slice_str(folds[i].a)), folds[i].want);
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_true(fold_same_name(SLICE_LITERAL("\xc3\x9cnal"), SLICE_LITERAL("\xc3\xbcNAL")));
    assert_true(fold_same_name(SLICE_LITERAL("\xff" "a"), SLICE_LITERAL("\xff" "A")));
    assert_false(fold_same_name(SLICE_LITERAL("\xdf"), SLICE_LITERAL("\xff")));
    assert_false(fold_same_name(SLICE_LITERAL("unal"), SLICE_LITERAL("\xc3\xbcnal")));
}

/* What rules compare by is wider. */
static const struct {
    const char *label, *a, *b;
    bool want;
} rules[] = {
    { "ASCII",                            "Depot",                "dEPOT",            true },
    { "Latin-1",                          "B\xc3\x84" "D",        "b\xc3\xa4" "d",    true },
    { "y with diaeresis",                 "\xc5\xb8",             "\xc3\xbf",         true },
    { "Kelvin sign",                      "\xe2\x84\xaa",         "k",                true },
    { "long s",                           "\xc5\xbf",             "S",                true },
    { "Angstrom sign",                    "\xe2\x84\xab",         "\xc3\xa5",         true },
    { "capital sharp s",                  "\xe1\xba\x9e",         "\xc3\x9f",         true },
    { "one character is never two",       "\xc3\x9f",             "ss",               false },
    { "Cyrillic of minorities",           "\xd3\x80",             "\xd3\x8f",         true },
    { "Georgian",                         "\xe1\xb2\x90",         "\xe1\x83\x90",     true },
    { "full width",                       "\xef\xbc\xa1",         "\xef\xbd\x81",     true },
    { "full width is not ASCII",          "\xef\xbd\x81",         "a",                false },
    { "beyond the first plane",           "\xf0\x90\x90\x80",     "\xf0\x90\x90\xa8", true },
    { "an accent more",                   "a",                    "\xc3\xa4",         false },
    { "shorter",                          "\xc3\xa4",             "\xc3\xa4x",        false },
    { "broken UTF-8 equals itself",       "\xff" "A",             "\xff" "a",         true },
    { "and nothing else",                 "\xfe",                 "\xff",             false },
    { "not even the character of that number", "\xe4",            "\xc3\xa4",         false },
    { "half a character",                 "\xc3",                 "\xc3\xa4",         false },
};

static void test_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        struct slice a = slice_str(rules[i].a), b = slice_str(rules[i].b);
        CASE_LABEL(&rules[i]);
        assert_int_equal(fold_same(a, b), rules[i].want);
        assert_int_equal(fold_same(b, a), rules[i].want);
        assert_int_equal(fold_compare(a, b) == 0, rules[i].want);
        assert_int_equal(fold_compare(a, b), -fold_compare(b, a));
        char *x = fold_copy(a), *y = fold_copy(b);
        assert_int_equal(strcmp(x, y) == 0, rules[i].want);
        free(x);
        free(y);
    }
}

/* A folded text is folded, and names that are the same are the same to rules and have one hash. */
static void test_every_character(void **state)
{
    (void)state;
    for (uint32_t c = 1; c < 0x20000; c++) {
        OWNED_TEXT_BUFFER one = { 0 };
        if (c >= 0xd800 && c < 0xe000)
            continue;
        utf8_add(&one, c);
        char *folded = fold_copy(text_slice(&one)), *again = fold_copy(slice_str(folded));
        assert_string_equal(folded, again);
        assert_true(fold_same(text_slice(&one), slice_str(folded)));
        if (fold_same_name(text_slice(&one), slice_str(folded)))
            assert_true(fold_hash_name(text_slice(&one)) == fold_hash_name(slice_str(folded)));
        free(folded);
        free(again);
    }
    assert_true(fold_hash_name(SLICE_LITERAL("\xff" "A")) == fold_hash_name(SLICE_LITERAL("\xff" "a")));
}

static void test_beginnings(void **state)
{
    (void)state;
    struct slice rest;
    assert_true(fold_starts(SLICE_LITERAL("\xe2\x84\xaailo/x"), SLICE_LITERAL("kilo"), &rest) && slice_equal_str(rest, "/x"));
    assert_true(fold_starts(SLICE_LITERAL("kilo"), SLICE_LITERAL("\xe2\x84\xaaILO"), &rest) && !rest.len);
    assert_true(fold_starts(SLICE_LITERAL("a"), SLICE_NONE, &rest) && rest.len == 1);
    assert_false(fold_starts(SLICE_LITERAL("kil"), SLICE_LITERAL("kilo"), NULL));
}

/* What begins alike stands together, behind what it begins with. */
static void test_order(void **state)
{
    (void)state;
    static const char *const ordered[] = { "", "a", "KILO", "kilo/", "\xe2\x84\xaailo/A", "Kilo/b", "kilo0", "z", "\xc3\x9c", "\xc3\xbcx", "\xff" };
    for (size_t i = 0; i + 1 < COUNT_OF(ordered); i++)
        assert_int_equal(fold_compare(slice_str(ordered[i]), slice_str(ordered[i + 1])), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folding),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_every_character),
        cmocka_unit_test(test_beginnings),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
