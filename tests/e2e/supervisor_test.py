"""sallyportd itself: what systemd hears, who may control it, restarts, certificates and hashes that change under it."""
import hashlib
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import time

import pytest

from harness import BUILD, PATIENCE, free_port


def by_name(instance, name):
    return sorted(pid for pid, program in instance.children().items() if program == name)


def test_systemd_is_told(instance, tmp_path):
    """Type=notify, and notify-reload of newer systemd: READY, RELOADING with a monotonic time stamp, READY again, STOPPING."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(path))
        heard.settimeout(PATIENCE)
        instance.add_site("Depot", users={"anna": "secret"})
        instance.environment["NOTIFY_SOCKET"] = str(path)
        instance.start()
        assert heard.recv(200) == b"READY=1"
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        instance.process.send_signal(signal.SIGHUP)
        reloading = heard.recv(200)
        stamp = int(re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=(\d+)", reloading)[1])
        assert before <= stamp <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        assert heard.recv(200) == b"READY=1"
        assert instance.stop() == 0
        assert heard.recv(200) == b"STOPPING=1"


@pytest.mark.skipif(os.getuid() != 0, reason="needs another user")
def test_control_socket_is_for_admins(site):
    """X07: the mode keeps strangers out, and SO_PEERCRED would if the mode did not."""
    control = site.dir / "run/control"
    assert control.stat().st_mode & 0o777 == 0o660
    stranger = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c", """if True:
        import socket, sys
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.connect(sys.argv[1])
        s.send(bytes([1, 0, 4]) + len(b"Depot").to_bytes(4, "little") + b"Depot")
        print(s.recv(1000))""", str(control)]
    done = subprocess.run(stranger, capture_output=True, text=True, timeout=PATIENCE)
    assert "PermissionError" in done.stderr, done
    control.chmod(0o666)
    done = subprocess.run(stranger, capture_output=True, text=True, timeout=PATIENCE)
    assert "only root and the admin group" in done.stdout, done
    assert site.wait_line("control socket: user 65534 is refused"), site.output
    with site.client() as c:
        c.login()


def test_control_socket_survives_nonsense(site):
    """Requests that are none are dropped; somebody who asks nothing holds nobody up."""
    def connect():
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.settimeout(PATIENCE)
        s.connect(str(site.dir / "run/control"))
        return s
    for nonsense in (b"\0", b"\1\0\xff\0\0\0\0", b"\1\0\1\xff\xff\xff\xff", b"\6\0\0\0\0\0\0", os.urandom(5000)):
        with connect() as s:
            s.send(nonsense)
            assert s.recv(10) == b""
    idle = [connect() for _ in range(10)]
    assert "state:Started" in site.cli("list", "site")
    for s in idle:
        s.close()


def test_a_dead_worker_takes_its_broker_along(instance):
    """The grants a broker holds are its worker's: both are new afterwards, the other pair is untouched."""
    instance.add_site("Depot", users={"anna": "secret"})
    instance.sallyport_xml = '<service workerCount="2" />'
    instance.start()
    workers, brokers = by_name(instance, "sallyport-worker"), by_name(instance, "sallyport-broker")
    assert len(workers) == len(brokers) == 2
    os.kill(workers[0], signal.SIGKILL)
    assert instance.wait(lambda: workers[0] not in instance.children() and len(by_name(instance, "sallyport-worker")) == 2
                         and len(by_name(instance, "sallyport-broker")) == 2
                         and len(set(brokers) & set(by_name(instance, "sallyport-broker"))) == 1), instance.output
    assert workers[1] in by_name(instance, "sallyport-worker")
    assert instance.wait_line("was killed by signal 9"), instance.output
    for _ in range(6):                                        # either worker may take it
        with instance.client() as c:
            c.login()
            c.put("x", b"x")


def test_back_off_grows(site):
    """A program that dies again and again is not started in a tight loop."""
    for _ in range(4):
        auth = by_name(site, "sallyport-auth")
        assert auth or site.wait(lambda: by_name(site, "sallyport-auth"))
        victim = by_name(site, "sallyport-auth")[0]
        os.kill(victim, signal.SIGKILL)
        assert site.wait(lambda: by_name(site, "sallyport-auth") not in ([], [victim])), site.output
    waits = [int(ms) for ms in re.findall(r"sallyport-auth 0 was killed.*started again in (\d+) ms", site.output)]
    assert waits == [100, 200, 400, 800]


