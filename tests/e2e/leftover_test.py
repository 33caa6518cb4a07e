"""What brokers that died leave behind: unfinished uploads, wherever they lie, without anybody listing the folder (H04)."""
import os
import re
import signal
import socket


def leftovers(folder):
    return [path for path in folder.rglob(".sallyport-upload-*")]


def test_swept_at_start(instance):
    site = instance.add_site("Depot", tls="SslAllow", users={"anna": "secret"})
    deep = site.path / "a/b/c"
    deep.mkdir(parents=True)
    (deep / ".sallyport-upload-0123456789abcdef").write_text("half")
    (deep / "whole.txt").write_text("whole")
    instance.start()
    assert instance.wait(lambda: not leftovers(site.path)), leftovers(site.path)
    assert (deep / "whole.txt").read_text() == "whole"
    assert instance.wait_line("1 unfinished uploads of a broker that was killed are removed")


def test_swept_behind_a_killed_broker(site):
    folder = site.sites[0].path / "in"
    folder.mkdir()
    os.chown(folder, site.sites[0].path.stat().st_uid, site.sites[0].path.stat().st_gid)
    with site.client() as c:
        c.auth_tls().login()
        with socket.create_connection(c.epsv()) as data:
            c.send("STOR in/a.txt\r\n")
            assert c.reply()[0] == "1"
            data.sendall(b"half")
            assert site.wait(lambda: leftovers(folder))
            for pid, name in site.children().items():
                if name == "sallyport-broker":
                    os.kill(pid, signal.SIGKILL)
            assert site.wait(lambda: not leftovers(folder)), leftovers(folder)
    assert not (folder / "a.txt").exists()


def test_swept_behind_a_broker_that_hung(instance):
    """It does not end with its worker and is killed: the one that comes instead tidies up, whichever pair they belong to."""
    site = instance.add_site("Depot", tls="SslAllow", users={"anna": "secret"})
    leftover = site.path / ".sallyport-upload-0123456789abcdef"
    leftover.write_text("half")
    instance.sallyport_xml = '<service workerCount="2" />'
    instance.start()
    assert instance.wait_line("1 unfinished uploads of a broker that was killed are removed"), instance.output
    leftover.write_text("half")
    instance.give_files()
    pids = {role: int(pid) for role, pid in re.findall(r'PROGRAM "(\w+)" \(index:1,pid:(\d+),', instance.cli("status"))}
    os.kill(pids["broker"], signal.SIGSTOP)
    os.kill(pids["worker"], signal.SIGKILL)
    assert instance.wait(lambda: not leftover.exists()), instance.output
