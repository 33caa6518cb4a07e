"""What a stranger with his own client tries: cases of the threats list that no real client would send."""
import contextlib
import fcntl
import os
import pathlib
import re
import select
import signal
import socket
import ssl
import struct
import subprocess
import sys
import termios
import threading
import time

import pytest

from harness import free_port, insecure_context, PATIENCE, SANITIZED


def quick_site(instance, control=5, **options):
    """A site whose clocks run fast."""
    site = instance.add_site("Quick", users={"anna": "secret"}, **options)
    site.extra = f'<connections unauthenticatedTimeout="20" controlChannelTimeout="{control}" dataChannelTimeout="2" />'
    instance.start()
    return site


def in_reset(sock):
    """Close with RST instead of FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def cpu_seconds(instance):
    """What all programs of the service have used so far."""
    ticks = 0
    for pid in instance.programs_running():
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
        ticks += sum(int(x) for x in stat[stat.rindex(")") + 2:].split()[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")


def descriptors(instance, name):
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid, program in instance.children().items() if program == name)


def no_temporary_files(site):
    return [name for _, _, files in os.walk(site.path) for name in files if name.startswith(".")] == []


# ---- control channel ----

def test_replies_stay_in_order_behind_a_transfer(site):
    """P15, P18: what is no command waits behind a transfer like a command does, so that replies cannot be mistaken."""
    (site.sites[0].path / "big").write_bytes(b"x" * 8_000_000)
    site.give_files()
    with site.client() as c:
        c.login()
        with socket.create_connection(c.epsv()) as data:
            c.send(b"RETR big\r\n" + b"LIST a\0b\r\n" + b"X" * 5000 + b"\r\n" + b"NLST\n" + b"NOSUCH\r\n")
            assert c.reply()[0] == "1"
            while data.recv(1 << 20):
                pass
        assert c.reply().startswith("226")
        assert [c.reply()[:3] for _ in range(4)] == ["501", "500", "451", "500"]
        c.cmd("NOOP", "200")


def test_relogin_in_mid_transfer(site):
    """P16, P19: USER and REIN wait for the transfer, which keeps the identity it began with."""
    (site.sites[0].path / "big").write_bytes(b"x" * 5_000_000)
    site.give_files()
    for command, want in (("USER nobody", "331"), ("REIN", "220")):
        with site.client() as c:
            c.login()
            c.cmd("TYPE I", "200")
            with socket.create_connection(c.epsv()) as data:
                c.send(f"RETR big\r\n{command}\r\nPWD\r\n")
                assert c.reply()[0] == "1"
                total = 0
                while chunk := data.recv(1 << 20):
                    total += len(chunk)
            assert total == 5_000_000
            assert c.reply().startswith("226")
            assert c.reply().startswith(want)
            assert c.reply().startswith("530")


def test_telnet_flood(site):
    """P13: a stream of options is answered a few times only, and the session goes on."""
    with site.client() as c:
        c.send(b"\xff\xfd\x01\xff\xfb\x03" * 20000 + b"\xff\xfa" + b"\xff\xff" * 1000 + b"\xff\xf0NOOP\r\n")
        heard = b""
        while b"\r\n" not in heard:
            heard += c.sock.recv(65536)
        assert heard.endswith(b"200 NOOP command successful.\r\n") and len(heard) < 1000


def test_status_that_nobody_reads(instance):
    """P31, R02: a long STAT reply that is never taken ends with the control channel's time-out."""
    site = quick_site(instance)
    for i in range(20000):
        (site.path / f"{i:05d}-{'x' * 100}").touch()
    with instance.client() as c:
        c.login()
        c.send("STAT /\r\n" * 20)                              # more than any socket buffer takes
        assert instance.wait(lambda: "currentCommand:STAT" in instance.cli("list", "session"))
        assert instance.wait(lambda: "anna" not in instance.cli("list", "session"))


@pytest.mark.parametrize("value", ["0", "-1", "2147483647", "-2147483648"])
def test_odd_time_outs_do_not_spin(instance, value):
    """X05, P31: whatever an administrator writes, no clock runs wild while a transfer outlives the login's time."""
    site = instance.add_site("Odd", users={"anna": "secret"})
    site.extra = f'<connections unauthenticatedTimeout="1" controlChannelTimeout="{value}" dataChannelTimeout="{value}" />'
    instance.start()
    (site.path / "big").write_bytes(b"x" * 30_000_000)
    instance.give_files()
    with instance.client() as c:
        c.login()
        with socket.create_connection(c.epsv()) as data:
            c.send("RETR big\r\n")
            assert c.reply()[0] == "1"
            data.recv(1000)
            assert instance.wait_line("sallyportd: reloaded")  # the password is stored anew behind a login, which costs
            time.sleep(1.5)                                   # past the login's clock
            before = cpu_seconds(instance)
            time.sleep(2)
            assert cpu_seconds(instance) - before < 0.3
            while data.recv(1 << 20):
                pass
        assert c.reply().startswith("226")
        c.cmd("NOOP", "200")


