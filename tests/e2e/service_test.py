"""The service as a set of programs: what each may do, what happens when one dies, reload, drain, host faults."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest

from harness import BUILD, PATIENCE, SANITIZED, free_port

PROGRAMS = {"sallyport-worker", "sallyport-broker", "sallyport-auth", "sallyport-logger"}


def status_of(pid):
    return dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)


def test_programs_and_their_powers(site):
    """architecture: one worker and one broker per core, no capability, seccomp on, own users when root."""
    children = site.programs_running()
    names = list(children.values())
    assert set(names) - {"sallyport-pam"} == PROGRAMS
    assert names.count("sallyport-worker") == names.count("sallyport-broker") == len(os.sched_getaffinity(0))
    for pid, name in children.items():
        mine = os.sched_getscheduler(0)
        assert os.sched_getscheduler(pid) == (os.SCHED_BATCH if mine == os.SCHED_OTHER else mine), name
        status = status_of(pid)
        allowed = (1 << 7 | 1 << 6) if name == "sallyport-broker" and os.getuid() == 0 else 0  # CAP_SETUID, CAP_SETGID
        if name != "sallyport-pam":
            assert int(status["CapEff"], 16) == allowed, name
            assert int(status["CapBnd"], 16) & ~allowed == 0 or os.getuid() != 0, name
            assert status["Seccomp"].strip() == "2", name
            assert status["NoNewPrivs"].strip() == "1", name
            if os.getuid() == 0:
                assert "0" not in status["Uid"].split(), name
                assert "0" not in status["Gid"].split() and "0" not in status["Groups"].split(), name
        if name == "sallyport-worker" and os.getuid() == 0:
            root = pathlib.Path(f"/proc/{pid}/root")
            assert list(root.iterdir()) == []
        if name == "sallyport-worker":
            kinds = [os.readlink(fd) for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir()]
            assert not [kind for kind in kinds if kind.startswith("/") and not kind.startswith("/dev/null") and not kind.startswith("/memfd")], kinds


def start_download(c, name="big"):
    c.cmd("TYPE I", "200")
    address = c.epsv()
    data = socket.create_connection(address, PATIENCE)
    c.send(f"RETR {name}\r\n")
    assert c.reply()[0] == "1"
    data.recv(1000)
    return data


@pytest.mark.parametrize("program", sorted(PROGRAMS))
def test_kill_9_during_transfers(site, program):
    """H04: whatever dies is started again, new sessions work, nothing acknowledged is lost, no temporary file stays."""
    path = site.sites[0].path
    (path / "big").write_bytes(b"x" * 30_000_000)
    site.give_files()
    with site.client() as c, site.client() as up:
        c.login()
        up.login()
        up.put("kept.txt", b"kept")
        download = start_download(c)
        address = up.epsv()
        upload = socket.create_connection(address, PATIENCE)
        up.send("STOR half.bin\r\n")
        assert up.reply()[0] == "1"
        upload.sendall(b"y" * 100000)
        before = site.programs_running()
        for pid, name in before.items():
            if name == program:
                os.kill(pid, signal.SIGKILL)

        def renewed():
            now = site.programs_running()
            return len(now) == len(before) and set(now) != set(before)
        assert site.wait(renewed), site.output
        download.close()
        upload.close()

    def works():
        try:
            with site.client(timeout=5) as again:
                again.login()
                again.cmd("TYPE I", "200")
                assert again.get("kept.txt") == b"kept"
                again.put("new.txt", b"new")
                names = again.data("NLST")[1]
                assert not [n for n in os.listdir(path) if n not in ("big", "kept.txt", "new.txt", "half.bin")], os.listdir(path)
                return b"kept.txt" in names
        except (OSError, AssertionError, EOFError):
            return False
    assert site.wait(works), (site.output, os.listdir(path))
    if (path / "half.bin").exists():                          # a surviving session may have finished it, whole
        assert (path / "half.bin").read_bytes() == b"y" * 100000


def test_died_programs_are_restarted_with_back_off(site):
    for _ in range(3):
        victims = [pid for pid, name in site.children().items() if name == "sallyport-logger"]
        if not victims:
            assert site.wait(lambda: "sallyport-logger" in site.children().values())
            continue
        os.kill(victims[0], signal.SIGKILL)
        assert site.wait(lambda: victims[0] not in site.children() and "sallyport-logger" in site.children().values())
    with site.client() as c:
        c.login()


def test_supervisor_killed_takes_everything_along(site):
    children = site.children()
    site.process.kill()
    site.process.wait()

    def gone():
        return not [pid for pid in children if os.path.exists(f"/proc/{pid}/exe") and status_of(pid)["State"][0] != "Z"]
    deadline = time.monotonic() + PATIENCE
    while not gone() and time.monotonic() < deadline:
        os.sched_yield()
    assert gone()


def test_sigterm_drains(instance):
    """A running transfer finishes; no new session is taken; then everything is gone."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    (site.path / "big").write_bytes(b"x" * 30_000_000)
    instance.sallyport_xml = '<service drainTimeout="00:00:20" />'
    instance.start()
    with instance.client() as c:
        c.login()
        data = start_download(c)
        children = instance.children()
        instance.process.send_signal(signal.SIGTERM)
        total = 1000
        while chunk := data.recv(1 << 20):
            total += len(chunk)
        data.close()
        assert total >= 30_000_000 - 1000 and c.reply().startswith("226")
        assert c.closed() and b"421" in c.buffer
    assert instance.stop() == 0
    assert not [pid for pid in children if os.path.exists(f"/proc/{pid}")]


