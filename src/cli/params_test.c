/* params_test.c - nothing on a command line may be without effect: it does what it says, or it is refused by name. */
#include "cli/scenario_test.h"

#include "cli/table.h"

#define REFUSED(name, why) "ERROR ( message:Parameter \"" name "\" " why ". )\n"
#define TWO_NAMES "ERROR ( message:\"one\" is a second name beside /name:two.  If it belongs to a text with blanks, put that in quotes: " \
                  "\"/name:two one\". )\n"
#define NO_EFFECT(name, why) REFUSED(name, "has no effect " why)

static void begin(struct scenario *s)
{
    static const struct scenario_step site[] = { { "a site", { "add", "site", "/name:depot", "/physicalPath:/srv/depot" }, NULL, 0, NULL } };
    scenario_begin(s, true);
    scenario_steps(s, site, COUNT_OF(site));
}

static void refuses(struct scenario *s, const struct verb_row *row, const char *param, const char *want)
{
    const char *with_object[] = { row->verb, row->object, param, NULL }, *alone[] = { row->verb, param, NULL };
    int code = scenario_run(s, row->object[0] ? with_object : alone, NULL);
    if (code != 87 || strcmp(s->out, want) != 0)
        print_message("    %s %s %s: %d %s\n", row->verb, row->object, param, code, s->out);
    assert_int_equal(code, 87);
    assert_string_equal(s->out, want);
}

static void refuse_value(struct scenario *s, const struct verb_row *row, const struct verb_param *p)
{
    OWNED_TEXT_BUFFER param = { 0 }, want = { 0 };
    const char *name = p->name ? p->name : "";
    bool is_flag = !p->form[0], is_bool = strstr(p->form, "BOOL") != NULL;
    text_addf(&param, "/%s:perhaps", name);
    text_addf(&want, "ERROR ( message:Parameter \"%s\" %s. )\n", name, is_flag ? "takes no value" : "must be true or false");
    if (is_flag || is_bool)
        refuses(s, row, text_str(&param), text_str(&want));
}

