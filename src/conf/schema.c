/*
 * schema.c - reads IIS's XML schema dialect.
 *
 * The dialect is small: sectionSchema, element, collection (unnamed: its items stand directly in the element around
 * it), attribute with enum or flag, method.  Methods are for management tools and have no place in a file, so they are
 * passed over here.  Attributes with extension="runtime" are computed by the service: tools may read them, a file may
 * not hold them.
 */
#include "conf/schema.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "conf/arena.h"
#include "conf/map.h"
#include "schema_data.h"
#include "conf/value.h"
#include "conf/xml.h"

struct schema {
    struct arena memory;
    struct schema_section *sections;
    size_t count, cap;
    struct map groups, by_name;
    struct schema_element *frame[3];
    size_t attr_count;
    bool failed;
};

struct source {
    const struct xml *x;
    struct schema *schema;
    enum conf_file file;
    bool is_ftp;
};

static char *copy(struct source *s, struct slice text)
{
    char *got = arena_copy(&s->schema->memory, text);
    s->schema->failed |= !got;
    return got;
}

/* The attribute's text as a C string, NULL when absent. */
static char *text_of(struct source *s, uint32_t node, const char *name)
{
    uint32_t attr = xml_attr_find(s->x, node, name);
    return attr == XML_NONE ? NULL : copy(s, xml_attr_text(s->x, attr));
}

static bool flag_of(struct source *s, uint32_t node, const char *name)
{
    return slice_equal_str(xml_attr_or(s->x, node, name, SLICE_NONE), "true");
}

/* An array one longer; the old one is left to the arena, schemas are small. */
static void *grown(struct source *s, const void *array, size_t count, size_t size)
{
    void *bigger = arena_get(&s->schema->memory, (count + 1) * size);
    s->schema->failed |= !bigger;
    if (bigger && count)
        memcpy(bigger, array, count * size);
    return bigger;
}

/* ---- attributes ---- */

static enum conf_type type_of(struct slice name)
{
    static const char *const names[] = {
        [CONF_BOOL] = "bool", [CONF_INT] = "int",     [CONF_UINT] = "uint",         [CONF_INT64] = "int64",
        [CONF_ENUM] = "enum", [CONF_FLAGS] = "flags", [CONF_TIMESPAN] = "timeSpan", [CONF_STRING] = "string",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_equal_str(name, names[i]))
            return (enum conf_type)i;
    assert(false && "type in the schema");
    return CONF_STRING;
}

static void read_validation(struct source *s, uint32_t node, struct schema_attr *a)
{
    static const struct {
        const char *name;
        enum validation value;
    } kinds[] = {
        { "nonEmptyString",       VALID_NON_EMPTY        },
        { "integerRange",         VALID_INT_RANGE        },
        { "timeSpanRange",        VALID_TIME_RANGE       },
        { "siteName",             VALID_SITE_NAME        },
        { "siteId",               VALID_SITE_ID          },
        { "applicationPath",      VALID_APPLICATION_PATH },
        { "virtualDirectoryPath", VALID_DIRECTORY_PATH   },
        { "applicationPoolName",  VALID_POOL_NAME        },
        { "requireTrimmedString", VALID_TRIMMED          },
    };
    struct slice kind = xml_attr_or(s->x, node, "validationType", SLICE_NONE);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (slice_equal_str(kind, kinds[i].name))
            a->validation = kinds[i].value;
    assert(slice_is_empty(kind) || a->validation != VALID_ANY);
    struct slice rest = xml_attr_or(s->x, node, "validationParameter", SLICE_NONE);
    int64_t numbers[3] = { 0 };
    for (size_t i = 0; i < 3 && rest.ptr; i++) {
        struct slice part = slice_cut(&rest, ',');
        if (slice_equal_str(part, "exclude"))
            a->validation = VALID_INT_EXCLUDE;
        else if (slice_to_i64(part, INT64_MIN, INT64_MAX, &numbers[i]))
            assert(false && "validationParameter in the schema");
    }
    a->low = numbers[0];
    a->high = numbers[1];
    a->step = numbers[2];
}

static void read_names(struct source *s, uint32_t node, struct schema_attr *a)
{
    for (uint32_t n = s->x->nodes[node].first; n != XML_NONE; n = s->x->nodes[n].next) {
        struct schema_name *names = grown(s, a->names, a->name_count, sizeof *names);
        if (!names)
            return;
        names[a->name_count].name = text_of(s, n, "name");
        if (slice_to_i64(xml_attr_or(s->x, n, "value", SLICE_NONE), 0, UINT32_MAX, &names[a->name_count].value))
            assert(false && "enum value in the schema");
        a->names = names;
        a->name_count++;
    }
}

