"""Revocation of client certificates by CRL and OCSP, and missing issuers (threats C09-C11): logins against a responder on
loopback that answers, lies and hangs."""
import contextlib
import os
import signal
import subprocess
import threading
import time

import pytest

from harness import PATIENCE
from pki import BASE, CA_EXTENSIONS, CLIENT, Pki
from responder import Responder, crl, index_of

REVOKED, NO_SOURCE, OFFLINE = 0x80092010, 0x80092012, 0x80092013
MAPPING = "iisClientCertificateMappingAuthentication"
ANYBODY = ('<manyToOneMappings><add name="m" userName="anna"><rules><add certificateField="Subject" certificateSubField="CN" '
           'matchCriteria="*" /></rules></add></manyToOneMappings>')


class World:
    """The PKI of the tests with a CA whose certificates name addresses at `web`."""

    def __init__(self):
        self.web = Responder()
        self.pki = Pki()
        self.ca = self.pki.sign("online", self.pki.root, f"{BASE}/CN=online CA",
                                CA_EXTENSIONS + f"crlDistributionPoints=URI:{self.web.url}/root.crl\n", kind="rsa",
                                start="20200101000000Z", end="20450101000000Z")
        self.pki.run("openssl", "x509", "-in", self.ca[0], "-outform", "DER", "-out", self.pki.dir / "online.der")
        for name, revoked in (("ana", False), ("bad", True)):
            self.leaf(name, f"crlDistributionPoints=URI:{self.web.url}/online.crl")
            self.leaf("ocsp-" + name, f"authorityInfoAccess=OCSP;URI:{self.web.url}/ocsp")
        self.leaf("other", f"crlDistributionPoints=URI:{self.web.url}/other.crl")
        self.leaf("nowhere", "")
        self.leaf("short", f"crlDistributionPoints=URI:{self.web.url}/online.crl\n"
                           f"authorityInfoAccess=caIssuers;URI:{self.web.url}/issuer", send=False)

    def leaf(self, name, extension, **options):
        return self.pki.leaf(name, issuer=self.ca, extensions=CLIENT + extension + "\n", **options)

    def crt(self, name):
        return self.pki.dir / f"{name}.crt"

    def publish(self):
        """Everything as it should be."""
        web = self.web
        web.manner.clear()
        web.hits.clear()
        web.files = {"/root.crl": crl(self.pki, self.pki.root, "r"),
                     "/online.crl": crl(self.pki, self.ca, "o", revoked=[self.crt("bad")]),
                     "/other.crl": crl(self.pki, self.ca, "p"), "/issuer": (self.pki.dir / "online.der").read_bytes()}
        web.ocsp = (self.ca, index_of(self.pki, "ocsp", [self.crt("ocsp-ana")], [self.crt("ocsp-bad")]), self.pki.stranger)


@pytest.fixture(scope="module")
def made():
    world = World()
    yield world
    world.web.stop()


@pytest.fixture
def world(made):
    made.publish()
    return made


def site(instance, world, name="Partners", flags="", timeout="00:00:20", freshness="00:00:00"):
    s = instance.add_site(name, tls="SslAllow", users={"anna": "secret"})
    configure(s, flags, timeout, freshness)
    s.elements = f'<{MAPPING} enabled="true">{ANYBODY}</{MAPPING}>'
    world.pki.install(instance)
    return s


def configure(s, flags="", timeout="00:00:20", freshness="00:00:00"):
    flags = f'validationFlags="{flags}"' if flags else ""
    s.security = (f'<sslClientCertificates clientCertificatePolicy="CertAllow" {flags} useActiveDirectoryMapping="true" '
                  f'revocationUrlRetrievalTimeout="{timeout}" revocationFreshnessTime="{freshness}" />')
    s.authentication = '<clientCertAuthentication enabled="true" />'


def connect(instance, world, name, where=None):
    client = instance.client(where)
    client.context.load_cert_chain(world.pki.leaf(name))
    return client.auth_tls()


def logs_in(instance, world, name, where=None):
    with connect(instance, world, name, where) as c:
        c.login("x", "y")


def is_refused(instance, world, name, win32, where=None):
    with connect(instance, world, name, where) as c:
        c.cmd("USER anna", "534-User provided invalid client certificate.")
        assert c.closed()
    line = [line for line in instance.log_lines(where) if line["cs-method"] == "USER" and line["sc-substatus"] == "48"][-1]
    assert line["sc-win32-status"] == str(win32), name


def test_crl_and_ocsp(instance, world):
    site(instance, world)
    instance.start()
    for name in ("ana", "ocsp-ana"):
        logs_in(instance, world, name)
    for name, win32 in (("bad", REVOKED), ("ocsp-bad", REVOKED), ("nowhere", NO_SOURCE)):
        is_refused(instance, world, name, win32)
    for path in ("/root.crl", "/online.crl"):
        assert world.web.hits.count(path) == 1, world.web.hits


