"""Sessions that run and what becomes of them: a new configuration, a new CRL, a new OCSP answer, a changed mapping, a
changed store, and an authenticator that was started anew (threats A15; client-certificates: live de-authorization)."""
import contextlib
import os
import signal
import socket
import ssl
import time

import pytest

from harness import PATIENCE
from responder import crl, index_of
from revocation_test import REVOKED, configure, connect, made, site, world  # noqa: F401: fixtures

pytestmark = pytest.mark.xdist_group("live")


def serve(instance, world, interval="00:00:01", disk=64, **options):
    s = site(instance, world, **options)
    instance.sallyport_xml += f'<revocation recheckInterval="{interval}" diskCache="{disk}" />'
    instance.start()
    return s


def log_in(instance, world, name="ana"):
    client = connect(instance, world, name)
    client.login("x", "y")
    return client


def ended(client):
    """Whether the server says 421 and closes."""
    assert client.closed()
    client.sock.close()
    return client.buffer.startswith(b"421")


def ends(instance):
    """Sub-status and Win32 status of every control channel that was closed."""
    return [(int(line["sc-substatus"]), int(line["sc-win32-status"])) for line in instance.log_lines()
            if line["cs-method"] == "ControlChannelClosed"]


def logged(instance, substatus, win32):
    """Whether the log tells of such an end; the line is written when the client is gone."""
    return instance.wait(lambda: (substatus, win32) in ends(instance))


def revoke(world):
    world.web.files["/online.crl"] = crl(world.pki, world.ca, "o", revoked=[world.crt("ana")], number=2)
    world.web.ocsp = (world.ca, index_of(world.pki, "ocsp", [], [world.crt("ocsp-ana")]), world.pki.stranger)


@pytest.mark.parametrize("name", ["ana", "ocsp-ana"])
def test_revoked_while_logged_in(instance, world, name):
    """A new list, or a new answer, ends the session; the one of somebody else goes on."""
    serve(instance, world)
    with log_in(instance, world, name) as c, log_in(instance, world, "other") as bystander:
        revoke(world)
        assert ended(c)
        bystander.cmd("NOOP", "200")
    assert logged(instance, 48, REVOKED)
    assert instance.wait_line("is logged off site 1: client certificate: a certificate of the chain is revoked")


def test_revoked_in_a_transfer(instance, world):
    """The transfer is cut, too."""
    s = serve(instance, world)
    (s.path / "big").write_bytes(b"x" * 64_000_000)
    instance.give_files()
    with log_in(instance, world) as c:
        c.protect().cmd("TYPE I", "200")
        with socket.create_connection(c.epsv(), PATIENCE) as raw:
            c.cmd("RETR big", "1")
            data = c.context.wrap_socket(raw, server_hostname="localhost", session=c.sock.session)
            assert data.recv(1000)
            revoke(world)
            assert ended(c)
            received = 0
            with contextlib.suppress(OSError, ssl.SSLError):
                while chunk := data.recv(1 << 20):
                    received += len(chunk)
            assert received < 64_000_000
    line = [line for line in instance.log_lines() if line["cs-method"] == "RETR"][-1]
    assert (line["sc-status"], line["sc-substatus"]) == ("421", "48")


def test_unknown_keeps_who_is_there(instance, world):
    """That nobody answers proves nothing about somebody who was found good; nobody new gets in."""
    serve(instance, world, disk=0)
    with log_in(instance, world, "ocsp-ana") as c:
        world.web.manner["/ocsp"] = "500"
        seen = world.web.hits.count("/ocsp")
        assert instance.wait(lambda: world.web.hits.count("/ocsp") > seen)
        c.cmd("NOOP", "200")                                   # the old answer has not run out
        restart_authenticator(instance)                        # now there is none
        assert instance.wait_line("stays logged in to site 1"), instance.output
        c.cmd("NOOP", "200")
        with connect(instance, world, "ocsp-ana") as other:
            other.cmd("USER anna", "534")
        revoke(world)
        world.web.manner.clear()
        instance.cli("flush", "cache")                         # else the responder that failed is left alone for a while
        assert ended(c)


def test_disallowed_at_once(instance, world):
    """A certificate that is put into store Disallowed: no interval is waited for."""
    s = serve(instance, world, interval="01:00:00")
    with log_in(instance, world) as c, log_in(instance, world, "other") as bystander:
        folder = instance.dir / "certificates/Disallowed"
        folder.mkdir(exist_ok=True)
        (folder / "ana.pem").write_text(world.crt("ana").read_text())
        assert ended(c)
        assert logged(instance, 48, 0x800B0111)
        bystander.cmd("NOOP", "200")
        s.elements = s.elements.replace('matchCriteria="*"', 'matchCriteria="ana"')
        instance.reload()
        assert ended(bystander)
    assert logged(instance, 54, 0)


def test_policy_at_once(instance, world):
    """Rules that became stricter are asked about those who are in."""
    s = serve(instance, world, interval="01:00:00", flags="NoRevocationCheck")
    with log_in(instance, world, "bad") as c, log_in(instance, world, "ana") as bystander:
        configure(s, flags="CertNoUsageCheck")
        instance.reload()
        assert ended(c)
        bystander.cmd("NOOP", "200")
    assert logged(instance, 48, REVOKED)


