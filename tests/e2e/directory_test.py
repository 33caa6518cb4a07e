"""Client certificates that name accounts of an Active Directory: a real Samba domain controller on loopback.

useActiveDirectoryMapping and sallyport/directory: the tiers and their strengths, NTAuth, the SID extension (C02), ambiguity
(C03), account checks, groups as roles, hostile names (L01), a dead, a second and a hanging controller (L06), and accounts
that change under live sessions.
"""
import base64
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest

from certificate_pages_test import CERTIFICATES_ALONE, run_lines
from harness import PATIENCE, ROOT
from pki import CLIENT, Pki
from rehearsal import ACCOUNT, ALLOWED, PASSWORD, Rehearsal, first_line

pytestmark = pytest.mark.xdist_group("directory")
FIXTURE = ROOT / "tests/fixtures/ad-dc.sh"
FIRST, SECOND = f"127.94.{os.getpid() % 200 + 1}.1", f"127.94.{os.getpid() % 200 + 1}.2"
AD_BASE = "DC=depot,DC=test"


class Controller:
    """A copy of the domain, served on one address."""

    def __init__(self, folder, address):
        self.folder, self.address, self.process = folder, address, None

    def start(self):
        self.log = open(self.folder / "run.log", "ab")
        self.process = subprocess.Popen([FIXTURE, "run", self.folder, self.address], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log, start_new_session=True)
        deadline = time.monotonic() + 180
        while True:
            assert self.process.poll() is None, (self.folder / "run.log").read_text()[-2000:]
            with contextlib.suppress(OSError), socket.create_connection((self.address, 636), 1):
                return
            assert time.monotonic() < deadline, "the controller did not start"
            time.sleep(0.1)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(2 * PATIENCE)

    def ldap(self, program, *words, text=""):
        return subprocess.run([program, "-x", "-H", f"ldaps://{self.address}", "-D", "administrator@depot.test",
                               "-w", "Adm1n-Passw0rd!", *words], input=text, text=True, capture_output=True, timeout=PATIENCE,
                              check=True, env={**os.environ, "LDAPTLS_CACERT": str(self.folder / "tls-ca.pem")}).stdout

    def modify(self, name, attribute, *values, how="replace"):
        lines = "".join(f"{attribute}: {value}\n" for value in values)
        self.ldap("ldapmodify", text=f"dn: CN={name},OU=People,{AD_BASE}\nchangetype: modify\n{how}: {attribute}\n{lines}")

    def sid(self, name):
        out = self.ldap("ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-b", f"CN={name},OU=People,{AD_BASE}", "-s", "base", "objectSid")
        raw = base64.b64decode(out.split("objectSid:: ")[1].split("\n")[0])
        parts = [int.from_bytes(raw[i:i + 4], "little") for i in range(8, len(raw), 4)]
        return "S-1-5-" + "-".join(map(str, parts))


