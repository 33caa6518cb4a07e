/* source_test.c - configSource and shared configuration: reading, messages, and that edits go where IIS puts them. */
#include "base/case_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/redirection.h"

#define AUTHZ "system.ftpServer/security/authorization"
#define HEAD                                                                                                       \
    "<configuration>\n<configSections><sectionGroup name=\"system.ftpServer\"><section name=\"log\" />"            \
    "<sectionGroup name=\"security\"><section name=\"authorization\" />"                                           \
    "<section name=\"ipSecurity\" /></sectionGroup></sectionGroup></configSections>\n"
#define OUTER(body)                                                                                                \
    HEAD "<system.ftpServer>\n  <security>\n    " body "\n  </security>\n</system.ftpServer>\n"                    \
    "<location path=\"S\"><system.ftpServer><security><authorization><add accessType=\"Deny\" users=\"z\" />"      \
    "</authorization></security></system.ftpServer></location>\n</configuration>\n"
#define MAIN OUTER("<authorization configSource=\"sub\\rules.config\" />")
#define RULES                                                                                                      \
    "<?xml version=\"1.0\"?>\n<!-- ours -->\n<authorization>\n"                                                    \
    "  <add accessType=\"Allow\" users=\"a\" />\n  <add accessType=\"Allow\" users=\"b\" />\n</authorization>\n"

static void keep_report(void *context, int severity, const struct diag *d)
{
    struct text *out = context;
    if (out->len)
        return;
    text_add_str(out, severity ? "warning: " : "");
    diag_print(d, out);
}

static int open_with(const char *file, const char *source, struct text *problem, struct conf **c)
{
    struct slice bytes[CONF_FILE_COUNT] = { slice_str(file) };
    const struct conf_source_bytes sources[] = { { CONF_APPLICATION_HOST, "sub/rules.config", slice_str(source) } };
    return conf_open_sources(bytes, sources, source ? 1 : 0, keep_report, problem, c);
}

static void users_at(struct conf *c, const char *path, struct text *out)
{
    struct conf_element *e;
    text_reset(out);
    assert_int_equal(conf_section(c, SLICE_LITERAL(AUTHZ), slice_str(path), &e), 0);
    for (size_t i = 0; i < conf_count(e); i++)
        text_add(out, conf_text(conf_item(e, i), "users"));
}

static void test_reading(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER problem = { 0 }, users = { 0 };
    struct conf *c = NULL;
    struct conf_element *e;
    struct conf_value v;
    assert_int_equal(open_with(MAIN, RULES, &problem, &c), 0);
    users_at(c, "", &users);
    assert_string_equal(text_str(&users), "ab");
    users_at(c, "S", &users);
    assert_string_equal(text_str(&users), "abz");
    assert_int_equal(conf_section(c, SLICE_LITERAL(AUTHZ), SLICE_NONE, &e), 0);
    assert_int_equal(conf_attr(conf_item(e, 1), "users", &v), 0);
    assert_string_equal(conf_value_file(c, &v), "sub/rules.config");
    assert_int_equal(v.line, 5);
    conf_free(c);
}

static const struct {
    const char *label, *file, *source, *problem;
} broken[] = {
    { "the file is not there", MAIN, NULL,
      "applicationHost.config:5:34: system.ftpServer/security/authorization: Cannot read configuration file" },
    { "a bad value, told where it stands", MAIN, "<authorization>\n<add accessType='Maybe' />\n</authorization>",
      "sub/rules.config:2:18: system.ftpServer/security/authorization/add: The 'accessType' attribute is invalid." },
    { "another root", MAIN, "<configuration/>", "applicationHost.config:5:34: system.ftpServer/security/authorization: "
      "\"sub\\rules.config\" begins with 'configuration', not with 'authorization'" },
    { "not well-formed", MAIN, "<authorization>", "sub/rules.config:1:16: Configuration file is not well-formed XML" },
    { "a source of a source", MAIN, "<authorization configSource='x.config' />",
      "sub/rules.config:1:16: system.ftpServer/security/authorization: A file that configSource names cannot name another" },
    { "a key from the source again in the location", MAIN, "<authorization><add accessType='Allow' users='z'/></authorization>",
      "applicationHost.config:8:63: system.ftpServer/security/authorization: Cannot add duplicate collection entry" },
};