def test_sigterm_is_bounded(instance):
    site = instance.add_site("Depot", users={"anna": "secret"})
    (site.path / "big").write_bytes(b"x" * 30_000_000)
    instance.sallyport_xml = '<service drainTimeout="00:00:01" />'
    instance.start()
    with instance.client() as c:
        c.login()
        data = start_download(c)                              # and never reads on
        began = time.monotonic()
        assert instance.stop() == 0
        assert time.monotonic() - began < 15
        data.close()


def test_reload_leaves_sessions_alone(instance):
    site = instance.add_site("Depot", users={"anna": "secret"})
    (site.path / "big").write_bytes(b"x" * 30_000_000)
    instance.start()
    with instance.client() as c:
        c.login()
        data = start_download(c)
        instance.add_site("Second", users={"bert": "geheim"})
        instance.give_files()
        instance.reload()
        with instance.client(instance.sites[1]) as second:
            second.login("bert", "geheim")
        total = 1000
        while chunk := data.recv(1 << 20):
            total += len(chunk)
        assert total >= 30_000_000 - 1000
        data.close()
        assert c.reply().startswith("226")
        instance.sites.pop(0)                                 # the site goes: its sessions end with 421
        instance.reload()
        assert c.closed() and b"421" in c.buffer
        with instance.client(instance.sites[0]) as second:
            second.login("bert", "geheim")


def test_bad_configuration_keeps_the_old(site):
    """X02: a bad file changes nothing and is reported with file, line, column and what is allowed."""
    text = (site.dir / "applicationHost.config").read_text()
    site.put("applicationHost.config", text.replace('controlChannelPolicy="SslAllow"', 'controlChannelPolicy="SslMaybe"'))
    told = r"applicationHost\.config:\d+:\d+: .*ssl.*SslAllow, SslRequire, SslRequireCredentialsOnly"
    assert site.wait(lambda: re.search(told, site.output)), site.output
    with site.client() as c:
        c.login()
    done = site.check()
    assert done.returncode == 1 and "SslRequireCredentialsOnly" in done.stdout + done.stderr


def test_world_readable_configuration_is_told(instance):
    """X04: password hashes that everybody may read."""
    instance.add_site("Depot", users={"anna": "secret"})
    instance.write()
    (instance.dir / "administration.config").chmod(0o644)
    done = instance.check()
    assert done.returncode == 0 and "administration.config: may be read or written by everybody" in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["applicationHost.config", "administration.config", "sallyport.config", "."])
def test_configuration_that_everybody_may_write_is_refused(instance, name):
    """X04: who may write a file, or put one into the folder, could let himself in."""
    instance.add_site("Depot", users={"anna": "secret"})
    instance.write()
    path = instance.dir / name
    path.chmod(path.stat().st_mode | 0o002)
    done = instance.check()
    assert done.returncode == 1 and re.search(re.escape(str(path)) + ": may be written by everybody .*chmod o-w", done.stdout + done.stderr)
    path.chmod(path.stat().st_mode & ~0o002)
    assert instance.check().returncode == 0