static void read_default(struct source *s, uint32_t node, struct schema_attr *a)
{
    OWNED_TEXT_BUFFER out = { 0 };
    struct slice text = xml_attr_or(s->x, node, "defaultValue", SLICE_NONE);
    if (!text.ptr || (a->type == CONF_STRING && a->encrypted && value_is_encrypted(text, NULL))) {
        /* The FTP schema's default [enc:AesProvider::enc] is the empty text. */
        a->default_text = a->type == CONF_BOOL                              ? "false"
                          : a->type == CONF_TIMESPAN                        ? "00:00:00"
                          : a->type == CONF_INT || a->type == CONF_UINT     ? "0"
                          : a->type == CONF_INT64                           ? "0"
                                                                            : "";
        return;
    }
    if (value_parse(a, text, 0, &a->default_number, &out))
        assert(false && "default in the schema");
    text_reset(&out);
    value_print(a, text, a->default_number, &out);
    a->default_text = copy(s, text_slice(&out));
}

static void read_attribute(struct source *s, uint32_t node, struct schema_element *e)
{
    struct schema_attr *attrs = grown(s, e->attrs, e->attr_count, sizeof *attrs);
    if (!attrs)
        return;
    struct schema_attr *a = &attrs[e->attr_count];
    e->attrs = attrs;
    e->attr_count++;
    a->name = text_of(s, node, "name");
    a->number = s->schema->attr_count++;
    a->type = type_of(xml_attr_or(s->x, node, "type", SLICE_NONE));
    a->required = flag_of(s, node, "required");
    a->unique_key = flag_of(s, node, "isUniqueKey");
    a->combined_key = flag_of(s, node, "isCombinedKey");
    a->encrypted = flag_of(s, node, "encrypted");
    a->expanded = flag_of(s, node, "expanded");
    a->case_sensitive = flag_of(s, node, "caseSensitive");
    a->runtime = xml_attr_find(s->x, node, "extension") != XML_NONE;
    a->is_ftp = s->is_ftp;
    read_validation(s, node, a);
    read_names(s, node, a);
    if (!s->schema->failed)
        read_default(s, node, a);
    OWNED_TEXT_BUFFER allowed = { 0 };
    value_allowed(a, &allowed);
    a->allowed = copy(s, text_slice(&allowed));
}

/* ---- elements and collections ---- */

static void read_body(struct source *s, uint32_t node, struct schema_element *e, unsigned depth);

static struct schema_element *element_new(struct source *s, const char *name, struct schema_element *parent)
{
    struct schema_element *e = arena_get(&s->schema->memory, sizeof *e);
    s->schema->failed |= !e;
    if (e) {
        e->name = name;
        e->parent = parent;
    }
    return e;
}

static void read_element(struct source *s, uint32_t node, struct schema_element *parent, unsigned depth)
{
    char *name = text_of(s, node, "name");
    if (!name)
        return;
    struct schema_element *e = schema_child(parent, slice_str(name));
    if (!e) {
        e = element_new(s, name, parent);
        struct schema_element **children = grown(s, parent->children, parent->child_count, sizeof *children);
        if (!e || !children)
            return;
        assert(parent->child_count < 64); /* check.c keeps a bit for each */
        e->index = parent->child_count;
        children[parent->child_count++] = e;
        parent->children = children;
    }
    e->is_holder |= flag_of(s, node, "isCollectionDefault");
    read_body(s, node, e, depth);
}

static void read_collection(struct source *s, uint32_t node, struct schema_element *e, unsigned depth)
{
    struct schema_collection *c = e->collection;
    if (!c) {
        c = e->collection = arena_get(&s->schema->memory, sizeof *c);
        s->schema->failed |= !c;
        if (!c)
            return;
        c->add = text_of(s, node, "addElement");
        c->remove = text_of(s, node, "removeElement");
        c->clear = text_of(s, node, "clearElement");
        c->default_element = text_of(s, node, "defaultElement");
        c->default_section = text_of(s, node, "defaultSection");
        c->extra_attributes = flag_of(s, node, "allowUnrecognizedAttributes");
        c->duplicates = flag_of(s, node, "allowDuplicates");
        c->item = element_new(s, c->add, e);
        if (!c->item)
            return;
        c->item->is_item = true;
    }
    if (c->item)
        read_body(s, node, c->item, depth);
}

