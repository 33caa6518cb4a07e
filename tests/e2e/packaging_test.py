"""What an installation does beside copying files: the script after it, and the unit for systemd."""
import os
import re
import shutil
import subprocess

import pytest

from harness import BUILD, PATIENCE, ROOT

TOOLS = ["systemd-sysusers", "install", "sallyport", "ldconfig", "systemctl"]  # all that change the machine


@pytest.fixture
def called(tmp_path):
    """Runs the script as `./dev install` does, with tools that only note how they were called; returns the notes."""
    notes, folder = tmp_path / "notes", tmp_path / "tools"
    folder.mkdir()
    for tool in TOOLS:
        (folder / tool).write_text(f'#!/bin/sh\necho {tool} "$@" >>{notes}\n')
        (folder / tool).chmod(0o755)
    done = subprocess.run(["packaging/post-install.sh"], cwd=ROOT, env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
                          capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, "")
    return [line.split() for line in notes.read_text().splitlines()]


def test_users_are_made_of_our_list(called):
    """systemd-sysusers looks a relative name up in its own folders, and fails."""
    assert called[0] == ["systemd-sysusers", str(ROOT / "packaging/sysusers.conf")]


def test_the_library_is_made_known(called):
    assert ["ldconfig"] in called


def unit():
    return (BUILD / "packaging/sallyport.service").read_text()


def test_the_unit_suits_every_systemd():
    """Debian 12 has 252, which takes notify-reload for nothing: the service would count as started at once."""
    lines = unit().splitlines()
    assert "Type=notify" in lines and "ExecReload=/bin/kill -HUP $MAINPID" in lines


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_understands_the_unit(tmp_path):
    path = tmp_path / "sallyport.service"
    path.write_text(re.sub(r"^ExecStart=\S+", f"ExecStart={BUILD}/sallyportd", unit(), flags=re.M))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True, timeout=PATIENCE)
    assert not re.search("sallyport.service", done.stdout + done.stderr), done  # it tells about other units, too
    assert done.returncode == 0, done
