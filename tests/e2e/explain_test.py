"""`sallyport explain`: what it says before must be what the service does after, for every case; and the reasons that the
service logs under a session's id are the same."""
import os
import re
import signal
import subprocess

import pytest

from harness import BUILD, PATIENCE

REFUSED = 5


def explain(instance, *words, expect=0):
    ran = subprocess.run([BUILD / "sallyport", "--config", instance.dir, "explain", *words], text=True, capture_output=True, timeout=PATIENCE)
    assert ran.returncode == expect, ran.stdout + ran.stderr
    return ran.stdout


def line_of(instance, text, file="applicationHost.config"):
    """Number of the one line of the configuration that holds the text."""
    [number] = [i for i, line in enumerate((instance.dir / file).read_text().splitlines(), 1) if text in line]
    return number


@pytest.fixture
def depot(instance):
    site = instance.add_site("Depot", users={"anna": "secret", "eve": "secret", "carl": "secret"})
    site.rules = ['<add accessType="Allow" users="*" permissions="Read, Write" />\n', '<add accessType="Deny" users="eve" permissions="Write" />\n',
                  '<add accessType="Deny" users="carl" permissions="Read, Write" />\n']
    site.security = '<commandFiltering>\n<add command="MKD" allowed="false" />\n</commandFiltering>'
    instance.server_xml = ('<security><requestFiltering><fileExtensions>\n<add fileExtension=".exe" allowed="false" />\n</fileExtensions>'
                           '<hiddenSegments>\n<add segment="_vti_bin" />\n</hiddenSegments></requestFiltering></security>')
    site.virtual_directories = '<virtualDirectory path="/pub" physicalPath="%SystemDrive%\\inetpub\\pub" />'
    site.locations = [
        '<location path="Depot/closed"><system.ftpServer><security><ipSecurity>\n<add ipAddress="127.0.0.0" subnetMask="255.0.0.0" />\n'
        '</ipSecurity></security></system.ftpServer></location>',
        '<location path="Depot/read"><system.ftpServer><security><authorization><clear />\n'
        '<add accessType="Allow" users="anna" permissions="Read" />\n</authorization></security></system.ftpServer></location>']
    (instance.drive / "inetpub/pub").mkdir()
    for name in ("closed", "read", "_vti_bin"):
        (site.path / name).mkdir()
        (site.path / name / "a.txt").write_text("a")
    (site.path / "a.txt").write_text("a")
    (site.path / "a.exe").write_text("a")
    instance.start()
    return instance


# user, verb, path; the sub-status of the refusal (0: done), and what stands on the line that decides
CASES = [
    ("anna", "SIZE", "a.txt", 0, None),
    ("anna", "CWD", "/", 0, None),
    ("anna", "SIZE", "missing.txt", 3, None),
    ("anna", "DELE", "a.exe", 11, '<add fileExtension=".exe"'),
    ("anna", "CWD", "_VTI_BIN", 8, '<add segment="_vti_bin"'),
    ("anna", "MKD", "new", 51, '<add command="MKD"'),
    ("anna", "CWD", "closed", 4, '<add ipAddress="127.0.0.0"'),
    ("anna", "SIZE", "read/a.txt", 0, None),
    ("anna", "DELE", "read/a.txt", 1, None),
    ("anna", "RMD", "/pub", 5, 'path="/pub"'),
    ("eve", "SIZE", "a.txt", 0, None),
    ("eve", "DELE", "a.txt", 1, '<add accessType="Deny" users="eve"'),
    ("eve", "SIZE", "read/a.txt", 1, None),
    ("anna", "SIZE", "a.txt/b", 3, None),
]


