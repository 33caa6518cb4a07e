"""TLS on the control and data channel, by policy (ftp-behaviour 3.2; threats P01-P05, P22, P23, D08-D13, T01-T10)."""
import contextlib
import ctypes
import os
import pathlib
import socket
import ssl
import subprocess

import pytest

from harness import PATIENCE, insecure_context
from workers_test import connections


PIDFD_GETFD = 438
POLICY = "534-Policy requires SSL.\n Win32 error:   Access is denied. \n Error details: SSL policy requires SSL for "


def tls_site(instance, policy="SslAllow", **options):
    site = instance.add_site("Secure", tls=policy, users={"anna": "secret"}, **options)
    return site


def test_explicit_tls_moves_files(site):
    with site.client() as c:
        c.auth_tls().login()
        c.protect().cmd("TYPE I", "200")
        content = bytes(range(256)) * 5000
        for _ in range(5):                                    # D09: many data channels in a row
            c.put("t.bin", content, tls=True)
            assert c.get("t.bin", tls=True) == content
        assert (site.sites[0].path / "t.bin").read_bytes() == content


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions(site, version):
    with site.client() as c:
        c.context.minimum_version = c.context.maximum_version = version
        c.auth_tls().login()
        c.protect()
        c.put("v", b"x" * 100000, tls=True)                   # D21: nothing is cut when the client never reads tickets
        assert c.get("v", tls=True) == b"x" * 100000
        assert (site.sites[0].path / "v").stat().st_size == 100000


def test_old_versions_and_suites_are_refused(instance):
    """T01; with RSA, which would do for the suites without forward secrecy."""
    site = tls_site(instance)
    site.certificate = instance.make_certificate("rsa", key="rsa")
    instance.start()

    def shake(*options):
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{site.port}", "-starttls", "ftp", *options],
                              input="", capture_output=True, text=True, timeout=PATIENCE)
        return done.stdout + done.stderr

    assert "Cipher is ECDHE-RSA-AES128-GCM-SHA256" in shake("-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0")
    for version in ("-tls1", "-tls1_1"):
        assert "alert protocol version" in shake(version, "-cipher", "ALL:@SECLEVEL=0"), version
    for suite in ("AES128-GCM-SHA256", "AES128-SHA", "ECDHE-RSA-AES128-SHA"):
        assert "alert handshake failure" in shake("-tls1_2", "-cipher", f"{suite}:@SECLEVEL=0"), suite


@pytest.mark.parametrize("rest", [b"USER anna\r\n", b"USER anna\r\nPASS secret\r\n", b"FEAT\r\n", b"x" * 20])
def test_plaintext_before_the_handshake_is_never_executed(site, rest):
    """P01, P02: bytes behind AUTH in the same segment."""
    with site.client() as c:
        c.send(b"AUTH TLS\r\n" + rest)
        assert c.reply().startswith("234")
        assert c.buffer == b""
        try:
            c.sock = c.context.wrap_socket(c.sock)
            assert c.cmd("PASS secret")[0] == "5"             # no USER was heard
            c.cmd("PWD", "530")
        except (OSError, EOFError):
            pass                                              # closing instead is as good


def test_auth_discards_state(site):
    """P03: login, REST, RNFR, PASV and PORT made in clear do not survive AUTH."""
    refused = 0
    for _ in range(3):                                        # another listener of the machine may get one of the ports
        with site.client() as c:
            c.login()
            c.cmd("REST 5", "350")
            _, port = c.epsv()
            c.auth_tls()
            c.cmd("PWD", "530")
            with socket.socket() as s:
                refused += s.connect_ex(("127.0.0.1", port)) != 0
    assert refused
    with site.client() as c, socket.create_server(("127.0.0.1", 0)) as listener:
        high, low = divmod(listener.getsockname()[1], 256)
        c.login()
        c.put("whole", b"from the first byte")
        c.cmd(f"PORT 127,0,0,1,{high},{low}", "200")
        c.auth_tls().login()
        c.cmd("RETR whole", "425")
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
    for last, then in (("REST 5", None), ("RNFR whole", "RNTO else")):
        with site.client() as c:
            c.login()
            c.cmd(last, "350")
            c.auth_tls().login()
            if then:
                c.cmd(then, "503")
            assert c.get("whole") == b"from the first byte"


