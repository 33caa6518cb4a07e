/*
 * value.c - one parser per type, chosen by table.
 *
 * Values are checked when a section is read as well as when one is set.  Reasons are IIS's where its text is known.
 * Names of enums and flags are matched without regard to case: tools write True, documents print both forms.
 */
#include "conf/value.h"

#include <inttypes.h>

static MUST_USE int complain(struct text *reason, int err, const char *text)
{
    text_add_str(reason, text);
    return err;
}

static MUST_USE int parse_bool(const struct schema_attr *a, struct slice text, unsigned from, int64_t *out,
                               struct text *reason)
{
    (void)a, (void)from;
    bool is_true = slice_equal_fold_str(text, "true");
    if (!is_true && !slice_equal_fold_str(text, "false"))
        return complain(reason, ERR_SYNTAX, "Not a valid boolean");
    *out = is_true;
    return 0;
}

static MUST_USE int check_range(const struct schema_attr *a, int64_t value, unsigned from, struct text *reason)
{
    if (a->validation == VALID_SITE_ID && from == VALUE_FROM_TOOL && value < 1)
        return complain(reason, ERR_RANGE, "The id of a site must be 1 or more");
    bool inside = value >= a->low && value <= a->high;
    if (a->validation == VALID_INT_RANGE && !inside) {
        text_addf(reason, "Integer value must be between %" PRId64 " and %" PRId64 " inclusive", a->low, a->high);
        return ERR_RANGE;
    }
    if (a->validation == VALID_INT_EXCLUDE && inside) {
        text_addf(reason, "Integer value must not be between %" PRId64 " and %" PRId64 " inclusive", a->low,
                  a->high);
        return ERR_RANGE;
    }
    return 0;
}

static MUST_USE int parse_integer(const struct schema_attr *a, struct slice text, unsigned from, int64_t *out,
                                  struct text *reason)
{
    static const struct {
        int64_t low, high;
        const char *reason;
    } limits[] = {
        [CONF_INT] = { INT32_MIN, INT32_MAX, "Not a valid integer" },
        [CONF_UINT] = { 0, UINT32_MAX, "Not a valid unsigned integer" },
        [CONF_INT64] = { INT64_MIN, INT64_MAX, "Not a valid 64-bit integer" },
    };
    int64_t value;
    int err = slice_to_i64(text, limits[a->type].low, limits[a->type].high, &value);
    if (err)
        return complain(reason, err == ERR_RANGE ? ERR_RANGE : ERR_SYNTAX, limits[a->type].reason);
    err = check_range(a, value, from, reason);
    if (!err)
        *out = value;
    return err;
}

static void list_names(const struct schema_attr *a, struct text *out)
{
    for (size_t i = 0; i < a->name_count; i++)
        text_addf(out, "%s%s", i ? ", " : "", a->names[i].name);
}

static const struct schema_name *find_name(const struct schema_attr *a, struct slice text)
{
    for (size_t i = 0; i < a->name_count; i++)
        if (slice_equal_fold_str(text, a->names[i].name))
            return &a->names[i];
    return NULL;
}

static MUST_USE int parse_enum(const struct schema_attr *a, struct slice text, unsigned from, int64_t *out,
                               struct text *reason)
{
    const struct schema_name *n = find_name(a, text);
    int64_t number;
    for (size_t i = 0; !n && i < a->name_count && (from & VALUE_FROM_TOOL); i++)
        if (!slice_to_i64(text, 0, UINT32_MAX, &number) && a->names[i].value == number)
            n = &a->names[i];
    if (!n) {
        text_add_str(reason, "Enum must be one of ");
        list_names(a, reason);
        return ERR_SYNTAX;
    }
    *out = n->value;
    return 0;
}

static int64_t all_flags(const struct schema_attr *a)
{
    int64_t all = 0;
    for (size_t i = 0; i < a->name_count; i++)
        all |= a->names[i].value;
    return all;
}

/* Empty and "None" are 0 even where no such flag is declared. */
static MUST_USE int parse_flags(const struct schema_attr *a, struct slice text, unsigned from, int64_t *out,
                                struct text *reason)
{
    int64_t value = 0, number;
    struct slice rest = slice_trim(text);
    if (slice_equal_fold_str(rest, "None"))
        rest = SLICE_NONE;
    if ((from & VALUE_FROM_TOOL) && rest.len && !slice_to_i64(rest, 0, all_flags(a), &number) &&
        !(number & ~all_flags(a))) {
        *out = number;
        return 0;
    }
    while (rest.ptr && rest.len) {
        const struct schema_name *n = find_name(a, slice_trim(slice_cut(&rest, ',')));
        if (!n || (rest.ptr && !rest.len)) {
            text_add_str(reason, "Flags must be some combination of ");
            list_names(a, reason);
            return ERR_SYNTAX;
        }
        value |= n->value;
    }
    *out = value;
    return 0;
}

