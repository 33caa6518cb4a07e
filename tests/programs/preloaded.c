/*
 * preloaded.c - starts the program of its own name in the folder "real" beside it, with a library preloaded.
 *
 * The supervisor passes no LD_PRELOAD on to its programs (src/sys/spawn.c), so this one stands in for each of them.  The
 * variables to set are the lines of the file "real/environment".
 */
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void set_variables(const char *folder)
{
    char path[PATH_MAX], line[PATH_MAX];
    snprintf(path, sizeof path, "%s/real/environment", folder);
    FILE *lines = fopen(path, "re");
    while (lines && fgets(line, sizeof line, lines)) {
        line[strcspn(line, "\n")] = '\0';
        char *value = strchr(line, '=');
        if (!value)
            continue;
        *value = '\0';
        setenv(line, value + 1, 1);
    }
    if (lines)
        fclose(lines);
}

int main(int argc, char **argv)
{
    (void)argc;
    char self[PATH_MAX / 2], copy[PATH_MAX / 2], real[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len < 0)
        return 127;
    self[len] = '\0';
    strcpy(copy, self);
    const char *folder = dirname(copy);
    set_variables(folder);
    snprintf(real, sizeof real, "%s/real/%s", folder, basename(self));
    execv(real, argv);
    return 127;
}
