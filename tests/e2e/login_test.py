"""Who may log in and do what: the seven conditions of IIS Manager users, anonymous, rules, virtual hosts."""
import base64
import hashlib
import os
import pwd
import subprocess

import pytest


# The seven conditions of ftp-behaviour 4.1: take one away, and the login fails like any other.
CONDITIONS = [
    ("1 management service admits Windows credentials only", "sallyport.config", 'requiresWindowsCredentials="false"', 'requiresWindowsCredentials="true"', "530-User cannot log in."),
    ("2 user is disabled", "administration.config", '<add name="anna" password', '<add name="anna" enabled="false" password', "530-User cannot log in."),
    ("2 no such user", "administration.config", '<add name="anna" password', '<add name="hanna" password', "530-User cannot log in."),
    ("3 provider is not listed", "applicationHost.config", '<providers><add name="IisManagerAuth" enabled="true" /></providers>', "<providers />", "530-User cannot log in."),
    ("3 provider is not enabled", "applicationHost.config", '<add name="IisManagerAuth" enabled="true" />', '<add name="IisManagerAuth" enabled="false" />', "530-User cannot log in."),
    ("4 no IIS Manager permission", "administration.config", '<scope path="/Depot"><add name="anna" /></scope>', "", "530-User cannot log in."),
    ("5 no authorization rule", "applicationHost.config", 'users="anna"', 'users="bert"', "530-User cannot log in, home directory inaccessible."),
    ("6 home is missing", "applicationHost.config", r"%SystemDrive%\inetpub\Depot", r"%SystemDrive%\inetpub\Gone", "530-User cannot log in, home directory inaccessible."),
]


@pytest.mark.parametrize("label,file,old,new,want", CONDITIONS, ids=[row[0] for row in CONDITIONS])
def test_each_condition_counts(instance, label, file, old, new, want):
    instance.add_site("Depot", users={"anna": "secret"})
    write = instance.write

    def broken():
        write()
        text = (instance.dir / file).read_text()
        assert old in text, label
        instance.put(file, text.replace(old, new))
    instance.write = broken
    instance.start()
    with instance.client() as c:
        c.cmd("USER anna", "331 Password required")
        assert c.cmd("PASS secret").split("\n")[0] == want
        c.cmd("PWD", "530")


def stored_forms(password):
    utf8, utf16 = hashlib.sha256(password.encode()), hashlib.sha256(password.encode("utf-16le"))
    for digest in (utf8, utf16):
        yield digest.hexdigest().upper()
        yield digest.hexdigest()
        yield base64.b64encode(digest.digest()).decode()


@pytest.mark.parametrize("form", range(6))
def test_every_stored_form_of_the_hash(instance, form):
    instance.add_site("Depot", users={"anna": "HASH:" + list(stored_forms("Grüße1"))[form]})
    instance.start()
    with instance.client() as c:
        c.login("anna", "Grüße1")
    with instance.client() as c:
        c.login("anna", "Grüße2", want="530")
        c.login("ANNA", "Grüße1")                              # A10


def test_old_hashes_become_yescrypt(instance):
    instance.add_site("Depot", users={"anna": "secret"})
    instance.start()
    with instance.client() as c:
        c.login()
    assert instance.wait(lambda: "$y$" in (instance.dir / "administration.config").read_text())
    with instance.client() as c:
        c.login()
        c.login("anna", "wrong", want="530")


def test_empty_password_and_unknown_users(site):
    """A01, A09: the same answers for unknown and known names."""
    with site.client() as c:
        known = [c.cmd("USER anna"), c.cmd("PASS wrong")]
    with site.client() as c:
        unknown = [c.cmd("USER nobody-here"), c.cmd("PASS wrong")]
    assert known == unknown
    with site.client() as c:
        c.cmd("USER anna", "331")
        c.cmd("PASS ", "5")
        c.cmd("USER anna", "331")
        c.cmd("PASS", "5")