static void read_method(struct source *s, uint32_t node, struct schema_element *e)
{
    assert(slice_equal_str(xml_name(s->x, node), "method"));
    for (size_t i = 0; i < sizeof e->methods / sizeof *e->methods; i++) {
        if (e->methods[i])
            continue;
        e->methods[i] = text_of(s, node, "name");
        return;
    }
    assert(false && "an element has more methods than there is room for");
}

static void read_body(struct source *s, uint32_t node, struct schema_element *e, unsigned depth)
{
    assert(depth < 16);
    for (uint32_t n = s->x->nodes[node].first; n != XML_NONE && !s->schema->failed; n = s->x->nodes[n].next) {
        struct slice kind = xml_name(s->x, n);
        if (slice_equal_str(kind, "attribute"))
            read_attribute(s, n, e);
        else if (slice_equal_str(kind, "element"))
            read_element(s, n, e, depth + 1);
        else if (slice_equal_str(kind, "collection"))
            read_collection(s, n, e, depth + 1);
        else
            read_method(s, n, e);
    }
}

/* ---- sections ---- */

static void note_groups(struct source *s, const char *name)
{
    struct slice full = slice_str(name);
    for (size_t i = 0; i < full.len; i++)
        if (full.ptr[i] == '/' && map_put(&s->schema->groups, slice_first(full, i), 0))
            s->schema->failed = true;
}

static void read_frame(struct source *s, uint32_t node, struct slice name)
{
    struct schema_element *e = element_new(s, copy(s, name), NULL);
    if (!e)
        return;
    read_body(s, node, e, 0);
    if (slice_equal_str(name, "location")) {
        s->schema->frame[FRAME_LOCATION] = e;
        return;
    }
    s->schema->frame[FRAME_SECTION] = schema_child(e, SLICE_LITERAL("section"));
    s->schema->frame[FRAME_SECTION_GROUP] = schema_child(e, SLICE_LITERAL("sectionGroup"));
}

static struct schema_section *section_new(struct source *s, const char *name)
{
    struct schema *schema = s->schema;
    struct schema_section *sections = grown(s, schema->sections, schema->count, sizeof *sections);
    const char *slash = strrchr(name, '/');
    struct schema_element *root = element_new(s, slash ? slash + 1 : name, NULL);
    if (!sections || !root)
        return NULL;
    schema->sections = sections;
    sections[schema->count] = (struct schema_section){ name, root, s->file, schema->count };
    note_groups(s, name);
    if (map_put(&schema->by_name, slice_str(name), (uint32_t)schema->count))
        schema->failed = true;
    return &sections[schema->count++];
}

static void read_section(struct source *s, uint32_t node)
{
    struct slice name = xml_attr_or(s->x, node, "name", SLICE_NONE);
    if (slice_equal_str(name, "configSections") || slice_equal_str(name, "location")) {
        read_frame(s, node, name);
        return;
    }
    uint32_t index = map_get(&s->schema->by_name, name);
    struct schema_section *section = index == MAP_NONE ? NULL : &s->schema->sections[index];
    if (!section) {
        char *own_name = copy(s, name);
        section = own_name ? section_new(s, own_name) : NULL;
    }
    if (section)
        read_body(s, node, section->root, 0);
}

static void read_source(struct schema *schema, const struct schema_data *data)
{
    static const struct {
        const char *name;
        enum conf_file file;
        bool is_ftp;
    } kinds[] = {
        { "IIS_schema.xml",        CONF_APPLICATION_HOST, false },
        { "Ftp_schema.xml",        CONF_APPLICATION_HOST, true  },
        { "management_schema.xml", CONF_ADMINISTRATION,   false },
        { "sallyport_schema.xml",  CONF_SALLYPORT,        true  },
    };
    struct xml *x;
    struct diag d = { 0 };
    int err = xml_parse(slice_of(data->bytes, data->len), slice_str(data->name), &x, &d);
    if (err) {
        assert(err == ERR_NOMEM);
        schema->failed = true;
        return;
    }
    struct source s = { .x = x, .schema = schema };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, data->name) == 0) {
            s.file = kinds[i].file;
            s.is_ftp = kinds[i].is_ftp;
        }
    for (uint32_t n = x->nodes[0].first; n != XML_NONE && !schema->failed; n = x->nodes[n].next)
        read_section(&s, n);
    xml_free(x);
}

