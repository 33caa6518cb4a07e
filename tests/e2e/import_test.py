"""`sallyport import` and `export`: the files of a Windows server become an instance, and nothing in them is lost.

tests/fixtures/iis-server is the configuration folder of a made-up server with web and FTP sites, written the way IIS
writes it: CRLF, comments, foreign sections, locks, location tags, encrypted values of two providers.
"""
import ftplib
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree

import pytest

from harness import BUILD, PATIENCE, ROOT, free_port

SERVER = ROOT / "tests/fixtures/iis-server"
MAP = "D: = /srv/d\n\\\\filer01\\archive$ = /mnt/archive\nE: = /srv/e\n"
FATES = ("enforced", "translated", "need a decision", "are not FTP", "frame the file")


def sallyport(*words, expect=0):
    ran = subprocess.run([BUILD / "sallyport", *map(str, words)], text=True, capture_output=True, timeout=PATIENCE)
    assert ran.returncode == expect, ran.stdout + ran.stderr
    return ran.stdout


def attributes(*files):
    """How many attributes the files hold, counted by another parser."""
    return sum(len(element.attrib) for file in files for element in xml.etree.ElementTree.fromstring(file).iter())


def totals(report):
    line = report[report.rindex(" attributes: "):]
    return [int(re.search(rf"(\d+) {fate}", line)[1]) for fate in FATES]


def section(report, title):
    """The lines below a heading, without those that belong to the next one."""
    return re.search(rf"^{re.escape(title)} \(\d+\)\n(.*?)(?=^\S|\Z)", report, re.M | re.S)[1]


@pytest.fixture
def copied(tmp_path):
    folder = tmp_path / "config"
    shutil.copytree(SERVER, folder)
    return folder


def test_dry_run_changes_nothing(copied, tmp_path):
    before = {path: path.read_bytes() for path in copied.iterdir()}
    report = sallyport("import", copied, "--dry-run", "--to", tmp_path / "new")
    assert not (tmp_path / "new").exists() and {path: path.read_bytes() for path in copied.iterdir()} == before
    assert "Nothing was changed" in report


def test_every_attribute_has_one_fate(copied, tmp_path):
    report = sallyport("import", copied, "--dry-run", "--to", tmp_path / "new")
    files = [(copied / name).read_bytes() for name in ("applicationHost.config", "administration.config")]
    assert sum(totals(report)) == attributes(*files) == int(re.search(r"^(\d+) attributes:", report, re.M)[1])
    listed = [section(report, title).count("\n  ") + 1 for title in ("Needs a decision", "Translated", "Enforced as they stand")]
    enforced, translated, decision = totals(report)[0], totals(report)[1], totals(report)[2]
    assert listed == [decision, translated, enforced]


def test_every_ftp_attribute_is_named_with_its_line(copied, tmp_path):
    """Counted by hand-written rules over the raw lines, which know nothing of the schema."""
    report = sallyport("import", copied, "--dry-run", "--to", tmp_path / "new")
    lines = (copied / "applicationHost.config").read_text().splitlines()
    inside = False
    seen = 0
    for number, line in enumerate(lines, 1):
        inside |= "<ftpServer" in line or "<system.ftpServer>" in line
        if inside and not line.strip().startswith("<!--"):
            for name in re.findall(r"""\s([A-Za-z0-9]+)=["']""", line):
                if name.startswith("lock"):
                    continue
                assert re.search(rf"^  applicationHost.config:{number}: .*@{name} = ", report, re.M), (number, line, name)
                seen += 1
        inside &= "</ftpServer>" not in line and "</system.ftpServer>" not in line
    assert seen > 90