/* hh:mm:ss with any number of hours, d.hh:mm:ss, dd:hh:mm:ss. */
static MUST_USE int read_time(struct slice text, int64_t *seconds_out)
{
    struct slice rest = text;
    uint64_t days = 0, part[3], extra[4];
    size_t dot = slice_find(text, '.'), count = 0;
    bool has_days = dot != SIZE_MAX;
    if (has_days && slice_to_u64(slice_cut(&rest, '.'), 10675199, &days))
        return ERR_SYNTAX;
    while (rest.ptr) {
        struct slice digits = slice_cut(&rest, ':');
        if (count == 4 || slice_to_u64(digits, 10675199, &extra[count++]))
            return ERR_SYNTAX;
    }
    if (count == 4 && !has_days) {
        has_days = true;
        days = extra[0];
        memmove(extra, extra + 1, 3 * sizeof *extra);
        count = 3;
    }
    if (count != 3)
        return ERR_SYNTAX;
    memcpy(part, extra, sizeof part);
    if (part[1] > 59 || part[2] > 59 || (has_days && part[0] > 23))
        return ERR_SYNTAX;
    *seconds_out = (int64_t)(days * 86400 + part[0] * 3600 + part[1] * 60 + part[2]);
    return 0;
}

static MUST_USE int parse_time(const struct schema_attr *a, struct slice text, unsigned from, int64_t *out,
                               struct text *reason)
{
    (void)from;
    int64_t seconds;
    if (read_time(text, &seconds))
        return complain(reason, ERR_SYNTAX, "Not a valid time span");
    if (a->validation == VALID_TIME_RANGE &&
        (seconds < a->low || seconds > a->high || (a->step > 1 && seconds % a->step))) {
        text_addf(reason, "Time span must be between %" PRId64 " and %" PRId64 " seconds inclusive", a->low, a->high);
        return ERR_RANGE;
    }
    *out = seconds;
    return 0;
}

/* ---- strings ---- */

static bool is_site_name(struct slice text)
{
    return text.len && !slice_has_byte(text, '/') && !slice_has_byte(text, '?') && !slice_has_control(text);
}

/* Begins with '/', no '/' at the end except the root, no empty, '.' or '..' segment. */
static bool is_virtual_path(struct slice text)
{
    if (!text.len || text.ptr[0] != '/' || slice_has_control(text))
        return false;
    if (text.len == 1)
        return true;
    struct slice rest = slice_from(text, 1);
    while (rest.ptr) {
        struct slice segment = slice_cut(&rest, '/');
        if (!segment.len || slice_equal_str(segment, ".") || slice_equal_str(segment, ".."))
            return false;
    }
    return true;
}

static bool is_pool_name(struct slice text)
{
    return !slice_has_control(text) && text.len <= 64;
}

static bool is_trimmed(struct slice text)
{
    return slice_trim(text).len == text.len;
}

static bool is_not_empty(struct slice text)
{
    return text.len > 0;
}

static const struct {
    bool (*holds)(struct slice text);
    const char *reason;
} string_checks[] = {
    [VALID_NON_EMPTY] = { is_not_empty, "String must not be empty" },
    [VALID_SITE_NAME] = { is_site_name, "Invalid site name" },
    [VALID_APPLICATION_PATH] = { is_virtual_path, "Invalid application path" },
    [VALID_DIRECTORY_PATH] = { is_virtual_path, "Invalid virtual directory path" },
    [VALID_POOL_NAME] = { is_pool_name, "Invalid application pool name" },
    [VALID_TRIMMED] = { is_trimmed, "String must not begin or end with a blank" },
};

static MUST_USE int parse_string(const struct schema_attr *a, struct slice text, unsigned from, int64_t *out,
                                 struct text *reason)
{
    (void)from;
    size_t count = sizeof string_checks / sizeof *string_checks;
    if ((size_t)a->validation < count && string_checks[a->validation].holds &&
        !string_checks[a->validation].holds(text))
        return complain(reason, ERR_SYNTAX, string_checks[a->validation].reason);
    *out = 0;
    return 0;
}

int value_parse(const struct schema_attr *a, struct slice text, unsigned from, int64_t *number_out,
                struct text *reason)
{
    static int (*const parsers[])(const struct schema_attr *, struct slice, unsigned, int64_t *, struct text *) = {
        [CONF_BOOL] = parse_bool,   [CONF_INT] = parse_integer, [CONF_UINT] = parse_integer,
        [CONF_INT64] = parse_integer, [CONF_ENUM] = parse_enum, [CONF_FLAGS] = parse_flags,
        [CONF_TIMESPAN] = parse_time, [CONF_STRING] = parse_string,
    };
    return parsers[a->type](a, text, from, number_out, reason);
}

/* ---- writing ---- */

static void print_flags(const struct schema_attr *a, int64_t number, struct text *out)
{
    bool first = true;
    for (size_t i = 0; i < a->name_count; i++) {
        if (!(number & a->names[i].value))
            continue;
        text_addf(out, "%s%s", first ? "" : ", ", a->names[i].name);
        first = false;
    }
}

