"""Configuration machinery on the running service: configSource, shared configuration, the history of the files."""
import os
import re
import shutil
import signal
import socket
import subprocess

import pytest

from harness import BUILD, PATIENCE, iis_hash

USERS = {"anna": "secret", "bert": "geheim"}


def replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def can_log_in(instance, user, site=None):
    with instance.client(site) as client:
        client.cmd(f"USER {user}", "331")
        return client.cmd(f"PASS {USERS[user]}")[:3] == "230"


# ---- configSource ----

def rules(instance, *users):
    folder = instance.dir / "sections"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    (folder / "authorization.config").write_text(
        "<authorization>\n" + "".join(f'    <add accessType="Allow" users="{u}" permissions="Read, Write" />\n' for u in users) +
        "</authorization>\n")
    (folder / "authorization.config").chmod(0o644)


def sourced(instance):
    site = instance.add_site("Depot", users=USERS)
    site.rules = []
    instance.server_xml = '<security><authorization configSource="sections\\authorization.config" /></security>'
    rules(instance, "anna")
    return site


def test_section_in_its_own_file(instance):
    sourced(instance)
    instance.start()
    assert can_log_in(instance, "anna") and not can_log_in(instance, "bert")
    rules(instance, "bert")  # the file is watched like the one that names it
    assert instance.wait(lambda: can_log_in(instance, "bert") and not can_log_in(instance, "anna"))
    broken = instance.dir / "sections" / "authorization.config"
    replace(broken, "Allow", "Maybe")
    assert instance.wait_line("sections/authorization.config:2:22: system.ftpServer/security/authorization/add: The 'accessType'")
    assert can_log_in(instance, "bert")  # the last good one holds
    broken.unlink()
    assert instance.wait_line("authorization.config: Cannot read configuration file: No such file or directory")
    assert can_log_in(instance, "bert")


def test_change_moves_the_section_in(instance):
    """As IIS: writing to such a section replaces the reference; the other file stays as it was."""
    sourced(instance)
    instance.start()
    before = (instance.dir / "sections" / "authorization.config").read_bytes()
    instance.cli("set", "config", "-section:system.ftpServer/security/authorization",
                 "/+[accessType='Allow',users='bert',permissions='Read']", "/commit:apphost")
    text = (instance.dir / "applicationHost.config").read_text()
    assert "configSource" not in text and 'users="anna"' in text and 'users="bert"' in text
    assert (instance.dir / "sections" / "authorization.config").read_bytes() == before
    assert instance.wait(lambda: can_log_in(instance, "bert") and can_log_in(instance, "anna"))


@pytest.mark.parametrize("name, why", [
    ("..\\outside.config", "Cannot read configuration file"),
    ("link.config", "Invalid cross-device link"),
    ("fifo.config", "is no regular file"),
    ("rules.txt", "not a name of a configuration file"),
])
def test_x01_nothing_outside_is_read(instance, tmp_path, name, why):
    instance.add_site("Depot", users=USERS)
    instance.server_xml = f'<security><authorization configSource="{name}" /></security>'
    (tmp_path / "outside.config").write_text("<authorization />")
    (instance.dir / "link.config").symlink_to(tmp_path / "outside.config")
    os.mkfifo(instance.dir / "fifo.config")
    (instance.dir / "rules.txt").write_text("<authorization />")
    instance.write()
    done = instance.check()
    assert done.returncode == 1 and why in done.stdout + done.stderr


# ---- files that are not there, or not for everybody ----

@pytest.mark.skipif(os.getuid() != 0, reason="needs another user")
def test_who_may_not_read_is_not_told_to_make_an_instance(instance):
    """Who follows that advice makes a second instance, or looks for a file that is there."""
    instance.write()
    instance.dir.chmod(0o755)
    for path in instance.dir.glob("*.config"):
        path.chmod(0o640)

    def as_stranger(*words):
        stranger = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        return subprocess.run([*stranger, BUILD / "sallyport", "--config", instance.dir, *words], capture_output=True, text=True,
                              timeout=PATIENCE)
    todo = "Permission denied. Run this as root, or as an account that has the right to"
    done = as_stranger("check")
    assert done.returncode == 1 and f"applicationHost.config: cannot be read: {todo}\n" in done.stdout, done
    assert "create instance" not in done.stdout, done
    for words in (("list", "site"), ("set", "site", "Depot", "/id:3")):
        done = as_stranger(*words)
        assert done.returncode == 5 and f"applicationHost.config: {todo}\n" in done.stdout, done
    for path in instance.dir.glob("*.config"):
        path.chmod(0o644)
    done = as_stranger("set", "config", "/section:firewallSupport", "/lowDataChannelPort:5000", "/highDataChannelPort:5001")
    assert done.returncode == 5 and "Failed to commit configuration changes." in done.stdout and todo in done.stdout, done


