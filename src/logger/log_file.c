/*
 * log_file.c - see log_file.h.
 *
 * The header block is due at the start of the service, when the fields change and at the top of every file.  The first
 * two are put among the lines, in order; the last is put in front of them when the file turns out to be empty.
 */
#include "logger/log_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/write_all.h"
#include "snapshot/snapshot.h"

enum { REASONS_MAX = 64 * 1024 * 1024 }; /* of one day: what more comes is counted as lost */
enum { KEPT_CAPACITY = 8 * 1024 }; /* of a file with nothing held: there may be ten thousand */

struct log_file {
    struct log_desk *desk;
    struct log_settings settings; /* its slices point into the two texts below */
    char *folder, *computer;
    struct text lines, name;
    struct text reasons;          /* held lines of the reasons */
    int64_t named_second;         /* when `name` was last made */
    struct w3c_style first_style; /* of the first held line: for the header of a fresh file */
    int64_t first_time;
    size_t line_count, reason_count;
    uint32_t number;              /* of the current file in MaxSize, 0 not known yet */
    bool header_due;
    int failed_errno;             /* of the last flush, 0 when it worked */
    uint64_t dropped;             /* since writing failed */
};

/* ---- settings ---- */

static char *copy_of(struct slice s)
{
    char *copy = malloc(s.len + 1);
    if (copy) {
        memcpy(copy, s.len ? s.ptr : "", s.len);
        copy[s.len] = 0;
    }
    return copy;
}

static MUST_USE int take_settings(struct log_file *f, const struct log_settings *settings)
{
    OWNED_TEXT folder = copy_of(settings->folder);
    OWNED_TEXT computer = copy_of(settings->style.computer);
    if (!folder || !computer)
        return ERR_NOMEM;
    free(f->folder);
    free(f->computer);
    f->settings = *settings;
    f->folder = text_take(&folder);
    f->computer = text_take(&computer);
    f->settings.folder = slice_str(f->folder);
    f->settings.style.computer = slice_str(f->computer);
    f->settings.style.fields &= w3c_known_fields();
    return 0;
}

struct log_file *log_file_new(struct log_desk *desk, const struct log_settings *settings)
{
    struct log_file *f = calloc(1, sizeof *f);
    if (!f || take_settings(f, settings)) {
        free(f);
        return NULL;
    }
    f->desk = desk;
    f->header_due = true;
    return f;
}

static void report_outcome(struct log_file *f, int errnum)
{
    if (errnum != f->failed_errno && f->desk->outcome)
        f->desk->outcome(f->desk->context, f->settings.site, errnum);
    f->failed_errno = errnum;
}

void log_file_free(struct log_file *f)
{
    if (!f)
        return;
    report_outcome(f, 0);
    f->desk->held -= f->lines.len + f->reasons.len;
    f->desk->dropped += f->line_count + f->reason_count;
    text_free(&f->lines);
    text_free(&f->reasons);
    text_free(&f->name);
    free(f->folder);
    free(f->computer);
    free(f);
}

static bool same_target(const struct log_settings *a, const struct log_settings *b)
{
    return slice_equal(a->folder, b->folder) && a->rule.period == b->rule.period && a->rule.utf8 == b->rule.utf8 &&
           a->local_time == b->local_time;
}

int log_file_configure(struct log_file *f, const struct log_settings *settings)
{
    struct log_settings wanted = *settings;
    wanted.style.fields &= w3c_known_fields();
    bool moves = !same_target(&f->settings, &wanted);
    bool new_form = f->settings.style.fields != wanted.style.fields || f->settings.style.utf8 != wanted.style.utf8;
    if (moves)
        log_file_flush(f);
    int err = take_settings(f, &wanted);
    if (err)
        return err;
    if (moves) {
        text_reset(&f->name);
        f->number = 0;
    }
    f->header_due |= moves || new_form;
    return 0;
}

/* ---- telling ---- */

static void tell(struct log_file *f, unsigned level, const char *fmt, ...) FORMAT_LIKE_PRINTF(3, 4);
static void tell(struct log_file *f, unsigned level, const char *fmt, ...)
{
    OWNED_TEXT_BUFFER line = { .max = 4096 };
    va_list args;
    va_start(args, fmt);
    text_addv(&line, fmt, args);
    va_end(args);
    if (f->desk->tell)
        f->desk->tell(f->desk->context, level, text_slice(&line));
}

