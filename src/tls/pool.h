/*
 * pool.h - where OpenSSL's record buffers live.
 *
 * One place per process, for a program that uses OpenSSL in one thread.
 */
#pragma once

/* Call once, before anything of OpenSSL; without memory for it all stays as it was. */
void tls_pool_install(void);
