/*
 * rule_names.c - authorization rules for OLDPC\alice on a machine of another name.
 *
 * A configuration that moved keeps the names of the machine, or of the domain, that it came from.  Such a rule means nobody
 * here: an Allow is missed soon, a Deny by nobody.  Each is told once, where it is written, however many sites inherit it.
 */
#include "loader/compile_priv.h"

static bool is_one_of(struct slice name, const struct slice *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (names[i].len && slice_equal_fold(name, names[i]))
            return true;
    return false;
}

/* False where we cannot know: the directory tells its names itself when they are not configured. */
static bool is_nowhere(struct compiler *c, struct slice domain)
{
    struct conf_element *e = compile_element(c, "sallyport/directory", SLICE_NONE);
    bool has_directory = e && slice_trim(conf_text(e, "servers")).len;
    const struct slice ours[] = {
        c->in->machine, SLICE_LITERAL("."), SLICE_LITERAL("NT AUTHORITY"),
        has_directory ? conf_text(e, "domain") : SLICE_NONE, has_directory ? conf_text(e, "dnsDomain") : SLICE_NONE,
    };
    if (!c->in->machine.len || (has_directory && (!ours[3].len || !ours[4].len)))
        return false;
    return !is_one_of(domain, ours, sizeof ours / sizeof ours[0]);
}

static struct slice strange_name(struct compiler *c, struct slice names)
{
    while (names.ptr && names.len) {
        struct slice name = slice_trim(slice_cut(&names, ','));
        size_t backslash = slice_find(name, '\\');
        if (backslash != SIZE_MAX && is_nowhere(c, slice_first(name, backslash)))
            return name;
    }
    return SLICE_NONE;
}

static void check(struct compiler *c, struct conf_element *rule)
{
    bool deny = conf_number(rule, "accessType") == 1;
    static const char *const lists[] = { "users", "roles" };
    for (size_t i = 0; i < 2; i++) {
        struct slice name = strange_name(c, conf_text(rule, lists[i]));
        struct diag d = { 0 };
        if (!name.len)
            continue;
        struct slice shown = slice_first(name, 100), domain = slice_first(shown, slice_find(name, '\\'));
        compile_place(rule, lists[i], &d);
        diag_set(&d, "the %s rule for \"" SLICE_FMT "\" means nobody: \"" SLICE_FMT "\" is neither this machine (" SLICE_FMT
                 ") nor a domain of sallyport/directory", deny ? "Deny" : "Allow", SLICE_ARG(shown), SLICE_ARG(domain),
                 SLICE_ARG(c->in->machine));
        diag_todo(&d, "Put \"" SLICE_FMT "\" or the domain in its place, leave it out for an IIS Manager user or a member, or take "
                  "the rule away.", SLICE_ARG(c->in->machine));
        report_add(c->report, LOADER_WARNING, 0, &d);
    }
}

void rule_names_check(struct compiler *c, struct conf_element *section)
{
    for (size_t i = 0; section && i < conf_count(section); i++)
        if (conf_is_local(conf_item(section, i)))
            check(c, conf_item(section, i));
}
