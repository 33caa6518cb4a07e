/*
 * w3c_fuzz.c - any record, any fields: one line, no control byte, no header, as many fields as the header promises.
 */
#include <stdio.h>
#include <stdlib.h>

#include "logfmt/w3c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "violated: %s\n", what);
    abort();
}

static size_t count_of(struct slice s, char c)
{
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++)
        count += s.ptr[i] == c;
    return count;
}

static void check(const struct w3c_style *style, const struct log_access *record)
{
    OWNED_TEXT_BUFFER out = { 0 }, header = { 0 };
    w3c_line(style, record, &out);
    w3c_header(style, record->time, &header);
    require(!text_error(&out) && !text_error(&header), "memory");
    struct slice line = text_slice(&out);
    require(slice_ends(line, SLICE_LITERAL("\r\n")), "line end");
    line.len -= 2;
    require(!slice_has_control(line), "no control byte");
    require(line.len == 0 || line.ptr[0] != '#', "no header");
    require(!style->utf8 || slice_is_utf8(line), "UTF-8");
    struct slice fields = text_slice(&header);
    size_t promised = count_of(slice_from(fields, (size_t)(strstr(fields.ptr, "#Fields:") - fields.ptr)), ' ');
    require(promised == 0 || count_of(line, ' ') + 1 == promised, "as many fields as promised");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct log_access record;
    struct wire_in in = wire_in_of(data, size);
    if (log_access_decode(&in, &record) == 0)
        check(&(struct w3c_style){ record.win32, record.status & 1, record.verb }, &record);
    if (size < 8)
        return 0;
    struct slice text = slice_of((const char *)data + 8, size - 8);
    uint32_t fields;
    int64_t time;
    memcpy(&fields, data, sizeof fields);
    memcpy(&time, data, sizeof time);
    record = (struct log_access){ .time = time, .user = text, .argument = slice_from(text, text.len / 2), .verb = text };
    check(&(struct w3c_style){ fields, data[4] & 1, text }, &record);
    return 0;
}
