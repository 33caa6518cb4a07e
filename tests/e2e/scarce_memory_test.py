"""Memory that is refused now and then, in all programs (threat H10): what needed it fails, nothing else, and nothing for good."""
import contextlib
import pathlib
import random
import shutil
import struct
import threading
import time

import pytest

from harness import BUILD, PATIENCE, SANITIZED

SECONDS = 6  # of scarcity


def enter(c, tls):
    if tls:
        c.auth_tls()
    c.login()
    if tls:
        c.protect()


def conversation(instance, seed, over, finished):
    """Sessions of all kinds; any of them may fail at any point."""
    dice = random.Random(seed)
    while not over.is_set():
        with contextlib.suppress(AssertionError, OSError, EOFError), instance.client(timeout=5) as c:
            tls = dice.random() < 0.4
            enter(c, tls)
            for _ in range(8):
                name = f"f{dice.randrange(4)}"
                dice.choice((
                    lambda: c.data(f"RETR {name}", tls=tls, want_end=None),
                    lambda: c.data(f"STOR {name}", upload=b"x" * dice.randrange(200_000), tls=tls, want_end=None),
                    lambda: c.data(f"APPE {name}", upload=b"more", tls=tls, want_end=None),
                    lambda: c.data("LIST", tls=tls, want_end=None),
                    lambda: c.data("MLSD", tls=tls, want_end=None),
                    lambda: [c.cmd(line) for line in ("FEAT", "STAT", "PWD", f"SIZE {name}", f"MLST {name}", "MKD d", "CWD d", "CDUP", "RMD d")],
                    lambda: [c.cmd(line) for line in (f"RNFR {name}", "RNTO f0", "DELE f1")],
                ))()
            c.cmd("QUIT", "221")
            finished.append(tls)


def preload(instance, library, programs="sallyport-*", **variables):
    """Have programs of the service run with a library preloaded; what the supervisor's environment needs for the same."""
    folder = instance.dir / "programs"
    real = folder / "real"
    real.mkdir(parents=True)
    for program in BUILD.glob("src/*/sallyport-*"):
        if program.is_file():
            stands_in = program.match(programs)
            shutil.copy(program, (real if stands_in else folder) / program.name)
            if stands_in:
                shutil.copy(BUILD / "tests/programs/preloaded", folder / program.name)
    shutil.copy(BUILD / "sallyportd", folder / "sallyportd")
    instance.program = folder / "sallyportd"
    environment = {"LD_PRELOAD": str(library), **variables}
    (real / "environment").write_text("".join(f"{name}={value}\n" for name, value in environment.items()))
    return environment


@pytest.mark.skipif(SANITIZED, reason="the sanitizers have a malloc of their own")
@pytest.mark.parametrize("odds", [100, 2000])
def test_scarce_memory(instance, odds):
    switch, library = instance.dir / "odds", instance.dir / "libscarce_memory.so"
    switch.write_bytes(struct.pack("=II", 0, 0))
    switch.chmod(0o666)                           # programs of all users count in it
    shutil.copy(BUILD / "tests/programs/libscarce_memory.so", library)
    instance.environment = preload(instance, library, SCARCE_MEMORY=switch)
    depot = instance.add_site("Depot", tls="SslAllow", users={"anna": "secret"})
    for i in range(4):
        (depot.path / f"f{i}").write_bytes(b"y" * 50_000 * i)
    instance.start()
    instance.give_files()

    def now(number):
        with switch.open("r+b") as f:
            f.write(struct.pack("=I", number))

    before = instance.programs_running()
    assert all("libscarce_memory" in pathlib.Path(f"/proc/{pid}/maps").read_text() for pid in before)
    finished, over = [], threading.Event()
    clients = [threading.Thread(target=conversation, args=(instance, seed, over, finished)) for seed in range(4)]

    def is_enough():
        """Where little is refused, whole conversations must come through."""
        return time.monotonic() > end and (odds == 100 or set(finished) == {False, True})
    now(odds)
    end = time.monotonic() + SECONDS
    try:
        for client in clients:
            client.start()
        while not is_enough() and time.monotonic() < end + PATIENCE:
            with contextlib.suppress(AssertionError, OSError):
                instance.take_over()
    finally:
        over.set()
        for client in clients:
            client.join()
    now(0)
    assert is_enough(), (finished, instance.output)
    assert struct.unpack("=II", switch.read_bytes())[1] > 0

    # Programs that could not take in a new configuration are replaced; none has died of a fault.
    instance.take_over()
    assert not [word for word in ("Segmentation", "Abort", "Bus error", "Bad system call", "Illegal") if word in instance.output], instance.output
    assert instance.wait(lambda: sorted(instance.programs_running().values()) == sorted(before.values()))
    for tls in (False, True):
        with instance.client() as c:
            enter(c, tls)
            c.put("after", b"content", tls=tls)
            assert c.get("after", tls=tls) == b"content"
            assert b"after" in c.data("LIST", tls=tls)[1]
            c.cmd("DELE after", "250")
            c.cmd("QUIT", "221")
    assert instance.wait(lambda: not list(depot.path.glob(".sallyport-*")))