def test_failures_are_limited(site):
    """A03: five failures on one connection, then 421."""
    with site.client() as c:
        replies = []
        try:
            for _ in range(7):
                c.cmd("USER anna")
                replies.append(c.cmd("PASS wrong")[:3])
        except (EOFError, ConnectionResetError, BrokenPipeError, AssertionError):
            pass
        assert replies[:4] == ["530"] * 4 and "421" in (replies + ["421"])[4:6] and len(replies) <= 6
        assert c.closed()


def test_anonymous(instance):
    site = instance.add_site("Public")
    site.anonymous = True
    site.rules = ['<add accessType="Allow" users="?" permissions="Read" />']
    (site.path / "hello.txt").write_text("hello")
    instance.start()
    with instance.client() as c:
        assert c.cmd("USER anonymous") == "331 Anonymous access allowed, send identity (e-mail name) as password."
        assert c.cmd("PASS me@example.com") == "230 User logged in."
        assert c.get("hello.txt") == b"hello"
        assert c.cmd("MKD up").startswith("550-Access is denied.")
        assert c.data("STOR up.txt", upload=b"x", want_end=None)[0].startswith("550-Access is denied.")
    with instance.client() as c:
        c.cmd("USER ftp", "331 Anonymous")
    with instance.client() as c:
        c.login("anna", "x", want="530")


def test_anonymous_off(site):
    with site.client() as c:
        c.cmd("USER anonymous", "331")
        c.cmd("PASS me@example.com", "530")


def test_read_only_user(instance):
    site = instance.add_site("Depot", users={"anna": "secret"}, write=False)
    (site.path / "r.txt").write_text("r")
    instance.start()
    with instance.client() as c:
        c.login()
        assert c.get("r.txt") == b"r"
        for line in ("STOR w", "APPE r.txt", "STOU"):
            assert c.data(line, upload=b"x", want_end=None)[0].startswith("550-Access is denied."), line
        for line in ("DELE r.txt", "MKD d", "RMD d", "RNFR r.txt", "MFMT 20200101000000 r.txt"):
            assert c.cmd(line).startswith("550-Access is denied."), line


def test_a_name_does_not_make_an_account_of_a_domain(instance):
    """A07: DOMAIN\\name in an Allow is the account of that domain, however an IIS Manager user is called; a Deny means both."""
    site = instance.add_site("Depot", users={"DEPOT\\alice": "secret", "bob@depot.test": "secret"})
    instance.start()
    with instance.client() as c:
        c.cmd("USER depot\\Alice", "331")
        assert "home directory inaccessible" in c.cmd("PASS secret", "530")
    with instance.client() as c:
        c.login("bob@depot.test", "secret")      # no directory here: an address like any other
    site.rules = ['<add accessType="Allow" users="*" permissions="Read, Write" />',
                  '<add accessType="Deny" users="depot\\ALICE" permissions="Write" />']
    instance.reload()
    with instance.client() as c:
        c.login("DEPOT\\alice", "secret")
        c.data("NLST")
        c.data("STOR no.txt", upload=b"1", want_end=None)
        assert not (site.path / "no.txt").exists()


def test_rules_by_url_deny_and_order(instance):
    site = instance.add_site("Depot", users={"anna": "secret", "bert": "geheim"})
    for name in ("open", "closed", "closed/inner", "drop"):
        (site.path / name).mkdir()
        (site.path / name / "f").write_text("f")
    rule = '<location path="Depot/{}"><system.ftpServer><security><authorization>{}</authorization></security></system.ftpServer></location>\n'
    site.locations = [
        rule.format("closed", '<clear /><add accessType="Allow" users="bert" permissions="Read, Write" />'),
        rule.format("Closed/inner", '<add accessType="Deny" users="*" permissions="Write" />'),
        rule.format("drop", '<clear /><add accessType="Allow" users="*" permissions="Write" />'),
    ]
    instance.start()
    with instance.client() as anna, instance.client() as bert:
        anna.login()
        bert.login("bert", "geheim")
        assert anna.get("open/f") == b"f"
        assert anna.data("RETR closed/f", want_end=None)[0].startswith("550-Access is denied.")
        assert bert.get("closed/f") == b"f"
        assert bert.cmd("DELE closed/inner/f").startswith("550-Access is denied.")
        assert bert.get("closed/inner/f") == b"f"
        anna.put("drop/in", b"dropped")
        assert anna.data("RETR drop/in", want_end=None)[0].startswith("550-Access is denied.")
        anna.cmd("RNFR open/f", "350")
        assert anna.cmd("RNTO closed/g").startswith("550-Access is denied.")     # both ends (F05)