class Domain:
    def __init__(self):
        self.pki = Pki()
        self.keep = tempfile.TemporaryDirectory(prefix="sallyport-ad-")
        folder = pathlib.Path(self.keep.name)
        self.first, self.second = Controller(folder / "dc1", FIRST), Controller(folder / "dc2", SECOND)
        self.first.folder.mkdir()
        crt, key = self.pki.sign("dc1", self.pki.issuing, "/CN=dc1.depot.test",
                                 f"subjectAltName=DNS:dc1.depot.test,IP:{FIRST},IP:{SECOND}\nextendedKeyUsage=serverAuth\n", kind="rsa")
        (self.first.folder / "tls-cert.pem").write_text(crt.read_text() + self.pki.issuing[0].read_text())
        (self.first.folder / "tls-ca.pem").write_text(self.pki.root[0].read_text())
        (self.first.folder / "tls-key.pem").touch(0o600)
        (self.first.folder / "tls-key.pem").write_text(key.read_text())
        done = subprocess.run([FIXTURE, "provision", self.first.folder], capture_output=True, text=True, timeout=600)
        if done.returncode == 77:
            pytest.skip("no Active Directory here: " + done.stderr.strip())
        assert done.returncode == 0, done.stderr
        self.first.start()

    def start_second(self):
        """The copy is taken while the first one rests."""
        if not self.second.folder.exists():
            self.first.stop()
            shutil.copytree(self.first.folder, self.second.folder, ignore=shutil.ignore_patterns("run.log", "ldapi", "ldap_priv"))
            self.first.start()
        if not self.second.process or self.second.process.poll() is not None:
            self.second.start()

    def close(self):
        self.first.stop()
        self.second.stop()
        self.keep.cleanup()

    # ---- what certificates and mappings are made of ----
    def upn(self, name, upn, sid=None):
        extensions = CLIENT + f"subjectAltName=otherName:1.3.6.1.4.1.311.20.2.3;UTF8:{upn}\n"
        if sid:
            extensions += ("1.3.6.1.4.1.311.25.2=ASN1:SEQUENCE:sid\n[sid]\nname=IMPLICIT:0,SEQUENCE:sid_name\n[sid_name]\n"
                           f"type=OID:1.3.6.1.4.1.311.25.2.1\nvalue=EXPLICIT:0,FORMAT:ASCII,OCTETSTRING:{sid}\n")
        return self.pki.leaf(name, extensions=extensions)

    def issuer_serial(self, name):
        out = subprocess.run(["openssl", "x509", "-in", self.pki.dir / f"{name}.crt", "-noout", "-serial"], check=True,
                             capture_output=True, text=True).stdout
        serial = bytes.fromhex(out.strip().split("=")[1])
        return f"X509:<I>DC=test,DC=depot,O=Depot,CN=issuing CA<SR>{serial[::-1].hex()}"


@pytest.fixture(scope="module")
def domain():
    made = Domain()
    try:
        yield made
    finally:
        made.close()


def partners(instance, domain, servers=None, rules='roles="ftp-users" permissions="Read, Write"', ntauth=True, users=None, login="",
             policy="CertRequire", **settings):
    """The sample of Microsoft's page "FTP Client Certificate Authentication", with a directory behind it."""
    site = instance.add_site("Partners", tls="SslRequire", users=users)
    site.security = (f'<sslClientCertificates clientCertificatePolicy="{policy}" validationFlags="NoRevocationCheck" '
                     'useActiveDirectoryMapping="true" />')
    site.authentication = '<clientCertAuthentication enabled="true" />'
    site.rules.append(f'<add accessType="Allow" {rules} />')
    site.settings = login
    domain.pki.install(instance)
    if ntauth:
        store = instance.dir / "certificates/NTAuth"
        store.mkdir(parents=True, exist_ok=True)
        (store / "issuing.pem").write_text(domain.pki.issuing[0].read_text())
        (store / "issuing.pem").chmod(0o644)
    attributes = "".join(f' {name}="{value}"' for name, value in settings.items())
    instance.sallyport_xml = (f'<directory servers="{servers or "ldaps://" + FIRST}" bindName="svc-ftp@depot.test" '
                              f'bindPassword="Pass-svc-ftp!"{attributes} />')
    instance.start()
    return site


def try_login(instance, pem, user="whoever", password="ignored"):
    """The last reply of a login; `certificate test` must have said the same before."""
    rehearsal = Rehearsal(instance, instance.sites[0], pem)
    reply = log_in(instance, pem, user, password)
    if rehearsal.code != PASSWORD:
        assert list(rehearsal.replies.values())[-1] == first_line(reply), rehearsal.text
    return reply


def log_in(instance, pem, user, password):
    with instance.client() as c:
        c.context.load_cert_chain(pem)
        c.auth_tls()
        first = c.cmd(f"USER {user}")
        return first if first[0] != "3" else c.cmd(f"PASS {password}")


def last_status(instance):
    line = [line for line in instance.log_lines() if line["cs-method"] in ("USER", "PASS")][-1]
    return line["sc-status"], line["sc-substatus"], int(line["sc-win32-status"])


