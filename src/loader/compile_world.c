/* compile_world.c - see compile_world.h. */
#include "loader/compile_world.h"

void run_files(struct run *r, const struct compile_file *files, size_t count)
{
    struct snapshot_writer *w = NULL;
    const struct compile_input in = {
        .files = files, .count = count, .directory = SLICE_LITERAL("/etc/sallyport"), .generation = 42,
        .privileged = true, .machine = SLICE_LITERAL("HOST1"), .now = NOW,
    };
    *r = (struct run){ 0 };
    r->err = compile_run(&in, &r->report, &w);
    if (!r->err) {
        assert_int_equal(snapshot_writer_finish(w, 0, &r->bytes), 0);
        assert_int_equal(snapshot_view(r->bytes.ptr, r->bytes.len, &r->s), 0);
    }
    snapshot_writer_free(w);
}

void run_texts(struct run *r, const char *apphost, const char *administration, const char *sallyport)
{
    struct compile_file files[3];
    size_t count = 0;
    const char *names[] = { "applicationHost.config", "administration.config", "sallyport.config" };
    const char *texts[] = { apphost, administration, sallyport };
    for (size_t i = 0; i < 3; i++)
        if (texts[i])
            files[count++] = (struct compile_file){ names[i], slice_str(texts[i]), S_IFREG | 0640 };
    run_files(r, files, count);
}

void end_run(struct run *r)
{
    snapshot_unref(r->s);
    text_free(&r->bytes);
    report_free(&r->report);
}

bool says(const struct run *r, enum loader_severity severity, uint32_t site, const char *words)
{
    for (size_t i = 0; i < r->report.count; i++) {
        OWNED_TEXT_BUFFER line = { 0 };
        diag_print(&r->report.items[i].diag, &line);
        if (r->report.items[i].severity == severity && r->report.items[i].site == site &&
            strstr(text_str(&line), words))
            return true;
    }
    return false;
}

void show(const struct run *r)
{
    for (size_t i = 0; i < r->report.count; i++) {
        OWNED_TEXT_BUFFER line = { 0 };
        diag_print(&r->report.items[i].diag, &line);
        print_message("      %d %u %s\n", r->report.items[i].severity, r->report.items[i].site, text_str(&line));
    }
}
