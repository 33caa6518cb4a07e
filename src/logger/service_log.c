/* service_log.c - see service_log.h. */
#include "logger/service_log.h"

#include <limits.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_NOTICE] = "notice",
    [LOG_LEVEL_DEBUG] = "debug",
};

static void add_stamp(int64_t time, struct text *out)
{
    struct tm tm = { 0 };
    int64_t rest = time % 1000;
    time_t seconds = (time_t)(time / 1000 - (rest < 0));
    if (!gmtime_r(&seconds, &tm))
        tm = (struct tm){ .tm_year = 70, .tm_mday = 1 };
    text_addf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
              tm.tm_min, tm.tm_sec, (int)(rest < 0 ? rest + 1000 : rest));
}

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

void service_log_print(bool json, const struct log_event *event, struct text *out)
{
    const char *level = level_names[event->level <= LOG_LEVEL_DEBUG ? event->level : LOG_LEVEL_DEBUG];
    struct slice text = cut_text(event->text);
    if (!json) {
        add_stamp(event->time, out);
        text_addf(out, " %s ", level);
        text_add_escaped(out, event->where);
        text_add_str(out, ": ");
        text_add_escaped(out, text);
        text_add_char(out, '\n');
        return;
    }
    text_add_str(out, "{\"time\":\"");
    add_stamp(event->time, out);
    text_addf(out, "\",\"level\":\"%s\",\"program\":", level);
    text_add_json(out, event->where);
    text_add_str(out, ",\"text\":");
    text_add_json(out, text);
    text_add_str(out, "}\n");
}

static bool put_line(const struct service_log *log, struct slice line)
{
    struct pollfd ready = { .fd = log->fd, .events = POLLOUT };
    if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT))
        return false;
    return write(log->fd, line.ptr, line.len) == (ssize_t)line.len;
}

static bool put_event(const struct service_log *log, const struct log_event *event)
{
    OWNED_TEXT_BUFFER line = { 0 };
    service_log_print(log->json, event, &line);
    return !text_error(&line) && put_line(log, text_slice(&line));
}

void service_log_write(struct service_log *log, const struct log_event *event)
{
    if (log->lost) {
        OWNED_TEXT_BUFFER text = { 0 };
        text_addf(&text, "%llu lines of the service log were lost because nobody read them",
                  (unsigned long long)log->lost);
        const struct log_event note = { event->time, LOG_LEVEL_WARNING, SLICE_LITERAL("logger"), text_slice(&text) };
        if (put_event(log, &note))
            log->lost = 0;
    }
    if (log->lost || !put_event(log, event))
        log->lost++;
}