def test_strong_mappings_log_in(instance, domain):
    domain.pki.leaf("dave")
    domain.first.modify("dave", "altSecurityIdentities", domain.issuer_serial("dave").upper().replace("X509:<I>", "X509:<I>"))
    alice = domain.upn("alice-sid", "alice@depot.test", domain.first.sid("alice"))
    partners(instance, domain)
    for pem, name in ((domain.pki.made["dave"], r"DEPOT\dave"), (alice, r"DEPOT\alice")):
        with instance.client() as c:
            c.context.load_cert_chain(pem)
            c.auth_tls()
            c.cmd("USER whoever", "331")
            c.cmd("PASS ignored", "230")
            c.protect()
            c.put("f", b"from " + name.encode(), tls=True)
            assert c.get("f", tls=True) == b"from " + name.encode()
        assert any(line["cs-username"].lower() == name.lower() for line in instance.log_lines()), name


def test_weak_mappings_need_a_word(instance, domain):
    """C01: a UPN alone is refused, unless mappingStrength says otherwise."""
    pem = domain.upn("alice-upn", "alice@depot.test")
    partners(instance, domain)
    assert try_login(instance, pem).startswith("530")
    assert last_status(instance) == ("530", "35", 1326)
    instance.sallyport_xml = instance.sallyport_xml.replace(" />", ' mappingStrength="disabled" />')
    instance.reload()
    assert try_login(instance, pem).startswith("230")


REFUSED = [  # account, Win32 status in the log
    ("ivan", 1331), ("judy", 1793), ("kate", 1909), ("leo", 1328), ("nobody", 1317), ("*", 1317), ("ali*", 1317),
    ("x)(sAMAccountName=alice", 1317), ("\\2a", 1317),
]


def test_accounts_that_may_not(instance, domain):
    """Section of the account checks, and L01: what is no name finds nobody."""
    pems = [domain.upn(f"refused-{number}", f"{name}@depot.test") for number, (name, _) in enumerate(REFUSED)]
    partners(instance, domain, mappingStrength="disabled")
    for pem, (name, win32) in zip(pems, REFUSED):
        assert try_login(instance, pem).startswith("530-User cannot log in."), name
        assert last_status(instance) == ("530", "35", win32), name
    assert try_login(instance, domain.upn("nina", "nina@depot.test")).startswith("530-User cannot log in, home"), "no role"


def test_somebody_elses_sid(instance, domain):
    """C02: the name may be forged, the SID tells."""
    pem = domain.upn("forged", "alice@depot.test", domain.first.sid("bob"))
    partners(instance, domain, mappingStrength="disabled")
    assert try_login(instance, pem).startswith("530")
    assert last_status(instance) == ("530", "35", 1326)


def test_ambiguous(instance, domain):
    """C03, L03: two accounts, one certificate."""
    pem = domain.pki.leaf("twin")
    for name in ("grace", "heidi"):
        domain.first.modify(name, "altSecurityIdentities", domain.issuer_serial("twin"))
    partners(instance, domain)
    assert try_login(instance, pem).startswith("530")
    assert last_status(instance) == ("530", "35", 1332)


def test_ntauth(instance, domain):
    pem = domain.upn("alice-sid", "alice@depot.test", domain.first.sid("alice"))
    partners(instance, domain, ntauth=False)
    assert try_login(instance, pem).startswith("530")
    assert last_status(instance) == ("530", "35", 0x800B0112)


@pytest.mark.parametrize("name,role", [("bob", "ftp-users"), ("erin", "deep-1"), ("carol", r"DEPOT\ring-b"), ("alice", "ftp-all")])
def test_groups_are_roles(instance, domain, name, role):
    """The primary group, nested ones, a ring (L07)."""
    pem = domain.upn(name + "-sid", f"{name}@depot.test", domain.first.sid(name))
    partners(instance, domain, rules=f'roles="{role}" permissions="Read"')
    assert try_login(instance, pem).startswith("230")
    instance.sites[0].rules = ['<add accessType="Allow" roles="deep-2-not" permissions="Read" />']
    instance.reload()
    assert try_login(instance, pem).startswith("530-User cannot log in, home")


