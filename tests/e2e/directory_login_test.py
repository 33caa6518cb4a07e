"""Accounts of an Active Directory that log in with their password, and what else a directory decides.

Basic authentication, certificate and password, userIsolation mode ActiveDirectory, fileAccessIdentity, fixed accounts of virtual
directories: against a real Samba domain controller, with the controller killed, hung and slow.
"""
import contextlib
import os
import pwd
import select
import signal
import socket
import subprocess
import threading
import time

import pytest

from directory_test import AD_BASE, FIRST, SECOND, Domain, last_status
from harness import PATIENCE

pytestmark = [pytest.mark.xdist_group("directory"), pytest.mark.skipif(os.getuid() != 0, reason="a domain controller needs root")]
ROOTS = '<ftpRoots><add path="C:\\homes" /></ftpRoots>'


@pytest.fixture(scope="module")
def domain():
    made = Domain()
    try:
        yield made
    finally:
        made.close()


def basic(instance, domain, servers=None, rules='users="*" permissions="Read, Write"', attributes="", inside="", users=None,
          login="", sallyport="", **kinds):
    """A site with Basic authentication and nothing else, and a directory behind it."""
    site = instance.add_site("Depot", tls="SslAllow", users=users)
    site.basic = True
    site.rules.append(f'<add accessType="Allow" {rules} />')
    site.settings = login
    site.authentication = kinds.get("authentication", "")
    site.security = kinds.get("security", "")
    site.extra = kinds.get("extra", "")
    domain.pki.install(instance)
    instance.sallyport_xml = (f'<directory servers="{servers or "ldaps://" + FIRST}" bindName="svc-ftp@depot.test" '
                              f'bindPassword="Pass-svc-ftp!" {attributes}>{inside}</directory>{sallyport}')
    instance.start()
    return site


def log_in(instance, user, password, pem=None):
    with instance.client() as c:
        if pem:
            c.context.load_cert_chain(pem)
        c.auth_tls()
        first = c.cmd(f"USER {user}")
        return first if first[0] != "3" else c.cmd(f"PASS {password}")


def password_of(name):
    return f"Pass-{name}!"


