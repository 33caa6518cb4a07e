/* compile_certificates_test.c - certificates of the server, found or not, and the ports where TLS comes first. */
#include "loader/compile_world.h"

/* ---- certificates ---- */

enum cert_file { NO_FILE, WHOLE, NO_KEY, OPEN_KEY, WRONG_KEY, GARBAGE };
static const struct {
    const char *label;
    enum cert_file file;
    const char *store, *hash; /* NULL: the certificate's own; "lower": as people write it */
    int64_t age;              /* days since it was made, valid for 90 */
    uint32_t substatus;
    const char *warning;
} certificates[] = {
    { "found",                             WHOLE,     "MY",         NULL,    0,  0,  NULL },
    { "thumbprint in lower case with a mark (trap 3)", WHOLE, "MY", "lower", 0,  0,  NULL },
    { "in store WebHosting",               WHOLE,     "WebHosting", NULL,    0,  0,  NULL },
    { "no such file (44)",                 NO_FILE,   "MY",         NULL,    0,  44, "has no certificate with thumbprint" },
    { "unreadable file (44)",              GARBAGE,   "MY",         NULL,    0,  44, "has no certificate with thumbprint" },
    { "no key (45)",                       NO_KEY,    "MY",         NULL,    0,  45, "no private key" },
    { "another certificate's key (44)",    WRONG_KEY, "MY",         NULL,    0,  44, "does not belong" },
    { "key open to others (T10)",          OPEN_KEY,  "MY",         NULL,    0,  45, "open to other users (mode 640)" },
    { "hash too short (46)",               WHOLE,     "MY",         "ABCD",  0,  46, "40 hexadecimal digits" },
    { "no hash at all (31)",               WHOLE,     "MY",         "",      0,  31, "requires TLS but has no usable certificate" },
    { "expires in 29 days (T10)",          WHOLE,     "MY",         NULL,    61, 0,  "expires on" },
    { "expires in 31 days",                WHOLE,     "MY",         NULL,    59, 0,  NULL },
    { "expired (T10)",                     WHOLE,     "MY",         NULL,    91, 0,  "expired on" },
    { "not valid yet",                     WHOLE,     "MY",         NULL,    -2, 0,  "is not valid before" },
};

static void make_file(enum cert_file kind, const struct cert *c, struct text *out)
{
    struct cert *other = NULL;
    struct cert_request r = { .common_name = SLICE_LITERAL("other"), .days = 1, .now = NOW };
    struct diag d = { 0 };
    if (kind == GARBAGE)
        text_add_str(out, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    else
        assert_int_equal(cert_write_pem(c, kind == WHOLE || kind == OPEN_KEY ? CERT_PART_ALL : CERT_PART_LEAF, out), 0);
    if (kind != WRONG_KEY)
        return;
    assert_int_equal(cert_create_self_signed(&r, &other, &d), 0);
    assert_int_equal(cert_write_pem(other, CERT_PART_KEY, out), 0);
    cert_free(other);
}

static void write_hash(const char *wanted, const char *thumbprint, struct text *out)
{
    if (wanted && strcmp(wanted, "lower") != 0) {
        text_add_str(out, wanted);
        return;
    }
    if (wanted)
        text_add_str(out, "\xE2\x80\x8E");
    for (const char *p = thumbprint; *p; p++)
        text_add_char(out, wanted ? ascii_lower(*p) : *p);
}

static void test_certificates(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(certificates); i++) {
        OWNED_TEXT_BUFFER pem = { 0 }, hash = { 0 }, apphost = { 0 }, name = { 0 };
        struct cert *c = NULL;
        struct cert_info info;
        struct diag d = { 0 };
        struct cert_request request = { .common_name = SLICE_LITERAL("ftp.example.com"), .days = 90,
                                        .now = NOW - certificates[i].age * DAY };
        CASE_LABEL(&certificates[i]);
        assert_int_equal(cert_create_self_signed(&request, &c, &d), 0);
        cert_describe(c, &info);
        write_hash(certificates[i].hash, info.thumbprint, &hash);
        text_addf(&apphost, APPHOST("<site name=\"s\" id=\"1\">" ROOT("C:\\f") BOUND("*:990:")
                  "<ftpServer><security><ssl serverCertHash=\"%s\" serverCertStoreName=\"%s\" /></security></ftpServer></site>\n", ""),
                  text_str(&hash), certificates[i].store);
        text_addf(&name, "certificates/%s/web.pem", certificates[i].store);
        struct compile_file files[2] = { { "applicationHost.config", text_slice(&apphost), 0100640 } };
        if (certificates[i].file != NO_FILE) {
            make_file(certificates[i].file, c, &pem);
            files[1] = (struct compile_file){ text_str(&name), text_slice(&pem),
                                              certificates[i].file == OPEN_KEY ? 0100640 : 0100600 };
        }
        struct run r;
        run_files(&r, files, certificates[i].file == NO_FILE ? 1 : 2);
        show(&r);
        assert_int_equal(r.err, 0);
        const struct snap_site *site = snapshot_site(r.s, 0);
        assert_text(&r, site->failure, "");
        assert_int_equal(site->cert_substatus, certificates[i].substatus);
        assert_int_equal(site->cert, certificates[i].substatus ? 0 : 1);
        assert_int_equal(snapshot_binding(r.s, 0)->implicit_tls, certificates[i].substatus != 31);
        bool told = certificates[i].warning && (says(&r, LOADER_WARNING, 1, certificates[i].warning) ||
                                                says(&r, LOADER_WARNING, 0, certificates[i].warning));
        assert_int_equal(told, certificates[i].warning != NULL);
        if (!certificates[i].warning)
            assert_int_equal(r.report.count, 0);
        if (site->cert) {
            assert_text(&r, snapshot_cert(r.s, 0)->thumbprint, info.thumbprint);
            assert_non_null(strstr(snapshot_text(r.s, snapshot_cert(r.s, 0)->key_pem).ptr, "PRIVATE KEY"));
        } else {
            assert_int_equal(snapshot_count(r.s, SNAP_TABLE_cert), 0);
        }
        end_run(&r);
        cert_free(c);
    }
}
static void test_implicit_ports(void **state)
{
    (void)state;
    OWNED_TEXT_BUFFER pem = { 0 }, apphost = { 0 };
    struct cert *c = NULL;
    struct cert_info info;
    struct diag d = { 0 };
    struct cert_request request = { .common_name = SLICE_LITERAL("a"), .days = 90, .now = NOW };
    assert_int_equal(cert_create_self_signed(&request, &c, &d), 0);
    cert_describe(c, &info);
    assert_int_equal(cert_write_pem(c, CERT_PART_ALL, &pem), 0);
    text_addf(&apphost, APPHOST("<site name=\"s\" id=\"1\">" ROOT("C:\\f")
              "<bindings><binding protocol=\"ftp\" bindingInformation=\"*:2121:\" />"
              "<binding protocol=\"ftp\" bindingInformation=\"*:2990:one\" /></bindings>"
              "<ftpServer><security><ssl serverCertHash=\"%s\" /></security></ftpServer></site>\n"
              "<site name=\"t\" id=\"2\">" ROOT("C:\\f") BOUND("*:2990:two") "<ftpServer><security>" ALLOW_CLEAR
              "</security></ftpServer></site>\n", ""), info.thumbprint);
    struct compile_file files[] = {
        { "applicationHost.config", text_slice(&apphost), 0100640 },
        { "sallyport.config", slice_str(SALLYPORT("<tls><implicitPorts><add port=\"2990\" /></implicitPorts></tls>")), 0100640 },
        { "certificates/MY/a.pem", text_slice(&pem), 0100600 },
    };
    struct run r;
    run_files(&r, files, COUNT_OF(files));
    show(&r);
    assert_int_equal(r.err, 0);
    assert_int_equal(snapshot_count(r.s, SNAP_TABLE_binding), 3);
    assert_false(snapshot_binding(r.s, 0)->implicit_tls);
    assert_true(snapshot_binding(r.s, 1)->implicit_tls);
    assert_true(snapshot_binding(r.s, 2)->implicit_tls); /* a listener cannot be both */
    assert_int_equal(snapshot_count(r.s, SNAP_TABLE_cert), 1);
    end_run(&r);
    cert_free(c);
}

