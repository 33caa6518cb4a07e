/*
 * auth_fuzz.c - names as strangers type them and passwords as somebody stored them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "auth/account.h"
#include "auth/password.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "violated: %s\n", what);
    abort();
}

/* A name that PAM is asked for is one component of text without any of the characters that mean something. */
static void check_name(struct slice typed, struct slice domain)
{
    static const char meaningful[] = "\\@/:\r\n";
    struct slice name = SLICE_NONE;
    if (account_system_name(typed, SLICE_LITERAL("HOST1"), domain, &name))
        return;
    require(name.len > 0 && name.len <= typed.len, "a part of what was typed");
    require(slice_is_utf8(name) && !slice_has_control(name), "clean text");
    for (const char *c = meaningful; *c; c++)
        require(!slice_has_byte(name, *c), "no meaningful character");
    struct slice again = SLICE_NONE;
    require(account_system_name(name, SLICE_LITERAL("HOST1"), SLICE_NONE, &again) == 0 && slice_equal(name, again),
            "canonical (A10)");
}

/* yescrypt is left to libcrypt: a digest takes too long here. */
static void check_stored(struct slice stored, struct slice password)
{
    if (password_form(stored) == PASSWORD_FORM_YESCRYPT)
        return;
    bool matches = password_verify(stored, password);
    require(!matches || password_form(stored) == PASSWORD_FORM_SHA256, "an unknown form matches nothing");
    require(!matches || (password.len > 0 && !slice_has_byte(password, 0)), "no empty password (A09)");

    OWNED_TEXT_BUFFER made = { 0 };
    if (password_make_sha256(password, &made) == 0 && password.len <= 1024)
        require(password_verify(text_slice(&made), password), "what is made verifies");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct slice all = slice_of((const char *)data + 1, size - 1);
    struct slice first = slice_first(all, data[0]), second = slice_from(all, first.len);
    check_name(first, second);
    check_stored(first, second);
    return 0;
}