@pytest.mark.parametrize("manner", ["500", "close", "trunc", "foreign", "unknown"])
def test_no_answer_refuses(instance, world, manner):
    site(instance, world)
    world.web.manner["/ocsp"] = manner
    instance.start()
    is_refused(instance, world, "ocsp-ana", OFFLINE)


def test_cache_only(instance, world):
    """CertChainRevocationCheckCacheOnly (2): nothing is fetched; what another site's logins brought is used."""
    asks, waits = site(instance, world), site(instance, world, "Cached", flags="CertChainRevocationCheckCacheOnly")
    instance.start()
    is_refused(instance, world, "ana", OFFLINE, waits)
    assert world.web.hits == []
    logs_in(instance, world, "ana", asks)
    hits = list(world.web.hits)
    logs_in(instance, world, "ana", waits)
    assert world.web.hits == hits


def test_missing_issuer(instance, world):
    """Fetched by AIA, unless CertChainCacheOnlyUrlRetrieval (4) forbids it."""
    never = site(instance, world, "Never", flags="CertChainCacheOnlyUrlRetrieval")
    fetches = site(instance, world)
    instance.start()
    with connect(instance, world, "short", never) as c:
        c.cmd("USER anna", "534-User provided invalid client certificate.")
    assert "/issuer" not in world.web.hits
    logs_in(instance, world, "short", fetches)
    logs_in(instance, world, "short", fetches)
    assert world.web.hits.count("/issuer") == 1


def test_freshness(instance, world):
    """revocationFreshnessTime: a list of yesterday is fetched anew; the new one revokes."""
    site(instance, world, freshness="00:00:01")
    instance.start()
    logs_in(instance, world, "ana")
    world.web.files["/online.crl"] = crl(world.pki, world.ca, "o", revoked=[world.crt("ana")], number=2)
    before = world.web.hits.count("/online.crl")   # a slow login has asked for the old one twice
    deadline = time.monotonic() + PATIENCE
    while world.web.hits.count("/online.crl") == before and time.monotonic() < deadline:
        with connect(instance, world, "ana") as c:
            c.cmd("USER anna")
    is_refused(instance, world, "ana", REVOKED)


def test_hanging_responder_holds_up_only_its_own(instance, world):
    """Many logins wait for a server that hangs; everybody else logs in as ever."""
    s = site(instance, world, timeout="00:01:00")
    s.extra = '<connections unauthenticatedTimeout="120" />'
    instance.start()
    logs_in(instance, world, "ana")
    world.web.manner["/other.crl"] = "hang"
    refused = []

    def wait():
        with connect(instance, world, "other") as c:
            refused.append(c.cmd("USER anna"))

    waiting = [threading.Thread(target=wait) for _ in range(12)]
    for thread in waiting:
        thread.start()
    assert world.web.wait_for("/other.crl", PATIENCE)
    for _ in range(5):
        logs_in(instance, world, "ana")
        logs_in(instance, world, "ocsp-ana")
        with instance.client() as c:
            c.login()
    assert not refused                                         # they are still waiting
    world.web.released.set()                                   # until it hangs up
    world.web.released.clear()
    for thread in waiting:
        thread.join()
    assert len(refused) == 12 and all(r.startswith("534-User provided invalid") for r in refused), refused
    assert world.web.hits.count("/other.crl") == 1


def test_switched_on_while_running(instance, world):
    """The sandbox of a running authenticator cannot be opened: it starts again."""
    s = site(instance, world, flags="NoRevocationCheck,CertChainCacheOnlyUrlRetrieval")
    instance.start()
    logs_in(instance, world, "bad")
    assert world.web.hits == []
    configure(s)
    instance.reload()
    deadline = time.monotonic() + PATIENCE
    while not world.web.hits and time.monotonic() < deadline:
        try:
            with connect(instance, world, "ana") as c:
                c.cmd("USER anna")
        except (OSError, EOFError, AssertionError):
            pass                                               # while the authenticator is away
    logs_in(instance, world, "ana")
    is_refused(instance, world, "bad", REVOKED)


@pytest.mark.parametrize("limit", ['allowedHosts="pki.example"', 'allowPrivateAddresses="false"'])
def test_limits(instance, world, limit):
    """C10: hosts and addresses that may not be asked are not."""
    site(instance, world)
    instance.sallyport_xml += f"<revocation {limit} />"
    instance.start()
    is_refused(instance, world, "ana", OFFLINE)
    assert world.web.hits == []


def kept_file(instance):
    [path] = [path for path in instance.dir.rglob("revocation") if path.is_file()]
    return path