def test_mapping_changed_while_logging_in(instance, world):
    """The look at live logins has passed when the login is at last among them: it is looked at by itself."""
    instance.sallyport_xml = '<service workerCount="1" />'
    s = serve(instance, world, interval="01:00:00", flags="NoRevocationCheck")
    [broker] = [pid for pid, name in instance.children().items() if name == "sallyport-broker"]
    with connect(instance, world, "ana") as client:
        client.cmd("USER x", "331")
        os.kill(broker, signal.SIGSTOP)
        try:
            client.sock.sendall(b"PASS y\r\n")
            with connect(instance, world, "ana") as other:                # of the same worker: the first is under way
                other.cmd("USER x", "331")
            s.elements = s.elements.replace('userName="anna"', 'userName="nobody"')
            instance.reload()
        finally:
            os.kill(broker, signal.SIGCONT)
        assert client.closed(), instance.output
    assert logged(instance, 54, 0)


def restart_authenticator(instance):
    [pid] = [pid for pid, name in instance.children().items() if name == "sallyport-auth"]
    os.kill(pid, signal.SIGKILL)
    assert instance.wait(lambda: [p for p, name in instance.children().items() if name == "sallyport-auth" and p != pid])


def logs_in_again(instance, world):
    """Until the new authenticator is there."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, EOFError, AssertionError), log_in(instance, world):
            return
    raise AssertionError(instance.output)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_restarted_authenticator(instance, world, version):
    """Who was in stays in, and is still subject to what changes: revocation, permissions, the account itself."""
    s = serve(instance, world)
    s.users["berta"] = "other"
    s.rules.append('<add accessType="Allow" users="berta" permissions="Read" />')
    instance.reload()
    with connect(instance, world, "ana") as plain:
        plain.sock.close()
    client = instance.client()
    client.context.load_cert_chain(world.pki.leaf("ana"))
    client.context.minimum_version = client.context.maximum_version = version
    with client as c, instance.client() as password, instance.client() as idle:
        c.auth_tls().login("x", "y")
        password.auth_tls().login("berta", "other")
        restart_authenticator(instance)
        logs_in_again(instance, world)
        for each in (c, password):
            each.cmd("PWD", "257")
        idle.cmd("NOOP", "200")
        revoke(world)
        assert ended(c)
        assert logged(instance, 48, REVOKED)
        password.cmd("PWD", "257")
        del s.users["berta"]
        instance.reload()
        assert ended(password)
    assert logged(instance, 54, 0)


def test_waiting_session_outlives_the_authenticator(instance, world):
    """Not logged in yet: judged anew, with the same certificate."""
    serve(instance, world)
    with connect(instance, world, "ana") as c, connect(instance, world, "bad") as bad:
        c.cmd("NOOP", "200")
        restart_authenticator(instance)
        logs_in_again(instance, world)
        c.login("x", "y")
        bad.cmd("USER anna", "534-User provided invalid client certificate.")


def test_relogin_and_logout_behind_a_restart(instance, world):
    """What ended while nobody was there does not come back; who logs in anew is somebody new."""
    serve(instance, world)
    with log_in(instance, world) as c:
        gone = log_in(instance, world, "other")
        restart_authenticator(instance)
        gone.sock.close()
        logs_in_again(instance, world)
        c.login("x", "y")
        c.protect().put("f", b"after", tls=True)
        revoke(world)
        assert ended(c)


def test_new_configuration_from_the_next_command(site):
    """Filter, messages, listings, time-outs, logging and policies of ssl follow (A15, P04)."""
    [depot] = site.sites
    with site.client() as c:
        c.login()
        c.cmd("XPWD", "257")
        depot.security = '<commandFiltering><add command="DELE" allowed="false" /></commandFiltering>'
        depot.extra = ('<messages exitMessage="So long" /><directoryBrowse showFlags="StyleUnix" />'
                       '<logFile enabled="false" />')
        site.reload()
        c.cmd("DELE f", "500")
        c.cmd("SITE DIRSTYLE", "200 MSDOS-like directory output is on.")
        c.login()
        c.cmd("DELE f", "500")
        depot.extra += '<connections controlChannelTimeout="1" />'
        site.reload()
        c.cmd("PWD", "257")
        assert c.closed() and c.buffer.startswith(b"421 Connection timed out")
    with site.client() as here, site.client() as new:
        here.login()
        depot.extra = depot.extra.replace(' controlChannelTimeout="1"', "")
        depot.control_policy = depot.data_policy = "SslRequire"
        site.reload()
        here.cmd("SIZE f", "534")
        for c in here, new:
            c.cmd("USER anna", "534")
            c.cmd("QUIT", "221 So long")
    methods = [line["cs-method"] for line in site.log_lines()]
    assert "XPWD" in methods and not {"DELE", "PWD", "QUIT"} & set(methods)