@pytest.mark.parametrize("tls", [False, True], ids=["clear", "TLS"])
def test_commands_without_end(instance, tls):
    """P15: who sends more commands than can be taken in one go lets the other sessions have their turn, whether these
    come in one piece or in records of which each read ends with a part of one."""
    count = 2500 if tls else 2700                  # no more than one input buffer holds in the clear
    instance.add_site("Depot", tls="SslAllow", users={"anna": "secret"})
    instance.sallyport_xml = '<service workerCount="1" />'
    instance.start()
    with instance.client() as endless, instance.client() as other:
        other.login()
        if tls:
            endless.auth_tls().cmd("NOOP ", "200")
        worker, = (pid for pid, program in instance.children().items() if program == "sallyport-worker")
        os.kill(worker, signal.SIGSTOP)
        assert instance.wait(lambda: " T " in pathlib.Path(f"/proc/{worker}/stat").read_text())
        for piece in ["NOOP \r\n", *["NOOP\r\n"] * count] if tls else ["NOOP\r\n" * count]:
            endless.send(piece)
        other.send("PWD\r\n")
        os.kill(worker, signal.SIGCONT)
        assert other.reply().startswith("257")
        for _ in range(count + tls):
            assert endless.reply().startswith("200")
    verbs = [line["cs-method"] for line in instance.log_lines()]
    assert verbs.count("NOOP") >= count
    assert verbs[:verbs.index("PWD")].count("NOOP") < 100


@pytest.mark.parametrize("tls", [False, True], ids=["clear", "TLS"])
def test_replies_to_commands_in_one_piece(site, tls):
    """P15: they leave in one piece, too."""
    with site.client() as c:
        if tls:
            c.auth_tls()
        c.login()
        c.send("PWD\r\n" + "NOOP\r\n" * 20 + "NOSUCH\r\n" + "TYPE I\r\n")
        together = c.sock.recv(65536).decode().split("\r\n")
        assert [line[:3] for line in together] == ["257", *["200"] * 20, "500", "200", ""]


def test_http_under_tls(site):
    """P05: the first word of a request ends the session inside TLS as well, before and after login."""
    for login in (False, True):
        with site.client() as c:
            c.auth_tls()
            if login:
                c.login()
            c.send("GET /<script> HTTP/1.1\r\nHost: x\r\n\r\n")
            assert c.closed() and b"script" not in c.buffer


def test_format_strings(site):
    """P25."""
    with site.client() as c:
        c.login("%n%n%s%s%p", "%s%n%1000000d", want="530")
        c.login()
        for verb in ("CWD", "RETR", "MKD", "SITE", "HELP", "STAT", "%n", "OPTS", "LANG"):
            c.cmd(f"{verb} %n%s%p%1000000d")
        c.cmd("NOOP", "200")


def test_connection_flood_spares_those_logged_in(instance):
    """P32: one address cannot take all connections when it is told so; who is in stays in."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    site.attributes = ""
    site.extra = '<connections maxConnections="20" />'
    instance.start()
    with instance.client() as c:
        c.login()
        crowd = [socket.create_connection((site.host, site.port), PATIENCE) for _ in range(300)]
        firsts = [s.recv(3) for s in crowd[50:60]]
        assert firsts.count(b"421") >= 9
        c.cmd("NOOP", "200")
        c.put("x", b"y")
        for s in crowd:
            s.close()

    def again():
        try:
            with instance.client(timeout=5) as other:
                other.login()
                return True
        except (OSError, AssertionError, EOFError):
            return False
    assert instance.wait(again)


def test_login_flood_spares_other_addresses(instance):
    """A06: what one address has waiting to be checked does not stand in front of another's login."""
    yescrypt = "HASH:$y$j9T$abcdefgh12345678$KusMIs4oqdAxmLOni1xc2UZCxvtrGAxqP4WhOMOsLU3"
    instance.add_site("Depot", users={"anna": yescrypt})
    instance.start()
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(instance.client(source="127.0.0.2")) for _ in range(200)]
        c = stack.enter_context(instance.client())
        for i, one in enumerate(crowd):
            one.cmd("USER anna", "331")
            one.send(f"PASS guess {i}\r\n")
        c.login("anna", "P@ssw0rd")
        answered, _, _ = select.select([one.sock for one in crowd], [], [], 0)
        assert len(answered) < len(crowd) / 2
        assert all(one.reply().startswith("530") for one in crowd)  # a company behind one address may be as many


