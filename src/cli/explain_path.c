/* explain_path.c - the checks of one command and its path, by the steps of the service. */
#include "cli/explain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/own.h"
#include "broker/fixed.h"
#include "broker/standing.h"
#include "broker/judge.h"
#include "broker/verbs.h"
#include "ftp/command.h"
#include "policy/channel_policy.h"
#include "policy/command_filter.h"
#include "policy/request_filter.h"
#include "policy/vpath.h"
#include "policy/win_error.h"

/* What each verb asks of the broker. */
static const struct {
    unsigned handler, broker_verb;
} asked[] = {
    { DO_appe, BROKER_APPEND },      { DO_cdup, BROKER_CHDIR },      { DO_cwd, BROKER_CHDIR },   { DO_dele, BROKER_DELETE },
    { DO_list, BROKER_LIST },        { DO_mdtm, BROKER_STAT },       { DO_mfmt, BROKER_SET_TIME }, { DO_mkd, BROKER_MKDIR },
    { DO_mlsd, BROKER_LIST },        { DO_mlst, BROKER_STAT },       { DO_nlst, BROKER_LIST },   { DO_retr, BROKER_OPEN_READ },
    { DO_rmd, BROKER_RMDIR },        { DO_rnfr, BROKER_RENAME_FROM }, { DO_rnto, BROKER_RENAME_TO }, { DO_size, BROKER_STAT },
    { DO_stat, BROKER_STAT },        { DO_stor, BROKER_UPLOAD },     { DO_stou, BROKER_UPLOAD_UNIQUE },
};

unsigned explain_broker_verb(unsigned handler)
{
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
        if (asked[i].handler == handler)
            return asked[i].broker_verb;
    return 0;
}

static unsigned extensions(const struct explain *e)
{
    const struct snap_server *server = snapshot_server(e->s, 0);
    return (server->ext_mlst ? 1u << EXT_MLST : 0) | (server->ext_mfmt ? 1u << EXT_MFMT : 0) |
           (server->ext_tvfs ? 1u << EXT_TVFS : 0) | (server->ext_epsv ? 1u << EXT_EPSV : 0);
}

static void check_filter(struct explain *e)
{
    struct reason why = { 0 };
    bool allowed = command_filter_allows(e->s, e->site, e->verb, &why);
    explain_say(e, "commandFiltering", allowed ? EXPLAIN_OK : EXPLAIN_REFUSED, SUB_COMMAND_FILTERING, &why);
}

static void check_command(struct explain *e, const struct command *row)
{
    struct reason why = { 0 };
    bool needs = row->argument == ARG_TEXT || row->argument == ARG_PATH;
    explain_sayf(e, "login state", row->phases & PHASE_READY ? EXPLAIN_OK : EXPLAIN_REFUSED, 0, "%s is %s after the login", row->verb,
                 row->phases & PHASE_READY ? "taken" : "refused");
    unsigned refused = row->flags & CMD_CLEAR ? 0 : channel_policy_command(e->site, e->s, e->is_secure, &why);
    explain_say(e, "TLS policy", refused ? EXPLAIN_REFUSED : EXPLAIN_OK, refused, &why);
    bool has_right_count = e->path ? row->argument != ARG_NONE : !needs;
    explain_sayf(e, "argument count", has_right_count ? EXPLAIN_OK : EXPLAIN_REFUSED, 0, "%s argument was given, as --path",
                 e->path ? "an" : "no");
    if (!(row->flags & CMD_OPENS_DATA))
        return;
    refused = channel_policy_data(e->site, e->s, e->is_secure, &why);
    explain_say(e, "data channel", refused ? EXPLAIN_REFUSED : EXPLAIN_OK, refused, &why);
}