@pytest.mark.parametrize("user, verb, path, substatus, decides", CASES)
def test_explained_is_what_happens(depot, user, verb, path, substatus, decides):
    with depot.client() as c:
        c.login(user)
        reply = c.cmd("TYPE I", "200") and c.cmd(f"{verb} {path}")
    logged = [line for line in depot.log_lines() if line["cs-method"] == verb][-1]
    assert (logged["sc-substatus"], reply[0] == "2") == (str(substatus), not substatus)
    told = explain(depot, "--site", "Depot", "--user", user, "--from", "127.0.0.1", "--verb", verb, "--path", path,
                   expect=REFUSED if substatus else 0)
    assert ("RESULT: allowed" in told) == (not substatus)
    if substatus:
        assert f"sub-status {substatus}:" in told[told.index("RESULT"):], told
    if decides:
        [stop] = [line for line in told.splitlines() if "<-- here the service stops" in line]
        assert f"(applicationHost.config:{line_of(depot, decides)})" in stop
        session = logged["x-session"]
        reasons = explain(depot, "--session", session)
        assert f"(applicationHost.config:{line_of(depot, decides)})" in reasons and f"sub-status {substatus}:" in reasons


def test_order_of_the_checks(depot):
    told = explain(depot, "--site", "Depot", "--user", "anna", "--from", "127.0.0.1", "--verb", "RETR", "--path", "a.txt")
    checks = [re.sub(r" {2,}.*", "", line[4:]).strip() for line in told.splitlines() if re.match(r" ?\d", line)]
    order = ["site", "denyByFailure", "maxConnections", "ipSecurity of /", "control channel", "client certificate", "IisManagerAuth",
             "home directory", "commandFiltering", "login state", "TLS policy", "argument count", "data channel", "path",
             "requestFiltering", "ipSecurity", "mapping", "authorization", "virtual root", "file system"]
    assert [check for check in checks if check in order] == order


@pytest.mark.parametrize("user, password, words", [
    ("anna", "wrong", "not the password of the IIS Manager user (administration.config:"),
    ("nobody", "secret", "no IIS Manager user has that name"),
    ("carl", "secret", 'start directory: Deny Read, Write for users "carl" (applicationHost.config:'),
])
def test_refused_logins_are_found_by_session(depot, user, password, words):
    with depot.client() as c:
        c.cmd(f"USER {user}", "331")
        c.cmd(f"PASS {password}", "530")
    session = [line for line in depot.log_lines() if line["cs-method"] == "PASS"][-1]["x-session"]
    told = explain(depot, "--session", session)
    assert words in told and "refused" in told


def test_allowed_logins_too(depot):
    with depot.client() as c:
        c.login("anna")
    session = [line for line in depot.log_lines() if line["cs-method"] == "PASS"][-1]["x-session"]
    told = explain(depot, "--session", session.upper())
    assert "has the permission for the site (administration.config:" in told
    assert 'Allow Read, Write for users "*"' in told and "allowed with 230" in told


def test_login_of_the_refused_and_the_unknown(depot):
    told = explain(depot, "--site", "Depot", "--user", "carl", expect=REFUSED)
    assert "RESULT: refused by home directory, sub-status 1" in told
    assert "RESULT: refused by login, sub-status 41" in explain(depot, "--site", "Depot", "--user", "no such user", expect=REFUSED)
    assert "RESULT: refused by anonymous, sub-status 42" in explain(depot, "--site", "Depot", "--user", "anonymous", expect=REFUSED)


def test_tls_policy(instance):
    site = instance.add_site("Depot", users={"anna": "secret"})
    site.control_policy = "SslRequire"
    instance.start()
    told = explain(instance, "--site", "Depot", "--user", "anna", expect=REFUSED)
    assert f"controlChannelPolicy is SslRequire (applicationHost.config:{line_of(instance, 'controlChannelPolicy=')})" in told
    assert "RESULT: refused by control channel, sub-status 25" in told
    with instance.client() as c:
        c.cmd("USER anna", "534")
    session = instance.log_lines()[-1]["x-session"]
    assert "controlChannelPolicy is SslRequire (applicationHost.config:" in explain(instance, "--session", session)