def test_policy_require(instance):
    """P04: no password is read in clear."""
    tls_site(instance, "SslRequire")
    instance.start()
    with instance.client() as c:
        assert POLICY in c.cmd("USER anna")
        c.cmd("PASS secret", "5")
        for line in ("FEAT", "NOOP", "SYST", "HELP", "OPTS UTF8 ON"):
            assert c.cmd(line)[0] == "2", line
        c.auth_tls().login()
        c.epsv()
        assert POLICY in c.cmd("NLST")                        # PROT C, P23
        c.protect()
        assert c.data("NLST", tls=True)[2].startswith("226")
        c.epsv()
        c.cmd("PROT C", "200")                                # changed behind it (P23)
        assert POLICY in c.cmd("NLST")
        c.cmd("CCC", "53")


def test_policy_credentials_only(instance):
    tls_site(instance, "SslRequireCredentialsOnly")
    instance.start()
    with instance.client() as c:
        assert POLICY in c.cmd("USER anna")
        c.auth_tls().login()
        c.cmd("CCC", "200")
        raw = c.sock
        c.sock = raw.unwrap()
        assert c.cmd("PWD") == '257 "/" is current directory.'
        assert c.cmd("PBSZ 0")[0] == "5"                      # P22
        assert c.data("NLST")[2].startswith("226")


def test_policy_allow(instance):
    """The client decides: it may go back to clear text, but not to TLS again (P22)."""
    tls_site(instance, "SslAllow")
    instance.start()
    with instance.client() as c:
        c.auth_tls()
        c.cmd("CCC", "503")                                   # the password would follow in the clear
        c.login()
        c.protect().cmd("CCC", "200")
        session, c.sock = c.sock.session, c.sock.unwrap()
        assert c.cmd("PWD") == '257 "/" is current directory.'
        assert [c.cmd(line)[:3] for line in ("AUTH TLS", "PBSZ 0", "PROT C", "CCC")] == ["503"] * 4
        with socket.create_connection(c.epsv(), c.timeout) as data:
            c.cmd("NLST", "1")
            c.context.wrap_socket(data, server_hostname="localhost", session=session).recv(1)   # PROT P stays
        assert c.reply().startswith("226")
        c.login()


def test_data_deny(instance):
    site = tls_site(instance)
    site.data_policy = "SslDeny"
    instance.start()
    with instance.client() as c:
        c.auth_tls().login()
        c.cmd("PBSZ 0", "200")
        c.cmd("PROT P", "534")


def test_no_certificate(instance):
    instance.add_site("Plain", users={"anna": "secret"})
    instance.start()
    with instance.client() as c:
        assert c.cmd("AUTH TLS") == ("534-Local policy on server does not allow TLS secure connections.\n Win32 error:   Access is denied. \n"
                                     " Error details: SSL certificate was not configured.\n534 End")
        assert c.cmd("AUTH KERBEROS_V4").startswith("504")


def test_auth_words(instance):
    """TLS and TLS-C start with a clear data channel, SSL and TLS-P with a protected one."""
    tls_site(instance)
    instance.start()
    for word, protected in (("TLS", False), ("TLS-C", False), ("SSL", True), ("TLS-P", True)):
        with instance.client() as c:
            c.cmd(f"AUTH {word}", "234")
            c.sock = c.context.wrap_socket(c.sock)
            c.login()
            assert c.data("NLST", tls=protected)[2].startswith("226"), word


def test_prot_rules(site):
    with site.client() as c:
        c.cmd("PBSZ 0", "503")
        c.auth_tls()
        c.cmd("PROT P", "503")
        c.cmd("PBSZ 1000", "")
        c.cmd("PBSZ 0", "200 PBSZ command successful.")
        c.cmd("PROT S", "536")
        c.cmd("PROT E", "536")
        c.cmd("PROT X", "50")
        c.cmd("PROT P", "200 PROT command successful.")
        c.cmd("AUTH TLS", "5")


def test_implicit(instance):
    site = tls_site(instance)
    instance.sallyport_xml = f'<tls><implicitPorts><add port="{site.port}" /></implicitPorts></tls>'
    instance.start()
    with instance.client(implicit=True) as c:
        assert c.banner.startswith("220")
        c.login()
        c.cmd("CCC", "533")                                   # everything stays encrypted
        assert c.data("NLST", tls=True)[2].startswith("226")   # starts with PROT P
    with instance.client(banner=False) as c:                   # T09: clear text on an implicit port
        c.send("USER anna\r\n")
        assert c.closed() and b"220" not in c.buffer


