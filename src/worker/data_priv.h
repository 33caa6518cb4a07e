/* data_priv.h - what data.c needs of the hub beyond data.h. */
#pragma once

#include "worker/data.h"
#include "worker/data_ports.h"

struct data_ports *data_hub_ports(struct data_hub *h);

/* Take over the stream: close_notify, FIN, wait for the peer's end, close. */
void data_hub_linger(struct data_hub *h, struct stream *s);
