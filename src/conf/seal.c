/*
 * seal.c - passwords on their way into a file.
 *
 * As in IIS, what is set is encrypted, and what stands in clear in a file stays so until it is set.  A value in the stored
 * form of any provider is taken as it is: that is how copies and imports carry it.
 */
#include "base/secret.h"
#include "conf/edit_priv.h"
#include "conf/value.h"

void conf_protect_with(struct conf *c, const struct conf_protector *protector)
{
    c->protector = protector;
}

int edit_seal(struct conf *c, const struct schema_element *schema, const char *name, struct text *value, struct diag *d)
{
    const struct schema_attr *a = schema_attr(schema, slice_str(name));
    if (!a || !a->encrypted || !c->protector || !c->directory || !value->len || value_is_encrypted(text_slice(value), NULL))
        return 0;
    OWNED_TEXT_BUFFER stored = { 0 };
    int err = c->protector->seal(c->directory, text_slice(value), &stored, d);
    if (err)
        return err;
    secret_wipe(value->ptr, value->cap);
    text_reset(value);
    text_add(value, text_slice(&stored));
    c->is_sealed = true;
    return text_error(value);
}

/* Windows names each provider there.  Nothing here looks it up, so that it could not be written is no error, and a file
 * without the list does not get one.  Not part of the edit itself: who follows marks expects that nothing else moves. */
void edit_add_provider(struct conf *c)
{
    struct conf_element *section, *list, *known;
    struct diag d;
    if (!c->is_sealed || !c->disk[CONF_APPLICATION_HOST].changed)
        return;
    c->is_sealed = false;
    const struct conf_pair entry[] = {
        { SLICE_LITERAL("name"), slice_str(c->protector->provider) },
        { SLICE_LITERAL("type"), slice_str(c->protector->provider) },
        { SLICE_LITERAL("description"), slice_str(c->protector->description) },
    };
    if (conf_section(c, SLICE_LITERAL("configProtectedData"), SLICE_LITERAL(""), &section))
        return;
    list = conf_child(section, "providers");
    if (list && conf_is_local(list) && conf_find(list, entry, 1, &known))
        (void)!conf_add(c, list, entry, sizeof entry / sizeof entry[0], -1, &d);
}