static void test_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(broken); i++) {
        CASE_LABEL(&broken[i]);
        OWNED_TEXT_BUFFER problem = { 0 };
        struct conf *c = NULL;
        assert_int_not_equal(open_with(broken[i].file, broken[i].source, &problem, &c), 0);
        if (strncmp(text_str(&problem), broken[i].problem, strlen(broken[i].problem)) != 0)
            assert_string_equal(text_str(&problem), broken[i].problem);
    }
}

/* ---- edits ---- */

#define INLINED(rules) OUTER("<authorization>" rules "\n</authorization>")

enum op { SET, ADD, REMOVE, MOVE, CLEAR, BAD_SET, ELSEWHERE };
static const struct {
    const char *label;
    enum op op;
    const char *after; /* NULL: unchanged */
    int err;
} edits[] = {
    { "a changed item", SET, INLINED("\n  <add accessType=\"Allow\" users=\"a\" />\n  <add accessType=\"Allow\" users=\"c\" />"), 0 },
    { "a new item", ADD, INLINED("\n  <add accessType=\"Allow\" users=\"a\" />\n  <add accessType=\"Allow\" users=\"b\" />\n"
                                 "  <add accessType=\"Allow\" users=\"c\" />"), 0 },
    { "a removed item", REMOVE, INLINED("\n  <add accessType=\"Allow\" users=\"a\" />"), 0 },
    { "a moved item", MOVE, INLINED("\n  <add accessType=\"Allow\" users=\"b\" />\n  <add accessType=\"Allow\" users=\"a\" />"), 0 },
    { "no items", CLEAR, INLINED(""), 0 },
    { "a refused change leaves the reference", BAD_SET, NULL, ERR_SYNTAX },
    { "a deeper path leaves the reference", ELSEWHERE, NULL, 0 },
};

static int do_edit(struct conf *c, enum op op, struct diag *d)
{
    struct conf_element *e, *item;
    const struct conf_pair rule[] = { { SLICE_LITERAL("accessType"), SLICE_LITERAL("Allow") },
                                      { SLICE_LITERAL("users"), SLICE_LITERAL("c") } };
    assert_int_equal(conf_section(c, SLICE_LITERAL(AUTHZ), op == ELSEWHERE ? SLICE_LITERAL("S") : SLICE_NONE, &e), 0);
    item = conf_item(e, 1);
    switch (op) {
    case SET: return conf_set(c, item, "users", SLICE_LITERAL("c"), d);
    case BAD_SET: return conf_unset(c, item, "accessType", d);
    case ADD: return conf_add(c, e, rule, 2, -1, d);
    case REMOVE: return conf_remove(c, item, d);
    case MOVE: return conf_move(c, item, 0, d);
    case CLEAR: return conf_clear_collection(c, e, d);
    case ELSEWHERE: return conf_set(c, conf_item(e, 2), "users", SLICE_LITERAL("y"), d);
    default: return ERR_STATE;
    }
}

static void test_edits(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(edits); i++) {
        CASE_LABEL(&edits[i]);
        OWNED_TEXT_BUFFER problem = { 0 };
        struct conf *c = NULL;
        struct diag d = { 0 };
        assert_int_equal(open_with(MAIN, RULES, &problem, &c), 0);
        int err = do_edit(c, edits[i].op, &d);
        if (err != edits[i].err)
            print_message("%s\n", d.what);
        assert_int_equal(err, edits[i].err);
        struct slice now = conf_bytes(c, CONF_APPLICATION_HOST);
        if (edits[i].after)
            assert_string_equal(now.ptr, edits[i].after);
        else if (edits[i].op == BAD_SET)
            assert_string_equal(now.ptr, MAIN);
        else
            assert_non_null(strstr(now.ptr, "<authorization configSource=\"sub\\rules.config\" />"));
        conf_free(c);
    }
}