/* Once when writing begins to fail, or fails for another reason; once when it works again. */
static void note_outcome(struct log_file *f, int errnum)
{
    if (errnum && errnum != f->failed_errno)
        tell(f, LOG_LEVEL_ERROR, "cannot write the log %s/%s: %s; lines are kept in memory, then dropped", f->folder,
             text_str(&f->name), strerror(errnum));
    if (!errnum && f->failed_errno) {
        tell(f, LOG_LEVEL_WARNING, "the log %s/%s is written again; %llu lines were lost", f->folder,
             text_str(&f->name), (unsigned long long)f->dropped);
        f->dropped = 0;
    }
    report_outcome(f, errnum);
}

/* ---- writing ---- */

/* The folder, made if only it is missing.  -1 with errno. */
static int open_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && mkdir(path, 0750) == 0)
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd;
}

/* The largest number among the files of MaxSize, 1 when there is none. */
static uint32_t last_number(int folder, const struct w3c_file_rule *rule)
{
    uint32_t last = 1;
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        if (fd >= 0)
            close(fd);
        return last;
    }
    for (const struct dirent *e; (e = readdir(d));) {
        uint32_t number = w3c_file_number(rule, slice_str(e->d_name));
        last = number > last ? number : last;
    }
    closedir(d);
    return last;
}

/* No link is followed and nothing but a regular file is written: whoever may write to the folder must not be able to
 * direct lines elsewhere or make us wait on a pipe. */
static int open_log(int folder, const char *name, off_t *size_out)
{
    struct stat st;
    OWNED_FD fd = openat(folder, name, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0640);
    if (fd < 0 || fstat(fd, &st) < 0)
        return -1;
    if (!S_ISREG(st.st_mode)) {
        errno = EINVAL;
        return -1;
    }
    *size_out = st.st_size;
    return fd_take(&fd);
}

static void name_number(struct log_file *f)
{
    text_reset(&f->name);
    w3c_file_name(&f->settings.rule, &(struct tm){ 0 }, f->number, &f->name);
}

/* The file the held lines go to; in MaxSize the next one when they would not fit. */
static int open_target(struct log_file *f, off_t *size_out)
{
    OWNED_FD folder = open_folder(f->folder);
    if (folder < 0)
        return -1;
    if (f->settings.rule.period != LOG_PERIOD_MAX_SIZE)
        return open_log(folder, text_str(&f->name), size_out);

    if (!f->number)
        f->number = last_number(folder, &f->settings.rule);
    for (;;) {
        name_number(f);
        OWNED_FD fd = open_log(folder, text_str(&f->name), size_out);
        if (fd < 0)
            return -1;
        bool fits = (uint64_t)*size_out + f->lines.len <= f->settings.truncate_size;
        if (*size_out == 0 || fits || f->number == UINT32_MAX)
            return fd_take(&fd);
        f->number++;
    }
}

/* All bytes or none: a line that was cut would be joined to the next one. */
static int write_whole(int fd, struct slice bytes, off_t size_before)
{
    if (write_all(fd, bytes))
        return 0;
    int errnum = errno;
    return ftruncate(fd, size_before) < 0 ? errno : errnum;
}

