"""Settings of ftpServer whose effect a client can see, one after the other (ftp-behaviour 2.3, 7-11)."""
import datetime
import os
import re
import socket
import time

import pytest

DATE = time.strftime


def depot(instance, **attributes):
    site = instance.add_site("Depot", users={"anna": "secret"}, **attributes)
    return site


def logged_in(instance, **options):
    c = instance.client(**options)
    c.login()
    return c


# ---- connections ----

def test_server_auto_start(instance):
    site = depot(instance)
    other = instance.add_site("Other", users={"anna": "secret"})
    site.attributes = 'serverAutoStart="false"'
    instance.start()
    with pytest.raises(ConnectionRefusedError):
        instance.client()
    with instance.client(other) as c:
        c.login()
    assert '"Depot"' in instance.cli("list", "site", "/state:Stopped")
    instance.cli("start", "site", "Depot")
    with logged_in(instance):
        pass
    assert '"Depot"' not in instance.cli("list", "site", "/state:Stopped")


@pytest.mark.parametrize("reset", [True, False])
def test_reset_on_max_connections(instance, reset):
    site = depot(instance)
    site.extra = f'<connections maxConnections="1" resetOnMaxConnections="{str(reset).lower()}" />'
    instance.start()
    with instance.client():
        if reset:
            with pytest.raises(ConnectionResetError), socket.create_connection((site.host, site.port), 10) as s:
                assert s.recv(100) != b""        # an orderly end would be one
        else:
            with socket.create_connection((site.host, site.port), 10) as s:
                assert s.recv(100).startswith(b"421 ")
    assert {line["sc-substatus"] for line in instance.log_lines() if line["cs-method"] == "ControlChannelClosed"} >= {"19"}


@pytest.mark.parametrize("match", [True, False])
def test_match_client_address(instance, match):
    """Passive: who may connect; active: whom PORT may name."""
    site = depot(instance)
    (site.path / "f").write_bytes(b"content")
    text = str(match).lower()
    site.security = f'<dataChannelSecurity matchClientAddressForPort="{text}" matchClientAddressForPasv="{text}" />'
    site.extra = '<connections dataChannelTimeout="2" />'
    instance.start()
    with logged_in(instance) as c, socket.create_server(("127.0.0.9", 0)) as elsewhere:
        with socket.create_connection(c.pasv(), 10, ("127.0.0.9", 0)) as data:
            c.send("RETR f\r\n")
            first = c.reply()
            if match:
                assert first.startswith("150") and c.reply().startswith("425")
            else:
                assert first[0] == "1" and data.recv(100) == b"content" and c.reply().startswith("226")
        port = elsewhere.getsockname()[1]
        reply = c.cmd(f"PORT 127,0,0,9,{port >> 8},{port & 255}")
        assert reply.startswith("501 Server cannot accept argument." if match else "200")
        if not match:
            c.send("RETR f\r\n")
            with elsewhere.accept()[0] as data:
                assert data.recv(100) == b"content"
            assert c.reply().startswith("150") and c.reply().startswith("226")


# ---- TLS ----

def test_certificate_store(instance):
    site = depot(instance, tls="SslAllow")
    thumbprint = instance.make_certificate(name="shelf", store="WebHosting")
    site.certificate = f'{thumbprint}" serverCertStoreName="WebHosting" ssl128="true'
    wrong = instance.add_site("Wrong", tls="SslAllow")
    wrong.certificate = f'{thumbprint}" serverCertStoreName="MY'
    instance.start()
    with instance.client() as c:
        c.auth_tls()
        assert c.sock.cipher()[2] >= 128
        c.login()
    with instance.client(wrong) as c:
        assert "534-Local policy on server does not allow TLS secure connections." in c.cmd("AUTH TLS", "534")
    assert {line["sc-substatus"] for line in instance.log_lines(wrong) if line["cs-method"] == "AUTH"} == {"44"}


# ---- messages ----

BANNERS = [
    ("", "220 Microsoft FTP Service"),
    ('bannerMessage="Hello"', "220-Microsoft FTP Service\n220 Hello"),
    ('bannerMessage="Hello" suppressDefaultBanner="true"', "220 Hello"),
    ('suppressDefaultBanner="true"', "220 "),
    ('bannerMessage="One&#13;&#10;Two"', "220-Microsoft FTP Service\n220-One\n220 Two"),
]


def test_banners(instance):
    sites = []
    for i, (text, _) in enumerate(BANNERS):
        site = instance.add_site(f"S{i}")
        site.extra = f"<messages {text} />"
        sites.append(site)
    instance.start()
    for site, (_, want) in zip(sites, BANNERS):
        with instance.client(site) as c:
            assert c.banner == want


