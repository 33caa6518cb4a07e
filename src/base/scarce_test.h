/*
 * scarce_test.h - a malloc that refuses what a test tells it to (threats.md H10).
 *
 * For one file of a test program; it stands in for malloc in all of it, libraries included.  Not with sanitizers, which have
 * a malloc of their own.
 */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* glibc's own names for them */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);

static size_t scarce_made, scarce_first = SIZE_MAX, scarce_count;

/* From now on refuse `count` allocations behind the next `first`. */
static void scarce_refuse(size_t first, size_t count)
{
    scarce_made = 0;
    scarce_first = first;
    scarce_count = count;
}

static void scarce_end(void)
{
    scarce_first = SIZE_MAX;
}

static int scarce_is_refused(void)
{
    size_t number = scarce_made++;
    if (number < scarce_first || number - scarce_first >= scarce_count)
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return scarce_is_refused() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return scarce_is_refused() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    return scarce_is_refused() ? NULL : __libc_realloc(block, size);
}
