/*
 * log_file.h - one W3C log: lines go in, a file that rolls over comes out.
 *
 * Lines are held in memory and written by log_file_flush, which opens the file, appends and closes it again: an
 * administrator may move or delete logs at any time, and ten thousand sites need no descriptors.  Writing never waits
 * for anything but the disk.  When it fails the lines are kept, up to a share of the budget; what does not fit is
 * dropped and counted, and the administrator is told once when it starts and once when it is over (threats.md H06).
 *
 * `now` is wall-clock milliseconds; it decides the file name, so a clock that jumps takes the name with it (H08).
 */
#pragma once

#include "logfmt/w3c.h"
#include "logfmt/w3c_name.h"

/* What all files of a process share: memory for lines that wait, and somebody to tell. */
struct log_desk {
    size_t held, held_max; /* bytes of lines in memory */
    size_t file_max;       /* of one file */
    uint64_t dropped;      /* lines lost for good since the start */
    void (*tell)(void *context, unsigned level, struct slice text); /* LOG_LEVEL_* */
    /* The log of `site` began to fail, or fails for another reason (an errno), or works again (0).  NULL: nobody asks. */
    void (*outcome)(void *context, uint32_t site, int errnum);
    void *context;
};

struct log_settings {
    uint32_t site;       /* whose lines, 0: of all */
    struct slice folder; /* where the files lie, e.g. ".../LogFiles/FTPSVC2"; made when missing, its parent is not */
    struct w3c_style style;
    struct w3c_file_rule rule;
    uint64_t truncate_size; /* LOG_PERIOD_MAX_SIZE only */
    bool local_time;        /* localTimeRollover */
    uint32_t selective;
};

struct log_file;

/* NULL: out of memory.  Copies the settings; `desk` must outlive the file. */
struct log_file *log_file_new(struct log_desk *desk, const struct log_settings *settings);
/* Does not flush. */
void log_file_free(struct log_file *f);

/* Take over new settings.  Lines already held keep the form they have; a new header follows a change of fields. */
MUST_USE int log_file_configure(struct log_file *f, const struct log_settings *settings);

/* Add the line of a record if the site wants it. */
void log_file_append(struct log_file *f, const struct log_access *record, int64_t now);

/* Add a line to the reasons, which stand beside the log in a file of their own for each day. */
void log_file_append_reason(struct log_file *f, struct slice line);

/* Write out what is held.  0 also when nothing was. */
int log_file_flush(struct log_file *f);
bool log_file_is_dirty(const struct log_file *f);
