/* event.c - see event.h. */
#include "logfmt/event.h"

#include <limits.h>

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_NOTICE] = "notice",
    [LOG_LEVEL_DEBUG] = "debug",
};

/* As much of the text as leaves the whole line below PIPE_BUF however it is escaped (six bytes for one), so that a
 * write to a pipe that poll() calls writable cannot block. */
static struct slice cut_text(struct slice text)
{
    enum { TEXT_MOST = (PIPE_BUF - 512) / 6, TEXT_PLAIN_MOST = PIPE_BUF - 1024 };
    if (text.len <= TEXT_MOST)
        return text;
    size_t escaped = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.ptr[i];
        escaped += c < 0x20 || c >= 0x7f || c == '\\' || c == '"' ? 6 : 1;
        if (escaped > TEXT_PLAIN_MOST)
            return slice_first(text, i);
    }
    return text;
}

void log_event_print(bool json, const struct log_event *event, struct text *out)
{
    const char *level = level_names[event->level <= LOG_LEVEL_DEBUG ? event->level : LOG_LEVEL_DEBUG];
    struct slice text = cut_text(event->text);
    if (!json) {
        text_add_time(out, event->time);
        text_addf(out, " %s ", level);
        text_add_escaped(out, event->where);
        text_add_str(out, ": ");
        text_add_escaped(out, text);
        text_add_char(out, '\n');
        return;
    }
    text_add_str(out, "{\"time\":\"");
    text_add_time(out, event->time);
    text_addf(out, "\",\"level\":\"%s\",\"program\":", level);
    text_add_json(out, event->where);
    text_add_str(out, ",\"text\":");
    text_add_json(out, text);
    text_add_str(out, "}\n");
}
