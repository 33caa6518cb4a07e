/* help_test.c - the table against help, man pages and the unknown. */
#include "cli/scenario_test.h"
#include "cli/table.h"

#include <stdlib.h>

#include "cli/file.h"

static const char *const pages[] = { "sallyport.1", "sallyport-site.1", "sallyport-config.1", "sallyport-user.1",
                                     "sallyport-certificate.1", "sallyport-session.1", "sallyport-import.1", "sallyport-explain.1" };

static bool page_documents(const char *page, const struct verb_row *row)
{
    OWNED_TEXT_BUFFER path = { 0 }, content = { 0 }, heading = { 0 };
    text_addf(&path, SALLYPORT_MAN "/%s", page);
    assert_int_equal(file_read(text_str(&path), 1 << 20, &content), 0);
    text_addf(&heading, "\n.Ss %s%s%s\n", row->verb, row->object[0] ? " " : "", row->object);
    const char *section = strstr(text_str(&content), text_str(&heading));
    if (!section)
        return false;
    const char *end = strstr(section + 1, "\n.S");
    for (size_t i = 0; i < VERB_PARAMS && row->params[i].name; i++) {
        OWNED_TEXT_BUFFER param = { 0 };
        if (!verb_param_find(row, slice_str(row->params[i].name)))
            continue; /* "any property" */
        text_addf(&param, "/%s", row->params[i].name);
        const char *found = strstr(section, text_str(&param));
        if (!found || (end && found > end))
            print_message("    %s does not describe %s of %s %s\n", page, text_str(&param), row->verb, row->object);
        assert_true(found && (!end || found < end));
    }
    return true;
}

static void test_man_pages(void **state)
{
    (void)state;
    for (size_t i = 0; i < verb_row_count; i++) {
        size_t found = 0;
        if (!verb_rows[i].summary)
            continue;
        for (size_t p = 0; p < COUNT_OF(pages); p++)
            found += page_documents(pages[p], &verb_rows[i]);
        if (found != 1)
            print_message("    %s %s stands in %zu pages\n", verb_rows[i].verb, verb_rows[i].object, found);
        assert_int_equal(found, 1);
    }
}

/* `.It Cm name Pq default` begins the line about a setting; what every item of a collection has stands in its sentence. */
static bool page_explains(const char *page, const struct conf_schema_attr *attr)
{
    OWNED_TEXT_BUFFER line = { 0 };
    bool has_blank = strchr(attr->default_text, ' ') != NULL;
    text_addf(&line, has_blank ? "\n.It Cm %s Pq \"%s\"\n" : "\n.It Cm %s Pq %s\n", attr->name,
              *attr->default_text ? attr->default_text : "empty");
    return strstr(page, attr->required ? attr->name : text_str(&line)) != NULL;
}

/* Every setting of our own file has a line in its page, with its default. */
static void test_settings_page(void **state)
{
    (void)state;
    const struct slice none[CONF_FILE_COUNT] = { 0 };
    struct conf *conf = NULL;
    OWNED_TEXT_BUFFER page = { 0 };
    assert_int_equal(file_read(SALLYPORT_MAN "/sallyport.config.5", 1 << 20, &page), 0);
    assert_int_equal(conf_open(none, NULL, NULL, &conf), 0);
    for (size_t i = 0; i < conf_section_count(); i++) {
        struct conf_element *section = NULL;
        struct conf_schema_attr attr;
        struct slice name = slice_str(conf_section_name(i));
        if (!slice_starts(name, SLICE_LITERAL("sallyport/")))
            continue;
        assert_int_equal(conf_section(conf, name, SLICE_LITERAL(""), &section), 0);
        assert_non_null(strstr(text_str(&page), conf_section_name(i)));
        for (size_t a = 0; conf_schema_attr_at(section, a, &attr); a++) {
            bool explained = page_explains(text_str(&page), &attr);
            if (!explained)
                print_message("    sallyport.config.5 lacks %s (%s) of %s\n", attr.name, attr.default_text, conf_section_name(i));
            assert_true(explained);
        }
    }
    conf_free(conf);
}

/* Every verb answers /? and --help alike, on any machine, without an instance. */
static void test_help_of_every_verb(void **state)
{
    (void)state;
    struct scenario s;
    scenario_begin(&s, false);
    for (size_t i = 0; i < verb_row_count; i++) {
        const struct verb_row *row = &verb_rows[i];
        const char *first[] = { row->verb, row->object[0] ? row->object : "/?", "/?", NULL };
        const char *second[] = { row->verb, row->object[0] ? row->object : "--help", "--help", NULL };
        if (!row->summary)
            continue;
        assert_int_equal(scenario_run(&s, first, NULL), 0);
        assert_non_null(strstr(s.out, row->summary));
        char *kept = strdup(s.out);
        assert_int_equal(scenario_run(&s, second, NULL), 0);
        assert_string_equal(s.out, kept);
        free(kept);
    }
    scenario_end(&s);
}

/* What the help of an object gives as an example is a command. */
static void test_help_of_every_object(void **state)
{
    (void)state;
    static const char begin[] = "'sallyport ";
    struct scenario s;
    scenario_begin(&s, false);
    for (size_t i = 0; i < object_row_count; i++) {
        const char *const argv[] = { object_rows[i].name, "/?", NULL };
        print_message("    case: %s\n", object_rows[i].name);
        assert_int_equal(scenario_run(&s, argv, NULL), 0);
        const char *found = strstr(s.out, begin);
        assert_non_null(found);
        struct slice rest = slice_str(found + sizeof begin - 1), verb = slice_cut(&rest, ' ');
        assert_true(slice_equal_str(slice_cut(&rest, ' '), object_rows[i].name));
        assert_non_null(verb_find(verb, &object_rows[i]));
    }
    scenario_end(&s);
}

static void test_general(void **state)
{
    (void)state;
    static const char *const none[] = { NULL };
    static const char *const object[] = { "site", "/?", NULL };
    struct scenario s;
    scenario_begin(&s, false);
    assert_int_equal(scenario_run(&s, none, NULL), 0);
    static const char begin[] = "General purpose IIS command line administration tool.\n";
    assert_memory_equal(s.out, begin, sizeof begin - 1);
    assert_non_null(strstr(s.out, "\n\nSALLYPORT (command) (object-type) <identifier> < /parameter1:value1 ... >\n\nSupported object types:\n"));
    for (size_t i = 0; i < object_row_count; i++)
        assert_non_null(strstr(s.out, object_rows[i].summary));
    assert_int_equal(scenario_run(&s, object, NULL), 0);
    assert_non_null(strstr(s.out, "  start "));
    assert_null(strstr(s.out, "  flush "));
    scenario_end(&s);
}

static void test_completion(void **state)
{
    (void)state;
    static const char *const complete[] = { "complete", NULL };
    struct scenario s;
    scenario_begin(&s, false);
    assert_int_equal(scenario_run(&s, complete, NULL), 0);
    assert_non_null(strstr(s.out, "\nadd vdir /app.name: /path: /physicalPath: /commit:\n"));
    assert_non_null(strstr(s.out, "\ncheck -\n"));
    assert_null(strstr(s.out, "complete"));
    scenario_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_man_pages),
        cmocka_unit_test(test_settings_page),
        cmocka_unit_test(test_help_of_every_verb),
        cmocka_unit_test(test_help_of_every_object),
        cmocka_unit_test(test_general),
        cmocka_unit_test(test_completion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