@pytest.mark.parametrize("name", ["certificates/Root", "certificates/Root/ca-0.pem", "secrets"])
def test_certificates_that_everybody_may_write_are_refused(instance, name):
    """X04: who may name an authority may be anybody."""
    instance.add_site("Depot", users={"anna": "secret"})
    instance.write()
    instance.make_certificate("ca", store="Root")
    (instance.dir / "secrets").mkdir(exist_ok=True)
    assert instance.check().returncode == 0
    path = instance.dir / name
    path.chmod(path.stat().st_mode | 0o002)
    done = instance.check()
    assert done.returncode == 1 and re.search(re.escape(str(path)) + ": may be written by everybody .*chmod o-w", done.stdout + done.stderr)


@pytest.mark.parametrize("spoil, why", [
    (lambda file: file.write_text("not what it was\n"), "is to be refused, and this cannot be read as a certificate"),
    (lambda file: file.write_text(file.read_text() + "-----BEGIN PRIVATE KEY-----\n"), "private key"),
    (lambda file: file.chmod(0o606), "may be written by everybody"),
    (lambda file: file.with_name("folder").mkdir(), "is no regular file"),
])
def test_refusals_that_cannot_be_read_refuse_the_configuration(instance, spoil, why):
    """X04: whom store Disallowed keeps out would be let in if what cannot be read there were left out."""
    instance.add_site("Depot", users={"anna": "secret"})
    instance.write()
    instance.make_certificate("pat")
    made = next((instance.dir / "certificates/MY").glob("*.pem"))
    file = instance.dir / "certificates/Disallowed/pat.pem"
    file.parent.mkdir()
    file.write_text(re.sub("-----BEGIN [A-Z ]*PRIVATE KEY.*", "", made.read_text(), flags=re.DOTALL))
    instance.start()
    assert why not in instance.cli("status")
    spoil(file)
    instance.process.send_signal(signal.SIGHUP)
    assert instance.wait(lambda: why in instance.cli("status"))
    assert instance.stop() == 0
    instance.launch()
    assert instance.wait(lambda: instance.process.poll() is not None)
    assert instance.stop() == 1 and why in instance.output


def test_more_files_than_stores_may_hold(instance):
    instance.add_site("Depot", users={"anna": "secret"})
    instance.write()
    (instance.dir / "certificates/CA").mkdir(parents=True)
    for number in range(4000):
        (instance.dir / f"certificates/CA/{number}.pem").touch()
    done = instance.check()
    assert done.returncode == 1 and "certificates/CA: the stores hold more files than the service reads" in done.stdout + done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="gives files away")
@pytest.mark.parametrize("name", ["applicationHost.config", "."])
def test_configuration_of_a_stranger_is_refused(instance, name):
    """X04: the owner may write it whatever its mode."""
    instance.add_site("Depot", users={"anna": "secret"})
    instance.write()
    os.chown(instance.dir / name, 12345, 0)
    instance.launch()
    assert instance.wait(lambda: instance.process.poll() is not None)
    assert instance.stop() == 1 and "belongs neither to root nor to the user that the service runs as" in instance.output


@pytest.mark.skipif(os.getuid() != 0, reason="gives files away")
def test_check_of_an_instance_of_an_ordinary_user(instance):
    """X04: root may check what a service of that user takes; what belongs to a third is refused there, too."""
    instance.add_site("Depot", users={"anna": "secret"})
    instance.write()
    for path in [instance.dir, *instance.dir.rglob("*")]:
        os.chown(path, 12345, 0, follow_symlinks=False)
    done = instance.check()
    assert done.returncode == 0 and f"{instance.dir}: belongs to user 12345" in done.stdout + done.stderr
    os.chown(instance.dir / "administration.config", 12346, 0)
    assert instance.check().returncode == 1


def test_configuration_opened_in_service_keeps_the_old(site):
    """X04: what others may write by now is not taken over; the service goes on with what it has."""
    path = site.dir / "administration.config"
    path.chmod(0o646)
    assert site.wait_line(f"{path}: may be written by everybody"), site.output
    assert site.wait_line("the one before it stays in force"), site.output
    with site.client() as c:
        c.login()
    path.chmod(0o640)
    site.take_over()
    with site.client() as c:
        c.login()


