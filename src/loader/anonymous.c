/*
 * anonymous.c - which account serves anonymous clients (anonymousAuthentication/userName).
 *
 * IUSR in its spellings is IIS's way to say nobody in particular: the service account.  Any other name is an account of
 * this system; without root nobody can become it, and then anonymous clients are refused rather than served as somebody
 * else.
 */
#include "loader/compile_priv.h"

static bool is_nobody_in_particular(struct slice name)
{
    static const char *const names[] = { "", "IUSR", "NT AUTHORITY\\IUSR", "BUILTIN\\IUSR" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (slice_equal_fold_str(name, names[i]))
            return true;
    return slice_starts_fold(name, SLICE_LITERAL("IUSR_")); /* IUSR_MACHINE up to IIS 6 */
}

int anonymous_site(struct compiler *c, struct site_work *s)
{
    struct conf_element *e = conf_child(s->site, "ftpServer/security/authentication/anonymousAuthentication");
    struct slice name = e ? conf_text(e, "userName") : SLICE_NONE;
    s->row.anonymous_account = s->row.anonymous_enabled && !is_nobody_in_particular(name);
    if (!s->row.anonymous_account || c->in->privileged)
        return 0;
    struct diag d = { 0 };
    compile_place(e, "userName", &d);
    diag_set(&d, "site \"" SLICE_FMT "\" serves anonymous clients as \"" SLICE_FMT "\", which only a service started by root can "
             "become: they are refused", SLICE_ARG(s->name), SLICE_ARG(name));
    diag_todo(&d, "Use IUSR for the account of the service.");
    compile_tell(c, s, LOADER_WARNING, &d);
    return 0;
}