/* A logger that was killed may have left a line without an end: nothing is joined to it. */
static bool is_torn(int fd, off_t size)
{
    char last;
    return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

static int append_whole(int fd, struct slice bytes, off_t size)
{
    int errnum = is_torn(fd, size) ? write_whole(fd, SLICE_LITERAL("\n"), size) : 0;
    return errnum ? errnum : write_whole(fd, bytes, size);
}

static void put_header_in_front(struct log_file *f)
{
    OWNED_TEXT_BUFFER header = { 0 };
    if (f->lines.ptr[0] == '#')
        return;
    w3c_header(&f->first_style, f->first_time, &header);
    size_t before = f->lines.len;
    text_splice(&f->lines, 0, 0, text_slice(&header));
    f->desk->held += f->lines.len - before;
}

static int write_held(struct log_file *f)
{
    off_t size = 0;
    OWNED_FD fd = open_target(f, &size);
    if (fd < 0)
        return errno;
    if (size == 0)
        put_header_in_front(f);
    return append_whole(fd, text_slice(&f->lines), size);
}

/* The reasons are for looking things up: what cannot be written is dropped and counted, and nothing waits for it. */
static void write_reasons(struct log_file *f)
{
    struct tm tm = { 0 };
    time_t now = time(NULL);
    OWNED_TEXT_BUFFER name = { 0 };
    off_t size = 0;
    if (!f->reasons.len)
        return;
    gmtime_r(&now, &tm);
    text_addf(&name, "reasons_ex%02d%02d%02d.jsonl", tm.tm_year % 100, tm.tm_mon + 1, tm.tm_mday);
    OWNED_FD folder = open_folder(f->folder);
    OWNED_FD fd = folder < 0 ? -1 : open_log(folder, text_str(&name), &size);
    bool fits = fd >= 0 && size + (off_t)f->reasons.len <= REASONS_MAX;
    if (!fits || append_whole(fd, text_slice(&f->reasons), size))
        f->desk->dropped += f->reason_count;
    f->desk->held -= f->reasons.len;
    f->reason_count = 0;
    text_free(&f->reasons);
}

static int flush_lines(struct log_file *f)
{
    if (!f->lines.len)
        return 0;
    int errnum = write_held(f);
    note_outcome(f, errnum);
    if (errnum)
        return err_from_errno(errnum);
    f->desk->held -= f->lines.len;
    f->line_count = 0;
    text_reset(&f->lines);
    if (f->lines.cap > KEPT_CAPACITY)
        text_free(&f->lines);
    return 0;
}

int log_file_flush(struct log_file *f)
{
    write_reasons(f);
    return flush_lines(f);
}

bool log_file_is_dirty(const struct log_file *f)
{
    return f->lines.len > 0 || f->reasons.len > 0;
}

/* ---- appending ---- */

/* Held lines belong to the file they were written under, so they leave before the name changes. */
static void roll_over(struct log_file *f, int64_t now)
{
    if (f->settings.rule.period == LOG_PERIOD_MAX_SIZE)
        return;
    OWNED_TEXT_BUFFER name = { 0 };
    struct tm tm = { 0 };
    time_t seconds = (time_t)(now / 1000);
    if (f->name.len && f->named_second == seconds)
        return;
    f->named_second = seconds;
    if (f->settings.local_time)
        localtime_r(&seconds, &tm);
    else
        gmtime_r(&seconds, &tm);
    w3c_file_name(&f->settings.rule, &tm, 0, &name);
    if (text_error(&name) || slice_equal(text_slice(&name), text_slice(&f->name)))
        return;
    if (f->name.len)
        log_file_flush(f);
    text_reset(&f->name);
    text_add(&f->name, text_slice(&name));
}

static void drop_line(struct log_file *f)
{
    f->dropped++;
    f->desk->dropped++;
}

static bool has_room(const struct log_file *f)
{
    return f->lines.len < f->desk->file_max && f->desk->held < f->desk->held_max;
}

void log_file_append_reason(struct log_file *f, struct slice line)
{
    if (f->reasons.len + line.len > f->desk->file_max || f->desk->held > f->desk->held_max) {
        f->desk->dropped++;
        return;
    }
    size_t before = f->reasons.len;
    text_add(&f->reasons, line);
    f->reason_count++;
    if (text_error(&f->reasons)) {
        f->reasons.err = 0;
        f->reasons.len = before;
        f->reason_count--;
        f->desk->dropped++;
    }
    f->desk->held += f->reasons.len - before;
}

void log_file_append(struct log_file *f, const struct log_access *record, int64_t now)
{
    if (!w3c_is_wanted(f->settings.selective, record) || !f->settings.style.fields)
        return;
    roll_over(f, now);
    if (!has_room(f) && (f->failed_errno || flush_lines(f))) {
        drop_line(f);
        return;
    }
    size_t before = f->lines.len;
    if (!before) {
        f->first_style = f->settings.style;
        f->first_style.computer = SLICE_NONE; /* may be replaced before the header is printed */
        f->first_time = now;
    }
    if (f->header_due)
        w3c_header(&f->settings.style, now, &f->lines);
    w3c_line(&f->settings.style, record, &f->lines);
    if (text_error(&f->lines)) {
        f->lines.err = 0; /* out of memory for this line only */
        f->lines.len = before;
        drop_line(f);
        return;
    }
    f->header_due = false;
    f->line_count++;
    f->desk->held += f->lines.len - before;
}
