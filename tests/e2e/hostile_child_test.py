"""A worker that lies to the supervisor: whatever it says, sallyportd stays, answers, and forges nothing."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from harness import BUILD

PROGRAMS = ("auth", "broker", "loader", "logger", "pam")


def program(name):
    for place in (BUILD / f"sallyport-{name}", BUILD / "src" / name / f"sallyport-{name}"):
        if place.exists():
            return place.resolve()
    raise AssertionError(f"no sallyport-{name} in {BUILD}")


@pytest.fixture
def hostile(instance, tmp_path):
    """An instance whose worker is tests/programs/hostile_child; call it with the mode."""
    folder = instance.dir / "programs"
    folder.mkdir()
    shutil.copy((BUILD / "sallyportd").resolve(), folder / "sallyportd")
    for name in PROGRAMS:
        shutil.copy(program(name), folder)
    shutil.copy(BUILD / "tests" / "programs" / "hostile_child", folder / "sallyport-worker")

    def start(mode):
        (folder / "hostile-mode").write_text(mode)
        instance.add_site("Depot", users={"anna": "secret"})
        instance.sallyport_xml = '<service workerCount="1" drainTimeout="00:00:01" />'
        instance.program = folder / "sallyportd"
        instance.start(expect_ready=False)                    # it may be ended before all others are ready
        return instance
    return start


def own_descriptors(instance):
    return len(os.listdir(f"/proc/{instance.process.pid}/fd"))


def own_memory(instance):
    status = pathlib.Path(f"/proc/{instance.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


@pytest.mark.parametrize("mode", ["garbage", "as-supervisor", "as-authenticator", "descriptors", "ready-twice"])
def test_liar_is_ended(hostile, mode):
    """What the channel's table does not allow ends the program; it comes back with back-off and nothing leaks."""
    instance = hostile(mode)
    assert instance.wait_line("sent what it may not")
    assert instance.wait_line("started again in")
    assert instance.wait(lambda: instance.output.count("sent what it may not") >= 3)
    before = own_descriptors(instance)
    assert instance.wait(lambda: instance.output.count("sent what it may not") >= 6)
    assert instance.wait(lambda: own_descriptors(instance) <= before)
    assert "Depot" in instance.cli("list", "site")
    with (instance.dir / "administration.config").open() as f:
        assert 'password="b"' not in f.read()
    assert instance.stop() == 0


def test_liar_before_it_is_ready(hostile):
    """A program that lies while the service starts: the start fails, and says why."""
    instance = hostile("too-early")
    assert instance.wait_line("sent what it may not")
    assert instance.wait(lambda: instance.process.poll() is not None)
    assert instance.process.returncode == 1


def test_talker_holds_up_nobody(hostile):
    """H06, H07: endless lines for the administrator, with line breaks in them: others are served, no line is forged."""
    instance = hostile("talk")
    assert instance.wait_line("sallyportd: ready")
    assert instance.wait(lambda: len(instance.output) > 200_000)
    for _ in range(3):
        assert "Depot" in instance.cli("list", "site")
    lines = instance.output.split("\n")
    assert lines.count("sallyportd: ready") <= 1               # ours, unless the flood filled the pipe before it
    assert "\x1b" not in instance.output and "\r" not in instance.output
    assert own_memory(instance) < 200_000
    assert instance.stop() == 0


def test_endless_sessions(hostile):
    """One query is answered without end: other askers are served meanwhile, the supervisor's memory stays bounded."""
    instance = hostile("sessions")
    assert instance.wait_line("sallyportd: ready")
    command = [str(BUILD / "sallyport"), "--config", str(instance.dir), "list", "session"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as asker:
        assert asker.stdout.read(100000).count(b"\n\n") == 0
        for _ in range(3):
            assert "Depot" in instance.cli("list", "site")
        assert own_memory(instance) < 200_000                 # nobody takes what is queued
        asker.kill()
    assert "Depot" in instance.cli("list", "site")
    assert instance.stop() == 0


def test_silent_worker_is_not_waited_for(hostile):
    """A worker that never answers: the stop is bounded."""
    instance = hostile("silent")
    assert instance.wait_line("sallyportd: ready")
    assert "Depot" in instance.cli("list", "site")
    assert instance.stop() == 0


@pytest.mark.parametrize("mode, how", [("killed", "was killed by signal 9"), ("leaves", "ended with status 7")])
def test_how_a_loader_died_is_told(instance, mode, how):
    """Its channel ends before its burial: what the administrator reads is the cause, not that."""
    folder = instance.dir / "programs"
    folder.mkdir()
    shutil.copy((BUILD / "sallyportd").resolve(), folder / "sallyportd")
    shutil.copy(BUILD / "tests" / "programs" / "hostile_child", folder / "sallyport-loader")
    (folder / "hostile-mode").write_text(mode)
    instance.add_site("Depot", users={"anna": "secret"})
    instance.write()
    done = subprocess.run([folder / "sallyportd", "--config", instance.dir, "--check"], text=True, capture_output=True,
                          timeout=60)
    assert f"the loader {how}" in done.stdout + done.stderr and done.returncode == 1, done