def test_rules_change_while_logged_in(instance):
    """A15: a rule taken away acts on the next command; a removed user is put out."""
    site = instance.add_site("Depot", users={"anna": "secret", "bert": "geheim"})
    instance.start()
    with instance.client() as anna, instance.client() as bert:
        anna.login()
        bert.login("bert", "geheim")
        anna.cmd("MKD one", "257")
        site.rules = [rule.replace("Read, Write", "Read") for rule in site.rules]
        del site.users["bert"]
        instance.reload()
        names = (f"two{n}" for n in range(10000))
        assert instance.wait(lambda: anna.cmd(f"MKD {next(names)}").startswith("550-Access is denied."))

        def bert_is_out():
            try:
                return bert.cmd("PWD").startswith(("421", "530"))
            except (EOFError, ConnectionResetError, BrokenPipeError):
                return True
        assert instance.wait(bert_is_out)


def test_virtual_hosts(instance):
    """ftp-behaviour 7: HOST, host|user, and what happens without a host."""
    one = instance.add_site("One", users={"anna": "secret"})
    two = instance.add_site("Two", users={"bert": "geheim"})
    two.port = one.port
    one.bindings, two.bindings = [f"127.0.0.1:{one.port}:one.test"], [f"127.0.0.1:{one.port}:two.test"]
    instance.start()
    with instance.client() as c:
        assert "Valid hostname is expected." in c.cmd("USER anna") + c.cmd("PASS secret")
    with instance.client() as c:
        c.cmd("HOST two.test", "220")
        c.login("bert", "geheim")
        c.put("in-two", b"2")
    with instance.client() as c:
        c.login("one.test|anna", "secret")
        c.put("in-one", b"1")
    with instance.client() as c:
        c.cmd("HOST three.test", "504")
        c.login("two.test|anna", "secret", want="530")
    assert os.listdir(one.path) == ["in-one"] and os.listdir(two.path) == ["in-two"]


@pytest.mark.skipif(os.getuid() != 0, reason="system accounts need root")
def test_system_account(instance):
    """Basic authentication through PAM; files belong to the account; NSS groups are roles (as root only)."""
    name = f"sp{os.getpid()}"
    secret = subprocess.run(["openssl", "passwd", "-6", "Sys-pass1"], check=True, capture_output=True, text=True).stdout.strip()
    subprocess.run(["useradd", "--system", "--user-group", "--uid", str(40000 + os.getpid() % 20000), "--no-create-home", "--password", secret, name], check=True)
    try:
        account = pwd.getpwnam(name)
        site = instance.add_site("Depot")
        site.basic = True
        site.rules = [f'<add accessType="Allow" roles="{name}" permissions="Read, Write" />']
        instance.sallyport_xml = '<systemAccounts pamService="login" />'
        instance.give_files = lambda: os.chown(site.path, account.pw_uid, account.pw_gid)
        instance.start()
        with instance.client() as c:
            c.login(name, "Sys-pass1")
            c.put("mine.txt", b"x")
            c.login(name, "wrong", want="530")
        status = (site.path / "mine.txt").stat()
        assert (status.st_uid, status.st_gid) == (account.pw_uid, account.pw_gid)
        with instance.client() as c:
            c.login("root", "root", want="530")
    finally:
        subprocess.run(["userdel", name], check=True)


def test_system_accounts_are_off_for_an_ordinary_user(instance):
    """Said clearly, and refused like any bad login."""
    if os.getuid() == 0:
        instance.user = 65534
    site = instance.add_site("Depot", users={"anna": "secret"})
    site.basic = True
    instance.start()
    assert "system accounts" in instance.output
    with instance.client() as c:
        c.login("root", "root", want="530")
        c.login()
