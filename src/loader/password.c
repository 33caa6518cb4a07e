/* password.c - passwords of the configuration, in clear or in a stored form. */
#include "loader/compile_priv.h"

#include <stdio.h>

#include "base/secret.h"
#include "protect/protect.h"

/* "[enc:NAME:..." */
static struct slice provider_of(struct slice stored)
{
    (void)slice_cut(&stored, ':');
    return slice_cut(&stored, ':');
}

static int open_ours(struct compiler *c, struct slice stored, struct text *clear_out, char why[PASSWORD_WHY])
{
    const struct compile_file *file = compile_file_named(c->in->files, c->in->count, PROTECT_KEY_FILE);
    struct protect_key key = { 0 };
    if (!file) {
        snprintf(why, PASSWORD_WHY, "encrypted, and its key " PROTECT_KEY_FILE " is missing or refused: bring it from where "
                 "the password was set");
        return ERR_NOT_FOUND;
    }
    bool is_unread = slice_equal_str(file->bytes, COMPILE_SECRET_UNREAD);
    int err = is_unread ? 0 : protect_key_parse(file->bytes, &key);
    if (err) {
        snprintf(why, PASSWORD_WHY, "encrypted, and " PROTECT_KEY_FILE " is no key: 64 hexadecimal digits on a line are wanted");
        return err;
    }
    err = protect_open(&key, stored, clear_out);
    secret_wipe(&key, sizeof key);
    if (is_unread && err == ERR_DENIED) { /* no key opens it, but it is whole; nobody logs in with what is compiled here */
        text_add_str(clear_out, COMPILE_SECRET_UNREAD);
        return text_error(clear_out);
    }
    if (err == ERR_SYNTAX)
        snprintf(why, PASSWORD_WHY, "damaged, cut off, or encrypted by a later version");
    else if (err == ERR_DENIED)
        snprintf(why, PASSWORD_WHY, "damaged, or encrypted with another key than " PROTECT_KEY_FILE);
    else if (err)
        snprintf(why, PASSWORD_WHY, "not decrypted: %s", err_text(err));
    return err;
}

int password_read(struct compiler *c, struct conf_element *e, const char *attribute, struct text *clear_out, char why[PASSWORD_WHY])
{
    struct conf_value v;
    why[0] = 0;
    if (conf_attr(e, attribute, &v) || !v.text.len) {
        snprintf(why, PASSWORD_WHY, "missing");
        return ERR_NOT_FOUND;
    }
    if (!v.encrypted) {
        text_add(clear_out, v.text);
        return text_error(clear_out);
    }
    if (protect_is_ours(v.text))
        return open_ours(c, v.text, clear_out, why);
    snprintf(why, PASSWORD_WHY, "encrypted with a Windows key (provider " SLICE_FMT ") and cannot be decrypted here",
             SLICE_ARG(slice_first(provider_of(v.text), 40)));
    return ERR_UNSUPPORTED;
}

void password_wipe(struct text *clear)
{
    if (clear->ptr)
        secret_wipe(clear->ptr, clear->cap);
    text_free(clear);
}
