"""Commands of the command line, killed at every moment: each file is the old one or the new one, nothing is lost, and the same command
ends the work when it is given again."""
import os
import shutil
import subprocess
import time

import pytest

from harness import BUILD, PATIENCE

NAMES = ("applicationHost.config", "administration.config", "sallyport.config")
MOMENTS = 10


def command(instance, *words, stdin="", expect=0):
    ran = subprocess.run([BUILD / "sallyport", "--config", instance, *map(str, words)], text=True, capture_output=True, input=stdin, timeout=PATIENCE)
    assert ran.returncode == expect, ran.stdout
    return ran.stdout


def files(instance):
    return {name: (instance / name).read_bytes() for name in NAMES}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """An instance of many sites with a backup of another state, a batch file, a folder to import."""
    folder = tmp_path_factory.mktemp("interrupted")
    instance = folder / "instance"
    command(instance, "create", "instance", f"/drive:C:={folder}/c")
    sites = "".join(f'appcmd add site /name:"site {n}" /physicalPath:C:\\sites\\{n}\n' for n in range(300))
    (folder / "sites.cmd").write_text(sites)
    command(instance, "run", folder / "sites.cmd", "--atomic")
    command(instance, "add", "user", "anna", stdin="secret\n")
    command(instance, "set", "config", "-section:sallyport/tls", "/minProtocol:Tls13")
    command(instance, "add", "backup", "full")
    command(instance, "export", folder / "copied")
    command(instance, "delete", "site", "site 7")
    command(instance, "delete", "user", "anna")
    command(instance, "set", "config", "-section:sallyport/tls", "/minProtocol:Tls12")
    (folder / "late.cmd").write_text('appcmd add user late\nappcmd set site "site 1" /id:1000\n'
                                     "appcmd set config -section:sallyport/tls /minProtocol:Tls13\n")
    return folder


COMMANDS = {
    "restore": lambda world: ("restore", "backup", "full"),
    "import": lambda world: ("import", world / "copied", "--replace", "--drive", f"D:={world}/d"),
    "atomic": lambda world: ("run", world / "late.cmd", "--atomic"),
    "set": lambda world: ("set", "config", "-section:system.ftpServer/log", "/centralLogFileMode:Central"),
}


@pytest.mark.parametrize("which", COMMANDS)
def test_killed_at_any_moment(world, tmp_path, which):
    words = COMMANDS[which](world)
    old, password = files(world / "instance"), tmp_path / "password"
    password.write_bytes(b"secret\n")
    shutil.copytree(world / "instance", tmp_path / "whole")
    began = time.monotonic()
    command(tmp_path / "whole", *words, stdin="secret\n")
    lasts = time.monotonic() - began
    new = files(tmp_path / "whole")
    assert new != old
    for moment in range(MOMENTS):
        instance = tmp_path / f"killed{moment}"
        shutil.copytree(world / "instance", instance)
        with open(password, "rb") as stdin:                    # a pipe breaks when the command has ended without reading it
            process = subprocess.Popen([BUILD / "sallyport", "--config", instance, *map(str, words)], stdin=stdin,
                                       stdout=subprocess.DEVNULL)
        try:
            process.wait(lasts * (moment + 1) / MOMENTS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        now = files(instance)
        for name in NAMES:  # a password gets another salt each time
            assert now[name] in (old[name], new[name]) or (which, name) == ("atomic", "administration.config"), (moment, name)
        assert command(instance, "list", "site").count("SITE ") == now["applicationHost.config"].count(b"<site name")
        if which == "atomic" and now["administration.config"] != old["administration.config"]:
            continue  # the user is there: the batch, given again, says so
        command(instance, *words, stdin="secret\n")
        again = files(instance)
        assert all(again[name] == new[name] for name in NAMES if (which, name) != ("atomic", "administration.config")), moment
        if which == "import":
            for name in NAMES:
                kept = instance / f"{name}.before-import"
                assert old[name] in (again[name], kept.read_bytes() if kept.exists() else None), (moment, name)


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize("which", COMMANDS)
def test_killed_where_it_waits_for_the_disk(world, tmp_path, which):
    """Several files take their places together: what takes time is done before the first one does, or behind the last."""
    old = files(world / "instance")
    (tmp_path / "password").write_bytes(b"secret\n")
    states = []
    for moment in range(1, 100):
        instance = tmp_path / f"killed{moment}"
        shutil.copytree(world / "instance", instance)
        with open(tmp_path / "password", "rb") as stdin:
            ran = subprocess.run(["strace", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "-e", f"inject=fsync:signal=KILL:when={moment}",
                                  BUILD / "sallyport", "--config", instance, *map(str, COMMANDS[which](world))],
                                 stdin=stdin, stdout=subprocess.DEVNULL, timeout=PATIENCE,
                                 env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})  # who is traced cannot look for them
        states.append([name for name in NAMES if (instance / name).read_bytes() != old[name]])
        shutil.rmtree(instance)
        if ran.returncode == 0:
            break
    assert ran.returncode == 0 and len(states) > 2
    assert all(state in ([], states[-1]) for state in states), states
    assert states[0] == [] and states[-2] == states[-1], states
