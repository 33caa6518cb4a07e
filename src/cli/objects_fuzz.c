/*
 * objects_fuzz.c - any bytes on standard input of a command with /in.
 *
 * Must hold: the document is carried out or refused with ERROR and a number; a refused one never claims to have done
 * something, and nothing is written either way.
 */
#include <assert.h>
#include <ftw.h>
#include <stdlib.h>

#include "cli/cli.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char directory[] = "/tmp/sallyport-objects-XXXXXX";

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *place)
{
    (void)st;
    (void)kind;
    (void)place;
    return remove(path);
}

static void remove_instance(void)
{
    (void)nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static int run(const char *verb, const char *object, const char *param, struct slice in, struct cli_batch *batch, char **said_out)
{
    char *argv[] = { "sallyport", "--config", directory, (char *)(uintptr_t)verb, (char *)(uintptr_t)object,
                     (char *)(uintptr_t)param, NULL };
    size_t len = 0;
    FILE *input = in.len ? fmemopen((void *)(uintptr_t)in.ptr, in.len, "r") : fopen("/dev/null", "r");
    FILE *output = open_memstream(said_out, &len);
    assert(input && output);
    int code = cli_run_in_batch(6 - !param, argv, input, output, batch);
    fclose(input);
    fclose(output);
    return code;
}

static void make_instance(void)
{
    static bool is_made;
    char *said = NULL;
    if (is_made)
        return;
    is_made = true;
    char *made = mkdtemp(directory);
    assert(made);
    atexit(remove_instance);
    int code = run("create", "instance", NULL, SLICE_NONE, NULL, &said);
    free(said);
    assert(code == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        const char *verb, *object;
    } commands[] = { { "add", "site" }, { "set", "config" }, { "list", "vdir" } };
    make_instance();
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        struct cli_batch batch = { .is_atomic = true }; /* never saved */
        char *said = NULL;
        int code = run(commands[i].verb, commands[i].object, "/in", slice_of((const char *)data, size), &batch, &said);
        assert(code >= 0 && said);
        assert(code == 0 || code == 1 || strstr(said, "ERROR ( ") || strstr(said, "Failed to process input"));
        assert(code == 0 || !strstr(said, " object \""));
        free(said);
        cli_batch_free(&batch);
    }
    return 0;
}
