"""Backups of a running instance: sites stop while files are put back when that is asked for, and sections in files of their own
belong to it."""
from configuration_test import USERS, can_log_in, copies, launch, rules, share, sourced, with_history


def state_of(instance, site):
    return instance.cli("list", "site", site, "/text:state").strip()


def test_sites_stop_and_start_again(instance):
    instance.add_site("Depot", users=USERS)
    instance.add_site("Resting", users=USERS)
    instance.start()
    instance.cli("stop", "site", "Resting")
    instance.cli("add", "backup", "before")
    instance.cli("set", "site", "Depot", "/name:Renamed")
    assert instance.wait(lambda: state_of(instance, "Renamed") == "Started")
    with instance.client() as staying:
        staying.cmd("USER anna", "331")
        instance.cli("restore", "backup", "before")
        assert instance.wait(lambda: state_of(instance, "Depot") == "Started")
        staying.cmd(f"PASS {USERS['anna']}", "230")
    instance.cli("set", "site", "Depot", "/name:Renamed")
    assert instance.wait(lambda: state_of(instance, "Renamed") == "Started")
    with instance.client() as c:
        c.cmd("USER anna", "331")
        instance.cli("restore", "backup", "before", "/stop:true")
        assert instance.wait(c.closed)
    assert (state_of(instance, "Depot"), state_of(instance, "Resting")) == ("Started", "Stopped")
    assert can_log_in(instance, "anna")


def test_a_file_that_came_later(instance):
    """The running service takes a file that is gone for an accident, so one that the backup does not have says nothing instead."""
    instance.add_site("Depot", users=USERS)
    instance.start()
    path = instance.dir / "administration.config"
    with_users = path.read_bytes()
    instance.stop()
    path.unlink()
    instance.cli("add", "backup", "before")
    path.write_bytes(with_users)
    instance.launch()
    assert instance.wait_line("sallyportd: ready"), instance.output
    assert can_log_in(instance, "anna")
    instance.cli("restore", "backup", "before")
    assert instance.wait(lambda: not can_log_in(instance, "anna"))
    assert path.read_text() == "<configuration />\n" and "there and is gone" not in instance.output, instance.output
    assert not (instance.dir / "web.config").exists()


def test_nothing_runs(instance):
    instance.add_site("Depot", users=USERS)
    instance.write()
    instance.cli("add", "backup", "before")
    before = (instance.dir / "applicationHost.config").read_bytes()
    instance.cli("delete", "site", "Depot")
    instance.cli("restore", "backup", "before", "/stop:true")
    assert (instance.dir / "applicationHost.config").read_bytes() == before


def test_sections_in_files_of_their_own(instance):
    sourced(instance)
    instance.start()
    instance.cli("add", "backup", "before")
    assert can_log_in(instance, "anna")
    rules(instance, "bert")
    assert instance.wait(lambda: not can_log_in(instance, "anna"))
    instance.cli("restore", "backup", "before")
    assert instance.wait(lambda: can_log_in(instance, "anna"))
    (instance.dir / "sections" / "authorization.config").unlink()
    instance.cli("restore", "backup", "before")
    assert instance.wait(lambda: can_log_in(instance, "anna"))
    instance.cli("delete", "backup", "before")
    assert list((instance.dir / "backup").iterdir()) == []


def test_copies_of_the_history(instance):
    """As in IIS they are listed and put back like backups, when the configuration cannot be read too."""
    sourced(instance)
    with_history(instance)
    launch(instance)
    assert instance.wait(lambda: copies(instance) == ["CFGHISTORY_0000000001"])
    assert can_log_in(instance, "anna") and not can_log_in(instance, "bert")
    rules(instance, "bert")
    assert instance.wait(lambda: not can_log_in(instance, "anna"))
    instance.cli("add", "backup", "mine")
    path = instance.dir / "applicationHost.config"
    path.write_text("<damaged")
    assert instance.wait_line("the one before it stays in force"), instance.output
    assert 'BACKUP "CFGHISTORY_0000000001"\n' in instance.cli("list", "backup") and 'BACKUP "mine"' in instance.cli("list", "backup")
    assert "Restored" in instance.cli("restore", "backup", "cfghistory_0000000001".upper())
    assert instance.wait(lambda: can_log_in(instance, "anna"))
    missing = instance.cli("restore", "backup", "CFGHISTORY_0000000099", check=False)
    assert missing.returncode != 0 and 'Cannot find BACKUP object with identifier "CFGHISTORY_0000000099"' in missing.stdout
    refused = instance.cli("add", "backup", "CFGHISTORY_0000000099", check=False)
    assert "the copies that the service keeps have such names" in refused.stdout
    instance.cli("delete", "backup", "CFGHISTORY_0000000001")
    assert "CFGHISTORY_0000000001" not in copies(instance)


def test_shared_configuration(instance, tmp_path):
    """What is not in this folder is neither in a backup nor put back by one: said, not passed over."""
    folder = share(instance, tmp_path)
    for command in ("add", "restore"):
        if command == "restore":
            copy = instance.dir / "backup" / "older"
            copy.mkdir(parents=True)
            for name in ("applicationHost.config", "redirection.config", "sallyport.config"):
                (copy / name).write_bytes((instance.dir / name).read_bytes())
        done = instance.cli(command, "backup", "older", check=False)
        assert done.returncode == 50 and f"are in {folder}; copy the files there" in done.stdout, done.stdout
    assert (instance.dir / "applicationHost.config").read_text() == "this file is not read"
