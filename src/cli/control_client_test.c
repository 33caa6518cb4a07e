/* control_client_test.c - the verbs that ask the service, against a service made of a thread. */
#include "cli/control_client.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/scenario_test.h"
#include "sys/datagram.h"

/* ---- the service ---- */

struct service {
    int listener;
    pthread_t thread;
    int answers;              /* connections to serve */
    uint8_t verb;             /* of the last request */
    char name[NAME_LIMIT + 1];
    uint8_t status;           /* to answer verbs that list nothing with */
    bool babble;              /* answer with something that is no message */
};

static const char session_id[16] = "\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef";

static int send_rows(int fd, uint8_t verb)
{
    struct net_addr client = { .family = 4, .ip = { 192, 0, 2, 7 }, .port = 40000 };
    if (verb == CONTROL_LIST_SITES)
        return DATAGRAM_SEND(fd, -1, control_site, .site = 1, .name = SLICE_LITERAL("depot"), .state = 1,
                             .status = 0x80070020) |
               DATAGRAM_SEND(fd, -1, control_site, .site = 2, .name = SLICE_LITERAL("two"), .state = 3,
                             .status = 10048, .why = SLICE_LITERAL("address in use"));
    if (verb == CONTROL_LIST_SESSIONS)
        return DATAGRAM_SEND(fd, -1, control_session, .site = SLICE_LITERAL("depot"),
                             .session_id = slice_of(session_id, 16), .user = SLICE_LITERAL("an\x1bna"),
                             .client = client, .start_time = 86400, .current_command = SLICE_LITERAL("RETR"),
                             .previous_command = SLICE_LITERAL("PASV"), .bytes_sent = 5, .tls = true);
    if (verb == CONTROL_STATUS)
        return DATAGRAM_SEND(fd, -1, control_program, .role = ROLE_WORKER, .index = 1, .pid = 77, .uid = 65534);
    if (verb == CONTROL_NOT_ENFORCED)
        return DATAGRAM_SEND(fd, -1, control_line, .text = SLICE_LITERAL("not enforced yet: system.ftpServer/security/ipSecurity"));
    return 0;
}

static void serve_one(struct service *s, int fd)
{
    char buffer[WIRE_DATAGRAM_MAX];
    struct slice bytes;
    struct wire_in fields;
    const struct wire_message *message;
    struct control_request request;
    int received = -1;
    if (datagram_receive(fd, buffer, sizeof buffer, &bytes, &received) != 0 ||
        wire_channel_accept(&control_channel, ROLE_CLI, bytes, 0, &message, &fields) != 0 ||
        control_request_decode(&fields, &request) != 0)
        return;
    s->verb = request.verb;
    snprintf(s->name, sizeof s->name, SLICE_FMT, SLICE_ARG(request.name));
    int err = s->babble ? datagram_send(fd, SLICE_LITERAL("hello"), -1) : send_rows(fd, request.verb);
    if (!err && !s->babble)
        err = DATAGRAM_SEND(fd, -1, control_done, .status = s->status,
                            .text = s->status ? SLICE_LITERAL("no such session") : SLICE_LITERAL(""));
    (void)err; /* the client's side of the test sees it */
}

static void *serve(void *context)
{
    struct service *s = context;
    for (int i = 0; i < s->answers; i++) {
        int fd = accept(s->listener, NULL, NULL);
        if (fd < 0)
            break;
        serve_one(s, fd);
        close(fd);
    }
    return NULL;
}

