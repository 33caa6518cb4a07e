/* message.c - filling in %variables%. */
#include "ftp/message.h"

static void add_one_line(struct text *out, struct slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        text_add_char(out, c < 0x20 || c == 0x7f ? '?' : (char)c);
    }
}

static bool add_variable(struct slice name, const struct message_values *v, struct text *out)
{
    const struct {
        const char *name;
        const struct slice *text;
        const uint64_t *number;
    } variables[] = {
        { "SessionID", &v->session_id, NULL }, { "SiteName", &v->site_name, NULL },
        { "UserName", &v->user_name, NULL },   { "BytesReceived", NULL, &v->to_client },
        { "BytesSent", NULL, &v->to_server },
    };
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        if (!slice_equal_fold_str(name, variables[i].name))
            continue;
        if (variables[i].text)
            add_one_line(out, *variables[i].text);
        else
            text_addf(out, "%llu", (unsigned long long)*variables[i].number);
        return true;
    }
    return false;
}

void message_expand(struct slice message, const struct message_values *values, struct text *out)
{
    while (message.len > 0) {
        size_t start = slice_find(message, '%');
        text_add(out, slice_first(message, start));
        message = slice_from(message, start);
        if (message.len == 0)
            return;
        size_t end = slice_find(slice_from(message, 1), '%');
        if (end != SIZE_MAX && add_variable(slice_of(message.ptr + 1, end), values, out)) {
            message = slice_from(message, end + 2);
            continue;
        }
        text_add_char(out, '%'); /* not ours: this sign stays, the next one may begin a variable */
        message = slice_from(message, 1);
    }
}
