/*
 * line.h - command lines out of the bytes of a control channel.
 *
 * Incremental and bounded: feed what arrived, get one event at a time.  The bytes of a line are kept only while it is
 * incomplete or being used, so an idle session owns no buffer.  A line ends with LF; what it was worth is the event:
 *
 *   CR LF              LINE_COMMAND, text without the ending
 *   LF alone           LINE_BARE_LF: never executed (threats.md P10; IIS answers 451)
 *   NUL, lone CR       LINE_BAD: never executed (P10)
 *   longer than max    LINE_TOO_LONG once, at its end: the tail is never a command (P08)
 *   no end in sight    LINE_ENDLESS after LINE_ENDLESS_FACTOR times max: close (P09)
 *
 * Telnet commands are taken out by a state machine before the line is looked at (P12): IAC IAC is one 0xFF, IP, DM
 * and the like vanish, DO/DONT/WILL/WONT are noted for a bounded number of refusals (P13), subnegotiations are skipped.
 */
#pragma once

#include "base/text.h"

enum { LINE_ENDLESS_FACTOR = 64, LINE_REFUSALS_MAX = 8 };

enum line_event {
    LINE_MORE,     /* all input consumed, no line yet */
    LINE_COMMAND,
    LINE_BARE_LF,
    LINE_BAD,
    LINE_TOO_LONG,
    LINE_ENDLESS,
    LINE_REFUSE,   /* an option was asked for: send line_refusal(), then go on feeding */
    LINE_NO_MEMORY,
};

struct line { /* owned by the session; zero is an empty one */
    struct text text;
    uint32_t wire_bytes;      /* bytes of this line as received, its ending included */
    uint8_t telnet;           /* state */
    uint8_t refusals;         /* sent so far on this connection */
    uint8_t option, verb;     /* what to refuse */
    bool after_cr, bad, over, done;
};

/* Consume from *input up to the end of one line at most.  `max` is the longest text accepted. */
enum line_event line_feed(struct line *l, struct slice *input, size_t max);
/* The line of the last event; valid until the next feed. */
struct slice line_text(const struct line *l);
/* The three bytes that refuse the option; valid until the next call. */
void line_refusal(const struct line *l, char bytes_out[3]);
/* Whether a part of a line is waiting for its end. */
bool line_is_partial(const struct line *l);
/* Forget a partial line and every Telnet state (AUTH, REIN; threats.md P01), release memory. */
void line_reset(struct line *l);
