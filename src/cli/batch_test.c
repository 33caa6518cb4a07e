/* batch_test.c - what cmd.exe makes of a line. */
#include "cli/batch.h"

#include "base/case_test.h"

static const struct {
    const char *label, *bytes;
    size_t len; /* 0: strlen */
    const char *want; /* NULL: refused */
} encodings[] = {
    { "plain", "set a=b", 0, "set a=b" },
    { "UTF-8 with its mark", "\xef\xbb\xbfset a=\xc3\xa4", 0, "set a=\xc3\xa4" },
    { "Windows-1252", "set a=\xe4 \x80\x93", 0, "set a=\xc3\xa4 \xe2\x82\xac\xe2\x80\x9c" },
    { "UTF-16, little endian, as Notepad's \"Unicode\"", "\xff\xfe" "a\0\xe4\0\r\0\n\0", 10, "a\xc3\xa4\r\n" },
    { "UTF-16, big endian, a pair of surrogates", "\xfe\xff\xd8\x3d\xdc\xc1", 6, "\xf0\x9f\x93\x81" },
    { "UTF-16 cut in the middle", "\xff\xfe" "a\0b", 5, NULL },
    { "half a pair", "\xff\xfe\x3d\xd8", 4, NULL },
    { "an executable", "MZ\0\1", 4, NULL },
};

static void test_decode(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(encodings); i++) {
        OWNED_TEXT_BUFFER got = { 0 };
        CASE_LABEL(&encodings[i]);
        size_t len = encodings[i].len ? encodings[i].len : strlen(encodings[i].bytes);
        int err = batch_decode(slice_of(encodings[i].bytes, len), &got);
        assert_int_equal(err, encodings[i].want ? 0 : ERR_SYNTAX);
        if (encodings[i].want)
            assert_string_equal(text_str(&got), encodings[i].want);
    }
}

/* Lines as "number:text|". */
static const struct {
    const char *label, *text, *want;
} files[] = {
    { "two lines", "a\nb\n", "1:a|2:b|" },
    { "no line break at the end", "a\nb", "1:a|2:b|" },
    { "CRLF", "a\r\nb\r\n", "1:a|2:b|" },
    { "empty lines count", "\n\na\n", "1:|2:|3:a|" },
    { "continued", "a ^\n b ^\r\n c\nd\n", "1:a  b  c|4:d|" },
    { "a caret in quotes is text", "\"a^\nb\n", "1:\"a^|2:b|" },
    { "a protected caret is text", "a^^\nb\n", "1:a^^|2:b|" },
    { "a comment is never continued", "REM a^\nb\n", "1:REM a^|2:b|" },
    { "nothing", "", "1:|" },
};

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        OWNED_TEXT_BUFFER got = { 0 }, line = { 0 };
        struct slice rest = slice_str(files[i].text);
        unsigned number = 0, first = 0;
        CASE_LABEL(&files[i]);
        while (batch_line(&rest, &number, &first, &line))
            text_addf(&got, "%u:%s|", first, text_str(&line));
        assert_string_equal(text_str(&got), files[i].want);
    }
}

static bool lookup(void *context, struct slice name, struct text *out)
{
    (void)context;
    if (!slice_equal_fold_str(name, "SITE") && !slice_equal_fold_str(name, "ProgramFiles(x86)"))
        return false;
    text_add_str(out, "Depot FTP");
    return true;
}

static const struct {
    const char *label, *line, *want;
    int err;
    const char *bad;
} expansions[] = {
    { "a variable, any case", "set site \"%site%\" /x", "set site \"Depot FTP\" /x", 0, NULL },
    { "two beside each other", "%SITE%%SITE%", "Depot FTPDepot FTP", 0, NULL },
    { "parentheses in a name", "%ProgramFiles(x86)%\\x", "Depot FTP\\x", 0, NULL },
    { "a doubled sign", "100%% of %SITE%", "100% of Depot FTP", 0, NULL },
    { "a lonely sign is kept", "100% sure", "100% sure", 0, NULL },
    { "unknown", "a %NOTHING% b", NULL, ERR_NOT_FOUND, "%NOTHING%" },
    { "an argument of the batch file", "a %1 b", NULL, ERR_UNSUPPORTED, "%1" },
    { "a part of a variable", "a %SITE:~0,3% b", NULL, ERR_UNSUPPORTED, "%SITE:~0,3%" },
};

static void test_expand(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(expansions); i++) {
        OWNED_TEXT_BUFFER got = { 0 };
        struct slice bad = SLICE_NONE;
        CASE_LABEL(&expansions[i]);
        assert_int_equal(batch_expand(slice_str(expansions[i].line), lookup, NULL, &got, &bad), expansions[i].err);
        if (expansions[i].want)
            assert_string_equal(text_str(&got), expansions[i].want);
        else
            assert_true(slice_equal_str(bad, expansions[i].bad));
    }
}

