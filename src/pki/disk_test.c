/* disk_test.c - what is read back is what was put, or nothing: damaged, torn, full, foreign files. */
#include "pki/disk.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/case_test.h"

enum { SIZE = 64 * 1024, RECORD_HEAD = 8 + 8 + 8 + PKI_KEY_SIZE + 32, HEAD = 16 };

static struct pki_key key_of(unsigned n)
{
    struct pki_key key = { .bytes = { (uint8_t)n, (uint8_t)(n >> 8), 7 } };
    return key;
}

static struct pki_disk *open_disk(int fd)
{
    struct pki_disk *d = NULL;
    assert_int_equal(pki_disk_open(fd, SIZE, &d), 0);
    return d;
}

static void put(struct pki_disk *d, unsigned n, const char *text, int64_t fetched)
{
    struct pki_key key = key_of(n);
    pki_disk_put(d, &key, slice_str(text), fetched);
}

/* What the file holds for the key: the text, or NULL. */
static const char *got(struct pki_disk *d, unsigned n)
{
    static char shown[256];
    OWNED_TEXT_BUFFER bytes = { 0 };
    int64_t fetched = -1;
    struct pki_key key = key_of(n);
    if (pki_disk_get(d, &key, SIZE, &bytes, &fetched))
        return NULL;
    snprintf(shown, sizeof shown, "%s@%lld", text_str(&bytes), (long long)fetched);
    return shown;
}

static void assert_got(struct pki_disk *d, unsigned n, const char *want)
{
    const char *is = got(d, n);
    if (want)
        assert_string_equal(is ? is : "nothing", want);
    else
        assert_null(is);
}

static void test_survives(void **state)
{
    (void)state;
    int fd = memfd_create("disk", MFD_CLOEXEC);
    struct pki_disk *d = open_disk(fd);
    assert_got(d, 1, NULL);
    put(d, 1, "one", 100);
    put(d, 2, "two", 200);
    put(d, 1, "one again", 300);
    assert_got(d, 1, "one again@300");
    pki_disk_close(d);
    d = open_disk(fd); /* the next start */
    assert_got(d, 1, "one again@300");
    assert_got(d, 2, "two@200");
    assert_got(d, 3, NULL);
    pki_disk_close(d);
    close(fd);
}

static const struct {
    const char *label;
    long at;           /* negative: from the end of "two" */
    char byte;
    long cut;          /* the file ends there, 0: it does not */
    const char *one, *two;
} damages[] = {
    { "nothing",                     -1, 0, 0, "one@1", "two@2" },
    { "another magic",               0, 'X', 0, NULL, NULL },
    { "another epoch",               8, 'X', 0, NULL, NULL },
    { "a bit of the bytes",          HEAD + RECORD_HEAD, 'X', 0, NULL, "two@2" },
    { "the time it was fetched",     HEAD + 8, 'X', 0, NULL, "two@2" },
    { "the key",                     HEAD + 24, 'X', 0, NULL, "two@2" },
    { "a length beyond the file",    HEAD + 18, 'X', 0, NULL, NULL },
    { "the second is torn",          -1, 0, HEAD + RECORD_HEAD + 3 + RECORD_HEAD + 1, "one@1", NULL },
    { "the second's head is torn",   -1, 0, HEAD + RECORD_HEAD + 3 + 10, "one@1", NULL },
    { "an empty file",               -1, 0, 1, NULL, NULL },
};

static void test_damage(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(damages); i++) {
        CASE_LABEL(&damages[i]);
        int fd = memfd_create("disk", MFD_CLOEXEC);
        struct pki_disk *d = open_disk(fd);
        put(d, 1, "one", 1);
        put(d, 2, "two", 2);
        pki_disk_close(d);
        if (damages[i].byte)
            assert_int_equal(pwrite(fd, &damages[i].byte, 1, damages[i].at), 1);
        if (damages[i].cut)
            assert_int_equal(ftruncate(fd, damages[i].cut), 0);
        d = open_disk(fd);
        assert_got(d, 1, damages[i].one);
        assert_got(d, 2, damages[i].two);
        put(d, 3, "three", 3); /* and it goes on */
        assert_got(d, 3, "three@3");
        pki_disk_close(d);
        close(fd);
    }
}

static void test_full(void **state)
{
    (void)state;
    int fd = memfd_create("disk", MFD_CLOEXEC);
    struct pki_disk *d = open_disk(fd);
    char text[200];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    for (unsigned n = 0; n < 1000; n++)
        put(d, n, text, n);
    assert_got(d, 0, NULL);
    assert_non_null(got(d, 999));
    assert_true(lseek(fd, 0, SEEK_END) <= SIZE);
    pki_disk_close(d);
    d = open_disk(fd);
    assert_got(d, 0, NULL); /* what is left of the round before is not believed */
    assert_non_null(got(d, 999));
    pki_disk_close(d);
    close(fd);
}

/* Whatever comes and comes again, what was fetched once and is among the newest keys stays. */
static void test_full_keeps_the_newest(void **state)
{
    (void)state;
    int fd = memfd_create("disk", MFD_CLOEXEC);
    struct pki_disk *d = open_disk(fd);
    char text[200], want[256];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    put(d, 1, "one", 1);
    put(d, 2, "damaged", 2);
    assert_int_equal(pwrite(fd, "X", 1, HEAD + RECORD_HEAD + 3 + RECORD_HEAD), 1);
    for (unsigned n = 0; n < 1000; n++) {
        put(d, 3 + n % 2, text, n);
        assert_got(d, 1, "one@1");
    }
    assert_got(d, 2, NULL);
    for (unsigned n = 0; n < 1000; n++)
        put(d, 100 + n, text, n);
    assert_got(d, 1, NULL);
    for (int start = 0; start < 2; start++) {
        for (unsigned n = 900; n < 1000; n++) {
            snprintf(want, sizeof want, "%s@%u", text, n);
            assert_got(d, 100 + n, want);
        }
        pki_disk_close(d);
        d = open_disk(fd); /* the next start */
    }
    assert_true(lseek(fd, 0, SEEK_END) <= SIZE);
    pki_disk_close(d);
    close(fd);
}

/* Large ones as well: what fits beside the new one stays, and it is never the old one of the same key. */
static void test_full_with_large_ones(void **state)
{
    (void)state;
    static char large[SIZE - HEAD - RECORD_HEAD + 1];
    int fd = memfd_create("disk", MFD_CLOEXEC);
    struct pki_disk *d = open_disk(fd);
    memset(large, 'x', sizeof large - 1);
    put(d, 1, "one", 1);
    large[SIZE / 2] = 0;
    put(d, 2, large, 2);
    put(d, 2, large, 3);
    assert_got(d, 1, "one@1");
    large[SIZE / 2] = 'x';
    put(d, 3, large, 4); /* the whole file */
    assert_got(d, 1, NULL);
    assert_got(d, 2, NULL);
    put(d, 1, "one again", 5);
    pki_disk_close(d);
    d = open_disk(fd);
    assert_got(d, 1, "one again@5");
    assert_got(d, 2, NULL);
    pki_disk_close(d);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_survives), cmocka_unit_test(test_damage),
                                        cmocka_unit_test(test_full), cmocka_unit_test(test_full_keeps_the_newest),
                                        cmocka_unit_test(test_full_with_large_ones) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