BAD_FILES = [  # X01, X05
    ("document type", "<!DOCTYPE a><configuration />", "DOCTYPE"),
    ("entity bomb", '<!DOCTYPE l [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><configuration>&b;</configuration>', "DOCTYPE"),
    ("external entity", '<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]><configuration>&a;</configuration>', "DOCTYPE"),
    ("too deep", "<configuration>" + "<a>" * 5000 + "</a>" * 5000 + "</configuration>", "deep"),
    ("not well-formed", "<configuration><a></configuration>", "well-formed"),
    ("empty", "", "applicationHost.config"),
]


@pytest.mark.parametrize("label,text,want", BAD_FILES, ids=[row[0] for row in BAD_FILES])
def test_hostile_configuration(instance, label, text, want):
    instance.write()
    instance.put("applicationHost.config", text)
    done = instance.check()
    assert done.returncode == 1 and want in done.stdout + done.stderr, done.stdout + done.stderr


def test_check_says_what_cannot_be_run(instance):
    """Everything of FTP is enforced but what a provider of a third party would do."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    site.extra = '<customFeatures><providers><add name="Archive" enabled="true" /></providers></customFeatures>'
    instance.write()
    done = instance.check()
    assert "this version cannot run: every login is refused, sub-status 34" in done.stdout + done.stderr


def test_state_and_sessions_by_command_line(site):
    with site.client() as c:
        c.login()
        listed = site.cli("list", "session")
        assert "anna" in listed
        guid = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", listed)[0]
        site.cli("delete", "session", guid)
        assert c.closed() and b"421" in c.buffer
    assert "state:Started" in site.cli("list", "site")
    with site.client() as c:
        c.login()
        assert site.cli("stop", "site", "Depot") == '"Depot" successfully stopped.\n'
        assert c.closed()
        assert "state:Stopped" in site.cli("list", "site")
        with pytest.raises(OSError):
            socket.create_connection((site.sites[0].host, site.sites[0].port), 5)
    assert site.cli("start", "site", "Depot") == '"Depot" successfully started.\n'
    with site.client() as c:
        c.login()


def test_names_in_any_case(instance):
    """The service finds a site and a user as the configuration does: accents and all."""
    instance.add_site("Dépôt", users={"zoë": "secret"})
    instance.start()
    with instance.client() as c:
        c.login("ZOË")
        assert "zoë" in instance.cli("list", "session", "/site.name:DÉPÔT")
        instance.cli("flush", "log", "/site.name:DÉPÔT")
        assert instance.cli("list", "session", "/site.name:Depot", check=False).stdout.count("no such site") == 1
    assert instance.cli("stop", "site", "DÉPÔT") == '"Dépôt" successfully stopped.\n'


def test_port_in_use_stops_only_that_site(instance):
    one, two = instance.add_site("One", users={"anna": "secret"}), instance.add_site("Two", users={"anna": "secret"})
    with socket.create_server((one.host, one.port)):
        instance.write()
        instance.give_files()
        instance.launch()
        assert instance.wait_line("sallyportd: ready"), instance.output
        with instance.client(two) as c:
            c.login()
        listed = instance.cli("list", "site")
        assert re.search(r'"One".*state:Stopped', listed) and re.search(r'"Two".*state:Started', listed)


@pytest.mark.skipif(os.getuid() != 0, reason="mounting needs root")
def test_full_disk(instance):
    """H02: ENOSPC mid upload: 4xx/5xx, the old file intact, nothing left behind."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=777", "none", site.path], check=True)
    try:
        instance.start()
        with instance.client() as c:
            c.login()
            c.put("old.bin", b"old" * 1000)
            first, _, last = c.data("STOR old.bin", upload=b"z" * 1_500_000, want_end=None)
            assert last.startswith("226")
            address = c.epsv()
            with socket.create_connection(address) as data:
                c.send("STOR old.bin\r\n")
                assert c.reply()[0] == "1"
                try:
                    data.sendall(b"n" * 5_000_000)
                except OSError:
                    pass
            last = c.reply()
            assert last[:3] in ("452", "552", "550") and "space" in last
            assert (site.path / "old.bin").read_bytes() == b"z" * 1_500_000
            assert instance.wait(lambda: os.listdir(site.path) == ["old.bin"]), os.listdir(site.path)
    finally:
        instance.stop()
        subprocess.run(["umount", site.path], check=True)