@pytest.mark.parametrize("title,wanted", [
    ("Needs a decision", ["@serverCertHash", "drive D: is not mapped", r'"//filer01/archive$" is not mapped',
                          "Northwind.Ftp.BlockList", "is a SID", r'"BUILTIN\Administrators"', "no form of stored password",
                          "encrypted with AesProvider", "adPassword = ***"]),
    ("Translated", ["anonymous users open files as the service account", "/c/inetpub/ftproot"]),
    ("Paths", [r"D:\partners\incoming -> drive D: is not mapped", r"%SystemDrive%\inetpub\ftproot -> /",
               r"      \\filer01\archive$ = /mnt/", "      E: = /srv/e"]),
    ("Users in rules", ["acme (1 rule): an IIS Manager user", "* (1 rule): everybody", "? (1 rule): anonymous users", "S-1-5-21-"]),
    ("Roles in rules", [r"NORTHWIND\ftp-partners", r"BUILTIN\Administrators"]),
    ("IIS Manager users", ["kept with their hashes", "/requiresWindowsCredentials:false"]),
    ("Certificates that are not in the stores", ["5A0B3C9D8E7F6A5B4C3D2E1F0A9B8C7D6E5F4A3B"]),
    ("Providers of encrypted values", ["AesProvider"]),
    ("Kept and ignored, because not FTP", ["system.applicationHost/applicationPools", "system.webServer/globalModules",
                                           "system.webServer/handlers", "administration.config:15: moduleProviders"]),
    ("Enforced as they stand", ['"Old Intranet", ftpServer/security/authentication/basicAuthentication/@enabled = "true": '
                                "without effect, as on Windows", 'controlChannelPolicy = "SslRequire"']),
])
def test_questions(copied, tmp_path, title, wanted):
    text = section(sallyport("import", copied, "--dry-run", "--to", tmp_path / "new"), title)
    for words in wanted:
        assert words in text, (words, text)


def test_what_has_an_effect_is_not_called_unused(copied, tmp_path):
    path = copied / "applicationHost.config"
    text = path.read_text()
    for old, new in (('userName="NORTHWIND\\svc-ftp" password="[enc:AesProvider:hR2XGQ0yVGlzIGlzIG5vdCBhIHNlY3JldA==:enc]"',
                      'userName="" password="geheim" logonMethod="Batch"'),
                     ('adPassword="[enc:AesProvider:b2xkIGFuZCB1bnVzZWQ=:enc]"', 'adPassword="geheim"'),
                     ('<virtualDirectoryDefaults allowSubDirConfig="true"', '<virtualDirectoryDefaults userName="svc" password="geheim" '
                      'logonMethod="Network"')):
        assert old in text
        text = text.replace(old, new)
    path.write_text(re.sub("(<siteDefaults>.*?<ftpServer[^>]*>)", r'\1<customFeatures impersonationLevel="Delegate" />', text, flags=re.S))
    report = sallyport("import", copied, "--dry-run", "--to", tmp_path / "new")
    enforced, translated = section(report, "Enforced as they stand"), section(report, "Translated")
    clear = "= ***: in clear text: whoever may read the file knows it"
    for words in (f"application/virtualDirectory/@password {clear}", f"activeDirectory/@adPassword {clear}",
                  f"virtualDirectoryDefaults/@password {clear}", 'virtualDirectoryDefaults/@userName = "svc": an account of this machine',
                  'virtualDirectoryDefaults/@logonMethod = "Network": chooses the PAM service',
                  'application/virtualDirectory/@logonMethod = "Batch": chooses the PAM service'):
        assert words in enforced, (words, enforced)
    for words in ('application/virtualDirectory/@userName = "": files are opened as the user who logged in',
                  'customFeatures/@impersonationLevel = "Delegate": of feature providers, which cannot run here'):
        assert words in translated, (words, translated)
    assert "geheim" not in report


def test_no_secret_in_the_report(copied, tmp_path):
    report = sallyport("import", copied, "--to", tmp_path / "new")
    for secret in re.findall(r'(?:password|Password|encryptedValue)="([^"]{9,})"', (copied / "applicationHost.config").read_text()
                             + (copied / "administration.config").read_text()):
        if secret != "[enc:AesProvider::enc]":
            assert secret not in report
    assert (tmp_path / "new/import-report.txt").stat().st_mode & 0o777 == 0o640


