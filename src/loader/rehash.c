/* rehash.c - one attribute through the configuration editor, so that the rest of the file stays byte for byte. */
#include "loader/rehash.h"

#include "conf/conf.h"

static void keep_first(void *context, int severity, const struct diag *d)
{
    struct diag *first = context;
    if (severity == 0 && !first->what[0])
        *first = *d;
}

static struct conf_element *find_user(struct conf *c, struct slice name)
{
    struct conf_element *section;
    if (conf_section(c, SLICE_LITERAL("system.webServer/management/authentication"), SLICE_NONE, &section))
        return NULL;
    struct conf_element *users = conf_child(section, "credentials");
    const struct conf_pair pair = { SLICE_LITERAL("name"), name };
    struct conf_element *user;
    return users && conf_find(users, &pair, 1, &user) == 0 ? user : NULL;
}

static int edit(struct conf *c, struct slice name, struct slice old_hash, struct slice new_hash, struct text *out,
                struct diag *d)
{
    struct conf_element *user = find_user(c, name);
    text_reset(out);
    if (!user || !slice_equal(conf_text(user, "password"), old_hash))
        return 0;
    int err = conf_set(c, user, "password", new_hash, d);
    if (err)
        return err;
    text_add(out, conf_bytes(c, CONF_ADMINISTRATION));
    return text_error(out);
}

int rehash_edit(struct slice administration, struct slice user, struct slice old_hash, struct slice new_hash,
                struct text *out, struct diag *d)
{
    struct slice files[CONF_FILE_COUNT] = { [CONF_ADMINISTRATION] = administration };
    struct conf *c;
    int err = conf_open(files, keep_first, d, &c);
    if (err)
        return err;
    err = edit(c, user, old_hash, new_hash, out, d);
    conf_free(c);
    return err;
}
