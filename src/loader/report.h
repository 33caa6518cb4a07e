/*
 * report.h - what the administrator is told about a configuration: collected, then given out by file and line.
 */
#pragma once

#include "base/diag.h"
#include "base/text.h"
#include "proto/loader.h"

struct report_item {
    enum loader_severity severity;
    uint32_t site; /* id; 0: the whole configuration */
    struct diag diag;
    size_t order; /* of arrival */
};

/* Zero-initialised; freed by report_free. */
struct report {
    struct report_item *items;
    size_t count, cap;
    size_t errors; /* without a site: no snapshot may follow */
    bool full;     /* out of memory: something was lost */
};

enum { REPORT_MAX = 20000 }; /* beyond that only errors without a site are kept */

void report_add(struct report *r, enum loader_severity severity, uint32_t site, const struct diag *d);
/* Order by file (applicationHost, administration, sallyport, others by name, then what has no file), line, column,
 * arrival, and drop repetitions. */
void report_sort(struct report *r);
void report_free(struct report *r);
