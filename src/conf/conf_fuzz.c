/*
 * conf_fuzz.c - any bytes as a configuration file: read, ask for everything, edit.
 *
 * Must hold: what was not edited is byte for byte what was read; a refused edit changes nothing; an accepted edit gives
 * a file that opens again.
 */
#include <assert.h>
#include <stdint.h>

#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool wants_all(void *context, const char *element, const char *attribute)
{
    (void)context;
    return element[0] && attribute[0];
}

static void count_value(void *context, const char *element, const char *attribute, const struct conf_value *value)
{
    size_t *sum = context;
    *sum += strlen(element) + strlen(attribute) + value->text.len;
}

static void count_path(void *context, struct slice path)
{
    size_t *sum = context;
    *sum += path.len;
}

static void read_everything(struct conf *c, struct text *out)
{
    static const char *const paths[] = { "", "Depot FTP/Pub/x" };
    size_t sum = 0;
    conf_each_explicit(c, wants_all, count_value, &sum);
    for (size_t i = 0; i < conf_section_count(); i++)
        for (size_t k = 0; k < 2; k++) {
            struct conf_element *e;
            if (conf_section(c, slice_str(conf_section_name(i)), slice_str(paths[k]), &e))
                continue;
            conf_print_xml(e, k == 0, 0, out);
            conf_print_xml(e, k == 1, 0, out);
            conf_locations(c, conf_section_name(i), SLICE_LITERAL("Depot FTP"), count_path, &sum);
        }
}

/* Some element of the section, by the number: into items and children while they last. */
static struct conf_element *some_element(struct conf *c, uint64_t *pick, const char **section_out)
{
    const char *section = conf_section_name(*pick % conf_section_count());
    struct conf_element *e;
    *pick /= 31;
    if (conf_section(c, slice_str(section), slice_str(*pick % 3 ? "" : "Depot FTP"), &e))
        return NULL;
    for (unsigned depth = 0; depth < 6; depth++) {
        *pick = *pick * 6364136223846793005u + 1442695040888963407u;
        uint64_t way = *pick >> 33;
        bool is_collection;
        size_t items = conf_count(e);
        const char *child = conf_schema_child_at(e, way % 7, &is_collection);
        if (items && way % 3)
            e = conf_item(e, way % items);
        else if (child)
            e = conf_child(e, child);
        else
            break;
    }
    *section_out = section;
    return e;
}

static int edit(struct conf *c, struct conf_element *e, const char *section, uint64_t pick)
{
    static const char *const values[] = { "true", "1", "Read, Write", "00:10:00", "<&\"'>", "", "/x", "None" };
    struct diag d;
    struct conf_schema_attr attr;
    struct slice value = slice_str(values[pick / 7 % 8]);
    if (!conf_schema_attr_at(e, pick % 5, &attr))
        attr.name = "lockItem";
    struct conf_pair pairs[] = { { slice_str("name"), value }, { slice_str("users"), value },
                                 { slice_str("accessType"), SLICE_LITERAL("Allow") } };
    switch (pick / 64 % 8) {
    case 0:
    case 1:
        return conf_set(c, e, attr.name, value, &d);
    case 2:
        return conf_unset(c, e, attr.name, &d);
    case 3:
        return conf_add(c, e, pairs + pick % 2, 1 + pick / 2 % 2, (long)(pick % 4) - 1, &d);
    case 4:
        return conf_remove(c, e, &d);
    case 5:
        return conf_clear_collection(c, e, &d);
    case 6:
        return pick % 2 ? conf_clear_section(c, e, &d) : conf_delete_section(c, e, &d);
    default:
        return conf_lock(c, slice_str(section), slice_str(pick % 2 ? "Depot FTP" : ""), pick % 4 < 2, &d);
    }
}

static void edit_something(struct conf *c, uint64_t pick)
{
    struct text before[CONF_FILE_COUNT] = { 0 };
    const char *section = "";
    for (size_t i = 0; i < CONF_FILE_COUNT; i++)
        text_add(&before[i], conf_bytes(c, (enum conf_file)i));
    struct conf_element *e = some_element(c, &pick, &section);
    int err = e ? edit(c, e, section, pick >> 20) : ERR_NOT_FOUND;
    struct slice after[CONF_FILE_COUNT];
    for (size_t i = 0; i < CONF_FILE_COUNT; i++) {
        after[i] = conf_bytes(c, (enum conf_file)i);
        assert(!err || slice_equal(after[i], text_slice(&before[i])));
        text_free(&before[i]);
    }
    struct conf *again = NULL;
    err = conf_open(after, NULL, NULL, &again);
    assert(err == 0);
    conf_free(again);
}

static enum conf_file looks_like(struct slice bytes)
{
    return memmem(bytes.ptr, bytes.len, "<sallyport", 10)    ? CONF_SALLYPORT
           : memmem(bytes.ptr, bytes.len, "management", 10) ? CONF_ADMINISTRATION
                                                            : CONF_APPLICATION_HOST;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of((const char *)data, size), bytes[CONF_FILE_COUNT] = { 0 };
    enum conf_file file = looks_like(input);
    bytes[file] = input;
    struct conf *c = NULL;
    if (conf_open(bytes, NULL, NULL, &c))
        return 0;
    OWNED_TEXT_BUFFER out = { 0 };
    read_everything(c, &out);
    assert(slice_equal(conf_bytes(c, file), input));
    uint64_t pick = slice_hash_fold(input);
    for (unsigned i = 0; i < 3; i++)
        edit_something(c, pick = pick * 6364136223846793005u + 1442695040888963407u);
    conf_free(c);
    return 0;
}
