/* facts.c - choosing facts. */
#include "ftp/facts.h"

#define F(name) name,
static const char *const names[FACTS_COUNT] = { FACTS(F) };
#undef F

static unsigned fact_bit(struct slice name)
{
    for (unsigned i = 0; i < FACTS_COUNT; i++)
        if (slice_equal_fold_str(name, names[i]))
            return 1u << i;
    return 0;
}

unsigned facts_parse(struct slice list)
{
    unsigned chosen = 0;
    struct slice rest = slice_trim(list);
    while (rest.ptr && rest.len)
        chosen |= fact_bit(slice_cut(&rest, ';'));
    return chosen;
}

void facts_print(unsigned chosen, bool all_with_stars, struct text *out)
{
    for (unsigned i = 0; i < FACTS_COUNT; i++) {
        bool on = chosen & (1u << i);
        if (on || all_with_stars)
            text_addf(out, "%s%s;", names[i], on && all_with_stars ? "*" : "");
    }
}

/* The facts end at the first blank: no value contains one (RFC 3659 section 7.2). */
static void filter_line(struct slice line, unsigned chosen, struct text *out)
{
    struct slice name = line;
    struct slice facts = slice_cut(&name, ' ');
    while (facts.ptr && facts.len) {
        struct slice fact = slice_cut(&facts, ';');
        struct slice value = fact;
        if (!(fact_bit(slice_cut(&value, '=')) & chosen))
            continue;
        text_add(out, fact);
        text_add_char(out, ';');
    }
    text_add_char(out, ' ');
    text_add(out, name);
}

void facts_filter(struct slice lines, unsigned chosen, struct text *out)
{
    while (lines.ptr && lines.len) {
        struct slice line = slice_cut(&lines, '\n');
        filter_line(line, chosen, out);
        text_add_char(out, '\n');
    }
}