def test_imported_files_are_the_same_bytes_and_come_out_again(copied, tmp_path):
    (tmp_path / "map").write_text(MAP)
    new, out = tmp_path / "new", tmp_path / "out"
    report = sallyport("import", copied, "--to", new, "--map", tmp_path / "map")
    assert "/srv/d/partners/incoming" in section(report, "Translated") and "/mnt/archive/partners" in section(report, "Translated")
    sallyport("--config", new, "check")
    sallyport("--config", new, "export", out)
    for name in ("applicationHost.config", "administration.config"):
        assert (out / name).read_bytes() == (new / name).read_bytes() == (SERVER / name).read_bytes()
        assert f"{name}: taken over byte for byte" in report


def test_nobody_reads_the_report(copied, tmp_path):
    """As with `| head`: the files are taken over all the same."""
    reader, writer = os.pipe()
    os.close(reader)
    ran = subprocess.run([BUILD / "sallyport", "import", copied, "--to", tmp_path / "new"], stdout=writer, stderr=subprocess.PIPE, text=True,
                         timeout=PATIENCE)
    os.close(writer)
    assert (ran.returncode, ran.stderr) == (29, ""), "ERROR_WRITE_FAULT"
    assert (tmp_path / "new/applicationHost.config").read_bytes() == (SERVER / "applicationHost.config").read_bytes()


def test_only_the_edit_differs_afterwards(copied, tmp_path):
    new, out = tmp_path / "new", tmp_path / "out"
    sallyport("import", copied, "--to", new)
    sallyport("--config", new, "set", "site", "Partners", "/ftpServer.connections.maxConnections:20")
    sallyport("--config", new, "export", out)
    old = (SERVER / "applicationHost.config").read_bytes()
    assert (out / "applicationHost.config").read_bytes() == old.replace(b'maxConnections="500"', b'maxConnections="20"')


VARIANTS = {
    "LF": lambda text: text.replace("\r\n", "\n").encode(),
    "UTF-8 with a mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "umlauts": lambda text: text.replace("Northwind partner exchange", "Größe 10 €").encode(),
    "UTF-16 little-endian": lambda text: b"\xff\xfe" + text.replace('encoding="UTF-8"', 'encoding="utf-16"').encode("utf-16-le"),
    "UTF-16 big-endian": lambda text: b"\xfe\xff" + text.replace('encoding="UTF-8"', 'encoding="utf-16"').encode("utf-16-be"),
}


def test_history_is_not_ignored(copied, tmp_path):
    """configHistory is about the files, not about FTP, but it is obeyed here as on Windows."""
    host = copied / "applicationHost.config"
    host.write_bytes(host.read_bytes().replace(b"<customMetadata />", b'<customMetadata /><configHistory enabled="false" path="%SystemDrive%\\old" />'))
    said = sallyport("import", copied, "--dry-run", "--to", tmp_path / "new", "--drive", f"C:={tmp_path}/c")
    assert 'system.applicationHost/configHistory/@enabled = "false"' in section(said, "Enforced as they stand")
    assert f'configHistory/@path = "%SystemDrive%\\old": {tmp_path}/c/old' in section(said, "Translated")
    assert "configHistory" not in section(said, "Kept and ignored, because not FTP")


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_of_the_file(copied, tmp_path, variant):
    text = (SERVER / "applicationHost.config").read_bytes().decode()
    written = VARIANTS[variant](text)
    (copied / "applicationHost.config").write_bytes(written)
    report = sallyport("import", copied, "--to", tmp_path / "new")
    imported = (tmp_path / "new/applicationHost.config").read_bytes()
    if "UTF-16" in variant:
        assert imported == text.encode() and "translated from UTF-16 to UTF-8" in report
    else:
        assert imported == written


def test_one_file_and_names_in_another_case(copied, tmp_path):
    report = sallyport("import", copied / "applicationHost.config", "--to", tmp_path / "one")
    assert "administration.config: none was there" in report
    (copied / "applicationHost.config").rename(copied / "APPLICATIONHOST.CONFIG")
    (copied / "schema").mkdir()
    report = sallyport("import", copied, "--to", tmp_path / "two")
    assert "schema: not taken over" in report
    assert (tmp_path / "two/applicationHost.config").read_bytes() == (SERVER / "applicationHost.config").read_bytes()


