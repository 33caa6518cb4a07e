/* command_filter.c - see command_filter.h. */
#include "policy/command_filter.h"

static const struct {
    const char *verb, *means;
} synonyms[] = {
    { "XCUP", "CDUP" }, { "XCWD", "CWD" },  { "XMKD", "MKD" },  { "XPWD", "PWD" },
    { "XRMD", "RMD" },  { "MLSD", "LIST" }, { "MLST", "LIST" }, { "MFMT", "STOR" },
};

enum verdict { UNLISTED, ALLOWED, REFUSED };

static enum verdict listed(const struct snapshot *s, const struct snap_site *site, struct slice verb, struct reason *why)
{
    enum verdict verdict = UNLISTED;
    for (uint32_t i = 0; i < site->commands.count; i++) {
        const struct snap_command *row = snapshot_command(s, site->commands.first + i);
        if (!row || !slice_equal_fold(slice_trim(snapshot_text(s, row->command)), verb))
            continue;
        reason_set(why, row->source, "commandFiltering %s " SLICE_FMT, row->allowed ? "allows" : "denies",
                   SLICE_ARG(slice_first(verb, 32)));
        if (!row->allowed)
            return REFUSED;
        verdict = ALLOWED;
    }
    return verdict;
}

bool command_filter_allows(const struct snapshot *s, const struct snap_site *site, struct slice verb, struct reason *why)
{
    enum verdict verdict = listed(s, site, verb, why);
    for (size_t i = 0; verdict == UNLISTED && i < sizeof synonyms / sizeof synonyms[0]; i++)
        if (slice_equal_fold_str(verb, synonyms[i].verb))
            verdict = listed(s, site, slice_str(synonyms[i].means), why);
    if (verdict == UNLISTED)
        reason_set(why, snapshot_origin_of(s, site->origins, offsetof(struct snap_site, allow_unlisted_commands)),
                   SLICE_FMT " is not listed, and commandFiltering/@allowUnlisted is %s", SLICE_ARG(slice_first(verb, 32)),
                   site->allow_unlisted_commands ? "true" : "false");
    return verdict == UNLISTED ? site->allow_unlisted_commands : verdict == ALLOWED;
}