def test_passwords_beside_certificates(instance, domain):
    """No account: other methods apply.  An account that is disabled: they do not."""
    stranger, ivan = domain.pki.leaf("unmapped"), domain.upn("refused-0", "ivan@depot.test")
    partners(instance, domain, users={"anna": "secret"}, mappingStrength="disabled")
    assert try_login(instance, stranger, "anna", "secret").startswith("230")
    assert try_login(instance, ivan, "anna", "secret").startswith("530")


def test_accounts_are_recorded(instance, domain):
    """Without clientCertAuthentication the account is told, and the password decides (client-certificates.md 1)."""
    alice = domain.upn("alice-sid", "alice@depot.test", domain.first.sid("alice"))
    site = partners(instance, domain, users={"anna": "secret"})
    site.authentication = ""
    site.rules.append('<add accessType="Allow" users="anna" permissions="Read" />')
    instance.reload()
    for pem, verdict in ((alice, r'the certificate maps to an account, "DEPOT\\alice"'),
                         (domain.pki.leaf("unmapped"), "no account of the directory has this certificate")):
        assert log_in(instance, pem, "anna", "secret").startswith("230")
        assert log_in(instance, pem, "anna", "wrong").startswith("530")
        assert instance.wait(lambda: verdict in instance.output), instance.output


def test_controllers_fail(instance, domain):
    """L06: a dead controller, then a hanging one; whoever needs no directory does not notice."""
    domain.start_second()
    alice = domain.upn("alice-sid", "alice@depot.test", domain.first.sid("alice"))
    bob = domain.upn("bob-sid", "bob@depot.test", domain.first.sid("bob"))
    stranger = domain.pki.leaf("unmapped")
    partners(instance, domain, servers=f"ldaps://127.94.250.250 ldaps://{FIRST} ldaps://{SECOND}", users={"anna": "secret"},
             connectTimeout="00:00:10", searchTimeout="00:00:10", policy="CertAllow")
    assert try_login(instance, alice).startswith("230")
    os.kill(domain.first.process.pid, signal.SIGSTOP)
    try:
        answers = []
        waiting = [threading.Thread(target=lambda pem=pem: answers.append(log_in(instance, pem, "x", "y"))) for pem in (bob, stranger)]
        for thread in waiting:
            thread.start()
        with instance.client() as c:                                       # meanwhile, with a password
            c.auth_tls().login("anna", "secret")
        assert not answers
        for thread in waiting:
            thread.join(PATIENCE)
        assert sorted(answer[:3] for answer in answers) == ["230", "530"]  # the second controller answered
        os.kill(domain.second.process.pid, signal.SIGSTOP)
        carol = domain.upn("carol-upn", "carol@depot.test")
        assert log_in(instance, carol, "x", "y").startswith("530")
        assert last_status(instance)[1:] != ("35", 1317)
    finally:
        os.kill(domain.first.process.pid, signal.SIGCONT)
        with contextlib.suppress(OSError):
            os.kill(domain.second.process.pid, signal.SIGCONT)


def test_account_changes_under_a_session(instance, domain):
    """What the directory takes back ends sessions that live."""
    pem = domain.upn("frank-sid", "frank@depot.test", domain.first.sid("frank"))
    partners(instance, domain, rules='users="DEPOT\\frank" permissions="Read"', recheckInterval="00:00:01")
    with instance.client() as c:
        c.context.load_cert_chain(pem)
        c.auth_tls()
        c.cmd("USER whoever", "331")
        c.cmd("PASS ignored", "230")
        domain.first.modify("frank", "userAccountControl", 514)
        instance.cli("flush", "cache")
        assert instance.wait_line("is logged off site 1")
        assert c.closed()
    domain.first.modify("frank", "userAccountControl", 512)


