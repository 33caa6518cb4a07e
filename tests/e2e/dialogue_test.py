"""The dialogue as IIS speaks it: reply texts, paths, listings, transfers (ftp-behaviour: "Commands", "Replies")."""
import contextlib
import errno
import os
import pathlib
import re
import signal
import socket
import time

import pytest

from harness import SANITIZED

# Each row is typed after a login; the reply must be exactly this ("*" at the end: begins with).
REPLIES = [
    ("NOOP", "200 NOOP command successful."),
    ("noop", "200 NOOP command successful."),
    ("SYST", "215 Windows_NT"),
    ("PWD", '257 "/" is current directory.'),
    ("XPWD", '257 "/" is current directory.'),
    ("TYPE A", "200 Type set to A."),
    ("TYPE I", "200 Type set to I."),
    ("TYPE E", "504*"),
    ("MODE S", "200*"),
    ("MODE Z", "504*"),
    ("STRU F", "200*"),
    ("STRU R", "504*"),
    ("ALLO 100", "202*"),
    ("ACCT x", "202*"),
    ("OPTS UTF8 ON", "200 OPTS UTF8 command successful - UTF8 encoding now ON."),
    ("OPTS UTF8 OFF", "200 OPTS UTF8 command successful - UTF8 encoding now OFF."),
    ("OPTS JUNK", "501*"),
    ("SITE DIRSTYLE", "200 MSDOS-like directory output is off."),
    ("REST 5", "350 Restarting at 5."),
    ("REST -1", "501*"),                                                # P26
    ("REST 9223372036854775808", "501*"),                               # P26
    ("ALLO 1000000000000000000000000000000", "501*"),                   # P26
    ("PORT 1,2,3,4,5", "501*"),                                         # P26
    ("PORT 127,0,0,1,0,21", "501*"),                                    # D01: below 1024
    ("PORT 8,8,8,8,100,100", "501 Server cannot accept argument."),     # D01
    ("EPRT |1|0.0.0.0|2000|", "501*"),                                  # D02
    ("EPRT |3|127.0.0.1|2000|", "522*"),                                # D02
    ("EPRT |2|::1|2000|", "5*"),                                        # D02: another family than the control channel
    ("RNTO b", "503 Bad sequence of commands."),                        # P20
    ("PASS x", "503*"),                                                 # P20
    ("PROT P", "503*"),
    ("CCC", "5*"),
    ("HOST localhost", "503*"),                                         # P36
    ("ADAT x", "502 Command not implemented."),
    ("MIC x", "502 Command not implemented."),
    ("MLSX", "500 Command not understood."),
    ("SITE EXEC id", "5*"),                                             # P24
    ("SITE CPFR x", "5*"),                                              # P24
    ("USER", "501 Invalid number of parameters."),
    ("CWD nowhere", "550-The system cannot find the file specified. \n*"),
    ("CDUP", "250 CDUP command successful."),
    ("DELE nothing", "550-The system cannot find the file specified. \n*"),
    ("DELE no/thing", "550-The system cannot find the path specified. \n*"),
    ("RETR nothing", "550-The system cannot find the file specified. \n*"),
    ("SIZE nothing", "550-*"),
    ("MKD sub", '257 "sub" directory created.'),
    ("MKD sub", "550-Cannot create a file when that file already exists. \n*"),
    ("XCWD sub", "250 XCWD command successful."),
    ("PWD", '257 "/sub" is current directory.'),
    ("CWD ..", "250 CWD command successful."),
    ("CWD ../../..", "250 CWD command successful."),                    # F01: clamps at the root
    ("PWD", '257 "/" is current directory.'),
    ("XRMD sub", "250 XRMD command successful."),
    ("RMD sub", "550-*"),
    ("ABOR", "225*"),                                                   # P18: nothing to abort
    ("LANG EN", "200*"),
    ("FEAT x", "501*"),                                                 # P36
]


def matches(reply, want):
    return reply.startswith(want[:-1]) if want.endswith("*") else reply == want


def test_reply_texts(site):
    with site.client() as c:
        assert c.banner == "220 Microsoft FTP Service"
        assert c.cmd("USER anna") == "331 Password required"
        assert c.cmd("PASS secret") == "230 User logged in."
        wrong = [(line, want, got) for line, want in REPLIES if not matches(got := c.cmd(line), want)]
        assert wrong == []
        assert c.cmd("QUIT") == "221 Goodbye."
        assert c.closed()


