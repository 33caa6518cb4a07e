"""Bash completion, asked as bash asks it: the words so far, split where bash splits them, and what is offered."""
import os
import subprocess

import pytest

from harness import BUILD, ROOT

VERBS = ["add", "set", "run", "search", "reset", "migrate", "import", "export", "restore", "check", "test"]


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    folder = tmp_path_factory.mktemp("completion")
    (folder / "sallyport").symlink_to(BUILD / "sallyport")
    instance = folder / "instance"
    for words in (["create", "instance"], ["add", "site", "/name:Depot FTP", "/physicalPath:C:\\depot"], ["add", "backup", "before"]):
        subprocess.run([BUILD / "sallyport", "--config", instance, *words], check=True, stdout=subprocess.DEVNULL)
    (folder / "build.cmd").touch()
    return folder


def offered(tools, *words):
    script = f'. {ROOT}/packaging/completion/sallyport; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sallyport; printf "%s\\n" "${{COMPREPLY[@]}}"'
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "SALLYPORT_CONFIG": str(tools / "instance")}
    done = subprocess.run(["bash", "-c", script, "bash", "sallyport", *words], env=environment, cwd=tools, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1]


CASES = [
    ("a verb", ["se"], {"search", "set"}),
    ("an object", ["restore", ""], {"backup"}),
    ("parameters", ["add", "site", "/b"], {"/bindings:"}),
    ("a name", ["set", "site", "De"], {"Depot\\ FTP"}),
    ("a name in the other case", ["set", "site", "de"], {"Depot\\ FTP"}),
    ("a backup", ["restore", "backup", ""], {"before", "/stop:", "/?"}),
    ("a virtual directory", ["set", "vdir", "Depot"], {"Depot\\ FTP/"}),
    ("a section", ["list", "config", "/section", ":", "system.ftpServer/lo"], {"system.ftpServer/log"}),
    ("a site behind a colon", ["list", "app", "/site.name", ":"], {"Depot\\ FTP"}),
    ("a file to run", ["run", "bu"], {"build.cmd"}),
    ("what run takes", ["run", "/"], {"/atomic"}),
    ("the instance", ["--config", "inst"], {"instance"}),
    ("nothing where nothing fits", ["paint", "x"], set()),
]


@pytest.mark.parametrize("words, wanted", [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_offers(tools, words, wanted):
    got = {word for word in offered(tools, *words) if word}
    if words == ["run", "/"]:
        assert wanted <= got
    else:
        assert got == wanted


def test_every_verb_is_offered(tools):
    assert set(VERBS) <= set(offered(tools, ""))
