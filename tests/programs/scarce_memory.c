/*
 * scarce_memory.c - a malloc that fails now and then, to be preloaded (tests/e2e/scarce_memory_test.py; threats.md H10).
 *
 * The file that SCARCE_MEMORY names holds two numbers.  The first: one allocation in so many fails, at random; 0, none.  All
 * programs of a service share it, and it is looked at for each allocation.  In the second they count what failed.  libseccomp
 * gets all that it wants: 2.5 does not stand want, it turns in a circle or gives back twice.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* glibc's own names for them */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);

struct shared {
    uint32_t odds, refused;
};
static struct shared never, *shared = &never;
static _Thread_local uint32_t state;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("SCARCE_MEMORY");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *mapped = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (file >= 0)
        close(file);
    if (mapped != MAP_FAILED)
        shared = mapped;
}

static bool fails(const void *caller)
{
    Dl_info who;
    uint32_t one_in = __atomic_load_n(&shared->odds, __ATOMIC_RELAXED);
    if (!one_in)
        return false;
    if (!state)
        state = ((uint32_t)getpid() * 2654435761u ^ (uint32_t)(uintptr_t)&state) | 1;
    state = state * 1664525 + 1013904223;
    if ((state >> 8) % one_in)
        return false;
    if (dladdr(caller, &who) && strstr(who.dli_fname, "libseccomp"))
        return false;
    __atomic_fetch_add(&shared->refused, 1, __ATOMIC_RELAXED);
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(block, size);
}
