/* args_fuzz.c - any bytes as arguments (one per line): read without a fault, and every slice lies inside its argument. */
#include <assert.h>
#include <stdlib.h>

#include "cli/args.h"
#include "cli/propath.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARGV_MAX = 200 };

static bool inside(struct slice part, struct slice whole)
{
    return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void check_path(struct slice text)
{
    static struct propath p;
    if (propath_parse(text, &p) != 0)
        return;
    assert(p.count > 0 && p.count <= PROPATH_STEPS);
    for (size_t i = 0; i < p.count; i++) {
        assert(inside(p.steps[i].name, text) && p.steps[i].count <= PROPATH_PAIRS);
        for (size_t k = 0; k < p.steps[i].count; k++)
            assert(inside(p.steps[i].pairs[k].name, text) && inside(p.steps[i].pairs[k].value, text));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct args a;
    OWNED_TEXT_BUFFER message = { 0 };
    char *argv[ARGV_MAX + 1] = { (char *)"sallyport" };
    int argc = 1;
    char *copy = malloc(size + 1);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    copy[size] = 0;
    check_path(slice_of(copy, size));
    assert(propath_name_length(slice_of(copy, size)) <= size);
    propath_is_open(slice_of(copy, size));
    for (char *line = strtok(copy, "\n"); line && argc < ARGV_MAX; line = strtok(NULL, "\n"))
        argv[argc++] = line;
    if (args_parse(argc, argv, &a, &message) == 0)
        for (size_t i = 0; i < a.param_count; i++)
            check_path(a.params[i].name);
    else
        assert(message.len > 0);
    args_free(&a);
    free(copy);
    return 0;
}