def test_before_login(site):
    """What may be said before login, and that everything else is 530 (ftp-behaviour 1.2)."""
    with site.client() as c:
        assert c.cmd("FEAT") == (
            "211-Extended features supported:\n LANG EN*\n UTF8\n AUTH TLS;TLS-C;SSL;TLS-P;\n PBSZ\n PROT C;P;\n CCC\n HOST\n"
            " SIZE\n MDTM\n REST STREAM\n MLST type*;size*;modify*;create*;perm*;unique*;UNIX.mode*;\n MFMT\n TVFS\n EPRT\n EPSV\n211 END")
        for line in ("LIST", "PWD", "CWD /", "RETR x", "STOR x", "PASV", "PORT 127,0,0,1,100,100", "MKD x", "SIZE x", "REST 0",
                     "TYPE I", "RNTO x", "MLSD", "SITE DIRSTYLE", "STAT"):
            assert c.cmd(line) == "530 Please login with USER and PASS.", line
        for line in ("NOOP", "SYST", "HELP", "OPTS UTF8 ON"):
            assert c.cmd(line)[0] == "2", line


def test_help(site):
    with site.client() as c:
        lines = c.cmd("HELP").split("\n")
        assert lines[0] == "214-The following commands are recognized (* ==>'s unimplemented)."
        assert lines[-1] == "214 HELP command successful."
        verbs = [line[4:] for line in lines[1:-1]]
        assert all(line.startswith("    ") for line in lines[1:-1])
        want = ("ABOR ACCT ADAT_* ALLO APPE AUTH CCC CDUP CWD DELE ENC_* EPRT EPSV FEAT HELP HOST LANG LIST MDTM MIC_* MKD MODE NLST "
                "NOOP OPTS PASS PASV PBSZ PORT PROT PWD QUIT REIN REST RETR RMD RNFR RNTO SITE SIZE SMNT STAT STOR STOU STRU "
                "SYST TYPE USER XCUP XCWD XMKD XPWD XRMD").replace("_", " ").split()
        spoken = " ".join(verbs).split()
        assert [verb for verb in spoken if verb not in ("MFMT", "MLSD", "MLST")] == want
        c.login()
        assert c.cmd("HELP dele") == "214 Syntax: dele <sp> file-name - (delete file)"


def test_input_is_not_reflected_before_login(site):
    """P07: IIS echoes LANG and HELP arguments before login; we do not."""
    with site.client() as c:
        for line in ("LANG <script>", "HELP <script>", "TYPE <script>", "USER <script>", "AUTH <script>", "<script> x", "OPTS <script>"):
            assert "script" not in c.cmd(line)


def test_http_is_cut_off(site):
    """P05: a browser that was sent here hears nothing back but the end."""
    for verb in ("GET / HTTP/1.1", "POST / HTTP/1.1", "OPTIONS * HTTP/1.0", "HEAD / HTTP/1.1", "PUT / HTTP/1.1"):
        with site.client() as c:
            c.send(verb + "\r\nHost: localhost\r\nUSER anna\r\n\r\n")
            assert c.closed()
            assert b"331" not in c.buffer
    with site.client() as c:
        c.login()
        c.send("GET / HTTP/1.1\r\n")
        assert c.closed()


def test_lines(site):
    """P08-P14: over-long lines, NUL, bare LF, CR inside, empty lines, telnet bytes, bytes beyond ASCII in the verb."""
    with site.client() as c:
        c.login()
        c.send("CWD " + "x" * 100000 + " MKD smuggled\r\nNOOP\r\n")
        assert c.reply().startswith("500")
        assert c.reply() == "200 NOOP command successful."
        for line, want in [(b"MKD a\0b\r\n", "501"), (b"\r\n", "500"), (b'"\\\r\n', "500"), (b"\xff\xf6NOOP\r\n", "200"),
                           (b"\x80\xffOOP\r\n", "500"), (b"MKD a\rb\r\n", "5"), (b"NOOP\n", "451")]:
            c.send(line)
            assert c.reply().startswith(want), line
        assert os.listdir(site.sites[0].path) == []
        c.send(b"\xff\xfb\x01NOOP\r\n")                     # WILL ECHO is refused by DONT ECHO (P13)
        assert c.reply_behind(b"\xff\xfe\x01").startswith("200")


