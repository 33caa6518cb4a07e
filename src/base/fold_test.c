/* fold_test.c - which letters are the same. */
#include "base/fold.h"

#include "base/case_test.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folding),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
