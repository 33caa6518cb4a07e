"""What an installation does beside copying files: where it goes, the script after it, and the unit for systemd."""
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from harness import BUILD, PATIENCE, ROOT

TOOLS = ["systemd-sysusers", "install", "ldconfig", "systemctl"]  # all that change the machine
FOLDERS = [f"var/lib/sallyport{path}" for path in ("", "/c", "/c/inetpub", "/c/inetpub/logs", "/c/inetpub/ftproot")]


def put_script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


class Machine:
    """A machine in a folder: the script after the installation works on its paths, with tools that only note how they were
    called."""

    def __init__(self, root):
        self.root, self.notes, self.tools = root, root / "notes", root / "tools"
        self.program = root / "opt/sallyport/bin/sallyport"
        for tool in [*(self.tools / name for name in TOOLS), self.program]:
            word = tool if tool == self.program else tool.name
            put_script(tool, f'echo {word} "$@" >>{self.notes}\n[ "$2" != is-active ] || [ -e {root}/active ]')
        shutil.copytree(ROOT / "packaging", root / "packaging")
        self.script = root / "packaging/post-install.sh"
        self.script.write_text(re.sub("/(etc|var/lib|run)/", rf"{root}\g<0>", self.script.read_text()))

    def post_install(self):
        """What the script calls, as lists of words."""
        self.notes.write_text("")
        done = subprocess.run([self.script, self.root / "opt/sallyport"], env={**os.environ, "PATH": f"{self.tools}:{os.environ['PATH']}"},
                              capture_output=True, text=True, timeout=PATIENCE)
        assert (done.returncode, done.stderr) == (0, "")
        return [line.split() for line in self.notes.read_text().splitlines()]


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_users_are_made_of_our_list(machine):
    """systemd-sysusers looks a relative name up in its own folders, and fails."""
    assert machine.post_install()[0] == ["systemd-sysusers", str(machine.root / "packaging/sysusers.conf")]


def test_the_library_is_made_known(machine):
    assert ["ldconfig"] in machine.post_install()


def test_the_first_configuration_is_made_by_the_program_that_was_installed(machine):
    """A prefix that is no standard one is not on PATH, and there may be another Sallyport that is."""
    assert [str(machine.program), "--config", f"{machine.root}/etc/sallyport", "create", "instance",
            f"/drive:C:={machine.root}/var/lib/sallyport/c"] in machine.post_install()


def test_a_configuration_that_is_there_stays(machine):
    (machine.root / "etc/sallyport").mkdir(parents=True)
    (machine.root / "etc/sallyport/applicationHost.config").write_text("<configuration />")
    assert not [words for words in machine.post_install() if "instance" in words]


def systemctl(called):
    return [words[1:] for words in called if words[0] == "systemctl"]


def test_a_running_service_becomes_the_new_version(machine):
    """The old supervisor would start new programs, and cannot read the configuration as the new loader hands it over."""
    (machine.root / "run/systemd/system").mkdir(parents=True)
    (machine.root / "active").touch()
    assert systemctl(machine.post_install()) == [["daemon-reload"], ["--quiet", "is-active", "sallyport"], ["restart", "sallyport"]]


def test_a_service_that_does_not_run_is_not_started(machine):
    (machine.root / "run/systemd/system").mkdir(parents=True)
    assert systemctl(machine.post_install()) == [["daemon-reload"], ["--quiet", "is-active", "sallyport"]]


def test_systemd_is_not_asked_where_it_does_not_run(machine):
    assert systemctl(machine.post_install()) == []


def folders_made(called):
    return [words[-1] for words in called if words[:2] == ["install", "-d"]]


def test_folders_are_made_where_there_are_none(machine):
    assert folders_made(machine.post_install()) == [str(machine.root / folder) for folder in FOLDERS]


def test_folders_stay_as_their_administrator_made_them(machine):
    """`install -d` sets owner and mode of folders that are there, and with the mode the mask of an access control list."""
    for folder in FOLDERS:
        (machine.root / folder).mkdir(parents=True, exist_ok=True)
    assert folders_made(machine.post_install()) == []


def test_the_pam_service_is_put_where_there_is_none(machine):
    ours, theirs = machine.root / "packaging/pam.d/sallyport", machine.root / "etc/pam.d/sallyport"
    assert ["install", "-m", "0644", str(ours), str(theirs)] in machine.post_install()


def test_the_pam_service_of_an_administrator_stays(machine):
    theirs = machine.root / "etc/pam.d/sallyport"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("auth required pam_access.so\n")
    assert not [words for words in machine.post_install() if str(theirs) in words]


def test_nothing_is_installed_where_administrators_write():
    """`meson install` replaces what is there."""
    done = subprocess.run(["meson", "introspect", "--installed", BUILD], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done
    places = json.loads(done.stdout).values()
    assert places and not [place for place in places if place.startswith("/etc/")]


PROJECT = """\
project('small', 'c', meson_version: '>=1.0.0')
configure_file(input: 'here.in', output: 'here', configuration: { 'prefix': get_option('prefix') }, install: true,
  install_dir: get_option('datadir'))
"""


@pytest.fixture
def checkout(tmp_path):
    """Returns what runs `./dev install`, with its words and environment, of a project that is built in no time."""
    folder = tmp_path / "checkout"
    put_script(folder / "packaging/post-install.sh", f'echo "$@" >>{tmp_path}/notes')
    put_script(tmp_path / "tools/dpkg-query", "echo install ok installed")
    shutil.copy(ROOT / "dev", folder)
    (folder / "meson.build").write_text(PROJECT)
    (folder / "here.in").write_text("@prefix@")

    def install(*words, **environment):
        environment = {**os.environ, "PATH": f"{tmp_path}/tools:{os.environ['PATH']}", **environment}
        done = subprocess.run(["./dev", "install", *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done
    return install


def test_each_installation_has_its_own_prefix(checkout, tmp_path):
    checkout(DESTDIR=str(tmp_path / "root"))
    checkout("/opt/other", DESTDIR=str(tmp_path / "root"))
    for prefix in ("/usr/local", "/opt/other"):
        assert pathlib.Path(f"{tmp_path}/root{prefix}/share/here").read_text() == prefix
    assert not (tmp_path / "notes").exists()  # a folder is no machine to set up


def test_the_machine_is_set_up_for_the_prefix(checkout, tmp_path):
    checkout(str(tmp_path / "opt"))
    assert (tmp_path / "notes").read_text() == f"{tmp_path}/opt\n"


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