def test_ten_thousand_quick_connections(site):
    """P32, R10, H01: nothing is left behind of connections that come and go in every ugly way."""
    with site.client() as c:
        c.login()
        before = descriptors(site, "sallyport-worker"), descriptors(site, "sallyport-broker")
        address = (site.sites[0].host, site.sites[0].port)
        for i in range(1000 if SANITIZED else 10000):
            s = socket.create_connection(address, PATIENCE)
            if i % 5 == 1:
                s.sendall(b"USER anna\r\nPASS secret\r\nPASV\r\nSTOR x%d\r\n" % i)
            elif i % 5 == 2:
                s.sendall(b"AUTH TLS\r\n\x16\x03\x01\x02\x00\x01")
            elif i % 5 == 3:
                s.shutdown(socket.SHUT_WR)
            if i % 2:
                in_reset(s)
            else:
                s.close()
        c.cmd("NOOP", "200")

        def settled():
            now = descriptors(site, "sallyport-worker"), descriptors(site, "sallyport-broker")
            return now[0] <= before[0] and now[1] <= before[1]
        assert site.wait(settled), (before, descriptors(site, "sallyport-worker"), descriptors(site, "sallyport-broker"))
        assert site.wait(lambda: no_temporary_files(site.sites[0]))


# ---- data channel ----

@pytest.mark.parametrize("target", [
    "PORT 0,0,0,0,100,100", "PORT 127,0,0,2,100,100", "PORT 10,0,0,1,100,100", "PORT 224,0,0,1,100,100",
    "PORT 255,255,255,255,100,100", "PORT 127,0,0,1,0,80", "PORT 127,0,0,1,3,255", "PORT 127,0,0,1,256,1",
    "PORT 127,0,0,1,-1,1", "PORT 127,0,0,1,100", "PORT 127,0,0,1,100,100,1", "PORT 0x7f,0,0,1,100,100",
    "EPRT |1|0.0.0.0|30000|", "EPRT |1|10.0.0.1|30000|", "EPRT |1|127.0.0.1|80|", "EPRT |1|127.0.0.1|65536|",
    "EPRT |1|127.0.0.1|0|", "EPRT |2|::|30000|", "EPRT |2|::ffff:10.0.0.1|30000|", "EPRT |2|ff02::1|30000|",
    "EPRT |2|fe80::1%lo|30000|", "EPRT |3|127.0.0.1|30000|", "EPRT |1|::1|30000|", "EPRT |1|localhost|30000|",
    "EPRT |1|127.1|30000|", "EPRT ||||", "EPRT |1|127.0.0.1|30000", "EPRT " + "|" * 3000,
])
def test_special_targets(site, target):
    """D01, D02, P26: nobody but the client itself, at a port of its own."""
    with site.client() as c:
        c.login()
        assert c.cmd(target)[0] == "5"
        c.send("LIST\r\n")
        assert c.reply()[:3] in ("425", "503")
        c.cmd("NOOP", "200")


