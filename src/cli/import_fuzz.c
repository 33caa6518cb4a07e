/*
 * import_fuzz.c - any bytes as a file of a copied configuration folder.
 *
 * Must hold: what was UTF-16 is UTF-8 afterwards; every attribute of a file that IIS could read gets one fate; a
 * redirection that is taken leads to a folder of this machine.
 */
#include <assert.h>

#include "cli/fidelity.h"
#include "cli/import_source.h"
#include "conf/redirection.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *context, int severity, const struct diag *d)
{
    size_t *said = context;
    *said += d->what[0] != 0 && severity >= 0;
}

static void redirect(struct slice bytes)
{
    static const struct slice own = SLICE_LITERAL(
        "<configuration><sallyport><paths><drives><add drive=\"C:\" path=\"/srv/c\" /></drives><shares>"
        "<add share=\"\\\\server\\conf\" path=\"/mnt/conf\" /></shares></paths></sallyport></configuration>");
    struct redirection r = { 0 };
    size_t said = 0;
    int err = redirection_read(bytes, own, SLICE_LITERAL("/etc/sallyport"), ignore, &said, &r);
    assert(err ? said > 0 : !r.enabled || (r.folder.len && r.folder.ptr[0] == '/'));
    redirection_free(&r);
}

static void walk(enum conf_file file, struct slice bytes, const struct path_map *paths)
{
    struct fidelity f = { .paths = paths };
    struct xml *x = NULL;
    struct diag d = { 0 };
    size_t told = 0;
    int err = xml_parse(bytes, slice_str(conf_file_name(file)), &x, &d);
    assert(err == 0);
    err = fidelity_walk(&f, file, x);
    assert(err == 0);
    for (size_t i = 0; i < FATE_COUNT; i++)
        told += f.fates[i];
    assert(told == f.attributes);
    for (size_t i = 0; i < f.count; i++)
        assert(f.items[i].what && f.items[i].note && f.items[i].line > 0);
    fidelity_free(&f);
    xml_free(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of((const char *)data, size), bytes[CONF_FILE_COUNT] = { 0 };
    OWNED_TEXT_BUFFER text = { 0 };
    bool was_utf16 = false;
    struct path_map *paths = path_map_new();
    struct conf *c = NULL;
    size_t said = 0;
    if (paths && source_decode(input, &text, &was_utf16) == 0) {
        assert(!was_utf16 || slice_is_utf8(text_slice(&text)));
        bool is_users = memmem(text_str(&text), text.len, "management", 10) != NULL;
        enum conf_file file = is_users ? CONF_ADMINISTRATION : CONF_APPLICATION_HOST;
        redirect(text_slice(&text));
        bytes[file] = text_slice(&text);
        if (conf_open_sources(bytes, NULL, 0, ignore, &said, &c) == 0)
            walk(file, bytes[file], paths);
        else
            assert(said > 0);
        conf_free(c);
    }
    path_map_free(paths);
    return 0;
}