def test_the_server_file_goes_and_comes_back(site):
    """Some programs save by removing and writing: nobody may lose his session, or the sites, over it."""
    path, away = site.dir / "applicationHost.config", site.dir / "saved"
    line = f"{path}: the file is missing or cannot be read. Put it back"
    with site.client() as client:
        client.login()
        path.rename(away)
        assert site.wait_line(line), site.output
        assert site.wait_line("the one before it stays in force"), site.output
        client.cmd("PWD", "257")
        assert "state:Started" in site.cli("status")
        away.rename(path)
        assert site.wait_line("sallyportd: reloaded"), site.output
        client.cmd("PWD", "257")


@pytest.mark.parametrize("name", ["administration.config", "sallyport.config", "web.config"])
def test_another_file_goes_and_comes_back(site, name):
    """Nothing is not the same as an empty file: users, drives and members would be gone for a moment."""
    path, away = site.dir / name, site.dir / "saved"
    if not path.exists():
        path.write_text("<configuration />")
        site.take_over()
    with site.client() as client:
        client.login()
        before = site.output.count("sallyportd: reloaded")
        path.rename(away)
        assert site.wait_line(f"{path}: the file was there and is gone. Put it back, or one that says nothing: <configuration />"), site.output
        assert site.wait_line("the one before it stays in force"), site.output
        client.cmd("PWD", "257")
        assert can_log_in(site, "anna")
        assert site.output.count("sallyportd: reloaded") == before
        away.rename(path)
        site.take_over()
        client.cmd("PWD", "257")
    assert can_log_in(site, "anna")


def test_users_go_when_their_file_says_nothing(site):
    assert can_log_in(site, "anna")
    (site.dir / "administration.config").write_text("")  # as a copy that has just begun
    site.process.send_signal(signal.SIGHUP)
    assert site.wait_line("the one before it stays in force"), site.output
    assert can_log_in(site, "anna")
    (site.dir / "administration.config").write_text("<configuration />")
    site.take_over()
    assert not can_log_in(site, "anna")


@pytest.mark.parametrize("kind", ["Authentication", "Authorization"])
def test_users_of_another_store(site, kind):
    """Who replaced the store of users on Windows must not find the old ones in force here."""
    path = site.dir / "administration.config"
    own, section = f"Configuration{kind}Provider", kind.lower()
    assert can_log_in(site, "anna")
    replace(path, f'<{section} defaultProvider="{own}">', f'<{section} defaultProvider="Sql">'
            f'<providers><add name="Sql" type="Contoso.{own}, Contoso" /></providers>')
    site.take_over()
    assert not can_log_in(site, "anna")
    warning = f'management/{section}: no IIS Manager user can log in: the provider "Sql" is another store than this file'
    assert warning in site.output and warning in site.check().stdout
    replace(path, f"Contoso.{own}, Contoso", f"Microsoft.Web.Management.Server.{own}, Microsoft.Web.Management")
    site.take_over()
    assert can_log_in(site, "anna")


@pytest.mark.parametrize("name", ["administration.config", "sallyport.config"])
def test_a_start_without_another_file(instance, name):
    """A fresh instance of which nobody has said anything yet; who comes later counts."""
    instance.write()
    text = (instance.dir / name).read_bytes()
    (instance.dir / name).unlink()
    launch(instance)
    (instance.dir / name).write_bytes(text)
    instance.take_over()


def test_without_the_server_file_nothing_starts(instance):
    instance.write()
    path = instance.dir / "applicationHost.config"
    path.unlink()
    line = f"{path}: the file is missing or cannot be read. Put it back"
    for done in (instance.check(), instance.cli("check", check=False)):
        assert done.returncode == 1 and line in done.stdout and "The configuration has errors." in done.stdout, done
    instance.launch()
    assert instance.wait(lambda: instance.process.poll() is not None)
    assert instance.stop() == 1 and line in instance.output and "ready" not in instance.output, instance.output
    assert instance.cli("create", "instance", check=False).returncode  # the other two are there and stay


