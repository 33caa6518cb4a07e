/*
 * management_fuzz.c - any sequence of changes to a collection, against a plain list.
 *
 * Must hold: every item keeps its handle while its neighbours come, go and move; what was removed says so; the order is
 * that of the list; what was committed opens again.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sallyport/management.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RULES "system.ftpServer/security/authorization"
#define FILE_BEFORE                                                                                                \
    "<configuration><configSections><sectionGroup name='system.ftpServer'><sectionGroup name='security'>"          \
    "<section name='authorization' /></sectionGroup></sectionGroup></configSections>\n"                            \
    "  <system.ftpServer><security><!-- rules -->\n    <authorization>\n      <add accessType='Allow' users='u0' /> <!-- first -->\n" \
    "      <add accessType='Deny' users='u1'></add>   </authorization></security></system.ftpServer></configuration>\n"

enum { ITEMS_MAX = 40, STEPS_MAX = 60 };

struct model {
    struct sp_element *items[ITEMS_MAX];
    unsigned users[ITEMS_MAX];
    size_t count;
    unsigned next;
    struct sp_element *gone;
};

static const char *folder(void)
{
    static char path[] = "/tmp/management-fuzz-XXXXXX";
    static bool made;
    if (!made && !mkdtemp(path))
        abort();
    made = true;
    return path;
}

static void put_file(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/applicationHost.config", folder());
    FILE *f = fopen(path, "w");
    if (!f || fputs(FILE_BEFORE, f) < 0 || fclose(f) != 0)
        abort();
}

static void user_name(unsigned number, char out[16])
{
    snprintf(out, 16, "u%u", number);
}

static void check(struct sp_element *rules, const struct model *m)
{
    assert(sp_collection_count(rules) == m->count);
    for (size_t i = 0; i < m->count; i++) {
        char want[16];
        user_name(m->users[i], want);
        assert(sp_collection_item(rules, i) == m->items[i]);
        assert(strcmp(sp_element_get_text(m->items[i], "users"), want) == 0);
    }
    if (m->gone)
        assert(sp_element_set(m->gone, "roles", "x") == SP_ERR_STATE);
}

static void take_out(struct model *m, size_t at)
{
    m->count--;
    memmove(m->items + at, m->items + at + 1, (m->count - at) * sizeof *m->items);
    memmove(m->users + at, m->users + at + 1, (m->count - at) * sizeof *m->users);
}

static void put_in(struct model *m, size_t at, struct sp_element *item, unsigned user)
{
    at = at > m->count ? m->count : at;
    memmove(m->items + at + 1, m->items + at, (m->count - at) * sizeof *m->items);
    memmove(m->users + at + 1, m->users + at, (m->count - at) * sizeof *m->users);
    m->items[at] = item;
    m->users[at] = user;
    m->count++;
}

static void add(struct sp_element *rules, struct model *m, size_t at)
{
    char user[16];
    struct sp_element *item = sp_collection_create(rules, "add");
    user_name(m->next, user);
    assert(m->count < ITEMS_MAX);
    assert(sp_element_set(item, "users", user) == SP_OK);
    assert(sp_collection_add_at(rules, item, at) == SP_ERR_VALUE); /* accessType is missing, and it stays usable */
    assert(sp_element_set(item, "accessType", "Allow") == SP_OK);
    assert(sp_collection_add_at(rules, item, at) == SP_OK);
    put_in(m, at, item, m->next++);
}

static void step(struct sp_element *rules, struct model *m, uint8_t what, uint8_t where)
{
    size_t at = m->count ? where % m->count : 0, to = where / 16;
    struct sp_element *item = m->count ? m->items[at] : NULL;
    unsigned user = m->count ? m->users[at] : 0;
    if (what % 8 < 3 && m->count < ITEMS_MAX) {
        add(rules, m, where % 2 ? to : m->count);
    } else if (what % 8 == 3 && item) {
        assert(sp_collection_remove(rules, item) == SP_OK);
        take_out(m, at);
        m->gone = item;
    } else if (what % 8 < 6 && item) {
        assert(sp_collection_move(rules, item, to) == SP_OK);
        take_out(m, at);
        put_in(m, to, item, user);
    } else if (what % 8 == 6 && item) {
        assert(sp_element_set(item, "permissions", where % 2 ? "Read, Write" : "Read") == SP_OK);
        assert(sp_element_get_number(item, "permissions") == (where % 2 ? 3 : 1));
    } else if (where == 255) {
        assert(sp_collection_clear(rules) == SP_OK);
        m->count = 0;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_manager *manager = NULL, *again = NULL;
    struct model m = { .next = 2 };
    put_file();
    if (sp_manager_open(folder(), &manager, NULL))
        abort();
    struct sp_element *rules = sp_manager_section(manager, RULES, NULL);
    for (unsigned i = 0; i < 2; i++)
        put_in(&m, i, sp_collection_item(rules, i), i);
    for (size_t i = 0; i + 1 < size && i < STEPS_MAX * (size_t)2; i += 2) {
        step(rules, &m, data[i], data[i + 1]);
        check(rules, &m);
    }
    if (sp_manager_commit(manager) || sp_manager_open(folder(), &again, NULL))
        abort();
    assert(sp_collection_count(sp_manager_section(again, RULES, NULL)) == m.count);
    sp_manager_free(again);
    sp_manager_free(manager);
    return 0;
}
