/*
 * data.h - the data channel of a session: from PASV or PORT to an open stream.
 *
 * A `struct data` exists from PASV/EPSV/PORT/EPRT until data_free; it is one attempt at one connection.  A passive one
 * takes connections without being told to (so that 125 can be told from 150), refuses strangers without giving up its listener
 * (threats.md D03), and gives the listener up when the right peer is in.  An active one connects when data_open is called.
 * The TLS handshake runs in data_open, so that it goes on while 150 is under way.
 */
#pragma once

#include "base/net_addr.h"
#include "tls/stream.h"

struct data_hub;

struct data_rules {
    uint16_t low_port, high_port; /* both 0: 49152..65535 */
    uint64_t session;             /* whose channel it is: listeners are used again by their session only; 0 never */
    bool match_pasv, match_port;  /* dataChannelSecurity */
    bool require_resumption;      /* requireDataChannelResumption */
    bool require_certificate;     /* clientCertificatePolicy is CertRequire: one that is missing is told so */
    int64_t timeout_ms;           /* dataChannelTimeout: to connect, to be connected to, to finish the handshake; 0 none */
};

/* How data_open ended. */
enum data_result {
    DATA_OPENED,
    DATA_FAILED,      /* could not connect */
    DATA_TIMED_OUT,   /* nobody came, no answer to our SYN */
    DATA_STRANGER,    /* timed out, and somebody else had come */
    DATA_TLS_FAILED,  /* handshake refused, broken off or too slow */
    DATA_CERT_MISSING, DATA_CERT_DIFFERS, /* not the certificate of the control channel (threats.md C13) */
    DATA_NOT_RESUMED, /* TLS, but not the control channel's session (threats.md D08) */
    DATA_RESULT_COUNT
};
/* What each means to the client and the log (ftp-behaviour.md 2.1, 2.4): code, text, sub-status, Win32 code. */
struct data_reply {
    unsigned code;
    const char *text;
    unsigned substatus, win32;
};
const struct data_reply *data_result_reply(enum data_result result); /* NULL for DATA_OPENED */

struct data;
/* PASV, EPSV: listen on the address of the control channel, at a port nobody can foresee (D04).  `local` and `peer` are
 * the control channel's.  ERR_LIMIT: no free port in the range; ERR_RANGE: nonsense range; ERR_SYS. */
MUST_USE int data_listen(struct data_hub *hub, const struct data_rules *rules, const struct net_addr *local,
                         const struct net_addr *peer, struct data **data_out);
/* PORT, EPRT: remember where to connect to.  ERR_DENIED: another host, a port below 1024, or no unicast address
 * (D01, D02).  ERR_UNSUPPORTED: not the control channel's family. */
MUST_USE int data_target(struct data_hub *hub, const struct data_rules *rules, const struct net_addr *local,
                         const struct net_addr *peer, const struct net_addr *target, struct data **data_out);
/* Close everything.  A stream gets close_notify and FIN and lingers in the hub until the peer has closed too or 5
 * seconds went by, unless a transfer over it failed: that one is reset, so that a client in clear cannot take the cut
 * for the end of the file.  Safe inside the callbacks; NULL is fine. */
void data_free(struct data *d);

uint16_t data_port(const struct data *d);     /* passive: where we listen */
bool data_is_passive(const struct data *d);
bool data_is_connected(const struct data *d);
bool data_accept(struct data *d);             /* look for the peer at the listener; true: 125 rather than 150 */

typedef void data_opened(void *context, enum data_result result);
/* A transfer command needs the stream.  `control` not NULL: TLS, tied to that control channel.  `opened` is called
 * once, inside data_open when nothing is to be waited for; not at all after data_free.  Once per `data`. */
MUST_USE int data_open(struct data *d, struct tls_session *control, data_opened *opened, void *context);
/* Valid from DATA_OPENED until data_free. */
struct stream *data_stream(struct data *d);
