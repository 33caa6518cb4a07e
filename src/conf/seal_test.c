/* seal_test.c - passwords on their way into a file: what is handed to the protector, and what stays as it is. */
#include "base/case_test.h"

#include <stdlib.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/fixture_test.h"

static char directory[64], path[128];

static void put_fixture(void)
{
    OWNED_TEXT_BUFFER bytes = { 0 };
    fixture_read("applicationHost.config", &bytes);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, f), bytes.len);
    assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/conf_seal_test.XXXXXX");
    if (!mkdtemp(directory))
        return 1;
    snprintf(path, sizeof path, "%s/applicationHost.config", directory);
    put_fixture();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(directory);
}

/* "aaa" for "geheim": as many letters as half the clear text has. */
static int seal(const char *where, struct slice clear, struct text *stored_out, struct diag *d)
{
    assert_string_equal(where, directory);
    if (slice_equal_str(clear, "no key")) {
        diag_set(d, "there is no key");
        return ERR_DENIED;
    }
    text_add_str(stored_out, "[enc:TestProvider:");
    for (size_t i = 0; i < clear.len / 2; i++)
        text_add_char(stored_out, 'a');
    text_add_str(stored_out, ":enc]");
    return 0;
}

static const struct conf_protector protector = { .seal = seal, .provider = "TestProvider", .description = "for tests" };

static struct conf *open_directory(void)
{
    OWNED_TEXT_BUFFER problems = { 0 };
    struct conf *c = NULL;
    assert_int_equal(conf_open_directory(directory, fixture_report, &problems, &c), 0);
    conf_protect_with(c, &protector);
    return c;
}

enum how { SET, ADD, DRAFT };
#define ANONYMOUS "[1]/ftpServer/security/authentication/anonymousAuthentication"

static const struct {
    const char *label;
    enum how how;
    const char *section, *element, *attribute, *value, *stored;
    bool has_entry;
} cases[] = {
    { "set", SET, "sites", "[1]/[0]/[0]", "password", "geheim", "[enc:TestProvider:aaa:enc]", true },
    { "set where nothing is written yet", SET, "sites", ANONYMOUS, "password", "geheim", "[enc:TestProvider:aaa:enc]", true },
    { "a value of another provider", SET, "sites", "[1]/[0]/[0]", "password", "[enc:AesProvider:abcd:enc]",
      "[enc:AesProvider:abcd:enc]", false },
    { "a value of our own", SET, "sites", "[1]/[0]/[0]", "password", "[enc:TestProvider:abcd:enc]",
      "[enc:TestProvider:abcd:enc]", false },
    { "no such form after all", SET, "sites", "[1]/[0]/[0]", "password", "[enc:AesProvider:**:enc]",
      "[enc:TestProvider:aaaaaaaaaaaa:enc]", true },
    { "empty", SET, "sites", "[1]/[0]/[0]", "password", "", "", false },
    { "no password", SET, "sites", "[1]/[0]/[0]", "userName", "bob", "bob", false },
    { "an item", ADD, "sites", "[1]/[0]", "password", "geheim", "[enc:TestProvider:aaa:enc]", true },
    { "an item that was a draft", DRAFT, "sites", "[1]/[0]", "password", "geheim", "[enc:TestProvider:aaa:enc]", true },
};

static int add_draft(struct conf *c, struct conf_element *e, const struct conf_pair *pairs, size_t count, struct diag *d)
{
    struct conf_draft *draft = NULL;
    struct conf_value v;
    int err = conf_draft_new(e, &draft, d);
    for (size_t i = 0; i < count && !err; i++) {
        err = conf_draft_set(draft, pairs[i].name.ptr, pairs[i].value, d);
        assert_int_equal(conf_draft_attr(draft, pairs[i].name.ptr, &v), 0);
        assert_true(slice_equal(v.text, pairs[i].value)); /* it stands nowhere yet */
    }
    if (!err)
        err = conf_add_draft(c, e, draft, -1, d);
    conf_draft_free(draft);
    return err;
}

