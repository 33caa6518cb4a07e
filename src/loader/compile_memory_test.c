/*
 * compile_memory_test.c - one allocation after the other is refused while a configuration is compiled (threats.md H10).
 *
 * The snapshot is the same as with all memory, or there is none: a rule, a user or a certificate that memory was lacking
 * for must not silently be gone.
 */
#include "base/scarce_test.h"
#include "loader/compile_world.h"
#include "protect/protect.h"

#include <limits.h>

/* ---- what is compiled ---- */

enum { FILES_MOST = 8 };
static struct compile_file files[FILES_MOST];
static size_t file_count;

static void add(const char *name, struct slice bytes)
{
    files[file_count++] = (struct compile_file){ name, bytes, S_IFREG | 0600 };
}

static void add_fixtures(void)
{
    static const char *const names[] = { "applicationHost.config", "administration.config", "sallyport.config" };
    static char rooms[COUNT_OF(names)][64 * 1024];
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", CONF_FIXTURES, names[i]);
        FILE *f = fopen(path, "re");
        assert_non_null(f);
        add(names[i], slice_of(rooms[i], fread(rooms[i], 1, sizeof rooms[i], f)));
        fclose(f);
    }
}

/* A site with a certificate, and partners that show theirs. */
static void add_certificates(void)
{
    static struct text apphost, pem, root;
    struct cert *own = NULL, *authority = NULL;
    struct cert_info info;
    struct diag d = { 0 };
    struct cert_request request = { .common_name = SLICE_LITERAL("ftp.example.com"), .days = 90, .now = NOW };
    assert_int_equal(cert_create_self_signed(&request, &own, &d), 0);
    assert_int_equal(cert_create_self_signed(&request, &authority, &d), 0);
    cert_describe(own, &info);
    assert_int_equal(cert_write_pem(own, CERT_PART_ALL, &pem), 0);
    assert_int_equal(cert_write_pem(authority, CERT_PART_LEAF, &root), 0);
    text_addf(&apphost, APPHOST("<site name=\"s\" id=\"1\">" ROOT("C:\\f") BOUND("*:990:")
              "<ftpServer><security><ssl serverCertHash=\"%s\" serverCertStoreName=\"MY\" />"
              "<sslClientCertificates clientCertificatePolicy=\"CertRequire\" useActiveDirectoryMapping=\"true\" />"
              "<authentication><clientCertAuthentication enabled=\"true\" /></authentication></security></ftpServer></site>\n",
              "<location path=\"s\"><system.ftpServer><security><ipSecurity allowUnlisted=\"false\"><add ipAddress=\"192.0.2.1\" "
              "allowed=\"true\" /></ipSecurity><authorization><add accessType=\"Deny\" users=\"mallory\" permissions=\"Read, Write\" />"
              "<add accessType=\"Allow\" users=\"*\" permissions=\"Read\" /></authorization></security></system.ftpServer></location>"),
              info.thumbprint);
    add("applicationHost.config", text_slice(&apphost));
    add("sallyport.config", SLICE_LITERAL(SALLYPORT(
        "<sites><site name=\"s\"><iisClientCertificateMappingAuthentication enabled=\"true\"><manyToOneMappings><add name=\"all\" "
        "userName=\"partner\"><rules><add certificateField=\"Subject\" certificateSubField=\"CN\" matchCriteria=\"*\" /></rules></add>"
        "</manyToOneMappings></iisClientCertificateMappingAuthentication></site></sites>")));
    add("certificates/MY/web.pem", text_slice(&pem));
    add("certificates/Root/partners.pem", text_slice(&root));
    cert_free(own);
    cert_free(authority);
}

/* A fixed account whose password a tool stored; OpenSSL opens it as the first thing it deciphers. */
static void add_password(void)
{
    add("applicationHost.config", SLICE_LITERAL(APPHOST("<site name=\"s\" id=\"1\"><application path=\"/\">"
        "<virtualDirectory path=\"/\" physicalPath=\"C:\\f\" userName=\"bob\" "
        "password=\"[enc:SallyportAesProvider:AWRlZmdoaWprbG1ub1bVRoZqTkan1RnlxvzJRA+e7aK3R2g=:enc]\" /></application>"
        BOUND("*:21:") "</site>\n", "")));
    add("sallyport.config", SLICE_LITERAL(SALLYPORT("")));
    add(PROTECT_KEY_FILE, SLICE_LITERAL("000102030405060708090a000000000000000000000000000000000000000000\n"));
}

/* ---- compiling ---- */

static void run_without(size_t allocation, struct run *r)
{
    struct snapshot_writer *w = NULL;
    const struct compile_input in = {
        .files = files, .count = file_count, .directory = SLICE_LITERAL("/etc/sallyport"), .generation = 42,
        .privileged = true, .now = NOW,
    };
    *r = (struct run){ 0 };
    scarce_refuse(allocation, 1);
    r->err = compile_run(&in, &r->report, &w);
    if (!r->err)
        r->err = snapshot_writer_finish(w, 0, &r->bytes);
    scarce_end();
    snapshot_writer_free(w);
}

/* Whether the allocation was reached. */
static bool try_without(size_t allocation, struct text *good)
{
    struct run r;
    run_without(allocation, &r);
    bool reached = scarce_made > allocation;
    if (!r.err && !good->len)
        text_add(good, text_slice(&r.bytes));
    bool fair = r.err ? reached && r.err == ERR_NOMEM : slice_equal(text_slice(&r.bytes), text_slice(good));
    if (!fair) {
        print_message("    without allocation %zu: %s\n", allocation, r.err ? err_text(r.err) : "another snapshot");
        show(&r);
    }
    end_run(&r);
    assert_true(fair);
    return reached;
}

static const struct {
    const char *label;
    void (*add)(void);
    size_t stride; /* OpenSSL makes very many */
    const char *holds; /* what the snapshot must say, so that it is the right one */
} configurations[] = {
    { "the fixtures of src/conf", add_fixtures,     1, "" },
    { "certificates",             add_certificates, 7, "mallory" },
    { "a stored password",        add_password,     1, "geheim" },
};

static void test_every_allocation_H10(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNT_OF(configurations); c++) {
        OWNED_TEXT_BUFFER good = { 0 };
        CASE_LABEL(&configurations[c]);
        file_count = 0;
        configurations[c].add();
        for (int pass = 0; pass < 2; pass++) { /* the first makes what is made once, the schema most of all */
            size_t i = 0;
            while (try_without(i, &good))
                i += configurations[c].stride;
            assert_true(i > 200);
            assert_non_null(memmem(good.ptr, good.len, configurations[c].holds, strlen(configurations[c].holds)));
        }
    }
}

int main(void)
{
    assert_int_equal(cert_prepare(), 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation_H10),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
