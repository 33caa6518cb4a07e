/* main.c - the program `sallyport`, also installed as `appcmd`. */
#include <signal.h>

#include "cli/cli.h"

/* A Linux exit status has eight bits; 1168 and 4312 are printed by IIS as %ERRORLEVEL%.  The low byte of each
 * (144, 216, 38 ...) is what a shell sees, never 0 for a failure. */
int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* "import ... | head": what was ordered is done, whether the report is read to its end or not */
    signal(SIGXFSZ, SIG_IGN); /* a save that meets a file size limit tells so, and takes its temporary file away */
    int code = cli_run(argc, argv, stdin, stdout);
    return code == 0 ? 0 : (code & 0xff) ? code & 0xff : 1;
}
