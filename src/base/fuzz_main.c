/*
 * fuzz_main.c - a main for LLVMFuzzerTestOneInput where the compiler brings none.
 *
 *     x_fuzz [-s SECONDS] [FILE | DIRECTORY] ...
 *
 * Replays every file given, then spends SECONDS (2) on mutations of them and on random bytes.  The random sequence is
 * fixed, so a failing run fails again; the input is written to crash-input in the working directory before it is tried,
 * and removed after success.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 64 * 1024, SEEDS_MAX = 4096 };

static struct seed {
    uint8_t *bytes;
    size_t size;
} seeds[SEEDS_MAX];
static size_t seed_count;

static uint64_t random_next(void)
{
    static uint64_t state = 0x9E3779B97F4A7C15u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void add_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f || seed_count == SEEDS_MAX) {
        if (f)
            fclose(f);
        return;
    }
    uint8_t *bytes = malloc(INPUT_MAX);
    if (bytes)
        seeds[seed_count++] = (struct seed){ bytes, fread(bytes, 1, INPUT_MAX, f) };
    fclose(f);
}

static void add_path(const char *path)
{
    DIR *d = opendir(path);
    if (!d) {
        add_file(path);
        return;
    }
    for (struct dirent *e; (e = readdir(d));) {
        char name[4096];
        if (e->d_name[0] == '.' || snprintf(name, sizeof name, "%s/%s", path, e->d_name) >= (int)sizeof name)
            continue;
        add_file(name);
    }
    closedir(d);
}

static size_t start_from(uint8_t *out)
{
    if (seed_count && random_next() % 8) {
        const struct seed *s = &seeds[random_next() % seed_count];
        memcpy(out, s->bytes, s->size);
        return s->size;
    }
    size_t size = random_next() % (random_next() % 4 ? 64 : 2048);
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(random_next() >> 32);
    return size;
}

/* Change, insert, remove or repeat a few bytes. */
static size_t mutate(uint8_t *bytes, size_t size)
{
    static const uint8_t telling[] = { 0, 1, '\r', '\n', ' ', '"', '\\', '/', '.', '#', '%', 0x7f, 0x80, 0xff, '0', '9' };
    for (uint64_t rounds = random_next() % 6; rounds-- && size;) {
        size_t at = random_next() % size, run = 1 + random_next() % 8;
        uint8_t byte = random_next() % 2 ? telling[random_next() % sizeof telling] : (uint8_t)(random_next() >> 32);
        run = run > size - at ? size - at : run;
        switch (random_next() % 4) {
        case 0:
            bytes[at] = byte;
            break;
        case 1:
            bytes[at] ^= (uint8_t)(1u << random_next() % 8);
            break;
        case 2:
            memmove(bytes + at, bytes + at + run, size - at - run);
            size -= run;
            break;
        default:
            if (size + run > INPUT_MAX)
                break;
            memmove(bytes + at + run, bytes + at, size - at);
            memset(bytes + at, byte, random_next() % 2 ? run : 0);
            size += run;
            break;
        }
    }
    return size;
}

static void try_mutations(unsigned seconds)
{
    uint8_t *bytes = malloc(2 * INPUT_MAX);
    time_t end = time(NULL) + seconds;
    int fd = open("crash-input", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    unsigned long runs = 0;
    while (bytes && time(NULL) < end) {
        size_t size = mutate(bytes, start_from(bytes));
        if (fd >= 0 && (ftruncate(fd, 0) < 0 || pwrite(fd, bytes, size, 0) < 0))
            perror("crash-input");
        LLVMFuzzerTestOneInput(bytes, size);
        runs++;
    }
    if (fd >= 0)
        close(fd);
    unlink("crash-input");
    free(bytes);
    printf("%zu replayed, %lu mutations\n", seed_count, runs);
}

int main(int argc, char **argv)
{
    unsigned seconds = 2;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "-s") && i + 1 < argc)
            seconds = (unsigned)strtoul(argv[++i], NULL, 10);
        else
            add_path(argv[i]);
    }
    for (size_t i = 0; i < seed_count; i++)
        LLVMFuzzerTestOneInput(seeds[i].bytes, seeds[i].size);
    try_mutations(seconds);
    for (size_t i = 0; i < seed_count; i++)
        free(seeds[i].bytes);
    return 0;
}
