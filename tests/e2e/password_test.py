"""Passwords in configuration files (X04): tools store them encrypted with the key of the instance, and what needs them opens them."""
import os
import re
import shutil
import stat
import subprocess

import pytest

from account_test import account  # noqa: F401: a fixture
from harness import BUILD, PATIENCE

SECRET = "Sys-pass1"
STORED = re.compile(r"\[enc:SallyportAesProvider:[A-Za-z0-9+/]+=*:enc\]")
RESULT_SET = """<?xml version="1.0" encoding="UTF-8"?>
<appcmd><SITE SITE.NAME="Other" SITE.ID="9"><site name="Other" id="9"><application path="/"><virtualDirectory path="/"
 physicalPath="C:\\other" userName="u" password="Sys-pass1" /></application>
<bindings><binding protocol="ftp" bindingInformation="*:2190:" /></bindings></site></SITE></appcmd>
"""
DATA = ("set", "config", "-section:system.ftpServer/providerDefinitions")
WRITERS = {
    "set": [("set", "vdir", "Depot/", "/userName:u", f"/password:{SECRET}")],
    "set below ftpServer": [("set", "site", "Depot", f"/ftpServer.userIsolation.activeDirectory.adPassword:{SECRET}")],
    "defaults": [("set", "config", "-section:sites", f"/virtualDirectoryDefaults.password:{SECRET}")],
    "an item": [(*DATA, "/+activation.[name='P']"), (*DATA, f"/+activation.[name='P'].[key='k',encryptedValue='{SECRET}']")],
    "a new directory": [("add", "vdir", "/app.name:Depot/", "/path:/new", "/physicalPath:C:\\new", "/userName:u", f"/password:{SECRET}")],
}


@pytest.fixture
def written(instance):
    instance.add_site("Depot", users={"anna": "secret"})
    instance.write()
    return instance


def configuration(instance):
    return (instance.dir / "applicationHost.config").read_text()


def key_file(instance):
    return instance.dir / "secrets" / "configuration-key"


@pytest.mark.parametrize("how", WRITERS)
def test_tools_encrypt(written, how):
    for words in WRITERS[how]:
        written.cli(*words)
    assert SECRET not in configuration(written) and len(STORED.findall(configuration(written))) == 1
    assert stat.S_IMODE(key_file(written).stat().st_mode) == 0o600
    assert stat.S_IMODE(key_file(written).parent.stat().st_mode) == 0o700
    assert os.listdir(key_file(written).parent) == ["configuration-key"]
    assert written.check().returncode == 0, written.check().stdout


def test_the_account_that_asks_the_directory(written):
    written.cli("set", "config", "-section:sallyport/directory", f"/bindPassword:{SECRET}")
    text = (written.dir / "sallyport.config").read_text()
    assert SECRET not in text and len(STORED.findall(text)) == 1


def test_without_its_key_the_directory_alone_is_closed(instance):
    """The service starts, what needs no directory is served, and changes are accepted, until the key is back."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    site.basic = True
    instance.write()
    instance.cli("set", "config", "-section:sallyport/directory", "/servers:ldaps://127.0.0.1:1", "/bindName:b", "/domain:EXAMPLE",
                 f"/bindPassword:{SECRET}")
    key_file(instance).rename(instance.dir / "away")
    instance.give_files()
    instance.launch()
    assert instance.wait_line("sallyportd: ready"), instance.output
    closed = r"sallyport\.config:\d+:\d+: .*the directory is closed, .*bindPassword is encrypted, and its key secrets/configuration-key is missing"
    assert re.search(closed, instance.output), instance.output
    assert instance.wait_line("the directory of accounts cannot be used"), instance.output
    instance.cli("set", "site", "Depot", "/id:3")
    with instance.client() as c:
        c.login("anna", "secret")
    with instance.client() as c:
        c.cmd("USER EXAMPLE\\alice")
        assert c.cmd("PASS x").startswith("530")
    (instance.dir / "away").rename(key_file(instance))
    instance.take_over()
    before = len(instance.output)
    instance.take_over()
    assert "the directory is closed" not in instance.output[before:]


DAMAGES = {"no base64": lambda stored: stored[:40] + "-" + stored[40:], "a line end": lambda stored: stored[:40] + "&#10;" + stored[40:],
           "cut": lambda stored: stored[:40]}


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_value_is_no_clear_text(written, how):
    written.cli("set", "config", "-section:sallyport/directory", "/servers:ldaps://127.0.0.1:1", "/bindName:b", f"/bindPassword:{SECRET}")
    path = written.dir / "sallyport.config"
    path.write_text(STORED.sub(lambda found: DAMAGES[how](found[0]), path.read_text()))
    assert "bindPassword is damaged, cut off, or encrypted by a later version" in written.check().stdout
    written.cli("set", "site", "Depot", "/id:7")


def test_objects_from_standard_input(written):
    written.cli("add", "site", "/in", stdin=RESULT_SET)
    assert SECRET not in configuration(written) and len(STORED.findall(configuration(written))) == 1
    carried = written.cli("list", "site", "Other", "/config", "/xml")
    written.cli("delete", "site", "Other")
    written.cli("add", "site", "/in", stdin=carried)      # the stored form travels as it is
    assert STORED.findall(configuration(written)) == STORED.findall(carried)
    assert written.cli("list", "vdir", "Other/", "/text:password") == SECRET + "\n"


def test_what_nobody_sets_stays(written):
    """Clear text is legal, and another provider's value is no clear text."""
    for value in ("still clear", "[enc:AesProvider:AAECAwQ=:enc]"):
        path = written.dir / "applicationHost.config"
        before = configuration(written).replace('path="/" physical', f'path="/" password="{value}" physical')
        path.write_text(before)
        written.cli("set", "site", "Depot", "/id:7")
        assert configuration(written) == before.replace('id="1"', 'id="7"')
        written.cli("set", "vdir", "Depot/", f"/password:{value}")
        assert (value in configuration(written)) == value.startswith("[enc:")
        written.write()


