"""requestFiltering and commandFiltering as a client and the log see them (ftp-behaviour 5)."""
import socket

import pytest

REFUSED = "550-Access is denied. \n Win32 error:   Access is denied. \n Error details: {}\n550 End"
DETAILS = {  # documented sub-status texts
    8: "Hidden segment was detected in the path based on request filtering rules.",
    9: "Denied Url sequence detected in the path based on request filtering rules.",
    10: "High bit characters detected in the path based on request filtering rules.",
    11: "File extension was denied based on request filtering rules.",
    12: "Path is too long based on request filtering rules.",
    39: "Maximum file size was exceeded.",
}
FILTER = """
<requestFiltering allowHighBitCharacters="false">
    <fileExtensions allowUnlisted="true"><add fileExtension=".exe" allowed="false" /></fileExtensions>
    <requestLimits maxAllowedContentLength="1000" maxUrl="64" />
    <hiddenSegments><add segment="_vti_bin" /></hiddenSegments>
    <denyUrlSequences><add sequence="secret" /></denyUrlSequences>
</requestFiltering>"""


@pytest.fixture
def filtered(instance):
    """The rules stand at the server level; "/loose" has its own."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    instance.server_xml = f"<security>{FILTER}</security>"
    site.locations = ['<location path="Depot/loose"><system.ftpServer><security><requestFiltering>'
                      '<fileExtensions><clear /></fileExtensions><hiddenSegments><clear /></hiddenSegments>'
                      '<requestLimits maxAllowedContentLength="0" /></requestFiltering></security></system.ftpServer></location>']
    for name in ("_VTI_BIN", "loose", "plans"):
        (site.path / name).mkdir()
        (site.path / name / "f.txt").write_text("f")
    (site.path / "loose/_vti_bin").mkdir()
    (site.path / "a.exe").write_text("code")
    (site.path / "a.txt").write_text("text")
    (site.path / "top-Secret").write_text("x")
    instance.start()
    return instance


@pytest.mark.parametrize("command, substatus", [
    ("SIZE " + 62 * "x", 3), ("SIZE " + 64 * "x", 12), ("MKD caf\u00e9", 10), ("DELE top-Secret", 9), ("CWD _vti_bin", 8),
    ("SIZE _VTI_bin/f.txt", 8), ("DELE A.EXE", 11), ("MDTM a.exe", 11), ("RNFR a.exe", 11), ("MKD sub.exe", 11),
])
def test_refusals(filtered, command, substatus):
    with filtered.client() as c:
        c.login()
        c.cmd("TYPE I", "200")
        reply = c.cmd(command)
        if substatus == 3:
            assert reply.startswith("550-The system cannot find the file specified.")
        else:
            assert reply == REFUSED.format(DETAILS[substatus])
    verb = command.split()[0]
    [line] = [line for line in filtered.log_lines() if line["cs-method"] == verb]
    assert (line["sc-status"], line["sc-substatus"]) == ("550", str(substatus))


def test_case_beyond_ascii(instance):
    """F13, F14: no rule is walked round by capitals, whatever their alphabet and however many bytes they take."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    instance.server_xml = ('<security><requestFiltering><hiddenSegments><add segment="Geheim\u00e4" /></hiddenSegments>'
                           '<denyUrlSequences><add sequence="b\u00e4d" /></denyUrlSequences></requestFiltering></security>')
    site.locations = ['<location path="Depot/\u00dcbung"><system.ftpServer><security><authorization><clear />'
                      '</authorization></security></system.ftpServer></location>',
                      '<location path="Depot/Keller"><system.ftpServer><security><authorization><clear />'
                      '</authorization></security></system.ftpServer></location>']
    for name in ("Geheim\u00e4", "GEHEIM\u00c4", "\u00dcbung", "\u00fcbung", "\u212aeller", "offen"):
        (site.path / name).mkdir()
    instance.start()
    with instance.client() as c:
        c.login()
        for name in ("Geheim\u00e4", "GEHEIM\u00c4"):
            assert c.cmd(f"CWD {name}") == REFUSED.format(DETAILS[8])
        assert c.cmd("MKD B\u00c4D") == REFUSED.format(DETAILS[9])
        for name in ("\u00dcbung", "\u00fcbung", "\u212aeller"):
            assert "Authorization rules denied the access." in c.cmd(f"CWD {name}")
        c.cmd("CWD offen", "250")
        assert "GEHEIM" not in c.data("NLST /")[1].decode().upper()


