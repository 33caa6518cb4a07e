/*
 * judge.c - see judge.h.
 *
 * A step may be asked twice: reasons cost text, so they are made only when a request is refused.
 */
#include "broker/judge.h"

#include "policy/address_rules.h"
#include "policy/request_filter.h"
#include "policy/win_error.h"

static const struct judge_verb verbs[BROKER_VERB_MAX + 1] = {
    [BROKER_STAT] =          { NEEDS_READ,    TAKES_PATH },
    [BROKER_CHDIR] =         { NEEDS_ANY,     TAKES_PATH },
    [BROKER_OPEN_READ] =     { NEEDS_READ,    TAKES_PATH | TAKES_FILE },
    [BROKER_UPLOAD] =        { NEEDS_WRITE,   TAKES_PATH | TAKES_NAME | TAKES_FILE },
    [BROKER_APPEND] =        { NEEDS_WRITE,   TAKES_PATH | TAKES_NAME | TAKES_FILE },
    [BROKER_UPLOAD_UNIQUE] = { NEEDS_WRITE,   TAKES_PATH },
    [BROKER_COMMIT] =        { NEEDS_NOTHING, 0 },
    [BROKER_ABANDON] =       { NEEDS_NOTHING, 0 },
    [BROKER_LIST] =          { NEEDS_READ,    TAKES_PATH },
    [BROKER_LIST_NEXT] =     { NEEDS_NOTHING, 0 },
    [BROKER_LIST_END] =      { NEEDS_NOTHING, 0 },
    [BROKER_DELETE] =        { NEEDS_WRITE,   TAKES_PATH | TAKES_NAME | TAKES_FILE },
    [BROKER_MKDIR] =         { NEEDS_WRITE,   TAKES_PATH | TAKES_NAME },
    [BROKER_RMDIR] =         { NEEDS_WRITE,   TAKES_PATH | TAKES_NAME },
    [BROKER_RENAME_FROM] =   { NEEDS_WRITE,   TAKES_PATH | TAKES_NAME },
    [BROKER_RENAME_TO] =     { NEEDS_WRITE,   TAKES_PATH | TAKES_NAME | TAKES_BOTH_ENDS },
    [BROKER_SET_TIME] =      { NEEDS_WRITE,   TAKES_PATH | TAKES_NAME },
    [BROKER_FREE_SPACE] =    { NEEDS_ANY,     TAKES_PATH },
};

struct judge_verb judge_verb(unsigned broker_verb)
{
    return broker_verb <= BROKER_VERB_MAX ? verbs[broker_verb] : (struct judge_verb){ 0 };
}

static int refuse(struct judge *j, unsigned substatus)
{
    j->win32 = WIN_ACCESS_DENIED;
    j->substatus = substatus;
    return ERR_DENIED;
}

static int check_path(struct judge *j, struct reason *why)
{
    int err = place_look(j->place, j->snapshot, j->site, j->path, &j->view);
    reason_set(why, 0, err ? "%s" : "the path is canonical", err_text(err));
    return err;
}

static int check_filter(struct judge *j, struct reason *why)
{
    enum request_kind kind = j->verb.takes & TAKES_FILE ? REQUEST_FILE : REQUEST_ANY;
    unsigned substatus = request_filter_refuses(j->snapshot, j->site, j->place->path, kind, why);
    return substatus ? refuse(j, substatus) : 0;
}

static int check_address(struct judge *j, struct reason *why)
{
    return address_rules_allow_named(j->snapshot, j->site, j->place->path, &j->client, j->client_name, why) ? 0
                                                                                                       : refuse(j, SUB_IP_RESTRICTION);
}

/* Where nothing is mapped, whoever may do nothing there hears that first. */
static int check_mapping(struct judge *j, struct reason *why)
{
    j->map_error = place_map(j->place, &j->who);
    const struct snap_directory *d = j->place->directory;
    if (j->map_error && j->map_error != ERR_PATH)
        reason_set(why, 0, "%s", err_text(j->map_error));
    else if (d)
        reason_set(why, d->source, "lies in the directory \"" SLICE_FMT "\", " SLICE_FMT "%s" SLICE_FMT,
                   SLICE_ARG(slice_first(snapshot_text(j->snapshot, d->path), 80)),
                   SLICE_ARG(slice_first(snapshot_text(j->snapshot, d->linux_path), 80)), d->failure.len ? ": " : "",
                   SLICE_ARG(slice_first(snapshot_text(j->snapshot, d->failure), 120)));
    else if (j->place->physical.len)
        reason_set(why, 0, "lies in the home that the directory names, below " SLICE_FMT, SLICE_ARG(slice_first(j->place->physical, 120)));
    else
        reason_set(why, 0, "no directory of the site is mapped there");
    return j->map_error == ERR_PATH ? 0 : j->map_error;
}

static int check_authorization(struct judge *j, struct reason *why)
{
    bool any = j->verb.needs == NEEDS_ANY;
    unsigned wanted = any ? PERMISSION_READ | PERMISSION_WRITE : j->verb.needs, has = j->place->permissions;
    if (why)
        (void)authorization_allows(j->snapshot, j->site, j->place->path, &j->who, wanted, any, why);
    return (any ? has != 0 : (has & wanted) == wanted) ? 0 : refuse(j, authorization_substatus(j->site));
}

static int check_directory(struct judge *j, struct reason *why)
{
    if (j->map_error)
        return check_mapping(j, why) ? j->map_error : ERR_PATH;
    bool is_refused = (j->verb.takes & TAKES_NAME) && place_is_mapping(j->place);
    reason_set(why, j->place->directory ? j->place->directory->source : 0, is_refused ? "the root of a virtual directory cannot be written or removed itself"
                                                            : "is no root of a virtual directory, or is only read");
    return is_refused ? refuse(j, SUB_VIRTUAL_ROOT) : 0;
}

const struct judge_step judge_steps[] = {
    { "path",             check_path },
    { "requestFiltering", check_filter },
    { "ipSecurity",       check_address },
    { "mapping",          check_mapping },
    { "authorization",    check_authorization },
    { "virtual root",     check_directory },
};
const size_t judge_step_count = sizeof judge_steps / sizeof judge_steps[0];

int judge_place(struct judge *j, struct reason *why)
{
    for (size_t i = 0; i < judge_step_count; i++) {
        int err = judge_steps[i].check(j, NULL);
        if (err)
            return why ? judge_steps[i].check(j, why) : err;
    }
    return 0;
}
