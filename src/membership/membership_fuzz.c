/* membership_fuzz.c - connection strings and stored passwords from files and databases that somebody else writes. */
#include <stdlib.h>

#include "membership/connection.h"
#include "membership/hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const providers[] = { "", "Npgsql", "System.Data.SQLite", "System.Data.Odbc", "x" };
    static const char *const algorithms[] = { "", "SHA1", "HMACSHA256", "SHA512", "y" };
    const struct connection_drivers drivers = { SLICE_LITERAL("a"), SLICE_LITERAL("b"), SLICE_LITERAL("c") };
    OWNED_TEXT_BUFFER out = { 0 };
    struct diag d = { 0 };
    if (size < 2)
        return 0;
    struct slice all = slice_of((const char *)data + 2, size - 2), first = slice_first(all, data[1]);
    struct slice second = slice_from(all, first.len);
    if (connection_string(slice_str(providers[data[0] % 5]), all, &drivers, &out, &d) == 0 && text_error(&out))
        abort();
    if (membership_hash_matches(MEMBERSHIP_HASHED, slice_str(algorithms[data[0] % 5]), first, second, SLICE_LITERAL("secret")) &&
        second.len < 24)
        abort(); /* shorter than any digest */
    return 0;
}