def servers_socket(instance, client):
    """A copy of the worker's end of the client's control connection."""
    port, number = f":{client.sock.getpeername()[1]:04X}", f":{client.sock.getsockname()[1]:04X}"
    rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inode = next(row[9] for row in rows if row[1].endswith(port) and row[2].endswith(number))
    for pid in instance.programs_running():
        for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):  # it may be closed meanwhile
                if os.readlink(fd) == f"socket:[{inode}]":
                    with open(os.pidfd_open(pid)) as process:
                        return socket.socket(fileno=ctypes.CDLL(None).syscall(PIDFD_GETFD, process.fileno(), int(fd.name), 0))
    return None


def test_the_handshake_is_acknowledged_at_once(site):
    """A client whose system holds small segments back (Nagle) says USER when its Finished is acknowledged: not 40 ms later."""
    with site.client() as c:
        c.auth_tls()
        with servers_socket(site, c) as server:
            assert site.wait(lambda: server.getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK) == 1)
        c.login()


def test_garbage_instead_of_a_handshake(site):
    """T09: at every stage the connection ends, and the service goes on."""
    for garbage in (b"\0" * 100, b"USER anna\r\n", b"\x16\x03\x01\xff\xff" + b"A" * 200, b"\x16\x03\x01\x00\x05\x01\x00\x00\x01"):
        with site.client() as c:
            c.cmd("AUTH TLS", "234")
            try:
                c.send(garbage)
                c.sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass                                          # it hung up at the first wrong byte
            assert c.closed()
    with site.client() as c:
        c.auth_tls().login()


def test_alpn(site):
    """P05: a client that offers ALPN without ftp is a browser: fatal alert; with ftp it is welcome."""
    with site.client() as c:
        c.context.set_alpn_protocols(["http/1.1", "h2"])
        c.cmd("AUTH TLS", "234")
        with pytest.raises(ssl.SSLError):
            c.context.wrap_socket(c.sock).recv(10)
    with site.client() as c:
        c.context.set_alpn_protocols(["ftp"])
        c.auth_tls()
        assert c.sock.selected_alpn_protocol() == "ftp"
        c.login()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_required_resumption(instance, version):
    """D08-D11: the data channel must resume this control session; a full handshake is refused with 522."""
    site = tls_site(instance)
    site.settings = 'requireDataChannelResumption="true"'
    instance.start()
    with instance.client() as c:
        c.context.minimum_version = c.context.maximum_version = version
        c.auth_tls().login()
        c.protect()
        c.cmd("NOOP", "200")
        for n in range(5):
            assert c.data(f"STOR f{n}", upload=b"x" * 1000, tls=True)[2].startswith("226"), n
        address = c.epsv()
        with socket.create_connection(address) as data:
            c.send("NLST\r\n")
            assert c.reply()[0] == "1"
            try:
                stranger = insecure_context()
                stranger.maximum_version = version
                with stranger.wrap_socket(data) as tls:
                    tls.recv(100)
            except OSError:
                pass
        reply = c.reply().split("\n")
        assert reply[0].startswith("522-") and reply[1] == " Win32 error:   Access is denied. "


def test_truncated_upload_is_not_published(site):
    """D12: an end without close_notify is a cut."""
    with site.client() as c:
        c.auth_tls().login()
        c.protect()
        address = c.epsv()
        data = socket.create_connection(address)
        c.send("STOR cut.txt\r\n")
        assert c.reply()[0] == "1"
        tls = c.context.wrap_socket(data, session=c.sock.session)
        tls.sendall(b"half of it")
        socket.socket(fileno=tls.detach()).close()            # FIN, no close_notify
        assert c.reply()[:3] in ("426", "451", "550")
        assert not (site.sites[0].path / "cut.txt").exists()


def test_certificate_is_replaced_while_running(instance):
    """Certificates reload without restart; a bad replacement keeps the old one and says so (T10)."""
    site = tls_site(instance)
    instance.start()

    def shown():
        with instance.client() as c:
            c.auth_tls()
            return c.sock.getpeercert(binary_form=True)

    first = shown()
    with instance.client() as running:
        running.auth_tls().login()
        site.certificate = instance.make_certificate("other")
        instance.reload()
        assert shown() != first
        running.cmd("NOOP", "200")
    second = shown()
    site.certificate = "00" * 20
    instance.write()
    assert instance.wait(lambda: "00" * 20 in instance.output), instance.output
    assert shown() == second


def test_world_readable_key_is_refused(instance):
    """T10."""
    tls_site(instance)
    for pem in (instance.dir / "certificates/MY").iterdir():
        pem.chmod(0o644)
    instance.write()
    done = instance.check()
    assert done.returncode == 1
    assert "readable by others" in done.stdout + done.stderr