def test_passive_range_runs_out(instance):
    """D05: 425 when no port is left, and one again as soon as somebody is done."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    port = free_port()
    instance.server_xml = f'<firewallSupport lowDataChannelPort="{port}" highDataChannelPort="{port}" />'
    instance.start()
    with instance.client() as one, instance.client() as two:
        one.login()
        two.login()
        for _ in range(50):
            one.pasv()
        two.cmd("PASV", "425")
        two.cmd("EPSV", "425")
        one.cmd("REIN", "220")
        assert two.put("x", b"z")[2].startswith("226")
        assert (site.path / "x").read_bytes() == b"z"


def test_refused_data_channel_leaves_no_file(instance):
    """D10, D15, D17: no connection, one that says no ClientHello, one that speaks first: nothing is created, the old stays."""
    site = instance.add_site("Quick", tls="SslAllow", users={"anna": "secret"})
    site.extra = ('<connections dataChannelTimeout="1" />'
                  '<fileHandling keepPartialUploads="true" />')
    instance.start()
    (site.path / "old").write_bytes(b"old")
    instance.give_files()
    with instance.client() as c:
        c.auth_tls().login()
        c.protect()
        for command in ("STOR new", "APPE new", "STOU", "STOR old", "APPE old"):
            for words in (None, b"", b"220 I am a server as well\r\n"):
                data = socket.create_connection(c.epsv()) if words is not None else c.epsv() and None
                c.send(command + "\r\n")
                if data and words:
                    data.sendall(words)
                replies = [c.reply()]
                if replies[0][0] == "1":
                    if words == b"" and command == "STOR old":
                        c.cmd("NOOP", "200")                  # the control channel stays responsive
                    replies.append(c.reply())
                assert replies[-1][:3] in ("425", "426", "522"), (command, words, replies)
                if data:
                    data.close()
                assert instance.wait(lambda: os.listdir(site.path) == ["old"]), (command, words, os.listdir(site.path))
                assert (site.path / "old").read_bytes() == b"old", (command, words)


def test_upload_cut_by_reset(site):
    """D12, F09: RST in mid upload is never a 226; the old content stays."""
    path = site.sites[0].path
    with site.client() as c:
        c.login()
        c.cmd("TYPE I", "200")
        c.put("kept", b"before")
        for _ in range(5):
            data = socket.create_connection(c.epsv())
            c.send("STOR kept\r\n")
            assert c.reply()[0] == "1"
            data.sendall(b"y" * 100000)
            in_reset(data)
            assert c.reply()[:3] in ("426", "451", "550")
            assert (path / "kept").read_bytes() == b"before"
        assert site.wait(lambda: no_temporary_files(site.sites[0]))


def test_reader_that_never_reads(instance):
    """D16, P31: a transfer nobody takes ends with the data time-out; the session is there for the next."""
    site = quick_site(instance)
    (site.path / "big").write_bytes(b"x" * 50_000_000)
    instance.give_files()
    with instance.client() as c:
        c.login()
        data = socket.create_connection(c.epsv())
        c.send("RETR big\r\n")
        assert c.reply()[0] == "1"
        before = cpu_seconds(instance)
        assert c.reply()[:3] in ("425", "426")
        assert cpu_seconds(instance) - before < 1.5            # D14: and waits without spinning
        data.close()
        c.cmd("NOOP", "200")


def test_files_beyond_four_gigabytes(site):
    """D20: offsets above 2^32 are exact."""
    path = site.sites[0].path / "huge"
    with open(path, "wb") as f:
        f.truncate(2**32 + 1000)
        f.seek(2**32 - 3)
        f.write(b"abcdef")
    site.give_files()
    with site.client() as c:
        c.login()
        c.cmd("TYPE I", "200")
        assert c.cmd("SIZE huge") == f"213 {2**32 + 1000}"
        c.cmd(f"REST {2**32 - 3}", "350")
        content = c.get("huge")
        assert len(content) == 1003 and content[:6] == b"abcdef"
        c.data("APPE huge", upload=b"tail")
        assert path.stat().st_size == 2**32 + 1004
        c.cmd(f"REST {2**32 + 1000}", "350")
        assert c.get("huge") == b"tail"
        c.cmd(f"REST {2**32 + 1005}", "350")
        assert c.data("RETR huge", want_end=None)[0].startswith("550-Reached the end of the file.")
        for bad in ("-1", "9223372036854775808", "18446744073709551616", "1e9", "0x10", ""):
            c.cmd(f"REST {bad}", "501")


# ---- names and folders ----

def test_names_made_elsewhere(site):
    """R07, D22, F16: names that FTP could not have made never forge a line, in no listing and no reply."""
    path = os.fsencode(site.sites[0].path)
    hostile = [b"a\r\n226 Transfer complete.", b"b\nc", b"\x1b[31mred", b" lead", b"; type=dir; x", b"\xff\xfe", b"tab\there",
               b"\xc3\x28", b"x" * 255, "ü".encode() * 127, b"del\x7f", b"nel\xc2\x85x", b"-la", b"ends ", b"ends."]
    for name in hostile:
        with open(os.path.join(path, name), "wb"):
            pass
    site.give_files()
    with site.client() as c:
        c.login()
        for command in ("LIST", "NLST", "MLSD", "LIST *", "NLST *", "LIST -a"):
            content = c.data(command)[1]
            for line in content.split(b"\r\n"):
                assert b"\r" not in line and b"\n" not in line and not line.startswith(b"226"), (command, line)
                assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", line), (command, line)
            assert b"x" * 255 in content
        reply = c.cmd("STAT /")
        assert "\n226 Transfer" not in reply and "\x1b" not in reply
        c.cmd("NOOP", "200")


def test_deep_paths(site):
    """R05: folders deeper than any path may be long; names of 255 bytes at each step."""
    with site.client() as c:
        c.login()
        name = "d" * 255
        answers = []
        for _ in range(40):
            made = c.cmd(f"MKD {name}")
            answers.append(c.cmd(f"CWD {name}")[:3] if made[:3] == "257" else made[:3])
            if answers[-1] != "250":
                break
        assert answers[-1] == "550" and len(answers) > 10
        c.put("f" * 255, b"x", want_end=None)
        for command in ("LIST", "NLST", "MLSD"):
            c.data(command, want_end=None)
        c.cmd("MLST"), c.cmd("STAT ."), c.cmd(f"SIZE {'f' * 255}"), c.cmd(f"RNFR {'f' * 255}")
        assert c.cmd(f"MKD {'e' * 256}").startswith("550")
        assert c.cmd("CWD " + "a/" * 2000).startswith("550")
        assert c.cmd("CWD /", "250") and c.cmd("NOOP", "200")


def test_listings_given_up_in_a_row(instance):
    """R04: who asks for listings and aborts them without waiting has one at a time at the broker; the others are served."""
    site = instance.add_site("Depot", users={"anna": "secret", "bob": "secret"})
    instance.sallyport_xml = '<service workerCount="1" />'
    instance.start()
    (site.path / "d").mkdir()
    for number in range(10000):
        (site.path / "d" / f"file{number:05}").touch()
    (site.path / "a.txt").write_bytes(b"x")
    instance.give_files()
    with instance.client() as c, instance.client() as other:
        c.login()
        other.login("bob", "secret")
        c.sock.setblocking(False)
        c.sock.send(b"LIST d/zz*\r\nABOR\r\n" * 40000)
        before = cpu_seconds(instance)
        for _ in range(5):
            other.cmd("MDTM a.txt", "213")
        assert cpu_seconds(instance) - before < 8             # hundreds of listings would take a minute
        in_reset(c.sock)


def test_folder_swapped_for_a_link(instance):
    """F03, F04: while a folder is swapped for a link out of the site again and again, nothing outside is read or written."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    outside = instance.dir / "outside"
    outside.mkdir()
    (outside / "f").write_bytes(b"SECRET")
    outside.chmod(0o777)
    (site.path / "real").mkdir()
    (site.path / "real" / "f").write_bytes(b"public")
    instance.start()
    over, swaps, read = threading.Event(), [], []

    def swap():
        d = site.path / "d"
        while not over.is_set():
            swaps.append(d)
            os.symlink("real", d)
            os.unlink(d)
            os.symlink(outside, d)
            os.unlink(d)
            os.rename(site.path / "real", d)
            os.rename(d, site.path / "real")
    thread = threading.Thread(target=swap)
    thread.start()
    try:
        with instance.client() as c:
            c.login()
            until = time.monotonic() + 4
            while time.monotonic() < until:
                for command in ("RETR d/f", "MLSD d", "NLST d"):
                    _, content, last = c.data(command, want_end=None)
                    assert b"SECRET" not in content
                    if command == "RETR d/f" and last.startswith("226"):
                        read.append(content)
                c.data("STOR d/new", upload=b"x", want_end=None)
                c.cmd("MKD d/sub"), c.cmd("DELE d/f2"), c.cmd("RMD d/sub")
                if c.cmd("RNFR d/new")[0] == "3":
                    c.cmd("RNTO d/newer")
                c.cmd("SIZE d/f")
    finally:
        over.set()
        thread.join()
    assert sorted(os.listdir(outside)) == ["f"] and (outside / "f").read_bytes() == b"SECRET"
    assert len(swaps) > 10 and set(read) == {b"public"}