/* The section was taken in for an edit that was refused, and went back: so did the places of its items. */
static void test_marks_of_a_refused_edit(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER problem = { 0 };
    struct conf *c = NULL;
    struct conf_element *e;
    struct diag d = { 0 };
    const struct conf_pair twice[] = { { SLICE_LITERAL("accessType"), SLICE_LITERAL("Allow") },
                                       { SLICE_LITERAL("users"), SLICE_LITERAL("b") } };
    assert_int_equal(open_with(MAIN, RULES, &problem, &c), 0);
    assert_int_equal(conf_section(c, SLICE_LITERAL(AUTHZ), SLICE_NONE, &e), 0);
    struct conf_mark mark = conf_mark_of(conf_item(e, 1));
    assert_int_equal(conf_add(c, e, twice, 2, -1, &d), ERR_EXISTS);
    assert_int_equal(do_edit(c, ELSEWHERE, &d), 0);
    assert_true(conf_mark_follow(c, &mark));
    conf_marks_done(c);
    assert_int_equal(conf_section(c, SLICE_LITERAL(AUTHZ), SLICE_NONE, &e), 0);
    assert_int_equal(mark.file, conf_mark_of(conf_item(e, 1)).file);
    assert_int_equal(mark.at, conf_mark_of(conf_item(e, 1)).at);
    assert_int_equal(do_edit(c, SET, &d), 0); /* taken in for good */
    assert_true(conf_mark_follow(c, &mark));
    assert_int_equal(conf_section(c, SLICE_LITERAL(AUTHZ), SLICE_NONE, &e), 0);
    assert_int_equal(mark.file, conf_mark_of(conf_item(e, 1)).file);
    assert_int_equal(mark.at, conf_mark_of(conf_item(e, 1)).at);
    conf_free(c);
}

/* ---- names that may be asked for ---- */

static void add_name(void *context, const char *name)
{
    text_addf(context, "[%s]", name);
}

static void test_wanted(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER names = { 0 };
    const char *file = "<configuration><a configSource='x.config'/><b configSource='s\\y.config'/><c configSource='../z.config'/>"
                       "<d configSource='/etc/shadow'/><e configSource='C:\\x'/><f configSource=''/><g configSource='a/./b'/></configuration>";
    assert_int_equal(conf_sources_wanted(slice_str(file), add_name, &names), 0);
    assert_string_equal(text_str(&names), "[x.config][s/y.config]");
    assert_int_equal(conf_sources_wanted(SLICE_LITERAL("<a configSource='x'"), add_name, &names), 0);
}

/* ---- shared configuration ---- */

#define SALLYPORT "<configuration><sallyport><paths><shares><add share=\"\\\\server\\conf\" path=\"/mnt/conf\" /></shares>" \
    "<drives><add drive=\"D:\" path=\"d\" /></drives></paths></sallyport></configuration>"

static const struct {
    const char *label, *attributes;
    int err;
    const char *folder;
    unsigned poll;
    const char *problem;
} redirections[] = {
    { "switched off", "enabled='false' path='\\\\server\\conf'", 0, "", 0, "" },
    { "a mounted share", "enabled='true' path='\\\\server\\conf\\iis'", 0, "/mnt/conf/iis", 0, "" },
    { "polled as often as by default", "enabled='true' path='\\\\server\\conf' enableUncPolling='true'", 0, "/mnt/conf", 180, "" },
    { "polled as asked for", "enabled='true' path='d:\\x' enableUncPolling='true' pollingPeriod='00:00:02'", 0, "/etc/s/d/x", 2, "" },
    { "a period without polling", "enabled='true' path='d:\\x' pollingPeriod='00:00:02'", 0, "/etc/s/d/x", 0, "" },
    { "credentials are told to be unused", "enabled='true' path='d:\\x' userName='w' password='[enc:IISCngProvider:AAAA:enc]'", 0,
      "/etc/s/d/x", 0, "warning: redirection.config:1:107: configurationRedirection: The account for the share is not used" },
    { "a share nobody mapped", "enabled='true' path='\\\\other\\conf'", ERR_PATH, "", 0, "redirection.config:1:91: configurationRedirection: the share" },
    { "an unknown attribute", "enabled='true' path='x' colour='red'", ERR_NOT_FOUND, "", 0,
      "redirection.config:1:94: configurationRedirection: Unrecognized attribute 'colour'" },
};

