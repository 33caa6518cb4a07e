/* machine.c - see machine.h. */
#include "sys/machine.h"

#include <string.h>
#include <unistd.h>

#include "base/slice.h"

void machine_name(char name_out[MACHINE_NAME])
{
    char host[MACHINE_NAME] = { 0 };
    if (gethostname(host, sizeof host - 1) < 0)
        host[0] = 0;
    host[strcspn(host, ".")] = 0;
    for (size_t i = 0; i < sizeof host; i++)
        name_out[i] = ascii_upper(host[i]);
}