@pytest.mark.skipif(os.getuid() != 0, reason="mounting needs root")
def test_full_log_disk_never_blocks(instance):
    """H06: transfers go on; what has no place any more is counted."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    count = 6000                                               # more than is kept in memory
    logs = instance.drive / "inetpub/logs"
    logs.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k,mode=755", "none", logs], check=True)
    try:
        instance.start()
        with instance.client() as c:
            c.login()
            for n in range(count // 1000):
                c.send("NOOP\r\n" * 1000)
                assert all(c.reply().startswith("200") for _ in range(1000))
            c.put("still", b"works")
            assert instance.wait_line("cannot write the log"), instance.output
            subprocess.run(["mount", "-o", "remount,size=16m", logs], check=True)
            told = r"is written again; (\d+) lines were lost"
            assert instance.wait(lambda: re.search(told, instance.output)), instance.output
            c.cmd("QUIT", "221")
        written = sum(line["cs-method"] == "NOOP" for line in instance.log_lines(site))
        lost = sum(map(int, re.findall(told, instance.output)))
        assert 0 < written < count and count <= written + lost <= count + 20, (written, lost, instance.output)
    finally:
        instance.stop()
        subprocess.run(["umount", logs], check=True)


def test_site_stops_without_its_log(instance):
    """H06: with stopWithoutLog a site whose log cannot be written serves nobody until it is; others go on; without it nobody stops."""
    depot = instance.add_site("Depot", users={"anna": "secret"})
    other = instance.add_site("Other", users={"anna": "secret"})
    instance.start()
    folder = instance.drive / "inetpub/logs/LogFiles" / f"FTPSVC{depot.id}"
    depot_says = lambda: [line for line in instance.cli("list", "site", "Depot").splitlines() if "Depot" in line][0]
    with instance.client(depot) as c, instance.client(other) as d:
        c.login()
        d.login()
        instance.log_lines(depot)
        folder.rename(folder.with_name("away"))
        folder.write_text("in the way")
        c.cmd("NOOP", "200")
        assert instance.wait_line("cannot write the log"), instance.output
        instance.sallyport_xml = '<safety stopWithoutLog="true" />'
        instance.reload()
        assert c.reply().startswith("421") and c.closed()
        assert instance.wait_line('site "Depot" is stopped: its log cannot be written: Not a directory'), instance.output
        assert instance.wait(lambda: "state:Stopped" in depot_says())
        d.cmd("NOOP", "200")
        started = instance.cli("start", "site", "Depot", check=False)
        assert started.returncode == 29 and "its log cannot be written" in started.stdout + started.stderr
        depot.extra = '<logFile enabled="false" />'  # what is not kept stops nobody
        instance.reload()
        assert "state:Started" in depot_says()
        depot.extra = ""
        instance.reload()
        assert instance.wait(lambda: "state:Stopped" in depot_says())
        folder.unlink()
        folder.with_name("away").rename(folder)
        assert instance.wait(lambda: "state:Started" in depot_says())
        with instance.client(depot) as again:
            again.login()
    assert {"PASS", "NOOP"} <= {line["cs-method"] for line in instance.log_lines(depot)}


@pytest.mark.parametrize("limit", [0, 1, 1000])
def test_save_that_does_not_fit(instance, limit):
    """X02: a save that fails half way tells so, leaves the old file and nothing beside it."""
    instance.add_site("Depot", users={"anna": "secret"})
    instance.write()
    before = {path.name: path.read_bytes() for path in instance.dir.glob("*.config*")}
    done = subprocess.run(["prlimit", f"--fsize={limit}:{limit}", str(BUILD / "sallyport"), "--config", str(instance.dir), "set",
                           "site", "Depot", "/ftpServer.allowUTF8:false"], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode > 0
    assert "applicationHost.config" in done.stdout + done.stderr
    assert {path.name: path.read_bytes() for path in instance.dir.glob("*.config*")} == before


def test_descriptor_exhaustion(instance):
    """H01, P32: far more connections than descriptors: refused and told, not each time, without spinning; who is logged
    in goes on."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    instance.prefix = ["prlimit", "--nofile=256:256"]          # the hard limit too: programs raise the soft one
    instance.start()
    (site.path / "f").write_bytes(b"content")
    instance.give_files()
    pids = set(instance.programs_running())

    def ticks():
        return sum(int(x) for pid in pids for x in pathlib.Path(f"/proc/{pid}/stat").read_text().split()[13:15])
    with instance.client() as c:
        c.login()
        assert instance.wait_line("sallyportd: reloaded")     # the password is stored anew behind a login, which costs
        crowd = [socket.create_connection((site.host, site.port), PATIENCE) for _ in range(600)]
        assert instance.wait_line("no descriptor left")
        for _ in range(3):
            assert c.get("f") == b"content"
            c.put("g", b"more")
        before = ticks()
        instance.wait(lambda: False, 1)                       # the span that is measured
        assert ticks() - before < os.sysconf("SC_CLK_TCK") // 2
        for one in crowd:
            one.close()
        c.cmd("NOOP", "200")

    def works():
        try:
            with instance.client(timeout=5) as again:
                again.login()
                return True
        except (OSError, EOFError, AssertionError):
            return False
    assert instance.wait(works)
    assert set(instance.programs_running()) == pids
    assert instance.output.count("no descriptor left") < 20