/* Commands as "text" and the sign behind it, "~" for a quiet one. */
static const struct {
    const char *label, *line, *want; /* want NULL: refused */
} cuts[] = {
    { "one", "appcmd list site", "appcmd list site" },
    { "at signs", "@@ echo off", "echo off" },
    { "signs of all kinds", "a && b || c & d | e", "a && b || c & d | e" },
    { "signs in quotes are text", "a \"b & c > d\"", "a \"b & c > d\"" },
    { "a protected sign", "a b^&c ^> d ^^", "a b&c > d ^" },
    { "a caret in quotes is text", "a \"b^c\"", "a \"b^c\"" },
    { "to nowhere", "a b >nul", "~a b " },
    { "errors to nowhere are still told", "a 2>nul", "a " },
    { "both", "a >NUL 2>&1 && b", "~a   && b" },
    { "a digit that belongs to a word", "a b1>nul", "~a b1" },
    { "into a file", "a > out.txt", "a [>out.txt]" },
    { "behind what is in it, blanks in its name", "a >>\"C:\\my logs\\x.log\" 2>&1 & b", "a   [>>C:\\my logs\\x.log]& b" },
    { "from a file", "a < in.xml", "a [<in.xml]" },
    { "from one into the other", "a <in.xml >out.xml && b", "a   [<in.xml][>out.xml]&& b" },
    { "to the other stream", "a >&2", "a " },
    { "errors into a file of their own", "a 2>err.txt", NULL },
    { "into a file without a name", "a >", NULL },
    { "into a name left open", "a >\"x", NULL },
    { "a block is not cut here", "( a )", NULL },
};

static void test_cut(void **state)
{
    (void)state;
    static const char *const signs[] = { "", "& ", "&& ", "|| ", "| " };
    for (size_t i = 0; i < COUNT_OF(cuts); i++) {
        OWNED_TEXT_BUFFER got = { 0 };
        struct batch_command command = { 0 };
        struct slice rest = slice_str(cuts[i].line);
        int err;
        CASE_LABEL(&cuts[i]);
        do {
            err = batch_command_next(&rest, &command);
            text_addf(&got, "%s%s", command.is_quiet ? "~" : "", text_str(&command.text));
            if (command.input.len)
                text_addf(&got, "[<%s]", text_str(&command.input));
            if (command.output.len)
                text_addf(&got, "[%s%s]", command.appends ? ">>" : ">", text_str(&command.output));
            text_add_str(&got, signs[command.join]);
        } while (!err && command.join != BATCH_END);
        batch_command_free(&command);
        assert_int_equal(err, cuts[i].want ? 0 : ERR_UNSUPPORTED);
        if (cuts[i].want)
            assert_string_equal(text_str(&got), cuts[i].want);
    }
}

static const struct {
    const char *label, *command, *want; /* arguments with | between */
} splits[] = {
    { "words", "appcmd  list\tsite", "appcmd|list|site" },
    { "a quoted word", "appcmd set site \"Depot FTP\" /id:3", "appcmd|set|site|Depot FTP|/id:3" },
    { "quotes in the middle", "x /name:\"Depot FTP\" /+\"[name='a b'].c\"", "x|/name:Depot FTP|/+[name='a b'].c" },
    { "an empty word", "x \"\" y", "x||y" },
    { "backslashes are plain", "x \\\\server\\share C:\\a\\", "x|\\\\server\\share|C:\\a\\" },
    { "a protected quote", "x \"a \\\"b\\\" c\"", "x|a \"b\" c" },
    { "two backslashes before a quote", "x \"C:\\\\\" y", "x|C:\\|y" },
    { "a doubled quote", "x \"a \"\"b\"\" c\"", "x|a \"b\" c" },
    { "a folder that would keep the quote open", "x /physicalPath:\"C:\\depot\\\" /id:3", "x|/physicalPath:C:\\depot\\|/id:3" },
    { "a path as the program", "\"C:\\Windows\\System32\\inetsrv\\appcmd.exe\" list", "C:\\Windows\\System32\\inetsrv\\appcmd.exe|list" },
    { "nothing", "  ", "" },
};

static void test_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(splits); i++) {
        OWNED_TEXT_BUFFER got = { 0 };
        struct batch_args args = { 0 };
        CASE_LABEL(&splits[i]);
        assert_int_equal(batch_args_split(slice_str(splits[i].command), &args), 0);
        for (int k = 0; k < args.argc; k++)
            text_addf(&got, "%s%s", k ? "|" : "", args.argv[k]);
        assert_string_equal(text_str(&got), splits[i].want);
        batch_args_free(&args);
    }
}

static void test_too_many(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER line = { 0 };
    struct batch_args args = { 0 };
    for (int i = 0; i <= BATCH_ARGS; i++)
        text_add_str(&line, "x ");
    assert_int_equal(batch_args_split(text_slice(&line), &args), ERR_LIMIT);
    batch_args_free(&args);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode), cmocka_unit_test(test_lines), cmocka_unit_test(test_expand),
        cmocka_unit_test(test_cut),    cmocka_unit_test(test_split), cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