/* Every row of the table: switches with a value, and general parameters that mean nothing to the verb. */
static void test_every_verb(void **state)
{
    (void)state;
    static const struct {
        const char *name, *param;
    } general[] = { { "text", "/text" }, { "xml", "/xml" }, { "config", "/config" }, { "metadata", "/metadata" }, { "in", "/in" },
                    { "commit", "/commit:apphost" }, { "apphostconfig", "/apphostconfig:x" } };
    struct scenario s;
    begin(&s);
    for (size_t i = 0; i < verb_row_count; i++) {
        const struct verb_row *row = &verb_rows[i];
        for (size_t p = 0; p < VERB_PARAMS && row->params[p].name; p++)
            refuse_value(&s, row, &row->params[p]);
        for (size_t g = 0; g < COUNT_OF(general); g++) {
            const struct verb_param *p = general_param_find(slice_str(general[g].name));
            OWNED_TEXT_BUFFER want = { 0 };
            text_addf(&want, NO_EFFECT("%s", "on this command"), general[g].name ? general[g].name : "");
            if (!general_param_has_effect(p, row) && !verb_param_find(row, slice_str(general[g].name)))
                refuses(&s, row, general[g].param, text_str(&want));
        }
    }
    scenario_end(&s);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct scenario_step steps[] = {
        { "objects as configuration that have none", { "list", "backup", "/config" }, NULL, 87, NO_EFFECT("config", "on this command") },
        { "a configuration between some and all", { "list", "site", "/config:some" }, NULL, 87, REFUSED("config", "takes no value but *") },
        { "two forms", { "list", "site", "/text:id", "/xml" }, NULL, 87, REFUSED("text", "has no place beside /xml") },
        { "two other forms", { "list", "site", "/config", "/text" }, NULL, 87, REFUSED("text", "has no place beside /config") },
        { "metadata of nothing", { "list", "site", "/metadata" }, NULL, 87, REFUSED("metadata", "belongs to /config, which is missing") },
        { "of a line", { "list", "config", "/section:log", "/text", "/metadata" }, NULL, 87, REFUSED("metadata", "belongs to /config, which is missing") },
        { "twice", { "set", "site", "depot", "/id:7", "/ID:8" }, NULL, 87, REFUSED("ID", "is given twice") },
        { "sections", { "set", "config", "/section:log", "-section:sites", "/x:1" }, NULL, 87, REFUSED("section", "is given twice") },
        { "a general one", { "list", "site", "/commit:site", "/commit:app" }, NULL, 87, REFUSED("commit", "is given twice") },
        { "a site with two names", { "list", "site", "depot", "/site.name:other" }, NULL, 87,
          "ERROR ( message:The site is named twice, as \"depot\" and as \"other\". )\n" },
        { "a new site with two", { "add", "site", "one", "/name:two" }, NULL, 87, TWO_NAMES },
        { "a backup with two", { "add", "backup", "one", "/name:two" }, NULL, 87, TWO_NAMES },
        { "days of a certificate that is there", { "add", "certificate", "x.pem", "/days:3" }, NULL, 87, NO_EFFECT("days", "without /selfSigned") },
        { "two files", { "add", "certificate", "x.pem", "/file:y.pem" }, NULL, 87, NO_EFFECT("file", "beside another file") },
        { "a key for one that is made", { "add", "certificate", "/selfSigned:host", "/key:k.pem" }, NULL, 87, NO_EFFECT("key", "beside /selfSigned") },
        { "a file for one that is made", { "add", "certificate", "x.pem", "/selfSigned:host" }, NULL, 87,
          "ERROR ( message:\"x.pem\" has no effect beside /selfSigned. )\n" },
        { "consent to nothing", { "add", "user", "anna", "/allowPasswordArgument" }, "secret\n", 87, NO_EFFECT("allowPasswordArgument", "without /password") },
        { "nor for a change", { "add", "user", "anna" }, "secret\n", 0, NULL },
        { "of another thing", { "set", "user", "anna", "/enabled:false", "/allowPasswordArgument" }, NULL, 87,
          NO_EFFECT("allowPasswordArgument", "without /password") },
        { "a session and more", { "explain", "--session", "x", "--verb", "LIST" }, NULL, 87, NO_EFFECT("verb", "beside /session") },
        { "nothing was done", { "list", "site" }, NULL, 0, "SITE \"depot\" (id:1,bindings:,state:Stopped)\n" },
    };
    struct scenario s;
    begin(&s);
    scenario_steps(&s, steps, COUNT_OF(steps));
    scenario_end(&s);
}

/* What may be said more than once, and general parameters where they mean something. */
static void test_taken(void **state)
{
    (void)state;
    static const struct scenario_step steps[] = {
        { "two drives", { "create", "instance", "/drive:C:=@DIR@/c", "/drive:D:=@DIR@/d" }, NULL, 80, NULL },
        { "two edits of one property: the last one counts", { "set", "config", "/section:log", "/centralLogFileMode:Site",
          "/centralLogFileMode:Central" }, NULL, 0, NULL },
        { "it does", { "list", "config", "/section:log", "/text:centralLogFileMode" }, NULL, 0, "Central\n" },
        { "a property named like a parameter", { "list", "site", "/!name:depot", "/text:id" }, NULL, 0, "1\n" },
        { "where IIS would write", { "list", "site", "/commit:apphost", "/text:id" }, NULL, 0, "1\n" },
        { "nowhere", { "list", "site", "/commit:nowhere" }, NULL, 1168, "ERROR ( message:Parameter \"commit\" names no level (apphost, webroot, "
          "machine, site, app, parent, url) and no configuration path: \"nowhere\". )\n" },
        { "a file below the root", { "run", "/no-such-file.cmd" }, NULL, 2, "ERROR ( hresult:80070002, message:Command execution failed.\n"
          "Cannot read /no-such-file.cmd: not found\n )\n" },
        { "a folder below the root", { "import", "/no-such-folder", "/dry-run" }, NULL, 4312, NULL },
        { "and one that is known", { "run", "/atomic" }, NULL, 87, "ERROR ( message:Must specify the file. )\n" },
        { "a blank behind the colon, as a page has it", { "set", "site", "/site.name:", "depot", "/id:1" }, NULL, 0, "SITE object \"depot\" changed\n" },
    };
    struct scenario s;
    begin(&s);
    scenario_steps(&s, steps, COUNT_OF(steps));
    scenario_end(&s);
}

