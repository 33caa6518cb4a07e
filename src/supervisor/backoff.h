/* backoff.h - how long to wait before a program that died is started again.  Pure. */
#pragma once

#include <stdint.h>

enum { BACKOFF_FIRST_MS = 100, BACKOFF_MOST_MS = 30000, BACKOFF_GOOD_MS = 60000 };

struct backoff {
    int64_t next_ms; /* 0: never died */
};

/* The program died after living `lived_ms`: how many milliseconds to wait.  Doubles up to BACKOFF_MOST_MS; a life of
 * BACKOFF_GOOD_MS starts over. */
int64_t backoff_died(struct backoff *b, int64_t lived_ms);