def test_two_spellings_of_one_location(instance):
    """One of them would not count: that is for the administrator to settle."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    site.locations = [f'<location path="Depot/{name}"><system.ftpServer><security><authorization><clear />'
                      '</authorization></security></system.ftpServer></location>' for name in ("\u00dcbung", "\u00fcbung")]
    instance.write()
    done = instance.check()
    assert done.returncode == 1 and "duplicate 'system.ftpServer/security/authorization' section" in done.stdout + done.stderr


def test_transfers_renames_and_listings(filtered):
    with filtered.client() as c:
        c.login()
        assert c.data("RETR a.exe", want_end=None)[0] == REFUSED.format(DETAILS[11])
        assert c.data("STOR b.exe;.jpg", upload=b"x", want_end=None)[0] == REFUSED.format(DETAILS[11])    # W07
        c.cmd("RNFR a.txt", "350")
        assert c.cmd("RNTO a.EXE") == REFUSED.format(DETAILS[11])                                         # F13
        names = c.data("NLST")[1].decode().split()
        assert names == ["a.exe", "a.txt", "loose", "plans", "top-Secret"]
        assert b"_VTI" not in c.data("LIST")[1] and b"_VTI" not in c.data("MLSD")[1] and b"_VTI" not in c.data("NLST _v*")[1]
        assert c.data("NLST loose")[1].decode().split() == ["_vti_bin", "f.txt"]
        c.put("loose/b.exe", 5000 * b"x")
        assert c.get("loose/b.exe") == 5000 * b"x"


def test_sizes(filtered):
    """The final length counts, also for REST and APPE; nothing of a file that is too large remains."""
    site = filtered.sites[0]
    with filtered.client() as c:
        c.login()
        c.cmd("TYPE I", "200")
        c.put("f", 1000 * b"1")
        assert c.data("STOR g", upload=1001 * b"2", want_end=None)[-1] == REFUSED.format(DETAILS[39])
        assert c.data("APPE f", upload=b"3", want_end=None)[-1] == REFUSED.format(DETAILS[39])
        c.cmd("REST 1000", "350")
        assert c.data("STOR f", upload=b"4", want_end=None)[-1] == REFUSED.format(DETAILS[39])
        c.cmd("REST 990", "350")
        assert c.data("STOR f", upload=b"0123456789")[-1].startswith("226")
        c.put("h", 900 * b"5")
        assert c.data("APPE h", upload=100 * b"6")[-1].startswith("226")
        assert c.data("STOR endless", upload=3000000 * b"7", want_end=None)[-1] == REFUSED.format(DETAILS[39])
    assert (site.path / "f").read_bytes() == 990 * b"1" + b"0123456789"
    assert (site.path / "h").stat().st_size == 1000
    assert not (site.path / "g").exists() and not (site.path / "endless").exists()
    stored = [line for line in filtered.log_lines() if line["cs-method"] == "STOR" and line["sc-status"] == "550"]
    assert {line["sc-substatus"] for line in stored} == {"39"}


def test_only_listed_extensions(instance):
    site = instance.add_site("Depot", users={"anna": "secret"})
    site.locations = ['<location path="Depot"><system.ftpServer><security><requestFiltering><fileExtensions allowUnlisted="false">'
                      '<add fileExtension="txt" allowed="true" /></fileExtensions></requestFiltering></security></system.ftpServer></location>']
    instance.start()
    with instance.client() as c:
        c.login()
        c.cmd("MKD plans", "257")
        c.cmd("CWD plans", "250")
        c.put("a.TXT", b"x")
        assert c.data("STOR README", upload=b"x", want_end=None)[0] == REFUSED.format(DETAILS[11])
        assert c.data("STOU", upload=b"x", want_end=None)[0] == REFUSED.format(DETAILS[11])
        c.cmd("CDUP", "250")
        c.cmd("RNFR plans", "350")
        c.cmd("RNTO projects", "250")
    assert not [note for note in instance.check().stdout.splitlines() if "requestFiltering" in note]


NOT_ALLOWED = ("500-Command not allowed.\n Win32 error:   Access is denied. \n"
               " Error details: Command filtering rules denied the access.\n500 End")


def test_commands(instance):
    """commandFiltering comes before everything else about a command."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    site.security = ('<commandFiltering maxCommandLine="40"><add command="SYST" allowed="false" />'
                     '<add command="mkd" allowed="false" /><add command="SITE" allowed="false" /></commandFiltering>')
    instance.start()
    with instance.client() as c:
        assert c.cmd("SYST") == NOT_ALLOWED              # before login
        assert c.cmd("MKD x") == NOT_ALLOWED             # before "please log in"
        c.login()
        assert c.cmd("syst too many words") == NOT_ALLOWED
        assert c.cmd("Mkd x") == NOT_ALLOWED and c.cmd("XMKD x") == NOT_ALLOWED
        assert c.cmd("SITE DIRSTYLE") == NOT_ALLOWED
        c.cmd("CWD " + 36 * "x", "550")
        c.cmd("CWD " + 37 * "x", "500 Command line too long.")
        c.cmd("PWD", '257 "/"')
    assert not (site.path / "x").exists()
    lines = instance.log_lines()
    assert {(line["sc-status"], line["sc-substatus"]) for line in lines if line["cs-method"].upper() in ("SYST", "MKD", "XMKD", "SITE")} \
        == {("500", "51")}
    assert [line["sc-substatus"] for line in lines if line["cs-method"] == "CWD"] == ["3", "51"]