/* Opens what stands there, or the folder that a new name goes into, as the account would; changes nothing. */
static int look(const struct place *p, struct judge_verb verb)
{
    char name[PLACE_NAME_MAX + 1];
    OWNED_FD fd = -1;
    bool writes = verb.needs == NEEDS_WRITE && (verb.takes & TAKES_NAME);
    int err = writes ? place_open_parent(p, &fd, name) : place_open(p, O_PATH, &fd);
    if (err)
        return err;
    OWNED_FD real = writes ? open_beneath(fd, ".", O_RDONLY | O_DIRECTORY) : -1;
    if (writes && faccessat(real >= 0 ? real : fd, real >= 0 ? "." : "", W_OK | X_OK, AT_EACCESS | (real >= 0 ? 0 : AT_EMPTY_PATH)) < 0)
        return place_error(errno);
    return 0;
}

static void check_files(struct explain *e, struct judge *j)
{
    struct shared_identity *owner = NULL;
    int err = fixed_of_place(e->fixed, j->place, &owner);
    const struct identity *who = owner ? &owner->who : &e->as->identity;
    if (!err)
        err = identity_take(who);
    if (!err) {
        err = place_enter(j->place);
        if (!err)
            err = look(j->place, j->verb);
        identity_restore(who);
    }
    shared_identity_unref(owner);
    explain_sayf(e, "file system", err ? EXPLAIN_REFUSED : EXPLAIN_OK, verbs_substatus(err), "%s%s",
                 err ? err_text(err) : "the account may", err == ERR_NOT_FOUND || err == ERR_PATH ? ": nothing of that name" : "");
}

static void check_size(struct explain *e, const struct judge *j)
{
    uint64_t limit = request_filter_size_limit(e->s, e->site, j->place->path);
    if (j->verb.needs != NEEDS_WRITE || !(j->verb.takes & TAKES_FILE))
        return;
    if (limit == UINT64_MAX)
        explain_sayf(e, "content length", EXPLAIN_OK, 0, "maxAllowedContentLength sets no limit");
    else
        explain_sayf(e, "content length", EXPLAIN_NOT_ASKED, 0, "a file may have %llu bytes at most (maxAllowedContentLength)",
                     (unsigned long long)limit);
}

static void check_place(struct explain *e, struct slice path, struct judge_verb verb)
{
    OWNED_PLACE place = PLACE_NONE;
    struct judge j = { .snapshot = e->s, .site = e->site, .path = path, .view = standing_view(e->as),
                       .who = standing_subject(e->as), .client = e->from, .verb = verb, .place = &place };
    for (size_t i = 0; i < judge_step_count; i++) {
        struct reason why = { 0 };
        if (!e->from.family && strcmp(judge_steps[i].name, "ipSecurity") == 0) {
            explain_sayf(e, judge_steps[i].name, EXPLAIN_NOT_ASKED, 0, "no --from ADDRESS was given");
            continue;
        }
        j.substatus = 0;
        int err = judge_steps[i].check(&j, &why);
        explain_say(e, judge_steps[i].name, err ? EXPLAIN_REFUSED : EXPLAIN_OK, j.substatus ? j.substatus : verbs_substatus(err), &why);
        if (err && (i == 0 || (!place.directory && !place.physical.len)))
            return; /* the steps that follow have nothing to look at */
    }
    check_files(e, &j);
    check_size(e, &j);
}

int explain_path(struct explain *e)
{
    OWNED_TEXT_BUFFER path = { 0 };
    if (!e->verb.len)
        e->verb = SLICE_LITERAL("LIST");
    const struct command *row = command_find(e->verb, extensions(e));
    if (!row)
        return cli_error(e->c, EXIT_BAD_PARAMETER, "\"" SLICE_FMT "\" is no command of this server.", SLICE_ARG(e->verb));
    check_filter(e);
    check_command(e, row);
    unsigned verb = explain_broker_verb(row->handler);
    if (!verb)
        return EXIT_OK;
    struct slice typed = row->handler == DO_cdup ? SLICE_LITERAL("..") : slice_str(e->path ? e->path : "");
    int err = vpath_resolve(text_slice(&e->as->start), typed, &path);
    if (err) {
        explain_sayf(e, "path", EXPLAIN_REFUSED, SUB_FILE_ERROR, "%s", err_text(err));
        return EXIT_OK;
    }
    check_place(e, text_slice(&path), judge_verb(verb));
    return EXIT_OK;
}
