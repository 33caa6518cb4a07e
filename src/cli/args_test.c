/* args_test.c - argument vectors as a shell hands them over. */
#include "cli/args.h"

#include "base/case_test.h"

/* "words | name=value name" and flags */
static void show(const struct args *a, struct text *out)
{
    for (size_t i = 0; i < a->word_count; i++)
        text_addf(out, "%s" SLICE_FMT, i ? " " : "", SLICE_ARG(a->words[i]));
    for (size_t i = 0; i < a->param_count; i++) {
        const struct arg_param *p = &a->params[i];
        text_addf(out, " {%s" SLICE_FMT "%s" SLICE_FMT "}", p->is_property ? "!" : "", SLICE_ARG(p->name),
                  p->has_value ? "=" : "", SLICE_ARG(p->value));
    }
    if (a->config.ptr)
        text_addf(out, " config=" SLICE_FMT, SLICE_ARG(a->config));
    if (a->help)
        text_add_str(out, " help");
    if (a->version)
        text_add_str(out, " version");
}

static const struct {
    const char *label;
    const char *argv[8];
    const char *want;
} cases[] = {
    { "words and a parameter", { "add", "site", "/name:Depot FTP", "/id:7" }, "add site {name=Depot FTP} {id=7}" },
    { "a dash does as well", { "set", "config", "-section:sites" }, "set config {section=sites}" },
    { "only the first colon splits", { "add", "site", "/bindings:ftp/*:21:" }, "add site {bindings=ftp/*:21:}" },
    { "a Windows path", { "add", "site", "/physicalPath:C:\\inetpub" }, "add site {physicalPath=C:\\inetpub}" },
    { "quotes inside: \"/[...].x:y\"", { "set", "config", "/[name='Depot FTP'].id:3" }, "set config {[name='Depot FTP'].id=3}" },
    { "sign outside the quotes: /+\"[...]\"", { "set", "config", "/+[name='X']" }, "set config {+[name='X']}" },
    { "removal with two dashes", { "set", "config", "--[name='X']" }, "set config {-[name='X']}" },
    { "a flag list", { "set", "config", "/[name='d'].showFlags:StyleUnix, LongDate" },
      "set config {[name='d'].showFlags=StyleUnix, LongDate}" },
    { "value protected twice", { "add", "site", "/name:\"Depot FTP\"" }, "add site {name=Depot FTP}" },
    { "escaped property", { "set", "site", "X", "/!text:v" }, "set site X {!text=v}" },
    { "help in three ways", { "add", "site", "/?" }, "add site help" },
    { "help with a dash", { "add", "site", "-?" }, "add site help" },
    { "help as elsewhere", { "add", "site", "--help" }, "add site help" },
    { "the instance before", { "--config", "/srv/x", "list", "site" }, "list site config=/srv/x" },
    { "the instance joined", { "list", "site", "--config=/srv/x" }, "list site config=/srv/x" },
    { "a Linux path is a word", { "add", "certificate", "/etc/ssl/ftp.pem" }, "add certificate /etc/ssl/ftp.pem" },
    { "a Linux path as a value", { "add", "certificate", "/file:/etc/ssl/ftp.pem" }, "add certificate {file=/etc/ssl/ftp.pem}" },
    { "slash inside an index", { "set", "site", "X", "/[path='/app'].x:1" }, "set site X {[path='/app'].x=1}" },
    { "identifier with blanks and slash", { "set", "config", "Depot FTP/in", "/x:1" }, "set config Depot FTP/in {x=1}" },
    { "no value is not an empty value", { "list", "site", "/text", "/config:" }, "list site {text} {config=}" },
    { "a parameter as elsewhere", { "certificate", "test", "--site", "Depot FTP", "x.pem", "--at=2030-01-01" },
      "certificate test x.pem {site=Depot FTP} {at=2030-01-01}" },
    { "its value is missing", { "certificate", "test", "--site" }, "certificate test {site}" },
    { "version", { "--version" }, " version" },
    { "an indexer torn at its blanks", { "set", "config", "-section:s", "/[name='Default", "Web", "Site'].id:3", "/commit:apphost" },
      "set config {section=s} {[name='Default Web Site'].id=3} {commit=apphost}" },
    { "a value torn inside an indexer", { "set", "config", "/+[users='a',permissions='Read,", "Write']" },
      "set config {+[users='a',permissions='Read, Write']}" },
    { "an indexer that nothing closes stays as it is", { "set", "config", "/[name='Default", "/commit:apphost" },
      "set config {[name='Default} {commit=apphost}" },
    { "long options are parameters", { "run", "x.cmd", "--atomic", "--site", "Depot FTP", "--from=10.0.0.1" },
      "run x.cmd {atomic} {site=Depot FTP} {from=10.0.0.1}" },
    { "objects from standard input", { "list", "apps", "-" }, "list apps {in}" },
};

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        static struct args a;
        char *argv[10] = { (char *)"sallyport" };
        int argc = 1;
        OWNED_TEXT_BUFFER got = { 0 }, message = { 0 };
        CASE_LABEL(&cases[i]);
        while (cases[i].argv[argc - 1]) {
            argv[argc] = (char *)cases[i].argv[argc - 1];
            argc++;
        }
        assert_int_equal(args_parse(argc, argv, &a, &message), 0);
        show(&a, &got);
        assert_string_equal(text_str(&got), cases[i].want);
        args_free(&a);
    }
}

#define MUST_BEGIN(what) "Failed to process input: The parameter '" what "' must begin with a / or - (HRESULT=80070057).\n" \
                         "What has blanks is put in quotes: \"/name:My Site\"."

static void test_fourth_word(void **state)
{
    (void)state;
    static const struct {
        const char *label, *argv[6];
        const char *message;
    } rows[] = {
        { "a second identifier", { "set", "site", "My", "Site" }, MUST_BEGIN("Site") },
        { "a password is not repeated", { "add", "user", "Bob", "--password", "S3cret!" }, MUST_BEGIN("***") },
        { "behind the colon", { "add", "user", "Bob", "/Password:", "S3cret!" }, MUST_BEGIN("***") },
        { "nor half of one", { "set", "vdir", "x/", "/[name='x'].password:my", "secret" }, MUST_BEGIN("***") },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        static struct args a;
        char *argv[8] = { (char *)"appcmd" };
        int argc = 1;
        OWNED_TEXT_BUFFER message = { 0 };
        CASE_LABEL(&rows[i]);
        while (argc <= 6 && rows[i].argv[argc - 1]) {
            argv[argc] = (char *)rows[i].argv[argc - 1];
            argc++;
        }
        assert_int_equal(args_parse(argc, argv, &a, &message), ERR_SYNTAX);
        assert_string_equal(text_str(&message), rows[i].message);
        args_free(&a);
    }
}

static void test_find(void **state)
{
    (void)state;
    static struct args a;
    char *argv[] = { (char *)"appcmd", (char *)"/NAME:x", (char *)"/!name:y", NULL };
    OWNED_TEXT_BUFFER message = { 0 };
    assert_int_equal(args_parse(3, argv, &a, &message), 0);
    assert_ptr_equal(args_find(&a, "name"), &a.params[0]);
    assert_null(args_find(&a, "id"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_fourth_word),
        cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
