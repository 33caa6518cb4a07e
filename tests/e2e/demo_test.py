"""packaging/demo.sh, which `./dev run` ends in: what it makes, and what it does with what was left half made."""
import signal
import stat
import subprocess

import pytest

from harness import BUILD, PATIENCE, ROOT

STEPS = ["create instance", "add certificate", "set site", "add user", "allow user"]


class Checkout:
    """A checkout with the demo's script and real tools; a service that is only said to be started."""

    def __init__(self, root):
        self.root, self.demo = root, root / "demo"
        self.served, self.fail, self.kill = root / "served", root / "fail", root / "kill"
        text = (ROOT / "packaging/demo.sh").read_text().replace("/var/lib/", f"{root}/var/lib/")
        self.script = self.put("packaging/demo.sh", text)
        self.put("build/sallyport", f'''#!/bin/sh
case "$3 $4" in
"$(cat {self.kill})") kill -KILL 0 ;;
"$(cat {self.fail})") echo "it fails" && exit 7 ;;
esac
exec {BUILD}/sallyport "$@"
''')
        self.put("build/sallyportd", f"#!/bin/sh\ntouch {self.served}\n")

    def put(self, name, text):
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def run(self, umask=0o022, fail="", kill=""):
        """Runs the demo; `fail` and `kill` are the commands that fail or take the script with them."""
        self.fail.write_text(fail)
        self.kill.write_text(kill)
        self.served.unlink(missing_ok=True)
        return subprocess.run([self.script], umask=umask, start_new_session=True, capture_output=True, text=True, timeout=PATIENCE)

    def is_whole(self):
        listed = subprocess.run([BUILD / "sallyport", "--config", self.demo, "list", "user"], capture_output=True, text=True)
        checked = subprocess.run([BUILD / "sallyportd", "--config", self.demo, "--check"], capture_output=True, text=True)
        return checked.returncode == 0 and "ftpmanager" in listed.stdout and self.served.exists()


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


def test_a_demo_is_made_once(checkout):
    first = checkout.run()
    assert first.returncode == 0 and checkout.is_whole(), first
    password = (checkout.demo / "password").read_text()
    assert password.strip() in first.stdout
    again = checkout.run(fail=STEPS[0])
    assert again.returncode == 0 and checkout.is_whole(), again
    assert (checkout.demo / "password").read_text() == password


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_fails_ends_it(checkout, step):
    done = checkout.run(fail=step)
    assert done.returncode != 0 and "it fails" in done.stderr and not checkout.served.exists(), done
    done = checkout.run()
    assert done.returncode == 0 and checkout.is_whole(), done


@pytest.mark.parametrize("step", STEPS)
def test_what_was_interrupted_is_made_anew(checkout, step):
    assert checkout.run(kill=step).returncode == -signal.SIGKILL
    done = checkout.run()
    assert done.returncode == 0 and checkout.is_whole(), done


@pytest.mark.parametrize("umask", [0, 0o077])
def test_the_umask_does_not_matter(checkout, umask):
    done = checkout.run(umask)
    assert done.returncode == 0 and checkout.is_whole(), done
    ours = [checkout.demo, *checkout.demo.rglob("*"), *(checkout.root / "var").rglob("*")]
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in ours}
    assert not [path for path, mode in modes.items() if mode & stat.S_IWOTH]
    assert [mode for path, mode in modes.items() if path.name in ("inetpub", "ftproot", "welcome.txt")] == [0o755, 0o755, 0o644]
    assert modes[checkout.demo / "password"] == 0o600


def test_the_instance_of_somebody_else_stays(checkout):
    made = subprocess.run([BUILD / "sallyport", "--config", checkout.demo, "create", "instance"], capture_output=True, text=True)
    assert made.returncode == 0, made
    for _ in range(2):
        done = checkout.run()
        assert done.returncode == 1 and "is not the demo" in done.stderr and not checkout.served.exists(), done
    assert (checkout.demo / "applicationHost.config").exists()