def test_two_writers_and_a_reader(site):
    """F10, F11: a second writer is refused, a reader sees the old version, and who deletes meanwhile spoils nothing."""
    path = site.sites[0].path
    with site.client() as one, site.client() as two:
        one.login()
        two.login()
        one.put("f", b"old")
        data = socket.create_connection(one.epsv())
        one.send("STOR f\r\n")
        assert one.reply()[0] == "1"
        data.sendall(b"new")
        assert two.data("STOR f", upload=b"other", want_end=None)[0].startswith("550")
        assert two.data("APPE f", upload=b"other", want_end=None)[0].startswith("550")
        assert two.get("f") == b"old"
        two.cmd("MKD d", "257")
        two.cmd("CWD d", "250")
        two.cmd("DELE /f", "250")
        data.close()
        assert one.reply().startswith("226")
        assert (path / "f").read_bytes() == b"new"
        os.rmdir(path / "d")                                   # F11: the current folder is gone
        for line in ("NLST", "MLSD", "STOR x"):
            assert two.data(line, upload=b"" if line[0] == "S" else None, want_end=None)[0].startswith("550"), line
        assert two.cmd("MKD e").startswith("550")
        two.cmd("CWD ..", "250")


def test_upload_keeps_its_name(site):
    """F10: an upload has its name from the start: neither does it wipe out what others put there, nor they it."""
    path = site.sites[0].path
    (path / "src").write_bytes(b"src")
    site.give_files()
    with site.client() as one, site.client() as two:
        one.login()
        two.login()
        data = socket.create_connection(one.epsv())
        one.send("STOR new\r\n")
        assert one.reply()[0] == "1"
        data.sendall(b"whole")
        assert "used by another process" in two.cmd("MKD new", "550")
        two.cmd("RNFR src", "350")
        assert "used by another process" in two.cmd("RNTO new", "550")
        data.close()
        assert one.reply().startswith("226")
    assert (path / "new").read_bytes() == b"whole" and (path / "src").read_bytes() == b"src"