def by_entries(instance, domain, *people, login="", mapping="false", **settings):
    """Entries of the site name accounts of the directory; the certificates are of the project's own and say nothing of it."""
    entries = "".join(f'<add name="{user}" userName="{user}"><rules><add certificateField="Subject" certificateSubField="CN" '
                      f'matchCriteria="{name}" /></rules></add>' for name, user in people)
    site = partners(instance, domain, rules='roles="ftp-all" permissions="Read"', login=login, **settings)
    site.elements = ('<iisClientCertificateMappingAuthentication enabled="true"><manyToOneMappings>' + entries +
                     "</manyToOneMappings></iisClientCertificateMappingAuthentication>")
    site.security = site.security.replace('useActiveDirectoryMapping="true"', f'useActiveDirectoryMapping="{mapping}"')
    instance.reload()
    return site


def test_entries_name_accounts_of_the_directory(instance, domain):
    """client-certificates.md 17: without useActiveDirectoryMapping, the account's state and groups count all the same."""
    pems = {name: domain.pki.leaf("entry-" + name) for name in ("one", "two", "three", "four", "five")}
    by_entries(instance, domain, ("entry-one", "DEPOT\\alice"), ("entry-two", "alice@depot.test"), ("entry-three", "DEPOT\\ivan"),
               ("entry-four", "DEPOT\\nobody-there"), ("entry-five", "ELSEWHERE\\alice"))
    assert try_login(instance, pems["one"]).startswith("230")
    assert instance.log_lines()[-1]["cs-username"] == "DEPOT\\alice"
    assert try_login(instance, pems["two"]).startswith("230")
    for name, win32 in (("three", 1331), ("four", None), ("five", None)):  # disabled; nobody; another domain
        assert try_login(instance, pems[name]).startswith("530")
        status = last_status(instance)
        assert status[:2] == ("530", "35") and win32 in (None, status[2]), (name, status)


def test_entries_and_passwords(instance, domain):
    """certificateAndPassword: the password must be that of the account that the entry names."""
    pem = domain.pki.leaf("entry-pass")
    by_entries(instance, domain, ("entry-pass", "DEPOT\\alice"), login='certificateAndPassword="true"')
    assert try_login(instance, pem, "alice", "wrong").startswith("530")
    assert try_login(instance, pem, "alice", "").startswith("530")
    assert try_login(instance, pem, "alice", "Pass-alice!").startswith("230")


def test_entries_under_a_session(instance, domain):
    """Neither a look at the account nor a restart of the authenticator disturbs the session; another entry ends it."""
    pem = domain.pki.leaf("entry-live")
    site = by_entries(instance, domain, ("entry-live", "DEPOT\\alice"), recheckInterval="00:00:01")
    with instance.client() as c:
        c.context.load_cert_chain(pem)
        c.auth_tls()
        c.cmd("USER whoever", "331")
        c.cmd("PASS ignored", "230")
        instance.cli("flush", "cache")
        auth = [pid for pid, name in instance.children().items() if name == "sallyport-auth"]
        os.kill(auth[0], signal.SIGKILL)
        assert instance.wait(lambda: auth[0] not in instance.children() and "sallyport-auth" in instance.children().values())

        def logs_in_again():                                   # as soon as the new one is ready
            with contextlib.suppress(OSError, EOFError, AssertionError):
                return log_in(instance, pem, "x", "y").startswith("230")
        assert instance.wait(logs_in_again), instance.output
        instance.cli("flush", "cache")
        c.cmd("NOOP", "200")
        domain.first.modify("alice", "userAccountControl", 514)
        try:
            instance.cli("flush", "cache")
            assert c.closed()
        finally:
            domain.first.modify("alice", "userAccountControl", 512)
    with instance.client() as c:
        c.context.load_cert_chain(pem)
        c.auth_tls()
        c.cmd("USER whoever", "331")
        c.cmd("PASS ignored", "230")
        site.elements = site.elements.replace("DEPOT\\alice", "DEPOT\\bob")
        instance.reload()
        assert c.closed()