def test_rules_for_accounts_of_another_machine_are_told(instance):
    here = socket.gethostname().split(".")[0]
    site = instance.add_site("Depot", users={"anna": "secret"})
    site.rules += [f'<add accessType="Deny" users="{name}" permissions="Write" />' for name in (rf"{here}\bert", r"OLDPC\bert")]
    instance.write()
    told = [line for line in instance.check().stdout.splitlines() if "means nobody" in line]
    assert len(told) == 1 and "applicationHost.config:" in told[0] and "OLDPC" in told[0] and here.upper() in told[0], told


@pytest.mark.parametrize("name", ["administration.config", "sallyport.config"])
def test_a_file_that_cannot_be_read_changes_nothing(site, name):
    """What is there and cannot be taken is not the same as nothing: users and limits would be gone."""
    path, other = site.dir / name, site.dir / "other"
    other.symlink_to("c")  # a folder
    with site.client() as client:
        client.login()
        other.rename(path)  # at once: at no time there is nothing
        site.process.send_signal(signal.SIGHUP)
        assert site.wait_line(f"{path}: is no regular file"), site.output
        assert site.wait_line("the one before it stays in force"), site.output
        client.cmd("PWD", "257")
    assert can_log_in(site, "anna")


# ---- shared configuration ----

def share(instance, tmp_path, **attributes):
    """Move the two files to a folder that a share is mapped to."""
    site = instance.add_site("Depot", users=USERS)
    site.rules = site.rules[:1]  # anna
    tmp_path.chmod(0o755)
    folder = tmp_path / "share" / "iis"
    folder.mkdir(parents=True)
    text = "".join(f' {name}="{value}"' for name, value in attributes.items())
    instance.sallyport_xml = ""
    instance.write()
    put_own(instance, tmp_path)
    for name in ("applicationHost.config", "administration.config"):
        (instance.dir / name).rename(folder / name)
    (instance.dir / "applicationHost.config").write_text("this file is not read")
    (instance.dir / "redirection.config").write_text(
        f'<configuration><configurationRedirection enabled="true" path="\\\\server\\conf\\iis"{text} /></configuration>')
    instance.give_files()
    return folder


def put_own(instance, tmp_path):
    path = instance.dir / "sallyport.config"
    replace(path, "</paths>", f'<shares><add share="\\\\server\\conf" path="{tmp_path}/share" /></shares></paths>')


def test_shared_configuration(instance, tmp_path):
    folder = share(instance, tmp_path, userName="Administrator", password="[enc:IISCngProvider:AAAA:enc]")
    instance.launch()
    assert instance.wait_line("sallyportd: ready"), instance.output
    assert "The account for the share is not used" in instance.output and "AAAA" not in instance.output
    assert can_log_in(instance, "anna") and not can_log_in(instance, "bert")
    replace(folder / "applicationHost.config", 'users="anna"', 'users="bert"')
    assert instance.wait(lambda: can_log_in(instance, "bert") and not can_log_in(instance, "anna"))
    # the command line edits the shared file
    instance.cli("set", "config", "Depot", "-section:system.ftpServer/security/authorization",
                 "/+[accessType='Allow',users='anna',permissions='Read']", "/commit:apphost")
    assert 'users="anna"' in (folder / "applicationHost.config").read_text()
    assert (instance.dir / "applicationHost.config").read_text() == "this file is not read"
    assert instance.wait(lambda: can_log_in(instance, "anna"))


def test_share_goes_and_comes_back(instance, tmp_path):
    """Polled: changes on a share come without notice.  While it is away the last good configuration holds."""
    folder = share(instance, tmp_path, enableUncPolling="true", pollingPeriod="00:00:01")
    instance.launch()
    assert instance.wait_line("sallyportd: ready"), instance.output
    assert can_log_in(instance, "anna")
    away = tmp_path / "away"
    folder.parent.rename(away)
    assert instance.wait_line("share/iis/applicationHost.config: Cannot read configuration file: No such file or directory")
    assert can_log_in(instance, "anna")
    replace(away / "iis" / "applicationHost.config", 'users="anna"', 'users="bert"')
    away.rename(folder.parent)
    assert instance.wait(lambda: can_log_in(instance, "bert") and not can_log_in(instance, "anna"))
    (instance.dir / "redirection.config").write_text(
        '<configuration><configurationRedirection enabled="false" path="\\\\server\\conf\\iis" /></configuration>')
    assert instance.wait_line("applicationHost.config:1:1: Configuration file is not well-formed XML")  # the local one counts now


