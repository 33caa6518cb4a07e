"""Accounts of the system: whom anonymous clients are served as, and which PAM service asks (ftp-behaviour 3.1)."""
import os
import pathlib
import pwd
import subprocess

import pytest

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
