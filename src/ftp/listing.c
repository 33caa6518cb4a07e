/*
 * listing.c - the line formats, one function per style.
 *
 * Columns were measured on transcripts of IIS (ftp-behaviour 8): the size of an MS-DOS file line ends where "<DIR>"
 * plus its blanks end, hours of UNIX lines are padded with a blank, not a zero.
 */
#include "ftp/listing.h"

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

static void dos_line(struct text *out, unsigned flags, const struct listing_entry *e)
{
    struct tm tm = broken_down(e->mtime, flags & LIST_GMT);
    int hour = tm.tm_hour % 12 == 0 ? 12 : tm.tm_hour % 12;
    text_addf(out, "%02d-%02d-", tm.tm_mon + 1, tm.tm_mday);
    if (flags & LIST_LONG_DATE)
        text_addf(out, "%04lld", year_of(&tm));
    else
        text_addf(out, "%02lld", (year_of(&tm) % 100 + 100) % 100);
    text_addf(out, "  %02d:%02d%s", hour, tm.tm_min, tm.tm_hour < 12 ? "AM" : "PM");
    if (e->is_directory)
        text_add_str(out, "       <DIR>          ");
    else
        text_addf(out, "%21llu ", (unsigned long long)e->size);
    text_add_escaped(out, e->name);
}

static void unix_line(struct text *out, unsigned flags, const struct listing_entry *e, int64_t now)
{
    struct tm tm = broken_down(e->mtime, flags & LIST_GMT);
    struct tm today = broken_down(now, flags & LIST_GMT);
    text_addf(out, "%c%s   1 owner    group%16llu %s %2d ", e->is_directory ? 'd' : '-',
              e->may_write ? "rwxrwxrwx" : "r-xr-xr-x", e->is_directory ? 0ULL : (unsigned long long)e->size,
              months[tm.tm_mon], tm.tm_mday);
    if (tm.tm_year == today.tm_year)
        text_addf(out, "%2d:%02d ", tm.tm_hour, tm.tm_min);
    else
        text_addf(out, " %4lld ", year_of(&tm));
    text_add_escaped(out, e->name);
}

static void add_stamp(struct text *out, const char *fact, int64_t seconds)
{
    struct tm tm = broken_down(seconds, true);
    text_addf(out, "%s=%04lld%02d%02d%02d%02d%02d;", fact, year_of(&tm), tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
              tm.tm_min, tm.tm_sec);
}

/* RFC 3659 7.5.5: what the reader could do, in the letters of the standard. */
static void add_perm(struct text *out, const struct listing_entry *e)
{
    text_add_str(out, "perm=");
    if (e->is_directory)
        text_addf(out, "%s%s", e->may_write ? "cdefmp" : "e", e->may_read ? "l" : "");
    else
        text_addf(out, "%s%s", e->may_write ? "adfw" : "", e->may_read ? "r" : "");
    text_add_char(out, ';');
}

static void facts_line(struct text *out, const struct listing_entry *e)
{
    text_addf(out, "type=%s;", e->is_directory ? "dir" : "file");
    if (!e->is_directory)
        text_addf(out, "size=%llu;", (unsigned long long)e->size);
    add_stamp(out, "modify", e->mtime);
    if (e->has_created)
        add_stamp(out, "create", e->created);
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