def test_only_listed_commands(instance):
    site = instance.add_site("Depot", users={"anna": "secret"})
    verbs = ("USER", "PASS", "QUIT", "EPSV", "PASV", "RETR", "TYPE")
    site.security = '<commandFiltering allowUnlisted="false">' + "".join(
        f'<add command="{verb}" allowed="true" />' for verb in verbs) + "</commandFiltering>"
    (site.path / "f").write_text("f")
    instance.start()
    with instance.client() as c:
        assert c.cmd("FEAT") == NOT_ALLOWED
        assert c.cmd("NONSENSE") == NOT_ALLOWED
        c.login()
        assert c.get("f") == b"f"
        for command in ("PWD", "LIST", "MLSD", "STOR g", "NOOP"):
            assert c.cmd(command) == NOT_ALLOWED
        c.cmd("QUIT", "221")
    assert not [note for note in instance.check().stdout.splitlines() if "commandFiltering" in note]


@pytest.mark.parametrize("allowed, replies", [("false", ["226", "257", "500"]), ("true", ["426", "257", "225"])])
def test_abor_behind_another_command(instance, allowed, replies):
    """P18: it stops the transfer at once, unless it is refused."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    site.security = f'<commandFiltering><add command="ABOR" allowed="{allowed}" /></commandFiltering>'
    instance.start()
    with instance.client() as c:
        c.login()
        with socket.create_connection(c.epsv()) as data:
            c.cmd("STOR f", "1")
            c.send("STAT\r\nPWD\r\nABOR\r\n")               # in one piece: with the answer to STAT all have been seen
            assert c.reply().startswith("211")
            if allowed == "false":
                data.sendall(b"whole")
                data.close()
            assert [c.reply()[:3] for _ in replies] == replies
    assert (site.path / "f").exists() == (allowed == "false")


def test_long_command_lines(instance):
    """maxCommandLine may be raised above the default."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    site.security = '<commandFiltering maxCommandLine="20000" />'
    instance.start()
    with instance.client() as c:
        c.login()
        c.cmd("CWD " + "/".join(100 * [150 * "x"]), "550")
        c.cmd("CWD " + "/".join(200 * [150 * "x"]), "500 Command line too long.")