def test_redirection_goes_and_comes_back(instance, tmp_path):
    """Without it the local files, which nobody has kept up, would count for a moment."""
    share(instance, tmp_path)
    shutil.copy(tmp_path / "share" / "iis" / "applicationHost.config", instance.dir)
    replace(instance.dir / "applicationHost.config", 'users="anna"', 'users="bert"')
    launch(instance)
    path = instance.dir / "redirection.config"
    path.rename(instance.dir / "saved")
    assert instance.wait_line(f"{path}: the file was there and is gone."), instance.output
    assert instance.wait_line("the one before it stays in force"), instance.output
    assert can_log_in(instance, "anna") and not can_log_in(instance, "bert")
    assert instance.wait_line(f"{tmp_path}/share/iis/administration.config: a password hash was stored in its newer form"), instance.output
    path.write_text("<configuration />")
    instance.take_over()
    assert not can_log_in(instance, "anna")


def test_share_missing_at_start(instance, tmp_path):
    folder = share(instance, tmp_path)
    folder.parent.rename(tmp_path / "away")
    done = instance.check()
    assert done.returncode == 1 and "Cannot read configuration file: No such file or directory" in done.stdout + done.stderr


def test_shared_file_that_everybody_may_write(instance, tmp_path):
    """X04: a folder of this machine is judged like the configuration's own."""
    folder = share(instance, tmp_path)
    (folder / "administration.config").chmod(0o666)
    done = instance.check()
    assert done.returncode == 1
    assert "share/iis/administration.config: Cannot read configuration file: may be written by everybody" in done.stdout + done.stderr
    (folder / "administration.config").chmod(0o640)
    assert instance.check().returncode == 0


def test_share_that_is_not_mapped(instance, tmp_path):
    share(instance, tmp_path)
    replace(instance.dir / "sallyport.config", "\\\\server\\conf", "\\\\other\\conf")
    done = instance.check()
    assert done.returncode == 1
    assert re.search(r"redirection.config:1:\d+: configurationRedirection: the share .* is not mapped", done.stdout + done.stderr)


# ---- configHistory ----

def with_history(instance, attributes='maxHistories="3" period="00:00:20"', body=None):
    if not instance.sites:
        instance.add_site("Depot", users=USERS)
    instance.write()
    path = instance.dir / "applicationHost.config"
    replace(path, '<sectionGroup name="system.applicationHost">',
            '<sectionGroup name="system.applicationHost"><section name="configHistory" allowDefinition="AppHostOnly" />')
    if attributes is not None:
        replace(path, "<system.applicationHost>", f"<system.applicationHost><configHistory {attributes} />")
    instance.give_files()


def comment(instance, text):
    """A change that is none, taken by the service."""
    before = instance.output.count("sallyportd: reloaded")
    replace(instance.dir / "applicationHost.config", "<system.ftpServer>", f"<system.ftpServer><!-- {text} -->")
    assert instance.wait(lambda: instance.output.count("sallyportd: reloaded") > before)


def copies(instance, folder="inetpub/history"):
    return sorted(p.name for p in (instance.drive / folder).glob("*")) if (instance.drive / folder).is_dir() else []


def launch(instance):
    instance.launch()
    assert instance.wait_line("sallyportd: ready"), instance.output


def test_history_of_good_configurations(instance):
    with_history(instance)
    launch(instance)
    folder = instance.drive / "inetpub" / "history"
    assert instance.wait(lambda: copies(instance) == ["CFGHISTORY_0000000001"])
    assert folder.stat().st_mode & 0o777 == 0o700
    first = folder / "CFGHISTORY_0000000001"
    assert {p.name for p in first.iterdir()} == {"applicationHost.config", "administration.config", "sallyport.config"}
    assert (first / "applicationHost.config").read_bytes() == (instance.dir / "applicationHost.config").read_bytes()
    assert all(p.stat().st_mode & 0o777 == 0o600 for p in first.iterdir())
    assert iis_hash("secret") in (first / "administration.config").read_text()
    instance.stop()
    launch(instance)  # nothing changed: no new copy; what changes next waits for the period
    for name in ("one", "two"):
        comment(instance, name)
    assert instance.wait(lambda: copies(instance) == ["CFGHISTORY_0000000001", "CFGHISTORY_0000000002"])
    assert "<!-- two --><!-- one -->" in (folder / "CFGHISTORY_0000000002" / "applicationHost.config").read_text()


