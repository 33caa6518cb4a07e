/*
 * pool.h - where OpenSSL's record buffers live.
 *
 * One place per process, for a program that uses OpenSSL in one thread.
 */
#pragma once

#include <stdbool.h>

/* Call once, before anything of OpenSSL; without memory for it all stays as it was. */
void tls_pool_install(void);

/* While OpenSSL prepares itself it waits for memory (base/memory.h); it would not stand want. */
void tls_pool_await(bool awaits);