static void print_time(int64_t seconds, struct text *out)
{
    if (seconds >= 86400)
        text_addf(out, "%" PRId64 ".", seconds / 86400);
    seconds %= 86400;
    text_addf(out, "%02d:%02d:%02d", (int)(seconds / 3600), (int)(seconds / 60 % 60), (int)(seconds % 60));
}

void value_print(const struct schema_attr *a, struct slice text, int64_t number, struct text *out)
{
    switch (a->type) {
    case CONF_BOOL:
        text_add_str(out, number ? "true" : "false");
        return;
    case CONF_ENUM:
        for (size_t i = 0; i < a->name_count; i++)
            if (a->names[i].value == number) {
                text_add_str(out, a->names[i].name);
                return;
            }
        return;
    case CONF_FLAGS:
        print_flags(a, number, out);
        return;
    case CONF_TIMESPAN:
        print_time(number, out);
        return;
    case CONF_INT:
    case CONF_UINT:
    case CONF_INT64:
        text_addf(out, "%" PRId64, number);
        return;
    case CONF_STRING:
        text_add(out, text);
        return;
    }
}

/* IIS's schema has no units; what it measures as a number has names that tell. */
static bool is_seconds(const struct schema_attr *a)
{
    bool is_number = a->type == CONF_INT || a->type == CONF_UINT || a->type == CONF_INT64;
    struct slice name = a->name ? slice_str(a->name) : SLICE_NONE;
    return is_number && (slice_ends(name, SLICE_LITERAL("Timeout")) || slice_ends(name, SLICE_LITERAL("Interval")));
}

void value_allowed(const struct schema_attr *a, struct text *out)
{
    static const char *const forms[] = {
        [CONF_BOOL] = "true, false", [CONF_INT] = "integer", [CONF_UINT] = "0 to 4294967295",
        [CONF_INT64] = "integer",    [CONF_TIMESPAN] = "hh:mm:ss or d.hh:mm:ss",
    };
    if (a->type == CONF_ENUM || a->type == CONF_FLAGS)
        list_names(a, out);
    else if (a->validation == VALID_INT_RANGE)
        text_addf(out, "%" PRId64 " to %" PRId64, a->low, a->high);
    else if (a->validation == VALID_INT_EXCLUDE)
        text_addf(out, "0 to 4294967295, not %" PRId64 " to %" PRId64, a->low, a->high);
    else if (a->validation == VALID_SITE_ID)
        text_add_str(out, "1 to 4294967295");
    else if (a->type != CONF_STRING)
        text_add_str(out, forms[a->type]);
    if (is_seconds(a))
        text_add_str(out, " (seconds)");
    if (a->validation == VALID_TIME_RANGE)
        text_addf(out, ", %" PRId64 " to %" PRId64 " seconds", a->low, a->high);
    if (a->validation == VALID_NON_EMPTY)
        text_add_str(out, "any text but the empty one");
    if (a->validation == VALID_SITE_NAME)
        text_add_str(out, "a name without / and ?");
    if (a->validation == VALID_APPLICATION_PATH || a->validation == VALID_DIRECTORY_PATH)
        text_add_str(out, "a path like / or /a/b");
}

void value_todo(const struct schema_attr *a, struct slice text, struct slice reason, struct text *out)
{
    bool has_range = slice_starts(reason, SLICE_LITERAL("Integer value must"));
    if (a->type == CONF_ENUM || a->type == CONF_FLAGS)
        text_addf(out, "It is \"" SLICE_FMT "\"", SLICE_ARG(text));
    else if (a->allowed[0] && (!has_range || is_seconds(a)))
        text_addf(out, "Allowed: %s", a->allowed);
}

static bool is_base64(struct slice data)
{
    for (size_t i = 0; i < data.len; i++) {
        char c = data.ptr[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
              c == '='))
            return false;
    }
    return true;
}

/* [enc:provider:data:enc] */
static bool has_form(struct slice text, struct slice *data_out)
{
    struct slice head = SLICE_LITERAL("[enc:"), tail = SLICE_LITERAL(":enc]");
    if (!slice_starts(text, head) || !slice_ends(text, tail) || text.len < head.len + tail.len)
        return false;
    struct slice data = slice_of(text.ptr + head.len, text.len - head.len - tail.len);
    size_t colon = slice_find(data, ':');
    if (colon == SIZE_MAX || colon == 0)
        return false;
    *data_out = slice_from(data, colon + 1);
    return is_base64(*data_out);
}

bool value_is_encrypted(struct slice text, struct slice *data_out)
{
    struct slice data = SLICE_NONE;
    bool good = has_form(text, &data);
    if (!good && !slice_starts(text, SLICE_LITERAL("[enc:" VALUE_OWN_PROVIDER ":")))
        return false;
    if (data_out)
        *data_out = good ? data : text;
    return true;
}
