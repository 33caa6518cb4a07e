"""What an installation does beside copying files: the script after it."""
import os
import subprocess

import pytest

from harness import PATIENCE, ROOT

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
