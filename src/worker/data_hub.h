/*
 * data_hub.h - what all data channels and transfers of one worker share: scratch memory, a pipe, listeners that are used
 * again, streams that are still closing.
 */
#pragma once

#include "loop/loop.h"

struct data_hub;
struct data_ports;
struct stream;

/* Also ignores SIGPIPE and SIGXFSZ for the process: both are reported as errors where they belong. */
struct data_hub *data_hub_new(struct loop *loop); /* NULL: out of memory */
void data_hub_free(struct data_hub *h);           /* after every data and transfer is gone; NULL is fine */
struct loop *data_hub_loop(struct data_hub *h);
struct data_ports *data_hub_ports(struct data_hub *h);

/* One buffer for the duration of one callback; nobody keeps anything in it (DATA_SCRATCH bytes). */
enum { DATA_SCRATCH = 1024 * 1024, DATA_ALIGNED = 4096 /* whole pages are copied faster to and from files */ };
char *data_hub_scratch(struct data_hub *h);
/* A pipe that holds as much, empty, NULL if there is none; [0] to read from.  Who leaves bytes in it drops it. */
const int *data_hub_pipe(struct data_hub *h);
void data_hub_drop_pipe(struct data_hub *h);

/* Take over the stream: close_notify, FIN, wait for the peer's end, close. */
void data_hub_linger(struct data_hub *h, struct stream *s);
