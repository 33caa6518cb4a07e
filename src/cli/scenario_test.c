/* scenario_test.c - running command lines inside the test's own process. */
#include "cli/scenario_test.h"

#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/file.h"

enum { ARGS_MAX = 16 };

/* `text` with @DIR@ replaced; caller frees. */
static char *here(const struct scenario *s, const char *text)
{
    struct text out = { 0 };
    const char *mark;
    while ((mark = strstr(text, "@DIR@")) != NULL) {
        text_add(&out, slice_of(text, (size_t)(mark - text)));
        text_add_str(&out, s->dir);
        text = mark + 5;
    }
    text_add_str(&out, text);
    return text_release(&out);
}

void scenario_begin(struct scenario *s, bool with_instance)
{
    static const char *const create[] = { "create", "instance", NULL };
    *s = (struct scenario){ 0 };
    snprintf(s->dir, sizeof s->dir, "%s/sallyport-cli-XXXXXX", "/tmp");
    assert_non_null(mkdtemp(s->dir));
    if (with_instance)
        assert_int_equal(scenario_run(s, create, NULL), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

void scenario_end(struct scenario *s)
{
    free(s->out);
    s->out = NULL;
    assert_int_equal(nftw(s->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

int scenario_run(struct scenario *s, const char *const *argv, const char *in)
{
    char *full[ARGS_MAX + 4] = { strdup("sallyport"), strdup("--config"), strdup(s->dir) };
    int argc = 3;
    size_t len = 0;
    for (size_t i = 0; argv[i] && argc < ARGS_MAX; i++)
        full[argc++] = here(s, argv[i]);
    free(s->out);
    s->out = NULL;
    FILE *input = in && in[0] ? fmemopen((char *)in, strlen(in), "r") : fopen("/dev/null", "r");
    FILE *output = open_memstream(&s->out, &len);
    assert_true(input && output);
    int code = cli_run(argc, full, input, output);
    fclose(input);
    fclose(output);
    for (int i = 0; i < argc; i++)
        free(full[i]);
    return code;
}

void scenario_steps(struct scenario *s, const struct scenario_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CASE_LABEL(&steps[i]);
        int code = scenario_run(s, steps[i].argv, steps[i].in);
        if (code != steps[i].code)
            print_message("    output: %s\n", s->out);
        assert_int_equal(code, steps[i].code);
        if (!steps[i].out)
            continue;
        char *want = here(s, steps[i].out);
        assert_string_equal(s->out, want);
        free(want);
    }
}

void scenario_play(const struct scenario_step *steps, size_t count)
{
    struct scenario s;
    scenario_begin(&s, true);
    scenario_steps(&s, steps, count);
    scenario_end(&s);
}

char *scenario_file(struct scenario *s, const char *name)
{
    struct text path = { 0 }, content = { 0 };
    text_addf(&path, "%s/%s", s->dir, name);
    assert_int_equal(file_read(text_str(&path), 1 << 20, &content), 0);
    text_free(&path);
    return text_release(&content);
}

void scenario_assert_file_has(struct scenario *s, const char *name, const char *wanted)
{
    char *content = scenario_file(s, name);
    if (!strstr(content, wanted))
        print_message("    %s lacks %s:\n%s\n", name, wanted, content);
    assert_non_null(strstr(content, wanted));
    free(content);
}
