/* fixture_test.h - the files of fixtures/ and a short way to name an element, for the tests of this folder. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "conf/conf.h"

static inline void fixture_read(const char *name, struct text *out)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", CONF_FIXTURES, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *room = text_room(out, 1 << 20);
    assert_non_null(room);
    text_grown(out, fread(room, 1, 1 << 20, f));
    fclose(f);
}

static inline void fixture_report(void *context, int severity, const struct diag *d)
{
    struct text *out = context;
    text_add_str(out, severity ? "warning: " : "");
    diag_print(d, out);
    text_add_str(out, "\n");
}

/* All three fixtures, which are without errors. */
static inline struct conf *fixture_open(void)
{
    OWNED_TEXT_BUFFER bytes0 = { 0 }, bytes1 = { 0 }, bytes2 = { 0 }, problems = { 0 };
    fixture_read("applicationHost.config", &bytes0);
    fixture_read("administration.config", &bytes1);
    fixture_read("sallyport.config", &bytes2);
    struct slice bytes[CONF_FILE_COUNT] = { text_slice(&bytes0), text_slice(&bytes1), text_slice(&bytes2) };
    struct conf *c = NULL;
    int err = conf_open(bytes, fixture_report, &problems, &c);
    if (err || problems.len)
        print_message("%s", text_str(&problems));
    assert_int_equal(err, 0);
    assert_int_equal(problems.len, 0);
    return c;
}

/* "[1]/ftpServer/security/ssl": item 1, then child elements. */
static inline struct conf_element *fixture_element(struct conf *c, const char *section, const char *path,
                                                   const char *element)
{
    struct conf_element *e = NULL;
    assert_int_equal(conf_section(c, slice_str(section), slice_str(path), &e), 0);
    struct slice rest = slice_str(element);
    while (rest.ptr && rest.len) {
        char step[64];
        struct slice word = slice_cut(&rest, '/');
        snprintf(step, sizeof step, SLICE_FMT, SLICE_ARG(word));
        e = step[0] == '[' ? conf_item(e, (size_t)atoi(step + 1)) : conf_child(e, step);
        assert_non_null(e);
    }
    return e;
}