def test_as_an_ordinary_user(instance):
    """Same programs, same seccomp, one uid."""
    if os.getuid() == 0:
        instance.user = 65534
    instance.add_site("Depot", tls="SslAllow", users={"anna": "secret"})
    instance.start()
    with instance.client() as c:
        c.auth_tls().login()
        c.protect()
        c.put("x", b"x" * 100000, tls=True)
        assert c.get("x", tls=True) == b"x" * 100000
    for pid, name in instance.programs_running().items():
        assert status_of(pid)["Seccomp"].strip() == "2", name


def test_second_instance_is_refused(site):
    done = subprocess.run([str(BUILD / "sallyportd"), "--config", str(site.dir)], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode != 0 and "already" in done.stdout + done.stderr


def test_memory_is_flat(site):
    """R10: thousands of transfers do not grow the worker."""
    if SANITIZED:
        pytest.skip("the sanitizers' own memory grows")

    def resident():
        return sum(int(status_of(pid)["VmRSS"].split()[0]) for pid, name in site.children().items() if name == "sallyport-worker")
    with site.client() as c:
        c.login()
        c.put("small", b"x" * 4096)
        for _ in range(200):
            c.get("small")
        before = resident()
        for _ in range(1500):
            c.get("small")
        assert resident() < before + 2048


def test_folders_that_are_missing_are_told(instance):
    """By check and at the start, paths as they are written; nothing is said of shares, which may come later, and of links."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    gone, link = instance.drive / "gone", instance.drive / "link"
    link.symlink_to("/nonexistent")
    (instance.drive / "file").write_text("")
    (instance.dir / "share").mkdir()
    site.virtual_directories = ('<virtualDirectory path="/gone" physicalPath="C:\\gone\\in" />'
                                '<virtualDirectory path="/file" physicalPath="C:\\file" />'
                                '<virtualDirectory path="/nope" physicalPath="%NOPE%\\x" />'
                                f'<virtualDirectory path="/link" physicalPath="{link}" />'
                                '<virtualDirectory path="/away" physicalPath="\\\\nas\\pub\\in" />')
    instance.write()
    text = (instance.dir / "sallyport.config").read_text()
    instance.put("sallyport.config", text.replace("</paths>", f'<shares><add share="\\\\nas\\pub" path="{instance.dir}/share" /></shares></paths>'))
    done = instance.check()
    assert done.returncode == 0 and done.stdout.count("does not exist") == 1, done
    told = rf'applicationHost\.config:\d+: site "Depot": the folder {gone}/in \(physicalPath C:\\gone\\in\) does not exist'
    assert re.search("warning: " + told, done.stdout), done.stdout
    assert rf'the folder {instance.drive}/file (physicalPath C:\file) is no folder. Correct the path.' in done.stdout, done.stdout
    assert r'the path "%NOPE%\x" uses the unknown variable %NOPE%.' in done.stdout, done.stdout
    instance.give_files()
    instance.launch()
    assert instance.wait_line("sallyportd: ready") and re.search(told, instance.output), instance.output


FIREWALL = ("set", "config", "/section:system.ftpServer/firewallSupport")


def test_a_change_is_in_force_when_its_command_ends(site):
    """Whoever adds a site may stop it, and whoever forbids something has forbidden it, with the next line."""
    port = free_port()
    site.cli("add", "site", "/name:New", f"/bindings:ftp/127.0.0.1:{port}:", "/physicalPath:/tmp")
    assert site.cli("stop", "site", "New") == '"New" successfully stopped.\n'
    assert site.cli("start", "site", "New") == '"New" successfully started.\n'
    socket.create_connection(("127.0.0.1", port), 5).close()
    site.cli("set", "config", "Depot", "/section:system.ftpServer/security/authorization", "/-[users='anna']")
    with site.client() as c:
        c.login(want="530")


def test_a_refused_change_is_told_by_its_command(site):
    """The file is written, as IIS's appcmd would, but nobody is left to believe that it counts."""
    done = site.cli(*FIREWALL, "/lowDataChannelPort:50000", "/highDataChannelPort:40000", check=False)
    assert done.returncode == 13 and "Applied" not in done.stdout
    told = r"applicationHost\.config:\d+:\d+: system.ftpServer/firewallSupport: lowDataChannelPort 50000 is above .* Use 0 for both"
    assert "written, but the running service refuses it" in done.stdout and re.search(told, done.stdout), done.stdout
    assert done.stderr == "", "as appcmd's, where scripts look for errors"
    done = site.cli("set", "config", "/section:system.ftpServer/caching", "/credentialsCache.enabled:false", check=False)
    assert done.returncode == 13 and re.search(told, done.stdout), "a later change has no effect either"
    status = site.cli("status")
    assert re.search(r"\(state:Refused,inForceSince:\d{4}-\S+Z,refusedSince:\d{4}-\S+Z\)\n" + told, status), status
    site.cli(*FIREWALL, "/highDataChannelPort:50100")
    assert re.search(r"\(state:InForce,inForceSince:\d{4}-\S+Z\)\nSITE", site.cli("status"))


def test_a_script_may_take_several_lines_to_what_is_accepted(site):
    """The service is asked at its end, and before a line that needs it."""
    script = site.dir / "script.cmd"
    lines = ["appcmd set config /section:system.ftpServer/firewallSupport /lowDataChannelPort:50000",
             "appcmd set config /section:system.ftpServer/firewallSupport /highDataChannelPort:50100",
             f"appcmd add site /name:New /bindings:ftp/127.0.0.1:{free_port()}:", "appcmd stop site New"]
    script.write_text("\n".join(lines))
    assert '"New" successfully stopped.' in site.cli("run", str(script))
    script.write_text("\n".join([lines[0].replace("50000", "60000"), "appcmd start site New"]))
    done = site.cli("run", str(script), check=False)
    assert done.returncode == 13 and "60000 is above" in done.stdout and ":2: stopped with 13 at: " in done.stdout
    assert "state:Stopped" in site.cli("list", "site", "New")
    site.cli(*FIREWALL, "/lowDataChannelPort:50000")
    for goes_on in ("appcmd list site", "appcmd list site >nul", "appcmd start site New || echo failed"):
        script.write_text("\n".join([lines[0].replace("50000", "60000"), goes_on]))
        done = site.cli("run", str(script), check=False)
        assert done.returncode == 13 and done.stdout.count("60000 is above") == 1, (goes_on, done)
        script.write_text("\n".join([lines[0].replace("50000", "60000"), goes_on, lines[0]]))
        assert site.cli("run", str(script), check=False).returncode == 0, "a later line mended it"
    script.write_text(lines[0].replace("50000", "55000"))
    done = site.cli("run", "--atomic", str(script), check=False)
    assert done.returncode == 13 and "55000 is above" in done.stdout and "undone" not in done.stdout
    script.write_text(lines[0])
    assert site.cli("run", "--atomic", str(script), check=False).returncode == 0


def test_objects_from_a_pipe_are_such_a_line(instance):
    """Two sites change their ports, which neither may do alone."""
    depot, other = instance.add_site("Depot", users={"anna": "secret"}), instance.add_site("Other", users={"anna": "secret"})
    instance.start()
    script = instance.dir / "script.cmd"
    script.write_text(f"appcmd list site Depot /xml | appcmd set site /in /bindings:ftp/127.0.0.1:{other.port}:\n"
                      f"appcmd set site Other /bindings:ftp/127.0.0.1:{depot.port}:\n")
    done = instance.cli("run", str(script), check=False)
    assert done.returncode == 0 and not done.stderr, done
    assert f"127.0.0.1:{other.port}:" in instance.cli("list", "site", "Depot") and "state:InForce" in instance.cli("status")


def test_a_change_is_read_once(site):
    """The notice of a file that the command has had read asks for nothing more."""
    site.cli(*FIREWALL, "/lowDataChannelPort:50000", "/highDataChannelPort:50100")
    site.drain_output()
    assert site.output.count("sallyportd: reloaded") == 1
    assert not site.wait(lambda: site.output.count("sallyportd: reloaded") > 1, 1), site.output  # five times its pause


def test_a_service_that_is_asked_too_much_says_so(site):
    """And who waits for the verdict on a change is told that there is none."""
    askers = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(16)]
    for asker in askers:
        asker.connect(str(site.dir / "run/control"))
    done = site.cli(*FIREWALL, "/lowDataChannelPort:50000", check=False)
    assert done.returncode == 0 and "could not be asked to take it over: too many ask" in done.stdout, done
    for _ in range(100):  # whatever comes first, the question or the answer
        done = site.cli("status", check=False)
        assert done.returncode == 170 and "too many ask the service at once" in done.stdout, done
    for asker in askers:
        asker.close()
    assert site.wait(lambda: "state:Refused" in site.cli("status", check=False).stdout)


