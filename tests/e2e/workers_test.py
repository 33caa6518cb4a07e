"""Several workers accept from the same sockets: none stays idle while another has the work of all."""
import contextlib
import os
import pathlib
import signal

WORKERS = 3                                       # each is a neighbour of both others
ENOUGH = 2                                        # connections; who has more keeps what comes


def workers_of(instance):
    return sorted(pid for pid, program in instance.children().items() if program == "sallyport-worker")


def connections(instance, site):
    """How many control connections each worker serves, the fewest first."""
    rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ours = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(f":{site.port:04X}") and row[3] == "01"}

    def held(pid):
        with contextlib.suppress(OSError):        # descriptors and workers may end meanwhile
            return sum(os.readlink(fd) in ours for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir())
        return -1
    return sorted(held(pid) for pid in workers_of(instance))


def test_connections_are_spread(instance):
    """Also over a worker that was started again; the sessions of the others stay."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    instance.sallyport_xml = f'<service workerCount="{WORKERS}" />'
    instance.start()
    with contextlib.ExitStack() as clients:
        def connect():
            c = clients.enter_context(instance.client())
            c.login()
            return c
        first = [connect() for _ in range(ENOUGH * WORKERS)]
        assert connections(instance, site) == [ENOUGH] * WORKERS

        before = workers_of(instance)
        os.kill(before[1], signal.SIGKILL)
        assert instance.wait(lambda: before[1] not in workers_of(instance) and connections(instance, site) == [0, ENOUGH, ENOUGH]), instance.output
        instance.cli("list", "session")           # answered by workers that know of their new neighbour
        for _ in range(ENOUGH):
            connect().put("after", b"after")
        assert connections(instance, site) == [ENOUGH] * WORKERS
        alive = 0
        for c in first:
            with contextlib.suppress(EOFError, ConnectionError):
                c.cmd("NOOP", "200")
                alive += 1
        assert alive == ENOUGH * (WORKERS - 1)


def test_sessions_that_come_and_go(instance):
    """All are served, and none stays behind in a worker that was to get it."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    instance.sallyport_xml = f'<service workerCount="{WORKERS}" />'
    instance.start()
    for _ in range(5 * WORKERS):
        with instance.client() as c:
            c.login()
            c.put("file", b"bytes")
            c.cmd("QUIT", "221")
    assert instance.wait(lambda: connections(instance, site) == [0] * WORKERS)