@contextlib.contextmanager
def stopped(*controllers):
    for controller in controllers:
        os.kill(controller.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for controller in controllers:
            os.kill(controller.process.pid, signal.SIGCONT)


# ---- names and passwords ----

NAMES = [("DEPOT\\alice", "alice"), ("depot\\ALICE", "alice"), ("depot.test\\alice", "alice"), ("alice@depot.test", "alice"),
         ("ALICE@DEPOT.TEST", "alice"), ("ruth@depot.test", "ruth"), ("ruth@DEPOT", "ruth"), ("bob", "bob")]
REFUSED = [  # typed name, password, Win32 status in the log
    ("DEPOT\\alice", "wrong", 1326), ("DEPOT\\nobody", "Pass-alice!", 1326), ("DEPOT\\ali*", "Pass-alice!", 1326),
    ("DEPOT\\x)(sAMAccountName=alice", "Pass-alice!", 1326), ("OTHER\\alice", "Pass-alice!", 1326), ("alice@other.test", "Pass-alice!", 1326),
    ("DEPOT\\ivan", "Pass-ivan!", 1331), ("DEPOT\\ivan", "wrong", 1326), ("DEPOT\\judy", "Pass-judy!", 1793),
    ("DEPOT\\kate", "Pass-kate!", 1909), ("DEPOT\\leo", "Pass-leo!", 1328), ("DEPOT\\nina", "Pass-nina!", 1907),
]


def test_names(instance, domain):
    """Every way to write an account is one identity (A10)."""
    site = basic(instance, domain, rules='users="DEPOT\\alice,DEPOT\\bob,DEPOT\\ruth" permissions="Read"')
    xml = site.xml()
    site.xml = lambda: xml.replace("<basicAuthentication ", '<basicAuthentication defaultLogonDomain="DEPOT" ')
    instance.reload()
    for typed, name in NAMES:
        assert log_in(instance, typed, password_of(name)).startswith("230"), typed
        line = [line for line in instance.log_lines() if line["cs-method"] == "PASS"][-1]
        assert (line["sc-status"], line["cs-username"]) == ("230", f"DEPOT\\{name}"), line


def test_refusals(instance, domain):
    """One first line for every refusal (A01), the reason in the log; empty passwords are not asked about (L02, A09)."""
    basic(instance, domain, attributes='protectFromLockout="false"')
    for typed, password, win32 in REFUSED:
        reply = log_in(instance, typed, password)
        assert reply.startswith("530") and reply.split("\n")[0] == "530-User cannot log in.", (typed, reply)
        assert last_status(instance) == ("530", "41", win32), typed
    assert log_in(instance, "DEPOT\\alice", "").startswith("530")
    domain.first.modify("alice", "lockoutTime", "0")


@pytest.mark.parametrize("name,role", [("bob", "ftp-users"), ("erin", "deep-1"), ("carol", "DEPOT\\ring-b"), ("alice", "ftp-all")])
def test_roles(instance, domain, name, role):
    """Nested groups, the primary group, a ring."""
    basic(instance, domain, rules=f'roles="{role}" permissions="Read"')
    assert log_in(instance, f"DEPOT\\{name}", password_of(name)).startswith("230")
    assert log_in(instance, "DEPOT\\frank", password_of("frank")).startswith("530-User cannot log in, home")


RULE = '<location path="Depot/{}"><system.ftpServer><security><authorization>{}</authorization></security></system.ftpServer></location>\n'
SPELLINGS = [("users", "DEPOT\\alice"), ("users", "depot.test\\Alice"), ("users", "alice@depot.test"), ("users", "alice@DEPOT"),
             ("users", "a.liddell@wonder.test"), ("roles", "ftp-users"), ("roles", "DEPOT\\ftp-users"), ("roles", "depot.test\\ftp-users"),
             ("roles", "ftp-users@depot.test")]
STRANGERS = [("users", "alice"), ("users", "OTHER\\alice"), ("users", ".\\alice"), ("users", "alice@other.test"), ("users", "DEPOT\\a.liddell"),
             ("roles", "OTHER\\ftp-users"), ("roles", "ftp-users@other.test"), ("roles", ".\\ftp-users")]


def test_rules_know_every_spelling(instance, domain):
    """A10: a rule means the same account and group whichever name of the domain it uses."""
    site = basic(instance, domain, rules='users="*" permissions="Read"')
    for kind, spellings in (("known", SPELLINGS), ("strange", STRANGERS)):
        for i, (attribute, spelled) in enumerate(spellings):
            site.locations.append(RULE.format(f"{kind}-deny{i}", f'<add accessType="Deny" {attribute}="{spelled}" permissions="Read" />'))
            site.locations.append(RULE.format(f"{kind}-allow{i}", f'<clear /><add accessType="Allow" {attribute}="{spelled}" permissions="Read" />'))
            for what in ("deny", "allow"):
                (site.path / f"{kind}-{what}{i}").mkdir()
    domain.first.modify("alice", "userPrincipalName", "a.liddell@wonder.test")
    try:
        instance.reload()
        for typed in ("DEPOT\\alice", "alice@depot.test", "a.liddell@wonder.test"):
            with instance.client() as c:
                c.auth_tls().login(typed, password_of("alice"))
                for kind, spellings, want in (("known", SPELLINGS, ["550", "250"]), ("strange", STRANGERS, ["250", "550"])):
                    for i, spelled in enumerate(spellings):
                        got = [c.cmd(f"CWD /{kind}-{what}{i}")[:3] for what in ("deny", "allow")]
                        assert got == want, (typed, spelled)
    finally:
        domain.first.modify("alice", "userPrincipalName", "alice@depot.test")


def test_new_rules_count_for_cached_logins(instance, domain):
    """A11: the credential cache knows the groups that the rules of its time named."""
    site = basic(instance, domain, rules='users="*" permissions="Read"')
    assert log_in(instance, "DEPOT\\alice", password_of("alice")).startswith("230")
    site.rules.append('<add accessType="Deny" roles="DEPOT\\ftp-users" permissions="Read" />')
    instance.reload()
    assert log_in(instance, "DEPOT\\alice", password_of("alice")).startswith("530-User cannot log in, home")


def test_an_allow_means_the_account_of_the_domain(instance, domain):
    """A07: an IIS Manager user who is called like an account of the domain is another one."""
    names = ["DEPOT\\alice", "alice@depot.test"]
    basic(instance, domain, rules='users="DEPOT\\bob" permissions="Read"', users={name: "own" for name in names})
    for name in names:
        assert log_in(instance, name, "own").startswith("530-User cannot log in, home"), name
        assert log_in(instance, name, password_of("alice")).startswith("230"), name


def test_bind_password_in_a_file(instance, domain):
    secrets = instance.dir / "secrets"
    secrets.mkdir()
    secret = secrets / "directory"
    secret.touch(0o600)
    secret.write_text("Pass-svc-ftp!\n")
    site = instance.add_site("Depot", tls="SslAllow")
    site.basic = True
    site.rules = ['<add accessType="Allow" users="*" permissions="Read" />']
    domain.pki.install(instance)
    instance.sallyport_xml = f'<directory servers="ldap://{FIRST}" bindName="svc-ftp@depot.test" bindPasswordFile="directory" />'
    instance.start()
    assert log_in(instance, "DEPOT\\alice", password_of("alice")).startswith("230")  # by StartTLS, by the way
    secret.chmod(0o640)
    check = instance.check()
    assert check.returncode != 0 and "holds a secret" in check.stdout + check.stderr and "bindPasswordFile" in check.stdout + check.stderr


def test_nobody_is_locked_out(instance, domain):
    """A05: whoever guesses here does not lock the account elsewhere; the domain locks after five."""
    basic(instance, domain)
    domain.first.modify("heidi", "lockoutTime", "0")
    for attempt in range(9):
        with instance.client() as c:
            c.auth_tls()
            c.cmd("USER DEPOT\\heidi", "331")
            c.cmd(f"PASS wrong{attempt}", "530")
    assert last_status(instance) == ("530", "41", 1909)
    assert log_in(instance, "DEPOT\\heidi", password_of("heidi")).startswith("530")  # not tried while one attempt is left
    who = subprocess.run(["ldapsearch", "-x", "-H", f"ldaps://{FIRST}", "-D", "heidi@depot.test", "-w", password_of("heidi"), "-s", "base", "-b", AD_BASE],
                         env={**os.environ, "LDAPTLS_CACERT": str(domain.first.folder / "tls-ca.pem")}, capture_output=True, text=True)
    assert who.returncode == 0, who.stderr
    assert log_in(instance, "DEPOT\\heidi", password_of("heidi")).startswith("230")


# ---- controllers that fail ----

def test_killed_and_hung(instance, domain):
    """L06: a controller is killed, another hangs; whoever needs no directory does not notice."""
    domain.start_second()
    basic(instance, domain, servers=f"ldaps://{FIRST} ldaps://{SECOND}", users={"anna": "secret"},
          attributes='connectTimeout="00:00:10" searchTimeout="00:00:10" retryInterval="00:00:02"')
    assert log_in(instance, "DEPOT\\alice", password_of("alice")).startswith("230")
    os.killpg(domain.first.process.pid, signal.SIGKILL)
    try:
        domain.first.process.wait()
        assert log_in(instance, "DEPOT\\bob", password_of("bob")).startswith("230")         # the second
        with stopped(domain.second):
            answers = []
            waiting = [threading.Thread(target=lambda n=name: answers.append(log_in(instance, f"DEPOT\\{n}", password_of(n))))
                       for name in ("carol", "dave", "erin", "frank", "grace", "ruth")]
            for thread in waiting:
                thread.start()
            with instance.client() as c:
                c.auth_tls().login("anna", "secret")
            assert log_in(instance, "DEPOT\\alice", password_of("alice")).startswith("230")  # from the credential cache
            assert not answers                                                               # they still wait
            for thread in waiting:
                thread.join(PATIENCE)
            assert [answer[:3] for answer in answers] == ["530"] * len(waiting)
            assert last_status(instance)[1:] == ("41", 1311) or last_status(instance)[0] == "230"
            instance.cli("flush", "cache")
            assert log_in(instance, "DEPOT\\alice", password_of("alice")).startswith("530")
            assert last_status(instance) == ("530", "41", 1311)
        deadline = time.monotonic() + PATIENCE
        while not log_in(instance, "DEPOT\\alice", password_of("alice")).startswith("230"):
            assert time.monotonic() < deadline, "the directory was not asked again"
    finally:
        domain.first.start()                                                               # for the tests that follow


class Slow:
    """What arrives at `address` goes on to the controller, every piece a while later, and nothing before `opened` is set."""

    def __init__(self, address, target, delay):
        self.delay, self.target, self.sockets, self.opened = delay, target, [], threading.Event()
        self.listener = socket.create_server((address, 636))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection((self.target, 636))
                self.sockets += [client, server]
                threading.Thread(target=self.pump, args=(client, server), daemon=True).start()

    def pump(self, client, server):
        other = {client: server, server: client}
        with contextlib.suppress(OSError):
            while True:
                for sock in select.select([client, server], [], [])[0]:
                    data = sock.recv(65536)
                    self.opened.wait()
                    time.sleep(self.delay)
                    if not data:
                        client.close()
                        server.close()
                        return
                    other[sock].sendall(data)

    def close(self):
        self.opened.set()
        for sock in [self.listener, *self.sockets]:
            sock.close()


def test_slow(instance, domain):
    """A directory that takes its time: its accounts wait, nobody else."""
    if domain.second.process and domain.second.process.poll() is None:
        domain.second.stop()
    slow = Slow(SECOND, FIRST, 0.15)
    try:
        basic(instance, domain, servers=f"ldaps://{SECOND}", users={"anna": "secret"},
              attributes='connectTimeout="00:01:00" searchTimeout="00:01:00"')
        answers = []
        waiting = [threading.Thread(target=lambda n=name: answers.append(log_in(instance, f"DEPOT\\{n}", password_of(n))))
                   for name in ("alice", "bob", "carol")]
        for thread in waiting:
            thread.start()
        for _ in range(5):
            with instance.client() as c:
                c.auth_tls().login("anna", "secret")
        assert not answers
        slow.opened.set()
        for thread in waiting:
            thread.join(PATIENCE)
        assert [answer[:3] for answer in answers] == ["230"] * 3
    finally:
        slow.close()


def test_account_changes_under_a_session(instance, domain):
    """A15: an account that is disabled ends its session, also when a password logged it in."""
    basic(instance, domain, attributes='recheckInterval="00:00:01"')
    with instance.client() as c:
        c.auth_tls()
        c.login("DEPOT\\frank", password_of("frank"))
        domain.first.modify("frank", "userAccountControl", 514)
        try:
            assert instance.wait_line("is logged off site 1"), instance.output
            assert c.closed()
        finally:
            domain.first.modify("frank", "userAccountControl", 512)


# ---- certificate and password ----

def by_both(instance, domain, **more):
    """A site that wants a certificate of an account of the directory, and its password."""
    security = ('<sslClientCertificates clientCertificatePolicy="CertRequire" validationFlags="NoRevocationCheck" '
                'useActiveDirectoryMapping="true" />')
    store = instance.dir / "certificates/NTAuth"
    store.mkdir(parents=True)
    (store / "issuing.pem").write_text(domain.pki.issuing[0].read_text())
    (store / "issuing.pem").chmod(0o644)
    basic(instance, domain, security=security, authentication='<clientCertAuthentication enabled="true" />',
          login='certificateAndPassword="true"', **more)


def test_certificate_and_password(instance, domain):
    alice = domain.upn("alice-sid", "alice@depot.test", domain.first.sid("alice"))
    stranger = domain.pki.leaf("unmapped")
    by_both(instance, domain)
    assert log_in(instance, "whoever", password_of("alice"), alice).startswith("230")
    for user, password, pem, win32 in (("alice", "wrong", alice, 1326), ("DEPOT\\bob", password_of("bob"), alice, 1326),
                                       ("alice", "", alice, 1326), ("DEPOT\\alice", password_of("alice"), stranger, 1317)):
        assert log_in(instance, user, password, pem).startswith("530"), (user, password)
        assert last_status(instance) == ("530", "35", win32), (user, password)
    assert log_in(instance, "DEPOT\\alice", password_of("alice")).startswith("534")       # the certificate is required


def test_password_of_a_closed_account(instance, domain):
    """A04: a failure is that of the account that the certificate names, whatever USER says."""
    bob, alice = (domain.upn(f"{name}-closed", f"{name}@depot.test", domain.first.sid(name)) for name in ("bob", "alice"))
    by_both(instance, domain, sallyport='<safety maxLoginFailuresPerAccount="2" />')
    for user, password, want in (("one", "Pass-bob!", "230"), ("two", "wrong", "530"), ("three", "wrong", "530"),
                                 ("four", "Pass-bob!", "530"), ("DEPOT\\bob", "Pass-bob!", "530")):
        assert log_in(instance, user, password, bob).startswith(want), user
        assert want == "230" or last_status(instance) == ("530", "35", 1326), user
    assert log_in(instance, "two", "Pass-alice!", alice).startswith("230")


# ---- homes that the directory names ----

def isolated(instance, domain, mode='mode="ActiveDirectory"', active="", **more):
    homes = instance.drive / "homes"
    homes.mkdir()
    for name in ("alice", "bob"):
        (homes / name).mkdir()
        (homes / name / f"{name}.txt").write_text(name)
    subprocess.run(["chown", "-R", "sallyport:sallyport" if "sallyport" in [p.pw_name for p in pwd.getpwall()] else "nobody", homes], check=True)
    site = basic(instance, domain, inside=ROOTS, extra=f'<userIsolation {mode}>{active}</userIsolation>', **more)
    return site, homes


def home(domain, name, root, folder):
    for attribute, value in (("msIIS-FTPRoot", root), ("msIIS-FTPDir", folder)):
        if value is None:
            with contextlib.suppress(subprocess.CalledProcessError):
                domain.first.modify(name, attribute)
        else:
            domain.first.modify(name, attribute, value)


def test_isolation_by_directory(instance, domain):
    """L09, F06: homes below configured roots only; everybody else is refused as KB 2649659 shows."""
    home(domain, "alice", "c:\\HOMES", "alice")
    home(domain, "bob", "C:\\homes", "..\\..\\etc")
    home(domain, "carol", "/etc", "ssh")
    home(domain, "dave", "C:\\homes", "nowhere")
    home(domain, "erin", None, None)
    site, homes = isolated(instance, domain, users={"anna": "secret"}, attributes='')
    with instance.client() as c:
        c.auth_tls()
        c.login("DEPOT\\alice", password_of("alice"))
        c.protect()
        assert c.data("NLST", tls=True)[1] == b"alice.txt\r\n"
        c.cmd("CWD ..", "250")
        assert c.data("NLST", tls=True)[1] == b"alice.txt\r\n"
        c.put("new.txt", b"hers", tls=True)
        c.cmd("CWD /../bob", "550")
    assert (homes / "alice/new.txt").read_bytes() == b"hers"
    for name in ("bob", "carol", "dave", "erin"):
        reply = log_in(instance, f"DEPOT\\{name}", password_of(name))
        assert reply.startswith("530-User cannot log in.\n") and "Home directory lookup failed" in reply, reply
        assert last_status(instance) == ("530", "33", 5), name
    assert "ActiveDirectory Isolation must be combined" in log_in(instance, "anna", "secret")
    assert last_status(instance) == ("530", "40", 5)
    home(domain, "erin", "C:\\homes", "bob")                                              # read anew: it had no answer to keep long
    instance.cli("flush", "cache")
    assert log_in(instance, "DEPOT\\erin", password_of("erin")).startswith("230")
    home(domain, "erin", None, None)


def test_isolation_account_and_cache(instance, domain):
    """adUserName reads the homes, adCacheRefresh keeps them; a wrong adPassword lets nobody in."""
    home(domain, "alice", "C:\\homes", "alice")
    active = '<activeDirectory adUserName="grace@depot.test" adPassword="{}" adCacheRefresh="{}" />'
    site, homes = isolated(instance, domain, active=active.format(password_of("grace"), "00:10:00"))
    assert log_in(instance, "DEPOT\\alice", password_of("alice")).startswith("230")
    home(domain, "alice", "C:\\homes", "nowhere")
    assert log_in(instance, "DEPOT\\alice", password_of("alice")).startswith("230")        # within adCacheRefresh
    instance.cli("flush", "cache")
    assert log_in(instance, "DEPOT\\alice", password_of("alice")).startswith("530")
    site.extra = site.extra.replace(password_of("grace"), "wrong")
    instance.reload()
    assert log_in(instance, "DEPOT\\alice", password_of("alice")).startswith("530")
    assert last_status(instance) == ("530", "33", 1311)
    home(domain, "alice", None, None)


def test_isolation_by_certificate(instance, domain):
    home(domain, "alice", "C:\\homes", "alice")
    alice = domain.upn("alice-sid", "alice@depot.test", domain.first.sid("alice"))
    security = ('<sslClientCertificates clientCertificatePolicy="CertAllow" validationFlags="NoRevocationCheck" '
                'useActiveDirectoryMapping="true" />')
    store = instance.dir / "certificates/NTAuth"
    store.mkdir(parents=True)
    (store / "issuing.pem").write_text(domain.pki.issuing[0].read_text())
    (store / "issuing.pem").chmod(0o644)
    site, homes = isolated(instance, domain, security=security, authentication='<clientCertAuthentication enabled="true" />')
    assert log_in(instance, "whoever", "ignored", alice).startswith("230")
    site.settings = 'strictIis="true"'
    instance.reload()
    assert log_in(instance, "whoever", "ignored", alice).startswith("530")
    assert last_status(instance) == ("530", "40", 5)
    assert log_in(instance, "DEPOT\\alice", password_of("alice")).startswith("230")
    home(domain, "alice", None, None)


def test_isolation_needs_a_directory_and_roots(instance):
    """What the mode lacks is said at the start, and the site stays down; Custom has nobody to ask."""
    site = instance.add_site("Depot", tls="SslAllow")
    other = instance.add_site("Other", tls="SslAllow", users={"anna": "secret"})
    site.basic = True
    site.extra = '<userIsolation mode="ActiveDirectory" />'
    instance.start()
    assert "takes the homes from a directory, and none is configured" in instance.output
    site.extra = '<userIsolation mode="Custom" />'
    instance.reload()
    assert instance.wait_line("home directory provider, and this version runs none")
    with instance.client(other) as c:
        c.auth_tls().login("anna", "secret")
    with pytest.raises(OSError):
        instance.client(site)


# ---- whose files ----

def folders(site, *owned):
    for name, uid, gid, mode in owned:
        folder = site.path / name
        folder.mkdir(exist_ok=True)
        os.chown(folder, uid, gid)
        folder.chmod(mode)


def test_rfc2307(instance, domain):
    """Files belong to uidNumber and gidNumber, groups count, mode bits refuse; no number, no login."""
    domain.first.modify("alice", "uidNumber", 54001)
    domain.first.modify("alice", "gidNumber", 54500)
    domain.first.modify("carol", "uidNumber", 999)
    domain.first.modify("carol", "gidNumber", 54500)
    domain.first.ldap("ldapmodify", text=f"dn: CN=ftp-users,OU=Groups,{AD_BASE}\nchangetype: modify\nreplace: gidNumber\ngidNumber: 54600\n")
    site = basic(instance, domain, login='fileAccessIdentity="rfc2307"')
    os.chmod(instance.dir, 0o755)
    folders(site, ("hers", 54001, 54500, 0o700), ("team", 0, 54600, 0o770), ("closed", 0, 0, 0o700))
    with instance.client() as c:
        c.auth_tls()
        c.login("DEPOT\\alice", password_of("alice"))
        c.protect()
        c.put("hers/a.txt", b"x", tls=True)
        c.put("team/a.txt", b"x", tls=True)
        assert c.data("STOR closed/a.txt", upload=b"x", tls=True, want_end=None)[0].startswith("550")
        assert c.data("LIST closed", tls=True, want_end=None)[2].startswith("550")
    status = (site.path / "hers/a.txt").stat()
    assert (status.st_uid, status.st_gid) == (54001, 54500)
    assert (site.path / "team/a.txt").stat().st_uid == 54001
    assert log_in(instance, "DEPOT\\bob", password_of("bob")).startswith("530")
    assert last_status(instance) == ("530", "35", 1332)
    assert log_in(instance, "DEPOT\\carol", password_of("carol")).startswith("530")       # below minimumUid (F08)


def test_map(instance, domain):
    site = basic(instance, domain, login='fileAccessIdentity="map"', users={"anna": "secret"},
                 sallyport='<identities><add user="DEPOT\\bob" uid="54002" gid="54502" groups="54602, 54603" />'
                           '<add user="anna" uid="54003" gid="54503" /></identities>')
    folders(site, ("bob", 0, 54603, 0o770), ("anna", 54003, 0, 0o700))
    for user, password, folder, uid in (("bob@depot.test", password_of("bob"), "bob", 54002), ("anna", "secret", "anna", 54003)):
        with instance.client() as c:
            c.auth_tls()
            c.login(user, password)
            c.protect()
            c.put(f"{folder}/a.txt", b"x", tls=True)
        assert (site.path / folder / "a.txt").stat().st_uid == uid
    assert log_in(instance, "DEPOT\\alice", password_of("alice")).startswith("530")
    assert last_status(instance) == ("530", "35", 1332)


@contextlib.contextmanager
def account(name, uid, password=None):
    secret = subprocess.run(["openssl", "passwd", "-6", password or "-"], capture_output=True, text=True).stdout.strip() if password else "!"
    subprocess.run(["useradd", "--badname", "--system", "--no-user-group", "--gid", "nogroup", "--uid", str(uid), "--no-create-home",
                    "--password", secret, name], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["userdel", "--force", name], check=True, capture_output=True)


def test_nss(instance, domain):
    """What sssd or winbind would answer stands in the system's own files here, in the second of the two spellings."""
    site = basic(instance, domain, login='fileAccessIdentity="nss"')
    with account("dave@DEPOT", 54004):
        folders(site, ("dave", 54004, 0, 0o700))
        with instance.client() as c:
            c.auth_tls()
            c.login("DEPOT\\dave", password_of("dave"))
            c.protect()
            c.put("dave/a.txt", b"x", tls=True)
        assert (site.path / "dave/a.txt").stat().st_uid == 54004
        assert log_in(instance, "DEPOT\\alice", password_of("alice")).startswith("530")
        assert last_status(instance) == ("530", "35", 1332)


def test_fixed_accounts(instance, domain):
    """Virtual directories with userName: an account of this machine, one of the directory, and one with a wrong password."""
    name = f"sp-fixed-{os.getpid()}"
    places = {"local": 54005, "domain": 54006, "wrong": 54005}
    for place, uid in places.items():
        folder = instance.drive / place
        folder.mkdir()
        os.chown(folder, uid, 0)
        folder.chmod(0o700)
    with account(name, 54005, "local-secret"):
        site = instance.add_site("Depot", tls="SslAllow", users={"anna": "secret"})
        site.settings = 'fileAccessIdentity="map"'
        site.virtual_directories = (
            f'<virtualDirectory path="/local" physicalPath="C:\\local" userName="{name}" password="local-secret" />'
            '<virtualDirectory path="/domain" physicalPath="C:\\domain" userName="DEPOT\\grace" password="Pass-grace!" logonMethod="Network" />'
            f'<virtualDirectory path="/wrong" physicalPath="C:\\wrong" userName="{name}" password="other" />')
        domain.pki.install(instance)
        instance.sallyport_xml = (
            f'<systemAccounts pamService="login" /><directory servers="ldaps://{FIRST}" bindName="svc-ftp@depot.test" '
            'bindPassword="Pass-svc-ftp!" /><identities><add user="DEPOT\\grace" uid="54006" gid="54506" /></identities>')
        instance.start()
        with instance.client() as c:
            c.auth_tls()
            c.login("anna", "secret")
            c.protect()
            for place in ("local", "domain"):
                c.put(f"{place}/a.txt", b"x", tls=True)
                assert (instance.drive / place / "a.txt").stat().st_uid == places[place], place
            assert c.data("STOR wrong/a.txt", upload=b"x", tls=True, want_end=None)[0].startswith("550")
            c.put("own.txt", b"x", tls=True)
            assert instance.wait_line("virtual directory /wrong of site 1 is closed"), instance.output
            subprocess.run(["chpasswd"], input=f"{name}:other\n", text=True, check=True)   # now it is the right one
            instance.cli("flush", "cache")
            deadline = time.monotonic() + PATIENCE
            while not c.data("STOR wrong/a.txt", upload=b"x", tls=True, want_end=None)[2].startswith("226"):
                assert time.monotonic() < deadline
            assert (instance.drive / "wrong/a.txt").stat().st_uid == places["wrong"]
            while not c.data("LIST local", tls=True, want_end=None)[2].startswith("550"):   # and for that one the wrong one
                assert time.monotonic() < deadline
        assert (site.path / "own.txt").stat().st_uid not in places.values()