def test_greeting_exit_and_variables(instance):
    site = depot(instance)
    site.extra = ('<messages expandVariables="true" greetingMessage="%UserName% at %SiteName%" '
                  'exitMessage="Bye %UserName%: %SessionID% %nonsense%" />')
    plain = instance.add_site("Plain", users={"anna": "secret"})
    plain.extra = '<messages greetingMessage="%UserName%" exitMessage="Bye%SiteName%" />'
    instance.start()
    with instance.client() as c:
        assert c.login() == "230-anna at Depot\n230 User logged in."
        session = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", instance.cli("list", "session"))[0]
        assert c.cmd("QUIT") == f"221 Bye anna: {session} %nonsense%"
    with instance.client(plain) as c:
        assert c.login() == "230-%UserName%\n230 User logged in."
        assert c.cmd("QUIT") == "221 Bye%SiteName%"


DETAILED = """\
550-The system cannot find the file specified. 
 Win32 error:   The system cannot find the file specified. 
 Error details: File system returned an error.
550 End"""


def test_detailed_errors(instance):
    depot(instance)
    terse = instance.add_site("Terse", users={"anna": "secret"})
    terse.extra = '<messages allowLocalDetailedErrors="false" />'
    instance.start()
    with logged_in(instance) as c:
        assert c.cmd("DELE missing") == DETAILED
        assert c.login(password="wrong", want="530").splitlines()[0] == "530-User cannot log in."
    with instance.client(terse) as c:
        c.login()
        assert c.cmd("DELE missing") == "550 The system cannot find the file specified. "
        assert c.login(password="wrong", want="530") == "530 User cannot log in."


# ---- fileHandling ----

@pytest.mark.parametrize("allowed", [True, False])
def test_replace_on_rename(instance, allowed):
    site = depot(instance)
    site.extra = f'<fileHandling allowReplaceOnRename="{str(allowed).lower()}" />'
    for name in ("a", "b"):
        (site.path / name).write_text(name)
    instance.start()
    with logged_in(instance) as c:
        c.cmd("RNFR a", "350")
        c.cmd("RNTO b", "250 RNTO command successful." if allowed else "550")
    assert (site.path / "b").read_text() == ("a" if allowed else "b")
    line, = [line for line in instance.log_lines() if line["cs-method"] == "RNTO"]
    assert line["sc-win32-status"] == ("0" if allowed else "183")


@pytest.mark.parametrize("allowed", [True, False])
def test_read_uploads_in_progress(instance, allowed):
    site = depot(instance)
    site.extra = f'<fileHandling allowReadUploadsInProgress="{str(allowed).lower()}" />'
    instance.start()
    with logged_in(instance) as up, logged_in(instance) as down:
        for c in (up, down):
            c.cmd("TYPE I", "200")
        with socket.create_connection(up.pasv(), 10) as data:
            up.send("STOR f\r\n")
            assert up.reply()[0] == "1"
            data.sendall(b"half")

            def seen():
                first, content, _ = down.data("RETR f", want_end=None)
                return content == b"half" if allowed else first.startswith("550")
            assert instance.wait(seen)
        assert up.reply().startswith("226")
        assert down.get("f") == b"half"


# ---- directoryBrowse ----

STYLES = [
    ("", r"\d\d-\d\d-\d\d  \d\d:\d\d[AP]M {17}1234 f"),
    ("LongDate", r"\d\d-\d\d-\d{4}  \d\d:\d\d[AP]M {17}1234 f"),
    ("StyleUnix", r"-rwxrwxrwx   1 owner    group            1234 [A-Z][a-z]{2} [ \d]\d [ \d]\d:\d\d f"),
]


def test_listing_styles(instance):
    sites = []
    for flags, _ in STYLES:
        site = instance.add_site(f"S{flags}", users={"anna": "secret"})
        site.extra = f'<directoryBrowse showFlags="{flags}" />' if flags else ""
        (site.path / "f").write_bytes(b"x" * 1234)
        sites.append(site)
    instance.start()
    for site, (_, want) in zip(sites, STYLES):
        with instance.client(site) as c:
            c.login()
            listing = c.data("LIST")[1].decode()
            assert re.fullmatch(want + "\r\n", listing), listing