def test_sni_chooses_the_site(instance):
    one = instance.add_site("One", tls="SslAllow", users={"anna": "secret"})
    two = instance.add_site("Two", tls="SslAllow", users={"bert": "geheim"})
    two.port = one.port
    one.bindings, two.bindings = [f"127.0.0.1:{one.port}:one.test"], [f"127.0.0.1:{one.port}:two.test"]
    instance.start()
    seen = set()
    for name in ("one.test", "two.test"):
        with instance.client() as c:
            c.cmd("AUTH TLS", "234")
            c.sock = c.context.wrap_socket(c.sock, server_hostname=name)
            seen.add(c.sock.getpeercert(binary_form=True))
    assert len(seen) == 2


def test_full_site_chosen_by_name(instance):
    """However the site was named, it is the full one that speaks (maxClientsMessage)."""
    one = instance.add_site("One", tls="SslAllow", users={"anna": "secret"})
    full = instance.add_site("Full", tls="SslAllow", users={"bert": "geheim"})
    full.port = one.port
    one.bindings, full.bindings = [f"127.0.0.1:{one.port}:"], [f"127.0.0.1:{one.port}:full.test"]
    full.extra = '<connections maxConnections="0" /><messages maxClientsMessage="%SiteName% is full" expandVariables="true" />'
    instance.start()
    for line in ("HOST full.test", "USER full.test|bert"):
        with instance.client() as c:
            c.cmd(line, "421 Full is full")
            assert c.closed()
    with instance.client() as c:
        c.cmd("AUTH TLS", "234")
        c.sock = c.context.wrap_socket(c.sock, server_hostname="full.test")
        assert c.reply() == "421 Full is full"
    refused = lambda: [(line["cs-method"], line["sc-substatus"]) for line in instance.log_lines() if line["sc-status"] == "421"]
    assert instance.wait(lambda: sorted(refused()) == [("HOST", "19"), ("USER", "19")])


def test_stopped_site_chosen_by_name(instance):
    """However the site was named, nobody gets in at another one in its place."""
    one = instance.add_site("One", tls="SslAllow", users={"anna": "secret"})
    stopped = instance.add_site("Stopped", tls="SslAllow", users={"anna": "secret"})
    stopped.port = one.port
    one.bindings, stopped.bindings = [f"127.0.0.1:{one.port}:"], [f"127.0.0.1:{one.port}:stopped.test"]
    instance.start()
    instance.cli("stop", "site", "Stopped")
    for line in ("HOST stopped.test", "USER stopped.test|anna"):
        with instance.client() as c:
            c.cmd(line, "421 ")
            assert c.closed()
    for name in ("stopped.test", "nobody.test"):
        with instance.client() as c:
            c.cmd("AUTH TLS", "234")
            c.sock = c.context.wrap_socket(c.sock, server_hostname=name)
            if name == "nobody.test":              # says nothing
                c.login()
                c.cmd("QUIT", "221")
            else:
                c.cmd("USER anna", "421 ")
                assert c.closed()
    ended = lambda: [line["sc-substatus"] for line in instance.log_lines() if line["cs-method"] == "ControlChannelClosed"]
    assert instance.wait(lambda: sorted(ended()) == ["0", "21", "21", "21"]), ended()


def test_resumption_across_workers(instance):
    """Tickets are good at every worker; the connections stay, so that each worker has some."""
    site = tls_site(instance)
    instance.sallyport_xml = '<service workerCount="2" />'
    instance.start()
    with contextlib.ExitStack() as clients:
        first = clients.enter_context(instance.client()).auth_tls()
        first.cmd("NOOP", "200")
        for n in range(11):
            c = clients.enter_context(instance.client())
            c.cmd("AUTH TLS", "234")
            c.sock = first.context.wrap_socket(c.sock, session=first.sock.session, server_hostname="localhost")
            assert c.sock.session_reused, n
            c.cmd("NOOP", "200")
        assert min(connections(instance, site)) > 0


def test_ticket_of_another_site_is_no_good(instance):
    """C12, T04."""
    one = instance.add_site("One", tls="SslAllow", users={"anna": "secret"})
    two = instance.add_site("Two", tls="SslAllow", users={"anna": "secret"})
    instance.start()
    with instance.client(one) as c:
        c.auth_tls()
        c.cmd("NOOP", "200")
        session, context = c.sock.session, c.context
    with instance.client(two) as c:
        c.cmd("AUTH TLS", "234")
        c.sock = context.wrap_socket(c.sock, session=session, server_hostname="localhost")
        assert not c.sock.session_reused
