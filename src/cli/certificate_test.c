/* certificate_test.c - the stores by command line: files, modes, pass phrases, who uses what. */
#include "cli/scenario_test.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "cli/file.h"
#include "tls/cert.h"

static void in_dir(const struct scenario *s, struct text *out, const char *name)
{
    text_reset(out);
    text_addf(out, "%s/%s", s->dir, name);
}

static void assert_mode(const struct scenario *s, const char *folder, const char *thumbprint, const char *suffix,
                        unsigned mode)
{
    OWNED_TEXT_BUFFER path = { 0 };
    struct stat st;
    text_addf(&path, "%s/certificates/%s/%s.%s", s->dir, folder, thumbprint, suffix);
    assert_int_equal(stat(text_str(&path), &st), mode ? 0 : -1);
    if (mode)
        assert_int_equal(st.st_mode & 07777, mode);
}

/* Adds a self-signed one; its thumbprint. */
static void add_self_signed(struct scenario *s, char thumbprint[CERT_THUMBPRINT_LEN + 1])
{
    static const char *const add[] = { "add", "certificate", "/selfSigned:localhost", "/text:thumbprint", NULL };
    assert_int_equal(scenario_run(s, add, NULL), 0);
    assert_int_equal(strlen(s->out), CERT_THUMBPRINT_LEN + 1);
    snprintf(thumbprint, CERT_THUMBPRINT_LEN + 1, "%.*s", CERT_THUMBPRINT_LEN, s->out);
}

static void test_self_signed(void **state)
{
    (void)state;
    struct scenario s;
    char thumbprint[CERT_THUMBPRINT_LEN + 1], hash[128];
    scenario_begin(&s, true);
    add_self_signed(&s, thumbprint);
    assert_mode(&s, "MY", thumbprint, "key", 0600);
    assert_mode(&s, "MY", thumbprint, "pem", 0644);

    snprintf(hash, sizeof hash, "/ftpServer.security.ssl.serverCertHash:%s", thumbprint);
    const struct scenario_step steps[] = {
        { "a site", { "add", "site", "/name:depot", hash }, NULL, 0, "SITE object \"depot\" added\n" },
        { "who uses it", { "list", "certificate", thumbprint, "/text:sites" }, NULL, 0, "depot\n" },
        { "with its key", { "list", "certificate", "/text:hasPrivateKey" }, NULL, 0, "true\n" },
        { "names of a trial on loopback", { "list", "certificate", "/text:names" }, NULL, 0, "localhost, 127.0.0.1, ::1\n" },
        { "in use", { "delete", "certificate", thumbprint }, NULL, 170,
          "ERROR ( hresult:800700aa, message:Command execution failed.\nThe certificate is used by depot.  Give them another one "
          "first, or insist with /force.\n )\n" },
        { "no thumbprint", { "delete", "certificate", "localhost" }, NULL, 87, NULL },
        { "another store", { "list", "certificate", "/store:root" }, NULL, 0, "" },
        { "no such store", { "list", "certificate", "/store:x" }, NULL, 87, NULL },
        { "insisted", { "delete", "certificate", thumbprint, "/force" }, NULL, 0, NULL },
        { "gone", { "list", "certificate" }, NULL, 0, "" },
        { "twice", { "delete", "certificate", thumbprint, "/force" }, NULL, 1168, NULL },
        { "days out of range", { "add", "certificate", "/selfSigned:x", "/days:0" }, NULL, 87, NULL },
    };
    scenario_steps(&s, steps, COUNT_OF(steps));
    assert_mode(&s, "MY", thumbprint, "key", 0);
    assert_mode(&s, "MY", thumbprint, "pem", 0);
    scenario_end(&s);
}

/* A PEM with chain and key in one, moved from another instance. */
static void test_import(void **state)
{
    (void)state;
    struct scenario s;
    char thumbprint[CERT_THUMBPRINT_LEN + 1], name[96];
    OWNED_TEXT_BUFFER pem = { 0 }, key = { 0 }, path = { 0 };
    scenario_begin(&s, true);
    add_self_signed(&s, thumbprint);
    snprintf(name, sizeof name, "certificates/MY/%s.pem", thumbprint);
    in_dir(&s, &path, name);
    assert_int_equal(file_read(text_str(&path), CERT_FILE_LIMIT, &pem), 0);
    snprintf(name, sizeof name, "certificates/MY/%s.key", thumbprint);
    in_dir(&s, &path, name);
    assert_int_equal(file_read(text_str(&path), CERT_FILE_LIMIT, &key), 0);
    in_dir(&s, &path, "cert.pem");
    assert_int_equal(file_write(text_str(&path), text_slice(&pem), 0600), 0);
    in_dir(&s, &path, "key.pem");
    assert_int_equal(file_write(text_str(&path), text_slice(&key), 0600), 0);

    const struct scenario_step steps[] = {
        { "is there already", { "add", "certificate", "/file:@DIR@/cert.pem" }, NULL, 183, NULL },
        { "away", { "delete", "certificate", thumbprint }, NULL, 0, NULL },
        { "certificate alone, as a word", { "add", "certificate", "@DIR@/cert.pem" }, NULL, 0, NULL },
        { "without key", { "list", "certificate", "/text:hasPrivateKey" }, NULL, 0, "false\n" },
        { "now with its key", { "add", "certificate", "/file:@DIR@/cert.pem", "/key:@DIR@/key.pem" }, NULL, 0, NULL },
        { "has it", { "list", "certificate", "/text:hasPrivateKey" }, NULL, 0, "true\n" },
        { "an authority gets no key", { "add", "certificate", "/file:@DIR@/cert.pem", "/key:@DIR@/key.pem", "/store:Root" }, NULL, 0, NULL },
        { "no file", { "add", "certificate", "/file:@DIR@/nothing" }, NULL, 2, NULL },
        { "no certificate", { "add", "certificate", "/file:@DIR@/applicationHost.config" }, NULL, 13, NULL },
        { "a folder", { "add", "certificate", "/file:@DIR@" }, NULL, 13, NULL },
        { "nothing named", { "add", "certificate" }, NULL, 87, NULL },
    };
    scenario_steps(&s, steps, COUNT_OF(steps));
    assert_mode(&s, "Root", thumbprint, "key", 0);
    assert_mode(&s, "Root", thumbprint, "pem", 0644);
    scenario_end(&s);
}