def test_a_program_that_hangs_is_told_to_who_waits_for_it(site):
    """The command ends as soon as the service gives up waiting; what it changed is in force but for that program."""
    worker = next(pid for pid, name in site.programs_running().items() if name == "sallyport-worker")
    os.kill(worker, signal.SIGSTOP)
    try:
        done = site.cli(*FIREWALL, "/lowDataChannelPort:50000", "/highDataChannelPort:50100", check=False)
    finally:
        os.kill(worker, signal.SIGCONT)
    told = r'The change is in force, but sallyport-worker \d+ has not taken the new configuration over yet; .*\nApplied .*\n'
    assert done.returncode == 0 and re.fullmatch(told, done.stdout), done
    done = site.cli(*FIREWALL, "/lowDataChannelPort:50001", check=False)
    assert done.returncode == 0 and re.fullmatch("Applied .*\n", done.stdout), done


def test_certificates_too(site):
    """A site may have one that was added in the line before, and nobody gets one that was deleted."""
    site.cli("add", "certificate", "/selfSigned:ftp.example.com", "/store:MY")
    site.drain_output()
    assert site.output.count("sallyportd: reloaded") == 1
    thumbprint = re.search(r"[0-9A-F]{40}", site.cli("list", "certificate"))[0]
    site.cli("delete", "certificate", thumbprint)
    site.drain_output()
    assert site.output.count("sallyportd: reloaded") == 2


