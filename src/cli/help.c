/* help.c - the same rows, as text for people and for the shell. */
#include "cli/table.h"

static const char usage[] = "(command) (object-type) <identifier> < /parameter1:value1 ... >";

static bool is_hidden(const struct verb_row *row)
{
    return !row->summary;
}

static const struct object_row *object_of(const struct verb_row *row)
{
    return row->object[0] ? object_find(slice_str(row->object)) : NULL;
}

void help_general(struct cli *c)
{
    cli_say(c, "General purpose IIS command line administration tool.\n\n%s %s\n\nSupported object types:\n",
            strcmp(c->program, "appcmd") == 0 ? "APPCMD" : "SALLYPORT", usage);
    for (size_t i = 0; i < object_row_count; i++)
        cli_say(c, "  %-12s %s", object_rows[i].name, object_rows[i].summary);
    cli_say(c, "\nCommands without an object:\n");
    for (size_t i = 0; i < verb_row_count; i++)
        if (!verb_rows[i].object[0] && !is_hidden(&verb_rows[i]))
            cli_say(c, "  %-12s %s", verb_rows[i].verb, verb_rows[i].summary);
    cli_say(c, "\nTo list commands supported by each object use /?, e.g. '%s site /?'.\n\n"
               "General parameters:\n\n"
               "  /?            context help, also -? and --help\n"
               "  /text[:x]     one line per object (default); /text:* all properties; /text:attr only its values\n"
               "  /xml          an XML result set\n"
               "  /config[:*]   configuration XML of the objects; * with inherited and default values\n"
               "  /metadata     add lock state and location to /config\n"
               "  /in or -      read the objects as XML from standard input, run the command for each\n"
               "  /apphostconfig:FILE  another applicationHost.config than the instance's\n"
               "  /debug        show what was worked on\n"
               "  /commit:x     where IIS writes; FTP settings can stand in applicationHost.config only\n"
               "  \"!\"           escapes a property named like a general parameter: /!text:value\n\n"
               "  --config DIR  the instance; else SALLYPORT_CONFIG; else /etc/sallyport\n"
               "  --version     show the version", c->program);
}

void help_object(struct cli *c, const struct object_row *object)
{
    cli_say(c, "%s - %s\n\nSupported commands:\n", object->name, object->summary);
    const char *first = NULL;
    for (size_t i = 0; i < verb_row_count; i++)
        if (strcmp(verb_rows[i].object, object->name) == 0) {
            cli_say(c, "  %-8s %s", verb_rows[i].verb, verb_rows[i].summary);
            first = first ? first : verb_rows[i].verb;
        }
    if (first)
        cli_say(c, "\nTo get help for each command use /?, e.g. '%s %s %s /?'.", c->program, first, object->name);
}

static void print_param(struct cli *c, const struct verb_param *p)
{
    OWNED_TEXT_BUFFER left = { 0 };
    bool optional = p->form[0] == '[';
    if (optional)
        text_addf(&left, "/%s[:%.*s]", p->name, (int)strlen(p->form) - 2, p->form + 1);
    else
        text_addf(&left, "/%s%s%s", p->name, p->form[0] ? ":" : "", p->form);
    cli_say(c, "  %-26s %s", text_str(&left), p->help);
}

void help_verb(struct cli *c, const struct verb_row *row)
{
    const struct object_row *object = object_of(row);
    OWNED_TEXT_BUFFER line = { 0 };
    text_addf(&line, "%s %s%s%s", c->program, row->verb, object ? " " : "", object ? object->name : "");
    if (row->identifies != NO_IDENTIFIER)
        text_addf(&line, " %c%s%c", row->identifies == MAY_IDENTIFY ? '<' : '"', row->identifier,
                  row->identifies == MAY_IDENTIFY ? '>' : '"');
    if (row->params[0].name)
        text_add_str(&line, " < /parameter:value ... >");
    cli_say(c, "%s\n\n%s", row->summary ? row->summary : row->verb, text_str(&line));
    if (row->params[0].name)
        cli_say(c, "\nParameters:\n");
    for (size_t i = 0; i < VERB_PARAMS && row->params[i].name; i++)
        print_param(c, &row->params[i]);
}

int help_completion(struct cli *c)
{
    for (size_t i = 0; i < verb_row_count; i++) {
        const struct verb_row *row = &verb_rows[i];
        if (is_hidden(row))
            continue;
        OWNED_TEXT_BUFFER line = { 0 };
        text_addf(&line, "%s %s", row->verb, row->object[0] ? row->object : "-");
        for (size_t p = 0; p < VERB_PARAMS && row->params[p].name; p++)
            if (verb_param_find(row, slice_str(row->params[p].name)))
                text_addf(&line, " /%s%s", row->params[p].name, row->params[p].form[0] ? ":" : "");
        cli_say(c, "%s", text_str(&line));
    }
    return EXIT_OK;
}