/* Renewed with the request of last year: the CA sends the certificate alone, and both use the one key file. */
static void test_renewed(void **state)
{
    (void)state;
    struct scenario s;
    char old[CERT_THUMBPRINT_LEN + 1], fresh[CERT_THUMBPRINT_LEN + 1], command[512];
    static const char *const add[] = { "add", "certificate", "/file:@DIR@/new.crt", "/text:thumbprint", NULL };
    scenario_begin(&s, true);
    if (system("openssl version >/dev/null 2>&1") != 0) {
        scenario_end(&s);
        skip();
    }
    add_self_signed(&s, old);
    snprintf(command, sizeof command,
             "cd %s && openssl req -x509 -new -key certificates/MY/%s.key -subj /CN=localhost -out new.crt", s.dir, old);
    assert_int_equal(system(command), 0);
    assert_int_equal(scenario_run(&s, add, NULL), 0);
    snprintf(fresh, sizeof fresh, "%.*s", CERT_THUMBPRINT_LEN, s.out);

    const struct scenario_step first[] = {
        { "both have the key", { "list", "certificate", "/text:hasPrivateKey" }, NULL, 0, "true\ntrue\n" },
        { "the new one away", { "delete", "certificate", fresh }, NULL, 0, NULL },
        { "the old one keeps its key", { "list", "certificate", old, "/text:hasPrivateKey" }, NULL, 0, "true\n" },
        { "the new one again", { "add", "certificate", "/file:@DIR@/new.crt" }, NULL, 0, NULL },
        { "the old one away", { "delete", "certificate", old }, NULL, 0, NULL },
        { "the new one keeps the key", { "list", "certificate", "/text:hasPrivateKey" }, NULL, 0, "true\n" },
    };
    scenario_steps(&s, first, COUNT_OF(first));
    assert_mode(&s, "MY", old, "key", 0600);
    const struct scenario_step last[] = {
        { "nobody has the key any more", { "delete", "certificate", fresh }, NULL, 0, NULL },
    };
    scenario_steps(&s, last, COUNT_OF(last));
    assert_mode(&s, "MY", old, "key", 0);
    scenario_end(&s);
}

/* PFX made by the openssl program, as the certificate export of Windows would. */
static void test_pfx(void **state)
{
    (void)state;
    struct scenario s;
    char thumbprint[CERT_THUMBPRINT_LEN + 1], command[512];
    scenario_begin(&s, true);
    if (system("openssl version >/dev/null 2>&1") != 0) {
        scenario_end(&s);
        skip();
    }
    add_self_signed(&s, thumbprint);
    snprintf(command, sizeof command,
             "cd %s && openssl pkcs12 -export -in certificates/MY/%s.pem -inkey certificates/MY/%s.key "
             "-passout pass:opensesame -out a.pfx", s.dir, thumbprint, thumbprint);
    assert_int_equal(system(command), 0);
    const struct scenario_step steps[] = {
        { "away", { "delete", "certificate", thumbprint }, NULL, 0, NULL },
        { "no pass phrase", { "add", "certificate", "/file:@DIR@/a.pfx" }, "", 86, NULL },
        { "a wrong one", { "add", "certificate", "/file:@DIR@/a.pfx" }, "friend\n", 86, NULL },
        { "the right one", { "add", "certificate", "/file:@DIR@/a.pfx", "/text:thumbprint" }, "opensesame\n", 0, NULL },
        { "with its key", { "list", "certificate", thumbprint, "/text:hasPrivateKey" }, NULL, 0, "true\n" },
    };
    scenario_steps(&s, steps, COUNT_OF(steps));
    scenario_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_self_signed),
        cmocka_unit_test(test_import),
        cmocka_unit_test(test_renewed),
        cmocka_unit_test(test_pfx),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