def test_gmt_time(instance):
    """Listings show the server's local time unless UseGmtTime."""
    instance.environment = {"TZ": "Etc/GMT+5"}
    local, gmt = depot(instance), instance.add_site("Gmt", users={"anna": "secret"})
    gmt.extra = '<directoryBrowse showFlags="UseGmtTime" />'
    for site in (local, gmt):
        (site.path / "f").write_bytes(b"")
        os.utime(site.path / "f", (1_000_000_000, 1_000_000_000))
    instance.start()
    for site, want in ((local, b"09-08-01  08:46PM"), (gmt, b"09-09-01  01:46AM")):
        with instance.client(site) as c:
            c.login()
            assert c.data("LIST")[1].startswith(want)
            c.cmd("MDTM f", "213 20010909014640")


def test_stamps_of_virtual_directories(instance):
    """virtualDirectoryTimeout: within five seconds there is time to look, within none the current date stands for the stamp."""
    elsewhere = instance.drive / "elsewhere"
    elsewhere.mkdir()
    instance.own(elsewhere)
    os.utime(elsewhere, (1_000_000_000, 1_000_000_000))
    sites = [depot(instance), instance.add_site("Now", users={"anna": "secret"}), instance.add_site("Hidden", users={"anna": "secret"})]
    for site, attributes in zip(sites, ('showFlags="DisplayVirtualDirectories, UseGmtTime"',
                                        'showFlags="DisplayVirtualDirectories, UseGmtTime" virtualDirectoryTimeout="0"', 'showFlags="UseGmtTime"')):
        site.virtual_directories = f'<virtualDirectory path="/old" physicalPath="{elsewhere}" />'
        site.extra = f"<directoryBrowse {attributes} />"
    instance.start()
    listings = []
    for site in sites:
        with instance.client(site) as c:
            c.login()
            listings.append(c.data("LIST")[1].decode())
            c.cmd("CWD old", "250")
    assert re.fullmatch(r"09-09-01  01:46AM       <DIR>          old\r\n", listings[0]), listings
    assert re.fullmatch(r"(?!09-09-01)\d\d-\d\d-\d\d  \d\d:\d\d[AP]M       <DIR>          old\r\n", listings[1]), listings
    assert listings[2] == ""


def test_real_folder_for_virtual_directory(instance):
    """Without DisplayVirtualDirectories an empty folder of the same name makes a virtual directory visible, in every form."""
    site = depot(instance)
    elsewhere = instance.drive / "elsewhere"
    (elsewhere / "inside").mkdir(parents=True)
    (site.path / "old").mkdir()
    instance.own(elsewhere)
    site.virtual_directories = f'<virtualDirectory path="/old" physicalPath="{elsewhere}" />'
    instance.start()
    with instance.client() as c:
        c.login()
        assert c.data("NLST")[1] == b"old\r\n"
        assert re.fullmatch(rb"[-\d]+  [:\d]+[AP]M       <DIR>          old\r\n", c.data("LIST")[1])
        assert re.fullmatch(rb"type=dir;.* old\r\n", c.data("MLSD")[1])
        assert "<DIR>          old" in c.cmd("STAT /")
        assert c.data("NLST old/")[1] == b"old/inside\r\n"


def test_available_bytes(instance):
    site = depot(instance)
    site.extra = '<directoryBrowse showFlags="DisplayAvailableBytes" />'
    instance.start()
    with instance.client() as c:
        said = r"-Directory has \d{1,3}(,\d{3})* bytes of disk space available\.\n"
        assert re.fullmatch("230" + said + r"230 User logged in\.", c.login())
        assert re.fullmatch("226" + said + r"226 Transfer complete\.", c.data("LIST")[2])


# ---- logFile ----

def log_names(instance, site, central=False):
    instance.cli("flush", "log")
    folder = instance.drive / "inetpub/logs/LogFiles" / f"FTPSVC{site.id}"
    return sorted(path.name for path in folder.glob("*.log"))


def week_of_month(when):
    """1 holds the first of the month; a new one begins on Sunday."""
    first = datetime.date(when.tm_year, when.tm_mon, 1).isoweekday() % 7
    return f"{(when.tm_mday - 1 + first) // 7 + 1:02}"