def test_shared_configuration_is_told(copied, tmp_path):
    (copied / "redirection.config").write_text((SERVER / "redirection.config").read_text().replace('"false"', '"true" path="\\\\s\\c"'))
    assert "reads its configuration from elsewhere" in sallyport("import", copied, "--dry-run", "--to", tmp_path / "new")


def test_sections_in_files_of_their_own(copied, tmp_path):
    host = copied / "applicationHost.config"
    text = host.read_bytes().decode()
    section = re.search(r"<caching>\s*<credentialsCache.*?</caching>", text, re.S)[0]
    host.write_bytes(text.replace(section, '<caching configSource="parts\\caching.config" />').encode())
    (copied / "parts").mkdir()
    (copied / "parts/caching.config").write_bytes(section.encode())
    report = sallyport("import", copied, "--to", tmp_path / "new")
    assert 'parts/caching.config:2: system.ftpServer/caching/credentialsCache/@flushInterval = "600"' in section_of(report)
    files = [host.read_bytes(), (copied / "administration.config").read_bytes(), section.encode()]
    assert sum(totals(report)) == attributes(*files) == int(re.search(r"^(\d+) attributes:", report, re.M)[1])
    assert (tmp_path / "new/parts/caching.config").read_bytes() == section.encode()
    sallyport("--config", tmp_path / "new", "check")
    (copied / "parts/caching.config").unlink()
    ran = subprocess.run([BUILD / "sallyport", "import", copied, "--to", tmp_path / "none"], text=True, capture_output=True, timeout=PATIENCE)
    assert ran.returncode != 0 and "caching.config" in ran.stdout and not (tmp_path / "none").exists(), ran.stdout


def section_of(report):
    return section(report, "Enforced as they stand")


def test_an_instance_is_replaced_only_when_asked(copied, tmp_path):
    new = tmp_path / "new"
    sallyport("--config", new, "create", "instance")
    before = (new / "applicationHost.config").read_bytes()
    assert "exists already" in sallyport("import", copied, "--to", new, expect=80)
    assert (new / "applicationHost.config").read_bytes() == before
    sallyport("--config", new, "set", "config", "-section:sallyport/tls", "/minProtocol:Tls13")
    sallyport("import", copied, "--to", new, "--replace", "--drive", "D:=/srv/d")
    assert (new / "applicationHost.config.before-import").read_bytes() == before
    own = (new / "sallyport.config").read_text()
    assert 'minProtocol="Tls13"' in own and 'drive="D:" path="/srv/d"' in own


def edited(old, new):
    return lambda text: text.replace(old, new, 1)


