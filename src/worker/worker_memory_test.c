/* worker_memory_test.c - a worker that cannot be put together for want of memory says so (threats.md H10). */
#include "base/case_test.h"
#include "base/scarce_test.h"

#include <unistd.h>

#include "snapshot/snapshot_build.h"
#include "sys/datagram.h"
#include "worker/worker.h"

enum { ALLOCATIONS_MOST = 1000 };

static struct snapshot *build(void)
{
    struct snapshot_writer *w = snapshot_writer_new();
    struct snap_server server = snapshot_build_server(w);
    struct snap_site site = snapshot_build_site(w, "Site", 1);
    snapshot_put_row(w, SNAP_TABLE_server, &server);
    snapshot_put_row(w, SNAP_TABLE_site, &site);
    struct snapshot *s = snapshot_build(w, ROLE_WORKER);
    snapshot_writer_free(w);
    return s;
}

/* Refuses one allocation: 0 when it could be done without it, or was not reached. */
static int put_together(struct child *c, size_t allocation)
{
    struct worker *w = NULL;
    struct diag d = { 0 };
    int pair[2];
    assert_int_equal(datagram_pair(pair), 0);
    c->fd = pair[0];
    scarce_refuse(allocation, 1);
    int err = worker_new(c, &w, &d);
    scarce_end();
    if (err) {
        assert_int_equal(err, ERR_NOMEM);
        assert_non_null(strstr(d.what, err_text(ERR_NOMEM)));
    }
    worker_free(w);
    close(pair[0]); /* no worker got as far as to own it, or it is closed */
    close(pair[1]);
    return err;
}

static void test_each_allocation(void **state)
{
    (void)state;
    static struct child c = { .role = ROLE_WORKER, .workers = 1, .counts_fd = -1, .region_fd = -1 };
    size_t allocation = 0, failed = 0;
    c.snapshot = build();
    assert_non_null(c.snapshot);
    do {
        failed += put_together(&c, allocation) != 0;
    } while (scarce_made > allocation && allocation++ < ALLOCATIONS_MOST);
    assert_true(allocation < ALLOCATIONS_MOST);
    assert_in_range(failed, 10, allocation);
    snapshot_unref(c.snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