def peak_kilobytes(instance, *programs):
    """The most memory that these programs have had so far."""
    return sum(int(re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text())[1])
               for pid, name in instance.children().items() if name in programs)


def test_endless_line_is_bounded(site):
    """P09: bytes without an end of line do not grow anything for ever."""
    with site.client() as c:
        c.login()
    before = peak_kilobytes(site, "sallyport-worker")
    pids = site.programs_running()
    with site.client() as c:
        with contextlib.suppress(ConnectionError):  # it is told to go when there is no end in sight
            for _ in range(128):
                c.send(b"A" * 65536)
        assert c.closed()
        assert c.buffer.startswith(b"421 Too many errors") or not c.buffer  # which the reset may have taken away
    assert SANITIZED or peak_kilobytes(site, "sallyport-worker") < before + 2048
    with site.client() as c:  # the service lives
        c.login()
    assert site.programs_running() == pids


def test_unknown_commands_are_capped(site):
    """P06: ten before login, fifty after, then 421."""
    for login, most in ((False, 10), (True, 50)):
        with site.client() as c:
            if login:
                c.login()
            replies = []
            try:
                for _ in range(most + 1):
                    replies.append(c.cmd("XYZZY")[:3])
            except (EOFError, ConnectionResetError, BrokenPipeError):
                pass
            assert replies[:most] == ["500"] * most and replies[most:] in (["421"], [])
            assert c.closed()


def test_pipelining(site):
    """P15: many commands in one segment, in order, also behind a transfer."""
    with site.client() as c:
        c.login()
        c.send("".join(f"MKD d{n}\r\nCWD d{n}\r\nCDUP\r\n" for n in range(100)))
        for n in range(100):
            assert c.reply() == f'257 "d{n}" directory created.'
            assert c.reply() == "250 CWD command successful."
            assert c.reply() == "250 CDUP command successful."
        address = c.epsv()
        with socket.create_connection(address) as data:
            c.send("NLST\r\nPWD\r\nNOOP\r\n")
            assert c.reply()[0] == "1"
            while data.recv(65536):
                pass
        assert [c.reply()[:3] for _ in range(3)] == ["226", "257", "200"]


@pytest.mark.parametrize("size", [0, 1, 16383, 16384, 16385, 65537, 3_000_001])
def test_files_come_back_as_sent(site, size):
    """D20, both ways, and what SIZE and the directory say about it."""
    content = os.urandom(size)
    with site.client() as c:
        c.login()
        c.cmd("TYPE I", "200")
        first, _, last = c.put("file.bin", content)
        assert first.split(" ")[0] in ("125", "150") and last == "226 Transfer complete."
        assert (site.sites[0].path / "file.bin").read_bytes() == content
        assert c.get("file.bin") == content
        assert c.cmd("SIZE file.bin") == f"213 {size}"


