"""Backups of a running instance: sites stop while files are put back when that is asked for, and sections in files of their own
belong to it."""
from configuration_test import USERS, can_log_in, rules, sourced


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