static int edit(struct conf *c, size_t i, struct diag *d)
{
    struct conf_element *e = fixture_element(c, cases[i].section, "", cases[i].element);
    const struct conf_pair pairs[] = {
        { SLICE_LITERAL("path"), SLICE_LITERAL("/new") },
        { SLICE_LITERAL("physicalPath"), SLICE_LITERAL("C:\\new") },
        { slice_str(cases[i].attribute), slice_str(cases[i].value) },
    };
    if (cases[i].how == SET)
        return conf_set(c, e, cases[i].attribute, slice_str(cases[i].value), d);
    return cases[i].how == ADD ? conf_add(c, e, pairs, COUNT_OF(pairs), -1, d) : add_draft(c, e, pairs, COUNT_OF(pairs), d);
}

static void test_edits(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct conf *c = open_directory();
        struct diag d = { 0 };
        OWNED_TEXT_BUFFER written = { 0 };
        CASE_LABEL(&cases[i]);
        int err = edit(c, i, &d);
        if (err)
            print_message("%s\n", d.what);
        assert_int_equal(err, 0);
        assert_int_equal(conf_save(c, &d), 0);
        text_add(&written, conf_bytes(c, CONF_APPLICATION_HOST));
        struct conf_element *e = fixture_element(c, cases[i].section, "", cases[i].element);
        if (cases[i].how != SET)
            e = conf_item(e, conf_count(e) - 1);
        OWNED_TEXT_BUFFER got = { 0 };
        text_add(&got, conf_text(e, cases[i].attribute));
        assert_string_equal(text_str(&got), cases[i].stored);
        assert_null(strstr(text_str(&written), "geheim"));
        assert_int_equal(strstr(text_str(&written), "<add name=\"TestProvider\" type=\"TestProvider\" description=\"for tests\" />") != NULL,
                         cases[i].has_entry);
        conf_free(c);
        put_fixture();
    }
}

/* What the edit does not touch stays byte for byte, other passwords included, and the entry is written once. */
static void test_nothing_else(void **state)
{
    (void)state;
    struct conf *c = open_directory();
    struct diag d = { 0 };
    OWNED_TEXT_BUFFER before = { 0 }, once = { 0 }, twice = { 0 };
    text_add(&before, conf_bytes(c, CONF_APPLICATION_HOST));
    assert_int_equal(edit(c, 0, &d), 0);
    assert_int_equal(conf_save(c, &d), 0);
    text_add(&once, conf_bytes(c, CONF_APPLICATION_HOST));
    assert_int_equal(edit(c, 0, &d), 0);
    assert_int_equal(conf_save(c, &d), 0);
    text_add(&twice, conf_bytes(c, CONF_APPLICATION_HOST));
    assert_string_equal(text_str(&once), text_str(&twice));
    struct slice rest = text_slice(&before), now = text_slice(&once);
    size_t changed = 0, added = 0;
    while (now.len) {
        struct slice line = slice_cut(&now, '\n'), peek = rest, old = slice_cut(&peek, '\n');
        bool is_entry = slice_starts(slice_trim(line), SLICE_LITERAL("<add name=\"TestProvider\""));
        added += is_entry;
        changed += !is_entry && !slice_equal(line, old);
        if (!is_entry)
            rest = peek;
    }
    assert_int_equal(rest.len, 0);
    assert_int_equal(changed, 1);
    assert_int_equal(added, 1);
    conf_free(c);
}

static void test_no_key(void **state)
{
    (void)state;
    struct conf *c = open_directory();
    struct diag d = { 0 };
    assert_int_equal(conf_set(c, fixture_element(c, "sites", "", "[1]/[0]/[0]"), "password", SLICE_LITERAL("no key"), &d), ERR_DENIED);
    assert_string_equal(d.what, "there is no key");
    assert_false(conf_is_changed(c));
    struct conf_draft *draft = NULL;
    struct conf_element *e = fixture_element(c, "sites", "", "[1]/[0]");
    assert_int_equal(conf_draft_new(e, &draft, &d), 0);
    assert_int_equal(conf_draft_set(draft, "path", SLICE_LITERAL("/new"), &d), 0);
    assert_int_equal(conf_draft_set(draft, "physicalPath", SLICE_LITERAL("C:\\new"), &d), 0);
    assert_int_equal(conf_draft_set(draft, "password", SLICE_LITERAL("no key"), &d), 0);
    assert_int_equal(conf_add_draft(c, e, draft, -1, &d), ERR_DENIED);
    assert_false(conf_is_changed(c));
    conf_draft_free(draft);
    conf_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edits), cmocka_unit_test(test_nothing_else), cmocka_unit_test(test_no_key),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