def test_accounts_of_a_directory(instance):
    """Only the directory knows their groups: --role stands in for them; nothing is asked over the network."""
    site = instance.add_site("Depot")
    site.basic = True
    site.rules = ['<add accessType="Allow" roles="CORP\\partners" permissions="Read" />']
    instance.sallyport_xml = '<directory servers="ldaps://127.0.0.1:1" base="DC=corp,DC=example" domain="CORP" bindName="CORP\\reader" bindPassword="x" />'
    instance.write()
    told = explain(instance, "--site", "Depot", "--user", r"CORP\anna", expect=REFUSED)
    assert "give them with --role" in told and "none of the 1 authorization rules" in told
    told = explain(instance, "--site", "Depot", "--user", "anna@corp.example", "--role", r"CORP\partners", "--verb", "LIST", "--path", "/")
    assert "the 1 of --role are taken" in told and 'Allow Read for roles "CORP\\\\partners"' in told, told


def test_addresses_at_the_door(instance):
    site = instance.add_site("Depot", users={"anna": "secret"})
    site.locations = ['<location path="Depot"><system.ftpServer><security><ipSecurity>\n<add ipAddress="127.0.0.2" />\n'
                      '</ipSecurity></security></system.ftpServer></location>']
    instance.start()
    place = f"(applicationHost.config:{line_of(instance, '127.0.0.2')})"
    assert place in explain(instance, "--site", "Depot", "--user", "anna", "--from", "127.0.0.2", expect=REFUSED)
    with instance.client(source="127.0.0.2", banner=False) as c:
        assert c.reply().startswith("421")
    session = [line for line in instance.log_lines() if line["cs-method"] == "ControlChannelClosed"][-1]["x-session"]
    assert place in explain(instance, "--session", session)


@pytest.mark.parametrize("words, expect, said", [
    ((), 87, "Give --site SITE and --user NAME"),
    (("--site", "None", "--user", "x"), 144, 'Cannot find SITE object with identifier "None"'),
    (("--site", "Depot", "--user", "anna", "--from", "here"), 87, "no IPv4 or IPv6 address"),
    (("--site", "Depot", "--user", "anna", "--verb", "HACK"), 87, "is no command of this server"),
    (("--session", "zz"), 87, "is no session id"),
    (("--session", "00000000-0000-0000-0000-000000000000"), 144, "No reason was logged"),
])
def test_wrong_questions(depot, words, expect, said):
    assert said in explain(depot, *words, expect=expect)


def reason_folder(instance):
    return max(instance.drive.rglob("reasons_ex*.jsonl"))      # at midnight there is another


def test_reasons_outlive_a_killed_logger(instance):
    """What it had written is found, with whatever else came into the file since; what is no file is not waited for."""
    instance.add_site("Depot", users={"anna": "secret"})
    instance.start()

    def refused():
        with instance.client() as c:
            c.cmd("USER anna", "331")
            c.cmd("PASS wrong", "530")
        return [line for line in instance.log_lines() if line["cs-method"] == "PASS"][-1]["x-session"]
    first = refused()
    assert "not the password" in explain(instance, "--session", first)
    [logger] = [pid for pid, name in instance.children().items() if name == "sallyport-logger"]
    path = reason_folder(instance)
    with open(path, "ab") as f:
        f.write(b'\x1b[31m{"session":"' + first.encode() + b'","reason":"\x1b]0;x\x07\xff\x00 forged\n' + bytes(range(256)) + b'{"time":"20')
    os.mkfifo(path.parent / "reasons_ex010101.jsonl")
    os.kill(logger, signal.SIGKILL)
    assert instance.wait(lambda: {pid for pid, name in instance.children().items() if name == "sallyport-logger"} - {logger})
    second = refused()
    assert first != second
    told = explain(instance, "--session", first)
    assert "not the password" in told and "\x1b" not in told and "\x07" not in told
    told = explain(instance, "--session", second)
    assert "not the password" in told and "1 files or folders of reasons cannot be read" in told
