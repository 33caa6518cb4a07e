/*
 * w3c.c - see w3c.h.
 *
 * One table: flag, field name, printer, in the order real logs show with every field on.  Line ends are CRLF as IIS
 * writes them.  Stamps are UTC whatever localTimeRollover says.
 */
#include "logfmt/w3c.h"

#include <time.h>

#include "snapshot/snapshot.h"

struct column {
    uint32_t flag;
    const char *name;
    void (*print)(const struct w3c_style *style, const struct log_access *r, struct text *out);
};

/* ---- the escaper ---- */

/* The next character of `s` at *at: its code point, or -1 and one byte further for what is no UTF-8. */
static int32_t next_character(struct slice s, size_t *at)
{
    uint8_t lead = (uint8_t)s.ptr[*at];
    size_t len = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (len > s.len - *at || !slice_is_utf8(slice_of(s.ptr + *at, len))) {
        *at += 1;
        return -1;
    }
    int32_t c = len == 1 ? lead : lead & (0x3F >> (len - 1));
    for (size_t i = 1; i < len; i++)
        c = c << 6 | ((uint8_t)s.ptr[*at + i] & 0x3F);
    *at += len;
    return c;
}

/* C0, DEL and C1, and the separators that some readers of logs take for line ends, and direction overrides. */
static bool is_dangerous(int32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 || (c >= 0x202A && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069);
}

static void add_percent(struct text *out, struct slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        text_addf(out, "%%%02X", (uint8_t)bytes.ptr[i]);
}

static void add_field(const struct w3c_style *style, struct slice s, struct text *out)
{
    if (slice_is_empty(s))
        text_add_char(out, '-');
    for (size_t at = 0; at < s.len;) {
        size_t from = at;
        while (at < s.len && s.ptr[at] > ' ' && s.ptr[at] < 0x7f)
            at++;
        text_add(out, slice_of(s.ptr + from, at - from));
        if (at == s.len)
            break;
        from = at;
        int32_t c = next_character(s, &at);
        struct slice bytes = slice_of(s.ptr + from, at - from);
        if (c == ' ')
            text_add_char(out, '+');
        else if (is_dangerous(c))
            add_percent(out, bytes);
        else if (style->utf8)
            text_add(out, bytes);
        else
            text_add_char(out, c > 0xFF ? '?' : (char)c);
    }
}

/* ---- printers ---- */

#define TWO_DIGITS(n) (char)('0' + (n) / 10), (char)('0' + (n) % 10)

enum { DAY = 24 * 60 * 60 };

/* Rounded down, before 1970 too. */
static int64_t seconds_of(int64_t time)
{
    return time / 1000 - (time % 1000 < 0);
}

/* The calendar is asked once a day: it costs as much as the other fields of a line. */
static void add_date(int64_t time, struct text *out)
{
    static _Thread_local time_t known = -1; /* some second of the day of `tm` */
    static _Thread_local struct tm tm;
    time_t seconds = (time_t)seconds_of(time);
    if (known < 0 || seconds < 0 || known / DAY != seconds / DAY) {
        if (!gmtime_r(&seconds, &tm))
            tm = (struct tm){ .tm_year = 70, .tm_mday = 1 };
        known = seconds;
    }
    text_add_number(out, (uint64_t)(tm.tm_year + 1900), 4, '0');
    const char rest[] = { '-', TWO_DIGITS(tm.tm_mon + 1), '-', TWO_DIGITS(tm.tm_mday) };
    text_add(out, slice_of(rest, sizeof rest));
}

static void add_time(int64_t time, struct text *out)
{
    int64_t seconds = seconds_of(time) % DAY;
    unsigned of_day = (unsigned)(seconds < 0 ? seconds + DAY : seconds);
    const char text[] = { TWO_DIGITS(of_day / 3600), ':', TWO_DIGITS(of_day / 60 % 60), ':', TWO_DIGITS(of_day % 60) };
    text_add(out, slice_of(text, sizeof text));
}

static void add_number(struct text *out, uint64_t value)
{
    text_add_number(out, value, 0, ' ');
}

static void add_host(const struct net_addr *addr, struct text *out)
{
    if (addr->family)
        net_addr_print(addr, out);
    else
        text_add_char(out, '-');
}

static void add_port(const struct net_addr *addr, struct text *out)
{
    if (addr->family)
        add_number(out, addr->port);
    else
        text_add_char(out, '-');
}

#define PRINTER(name)                                                                                         \
    static void name(__attribute__((unused)) const struct w3c_style *style,                                   \
                     __attribute__((unused)) const struct log_access *r, struct text *out)

PRINTER(print_date)
{
    add_date(r->time, out);
}

PRINTER(print_time)
{
    add_time(r->time, out);
}

PRINTER(print_client_ip)
{
    add_host(&r->client, out);
}

PRINTER(print_client_port)
{
    add_port(&r->client, out);
}

PRINTER(print_user)
{
    add_field(style, r->user, out);
}

PRINTER(print_site)
{
    text_add_str(out, "FTPSVC");
    add_number(out, r->site);
}

PRINTER(print_computer)
{
    add_field(style, style->computer, out);
}

PRINTER(print_host)
{
    add_field(style, r->host, out);
}

PRINTER(print_server_ip)
{
    add_host(&r->local, out);
}

PRINTER(print_server_port)
{
    add_port(&r->local, out);
}

