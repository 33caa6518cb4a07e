/* prompt_test.c - secrets typed at a terminal: not echoed, asked twice, the terminal put back. */
#include "cli/prompt.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "base/case_test.h"

struct terminal {
    int master, slave;
    FILE *in;
    const char *typed; /* one line per question */
};

/* Types as soon as echo is off: a person who waits for the question. */
static void *type(void *context)
{
    struct terminal *t = context;
    struct termios now;
    do {
        sched_yield();
        if (tcgetattr(t->slave, &now) != 0)
            return NULL;
    } while (now.c_lflag & ECHO);
    ssize_t wrote = write(t->master, t->typed, strlen(t->typed));
    return wrote < 0 ? t : NULL;
}

static void terminal_begin(struct terminal *t, const char *typed)
{
    char name[64];
    *t = (struct terminal){ .typed = typed };
    t->master = posix_openpt(O_RDWR | O_NOCTTY);
    if (t->master < 0)
        skip(); /* a machine without pseudo-terminals: a bare container */
    assert_int_equal(grantpt(t->master), 0);
    assert_int_equal(unlockpt(t->master), 0);
    assert_int_equal(ptsname_r(t->master, name, sizeof name), 0);
    t->slave = open(name, O_RDWR | O_NOCTTY);
    assert_true(t->slave >= 0);
    t->in = fdopen(dup(t->slave), "r");
    assert_non_null(t->in);
}

/* What the terminal showed. */
static size_t shown(struct terminal *t, char *out, size_t size)
{
    fcntl(t->master, F_SETFL, O_NONBLOCK);
    ssize_t got = read(t->master, out, size - 1);
    size_t len = got > 0 ? (size_t)got : 0;
    out[len] = 0;
    return len;
}

static const struct {
    const char *label, *typed;
    bool twice;
    int want;
    const char *secret;
} cases[] = {
    { "once", "open sesame\n", false, 0, "open sesame" },
    { "twice", "P@ssw0rd\nP@ssw0rd\n", true, 0, "P@ssw0rd" },
    { "a slip of the finger", "P@ssw0rd\nP@ssword\n", true, ERR_CONFLICT, NULL },
    { "shorter the second time", "P@ssw0rd\nP@ss\n", true, ERR_CONFLICT, NULL },
    { "interrupted", "\003", false, ERR_TRUNCATED, NULL },
};

static void test_terminal(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct terminal t;
        struct cli c = { 0 };
        struct termios after;
        OWNED_SECRET secret = { 0 };
        pthread_t typist;
        char screen[256];
        CASE_LABEL(&cases[i]);
        terminal_begin(&t, cases[i].typed);
        c.in = t.in;
        assert_int_equal(pthread_create(&typist, NULL, type, &t), 0);
        assert_int_equal(prompt_read(&c, "Password: ", cases[i].twice, &secret), cases[i].want);
        pthread_join(typist, NULL);
        if (cases[i].secret)
            assert_string_equal(secret.text, cases[i].secret);
        assert_int_equal(shown(&t, screen, sizeof screen), 0);
        assert_int_equal(tcgetattr(t.slave, &after), 0);
        assert_true((after.c_lflag & (ECHO | ISIG)) == (ECHO | ISIG));
        fclose(t.in);
        close(t.slave);
        close(t.master);
    }
}

static const struct {
    const char *label, *in;
    size_t len;
    int want;
    const char *secret;
} piped[] = {
    { "a line", "secret\n", 7, 0, "secret" },
    { "without its end", "secret", 6, 0, "secret" },
    { "from Windows", "secret\r\n", 8, 0, "secret" },
    { "only the first", "one\ntwo\n", 8, 0, "one" },
    { "an empty line", "\n", 1, 0, "" },
    { "a NUL", "a\0b\n", 4, ERR_SYNTAX, NULL },
};

static void test_pipe(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(piped); i++) {
        struct cli c = { 0 };
        OWNED_SECRET secret = { 0 };
        CASE_LABEL(&piped[i]);
        c.in = fmemopen((char *)piped[i].in, piped[i].len, "r");
        assert_non_null(c.in);
        assert_int_equal(prompt_read(&c, "Password: ", true, &secret), piped[i].want);
        if (piped[i].secret)
            assert_string_equal(secret.text, piped[i].secret);
        fclose(c.in);
    }
}

static void test_too_long(void **state)
{
    (void)state;
    static char line[PROMPT_SECRET_MAX + 3];
    struct cli c = { 0 };
    OWNED_SECRET secret = { 0 };
    memset(line, 'x', sizeof line - 2);
    line[sizeof line - 2] = '\n';
    c.in = fmemopen(line, sizeof line - 1, "r");
    assert_non_null(c.in);
    assert_int_equal(prompt_read(&c, "", false, &secret), ERR_TOO_LONG);
    fclose(c.in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_pipe),
        cmocka_unit_test(test_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