def list_as_nobody(instance):
    return subprocess.run([BUILD / "sallyport", "--config", instance.dir, "list", "vdir", "Depot/", "/text:password"], user=65534, group=65534,
                          extra_groups=[], text=True, capture_output=True, timeout=PATIENCE).stdout.strip()


def test_only_who_may_read_the_key_sees_the_password(written):
    written.cli("set", "vdir", "Depot/", f"/password:{SECRET}")
    assert written.cli("list", "vdir", "Depot/", "/text:password").strip() == SECRET
    for form in (("/config",), ("/text:*",), ("/config", "/xml")):
        shown = written.cli("list", "vdir", "Depot/", *form)
        assert STORED.search(shown) and SECRET not in shown
    if os.getuid() == 0:
        for path in written.dir.glob("*.config"):
            path.chmod(0o644)
        assert STORED.fullmatch(list_as_nobody(written))


def test_a_key_that_cannot_be_used(written):
    """Nothing is written, in clear least of all, and the key is never replaced."""
    key_file(written).parent.mkdir(mode=0o700)
    before = configuration(written)
    for content, mode, words in (("hello\n", 0o600, "is no key"), ("00" * 32 + "\n", 0o644, "accessible to others")):
        key_file(written).write_text(content)
        key_file(written).chmod(mode)
        ran = written.cli("set", "vdir", "Depot/", f"/password:{SECRET}", check=False)
        assert ran.returncode and words in ran.stdout and "secrets/configuration-key" in ran.stdout and SECRET not in ran.stdout
        assert configuration(written) == before and key_file(written).read_text() == content


def test_backup_has_no_key(written):
    written.cli("set", "vdir", "Depot/", f"/password:{SECRET}")
    written.cli("add", "backup", "before")
    assert not [path for path in (written.dir / "backup").rglob("*") if "key" in path.name]
    written.cli("set", "vdir", "Depot/", "/password:another")
    written.cli("restore", "backup", "before")
    assert written.cli("list", "vdir", "Depot/", "/text:password").strip() == SECRET


def test_export_and_import_name_it(written, tmp_path):
    written.cli("set", "vdir", "Depot/", f"/password:{SECRET}")
    line = [n for n, text in enumerate(configuration(written).split("\n"), 1) if STORED.search(text)]
    told = written.cli("export", str(tmp_path / "out"))
    assert f"applicationHost.config:{line[0]} holds a value that only this instance's key opens" in told
    report = written.cli("import", str(tmp_path / "out"), "--to", str(tmp_path / "new"))
    assert "encrypted by Sallyport: needs secrets/configuration-key of the instance that it comes from" in report
    assert SECRET not in report


@pytest.mark.skipif(os.getuid() != 0, reason="fixed accounts need root")
def test_the_service_logs_in_with_it(instance, account):  # noqa: F811
    folder = instance.drive / "local"
    folder.mkdir(mode=0o700)
    os.chown(folder, account.pw_uid, account.pw_gid)
    site = instance.add_site("Depot", users={"anna": "secret"})
    site.virtual_directories = f'<virtualDirectory path="/local" physicalPath="C:\\local" userName="{account.pw_name}" password="wrong" />'
    instance.sallyport_xml = '<systemAccounts pamService="login" />'
    instance.start()
    with instance.client() as c:
        c.login("anna", "secret")

        def stores():
            return c.data("STOR local/a.txt", upload=b"x", want_end=None)[-1].startswith("226")
        assert not stores()
        instance.cli("set", "vdir", "Depot/local", f"/password:{SECRET}")
        assert SECRET not in configuration(instance)
        assert instance.wait(stores), instance.output
        assert (folder / "a.txt").stat().st_uid == account.pw_uid
        key_file(instance).rename(instance.dir / "away")                     # it is watched
        assert instance.wait_line("its key secrets/configuration-key is missing"), instance.output
        assert re.search(r"applicationHost\.config:\d+:\d+: .*Depot.*/local: userName is set, but its password is encrypted", instance.output)
        assert instance.wait(lambda: not stores())
        shutil.copy(instance.dir / "away", key_file(instance))               # as from a copy of the machine: mode and all
        assert instance.wait(stores), instance.output
        key_file(instance).write_text("00" * 32 + "\n")
        assert instance.wait_line("encrypted with another key than secrets/configuration-key"), instance.output
    assert SECRET not in instance.output
