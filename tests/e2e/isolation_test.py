"""userIsolation as clients see it (ftp-behaviour 6)."""
import array
import contextlib
import fcntl
import os
import pathlib
import termios

import pytest

HOME_DENIED = "530-User cannot log in, home directory inaccessible."
NOT_FOUND = "550-The system cannot find the "


def isolated(instance, mode, **options):
    site = instance.add_site("Depot", users={"anna": "secret", "Bert": "geheim", "emil": "x"}, **options)
    site.extra = f'<userIsolation mode="{mode}" />'
    site.anonymous = True
    site.rules.append('<add accessType="Allow" users="?" permissions="Read" />')
    homes = site.path / "LocalUser"
    for home in ("anna", "bert", "Public"):
        (homes / home).mkdir(parents=True)
        (homes / home / "whose").write_text(home)
    (site.path / "top").write_text("top")
    shared = instance.drive / "shared"
    shared.mkdir()
    (shared / "all").write_text("all")
    site.virtual_directories = rf'<virtualDirectory path="/shared" physicalPath="%SystemDrive%\shared" />'
    shared.chmod(0o777)
    return site


def test_isolate_all(instance):
    site = isolated(instance, "IsolateAllDirectories")
    site.locations = ['<location path="Depot/LocalUser/anna/closed"><system.ftpServer><security><authorization><clear />'
                      '</authorization></security></system.ftpServer></location>']
    instance.start()
    with instance.client() as c:
        c.login()
        c.cmd("PWD", '257 "/" is current directory.')
        c.cmd("CDUP", "250")
        c.cmd("CWD ../../..", "250")
        c.cmd("PWD", '257 "/"')
        assert c.get("whose") == b"anna" and c.get("/whose") == b"anna"
        for path in ("/LocalUser/bert/whose", "../bert/whose", "/top", "../../top", "/shared/all"):
            assert c.data(f"RETR {path}", want_end=None)[0].startswith(NOT_FOUND), path
        c.put("new", b"mine")
        c.cmd("MKD plans", "257")
        c.cmd("CWD plans", "250")
        c.cmd("PWD", '257 "/plans"')
        assert c.cmd("MLST /plans").split("\n")[1].endswith(" /plans")
        assert c.cmd("MKD /closed").startswith("550-Access is denied.")     # rules go by the whole path
        assert c.data("NLST /")[1].decode().split() == ["/new", "/plans", "/whose"]
    assert (site.path / "LocalUser/anna/new").read_bytes() == b"mine"
    with instance.client() as c:
        c.login("bert", "geheim")       # his name is "Bert", his folder "bert"
        assert c.get("whose") == b"bert"
    with instance.client() as c:
        c.login("anonymous", "me@example.com")
        assert c.get("whose") == b"Public"
        assert c.data("STOR x", upload=b"x", want_end=None)[0].startswith("550-Access is denied.")
    with instance.client() as c:
        assert c.login("emil", "x", "530").startswith(HOME_DENIED)
        assert "Home directory lookup failed." in c.login("emil", "x", "530")
    lines = instance.log_lines()
    assert [line["x-fullpath"] for line in lines if line["cs-uri-stem"] == "new"] == ["/new"]
    assert {line["sc-substatus"] for line in lines if line["sc-status"] == "530"} == {"33"}
    assert not [note for note in instance.check().stdout.splitlines() if "userIsolation" in note]


def test_home_in_another_case(instance):
    """The names of homes compare as those of accounts do, beyond ASCII too."""
    site = instance.add_site("Depot", users={"J\u00d6RG": "secret"})
    site.extra = '<userIsolation mode="IsolateAllDirectories" />'
    home = site.path / "LocalUser/j\u00f6rg"
    home.mkdir(parents=True)
    (home / "whose").write_text("j\u00f6rg")
    instance.start()
    with instance.client() as c:
        c.login("J\u00d6RG", "secret")
        assert c.get("whose") == "j\u00f6rg".encode()


def test_isolate_root_only(instance):
    """Global virtual directories stay; rules go by the path the client sees (KB 4294477)."""
    site = isolated(instance, "IsolateRootDirectoryOnly")
    site.extra += '<directoryBrowse showFlags="DisplayVirtualDirectories" />'
    site.locations = ['<location path="Depot/closed"><system.ftpServer><security><authorization><clear />'
                      '</authorization></security></system.ftpServer></location>']
    instance.start()
    with instance.client() as c:
        c.login()
        assert c.get("whose") == b"anna"
        assert c.get("/shared/all") == b"all"
        assert c.cmd("MKD /closed").startswith("550-Access is denied.")
        for path in ("/LocalUser/bert/whose", "/top"):
            assert c.data(f"RETR {path}", want_end=None)[0].startswith(NOT_FOUND), path
        assert c.data("NLST /")[1].decode().split() == ["/shared", "/whose"]
        c.cmd("CWD shared", "250")
        c.cmd("PWD", '257 "/shared"')
        c.cmd("CDUP", "250")
        assert c.get("whose") == b"anna"