static void service_begin(struct service *s, const struct scenario *scenario, int answers)
{
    char run[96];
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    s->answers = answers;
    snprintf(run, sizeof run, "%s/run", scenario->dir);
    assert_int_equal(mkdir(run, 0700), 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/control", run);
    s->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_true(s->listener >= 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(s->listener, 4), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void service_end(struct service *s)
{
    shutdown(s->listener, SHUT_RDWR); /* a thread that still waits for a question gives up */
    pthread_join(s->thread, NULL);
    close(s->listener);
}

/* ---- the tests ---- */

#define GUID "01234567-89ab-cdef-0123-456789abcdef"

static void test_sessions(void **state)
{
    (void)state;
    static const struct scenario_step steps[] = {
        { "who is there; what a client typed is escaped", { "list", "sessions" }, NULL, 0,
          "SESSION \"" GUID "\" (site.name:depot,userName:an\\x1bna,clientIp:192.0.2.7,"
          "sessionStartTime:1970-01-02T00:00:00Z,currentCommand:RETR,previousCommand:PASV,bytesSent:5,bytesReceived:0,"
          "ssl:true)\n" },
        { "by a column", { "list", "session", "/userName:x" }, NULL, 0, "" },
        { "end one", { "delete", "session", GUID }, NULL, 0, "SESSION object \"" GUID "\" deleted\n" },
    };
    struct scenario s;
    struct service service = { 0 };
    scenario_begin(&s, false);
    service_begin(&service, &s, 3);
    scenario_steps(&s, steps, COUNT_OF(steps));
    service_end(&service);
    assert_int_equal(service.verb, CONTROL_TERMINATE);
    assert_string_equal(service.name, GUID);
    scenario_end(&s);
}

static void test_site_states(void **state)
{
    (void)state;
    static const struct scenario_step steps[] = {
        { "as the service says, unknown when it does not know", { "list", "site" }, NULL, 0,
          "SITE \"depot\" (id:1,bindings:ftp/*:21:,state:Started)\nSITE \"web\" (id:2,bindings:ftp/*:22:,state:Unknown)\n" },
        { "an attribute that only the service knows", { "list", "site", "/text:ftpServer.state" }, NULL, 0, "Started\nUnknown\n" },
        { "and its number", { "list", "site", "/text:ftpServer.lastStartupStatus" }, NULL, 0, "2147942432\n0\n" },
        { "as a condition of its own", { "list", "site", "/ftpServer.state:Unknown", "/text:name" }, NULL, 0, "web\n" },
        { "as a condition", { "list", "site", "/state:Started" }, NULL, 0, "SITE \"depot\" (id:1,bindings:ftp/*:21:,state:Started)\n" },
        { "stop", { "stop", "site", "DEPOT" }, NULL, 0, "\"depot\" successfully stopped.\n" },
        { "start", { "start", "site", "depot" }, NULL, 0, "\"depot\" successfully started.\n" },
    };
    static const char *const one[] = { "add", "site", "/name:depot", "/bindings:ftp/*:21:", NULL };
    static const char *const two[] = { "add", "site", "/name:web", "/bindings:ftp/*:22:", NULL };
    struct scenario s;
    struct service service = { 0 };
    scenario_begin(&s, true);
    assert_int_equal(scenario_run(&s, one, NULL), 0);
    assert_int_equal(scenario_run(&s, two, NULL), 0);
    service_begin(&service, &s, 7);
    scenario_steps(&s, steps, COUNT_OF(steps));
    service_end(&service);
    assert_int_equal(service.verb, CONTROL_START_SITE);
    assert_string_equal(service.name, "depot");
    scenario_end(&s);
}

static void test_status(void **state)
{
    (void)state;
    static const struct scenario_step steps[] = {
        { "status", { "status" }, NULL, 0,
          "PROGRAM \"worker\" (index:1,pid:77,uid:65534,restarts:0,started:)\n"
          "SITE \"depot\" (id:1,state:Started,sessions:0,lastStartupStatus:2147942432)\n"
          "SITE \"two\" (id:2,state:Stopped,sessions:0,lastStartupStatus:10048,reason:address in use)\n"
          "not enforced yet: system.ftpServer/security/ipSecurity\n" },
        { "flush log", { "flush", "log", "/site.name:depot" }, NULL, 0, "LOG object \"depot\" flushed\n" },
        { "of every site", { "flush", "log" }, NULL, 0, "LOG object \"*\" flushed\n" },
        { "flush cache", { "flush", "cache" }, NULL, 0, "CACHE object \"credentials\" flushed\n" },
    };
    struct scenario s;
    struct service service = { 0 };
    scenario_begin(&s, false);
    service_begin(&service, &s, 6);
    scenario_steps(&s, steps, COUNT_OF(steps));
    service_end(&service);
    scenario_end(&s);
}

static void test_trouble(void **state)
{
    (void)state;
    static const struct scenario_step refused[] = {
        { "the service's own words", { "delete", "session", GUID }, NULL, 1168,
          "ERROR ( hresult:80070490, message:Command execution failed.\nno such session\n )\n" },
    };
    static const struct scenario_step babble[] = {
        { "something else answers", { "status" }, NULL, 13, NULL },
    };
    static const struct scenario_step absent[] = {
        { "no service", { "list", "session" }, NULL, 1062,
          "ERROR ( hresult:80070426, message:Command execution failed.\nThe service has not been started.\n )\n" },
    };
    struct scenario s;
    struct service service = { .status = -ERR_NOT_FOUND };
    scenario_begin(&s, false);
    scenario_steps(&s, absent, COUNT_OF(absent));
    service_begin(&service, &s, 1);
    scenario_steps(&s, refused, COUNT_OF(refused));
    service_end(&service);
    scenario_end(&s);

    struct service babbler = { .babble = true };
    scenario_begin(&s, false);
    service_begin(&babbler, &s, 1);
    scenario_steps(&s, babble, 1);
    service_end(&babbler);
    scenario_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_site_states),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
