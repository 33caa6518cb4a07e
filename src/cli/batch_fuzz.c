/* batch_fuzz.c - any bytes as a batch file: read to the end without a fault, in bounded steps. */
#include <assert.h>
#include <stdlib.h>

#include "cli/batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool lookup(void *context, struct slice name, struct text *out)
{
    (void)context;
    text_add(out, name);
    return name.len % 2 == 0;
}

static void check_commands(struct slice line)
{
    struct batch_command command = { 0 };
    do {
        size_t before = line.len;
        struct batch_args args = { 0 };
        if (batch_command_next(&line, &command) != 0)
            break;
        assert(line.len < before || command.join == BATCH_END);
        if (batch_args_split(text_slice(&command.text), &args) == 0)
            for (int i = 0; i < args.argc; i++)
                assert(strlen(args.argv[i]) <= command.text.len);
        batch_args_free(&args);
    } while (command.join != BATCH_END);
    batch_command_free(&command);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWNED_TEXT_BUFFER text = { 0 }, line = { 0 };
    unsigned number = 0, first = 0, before = 0;
    if (batch_decode(slice_of((const char *)data, size), &text) != 0)
        return 0;
    assert(slice_is_utf8(text_slice(&text)));
    for (struct slice rest = text_slice(&text); batch_line(&rest, &number, &first, &line); before = number) {
        OWNED_TEXT_BUFFER expanded = { 0 };
        struct slice bad = SLICE_NONE;
        assert(number > before && first == before + 1);
        if (batch_is_comment(text_slice(&line)))
            continue;
        int err = batch_expand(text_slice(&line), lookup, NULL, &expanded, &bad);
        assert(err == 0 || bad.len > 0);
        if (!err)
            check_commands(text_slice(&expanded));
    }
    return 0;
}