def test_passive_by_pasv_and_port(site):
    with site.client() as c:
        c.login()
        c.cmd("TYPE I", "200")
        c.put("a.txt", b"hello", extended=False)
        assert c.get("a.txt", extended=False) == b"hello"
        for form in ("PORT 127,0,0,1,{},{}", "EPRT |1|127.0.0.1|{}|"):
            with socket.create_server(("127.0.0.1", 0)) as listener:
                port = listener.getsockname()[1]
                c.cmd(form.format(*((port // 256, port % 256) if "PORT" in form[:4] else (port,))), "200 " + form[:4] + " command")
                c.send("RETR a.txt\r\n")
                data, _ = listener.accept()
                assert c.reply()[:3] in ("125", "150")
                assert data.recv(100) == b"hello"
                data.close()
                assert c.reply() == "226 Transfer complete."


def test_nobody_listens_at_the_port(site):
    with site.client() as c, socket.socket() as taken:
        c.login()
        taken.bind(("127.0.0.1", 0))                                     # and no listen: who connects is refused
        port = taken.getsockname()[1]
        c.cmd(f"PORT 127,0,0,1,{port >> 8},{port & 255}", "200")
        c.send("NLST\r\n")
        assert c.reply()[:3] == "150"
        assert c.reply() == ("425-Cannot open data connection.\n"
                             " Win32 error:   No connection could be made because the target machine actively refused it. \n"
                             " Error details: Connection error.\n425 End")


def test_ascii_type(site):
    """P28: line ends are converted on the way out and in; SIZE is refused in TYPE A."""
    (site.sites[0].path / "unix.txt").write_bytes(b"one\ntwo\r\nthree\n" + b"x\n" * 40000)
    with site.client() as c:
        c.login()
        c.cmd("TYPE A", "200")
        assert c.get("unix.txt") == b"one\r\ntwo\r\nthree\r\n" + b"x\r\n" * 40000
        c.put("up.txt", b"one\r\ntwo\r\n" + b"y\r\n" * 40000)
        assert (site.sites[0].path / "up.txt").read_bytes() == b"one\ntwo\n" + b"y\n" * 40000
        assert c.cmd("SIZE up.txt").startswith("550")


def test_restart(site):
    content = bytes(range(256)) * 1000
    with site.client() as c:
        c.login()
        c.cmd("TYPE I", "200")
        c.put("r.bin", content)
        c.cmd("REST 1000", "350")
        assert c.get("r.bin") == content[1000:]
        assert c.get("r.bin") == content                     # REST binds the next transfer only (P27)
        c.cmd("REST 300000", "350")
        assert c.data("RETR r.bin", want_end=None)[0].startswith("55")  # beyond the end
        c.cmd("REST 1000", "350")
        c.put("r.bin", b"new tail")
        assert (site.sites[0].path / "r.bin").read_bytes() == content[:1000] + b"new tail"
        c.data("APPE r.bin", upload=b"!more")
        assert (site.sites[0].path / "r.bin").read_bytes() == content[:1000] + b"new tail!more"
        c.data("APPE fresh.bin", upload=b"made")
        assert (site.sites[0].path / "fresh.bin").read_bytes() == b"made"


def test_unique_names(site):
    with site.client() as c:
        c.login()
        for _ in range(3):
            c.data("STOU", upload=b"unique")
        c.cmd("REST 5", "350")
        assert c.data("STOU", upload=b"late", want_end=None)[0][0] == "5"  # P27: nothing stands before what is new
        made = os.listdir(site.sites[0].path)
        assert len(made) == 3
        assert all((site.sites[0].path / name).read_bytes() == b"unique" for name in made)


def test_rename(site):
    path = site.sites[0].path
    with site.client() as c:
        c.login()
        c.put("a", b"A")
        c.put("b", b"B")
        assert c.cmd("RNFR a") == "350 Requested file action pending further information."
        assert c.cmd("RNTO c") == "250 RNTO command successful."
        c.cmd("RNFR c", "350")
        assert c.cmd("RNTO b").startswith("550-Cannot create a file when that file already exists.")  # F05
        assert (path / "b").read_bytes() == b"B" and (path / "c").read_bytes() == b"A"
        c.cmd("RNFR c", "350")
        c.cmd("NOOP", "200")
        c.cmd("RNTO d", "503")                                # P21


def test_times(site):
    with site.client() as c:
        c.login()
        c.put("t.txt", b"x")
        assert c.cmd("MFMT 20170619124726 t.txt").startswith("213 ")
        assert c.cmd("MDTM t.txt") == "213 20170619124726"
        assert c.cmd("MFMT garbage t.txt").startswith("501")  # P26
        assert "modify=20170619124726" in c.cmd("MLST t.txt")


def test_listings(site):
    """ftp-behaviour 8: the MS-DOS and UNIX forms, NLST prefixes, wildcards, a file, an empty directory."""
    path = site.sites[0].path
    (path / "plans").mkdir()
    (path / "q1.txt").write_bytes(b"x" * 1234)
    (path / "B2.txt").write_bytes(b"")
    stamp = time.mktime((2025, 3, 14, 8, 15, 0, 0, 0, -1))
    for name in ("plans", "q1.txt", "B2.txt"):
        os.utime(path / name, (stamp, stamp))
    site.give_files()
    with site.client() as c:
        c.login()
        assert c.data("LIST")[1] == (b"03-14-25  08:15AM                    0 B2.txt\r\n"
                                     b"03-14-25  08:15AM       <DIR>          plans\r\n"
                                     b"03-14-25  08:15AM                 1234 q1.txt\r\n")
        assert c.data("LIST q1.txt")[1] == b"03-14-25  08:15AM                 1234 q1.txt\r\n"
        assert c.data("LIST *.TXT")[1].count(b"\r\n") == 2
        assert c.data("LIST -la")[1].count(b"\r\n") == 3      # R06
        assert c.data("NLST")[1] == b"B2.txt\r\nplans\r\nq1.txt\r\n"
        assert c.data("NLST -C1 -lFaA")[1].count(b"\r\n") == 3
        for names_nothing in ("NLST -z", "NLST -az", "MLSD -a"):
            assert c.data(names_nothing, want_end=None)[0].startswith("550-The system cannot find the file specified."), names_nothing
        for no_name in ("LIST plans\\*", "NLST plans\\*.txt", "LIST \\*", "STAT plans\\?", "MLSD *"):       # F01; MLSD has no wildcards
            assert c.data(no_name, want_end=None)[0].startswith("550-The filename, directory name, or volume label"), no_name
        assert c.data("NLST /")[1] == b"/B2.txt\r\n/plans\r\n/q1.txt\r\n"
        assert c.data("LIST plans") [1:] == (b"", "226 Transfer complete.")
        assert c.data("LIST missing", want_end=None)[0].startswith("550")
        assert c.cmd("SITE DIRSTYLE") == "200 MSDOS-like directory output is off."
        assert c.data("LIST")[1] == (b"-rwxrwxrwx   1 owner    group               0 Mar 14  2025 B2.txt\r\n"
                                     b"drwxrwxrwx   1 owner    group               0 Mar 14  2025 plans\r\n"
                                     b"-rwxrwxrwx   1 owner    group            1234 Mar 14  2025 q1.txt\r\n")
        facts = c.data("MLSD")[1].decode().splitlines()
        assert any(re.match(r"type=dir;.*modify=\d{14};.* plans$", line) for line in facts)
        assert any("size=1234;" in line and line.endswith(" q1.txt") for line in facts)
        assert c.data("MLSD q1.txt", want_end=None)[0] == "501 The parameter is incorrect."
        for options in (None, "create;", "size;create;", "size;"):  # MLSD and MLST tell the same, whether or not there is a birth time
            assert options is None or c.cmd(f"OPTS MLST {options}") == f"200 MLST OPTS {options}"
            one = c.cmd("MLST q1.txt").split("\n")[1].split()[0]
            assert any(line.split()[0] == one for line in c.data("MLSD")[1].decode().splitlines()), (options, one)
        assert c.cmd("OPTS MLST") == "200 MLST OPTS "
        assert c.cmd("MLST q1.txt").split("\n")[1] == "  /q1.txt"  # a blank of the reply, no facts, theirs (RFC 3659)
        assert c.cmd("STAT /").split("\n")[0][:3] in ("212", "213")


def test_wildcard_bombs(site):
    """R01, R02: no brace expansion, wildcards in the last component only, answered at once."""
    with site.client() as c:
        c.login()
        for pattern in ("*/../*/../*/../*", "{a,b}" * 200, "*" * 2000, "*a" * 500):
            began = time.monotonic()
            first, data, _ = c.data("LIST " + pattern, want_end=None)
            assert data == b"" and time.monotonic() - began < 10


def test_utf8_names(site):
    with site.client() as c:
        c.login()
        c.put("Grüße-日本.txt", b"x")
        assert (site.sites[0].path / "Grüße-日本.txt").exists()
        assert "Grüße-日本.txt".encode() in c.data("NLST")[1]
        c.send(b"STOR \xc0\xaf.txt\r\n")                     # overlong UTF-8 (F01, F16)
        assert c.reply()[0] == "5"


@pytest.mark.parametrize("name", ["CON", "nul", "AUX.txt", "COM1", "evil.exe.", "evil.exe ", "a:b", "x.asp:.jpg", "a<b", 'a"b', "a|b",
                                  "a?b", "a*b", "..\\up", "a\x01b", "\\\\server\\share", "C:\\x"])
def test_names_windows_cannot_use(site, name):
    """W01-W06: refused on creation, whatever makes the name."""
    with site.client() as c:
        c.login()
        for command in (f"MKD {name}", f"STOR {name}"):
            assert c.data(command, upload=b"", want_end=None)[0][0] == "5", command
        c.put("plain", b"x")
        if c.cmd("RNFR plain").startswith("350"):
            assert c.cmd(f"RNTO {name}")[0] == "5"
        assert os.listdir(site.sites[0].path) == ["plain"]


def test_no_way_out_of_the_site(site):
    """F01, F03, F04: text tricks and links."""
    path = site.sites[0].path
    os.symlink("/etc", path / "etc")
    os.symlink("../../..", path / "up")
    os.mkfifo(path / "fifo")
    with site.client() as c:
        c.login()
        for name in ("../../../../etc/passwd", "/../../etc/passwd", "..%2f..%2fetc/passwd", "etc/passwd", "up/etc/passwd", "..\\..\\etc\\passwd",
                     ".../etc/passwd", "fifo"):
            first, data, _ = c.data(f"RETR {name}", want_end=None)
            assert first.startswith("55") and data == b"", name           # R08 for the pipe
        for name in ("etc/x", "up/x", "../../x"):
            c.data(f"STOR {name}", upload=b"x", want_end=None)
        assert not os.path.exists("/etc/x") and not (site.dir / "x").exists()
        c.cmd("CWD etc", "550")
        c.cmd("CWD up", "550")


def test_abort(site):
    """P18: ABOR during a transfer gives 426 then 226, and the next replies are in step."""
    (site.sites[0].path / "big").write_bytes(b"x" * 50_000_000)
    site.give_files()
    with site.client() as c:
        c.login()
        c.cmd("TYPE I", "200")
        address = c.epsv()
        with socket.create_connection(address) as data:
            c.send("RETR big\r\n")
            assert c.reply()[0] == "1"
            data.recv(1000)
            c.send("ABOR\r\n")
            assert c.reply().startswith("426")
            assert c.reply() == "226 ABOR command successful."
        assert c.cmd("NOOP") == "200 NOOP command successful."


def test_urgent_abort(site):
    """P17: Telnet IP and Synch before ABOR, as urgent data."""
    (site.sites[0].path / "big").write_bytes(b"x" * 50_000_000)
    site.give_files()
    with site.client() as c:
        c.login()
        address = c.epsv()
        with socket.create_connection(address) as data:
            c.send("RETR big\r\n")
            assert c.reply()[0] == "1"
            data.recv(1000)
            c.sock.send(b"\xff\xf4\xff", socket.MSG_OOB)
            c.send(b"\xf2ABOR\r\n")
            assert c.reply().startswith("426")
            assert c.reply().startswith("226")
        c.cmd("NOOP", "200")


def test_stat_and_commands_during_a_transfer(site):
    """P16: only STAT, NOOP, ABOR, QUIT act meanwhile; the rest waits its turn."""
    (site.sites[0].path / "big").write_bytes(b"x" * 20_000_000)
    site.give_files()
    with site.client() as c:
        c.login()
        c.cmd("TYPE I", "200")
        address = c.epsv()
        with socket.create_connection(address) as data:
            c.send("RETR big\r\n")
            assert c.reply()[0] == "1"
            total = len(data.recv(1000))
            c.send("STAT\r\n")
            assert c.reply().startswith("211")
            c.send("CWD /nowhere\r\n")
            while chunk := data.recv(1 << 20):
                total += len(chunk)
        assert total == 20_000_000
        assert c.reply().startswith("226")
        assert c.reply().startswith("550")


def test_epsv_all(site):
    """P34."""
    with site.client() as c:
        c.login()
        c.cmd("EPSV ALL", "200")
        for line in ("PORT 127,0,0,1,100,100", "PASV", "EPRT |1|127.0.0.1|20000|"):
            assert c.cmd(line)[0] == "5", line
        assert c.data("NLST")[2].startswith("226")


def test_passive_theft(site):
    """D03: a stranger from another address does not get the data and does not use up the listener."""
    with site.client() as c:
        c.login()
        c.put("x", b"mine")
        host, port = c.epsv()
        stranger = socket.socket()
        stranger.bind(("127.0.0.2", 0))
        stranger.connect((host, port))
        c.send("RETR x\r\n")
        with socket.create_connection((host, port)) as data:
            first = c.reply()
            assert first[0] == "1"
            assert data.recv(100) == b"mine"
        assert c.reply().startswith("226")
        stranger.settimeout(10)
        try:
            assert stranger.recv(100) == b""
        except ConnectionResetError:
            pass
        stranger.close()


def test_passive_ports_are_not_sequential(site):
    """D04, D05: unpredictable, and a new PASV closes the old listener."""
    with site.client() as c:
        c.login()
        ports = [c.epsv()[1] for _ in range(20)]
        steps = {b - a for a, b in zip(ports, ports[1:])}
        assert len(steps) > 10
        refused = 0                                   # another listener of the machine may have got one of the ports since
        for port in set(ports[:-1]):
            with socket.socket() as s:
                refused += s.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED
        assert refused > 10


def has_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="the machine has no ::1")
@pytest.mark.parametrize("tls", [False, True])
def test_ipv6(instance, tls):
    instance.add_site("Six", host="::1", users={"anna": "secret"}, tls="SslRequire" if tls else None)
    instance.start()
    with instance.client() as c:
        if tls:
            c.auth_tls()
        c.login()
        if tls:
            c.protect()
        c.put("six", b"6", tls=tls)
        assert c.get("six", tls=tls) == b"6"
        assert c.cmd("PASV")[0] in "45"
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
            c.cmd(f"EPRT |2|::1|{listener.getsockname()[1]}|", "200")
            c.send("RETR six\r\n")
            data, _ = listener.accept()
            assert c.reply().startswith("150")
            if tls:
                data = c.context.wrap_socket(data, server_hostname="localhost", session=c.sock.session)
            assert data.recv(10) == b"6" and data.recv(10) == b""
            data.close()
            assert c.reply().startswith("226")


def test_relogin_and_rein(site):
    """P19."""
    with site.client() as c:
        c.login()
        c.cmd("REIN", "220")
        c.cmd("PWD", "530")
        c.login()
        c.cmd("USER anna", "331")
        c.cmd("PWD", "530")
        c.cmd("PASS wrong", "530")
        c.cmd("PWD", "530")


def test_rein_where_the_site_without_a_name_is_stopped(instance):
    """Judged as if the connection were new: it does not stay on the virtual host that it had."""
    one = instance.add_site("One", users={"anna": "secret"})
    two = instance.add_site("Two", users={"bert": "geheim"})
    two.port = one.port
    one.bindings, two.bindings = [f"127.0.0.1:{one.port}:"], [f"127.0.0.1:{one.port}:two.test"]
    instance.start()
    with instance.client() as c:
        c.cmd("HOST two.test", "220")
        c.login("bert", "geheim")
        instance.cli("stop", "site", "One")
        c.cmd("REIN", "421 Service not available")
        assert c.closed()
    assert instance.wait(lambda: [line["sc-status"] for line in instance.log_lines(two) if line["cs-method"] == "REIN"] == ["421"])


def test_stat_beside_a_download_whose_broker_died(instance):
    """H04: downloads under way may finish; STAT asks about them and needs nobody's leave."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    (site.path / "big").write_bytes(bytes(64 << 20))
    instance.start()
    brokers = {pid for pid, name in instance.programs_running().items() if name == "sallyport-broker"}
    with instance.client() as c:
        c.login()
        with socket.create_connection(c.epsv()) as data:
            c.cmd("RETR big", "1")
            for pid in brokers:
                os.kill(pid, signal.SIGKILL)
            assert instance.wait(lambda: instance.output.count("the broker is gone") == len(brokers))
            c.cmd("STAT", "21")
            received = 0
            while chunk := data.recv(1 << 20):
                received += len(chunk)
        assert received == 64 << 20 and c.reply().startswith("226")


def test_million_entries(instance):
    """R04: a huge directory streams, beyond what is sorted in constant memory; other sessions answer meanwhile."""
    site = instance.add_site("Huge", users={"anna": "secret"})
    site.settings = 'listingSortLimit="1000"'
    count = 60_000                                              # 6 MB of names
    for n in range(count):
        os.close(os.open(site.path / f"file-{n:0100}", os.O_CREAT | os.O_WRONLY))
    instance.start()
    with instance.client() as c, instance.client() as other:
        c.login()
        other.login()
        before = peak_kilobytes(instance, "sallyport-worker", "sallyport-broker")
        address = c.epsv()
        with socket.create_connection(address) as data:
            c.send("NLST\r\n")
            assert c.reply()[0] == "1"
            other.cmd("NOOP", "200")
            names = b""
            while chunk := data.recv(1 << 20):
                names += chunk
        assert len(set(names.split(b"\r\n")[:-1])) == count
        assert c.reply().startswith("226")
        grown = peak_kilobytes(instance, "sallyport-worker", "sallyport-broker") - before
        assert SANITIZED or grown < 2048, grown


def test_messages(instance):
    """ftp-behaviour 9: banner, greeting, exit, variables, multi-line; P35."""
    site = instance.add_site("Talk", users={"anna": "secret"})
    site.extra = ('<messages bannerMessage="Line one&#xD;&#xA;230 Line two" greetingMessage="Hello %UserName% on %SiteName%, %Nothing%" '
                  'exitMessage="Bye %UserName%" expandVariables="true" />')
    instance.start()
    with instance.client() as c:
        assert c.banner == "220-Microsoft FTP Service\n220-Line one\n220 230 Line two" or \
            c.banner == "220-Microsoft FTP Service\n Line one\n220 230 Line two"
        c.cmd("USER anna", "331")
        greeting = c.cmd("PASS secret")
        assert "Hello anna on Talk, %Nothing%" in greeting and greeting.endswith("230 User logged in.")
        assert "Bye anna" in c.cmd("QUIT", "221")


def test_max_connections(instance):
    site = instance.add_site("Few", users={"anna": "secret"})
    site.extra = '<connections maxConnections="2" /><messages maxClientsMessage="Too many of you" />'
    instance.start()
    with instance.client() as a, instance.client() as b:
        a.login(), b.login()
        c = instance.client(banner=False)
        assert c.reply() == "421 Too many of you"
        assert c.closed()


def test_timeouts(instance):
    """P30, P31: absolute before login, idle after; the data channel too."""
    site = instance.add_site("Quick", users={"anna": "secret"})
    site.extra = '<connections unauthenticatedTimeout="4" controlChannelTimeout="5" dataChannelTimeout="2" />'
    (site.path / "there").write_bytes(b"x")
    instance.start()
    began = time.monotonic()
    with instance.client() as slow, instance.client() as idle:
        idle.login()
        slow.sock.settimeout(0.5)
        for _ in range(60):                                   # one byte now and then does not help
            slow.send(b"x")
            if slow.closed():
                break
        assert 3.5 < time.monotonic() - began < 20 and b"421" in slow.buffer
        assert idle.closed() and b"421" in idle.buffer
    with instance.client() as c:
        c.login()
        c.epsv()
        began = time.monotonic()
        c.cmd("RETR there", "150")                            # and nobody connects
        assert c.reply().startswith("425")
        assert 1.5 < time.monotonic() - began < 20


def test_virtual_directories(instance):
    site = instance.add_site("Mapped", users={"anna": "secret"})
    shared = instance.drive / "shared"
    shared.mkdir()
    (shared / "s.txt").write_text("shared")
    site.virtual_directories = f'<virtualDirectory path="/pub" physicalPath="C:\\shared" />'
    instance.start()
    if os.getuid() == 0:
        os.chmod(shared, 0o777)
    with instance.client() as c:
        c.login()
        c.cmd("CWD pub", "250")
        assert c.get("s.txt") == b"shared"
        c.cmd("CDUP", "250")
        assert b"pub" not in c.data("LIST")[1]
        c.cmd("RMD pub", "550")                               # F12
        c.cmd("RNFR pub", "550")


def test_detailed_errors(site):
    """ftp-behaviour 2.3: the layout local clients see."""
    with site.client() as c:
        c.login()
        assert c.cmd("CWD a/b") == ("550-The system cannot find the path specified. \n"
                                    " Win32 error:   The system cannot find the path specified. \n"
                                    " Error details: File system returned an error.\n"
                                    "550 End")
        c.cmd("USER anna", "331")
        reply = c.cmd("PASS wrong").split("\n")
        assert reply[0] == "530-User cannot log in." and reply[-1] == "530 End"