def age(pid):
    """Seconds since the process was started."""
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    started = int(stat[stat.rindex(")") + 2:].split()[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


@pytest.mark.parametrize("program, extra, location, why", [
    ("logger", r'<logFile directory="%SystemDrive%\new" />', "", "is new: starting again to be allowed to write there"),
    ("auth", "", '<ipSecurity enableReverseDns="true"><add domainName="*.invalid" /></ipSecurity>',
     "ipSecurity has rules by domain name (enableReverseDns): the authenticator starts again"),
])
def test_leaving_for_a_new_configuration_is_no_death(site, program, extra, location, why):
    """The program starts again at once, without an error, and says for what."""
    [depot] = site.sites
    [before] = by_name(site, f"sallyport-{program}")
    assert site.wait(lambda: age(before) > 1.1)               # who leaves sooner waits like one that died
    depot.extra = extra
    depot.locations = [f'<location path="Depot"><system.ftpServer><security>{location}</security></system.ftpServer></location>']
    site.reload()
    assert before not in site.children()
    assert site.wait_line(why) and site.wait_line(f"sallyport-{program} 0 starts again"), site.output
    assert "ended with status" not in site.output and "started again in" not in site.output


def test_second_signal_ends_at_once(instance):
    site = instance.add_site("Depot", users={"anna": "secret"})
    (site.path / "big").write_bytes(b"x" * 30_000_000)
    instance.sallyport_xml = '<service drainTimeout="00:10:00" />'
    instance.start()
    with instance.client() as c:
        c.login()
        c.cmd("TYPE I", "200")
        with socket.create_connection(c.epsv(), PATIENCE) as data:
            c.send("RETR big\r\n")
            assert c.reply()[0] == "1"
            data.recv(1000)                                   # and never reads on
            instance.process.send_signal(signal.SIGTERM)
            assert instance.wait_line("stopping"), instance.output
            began = time.monotonic()
            assert instance.stop() == 0
            assert time.monotonic() - began < 15


def test_certificate_is_replaced_without_restart(instance):
    """A new certificate is served after the reload; a bad one keeps the old one and says so."""
    site = instance.add_site("Depot", tls="SslAllow", users={"anna": "secret"})
    instance.start()
    workers = by_name(instance, "sallyport-worker")

    def served():
        with instance.client() as c:
            c.auth_tls()
            return hashlib.sha1(c.sock.getpeercert(binary_form=True)).hexdigest().upper()
    old = site.certificate
    assert served() == old
    site.certificate = instance.make_certificate()
    instance.give_files()
    instance.reload()
    assert served() == site.certificate != old
    new = site.certificate
    site.certificate = "0" * 40
    instance.write()
    assert instance.wait_line("stays in force"), instance.output
    assert served() == new
    assert by_name(instance, "sallyport-worker") == workers


def test_hash_is_renewed_at_login(instance):
    """IIS's SHA-256 becomes yescrypt at the first login; owner, mode and everything else of the file stay."""
    instance.add_site("Depot", users={"anna": "secret"})
    instance.start()
    path = instance.dir / "administration.config"
    before, mode = path.read_text(), path.stat().st_mode
    with instance.client() as c:
        c.login()
    assert instance.wait(lambda: path.read_text() != before), instance.output
    after = path.read_text()
    old, new = (re.search(r'name="anna" password="([^"]*)"', text)[1] for text in (before, after))
    assert "$y$" in new and old != new
    assert after.replace(new, old) == before
    assert path.stat().st_mode == mode
    assert instance.wait_line("reloaded"), instance.output
    with instance.client() as c:
        c.login()
    assert not list(instance.dir.glob(".administration*"))


def test_reload_without_change_keeps_everything(site):
    """SIGHUP storms: one reload at a time, nothing leaks, nobody is restarted."""
    def lasting():
        return {pid for pid, name in site.children().items() if name != "sallyport-loader"}
    children, fds = lasting(), len(os.listdir(f"/proc/{site.process.pid}/fd"))
    with site.client() as c:
        c.login()
        for _ in range(50):
            site.process.send_signal(signal.SIGHUP)
        assert site.wait_line("sallyportd: reloaded")
        assert c.cmd("NOOP", "200")
    assert site.wait(lambda: lasting() == children)           # a loader that has not become one yet looks like another
    assert site.wait(lambda: len(os.listdir(f"/proc/{site.process.pid}/fd")) <= fds)


def test_counters_of_a_dead_worker_are_cleared(instance):
    """maxConnections counts living sessions only."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    site.extra = '<connections maxConnections="2" />'
    instance.sallyport_xml = '<service workerCount="1" />'
    instance.start()
    held = [instance.client(), instance.client()]
    for c in held:
        c.login()
    worker = by_name(instance, "sallyport-worker")[0]
    os.kill(worker, signal.SIGKILL)
    assert instance.wait(lambda: by_name(instance, "sallyport-worker") not in ([], [worker]))

    def works():
        try:
            with instance.client(timeout=5) as c:
                c.login()
                return True
        except (OSError, EOFError, AssertionError):
            return False
    assert instance.wait(works), instance.output


def test_too_few_descriptors_are_told(instance):
    """H01: a clear word at the start instead of programs that die one after the other."""
    instance.add_site("Depot", users={"anna": "secret"})
    instance.prefix = ["prlimit", "--nofile=130:130"]
    instance.start(expect_ready=False)
    assert instance.wait(lambda: instance.process.poll() is not None)
    assert instance.stop() == 1
    assert "only 130 descriptors are allowed (ulimit -Hn): the service needs at least 256" in instance.output
    instance.prefix = ["prlimit", "--nofile=256:256"]
    instance.start()
    with instance.client() as c:
        c.login()
        c.put("f", b"x")


def test_descriptors_that_run_out_in_a_reload(site):
    """H01: a worker that cannot be handed a new listener keeps its sessions, and gets it when there are descriptors again."""
    late = [site.add_site(f"Late {n}", users={"anna": "secret"}) for n in range(30)]
    pid = site.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    with site.client() as c:
        c.login()
        workers = by_name(site, "sallyport-worker")
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{pid}/fd")) + 20, before[1]))
        site.write()  # which is noticed
        site.give_files()
        assert site.wait_line("sallyport-worker 0 cannot be given a descriptor: Too many open files; it goes on without"), site.output
        assert site.wait_line("sallyportd: reloaded"), site.output
        assert re.search('site "Late .*" is stopped: .*: Too many open files', site.output), site.output
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        site.reload()
        c.cmd("PWD", "257")
        assert by_name(site, "sallyport-worker") == workers
    for one in late:
        with site.client(one) as c:
            c.login()


@pytest.mark.skipif(os.getuid() != 0, reason="needs another user")
def test_an_admin_need_not_read_the_files(site):
    """Members of the admin group start and stop sites; the files, which hold secrets, are closed to them."""
    site.sallyport_xml = '<service adminGroup="daemon" />'
    site.stop()
    site.start()
    (site.dir / "applicationHost.config").chmod(0o600)
    programs = site.dir / "bin"
    programs.mkdir()
    shutil.copy(BUILD / "sallyport", programs / "sallyport")

    def order(*words):
        return subprocess.run(["setpriv", "--reuid=1234", "--regid=daemon", "--clear-groups", programs / "sallyport", "--config", site.dir,
                               *words], capture_output=True, text=True, timeout=PATIENCE)
    assert order("list", "site").returncode == 5
    assert order("stop", "site", "Depot").stdout == '"Depot" successfully stopped.\n'
    assert "state:Stopped" in site.cli("list", "site")
    assert order("start", "site", "depot").stdout == '"depot" successfully started.\n'
    done = order("stop", "site", "Nowhere")
    assert done.returncode == 1168 & 0xff and "Nowhere" in done.stdout, done
    site.client().login()


@pytest.mark.skipif(os.getuid() != 0, reason="needs another user")
def test_another_admin_group(site):
    """It is in force when its command ends, as everything else; one that is not there leaves root alone."""
    programs = site.dir / "bin"
    programs.mkdir()
    shutil.copy(BUILD / "sallyport", programs / "sallyport")

    def flush(group):
        return subprocess.run(["setpriv", "--reuid=1234", f"--regid={group}", "--clear-groups", programs / "sallyport", "--config", site.dir,
                               "flush", "cache"], capture_output=True, timeout=PATIENCE).returncode
    for group in ("daemon", "games"):
        site.cli("set", "config", "-section:sallyport/service", f"/adminGroup:{group}")
        assert [flush("daemon"), flush("games")] == ([0, 5] if group == "daemon" else [5, 0]), group
    site.cli("set", "config", "-section:sallyport/service", "/adminGroup:no-such-group")
    control = (site.dir / "run/control").stat()
    assert (flush("daemon"), flush("games"), control.st_gid, control.st_mode & 0o777) == (5, 5, os.getgid(), 0o660)
    site.cli("flush", "cache")


def test_last_startup_status(instance):
    """A site whose port is taken does not start, says why (an HRESULT), and starts when it is free; the other serves."""
    instance.add_site("Depot", users={"anna": "secret"})
    late = instance.add_site("Late", users={"anna": "secret"})
    with socket.create_server((late.host, late.port)):
        instance.start()
        with instance.client() as c:
            c.login()
        assert re.search(r'SITE "Late" \(id:2,state:Stopped,sessions:0,lastStartupStatus:2147942432', instance.cli("status"))
        assert instance.cli("list", "site", "Late", "/text:ftpServer.lastStartupStatus") == "2147942432\n"
        assert instance.cli("list", "site", "Late", "/text:ftpServer.state") == "Stopped\n"
        done = instance.cli("start", "site", "Late", check=False)
        assert done.returncode == 32 and "hresult:80070020" in done.stdout, "the number that its status names"
    instance.cli("start", "site", "Late")
    assert re.search(r'SITE "Late" \(id:2,state:Started,sessions:0,lastStartupStatus:0\)', instance.cli("status"))
    with instance.client(instance.sites[1]) as c:
        c.login()


def test_a_site_that_comes_with_a_reload_and_cannot_start_is_told(site):
    """A taken port is in the service log once, not at every reload; a second reason is another line."""
    late = site.add_site("Late", users={"anna": "secret"})
    other = free_port()
    with socket.create_server((late.host, late.port)), socket.create_server((late.host, other)):
        for port in (late.port, late.port, other):
            late.bindings = [f"{late.host}:{port}:"]
            site.reload()
            assert site.wait_line(f'site "Late" is stopped: {late.host}:{port}: Address already in use'), site.output
    assert site.output.count('site "Late" is stopped') == 2, site.output


def test_a_new_site_gets_the_number_of_one_that_was_stopped(site):
    """The workers do not take it for the old one: who comes may log in."""
    site.add_site("Old", users={"anna": "secret"})
    site.reload()
    site.cli("stop", "site", "Old")
    site.sites.pop()
    site.reload()
    new = site.add_site("New", users={"anna": "secret"})
    site.reload()
    assert 'SITE "New" (id:2,' in site.cli("list", "site", "New", "/state:Started")
    with site.client(new) as c:
        c.login()


def test_json_service_log(instance):
    """Before the logger runs, too: what keeps the sites and the service from starting is read by programs as well."""
    late = instance.add_site("Late", users={"anna": "secret"})
    instance.environment["SALLYPORT_LOG_FORMAT"] = "json"
    plain = {"sallyportd: ready", "sallyportd: reloaded"}  # on standard output, for scripts

    def events():
        return [json.loads(line) for line in instance.output.splitlines() if line not in plain]
    with socket.create_server((late.host, late.port)):
        instance.start()
        (instance.dir / "applicationHost.config").write_text("<configuration>")
        assert instance.wait_line("stays in force"), instance.output
    instance.stop()
    stopped = [event for event in events() if "is stopped" in event["text"]]
    assert [(event["level"], event["program"]) for event in stopped] == [("error", "sallyportd")]
    assert f'site "Late" is stopped: {late.host}:{late.port}: Address already in use' == stopped[0]["text"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", stopped[0]["time"])
    instance.launch()
    assert instance.wait(lambda: instance.process.poll() is not None)
    assert instance.stop() == 1
    assert events()[-1]["text"] == "the configuration has errors: giving up"


def test_orders_to_a_program_that_starts(site):
    """The logger and the authenticator have just died: who flushes them is answered as soon as they are ready again."""
    for program, thing in (("sallyport-logger", "log"), ("sallyport-auth", "cache")):
        [old] = by_name(site, program)
        os.kill(old, signal.SIGKILL)
        assert site.wait(lambda: by_name(site, program) not in ([], [old])), site.output
        site.cli("flush", thing)
