/*
 * explain_session.c - `sallyport explain --session`: what the running service logged as reasons about one session.
 *
 * They stand beside the W3C logs, one file a day (logger/reason_line.h).  All folders of the configuration are looked
 * through, so the site need not be known.
 */
#include "cli/explain.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/own.h"
#include "cli/control_client.h"

struct search {
    struct cli *c;
    char pattern[64]; /* "session":"GUID" */
    size_t found, files, unreadable;
};

/* The value of a member of a line that reason_line.c wrote; "" when it has none. */
static struct slice member(struct slice line, const char *name)
{
    char key[64];
    int len = snprintf(key, sizeof key, "\"%s\":", name);
    const char *at = memmem(line.ptr, line.len, key, (size_t)len);
    if (!at)
        return SLICE_NONE;
    struct slice rest = slice_from(line, (size_t)(at - line.ptr) + (size_t)len);
    if (!rest.len || rest.ptr[0] != '"')
        return slice_first(rest, strcspn(rest.ptr, ",}"));
    size_t end = 1;
    while (end < rest.len && rest.ptr[end] != '"')
        end += rest.ptr[end] == '\\' ? 2 : 1;
    return slice_of(rest.ptr + 1, end < rest.len ? end - 1 : 0);
}

/* \" and \\ as they were; what else is escaped stays so, it would not be fit for a terminal. */
static void unescape(struct slice s, struct text *out)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\\' && i + 1 < s.len && (s.ptr[i + 1] == '"' || s.ptr[i + 1] == '\\'))
            i++;
        text_add_char(out, s.ptr[i]);
    }
}

static void show(struct search *s, struct slice line)
{
    OWNED_TEXT_BUFFER reason = { 0 }, path = { 0 };
    unescape(member(line, "reason"), &reason);
    unescape(member(line, "path"), &path);
    struct slice verb = member(line, "verb"), status = member(line, "status"), user = member(line, "user");
    cli_say(s->c, SLICE_FMT " site " SLICE_FMT " " SLICE_FMT "%s%s%s" SLICE_FMT " " SLICE_FMT "%s" SLICE_FMT ", sub-status " SLICE_FMT ": %s",
            SLICE_ARG(member(line, "time")), SLICE_ARG(member(line, "site")), SLICE_ARG(verb), path.len ? " " : "", text_str(&path),
            user.len ? " by " : "", SLICE_ARG(user), SLICE_ARG(member(line, "outcome")), status.len ? " with " : "", SLICE_ARG(status),
            SLICE_ARG(member(line, "substatus")), text_str(&reason));
    s->found++;
}

static void search_file(struct search *s, const char *path)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    struct stat st;
    OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK); /* the folder is the logger's: it may hold a pipe */
    FILE *f = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? fdopen(fd, "r") : NULL;
    s->files++;
    if (!f) {
        s->unreadable++;
        return;
    }
    (void)fd_take(&fd);
    while ((len = getline(&line, &cap, f)) > 0)
        if (memmem(line, (size_t)len, s->pattern, strlen(s->pattern)))
            show(s, slice_trim(slice_of(line, (size_t)len)));
    free(line);
    fclose(f);
}

static int is_reason_file(const struct dirent *e)
{
    return fnmatch("reasons_ex??????.jsonl", e->d_name, 0) == 0;
}

static void search_folder(struct search *s, struct slice folder, uint32_t site)
{
    struct dirent **entries;
    OWNED_TEXT_BUFFER path = { 0 };
    text_add(&path, folder);
    text_addf(&path, site ? "/FTPSVC%u" : "/FTPSVC", site);
    int count = folder.len ? scandir(text_str(&path), &entries, is_reason_file, alphasort) : -1;
    s->unreadable += folder.len && count < 0 && errno == EACCES;
    for (int i = 0; i < count; i++) {
        OWNED_TEXT_BUFFER file = { 0 };
        text_addf(&file, "%s/%s", text_str(&path), entries[i]->d_name);
        search_file(s, text_str(&file));
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

/* Eight, four, four, four and twelve hexadecimal digits, in either case. */
static bool take_guid(struct slice written, struct search *s)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    char guid[sizeof form] = "";
    if (written.len && written.ptr[0] == '{' && written.ptr[written.len - 1] == '}')
        written = slice_of(written.ptr + 1, written.len - 2);
    if (written.len != sizeof form - 1)
        return false;
    for (size_t i = 0; i < written.len; i++) {
        guid[i] = ascii_lower(written.ptr[i]);
        bool is_hex = (guid[i] >= '0' && guid[i] <= '9') || (guid[i] >= 'a' && guid[i] <= 'f');
        if (form[i] == '-' ? guid[i] != '-' : !is_hex)
            return false;
    }
    snprintf(s->pattern, sizeof s->pattern, "\"session\":\"%s\"", guid);
    return true;
}

int explain_session(struct cli *c, struct slice session, const struct snapshot *snapshot)
{
    struct search s = { .c = c };
    if (!take_guid(session, &s))
        return cli_error(c, EXIT_BAD_PARAMETER, "\"" SLICE_FMT "\" is no session id: it looks like x-session of the log, "
                         "3f0c9a52-6b1e-4d7f-9c28-51e0aa7734d6.", SLICE_ARG(session));
    struct control_answer answer; /* what is still held by a running service; without one the files are all there is */
    (void)!control_ask(c->directory, CONTROL_FLUSH_LOG, SLICE_LITERAL(""), NULL, NULL, &answer);
    for (size_t row = 0; row < snapshot_count(snapshot, SNAP_TABLE_site); row++) {
        const struct snap_site *site = snapshot_site(snapshot, row);
        search_folder(&s, snapshot_text(snapshot, site->log_path), site->id);
    }
    search_folder(&s, snapshot_text(snapshot, snapshot_server(snapshot, 0)->central_log_path), 0);
    if (s.unreadable)
        cli_say(c, "WARNING ( message:%zu files or folders of reasons cannot be read by this user )", s.unreadable);
    if (s.found)
        return EXIT_OK;
    return cli_failed(c, EXIT_NOT_FOUND, "No reason was logged under session " SLICE_FMT ": nothing was refused, nobody logged in, "
                      "or the site does not log (%zu files searched).", SLICE_ARG(session), s.files);
}
