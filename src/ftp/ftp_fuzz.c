/*
 * ftp_fuzz.c - what a stranger's bytes reach first: lines, verbs, addresses, values, and the reply made of them.
 *
 * The first byte says into what pieces the rest is cut.  Whatever comes in, a line stays within its maximum and a reply
 * built from it is exactly one line.
 */
#include <stdlib.h>

#include "ftp/address.h"
#include "ftp/command.h"
#include "ftp/facts.h"
#include "ftp/line.h"
#include "ftp/message.h"
#include "ftp/reply.h"
#include "ftp/value.h"

enum { MAX = 300 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_reply(struct slice argument)
{
    struct reply r = { 0 };
    struct slice bytes;
    reply_begin(&r, 257);
    reply_row(&r, REPLY_MKD, argument);
    if (reply_bytes(&r, &bytes) == 0 &&
        (slice_find(bytes, '\r') != bytes.len - 2 || slice_find(bytes, '\n') != bytes.len - 1 || slice_has_byte(bytes, 0)))
        abort();
    reply_free(&r);
}

static void use_argument(struct slice argument)
{
    struct net_addr addr;
    enum epsv_kind kind;
    int64_t time;
    uint64_t offset;
    OWNED_TEXT_BUFFER out = { 0 };
    const struct message_values values = { argument, argument, argument, 1, 2 };
    if (address_parse_port(argument, &addr) == 0)
        address_print_pasv(&addr, &out);
    if (address_parse_eprt(argument, &addr) == 0 && addr.family != 4 && addr.family != 6)
        abort();
    if (address_parse_epsv(argument, &kind) == 0 && kind > EPSV_ALL)
        abort();
    if (value_parse_offset(argument, &offset) == 0 && offset > INT64_MAX)
        abort();
    if (value_parse_time(argument, &time) == 0)
        value_print_time(time, &out);
    facts_filter(argument, facts_parse(argument), &out);
    message_expand(argument, &values, &out);
    check_reply(argument);
}

static void use_line(const struct line *l)
{
    struct slice verb, argument;
    if (line_text(l).len > MAX || slice_has_byte(line_text(l), '\n') || slice_has_byte(line_text(l), 0))
        abort();
    command_split(line_text(l), &verb, &argument);
    command_find(verb, ~0u);
    command_is_http(verb);
    use_argument(argument);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct line l = { 0 };
    if (!size)
        return 0;
    size_t step = data[0] % 64 + 1u;
    for (size_t at = 1; at < size; at += step) {
        struct slice piece = slice_first(slice_of((const char *)data + at, size - at), step);
        enum line_event event;
        while ((event = line_feed(&l, &piece, MAX)) != LINE_MORE)
            if (event == LINE_COMMAND)
                use_line(&l);
    }
    line_reset(&l);
    use_argument(slice_of((const char *)data, size));
    return 0;
}