def test_log_periods(instance):
    """The name says which period a file is of; localTimeRollover counts by the server's time, stamps stay UTC."""
    instance.environment = {"TZ": "Etc/GMT+5"}
    forms = {"Daily": "%y%m%d", "Hourly": "%y%m%d%H", "Monthly": "%y%m", "Weekly": "%y%m{week}"}
    sites = {}
    for period in forms:
        for local in (False, True):
            site = instance.add_site(f"{period}{local}", users={"anna": "secret"})
            site.extra = f'<logFile period="{period}" localTimeRollover="{str(local).lower()}" />'
            sites[period, local] = site
    instance.start()
    for (period, local), site in sites.items():
        before = time.time()
        with instance.client(site) as c:
            c.login()
        shift = -5 * 3600 if local else 0
        got = log_names(instance, site)
        moments = [time.gmtime(at + shift) for at in (before, time.time())]
        names = {f"u_ex{time.strftime(forms[period], at).format(week=week_of_month(at))}.log" for at in moments}
        assert set(got) <= names and got, (got, names)
        stamp = instance.log_lines(site)[0]["time"]
        assert abs((int(stamp[:2]) - time.gmtime().tm_hour + 12) % 24 - 12) <= 1


def test_log_truncate_size(instance):
    """MaxSize: a new file when the next line would not fit."""
    site = depot(instance)
    site.extra = '<logFile period="MaxSize" truncateSize="1048576" />'
    instance.start()
    with logged_in(instance) as c:
        for _ in range(40):
            c.send("NOOP\r\n" * 250)
            for _ in range(250):
                c.line()
    assert instance.wait(lambda: log_names(instance, site) == ["u_extend1.log", "u_extend2.log"])
    folder = instance.drive / "inetpub/logs/LogFiles/FTPSVC1"
    assert 1048576 // 2 < (folder / "u_extend1.log").stat().st_size <= 1048576   # lines are written in batches
    assert len([line for line in instance.log_lines() if line["cs-method"] == "NOOP"]) == 10000


def test_log_not_in_utf8(instance):
    site = depot(instance)
    instance.server_xml = '<log logInUTF8="false" />'
    instance.start()
    with logged_in(instance) as c:
        c.cmd("DELE b\u00e4r", "550")
    names = log_names(instance, site)
    assert names and all(re.fullmatch(r"ex\d{6}\.log", name) for name in names)
    folder = instance.drive / "inetpub/logs/LogFiles/FTPSVC1"
    assert b"DELE b\xe4r" in b"".join((folder / name).read_bytes() for name in names)


@pytest.mark.parametrize("flags, want", [("LogSuccessful", {"USER", "PASS"}), ("LogError", {"DELE"}),
                                         ("LogInfrastructure", {"PASV", "DataChannelOpened", "DataChannelClosed"})])
def test_selective_logging(instance, flags, want):
    site = depot(instance)
    (site.path / "f").write_bytes(b"x")
    site.extra = f'<logFile selectiveLogging="{flags}" />'
    instance.start()
    with logged_in(instance) as c:
        c.data("RETR f", extended=False)
        c.cmd("DELE missing", "550")
        c.cmd("QUIT", "221")
    instance.wait(lambda: any(line["cs-method"] == "ControlChannelClosed" for line in instance.log_lines()), 2)
    methods = {line["cs-method"] for line in instance.log_lines()}
    groups = {"LogSuccessful": {"USER", "PASS", "RETR", "ControlChannelOpened", "ControlChannelClosed"}, "LogError": {"DELE"},
              "LogInfrastructure": {"PASV", "DataChannelOpened", "DataChannelClosed"}}
    assert want <= methods, methods
    for other, names in groups.items():
        if other != flags:
            assert not names & methods, (other, methods)


# ---- virtual hosts ----

def test_domain_name_as_host_name(instance):
    """USER host\\user where the setting says so, and else a Windows domain."""
    one = depot(instance)
    two = instance.add_site("Two", users={"bert": "geheim"}, port=one.port)
    two.bindings = [f"127.0.0.1:{one.port}:two.test"]
    instance.server_xml = '<serverRuntime><hostNameSupport useDomainNameAsHostName="true" /></serverRuntime>'
    instance.start()
    with instance.client() as c:
        c.login("two.test\\bert", "geheim")
    with instance.client() as c:
        c.login("other.test\\anna", "secret", want="530")
    instance.server_xml = ""
    instance.reload()

    def is_domain():
        with instance.client() as c:
            return c.login("two.test\\bert", "geheim", want=None).startswith("530")
    assert instance.wait(is_domain)


def test_exact_address_before_any(instance):
    """A binding of this very address beats "*", whichever is named first; a host name narrows both."""
    every = depot(instance)
    every.bindings = [f"*:{every.port}:"]
    exact = instance.add_site("Exact", users={"bert": "secret"}, port=every.port)
    exact.bindings = [f"127.0.0.2:{every.port}:"]
    instance.start()
    every.host = "127.0.0.3"
    with instance.client(every) as c:
        c.login("anna")
    every.host = "127.0.0.2"
    with instance.client(every) as c:
        c.login("anna", want="530")
        c.login("bert")
