/* command_filter_test.c - verbs that commandFiltering allows. */
#include "policy/command_filter.h"

#include "base/case_test.h"
#include "snapshot/snapshot_build.h"

static const struct {
    const char *label;
    bool no_unlisted;
    const char *refused, *allowed, *verb;
    bool want;
} cases[] = {
    { "nothing listed", false, NULL, NULL, "RETR", true },
    { "unlisted refused", true, NULL, NULL, "RETR", false },
    { "refused", false, "DELE", NULL, "DELE", false },
    { "refused in another case", false, "DELE", NULL, "dele", false },
    { "entry in another case", false, "dele", NULL, "DELE", false },
    { "another verb", false, "DELE", NULL, "RETR", true },
    { "longer verb", false, "DEL", NULL, "DELE", true },
    { "allowed, unlisted refused", true, NULL, "RETR", "retr", true },
    { "not allowed, unlisted refused", true, NULL, "RETR", "STOR", false },
    { "no verb at all, unlisted refused", true, NULL, "RETR", "", false },
    { "no verb at all", false, "RETR", NULL, "", true },
    { "refused and allowed", false, "STAT", "stat", "STAT", false },
    { "X form of a refused verb", false, "MKD", NULL, "XMKD", false },
    { "X form of an allowed verb", true, NULL, "MKD", "xmkd", true },
    { "X form listed itself", false, "MKD", "XMKD", "XMKD", true },
    { "verb whose X form is refused", false, "XMKD", NULL, "MKD", true },
    { "listing by another verb", false, "LIST", NULL, "MLSD", false },
};

static void test_allows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CASE_LABEL(&cases[i]);
        struct snapshot_writer *w = snapshot_writer_new();
        struct snap_server server = snapshot_build_server(w);
        struct snap_site site = snapshot_build_site(w, "Site", 1);
        snapshot_put_row(w, SNAP_TABLE_server, &server);
        site.allow_unlisted_commands = !cases[i].no_unlisted;
        const char *verbs[] = { cases[i].refused, cases[i].allowed };
        for (uint32_t v = 0; v < 2; v++)
            if (verbs[v]) {
                struct snap_command row = { .command = snapshot_build_text(w, verbs[v]), .allowed = v };
                snapshot_put_row(w, SNAP_TABLE_command, &row);
                site.commands.count++;
            }
        snapshot_put_row(w, SNAP_TABLE_site, &site);
        struct snapshot *s = snapshot_build(w, ROLE_WORKER);
        snapshot_writer_free(w);
        assert_non_null(s);
        assert_int_equal(command_filter_allows(s, snapshot_site(s, 0), slice_str(cases[i].verb), NULL), cases[i].want);
        snapshot_unref(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_allows) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
