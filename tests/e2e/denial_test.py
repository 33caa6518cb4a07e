"""denyByFailure: who fails too often is cut off, by address, on all workers (ftp-behaviour 5, threats A04)."""
import contextlib
import os
import signal
import subprocess
import time

import pytest

WRONG = "530"
NEAR, FAR = "127.0.0.5", "127.0.0.6"


def denying(instance, text='enabled="true" maxFailure="3" entryExpiration="00:10:00"', rules=""):
    instance.add_site("Depot", users={"anna": "secret"})
    instance.server_xml = (f"<security><ipSecurity>{rules}</ipSecurity><authentication><denyByFailure {text} />"
                           "</authentication></security>")
    instance.start()


def is_cut(instance, source):
    """Whether a new connection gets no banner."""
    try:
        with instance.client(source=source):
            return False
    except (EOFError, ConnectionResetError):
        return True


def wait_cut(instance, source):
    """Until every worker has heard of it: some connections in a row, whichever worker accepts."""
    return instance.wait(lambda: all(is_cut(instance, source) for _ in range(20)))


def gets_in(instance, source):
    try:
        with instance.client(source=source) as c:
            return c.login("anna", "secret", want=None).startswith("230")
    except (EOFError, OSError):
        return False


def fail(instance, source, times):
    """Each failure on a connection of its own, so that every worker takes its part."""
    for _ in range(times):
        try:
            with instance.client(source=source) as c:
                c.cmd("USER anna", "331")
                c.send("PASS wrong\r\n")
                assert c.reply().startswith(WRONG)
        except (EOFError, ConnectionResetError):
            return True
    return False


def test_block(instance):
    denying(instance)
    with instance.client(source=NEAR) as logged_in, instance.client(source=NEAR) as idle:
        logged_in.login()
        assert not fail(instance, NEAR, 2)
        assert not fail(instance, FAR, 1)
        assert fail(instance, NEAR, 1)          # the connection is cut instead of an answer
        assert wait_cut(instance, NEAR)
        assert idle.closed()
        logged_in.cmd("PWD", "257")             # who is in stays in
        assert not is_cut(instance, FAR)
    assert instance.wait(lambda: f"{NEAR} failed to log in 3 times: blocked" in
                         instance.output + "".join(p.read_text() for p in instance.dir.rglob("*.log")))


def test_block_ends(instance):
    denying(instance, 'enabled="true" maxFailure="1" entryExpiration="00:00:05"')
    assert instance.wait(lambda: fail(instance, NEAR, 1) and is_cut(instance, NEAR))  # again, if it took five seconds to look
    before = time.monotonic()
    assert instance.wait(lambda: not is_cut(instance, NEAR))
    assert time.monotonic() - before < 30
    with instance.client(source=NEAR) as c:
        c.login()


@pytest.mark.parametrize("program", ["sallyport-worker", "sallyport-auth"])
def test_block_outlives_a_program(instance, program):
    denying(instance)
    assert fail(instance, NEAR, 3)
    assert wait_cut(instance, NEAR)
    old = [pid for pid, name in instance.children().items() if name == program]
    for pid in old:
        os.kill(pid, signal.SIGKILL)

    def renewed():
        now = [pid for pid, name in instance.children().items() if name == program]
        return len(now) == len(old) and not set(now) & set(old)
    assert instance.wait(renewed)
    for _ in range(10):                         # before it hears of it a new worker greets, but it hears before any login ends
        assert not gets_in(instance, NEAR)
    assert instance.wait(lambda: gets_in(instance, FAR))
    assert wait_cut(instance, NEAR)


def test_only_logging(instance):
    denying(instance, 'enabled="true" maxFailure="2" loggingOnlyMode="true"')
    assert not fail(instance, NEAR, 4)
    assert not is_cut(instance, NEAR)


def test_exempt_and_off(instance):
    denying(instance, rules=f'<add ipAddress="{NEAR}" allowed="true" />'
                            '<add ipAddress="127.0.0.0" subnetMask="255.0.0.0" allowed="true" />')
    assert not fail(instance, NEAR, 5)
    assert not is_cut(instance, NEAR)
    assert fail(instance, FAR, 3)               # a network is no single address
    assert instance.wait(lambda: is_cut(instance, FAR))
    instance.server_xml = instance.server_xml.replace('enabled="true"', 'enabled="false"')
    instance.reload()
    assert instance.wait(lambda: not is_cut(instance, FAR))
    assert not [note for note in instance.check().stdout.splitlines() if "denyByFailure" in note]


def restart_auth(instance):
    old = {pid for pid, name in instance.children().items() if name == "sallyport-auth"}
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    assert instance.wait(lambda: {pid for pid, name in instance.children().items() if name == "sallyport-auth"} - old)
    assert instance.wait(lambda: gets_in(instance, FAR))