static void write_batch(const struct scenario *s, const char *lines)
{
    OWNED_TEXT_BUFFER path = { 0 };
    text_addf(&path, "%s/x.cmd", s->dir);
    FILE *file = fopen(text_str(&path), "w");
    assert_non_null(file);
    fputs(lines, file);
    assert_int_equal(fclose(file), 0);
}

/* The lines of a batch that is written as one work on one file. */
static void test_files_of_a_batch(void **state)
{
    (void)state;
    static const struct scenario_step steps[] = {
        { "a copy", { "add", "backup", "copy" }, NULL, 0, NULL },
        { "another file in the middle", { "run", "@DIR@/x.cmd", "--atomic" }, NULL, 50,
          "SITE object \"a\" added\nERROR ( message:The commands before work on applicationHost.config; another /apphostconfig has no "
          "place beside them. )\n@DIR@/x.cmd:2: stopped with 50 at: appcmd add site /name:b "
          "/apphostconfig:backup/copy/applicationHost.config\nNothing was changed: what the lines before did is undone.\n" },
        { "nothing was done", { "list", "site", "/text:name" }, NULL, 0, "depot\n" },
        { "for all lines", { "run", "@DIR@/x.cmd", "/apphostconfig:x" }, NULL, 87, NO_EFFECT("apphostconfig", "on this command") },
    };
    struct scenario s;
    begin(&s);
    write_batch(&s, "appcmd add site /name:a\nappcmd add site /name:b /apphostconfig:backup/copy/applicationHost.config\n");
    scenario_steps(&s, steps, COUNT_OF(steps));
    scenario_end(&s);
}

/* And on one instance: what a line does to another one would be done to the first line's. */
static void test_instances_of_a_batch(void **state)
{
    (void)state;
    static const struct scenario_step steps[] = {
        { "another instance", { "create", "instance", "--config=@DIR@/other" }, NULL, 0, NULL },
        { "with a site of the same name", { "add", "site", "/name:depot", "--config=@DIR@/other" }, NULL, 0, NULL },
        { "the other one in the middle", { "run", "@DIR@/x.cmd", "--atomic" }, NULL, 50,
          "SITE object \"a\" added\nERROR ( message:The commands before work on @DIR@; another --config has no place beside them. )\n"
          "@DIR@/x.cmd:2: stopped with 50 at: sallyport --config @DIR@/other delete site depot\n"
          "Nothing was changed: what the lines before did is undone.\n" },
        { "nothing was done", { "list", "site", "/text:name" }, NULL, 0, "depot\n" },
    };
    static const struct scenario_step same[] = {
        { "the same one in other words", { "run", "@DIR@/x.cmd", "--atomic" }, NULL, 0, NULL },
        { "is edited", { "list", "site", "/text:name" }, NULL, 0, "depot\na\n" },
    };
    struct scenario s;
    begin(&s);
    OWNED_TEXT_BUFFER lines = { 0 };
    text_addf(&lines, "appcmd add site /name:a\nsallyport --config %s/other delete site depot\n", s.dir);
    write_batch(&s, text_str(&lines));
    scenario_steps(&s, steps, COUNT_OF(steps));
    text_reset(&lines);
    text_addf(&lines, "appcmd add site /name:a\nappcmd --config %s/./ set site a /id:7\n", s.dir);
    write_batch(&s, text_str(&lines));
    scenario_steps(&s, same, COUNT_OF(same));
    scenario_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_verb), cmocka_unit_test(test_refused), cmocka_unit_test(test_taken),
                                        cmocka_unit_test(test_files_of_a_batch), cmocka_unit_test(test_instances_of_a_batch) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
