/*
 * memory.h - how often memory was refused.
 *
 * Libraries and the growing buffers say so to their callers, but not all of them to everybody, and not always.  Who must
 * not act on what may be incomplete (a configuration without one of its rules looks like any other) compares the count
 * before and after.
 */
#pragma once

#include <stddef.h>

/* Since the program was started, by all threads. */
unsigned memory_refusals(void);

/* realloc that counts. */
void *memory_resize(void *block, size_t size);

/* realloc for libraries that do not stand want: it waits for memory, and ends the program when there is none for five seconds. */
void *memory_await(void *block, size_t size);
