/* directory_fuzz.c - what a controller answers and what certificates say, as values, SIDs, times, addresses, hours. */
#include "directory/account_rules.h"
#include "directory/ldap_url.h"
#include "directory/text_forms.h"

#include <stdlib.h>

#include "base/fold.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool true_claim)
{
    if (!true_claim)
        abort();
}

/* Nothing of a value may act as syntax in a filter (threats.md L01). */
static void filter_is_safe(struct slice value)
{
    OWNED_TEXT_BUFFER filter = { 0 };
    ldap_text_add_filter(&filter, value);
    for (size_t i = 0; i < filter.len; i++) {
        unsigned char c = (unsigned char)filter.ptr[i];
        must(c >= ' ' && c < 0x7f && c != '*' && c != '(' && c != ')');
        if (c == '\\') {
            must(i + 2 < filter.len && strchr("0123456789abcdef", filter.ptr[i + 1]) && strchr("0123456789abcdef", filter.ptr[i + 2]));
            i += 2;
        }
    }
}

static void account_is_judged(struct slice bytes)
{
    uint64_t words[6] = { 0 };
    memcpy(words, bytes.ptr, bytes.len < sizeof words ? bytes.len : sizeof words);
    struct slice rest = bytes.len > sizeof words ? slice_from(bytes, sizeof words) : SLICE_NONE;
    const struct account_state state = {
        .control = (uint32_t)words[0], .has_computed = words[1] & 1, .computed = (uint32_t)words[2], .expires = (int64_t)words[3],
        .lockout_time = (int64_t)words[4], .lockout_duration = (int64_t)words[5],
        .logon_hours = rest.len >= LOGON_HOURS_LEN ? slice_first(rest, LOGON_HOURS_LEN) : rest, .workstations = rest,
    };
    const struct mapping_rules rules = { .at = 1800000000, .workstation = SLICE_LITERAL("FTP1") };
    enum directory_verdict verdict = account_check(&state, &rules);
    must(!(state.control & 2) || verdict != DIRECTORY_FOUND);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1); /* of the exact size: an octet too far is seen */
    must(copy != NULL);
    if (size)
        memcpy(copy, data, size);
    struct slice bytes = slice_of(copy, size);
    OWNED_TEXT_BUFFER sid = { 0 };
    struct ldap_crl_url url;
    int64_t seconds;
    filter_is_safe(bytes);
    if (ldap_text_add_sid(&sid, bytes) == 0)
        must(slice_starts(text_slice(&sid), SLICE_LITERAL("S-1-")));
    (void)!ldap_text_to_time(bytes, &seconds);
    must(fold_equal(bytes, bytes) || !slice_is_utf8(bytes));
    if (ldap_crl_url_parse(bytes, &url) == 0) {
        must(!slice_has_control(text_slice(&url.dn)));
        text_free(&url.dn);
    }
    account_is_judged(bytes);
    free(copy);
    return 0;
}