def test_start_in_users_directory(instance):
    site = isolated(instance, "StartInUsersDirectory")
    (site.path / "anna").mkdir()
    instance.start()
    with instance.client() as c:
        c.login()
        c.cmd("PWD", '257 "/anna"')
        assert c.get("/top") == b"top"
        assert c.get("/LocalUser/bert/whose") == b"bert"
    with instance.client() as c:
        c.login("Bert", "geheim")
        c.cmd("PWD", '257 "/" is current directory.')


@pytest.mark.parametrize("mode", ["ActiveDirectory", "Custom"])
def test_homes_that_somebody_else_names(instance, mode):
    isolated(instance, mode)
    instance.write()
    done = instance.check()
    assert done.returncode == 1 and "userIsolation/@mode" in done.stdout + done.stderr


@pytest.mark.parametrize("user", ["..", "a/b", "Public", "public", "."])
def test_names_that_are_no_home(instance, user):
    """F06: an account may have any name, its home must be one directory that is nobody else's."""
    site = isolated(instance, "IsolateAllDirectories")
    site.users[user] = "pw"
    site.rules.append('<add accessType="Allow" users="*" permissions="Read, Write" />')
    instance.start()
    with instance.client() as c:
        assert c.login(user, "pw", "530").startswith(HOME_DENIED)


def test_links_do_not_lead_to_other_homes(instance):
    site = isolated(instance, "IsolateAllDirectories")
    (site.path / "LocalUser/anna/link").symlink_to("../bert")
    (site.path / "LocalUser/anna/inside").symlink_to("whose")
    instance.start()
    with instance.client() as c:
        c.login()
        assert c.data("RETR link/whose", want_end=None)[0].startswith("550-Access is denied.")
        assert c.get("inside") == b"anna"
        assert c.data("NLST")[1].decode().split() == ["inside", "whose"]


def pipe_between(instance, one, other):
    """A reading descriptor of the pipe that both programs have open."""
    def open_by(program):
        [pid] = [pid for pid, name in instance.children().items() if name == f"sallyport-{program}"]
        return {os.readlink(fd): fd for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir()}
    everybodys = open_by("logger").keys()                                # standard error may be one
    [name] = [link for link in open_by(one).keys() & open_by(other).keys() - everybodys if link.startswith("pipe:")]
    return os.open(open_by(other)[name], os.O_RDONLY | os.O_NONBLOCK)


@pytest.mark.skipif(os.getuid() != 0, reason="looking into other programs needs root")
def test_crowds(instance):
    """Who logs in right behind another of the same account is not asked about again, and sees the same home and no more; a
    configuration that ends what was granted ends both."""
    site = isolated(instance, "IsolateAllDirectories")
    instance.sallyport_xml = '<service workerCount="1" />'
    instance.start()
    with contextlib.ExitStack() as stack:
        clients = []
        with instance.client() as c:
            c.login()
        pipe = pipe_between(instance, "auth", "broker")
        stack.callback(os.close, pipe)

        def unheard():
            count = array.array("i", [0])
            fcntl.ioctl(pipe, termios.FIONREAD, count)
            return count[0]

        def one_more():
            clients.append(stack.enter_context(instance.client()))
            clients[-1].login()
            return unheard()
        assert instance.wait(one_more)
        last = clients[-2:]                                            # the first of them may be a twin itself
        for c in last:
            c.cmd("PWD", '257 "/" is current directory.')
            assert c.get("whose") == b"anna"
            for path in ("/LocalUser/bert/whose", "../bert/whose", "/top", "/shared/all"):
                assert c.data(f"RETR {path}", want_end=None)[0].startswith(NOT_FOUND), path
        assert not unheard()

        site.extra = ""
        instance.reload()
        for c in last:
            c.cmd("NOOP", "200")
            c.cmd("CWD /", "421")
            assert c.closed()
    with instance.client() as c:
        c.login()
        assert c.get("top") == b"top"
    assert [line["sc-substatus"] for line in instance.log_lines() if line["sc-status"] == "421"] == ["54"] * len(last)