def test_entries_follow_the_name(instance, domain):
    """A look at live logins asks whom the entry's name means now; `--at` judges the account at that time."""
    pem = domain.pki.leaf("entry-frank")
    site = by_entries(instance, domain, ("entry-frank", "DEPOT\\frank"), recheckInterval="00:00:01")
    site.rules = ['<add accessType="Allow" users="DEPOT\\frank" permissions="Read" />']
    instance.reload()
    domain.first.modify("frank", "accountExpires", 139481568000000000)           # 2043-01-01; the certificate lasts longer
    try:
        told = Rehearsal(instance, site, pem, "--at", "2043-06-01")
        assert told.code == ACCOUNT and told.logged[1] == "1793", told.text
        assert try_login(instance, pem).startswith("230")
        with instance.client() as c:
            c.context.load_cert_chain(pem)
            c.auth_tls()
            c.cmd("USER whoever", "331")
            c.cmd("PASS ignored", "230")
            domain.first.modify("frank", "sAMAccountName", "frank-was-here")
            instance.cli("flush", "cache")
            assert instance.wait_line("is logged off site 1: the account is not there any more")
            assert c.closed()
        told = Rehearsal(instance, site, pem)
        assert told.code == ACCOUNT and "no account of the directory has that name" in told.text, told.text
    finally:
        domain.first.modify("frank", "sAMAccountName", "frank")
        domain.first.modify("frank", "accountExpires", 0)


def test_another_time_leaves_no_answer_behind(instance, domain):
    """`certificate test --at` is no login: neither does it take what is cached, nor do logins get its answer."""
    pem = domain.upn("frank-sid", "frank@depot.test", domain.first.sid("frank"))
    domain.first.modify("frank", "accountExpires", 139481568000000000)           # 2043-01-01; the certificate lasts longer
    site = partners(instance, domain, rules='users="DEPOT\\frank" permissions="Read"')
    for round_ in range(2):
        told = Rehearsal(instance, site, pem, "--at", "2043-06-01")
        assert told.code == ACCOUNT and told.logged[1] == "1793", told.text
        assert try_login(instance, pem).startswith("230")
    domain.first.modify("frank", "accountExpires", 0)


def test_sample_by_command_line(instance, domain):
    """The page's sample typed line by line, for an account of the directory; then each switch of the mapping taken back."""
    alice = domain.upn("alice-sid", "alice@depot.test", domain.first.sid("alice"))
    site = instance.add_site("ftp.depot.example")
    site.rules = ['<add accessType="Allow" users="DEPOT\\alice" permissions="Read, Write" />']
    domain.pki.install(instance)
    store = instance.dir / "certificates/NTAuth"
    store.mkdir()
    (store / "issuing.pem").write_text(domain.pki.issuing[0].read_text())
    instance.sallyport_xml = (f'<directory servers="ldaps://{FIRST}" bindName="svc-ftp@depot.test" bindPassword="Pass-svc-ftp!" />')
    instance.start()
    run_lines(instance, CERTIFICATES_ALONE.replace("THUMBPRINT", instance.make_certificate()))
    assert instance.wait(lambda: Rehearsal(instance, site, alice).code == ALLOWED), instance.output
    assert log_in(instance, alice, "whoever", "ignored").startswith("230")
    lines = CERTIFICATES_ALONE.splitlines()
    for word in ("useActiveDirectoryMapping", "clientCertAuthentication"):
        line = next(line for line in lines if word in line)
        run_lines(instance, line.replace('"True"', '"False"'))
        assert instance.wait(lambda: Rehearsal(instance, site, alice).code == ACCOUNT), word
        assert log_in(instance, alice, "alice", "Pass-alice!").startswith("530"), word
        run_lines(instance, line)
        assert instance.wait(lambda: Rehearsal(instance, site, alice).code == ALLOWED), word
