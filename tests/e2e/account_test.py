"""Accounts of the system: whom anonymous clients are served as, and which PAM service asks (ftp-behaviour 3.1)."""
import os
import pathlib
import pwd
import socket
import subprocess
from xml.sax.saxutils import quoteattr

import pytest

from harness import BUILD, PATIENCE

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="system accounts need root")


@pytest.fixture
def account():
    """A system account with password Sys-pass1."""
    name = f"sa{os.getpid()}"
    secret = subprocess.run(["openssl", "passwd", "-6", "Sys-pass1"], check=True, capture_output=True, text=True).stdout.strip()
    subprocess.run(["useradd", "--system", "--user-group", "--uid", str(20000 + os.getpid() % 20000), "--no-create-home",
                    "--password", secret, name], check=True)
    yield pwd.getpwnam(name)
    subprocess.run(["userdel", name], check=True)


def anonymous_site(instance, name, attributes, owner):
    site = instance.add_site(name)
    site.anonymous, site.anonymous_more = True, attributes
    site.rules = ['<add accessType="Allow" users="?" permissions="Read, Write" />']
    site.owner = owner
    return site


def test_anonymous_clients_are_served_as_the_configured_account(instance, account):
    served = anonymous_site(instance, "Served", f'userName="{account.pw_name}"', account.pw_uid)
    default = anonymous_site(instance, "Default", "", None)
    unknown = anonymous_site(instance, "Unknown", 'userName="no-such-account"', None)
    elsewhere = anonymous_site(instance, "Elsewhere", f'userName="{account.pw_name}" defaultLogonDomain="CORP"', None)
    low = anonymous_site(instance, "Low", 'userName="daemon"', None)
    instance.sallyport_xml = '<systemAccounts pamService="login" />'
    give = instance.give_files

    def give_files():
        give()
        os.chown(served.path, account.pw_uid, account.pw_gid)
        served.path.chmod(0o700)
    instance.give_files = give_files
    instance.start()
    with instance.client(served) as c, instance.client(default) as d:
        c.login("anonymous", "me@here")
        c.put("mine", b"x")
        d.login("anonymous", "me@here")
        d.put("service", b"x")
    status = (served.path / "mine").stat()
    assert (status.st_uid, status.st_gid) == (account.pw_uid, account.pw_gid)
    assert (default.path / "service").stat().st_uid == default.path.stat().st_uid != account.pw_uid
    for site in (unknown, elsewhere, low):
        with instance.client(site) as c:
            c.login("anonymous", "me@here", want="530")
    line, = [line for line in instance.log_lines(served) if line["cs-method"] == "PASS"]
    assert line["cs-username"] == "-" and line["cs-uri-stem"] == "me@here"


def test_without_root_nobody_else_is_taken_instead(instance):
    instance.user = 65534
    site = anonymous_site(instance, "Served", 'userName="bin"', None)
    instance.start()
    assert "which only a service started by root can become" in instance.output
    with instance.client(site) as c:
        c.login("anonymous", "me@here", want="530")


def test_logon_method_chooses_the_pam_service(instance, account):
    """Interactive, Batch, Network have services of their own where configured; ClearText is pamService."""
    deny = pathlib.Path("/etc/pam.d", f"{account.pw_name}-deny")
    deny.write_text("auth required pam_deny.so\naccount required pam_deny.so\n")
    try:
        sites = {}
        for method in ("ClearText", "Interactive", "Batch", "Network"):
            sites[method] = site = instance.add_site(method)
            site.basic, site.basic_more = True, f'logonMethod="{method}"'
            site.rules = [f'<add accessType="Allow" users="{account.pw_name}" permissions="Read" />']
            site.path.chmod(0o755)
        instance.sallyport_xml = f'<systemAccounts pamService="login" networkService="{deny.name}" />'
        instance.start()
        for method, site in sites.items():
            with instance.client(site) as c:
                c.login(account.pw_name, "Sys-pass1", want="530" if method == "Network" else "230")
        assert "not enforced yet" not in instance.output
    finally:
        deny.unlink()


RULE = '<location path="Depot/{}"><system.ftpServer><security><authorization>{}</authorization></security></system.ftpServer></location>\n'
# IIS Manager user and system account may have one name; {m} is the machine, {u} the name of the account and of its group
SPELLINGS = [
    ("users", "{u}", True), ("users", ".\\{u}", False), ("users", "{m}\\{u}", False), ("users", "{u}@{m}", False),
    ("users", "NT AUTHORITY\\{u}", False), ("roles", "{u}", False), ("roles", ".\\{u}", False), ("roles", "{m}\\{u}", False),
    ("roles", "{u}@{m}", False), ("roles", "NT AUTHORITY\\{u}", False),
]


def test_rules_name_accounts_of_this_machine(instance, account):
    """MACHINE\\name, .\\name and NT AUTHORITY are the local account (coming-from-iis) in a Deny and an Allow, and nobody else."""
    name, machine = account.pw_name, socket.gethostname().split(".")[0]
    site = instance.add_site("Depot", users={name: "secret"})
    site.basic = True
    site.rules = ['<add accessType="Allow" users="*" permissions="Read" />']
    instance.sallyport_xml = '<systemAccounts pamService="login" />'
    site.path.chmod(0o755)
    for i, (attribute, spelled, _) in enumerate(SPELLINGS):
        spelled = quoteattr(spelled.format(u=name, m=machine))
        site.locations.append(RULE.format(f"deny{i}", f'<add accessType="Deny" {attribute}={spelled} permissions="Read" />'))
        site.locations.append(RULE.format(f"allow{i}", f'<clear /><add accessType="Allow" {attribute}={spelled} permissions="Read" />'))
        for kind in ("deny", "allow"):
            (site.path / f"{kind}{i}").mkdir(mode=0o755)
    instance.start()
    with instance.client() as system, instance.client() as manager:
        system.login(name, "Sys-pass1")
        manager.login(name, "secret")
        for i, (attribute, spelled, means_manager) in enumerate(SPELLINGS):
            got = [c.cmd(f"CWD /{kind}{i}")[:3] for c in (system, manager) for kind in ("deny", "allow")]
            want = ["550", "250"] + (["550", "250"] if means_manager else ["250", "550"])
            assert got == want, (attribute, spelled)
    site.users = {}
    instance.write()
    for i in range(len(SPELLINGS)):
        ran = subprocess.run([BUILD / "sallyport", "--config", instance.dir, "explain", "--site", "Depot", "--user", name, "--verb",
                              "CWD", "--path", f"/deny{i}"], text=True, capture_output=True, timeout=PATIENCE)
        assert ran.returncode == 5 and "Deny Read for" in ran.stdout, ran.stdout
