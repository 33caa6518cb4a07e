/*
 * source.c - configSource: a section whose content is a file of its own.
 *
 * The file stands in the folder of the one that names it, or below; its root is the section's element ("Introduction to
 * ApplicationHost.config").  It is read and judged like any place of the file, with its own name and lines in messages.
 */
#include <stdlib.h>

#include "base/own.h"
#include "conf/conf_priv.h"

/* "sub\\x.config" -> "sub/x.config".  ERR_PATH for what leaves the folder or is no relative name. */
static MUST_USE int normal_name(struct slice written, struct text *out)
{
    struct slice rest = written;
    if (slice_is_empty(written) || slice_has_control(written) || slice_has_byte(written, ':'))
        return ERR_PATH;
    for (size_t i = 0; i < written.len; i++)
        text_add_char(out, written.ptr[i] == '\\' ? '/' : written.ptr[i]);
    rest = text_slice(out);
    while (rest.ptr) {
        struct slice part = slice_cut(&rest, '/');
        if (slice_is_empty(part) || slice_equal_str(part, ".") || slice_equal_str(part, ".."))
            return ERR_PATH;
    }
    return text_error(out);
}

const struct conf_source *source_find(const struct conf *c, enum conf_file of, struct slice written)
{
    OWNED_TEXT_BUFFER name = { 0 };
    if (normal_name(written, &name))
        return NULL;
    for (size_t i = 0; i < c->source_count; i++)
        if (c->sources[i]->of == of && slice_equal_str(text_slice(&name), c->sources[i]->name))
            return c->sources[i];
    return NULL;
}

int source_add(struct conf *c, enum conf_file of, const char *name, const char *shown, struct slice bytes, struct sink *s)
{
    struct conf_source **grown = reallocarray(c->sources, c->source_count + 1, sizeof(struct conf_source *));
    struct conf_source *source = calloc(1, sizeof *source);
    if (grown)
        c->sources = grown;
    if (!grown || !source) {
        free(source);
        return ERR_NOMEM;
    }
    c->sources[c->source_count++] = source;
    *source = (struct conf_source){
        .of = of,
        .name = strdup(name),
        .in = { .which = of, .number = CONF_FILE_COUNT + (uint32_t)c->source_count - 1, .name = strdup(shown) },
    };
    if (!source->name || !source->in.name)
        return ERR_NOMEM;
    struct diag d = { 0 };
    int err = xml_parse(bytes, slice_str(shown), &source->in.x, &d);
    if (err)
        sink_error(s, err, &d);
    return err;
}

void sources_free(struct conf *c)
{
    for (size_t i = 0; i < c->source_count; i++) {
        input_free(&c->sources[i]->in);
        free(c->sources[i]->name);
        free(c->sources[i]);
    }
    free(c->sources);
    c->sources = NULL;
    c->source_count = 0;
}

int conf_sources_wanted(struct slice bytes, void (*each)(void *context, const char *name), void *context)
{
    struct xml *x = NULL;
    struct diag d = { 0 };
    if (!bytes.ptr || !memmem(bytes.ptr, bytes.len, "configSource", 12))
        return 0;
    int err = xml_parse(bytes, SLICE_LITERAL(""), &x, &d);
    for (uint32_t n = 0; !err && n < x->node_count; n++) {
        uint32_t attr = xml_attr_find(x, n, "configSource");
        OWNED_TEXT_BUFFER name = { 0 };
        if (attr != XML_NONE && normal_name(xml_attr_text(x, attr), &name) == 0)
            each(context, text_str(&name));
    }
    xml_free(x);
    return err == ERR_NOMEM ? err : 0; /* what is wrong with the file is told when it is opened */
}