# threats.md X01, X05, X06; each is refused whole, with the line where there is one, and nothing is written
HOSTILE = {
    "X01 DOCTYPE": (edited("<configuration>", '<!DOCTYPE a [<!ENTITY b "c">]>\n<configuration>'), "DOCTYPE"),
    "X01 external entity": (edited("<configuration>", '<!DOCTYPE a SYSTEM "file:///etc/passwd">\n<configuration>'), "DOCTYPE"),
    "X01 entity": (edited('bannerMessage="Northwind', 'bannerMessage="&b;'), "applicationHost.config:"),
    "X01 depth": (edited("<system.webServer>", "<system.webServer>" + "<a>" * 5000 + "</a>" * 5000), "applicationHost.config:"),
    "X01 huge attribute": (edited("Northwind partner exchange", "x" * 100_000), "applicationHost.config:"),
    "X02 half a file": (lambda text: text[: len(text) // 2], "applicationHost.config:"),
    "X05 negative number": (edited('maxUrl="2048"', 'maxUrl="-1"'), "maxUrl"),
    "X05 2^32": (edited('maxConnections="500"', 'maxConnections="4294967296"'), "maxConnections"),
    "X05 empty number": (edited('flushInterval="600"', 'flushInterval=""'), "flushInterval"),
    "X05 unknown enum": (edited('mode="None"', 'mode="Some"'), "mode"),
    "X05 unknown attribute": (edited('allowUTF8="true"', 'allowUTF9="true"'), "allowUTF9"),
    "X05 the same site twice": (edited('<site name="Public Downloads" id="3">', '<site name="Partners" id="3">'), "Partners"),
    "X06 the same rule twice": (edited('users="acme, globex"', 'users="?" roles="" permissions="Read" />\r\n<add users="?"'),
                                "applicationHost.config:"),
    "X06 a broken lock": (edited('<ipSecurity allowUnlisted="false">', '<ipSecurity enableReverseDns="true">'), "Lock violation"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused_whole(copied, tmp_path, case):
    change, words = HOSTILE[case]
    text = (SERVER / "applicationHost.config").read_bytes().decode()
    assert change(text) != text
    (copied / "applicationHost.config").write_bytes(change(text).encode())
    ran = subprocess.run([BUILD / "sallyport", "import", copied, "--to", tmp_path / "new"], text=True, capture_output=True, timeout=PATIENCE)
    assert ran.returncode not in (0, 139, 134) and words in ran.stdout, ran.stdout
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("what,words", [("nothing", "cannot be read"), ("empty", "holds no applicationHost.config"),
                                        ("device", "cannot be read"), ("both", "differ only by case"), ("binary", "applicationHost.config")])
def test_what_is_no_configuration_folder(copied, tmp_path, what, words):
    folder = tmp_path / what
    if what != "nothing":
        folder.mkdir()
    if what == "device":
        (folder / "applicationHost.config").symlink_to("/dev/zero")
    if what == "both":
        shutil.copy(SERVER / "applicationHost.config", folder)
        shutil.copy(SERVER / "applicationHost.config", folder / "applicationhost.CONFIG")
    if what == "binary":
        (folder / "applicationHost.config").write_bytes(bytes(range(256)) * 100)
    ran = subprocess.run([BUILD / "sallyport", "import", folder, "--to", tmp_path / "new"], text=True, capture_output=True, timeout=PATIENCE)
    assert ran.returncode != 0 and words in ran.stdout, ran.stdout
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("line", ["D:", "D: = relative", "nonsense = /x", "\\\\filer = ", "= /x"])
def test_bad_mappings_are_told_with_their_line(copied, tmp_path, line):
    (tmp_path / "map").write_text("# first\n" + line + "\n")
    report = sallyport("import", copied, "--to", tmp_path / "new", "--map", tmp_path / "map", expect=87)
    assert "line 2" in report and not (tmp_path / "new").exists()


def test_a_user_of_the_windows_server_logs_in(instance):
    """From the copied folder to a session: mapping, the one decision, a port of our own."""
    port, config = free_port(), instance.dir
    shutil.rmtree(instance.drive)
    copied = config.parent / f"{config.name}-copied"
    shutil.copytree(SERVER, copied)
    try:
        sallyport("import", copied, "--to", config, "--drive", f"D:={config}/d", "--drive", f"E:={config}/e")
        run = lambda *words: sallyport("--config", config, *words)
        run("set", "config", "-section:sallyport/managementService", "/requiresWindowsCredentials:false")
        run("set", "site", "Partners", f"/bindings:ftp/127.0.0.1:{port}:", "/ftpServer.security.ssl.controlChannelPolicy:SslAllow",
            "/ftpServer.security.ssl.dataChannelPolicy:SslAllow", "/ftpServer.security.sslClientCertificates.clientCertificatePolicy:CertIgnore")
        run("set", "site", "Public Downloads", f"/bindings:ftp/127.0.0.1:{free_port()}:")
        run("delete", "vdir", "Partners/archive")
        home = config / "c/inetpub/ftproot/LocalUser/acme"
        home.mkdir(parents=True)
        (home / "order.txt").write_bytes(b"10 pieces")
        instance.sites = []
        instance.launch()
        assert instance.wait_line("sallyportd: ready"), instance.output
        with ftplib.FTP() as client:
            client.connect("127.0.0.1", port, timeout=PATIENCE)
            client.login("acme", "P@ssw0rd")
            lines = []
            client.retrlines("RETR order.txt", lines.append)
            assert lines == ["10 pieces"]
    finally:
        shutil.rmtree(copied)
