"""Several workers accept from the same sockets: none stays idle while another has the work of all."""
import array
import contextlib
import ctypes
import os
import pathlib
import re
import signal
import socket
import subprocess

import pytest

from harness import PATIENCE, SANITIZED

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


PIDFD_GETFD = 438                                 # of all architectures
CONNECTION = b"\1\0\0"                            # proto/neighbour.h: the number, and the field of messages that have none


def neighbour_link(one, other):
    """A copy of the descriptor by which worker `one` talks to `other`."""
    ends = {}                                     # a socket's inode: whose it is, its descriptor, the inode of the other end
    listed = subprocess.run(["ss", "-xpH", "state", "connected"], capture_output=True, text=True, check=True).stdout
    for line in listed.splitlines():
        owner = re.search(r"\* (\d+)\s+\* (\d+)\s+users:\(\(\"[^\"]*\",pid=(\d+),fd=(\d+)", line)
        if owner and line.startswith("u_seq"):
            inode, peer, pid, fd = map(int, owner.groups())
            ends[inode] = pid, fd, peer
    [fd] = [fd for pid, fd, peer in ends.values() if pid == one and ends.get(peer, (0,))[0] == other]
    process = os.pidfd_open(one)
    copy = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, process, fd, 0)
    os.close(process)
    if copy < 0:
        pytest.skip(f"the kernel lets nobody look into a process: {os.strerror(ctypes.get_errno())}")
    return socket.socket(fileno=copy)


def send(link, *files, message=CONNECTION):
    link.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [f.fileno() for f in files]))] if files else [])


@pytest.mark.skipif(os.getuid() != 0, reason="taking over a worker needs root")
def test_a_neighbour_that_was_taken_over(instance, tmp_path):
    """It passes on what is no connection of a client: that is closed without a word.  Then it says what it may not."""
    instance.add_site("Depot", users={"anna": "secret"})
    instance.sallyport_xml = '<service workerCount="2" />'
    instance.start()
    evil, victim = workers_of(instance)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(instance.client()) for _ in range(2 * ENOUGH)]
        for c in clients:
            c.login()
        link = stack.enter_context(neighbour_link(evil, victim))
        for _ in range(10):
            send(link)                            # without a connection
        send(link, stack.enter_context((tmp_path / "file").open("w")))

        def is_closed(theirs, ours):
            with theirs, ours:
                theirs.setblocking(False)
                send(link, theirs)
                theirs.close()
                ours.settimeout(PATIENCE)
                with contextlib.suppress(ConnectionResetError):
                    return ours.recv(100) == b""
                return True
        assert is_closed(*socket.socketpair())
        with socket.create_server(("127.0.0.1", 0)) as elsewhere:
            theirs = socket.create_connection(elsewhere.getsockname())
            assert is_closed(theirs, elsewhere.accept()[0])
        for c in clients:
            c.cmd("NOOP", "200")

        send(link, message=b"\xff\xff" + b"garbage" * 1000)
        assert instance.wait_line("sent what it may not")
        for c in clients:
            c.cmd("NOOP", "200")
    assert workers_of(instance) == [evil, victim]
    with instance.client() as c:
        c.login()


@pytest.mark.skipif(SANITIZED, reason="a hundred and thirty programs with sanitizers need more memory than a small machine has")
def test_as_many_as_there_may_be(instance):
    """The supervisor has room for all programs of 64 workers, and knows each of them when it ends them."""
    instance.add_site("Depot", users={"anna": "secret"})
    instance.sallyport_xml = '<service workerCount="64" />'
    instance.start()
    assert len(workers_of(instance)) == 64
    with instance.client() as c:
        c.login()
    assert instance.stop() == 0