/* ---- whom they stand for ---- */

#define ONE(more) "<oneToOneMappings>" more "</oneToOneMappings>"
#define MANY(more) "<manyToOneMappings>" more "</manyToOneMappings>"
#define SEALED "password=\"[enc:AesProvider:jAAAAAECAAADZgAAAKQAAA==:enc]\" "

static const struct {
    const char *label, *lists;
    size_t rows;
    unsigned warnings;
} mappings[] = {
    { "none has a password", ONE("<add userName=\"a\" certificate=\"MII\" />") MANY("<add name=\"m\" userName=\"a\" />"), 2, 0 },
    { "an empty one", ONE("<add userName=\"a\" password=\"\" certificate=\"MII\" />"), 1, 0 },
    { "sealed with no password in it", ONE("<add userName=\"a\" password=\"[enc:AesProvider::enc]\" certificate=\"MII\" />"), 1, 0 },
    { "of IIS, whose key is elsewhere", ONE("<add userName=\"a\" " SEALED "certificate=\"MII\" />"), 1, 1 },
    { "the same of rules", MANY("<add name=\"m\" userName=\"a\" " SEALED "/>"), 1, 1 },
    { "many: once for each kind", ONE("<add userName=\"a\" password=\"x\" certificate=\"MII\" />"
                                      "<add userName=\"b\" password=\"y\" certificate=\"MIJ\" />")
                                  MANY("<add name=\"m\" userName=\"a\" password=\"z\" />"), 3, 2 },
    { "of an entry that does not count", ONE("<add enabled=\"false\" userName=\"a\" password=\"x\" certificate=\"MII\" />"), 0, 0 },
};

/* An entry of IIS may hold the password that IIS would log the account on with: the certificate suffices, and it is said. */
static void test_mapping_passwords(void **state)
{
    (void)state;
    static const char words[] = "iisClientCertificateMappingAuthentication of site \"s\" is not checked: the certificate suffices";
    for (size_t i = 0; i < COUNT_OF(mappings); i++) {
        struct run r;
        unsigned warnings = 0;
        OWNED_TEXT_BUFFER own = { 0 };
        CASE_LABEL(&mappings[i]);
        text_addf(&own, SALLYPORT("<sites><site name=\"s\"><iisClientCertificateMappingAuthentication enabled=\"true\">%s"
                                  "</iisClientCertificateMappingAuthentication></site></sites>"), mappings[i].lists);
        run_texts(&r, APPHOST(SITE("s", "1", "*:21:", "<ftpServer><security>" ALLOW_CLEAR "</security></ftpServer>"), ""), NULL,
                  text_str(&own));
        show(&r);
        assert_int_equal(r.err, 0);
        assert_int_equal(snapshot_site(r.s, 0)->cert_maps.count, mappings[i].rows);
        for (size_t n = 0; n < r.report.count; n++)
            warnings += strstr(r.report.items[n].diag.what, words) != NULL;
        assert_int_equal(warnings, mappings[i].warnings);
        if (warnings)
            assert_true(says(&r, LOADER_WARNING, 1, words));
        end_run(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_implicit_ports),
        cmocka_unit_test(test_mapping_passwords),
    };
    if (cert_prepare())
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