def test_append_keeps_its_file(site):
    """F11: nobody takes the file away while it is appended to; taken away beside the service, 226 is not said."""
    path = site.sites[0].path
    with site.client() as one, site.client() as two:
        one.login()
        two.login()
        for taken in (False, True):
            one.put("log", b"old")
            data = socket.create_connection(one.epsv())
            one.send("APPE log\r\n")
            assert one.reply()[0] == "1"
            data.sendall(b"new")
            for line in ("DELE log", "RNFR log"):
                assert "used by another process" in two.cmd(line, "550"), line
            if taken:
                (path / "log").rename(path / "log.1")
            data.close()
            assert one.reply().startswith("550" if taken else "226")
            assert (path / ("log.1" if taken else "log")).read_bytes() == b"oldnew"
            two.cmd("DELE log", "550" if taken else "250")


def test_delete_during_download(site):
    """F11: a transfer goes on with what it opened."""
    (site.sites[0].path / "big").write_bytes(os.urandom(1000) * 10000)
    site.give_files()
    with site.client() as c, site.client() as other:
        c.login()
        other.login()
        c.cmd("TYPE I", "200")
        with socket.create_connection(c.epsv()) as data:
            c.send("RETR big\r\n")
            assert c.reply()[0] == "1"
            total = len(data.recv(1000))
            other.cmd("DELE big", "250")
            while chunk := data.recv(1 << 20):
                total += len(chunk)
        assert total == 10_000_000
        assert c.reply().startswith("226")


def test_file_cut_during_download(site):
    """H02, D14: a file that gets shorter under a download ends it; nothing spins or dies."""
    path = site.sites[0].path / "big"
    for tls in (False, True):
        path.write_bytes(b"x" * 40_000_000)
        site.give_files()
        with site.client() as c:
            if tls:
                c.auth_tls()
            c.login()
            if tls:
                c.protect()
            c.cmd("TYPE I", "200")
            data = socket.create_connection(c.epsv())
            c.send("RETR big\r\n")
            assert c.reply()[0] == "1"
            if tls:
                data = c.context.wrap_socket(data, session=c.sock.session)
            total = len(data.recv(1000))
            os.truncate(path, 10)
            while chunk := data.recv(1 << 20):
                total += len(chunk)
            data.close()
            assert total < 40_000_000
            assert c.reply().startswith("226")                # the file is as long as it is now
            c.cmd("NOOP", "200")


