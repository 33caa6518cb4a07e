/*
 * rehearse.c - `certificate test`: what the running service would make of a client's certificate.
 *
 * The file is read as a TLS client reads it, so that the service gets what the client would send; every decision is the
 * service's.  The exit code is the verdict.
 */
#include <stdio.h>
#include <time.h>

#include "base/own.h"
#include "cli/certificate.h"
#include "cli/control_client.h"
#include "cli/table.h"
#include "tls/cert.h"

static const char *const verdicts[] = {
#define TEXT(name, number, text) [name] = text,
    REHEARSAL_OUTCOMES(TEXT)
#undef TEXT
};
static const int codes[REHEARSAL_MAX + 1] = {
    [REHEARSAL_ALLOWED] = EXIT_OK,
    [REHEARSAL_NEEDS_PASSWORD] = EXIT_TEST_PASSWORD,
    [REHEARSAL_CERTIFICATE_REFUSED] = EXIT_TEST_CERTIFICATE,
    [REHEARSAL_ACCOUNT_REFUSED] = EXIT_TEST_ACCOUNT,
    [REHEARSAL_HOME_REFUSED] = EXIT_TEST_HOME,
    [REHEARSAL_UNAVAILABLE] = EXIT_TEST_NO_VERDICT,
    [REHEARSAL_NOT_ASKED] = EXIT_TEST_NOT_ASKED,
};

struct rehearsed {
    struct cli *c;
    int code;
};

static void take_row(void *context, const struct wire_message *message, struct wire_in *fields)
{
    struct rehearsed *r = context;
    struct control_line line;
    struct control_verdict verdict;
    if (message->number == MSG_control_line && control_line_decode(fields, &line) == 0)
        cli_say(r->c, SLICE_FMT, SLICE_ARG(line.text));
    if (message->number == MSG_control_verdict && control_verdict_decode(fields, &verdict) == 0) {
        cli_say(r->c, "verdict: %s", verdicts[verdict.outcome]);
        r->code = codes[verdict.outcome];
    }
}

/* "2030-01-31" or "2030-01-31T12:00:00Z", UTC. */
static bool parse_time(struct slice text, int64_t *seconds_out)
{
    struct tm tm = { 0 };
    char copy[32];
    static const char *const forms[] = { "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d" };
    if (text.len >= sizeof copy)
        return false;
    snprintf(copy, sizeof copy, SLICE_FMT, SLICE_ARG(text));
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        const char *end = strptime(copy, forms[i], &tm);
        if (!end || *end)
            continue;
        *seconds_out = timegm(&tm);
        return *seconds_out > 0;
    }
    return false;
}

static int take_parameters(struct cli *c, struct control_test *test)
{
    struct slice at = cli_param(c, "at"), client = cli_param(c, "from");
    test->site = cli_param(c, "site");
    test->user = cli_param(c, "user");
    if (slice_is_empty(test->site))
        return cli_error(c, EXIT_BAD_PARAMETER, "Must specify the site with /site:NAME.");
    if (test->site.len > NAME_LIMIT || test->user.len > NAME_LIMIT)
        return cli_error(c, EXIT_BAD_PARAMETER, "A name has at most %d bytes.", NAME_LIMIT);
    if (at.ptr && !parse_time(at, &test->at))
        return cli_error(c, EXIT_BAD_PARAMETER, "\"" SLICE_FMT "\" is no time: write 2030-01-31 or 2030-01-31T12:00:00Z (UTC).",
                         SLICE_ARG(at));
    if (net_addr_parse(client.ptr ? client : SLICE_LITERAL("127.0.0.1"), &test->client) != 0)
        return cli_error(c, EXIT_BAD_PARAMETER, "\"" SLICE_FMT "\" is no IP address.", SLICE_ARG(client));
    return EXIT_OK;
}

int certificate_rehearse(struct cli *c)
{
    struct control_test test = { 0 };
    struct cert *cert = NULL;
    OWNED_TEXT_BUFFER chain = { 0 };
    struct rehearsed r = { c, EXIT_TEST_NO_VERDICT };
    int code = cert_prepare() == 0 ? take_parameters(c, &test) : cli_failed(c, 14, "The certificate library cannot be prepared.");
    if (!code)
        code = certificate_read(c, c->identifier, &cert);
    if (!code && cert_write_sent(cert, &chain))
        code = cli_failed(c, 14, "The certificate cannot be written.");
    cert_free(cert);
    if (!code && chain.len > CERT_CHAIN_LIMIT)
        code = cli_failed(c, EXIT_BAD_DATA, "The file holds more than %d bytes of certificates: the service ends the handshake of a "
                          "client that sends as much (sub-status 32).", CERT_CHAIN_LIMIT);
    test.chain = text_slice(&chain);
    if (!code)
        code = control_rehearse(c, &test, take_row, &r);
    return code ? code : r.code;
}
