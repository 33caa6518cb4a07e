/*
 * stepping_clock.c - a clock of the calendar that steps back an hour each time it is read, to be preloaded
 * (tests/e2e/membership_test.py).
 */
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

time_t time(time_t *now_out)
{
    static atomic_int hours;
    struct timespec real;
    clock_gettime(CLOCK_REALTIME, &real);
    time_t now = real.tv_sec - 3600 * ++hours;
    if (now_out)
        *now_out = now;
    return now;
}