def test_certificates_from_a_pipe(instance):
    """As those that are deleted one by one: what was deleted is gone when the command ends."""
    instance.add_site("Depot", users={"anna": "secret"})
    instance.start()
    for name in ("com", "org"):
        instance.cli("add", "certificate", f"/selfSigned:ftp.example.{name}", "/store:MY")
    rows = instance.cli("list", "certificate", "/store:MY", "/xml")
    instance.cli("delete", "certificate", "/in", stdin=rows)
    instance.drain_output()
    assert instance.output.count("sallyportd: reloaded") == 3, instance.output
    assert instance.cli("list", "certificate", "/store:MY", check=False).stdout == ""


def test_a_certificate_is_told_whatever_the_service_says(site):
    """The thumbprint may be what the settings that are refused wait for."""
    site.cli(*FIREWALL, "/lowDataChannelPort:50000", check=False)
    done = site.cli("add", "certificate", "/selfSigned:ftp.example.com", "/store:MY", check=False)
    told = re.match(r'CERTIFICATE object "([0-9A-F]{40})" added\n', done.stdout)
    assert done.returncode == 13 and told and "refuses it" in done.stdout, done
    done = site.cli("delete", "certificate", told[1], check=False)
    assert done.returncode == 13 and done.stdout.startswith(f'CERTIFICATE object "{told[1]}" deleted\n'), done


def test_other_files_and_restored_ones(site):
    """A file that is not the instance's is nothing to the service; a backup that is put back is."""
    other = site.dir / "other.config"
    other.write_text((site.dir / "applicationHost.config").read_text())
    site.cli(*FIREWALL, "/lowDataChannelPort:50000", f"/apphostconfig:{other}")
    assert "state:InForce" in site.cli("status")
    site.cli("add", "backup", "good")
    assert site.cli(*FIREWALL, "/lowDataChannelPort:50000", check=False).returncode == 13
    site.cli("restore", "backup", "good")
    assert "state:InForce" in site.cli("status")
