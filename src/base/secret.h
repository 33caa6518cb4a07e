/* secret.h - bytes that must not outlive their use. */
#pragma once

#include <stddef.h>
#include <stdbool.h>

/* Overwrite in a way the compiler keeps. */
void secret_wipe(void *ptr, size_t len);
/* Whether the bytes are equal, in time that depends on `len` only. */
bool secret_equal(const void *a, const void *b, size_t len);