def test_kept_over_restarts(instance, world):
    """What was fetched is there after a restart, for sites that ask nobody as well; what somebody wrote over is not believed."""
    asks, waits = site(instance, world), site(instance, world, "Cached", flags="CertChainRevocationCheckCacheOnly")
    instance.start()
    for name in ("ana", "ocsp-ana"):
        logs_in(instance, world, name, asks)
    is_refused(instance, world, "bad", REVOKED, asks)
    assert kept_file(instance).stat().st_mode & 0o777 == 0o600
    instance.stop()
    hits = list(world.web.hits)
    world.web.manner = {path: "500" for path in ("/root.crl", "/online.crl", "/ocsp")}
    instance.start()
    for name in ("ana", "ocsp-ana"):
        logs_in(instance, world, name, waits)
        logs_in(instance, world, name, asks)
    is_refused(instance, world, "bad", REVOKED, waits)
    assert world.web.hits == hits
    instance.stop()
    # somebody puts another CA's list, revoking nobody, in the place of the good one
    path, good = kept_file(instance), world.web.files["/online.crl"]
    content = path.read_bytes()
    assert good in content
    forged = crl(world.pki, world.pki.stranger, "forged")
    path.write_bytes(content.replace(good, (forged + good)[:len(good)]))
    instance.start()
    is_refused(instance, world, "ana", OFFLINE, waits)
    is_refused(instance, world, "ana", OFFLINE, asks)


def test_kept_when_killed(instance, world):
    """Nothing is written at the end of the service that a kill could prevent."""
    s = site(instance, world)
    instance.start()
    logs_in(instance, world, "ana")
    instance.stop(signal.SIGKILL)
    hits = list(world.web.hits)
    world.web.manner = {path: "500" for path in ("/root.crl", "/online.crl")}
    instance.start()
    logs_in(instance, world, "ana", s)
    is_refused(instance, world, "bad", REVOKED, s)
    assert world.web.hits == hits


def spoil_with_bytes(path):
    path.write_bytes(b"SPREVOC1" + bytes(8) + bytes(range(256)) * 40)


def spoil_with_huge_lengths(path):
    path.write_bytes(path.read_bytes()[:16] + b"\xff" * 4096)


def spoil_with_pipe(path):
    path.unlink()
    os.mkfifo(path)


def spoil_with_link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


@pytest.mark.parametrize("spoil, told", [(spoil_with_bytes, None), (spoil_with_huge_lengths, None), (spoil_with_pipe, "no file of its own"),
                                         (spoil_with_link, "cannot be kept")])
def test_spoilt_file_costs_only_its_memory(instance, world, spoil, told):
    site(instance, world)
    instance.start()
    logs_in(instance, world, "ana")
    path = kept_file(instance)
    instance.stop()
    spoil(path)
    world.web.hits.clear()
    instance.start()
    logs_in(instance, world, "ana")
    is_refused(instance, world, "bad", REVOKED)
    assert world.web.hits
    assert told is None or told in instance.output


@pytest.mark.skipif(os.getuid() != 0, reason="mounting needs root")
def test_full_disk(instance, world):
    """H06: verdicts are as ever while nothing more can be kept, and after the next start."""
    s = site(instance, world)
    run = instance.dir / "run"
    run.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=755", "none", run], check=True)
    try:
        for _ in range(2):
            instance.start()
            with contextlib.suppress(OSError), open(run / "ballast", "wb", buffering=0) as ballast:
                while True:
                    ballast.write(bytes(4096))
            for name in ("ana", "ocsp-ana", "other"):
                logs_in(instance, world, name, s)
            is_refused(instance, world, "bad", REVOKED, s)
            instance.stop()
            (run / "ballast").unlink()
        for _ in range(2):
            world.web.hits.clear()
            instance.start()
            logs_in(instance, world, "ana", s)
            instance.stop()
        assert not world.web.hits
    finally:
        instance.stop()
        subprocess.run(["umount", run], check=True)


def test_not_kept(instance, world):
    site(instance, world)
    instance.sallyport_xml += '<revocation diskCache="0" />'
    instance.start()
    logs_in(instance, world, "ana")
    instance.stop()
    world.web.hits.clear()
    instance.start()
    logs_in(instance, world, "ana")
    assert world.web.hits


def test_soft_fail(instance, world):
    """revocationSoftFail: nobody answers, or nobody is named: in, and that is told.  Revoked is revoked."""
    s = site(instance, world)
    s.settings = 'revocationSoftFail="true"'
    world.web.manner = {"/ocsp": "500"}
    instance.start()
    for name in ("ocsp-ana", "nowhere"):
        logs_in(instance, world, name)
        assert instance.wait_line("revocationSoftFail lets it pass")
    is_refused(instance, world, "bad", REVOKED)
    s.settings = ""
    instance.reload()
    is_refused(instance, world, "nowhere", NO_SOURCE)