static void test_redirection(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(redirections); i++) {
        CASE_LABEL(&redirections[i]);
        OWNED_TEXT_BUFFER problem = { 0 }, file = { 0 };
        struct redirection r = { 0 };
        text_addf(&file, "<configuration><!-- the local part -->     <configurationRedirection %s/></configuration>",
                  redirections[i].attributes);
        int err = redirection_read(text_slice(&file), SLICE_LITERAL(SALLYPORT), SLICE_LITERAL("/etc/s"), keep_report, &problem, &r);
        if (strncmp(text_str(&problem), redirections[i].problem, strlen(redirections[i].problem)) != 0)
            assert_string_equal(text_str(&problem), redirections[i].problem);
        assert_int_equal(err, redirections[i].err);
        assert_string_equal(text_str(&r.folder), redirections[i].folder);
        assert_int_equal(r.poll_seconds, redirections[i].poll);
        assert_int_equal(r.enabled, redirections[i].folder[0] != 0);
        redirection_free(&r);
    }
}

/* ---- on disk: every file where it belongs ---- */

static void put(const char *folder, const char *name, const char *content)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(content, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static const char *get(const char *folder, const char *name)
{
    static char content[8192];
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    content[fread(content, 1, sizeof content - 1, f)] = 0;
    fclose(f);
    return content;
}

static void test_disk(void **state)
{
    (void)state;
    char folder[] = "/tmp/conf-source-XXXXXX", shared[64], sub[64], command[64];
    OWNED_TEXT_BUFFER problem = { 0 }, users = { 0 };
    struct conf *c = NULL;
    struct conf_element *e;
    struct diag d = { 0 };
    assert_non_null(mkdtemp(folder));
    snprintf(shared, sizeof shared, "%s/d", folder);
    snprintf(sub, sizeof sub, "%s/d/sub", folder);
    assert_int_equal(mkdir(shared, 0700), 0);
    assert_int_equal(mkdir(sub, 0700), 0);
    put(folder, "sallyport.config", SALLYPORT);
    put(folder, "applicationHost.config", "not read at all");
    put(folder, REDIRECTION_FILE, "<configuration><configurationRedirection enabled=\"true\" path=\"D:\\\" /></configuration>");
    assert_int_equal(conf_open_directory(folder, keep_report, &problem, &c), ERR_NOT_FOUND);
    assert_non_null(strstr(text_str(&problem), "/d/applicationHost.config: Cannot read configuration file"));
    text_reset(&problem);
    put(shared, "applicationHost.config", MAIN);
    put(sub, "rules.config", RULES);
    int err = conf_open_directory(folder, keep_report, &problem, &c);
    assert_string_equal(text_str(&problem), "");
    assert_int_equal(err, 0);
    users_at(c, "S", &users);
    assert_string_equal(text_str(&users), "abz");
    assert_int_equal(conf_section(c, SLICE_LITERAL(AUTHZ), SLICE_NONE, &e), 0);
    assert_int_equal(conf_set(c, conf_item(e, 0), "users", SLICE_LITERAL("q"), &d), 0);
    assert_int_equal(conf_save(c, &d), 0);
    assert_non_null(strstr(get(shared, "applicationHost.config"), "users=\"q\""));
    assert_null(strstr(get(shared, "applicationHost.config"), "configSource"));
    assert_string_equal(get(sub, "rules.config"), RULES);
    assert_string_equal(get(folder, "applicationHost.config"), "not read at all");
    conf_free(c);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_edits),
        cmocka_unit_test(test_marks_of_a_refused_edit),
        cmocka_unit_test(test_wanted),
        cmocka_unit_test(test_redirection),
        cmocka_unit_test(test_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
