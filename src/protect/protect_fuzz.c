/*
 * protect_fuzz.c - stored forms of any bytes: as they come, as what stands in our form, as changes to a good one (three bytes
 * each: place, place, value), and as a key file.  Whatever opens must be what was sealed.
 */
#include <assert.h>

#include "protect/protect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct protect_key key = { { 1, 2, 3 } };
static const char secret[] = "correct horse";

static void try_value(struct slice value)
{
    OWNED_TEXT_BUFFER clear = { 0 };
    int err = protect_open(&key, value, &clear);
    assert(err <= 0 && (err == ERR_UNSUPPORTED) == !protect_is_ours(value));
    assert(err || slice_equal_str(text_slice(&clear), secret));
}

static void try_changed(struct slice good, const uint8_t *data, size_t size)
{
    OWNED_TEXT_BUFFER value = { 0 };
    text_add(&value, good);
    for (size_t i = 0; i + 3 <= size && value.len; i += 3)
        value.ptr[(data[i] << 8 | data[i + 1]) % value.len] = (char)data[i + 2];
    try_value(text_slice(&value));
    try_value(slice_first(text_slice(&value), size % (good.len + 1)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = slice_of((const char *)data, size);
    OWNED_TEXT_BUFFER ours = { 0 }, good = { 0 };
    struct protect_key any;
    try_value(bytes);
    text_add_str(&ours, "[enc:" PROTECT_PROVIDER ":");
    text_add(&ours, bytes);
    text_add_str(&ours, ":enc]");
    try_value(text_slice(&ours));
    if (protect_seal(&key, slice_str(secret), &good) == 0)
        try_changed(text_slice(&good), data, size);
    (void)!protect_key_parse(bytes, &any);
    return 0;
}
