/*
 * line.c - one byte at a time through two small machines: Telnet first, then the line ending.
 *
 * Invariants: text never grows beyond max + 1 bytes; nothing of a refused line survives it; a line that is too long
 * or malformed is swallowed to its LF, so its tail can never be read as a command.
 */
#include "ftp/line.h"

#include "base/secret.h"

enum telnet { TELNET_DATA, TELNET_IAC, TELNET_OPTION, TELNET_SUB, TELNET_SUB_IAC };
enum { IAC = 255, DONT = 254, DO = 253, WONT = 252, WILL = 251, SB = 250, SE = 240 };

/* What the Telnet machine says about one byte. */
enum telnet_out { TELNET_EATEN, TELNET_BYTE, TELNET_REFUSE };

static enum telnet_out telnet_command(struct line *l, uint8_t c)
{
    l->telnet = TELNET_DATA;
    if (c == IAC)
        return TELNET_BYTE;
    if (c == SB)
        l->telnet = TELNET_SUB;
    else if (c >= WILL) {
        l->telnet = TELNET_OPTION;
        l->verb = c;
    }
    return TELNET_EATEN; /* IP, DM, AO, NOP ... carry nothing for us: ABOR itself follows as a line */
}

static enum telnet_out telnet_option(struct line *l, uint8_t c)
{
    l->telnet = TELNET_DATA;
    /* Agreeing to DONT and WONT would be polite; staying silent is allowed, since that is our state already. */
    if ((l->verb != DO && l->verb != WILL) || l->refusals >= LINE_REFUSALS_MAX)
        return TELNET_EATEN;
    l->refusals++;
    l->option = c;
    return TELNET_REFUSE;
}

static enum telnet_out telnet_byte(struct line *l, uint8_t c)
{
    switch (l->telnet) {
    case TELNET_IAC:
        return telnet_command(l, c);
    case TELNET_OPTION:
        return telnet_option(l, c);
    case TELNET_SUB:
        if (c == IAC)
            l->telnet = TELNET_SUB_IAC;
        return TELNET_EATEN;
    case TELNET_SUB_IAC:
        l->telnet = c == SE ? TELNET_DATA : TELNET_SUB;
        return TELNET_EATEN;
    default:
        if (c != IAC)
            return TELNET_BYTE;
        l->telnet = TELNET_IAC;
        return TELNET_EATEN;
    }
}

static enum line_event line_end(struct line *l)
{
    bool crlf = l->after_cr;
    l->done = true;
    if (l->over)
        return LINE_TOO_LONG;
    if (l->bad)
        return LINE_BAD;
    if (text_error(&l->text))
        return LINE_NO_MEMORY;
    /* Telnet clients' habit of ending an empty line with LF alone is an empty line all the same (P11). */
    return crlf || l->text.len == 0 ? LINE_COMMAND : LINE_BARE_LF;
}

static void line_byte(struct line *l, char c, size_t max)
{
    if (l->after_cr)
        l->bad = true; /* CR NUL and CR x: a CR inside the text */
    l->after_cr = c == '\r';
    if (c == 0)
        l->bad = true;
    if (l->after_cr || l->bad || l->over)
        return;
    if (l->text.len >= max)
        l->over = true;
    else
        text_add_char(&l->text, c);
}

/* A line may have held a password. */
static void wipe(struct line *l)
{
    if (l->text.ptr)
        secret_wipe(l->text.ptr, l->text.cap);
}

static void line_start(struct line *l)
{
    wipe(l);
    text_reset(&l->text);
    l->wire_bytes = 0;
    l->after_cr = l->bad = l->over = l->done = false;
}

enum line_event line_feed(struct line *l, struct slice *input, size_t max)
{
    if (l->done)
        line_start(l);
    while (input->len > 0) {
        uint8_t c = (uint8_t)*input->ptr;
        *input = slice_from(*input, 1);
        l->wire_bytes++;
        switch (telnet_byte(l, c)) {
        case TELNET_EATEN:
            break;
        case TELNET_REFUSE:
            return LINE_REFUSE;
        case TELNET_BYTE:
            if (c == '\n')
                return line_end(l);
            line_byte(l, (char)c, max);
            break;
        }
        if (l->wire_bytes / LINE_ENDLESS_FACTOR > max) {
            l->done = true;
            return LINE_ENDLESS;
        }
    }
    return LINE_MORE;
}

struct slice line_text(const struct line *l)
{
    return text_slice(&l->text);
}

void line_refusal(const struct line *l, char bytes_out[3])
{
    bytes_out[0] = (char)IAC;
    bytes_out[1] = (char)(l->verb == DO ? WONT : DONT);
    bytes_out[2] = (char)l->option;
}

bool line_is_partial(const struct line *l)
{
    return !l->done && l->wire_bytes > 0;
}

void line_reset(struct line *l)
{
    uint8_t refusals = l->refusals;
    wipe(l);
    text_free(&l->text);
    *l = (struct line){ .refusals = refusals };
}