def test_counters_outlive_the_authenticator(instance):
    denying(instance)
    assert not fail(instance, NEAR, 2)
    restart_auth(instance)
    assert fail(instance, NEAR, 1)
    assert instance.wait(lambda: is_cut(instance, NEAR))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_counters_outlive_the_service(instance, how):
    """A block and a half-full counter; when the service is killed, what is older than some seconds."""
    denying(instance)
    assert fail(instance, NEAR, 3)
    assert not fail(instance, FAR, 2)
    stored = instance.dir / "run/failed-logins"

    def counts():
        return [int(line.split()[2]) for line in stored.read_text().splitlines()[1:]] if stored.exists() else []
    assert how == signal.SIGTERM or instance.wait(lambda: len(counts()) == 2 and 2 in counts())  # it is written every few seconds
    assert not stored.exists() or stored.stat().st_mode & 0o077 == 0
    instance.stop(how)
    assert stored.read_text().count("\n") == 3
    instance.start()
    assert instance.wait(lambda: is_cut(instance, NEAR))
    assert fail(instance, FAR, 1)
    assert instance.wait(lambda: is_cut(instance, FAR))


SPOILT = {
    "lines that are none": lambda good: good + b"7 zz\n9999 1 2 3 4 5 6\n",
    "times at the ends of the world": lambda good: good + b"4 7f00000600000000 3 -9223372036854775808 9223372036854775807 9223372036854775807\n",
    "bytes": lambda good: good + bytes(range(256)) * 40,
    "no line's end": lambda good: good + b"4 7f0000",
    "another file": lambda good: b"\x7fELF" + bytes(3000),
    "nothing": lambda good: b"",
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_spoilt_file_costs_only_its_memory(instance, spoil):
    denying(instance)
    assert fail(instance, NEAR, 3)
    instance.stop()
    stored = instance.dir / "run/failed-logins"
    good = stored.read_bytes()
    spoilt = spoil(good)
    stored.write_bytes(spoilt)
    instance.start()
    assert "not all failed logins of earlier could be read" in instance.output
    if spoilt.startswith(good):
        assert instance.wait(lambda: is_cut(instance, NEAR))
    with instance.client(source=FAR) as c:
        c.login()


@pytest.mark.skipif(os.getuid() != 0, reason="mounting needs root")
def test_full_disk_forgets_and_says_so_once(instance):
    """H06: who fails is cut off all the same; the file is written when there is room again."""
    run = instance.dir / "run"
    run.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=755", "none", run], check=True)
    try:
        denying(instance)
        with contextlib.suppress(OSError), open(run / "ballast", "wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(4096))
        assert fail(instance, NEAR, 3)
        assert instance.wait(lambda: is_cut(instance, NEAR))
        assert instance.wait_line("failed logins cannot be remembered: No space left on device")
        assert not fail(instance, FAR, 1)
        instance.stop()                                           # it is tried once more
        assert instance.output.count("cannot be remembered") == 1
        assert [path.name for path in run.iterdir() if "failed" in path.name] == []
        (run / "ballast").unlink()
        instance.start()
        assert fail(instance, NEAR, 3)
        assert instance.wait(lambda: (run / "failed-logins").exists())
    finally:
        instance.stop()
        subprocess.run(["umount", run], check=True)


def test_accounts(instance):
    """One name from many addresses; the right password does not help, another name does; kept over a restart."""
    instance.add_site("Depot", users={"anna": "secret", "bert": "secret"})
    instance.server_xml = ('<security><ipSecurity><add ipAddress="127.0.0.99" allowed="true" /></ipSecurity><authentication>'
                           '<denyByFailure entryExpiration="00:10:00" /></authentication></security>')
    instance.sallyport_xml = '<safety maxLoginFailuresPerAccount="4" />'
    instance.start()

    def login(user, password, want, source):
        with instance.client(source=source) as c:
            c.login(user, password, want=want)
    for i, name in enumerate(("anna", "ANNA", "CORP\\anna", "anna@corp")):
        login("anna", "secret", "230", "127.0.0.1")
        login(name, "wrong", WRONG, f"127.0.0.{i + 10}")
    with instance.client() as c:
        c.login("anna", "secret", want=WRONG)
        c.login("bert")
    login("anna", "secret", "230", "127.0.0.99")     # an allow-listed address is exempt
    assert instance.wait(lambda: "failed to log in 4 times: refused" in
                         instance.output + "".join(p.read_text() for p in instance.dir.rglob("*.log")))
    instance.stop()
    instance.start()
    login("anna", "secret", WRONG, "127.0.0.20")
    login("bert", "secret", "230", "127.0.0.20")
    instance.sallyport_xml = ""
    instance.reload()
    assert instance.wait(lambda: gets_in(instance, "127.0.0.1"))