static struct schema *read_all_sources(void)
{
    struct schema *schema = calloc(1, sizeof *schema);
    if (!schema)
        return NULL;
    for (size_t i = 0; i < schema_data_count && !schema->failed; i++)
        if (strstr(schema_data[i].name, "_schema.xml"))
            read_source(schema, &schema_data[i]);
    if (!schema->failed)
        return schema;
    map_free(&schema->groups);
    map_free(&schema->by_name);
    arena_free(&schema->memory);
    free(schema);
    return NULL;
}

/* Threads of programs that use the management library may come here at once. */
const struct schema *schema_get(void)
{
    static struct schema *_Atomic kept;
    static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;
    struct schema *schema = atomic_load_explicit(&kept, memory_order_acquire);
    if (schema)
        return schema;
    pthread_mutex_lock(&once);
    schema = atomic_load_explicit(&kept, memory_order_relaxed);
    if (!schema)
        schema = read_all_sources();
    atomic_store_explicit(&kept, schema, memory_order_release);
    pthread_mutex_unlock(&once);
    return schema;
}

/* ---- looking ---- */

size_t schema_section_count(void)
{
    const struct schema *s = schema_get();
    return s ? s->count : 0;
}

size_t schema_attr_count(void)
{
    const struct schema *s = schema_get();
    return s ? s->attr_count : 0;
}

const struct schema_section *schema_section_at(size_t index)
{
    return index < schema_section_count() ? &schema_get()->sections[index] : NULL;
}

const struct schema_section *schema_section_find(struct slice name)
{
    uint32_t index = schema_get() ? map_get(&schema_get()->by_name, name) : MAP_NONE;
    return index == MAP_NONE ? NULL : &schema_get()->sections[index];
}

/* The only section of IIS's files, or of ours, that ends in "/name". */
static const struct schema_section *only_ending(struct slice name, bool ours)
{
    const struct schema_section *found = NULL;
    for (size_t i = 0; i < schema_section_count(); i++) {
        const struct schema_section *section = &schema_get()->sections[i];
        struct slice full = slice_str(section->name);
        if ((section->file == CONF_SALLYPORT) != ours || full.len <= name.len || !slice_ends(full, name) ||
            full.ptr[full.len - name.len - 1] != '/')
            continue;
        if (found)
            return NULL;
        found = section;
    }
    return found;
}

const struct schema_section *schema_section_short(struct slice name)
{
    const struct schema_section *found = schema_section_find(name);
    if (found || slice_is_empty(name))
        return found;
    /* IIS's own names first: "sites" must not become ambiguous because sallyport.config has sites too. */
    found = only_ending(name, false);
    return found ? found : only_ending(name, true);
}

bool schema_is_group(struct slice name)
{
    return schema_get() && map_get(&schema_get()->groups, name) != MAP_NONE;
}

const struct schema_element *schema_frame(enum schema_frame which)
{
    return schema_get()->frame[which];
}

struct slice schema_new_file(const char *name)
{
    for (size_t i = 0; i < schema_data_count; i++)
        if (strcmp(schema_data[i].name, name) == 0)
            return slice_of(schema_data[i].bytes, schema_data[i].len);
    return SLICE_NONE;
}

const struct schema_attr *schema_attr(const struct schema_element *e, struct slice name)
{
    for (size_t i = 0; i < e->attr_count; i++)
        if (slice_equal_str(name, e->attrs[i].name))
            return &e->attrs[i];
    return NULL;
}

struct schema_element *schema_child(const struct schema_element *e, struct slice name)
{
    for (size_t i = 0; i < e->child_count; i++)
        if (slice_equal_str(name, e->children[i]->name))
            return e->children[i];
    return NULL;
}

bool schema_is_lock(struct slice name)
{
    static const char *const names[] = { "lockAttributes", "lockAllAttributesExcept", "lockElements",
                                         "lockAllElementsExcept", "lockItem" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_equal_str(name, names[i]))
            return true;
    return false;
}

bool schema_attr_is_key(const struct schema_attr *a)
{
    return a->unique_key || a->combined_key;
}

bool schema_is_directive(const struct schema_collection *c, struct slice name)
{
    return c && (slice_equal_str(name, c->add) || (c->remove && slice_equal_str(name, c->remove)) ||
                 (c->clear && slice_equal_str(name, c->clear)));
}