PRINTER(print_method)
{
    add_field(style, r->verb, out);
}

PRINTER(print_argument)
{
    add_field(style, r->argument, out);
}

/* The pseudo-verbs (ControlChannelOpened ...) have no status. */
PRINTER(print_status)
{
    if (r->status)
        add_number(out, r->status);
    else
        text_add_char(out, '-');
}

PRINTER(print_win32)
{
    add_number(out, r->win32);
}

PRINTER(print_substatus)
{
    add_number(out, r->substatus);
}

PRINTER(print_sent)
{
    add_number(out, r->bytes_sent);
}

PRINTER(print_received)
{
    add_number(out, r->bytes_received);
}

PRINTER(print_elapsed)
{
    add_number(out, r->elapsed);
}

PRINTER(print_session)
{
    if (r->session_id.len == 16)
        text_add_guid(out, r->session_id);
    else
        text_add_char(out, '-');
}

PRINTER(print_full_path)
{
    add_field(style, r->full_path, out);
}

PRINTER(print_info)
{
    add_field(style, r->info, out);
}

/* One of the lines subject, issuer, serial number, SHA-256. */
static void add_fact(const struct w3c_style *style, const struct log_access *r, unsigned line, struct text *out)
{
    struct slice rest = r->certificate, fact = SLICE_NONE;
    for (unsigned i = 0; i <= line; i++)
        fact = rest.ptr ? slice_cut(&rest, '\n') : SLICE_NONE;
    add_field(style, fact, out);
}

PRINTER(print_cert_subject)
{
    add_fact(style, r, 0, out);
}

PRINTER(print_cert_issuer)
{
    add_fact(style, r, 1, out);
}

PRINTER(print_cert_serial)
{
    add_fact(style, r, 2, out);
}

PRINTER(print_cert_sha256)
{
    add_fact(style, r, 3, out);
}

PRINTER(print_cert_verdict)
{
    add_field(style, r->cert_verdict, out);
}

static const struct column columns[] = {
    { 1,        "date",            print_date        },
    { 2,        "time",            print_time        },
    { 4,        "c-ip",            print_client_ip   },
    { 33554432, "c-port",          print_client_port },
    { 8,        "cs-username",     print_user        },
    { 16,       "s-sitename",      print_site        },
    { 32,       "s-computername",  print_computer    },
    { 1048576,  "cs-host",         print_host        },
    { 64,       "s-ip",            print_server_ip   },
    { 32768,    "s-port",          print_server_port },
    { 128,      "cs-method",       print_method      },
    { 256,      "cs-uri-stem",     print_argument    },
    { 1024,     "sc-status",       print_status      },
    { 2048,     "sc-win32-status", print_win32       },
    { 2097152,  "sc-substatus",    print_substatus   },
    { 4096,     "sc-bytes",        print_sent        },
    { 8192,     "cs-bytes",        print_received    },
    { 16384,    "time-taken",      print_elapsed     },
    { 4194304,  "x-session",       print_session     },
    { 8388608,  "x-fullpath",      print_full_path   },
    { 16777216, "x-debug",         print_info        },
    { W3C_CERTIFICATE, "x-cert-subject", print_cert_subject },
    { W3C_CERTIFICATE, "x-cert-issuer",  print_cert_issuer  },
    { W3C_CERTIFICATE, "x-cert-serial",  print_cert_serial  },
    { W3C_CERTIFICATE, "x-cert-sha256",  print_cert_sha256  },
    { W3C_CERTIFICATE, "x-cert-verdict", print_cert_verdict },
};

enum { COLUMN_COUNT = sizeof columns / sizeof columns[0] };

uint32_t w3c_known_fields(void)
{
    uint32_t known = 0;
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        known |= columns[i].flag;
    return known;
}

void w3c_header(const struct w3c_style *style, int64_t time, struct text *out)
{
    text_add_str(out, "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: ");
    add_date(time, out);
    text_add_char(out, ' ');
    add_time(time, out);
    text_add_str(out, "\r\n#Fields:");
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (style->fields & columns[i].flag)
            text_addf(out, " %s", columns[i].name);
    }
    text_add_str(out, "\r\n");
}

/* With date and time off, the first field may be a name somebody chose: it must not look like a header. */
static void hide_leading_hash(struct text *out, size_t start)
{
    if (!text_error(out) && out->len > start && out->ptr[start] == '#')
        text_splice(out, start, 1, SLICE_LITERAL("%23"));
}

void w3c_line(const struct w3c_style *style, const struct log_access *record, struct text *out)
{
    size_t start = out->len;
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (!(style->fields & columns[i].flag))
            continue;
        if (out->len > start)
            text_add_char(out, ' ');
        columns[i].print(style, record, out);
    }
    hide_leading_hash(out, start);
    text_add_str(out, "\r\n");
}

/* A reply from 400 on is an error; a pseudo-verb is one when it carries a Win32 error. */
static bool is_error(const struct log_access *r)
{
    return r->status >= 400 || (r->status == 0 && r->win32 != 0);
}

bool w3c_is_wanted(uint32_t selective, const struct log_access *record)
{
    if (record->infrastructure) /* a kind of its own, whether it succeeds or not */
        return selective & LOG_INFRASTRUCTURE;
    return selective & (is_error(record) ? LOG_ERROR : LOG_SUCCESSFUL);
}
