"""The W3C log as IIS writes it (ftp-behaviour 10; threats A14, H07)."""
import os
import re
import socket
import threading
import time

import pytest


def test_log_of_a_session(site):
    with site.client() as c:
        c.login("anna", "secret")
        c.cmd("opts utf8 on", "200")
        c.cmd("CWD /plans/", "550")
        c.put("q1 x.txt", b"12345")
        c.get("q1 x.txt")
        c.cmd("QUIT", "221")
        c.closed()
    with site.client() as c:
        c.login("anna", "hunter2", want="530")
        c.cmd("USER an\x1b[2Jna", "")
        c.send(b"CWD a\xff\xff\x07b\r\n")
        c.reply()
    site.wait(lambda: sum(l["cs-method"] == "ControlChannelClosed" for l in site.log_lines()) == 2)
    lines = site.log_lines()
    first = next(l["x-session"] for l in lines if l["cs-method"] == "opts")  # another worker's lines may stand before
    session = [l for l in lines if l["x-session"] == first]
    told = [(l["cs-method"], l["cs-uri-stem"], l["sc-status"], l["sc-win32-status"], l["sc-substatus"], l["x-fullpath"]) for l in session]
    want = [
        ("ControlChannelOpened", "-", "-", "0", "0", "-"),
        ("USER", "anna", "331", "0", "0", "-"),
        ("PASS", "***", "230", "0", "0", "/"),
        ("opts", "utf8+on", "200", "0", "0", "-"),
        ("CWD", "/plans/", "550", "2", "3", "/plans"),
        ("EPSV", "-", "229", "0", "0", "-"),
        ("DataChannelOpened", "-", "-", "0", "0", "-"),
        ("DataChannelClosed", "-", "-", "0", "0", "-"),
        ("STOR", "q1+x.txt", "226", "0", "0", "/q1+x.txt"),
        ("EPSV", "-", "229", "0", "0", "-"),
        ("DataChannelOpened", "-", "-", "0", "0", "-"),
        ("DataChannelClosed", "-", "-", "0", "0", "-"),
        ("RETR", "q1+x.txt", "226", "0", "0", "/q1+x.txt"),
        ("QUIT", "-", "221", "0", "0", "-"),
        ("ControlChannelClosed", "-", "-", "0", "0", "-"),
    ]
    assert told == want
    assert [l["cs-username"] for l in session[:3]] == ["-", "-", "anna"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", session[0]["x-session"])
    assert any(l["cs-method"] == "PASS" and (l["sc-status"], l["sc-win32-status"], l["sc-substatus"]) == ("530", "1326", "41") for l in lines)
    folder = site.drive / "inetpub/logs/LogFiles/FTPSVC1"
    raw = b"".join(p.read_bytes() for p in folder.iterdir())
    assert b"secret" not in raw and b"hunter2" not in raw
    assert not re.search(rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]", raw)
    names = [p.name for p in folder.iterdir()]
    assert all(re.fullmatch(r"u_ex\d{6}\.log|reasons_ex\d{6}\.jsonl", name) for name in names)
    raw = next(p for p in folder.iterdir() if p.suffix == ".log").read_bytes()
    assert raw.startswith(b"#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: ")
    for p in folder.iterdir():
        assert p.stat().st_mode & 0o007 == 0


def test_active_channel_of_a_lost_client(site):
    """Both ends of an active channel are logged with our port, also when nobody is left to be answered."""
    (site.sites[0].path / "big").write_bytes(b"x" * 50_000_000)
    site.give_files()
    with socket.create_server(("127.0.0.1", 0)) as server, site.client() as c:
        c.login()
        port = server.getsockname()[1]
        c.cmd(f"PORT 127,0,0,1,{port >> 8},{port & 255}", "200")
        c.send("RETR big\r\n")
        assert c.reply()[0] == "1"
        data, (_, ours) = server.accept()
        c.sock.close()
        assert site.wait(lambda: any(l["cs-method"] == "DataChannelClosed" for l in site.log_lines()))
        data.close()
    ports = {l["cs-method"]: l["s-port"] for l in site.log_lines() if l["cs-method"].startswith("DataChannel")}
    assert ports == {"DataChannelOpened": str(ours), "DataChannelClosed": str(ours)}


def test_central_log_all_fields(instance):
    instance.add_site("One", users={"anna": "secret"})
    instance.add_site("Two", users={"anna": "secret"})
    every = ("Date, Time, ClientIP, UserName, SiteName, ComputerName, ServerIP, Method, UriStem, FtpStatus, Win32Status, BytesSent, BytesRecv, "
             "TimeTaken, ServerPort, Host, FtpSubStatus, Session, FullPath, Info, ClientPort")
    instance.server_xml = f'<log centralLogFileMode="Central"><centralLogFile logExtFileFlags="{every}" /></log>'
    instance.start()
    for site in instance.sites:
        with instance.client(site) as c:
            c.login()
            c.put("f", b"x" * 1000)
            c.cmd("QUIT", "221")
            c.closed()
    lines = instance.log_lines(central=True)
    assert list(lines[0]) == ("date time c-ip c-port cs-username s-sitename s-computername cs-host s-ip s-port cs-method cs-uri-stem "
                              "sc-status sc-win32-status sc-substatus sc-bytes cs-bytes time-taken x-session x-fullpath x-debug").split()
    assert {l["s-sitename"] for l in lines} == {"FTPSVC1", "FTPSVC2"}
    user = next(l for l in lines if l["cs-method"] == "USER")
    assert (user["cs-bytes"], user["sc-bytes"]) == (str(len("USER anna\r\n")), str(len("331 Password required\r\n")))
    stored = next(l for l in lines if l["cs-method"] == "STOR")
    assert stored["cs-bytes"] == "1000"


def test_selective_logging(instance):
    site = instance.add_site("Errors", users={"anna": "secret"})
    site.extra = '<logFile selectiveLogging="LogError" />'
    instance.start()
    with instance.client() as c:
        c.login()
        c.cmd("CWD nowhere", "550")
        c.put("f", b"x")
        c.cmd("QUIT", "221")
        c.closed()
    lines = instance.log_lines()
    assert {l["cs-method"] for l in lines} == {"CWD"}


def test_many_commands_at_once_are_all_logged(site):
    """P15: a turn of the worker's loop may leave more records than fit one message to the logger."""
    with site.client() as c:
        c.login("anna", "secret")
        for _ in range(3):
            c.send("NOOP of a line that is not short\r\n" * 1000)
            assert all(c.reply().startswith("200") for _ in range(1000))
        c.cmd("QUIT", "221")
    site.wait(lambda: any(l["cs-method"] == "QUIT" for l in site.log_lines()))
    assert sum(l["cs-method"] == "NOOP" for l in site.log_lines()) == 3000


def test_a_new_log_folder_loses_nothing(instance):
    """The logger starts again to be allowed to write there; what the other sites' clients do meanwhile is logged, too."""
    depot = instance.add_site("Depot", users={"anna": "secret"})
    other = instance.add_site("Other", users={"bert": "geheim"})
    instance.start()
    with instance.client(depot) as c:
        c.login()
        sent = 0
        for folder in ("first", "second", "third"):
            other.extra = rf'<logFile directory="%SystemDrive%\{folder}" />'
            reload = threading.Thread(target=instance.reload)
            reload.start()
            while reload.is_alive():
                c.cmd("NOOP", "200")
                sent += 1
                time.sleep(0.001)
            reload.join()
        c.cmd("QUIT", "221")
    assert instance.wait(lambda: any(line["cs-method"] == "QUIT" for line in instance.log_lines(depot)))
    assert sum(line["cs-method"] == "NOOP" for line in instance.log_lines(depot)) == sent
    assert instance.output.count("starting again to be allowed to write there") == 3, instance.output
    assert "were lost" not in instance.output


def replace_log_folder(instance):
    """Put another one in the place of LogFiles, as a mount does; returns a function that tells whether a verb is in its logs."""
    folder = instance.drive / "inetpub/logs/LogFiles"
    owner = (folder / "FTPSVC1").stat()
    folder.rename(folder.with_name("before"))
    folder.mkdir()
    os.chown(folder, owner.st_uid, owner.st_gid)
    return lambda verb: any(line["cs-method"] == verb for line in instance.log_lines())


def test_a_log_folder_is_replaced_in_use(instance):
    """H06: a permission of Landlock is one to the old folder: the logger starts again for the new one, once."""
    instance.add_site("Depot", users={"anna": "secret"})
    instance.start()
    with instance.client() as c:
        c.login()
        assert instance.wait_line("sallyportd: reloaded")  # the password's newer form was stored
        assert instance.wait(lambda: any(line["cs-method"] == "PASS" for line in instance.log_lines()))
        is_logged = replace_log_folder(instance)
        c.cmd("NOOP", "200")
        assert instance.wait_line("is another one now: starting again to be allowed to write there"), instance.output
        c.cmd("SYST", "215")
        assert instance.wait(lambda: is_logged("SYST")), instance.output
    assert instance.output.count("starting again to be allowed") == 1, instance.output


def test_a_log_folder_is_replaced_before_a_reload(instance):
    """H06: nothing is lost when a reload comes before the first line."""
    instance.add_site("Depot", users={"anna": "secret"})
    instance.start()
    is_logged = replace_log_folder(instance)
    instance.reload()
    with instance.client() as c:
        c.login()
        assert instance.wait(lambda: is_logged("PASS")), instance.output
    assert instance.output.count("starting again to be allowed") == 1, instance.output
    assert "cannot write the log" not in instance.output and "were lost" not in instance.output


def test_a_log_folder_comes_back_for_a_stopped_site(instance):
    """H06: with stopWithoutLog a site starts again when another folder takes the place of one that was moved away."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    instance.sallyport_xml = '<safety stopWithoutLog="true" />'
    instance.start()
    folder = instance.drive / "inetpub/logs/LogFiles"
    with instance.client() as c:
        c.login()
        assert instance.wait_line("sallyportd: reloaded")  # the password's newer form was stored
        assert instance.wait(lambda: any(line["cs-method"] == "PASS" for line in instance.log_lines()))
        owner = (folder / "FTPSVC1").stat()
        folder.rename(folder.with_name("before"))
        c.cmd("NOOP", "200")
        assert c.reply().startswith("421") and c.closed()
    folder.mkdir()
    os.chown(folder, owner.st_uid, owner.st_gid)
    assert instance.wait(lambda: "state:Started" in instance.cli("list", "site", "Depot")), instance.output
    with instance.client(site) as again:
        again.login()


@pytest.mark.skipif(os.getuid() != 0, reason="needs another user")
def test_a_log_folder_behind_a_link_of_somebody_else(instance):
    """F03: root makes and gives away nothing behind a link that a user put into the path of the log folder."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    site.extra = r'<logFile directory="%SystemDrive%\home\logs\ftp" />'
    home, elsewhere = instance.drive / "home", instance.dir / "elsewhere"
    home.mkdir()
    elsewhere.mkdir()
    (home / "logs").symlink_to(elsewhere)
    for path in (home, home / "logs"):
        os.chown(path, 4711, 4711, follow_symlinks=False)
    instance.start()
    assert "home/logs/ftp: Too many levels of symbolic links" in instance.output.replace("/FTPSVC1", ""), instance.output
    assert not list(elsewhere.iterdir())
    assert instance.wait_line("no log folder"), instance.output
    with instance.client() as c:
        c.login()


@pytest.mark.skipif(os.getuid() != 0, reason="needs another user")
def test_a_log_folder_that_root_alone_can_reach(instance):
    """H06: it costs its own site's lines, not everybody's."""
    instance.add_site("Depot", users={"anna": "secret"})
    site = instance.add_site("Closed", users={"anna": "secret"})
    site.extra = r'<logFile directory="%SystemDrive%\closed\logs" />'
    (instance.drive / "closed").mkdir(mode=0o700)
    instance.start()
    assert instance.wait_line("/closed/logs: Permission denied"), instance.output
    with instance.client() as c:
        c.login()
        assert instance.wait(lambda: any(line["cs-method"] == "PASS" for line in instance.log_lines())), instance.output