def test_case_twins(instance):
    """F14: two names that differ in case only are not guessed between; the exact one is found."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    site.settings = 'caseInsensitiveNames="true"'
    instance.start()
    (site.path / "Read.txt").write_bytes(b"upper")
    (site.path / "read.txt").write_bytes(b"lower")
    (site.path / "One.txt").write_bytes(b"one")
    instance.give_files()
    with instance.client() as c:
        c.login()
        assert c.get("Read.txt") == b"upper" and c.get("read.txt") == b"lower"
        assert c.get("ONE.TXT") == b"one"
        assert c.data("RETR READ.TXT", want_end=None)[0].startswith("550")
        c.put("oNE.txt", b"again")
        assert (site.path / "One.txt").read_bytes() == b"again" and not (site.path / "oNE.txt").exists()


# ---- TLS ----

def s_client_command(site, *options):
    return ["openssl", "s_client", "-connect", f"127.0.0.1:{site.port}", "-starttls", "ftp", *options]


def s_client(site, *options, text=""):
    return subprocess.run(s_client_command(site, *options), input=text, capture_output=True, text=True, timeout=PATIENCE)


def test_renegotiation_is_off(site):
    """T02: asking for it (s_client: R) ends with an alert, never with a second handshake."""
    done = s_client(site.sites[0], "-tls1_2", text="R\nNOOP\n")
    assert "RENEGOTIATING" in done.stdout + done.stderr
    assert "no renegotiation" in done.stdout + done.stderr
    assert "Secure Renegotiation IS supported" in done.stdout


def test_no_early_data(site, tmp_path):
    """T05: tickets allow none, so that a client has none to send."""
    session, early = tmp_path / "session", tmp_path / "early"
    early.write_text("USER anna\r\n")
    command = s_client_command(site.sites[0], "-tls1_3", "-sess_out", str(session))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
        assert site.wait(session.exists)      # it stays until it has got a ticket
        first.stdin.close()
    done = s_client(site.sites[0], "-tls1_3", "-sess_in", str(session), "-early_data", str(early))
    assert "Reused, TLSv1.3" in done.stdout
    assert "Early data was not sent" in done.stdout


def in_the_kernel(c):
    """Bytes that the server has sent and `c` has not read: in its own socket's buffer, and in the server's."""
    ends = [f":{port:04X}" for port in (c.sock.getpeername()[1], c.sock.getsockname()[1])]
    unsent = [int(line.split()[4].split(":")[0], 16) for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()
              if [end[8:] for end in line.split()[1:3]] == ends]
    waiting = fcntl.ioctl(c.sock, termios.FIONREAD, b"\0" * 4)  # last: what is on its way counts twice, not never
    return int.from_bytes(waiting, sys.byteorder) + sum(unsent)


def test_half_closed_client_gets_its_replies(instance):
    """P15: who sends no more is still answered, though its socket was full when the server saw the end."""
    instance.add_site("Depot", users={"anna": "secret"})
    instance.sallyport_xml += '<service workerCount="1" />'
    instance.start()
    with instance.client() as other, instance.client() as c:
        c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        feat = len(other.cmd("FEAT", "211").replace("\n", "\r\n")) + 2
        count = 0
        while in_the_kernel(c) >= count * feat:  # until replies wait in the server for room
            c.send("FEAT\r\n" * 64)
            count += 64
            for _ in range(4):
                other.cmd("NOOP", "200")  # each turn of the worker is 64 steps of a session
        c.sock.shutdown(socket.SHUT_WR)
        for _ in range(4):
            other.cmd("NOOP", "200")
        for n in range(count):
            assert c.reply().startswith("211"), n
        assert c.closed()


def test_hello_cut_at_every_length(instance):
    """T09: a ClientHello that stops anywhere, or has a bit turned, ends the connection and costs no program its life."""
    site = instance.add_site("Depot", tls="SslAllow", users={"anna": "secret"})
    instance.start()
    out = ssl.MemoryBIO()
    tls = insecure_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = out.read()
    pids = set(instance.programs_running())
    for at in range(0, len(hello), 7):
        for bytes_ in (hello[:at], hello[:at] + bytes([hello[at] ^ 0x41]) + hello[at + 1:]):
            with instance.client() as c:
                c.cmd("AUTH TLS", "234")
                try:
                    c.sock.sendall(bytes_)
                    c.sock.shutdown(socket.SHUT_WR)
                except OSError:
                    pass                                      # it hung up at the first wrong byte
                assert c.closed()
    with instance.client() as c:
        c.auth_tls().login()
    assert set(instance.programs_running()) == pids


@pytest.mark.parametrize("half", [b"\x17", b"\x17\x03\x03\x00", b"\x17\x03\x03\x40\x00half a record"], ids=["byte", "head", "body"])
@pytest.mark.parametrize("logged_in", [False, True], ids=["before", "after"])
def test_half_a_record(instance, logged_in, half):
    """T09: who stops in the middle of a record keeps no worker from its other sessions; the next byte is waited for."""
    instance.add_site("Depot", tls="SslAllow", users={"anna": "secret"})
    instance.start()
    others = [instance.client() for _ in range(6)]
    stopped = [instance.client() for _ in range(4)]
    for c in stopped:
        c.auth_tls()
        if logged_in:
            c.login()
        os.write(c.sock.fileno(), half)
    for _ in range(3):
        for c in others:
            c.cmd("NOOP")
    with instance.client() as c:
        c.login()
        assert instance.wait_line("sallyportd: reloaded")      # the password is stored anew behind a login, which costs
        before = cpu_seconds(instance)
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            c.cmd("NOOP", "200")
            time.sleep(0.05)
        assert cpu_seconds(instance) - before < 0.5
    for c in stopped + others:
        c.sock.close()


def test_clear_bytes_after_ccc(instance):
    """P22: bytes in the clear behind close_notify are the new channel's; bytes before it are nobody's, and end the session
    when they come behind the reply; passwords stay out."""
    site = instance.add_site("Cleared", tls="SslRequireCredentialsOnly", users={"anna": "secret"})
    instance.start()
    with instance.client() as c:
        c.auth_tls().login()
        c.cmd("CCC", "200")
        raw = c.sock.unwrap()
        c.sock = raw
        c.cmd("PWD", "257")
        assert c.cmd("PROT P")[0] == "5" and c.cmd("PBSZ 0")[0] == "5" and c.cmd("AUTH TLS")[0] == "5"
        c.cmd("USER anna", "534")
        c.cmd("PASS secret", "503")
    with instance.client() as c:
        c.auth_tls().login()
        c.send("CCC\r\nDELE x\r\nMKD smuggled\r\n")           # still under TLS, behind CCC
        assert c.reply().startswith("200")
        c.sock = c.sock.unwrap()
        c.cmd("NOOP", "200")
    with instance.client() as c:
        c.auth_tls().login()
        c.cmd("CCC", "200")
        c.send("MKD smuggled\r\n")
        c.sock = socket.socket(fileno=c.sock.detach())        # the connection, not only its TLS
        c.sock.settimeout(c.timeout)
        assert c.closed()
    assert not (site.path / "smuggled").exists()


@pytest.mark.parametrize("command, want", [("REIN", "220"), ("CCC", "200")])
def test_end_of_tls_in_one_piece_with_its_command(instance, command, want):
    """P22: the reply still goes out under TLS."""
    instance.add_site("Cleared", tls="SslAllow", users={"anna": "secret"})
    instance.start()
    with instance.client() as c:
        c.auth_tls().login()
        c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        c.send(f"{command}\r\n")
        c.sock.settimeout(0)
        with pytest.raises(ssl.SSLWantReadError):
            c.sock.unwrap()                        # sends close_notify
        c.sock.settimeout(PATIENCE)
        c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
        assert c.reply().startswith(want)
        c.sock = c.sock.unwrap()
        c.cmd("NOOP", "200")


# ---- the host ----

def test_reload_storm(site):
    """H13, X02: SIGHUP by the hundred and files half written under traffic: every connection is served, nothing leaks."""
    held = site.client()
    held.login()
    before = {name: descriptors(site, name) for name in ("sallyport-worker", "sallyport-broker", "sallyport-auth")}
    good = (site.dir / "applicationHost.config").read_text()
    own = len(os.listdir(f"/proc/{site.process.pid}/fd"))
    for i in range(60):
        site.process.send_signal(signal.SIGHUP)
        if i % 10 == 5:
            site.put("applicationHost.config", good[:len(good) * i // 60])
        elif i % 10 == 6:
            site.put("applicationHost.config", good)
        with site.client() as c:
            c.login()
            c.put(f"f{i}", b"x")
        held.cmd("NOOP", "200")
    site.put("applicationHost.config", good)
    site.reload()
    held.cmd("NOOP", "200")
    held.sock.close()

    def settled():
        return all(descriptors(site, name) <= count + 2 for name, count in before.items()) and \
            len(os.listdir(f"/proc/{site.process.pid}/fd")) <= own
    assert site.wait(settled), (before, own, {name: descriptors(site, name) for name in before})
    assert site.wait(lambda: "sallyport-loader" not in site.children().values())


def test_every_program_killed_again_and_again(site):
    """H04: with traffic; afterwards no program, descriptor, zombie or temporary file is left over."""
    path, deadline = site.sites[0].path, time.monotonic() + (25 if SANITIZED else 15)
    own = len(os.listdir(f"/proc/{site.process.pid}/fd"))
    want = sorted(site.programs_running().values())
    acknowledged, stored, over = {}, [], threading.Event()

    def traffic(number):
        count = 0
        while not over.is_set():
            try:
                with site.client(timeout=5) as c:
                    c.login()
                    c.cmd("TYPE I", "200")
                    while not over.is_set():
                        count += 1
                        name, content = f"{number}-{count % 20}", os.urandom(20000 + count)
                        acknowledged.pop(name, None)
                        if c.put(name, content)[2].startswith("226"):
                            acknowledged[name] = content
                            stored.append(name)
            except (OSError, AssertionError, EOFError):
                time.sleep(0.02)
    threads = [threading.Thread(target=traffic, args=(number,)) for number in range(3)]
    for t in threads:
        t.start()
    turn = 0
    while time.monotonic() < deadline:
        children = sorted(site.children().items())
        if children:
            with contextlib.suppress(ProcessLookupError):     # it went with its worker a moment ago
                os.kill(children[turn % len(children)][0], signal.SIGKILL)
        turn += 1
        site.wait(lambda: False, 0.4)
    over.set()
    for t in threads:
        t.join()
    assert acknowledged and len(stored) > 20, len(stored)
    for name, content in acknowledged.items():
        assert (path / name).read_bytes() == content, name
    assert site.wait(lambda: sorted(site.programs_running().values()) == want), site.output

    def works():
        try:
            with site.client(timeout=5) as c:
                c.login()
                for number in range(3):
                    for count in range(20):
                        c.put(f"{number}-{count}", b"whole")
                return True
        except (OSError, AssertionError, EOFError):
            return False
    assert site.wait(works), site.output
    assert site.wait(lambda: no_temporary_files(site.sites[0])), os.listdir(path)
    assert site.wait(lambda: len(os.listdir(f"/proc/{site.process.pid}/fd")) <= own)

    def zombies():
        return "Z" in subprocess.run(["ps", "--no-headers", "-o", "stat", "--ppid", str(site.process.pid)], capture_output=True,
                                     text=True).stdout
    assert site.wait(lambda: not zombies())                   # a loader that has just ended is one for a moment
