/*
 * prompt.c - reading a line without echo.
 *
 * The terminal is put back on every way out, interruption included: with ISIG off Ctrl-C comes as a byte instead of a
 * signal, and ends the reading.
 */
#include "cli/prompt.h"

#include <termios.h>

#include "base/own.h"
#include "base/secret.h"

void prompt_secret_wipe(struct prompt_secret *s)
{
    secret_wipe(s, sizeof *s);
}

enum { KEY_INTERRUPT = 3 };

static int read_line(FILE *in, struct prompt_secret *s)
{
    int c;
    s->len = 0;
    while ((c = getc(in)) != EOF && c != '\n') {
        if (c == 0)
            return ERR_SYNTAX;
        if (c == KEY_INTERRUPT)
            return ERR_TRUNCATED;
        if (s->len == PROMPT_SECRET_MAX)
            return ERR_TOO_LONG;
        s->text[s->len++] = (char)c;
    }
    if (c == EOF && s->len == 0)
        return ERR_TRUNCATED;
    if (s->len && s->text[s->len - 1] == '\r')
        s->len--;
    s->text[s->len] = 0;
    return 0;
}

static int ask(FILE *in, const char *question, struct prompt_secret *s)
{
    fprintf(stderr, "%s", question);
    int err = read_line(in, s);
    fputc('\n', stderr);
    return err;
}

static int ask_twice(FILE *in, const char *question, struct prompt_secret *s)
{
    OWNED_SECRET again = { 0 };
    int err = ask(in, question, s);
    if (!err)
        err = ask(in, "Again: ", &again);
    if (err)
        return err;
    return again.len == s->len && secret_equal(again.text, s->text, again.len) ? 0 : ERR_CONFLICT;
}

/* Echo stays off from the first question to the last answer: nothing typed ahead shows in between. */
static int ask_silently(FILE *in, const char *question, bool twice, struct prompt_secret *s)
{
    struct termios before, silent;
    int fd = fileno(in);
    if (tcgetattr(fd, &before) != 0)
        return ERR_SYS;
    silent = before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    silent.c_cc[VEOL] = KEY_INTERRUPT; /* ends the line, so that it arrives at once */
    if (tcsetattr(fd, TCSAFLUSH, &silent) != 0)
        return ERR_SYS;
    int err = twice ? ask_twice(in, question, s) : ask(in, question, s);
    int restored = tcsetattr(fd, TCSAFLUSH, &before);
    return err ? err : restored ? ERR_SYS : 0;
}

int prompt_read(struct cli *c, const char *question, bool twice, struct prompt_secret *secret_out)
{
    int fd = fileno(c->in);
    setvbuf(c->in, NULL, _IONBF, 0); /* no copy of the secret in a buffer of stdio */
    if (fd < 0 || !isatty(fd))
        return read_line(c->in, secret_out);
    return ask_silently(c->in, question, twice, secret_out);
}