def test_history_keeps_the_newest(instance):
    with_history(instance, 'path="%SystemDrive%\\old" maxHistories="2"')
    for number in range(7, 10):
        (instance.drive / "old" / f"CFGHISTORY_{number:010}").mkdir(parents=True)
    (instance.drive / "old" / "CFGHISTORY_0000000007" / "applicationHost.config").write_text("old")
    (instance.drive / "old" / "notes").mkdir()
    launch(instance)
    assert instance.wait(lambda: copies(instance, "old") == ["CFGHISTORY_0000000009", "CFGHISTORY_0000000010", "notes"])


def test_history_of_sections_in_their_own_files(instance):
    """A copy is a whole configuration: as a backup it brings everything back.  With the copy go the files of its sections."""
    sourced(instance)
    with_history(instance, 'path="%SystemDrive%\\old" maxHistories="2" period="00:00:10"')
    folder = instance.drive / "old"
    first = folder / "CFGHISTORY_0000000001"
    (folder / "CFGHISTORY_0000000000").mkdir(parents=True)  # 0 is no number
    launch(instance)
    assert instance.wait(lambda: first.exists())
    assert (first / "sections" / "authorization.config").read_bytes() == (instance.dir / "sections" / "authorization.config").read_bytes()
    assert (first / "sections").stat().st_mode & 0o777 == 0o700
    shutil.copytree(first, instance.dir / "backup" / "first")
    rules(instance, "bert")  # the other files stay as they are
    assert instance.wait(lambda: "CFGHISTORY_0000000002" in copies(instance, "old"))
    assert "bert" in (folder / "CFGHISTORY_0000000002" / "sections" / "authorization.config").read_text()
    instance.cli("restore", "backup", "first")
    assert instance.wait(lambda: can_log_in(instance, "anna") and not can_log_in(instance, "bert"))
    assert instance.wait(lambda: copies(instance, "old") == [f"CFGHISTORY_000000000{n}" for n in (0, 2, 3)])
    assert "anna" in (folder / "CFGHISTORY_0000000003" / "sections" / "authorization.config").read_text()


def test_history_waits_for_a_good_configuration(instance):
    """What is bad when a copy is due is not kept; the next that is good is."""
    with_history(instance, 'path="%SystemDrive%\\old" maxHistories="5" period="00:00:10"')
    launch(instance)
    assert instance.wait(lambda: copies(instance, "old") == ["CFGHISTORY_0000000001"])
    comment(instance, "good")
    path = instance.dir / "applicationHost.config"
    good = path.read_text()
    path.write_text(good.replace("<system.ftpServer>", "<system.ftpServer><bad />", 1))
    assert instance.wait_line("the one before it stays in force"), instance.output
    instance.wait(lambda: len(copies(instance, "old")) > 1, 12)  # the period, and more
    assert len(copies(instance, "old")) == 1
    path.write_text(good)
    assert instance.wait(lambda: "CFGHISTORY_0000000002" in copies(instance, "old"))
    assert "<!-- good -->" in (instance.drive / "old" / "CFGHISTORY_0000000002" / "applicationHost.config").read_text()


@pytest.mark.parametrize("attributes", ['enabled="false"', 'path="relative"'])
def test_history_off(instance, attributes):
    with_history(instance, attributes)
    launch(instance)
    if "relative" in attributes:
        assert "no history of the configuration is kept" in instance.output
    comment(instance, "x")
    assert copies(instance) == []


def test_history_by_default(instance):
    """The section is declared and not written: IIS keeps a history."""
    with_history(instance, None)
    launch(instance)
    assert instance.wait(lambda: copies(instance) == ["CFGHISTORY_0000000001"])


@pytest.mark.skipif(os.getuid() != 0, reason="mounting needs root")
def test_history_on_a_full_disk(instance):
    """No copy is made and that is said; the copies that are there stay, the change is taken all the same, nothing half is left."""
    with_history(instance, 'path="%SystemDrive%\\old" maxHistories="1" period="00:00:10"')
    folder = instance.drive / "old"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "none", folder], check=True)
    try:
        launch(instance)
        assert instance.wait(lambda: copies(instance, "old") == ["CFGHISTORY_0000000001"])
        comment(instance, "x" * 60_000)
        assert instance.wait_line(f"no copy of the configuration was kept in {folder}: "), instance.output
        assert sorted(p.name for p in folder.iterdir()) == ["CFGHISTORY_0000000001"]  # the unfinished one is removed
        assert (folder / "CFGHISTORY_0000000001" / "applicationHost.config").stat().st_size < 60_000
        assert can_log_in(instance, "anna")
    finally:
        instance.stop()
        subprocess.run(["umount", folder], check=True)
