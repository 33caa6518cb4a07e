/*
 * listing.c - the line formats, one function per style.
 *
 * Columns were measured on transcripts of IIS (ftp-behaviour 8): the size of an MS-DOS file line ends where "<DIR>"
 * plus its blanks end, hours of UNIX lines are padded with a blank, not a zero.
 */
#include "ftp/listing.h"

#include <stdlib.h>
#include <time.h>

static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

/* A time that the calendar cannot hold (a year beyond int) shows as the epoch. */
static struct tm broken_down(int64_t seconds, bool gmt)
{
    struct tm tm = { .tm_mday = 1, .tm_year = 70 };
    time_t t = (time_t)seconds, epoch = 0;
    if (!(gmt ? gmtime_r(&t, &tm) : localtime_r(&t, &tm)))
        gmtime_r(&epoch, &tm);
    return tm;
}

static long long year_of(const struct tm *tm)
{
    return 1900LL + tm->tm_year;
}

/* A long listing is mostly numbers: printf would be a third of its cost. */
static void add_two(struct text *out, int value)
{
    text_add_number(out, (uint64_t)value, 2, '0');
}

static void add_year(struct text *out, const struct tm *tm)
{
    if (year_of(tm) < 0)
        text_add_char(out, '-');
    text_add_number(out, (uint64_t)llabs(year_of(tm)), 4, '0');
}

static void add_size(struct text *out, uint64_t size, unsigned width)
{
    text_add_number(out, size, width, ' ');
    text_add_char(out, ' ');
}

static void dos_line(struct text *out, unsigned flags, const struct listing_entry *e)
{
    struct tm tm = broken_down(e->mtime, flags & LIST_GMT);
    int hour = tm.tm_hour % 12 == 0 ? 12 : tm.tm_hour % 12;
    add_two(out, tm.tm_mon + 1);
    text_add_char(out, '-');
    add_two(out, tm.tm_mday);
    text_add_char(out, '-');
    if (flags & LIST_LONG_DATE)
        add_year(out, &tm);
    else
        add_two(out, (int)((year_of(&tm) % 100 + 100) % 100));
    text_add_str(out, "  ");
    add_two(out, hour);
    text_add_char(out, ':');
    add_two(out, tm.tm_min);
    text_add_str(out, tm.tm_hour < 12 ? "AM" : "PM");
    if (e->is_directory)
        text_add_str(out, "       <DIR>          ");
    else
        add_size(out, e->size, 21);
    text_add_escaped(out, e->name);
}

static void unix_line(struct text *out, unsigned flags, const struct listing_entry *e, int64_t now)
{
    struct tm tm = broken_down(e->mtime, flags & LIST_GMT);
    struct tm today = broken_down(now, flags & LIST_GMT);
    text_add_char(out, e->is_directory ? 'd' : '-');
    text_add_str(out, e->may_write ? "rwxrwxrwx" : "r-xr-xr-x");
    text_add_str(out, "   1 owner    group");
    add_size(out, e->is_directory ? 0 : e->size, 16);
    text_add_str(out, months[tm.tm_mon]);
    text_add_char(out, ' ');
    add_size(out, (uint64_t)tm.tm_mday, 2);
    if (tm.tm_year == today.tm_year) {
        text_add_number(out, (uint64_t)tm.tm_hour, 2, ' ');
        text_add_char(out, ':');
        add_two(out, tm.tm_min);
        text_add_char(out, ' ');
    } else {
        text_addf(out, " %4lld ", year_of(&tm));
    }
    text_add_escaped(out, e->name);
}

static void add_stamp(struct text *out, const char *fact, int64_t seconds)
{
    struct tm tm = broken_down(seconds, true);
    const int rest[] = { tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec };
    text_add_str(out, fact);
    add_year(out, &tm);
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++)
        add_two(out, rest[i]);
    text_add_char(out, ';');
}

/* RFC 3659 7.5.5: what the reader could do, in the letters of the standard. */
static void add_perm(struct text *out, const struct listing_entry *e)
{
    text_add_str(out, "perm=");
    if (e->is_directory) {
        text_add_str(out, e->may_write ? "cdefmp" : "e");
        text_add_str(out, e->may_read ? "l;" : ";");
    } else {
        text_add_str(out, e->may_write ? "adfw" : "");
        text_add_str(out, e->may_read ? "r;" : ";");
    }
}

static void facts_line(struct text *out, const struct listing_entry *e)
{
    text_add_str(out, e->is_directory ? "type=dir;" : "type=file;size=");
    if (!e->is_directory) {
        text_add_number(out, e->size, 0, ' ');
        text_add_char(out, ';');
    }
    add_stamp(out, "modify=", e->mtime);
    if (e->has_created)
        add_stamp(out, "create=", e->created);
    add_perm(out, e);
    if (e->inode)
        text_addf(out, "unique=%llxg%llx;", (unsigned long long)e->device, (unsigned long long)e->inode);
    text_addf(out, "UNIX.mode=%04o; ", e->mode & 07777u);
    text_add_escaped(out, e->name);
}

void listing_line(struct text *out, unsigned flags, const struct listing_entry *e, struct slice prefix, int64_t now)
{
    switch (flags & LIST_STYLE_MASK) {
    case LIST_STYLE_DOS:
        dos_line(out, flags, e);
        break;
    case LIST_STYLE_UNIX:
        unix_line(out, flags, e, now);
        break;
    case LIST_STYLE_FACTS:
        facts_line(out, e);
        break;
    default:
        text_add_escaped(out, prefix);
        text_add_escaped(out, e->name);
    }
    text_add_str(out, "\r\n");
}
