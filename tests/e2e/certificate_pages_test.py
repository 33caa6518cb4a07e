"""Microsoft's pages "FTP Client Certificate Authentication <clientCertAuthentication>" and "sslClientCertificates Element", line by
line: the samples by command line, every attribute of the tables, the dependencies; the sub-statuses about certificates; the stores.
"""
import re
import shlex
import socket
import ssl
import subprocess
import time

import pytest

from certificate_test import MAPPING, connect, many, map_subject
from harness import BUILD, PATIENCE, insecure_context
from pki import CLIENT, LEAF, Pki
from rehearsal import ACCOUNT, ALLOWED, CERTIFICATE, NOT_ASKED, PASSWORD, Rehearsal
from revocation_test import World

ACCOUNTS = f'<{MAPPING} enabled="true">{many(map_subject("*", "anna"))}</{MAPPING}>'

# cite: FTP Client Certificate Authentication <clientCertAuthentication>, Sample Code, AppCmd.exe
CERTIFICATES_ALONE = """\
appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.ssl.serverCertHash:"THUMBPRINT" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.ssl.controlChannelPolicy:"SslRequire" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.ssl.dataChannelPolicy:"SslRequire" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.authentication.anonymousAuthentication.enabled:"False" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.authentication.basicAuthentication.enabled:"False" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.authentication.clientCertAuthentication.enabled:"True" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.sslClientCertificates.clientCertificatePolicy:"CertRequire" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.sslClientCertificates.useActiveDirectoryMapping:"True" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.sslClientCertificates.validationFlags:"NoRevocationCheck" /commit:apphost
"""
# cite: sslClientCertificates Element: Basic on, certificates required, no mapping
PASSWORDS_BESIDE = """\
appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.ssl.serverCertHash:"THUMBPRINT" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.ssl.controlChannelPolicy:"SslRequire" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.ssl.dataChannelPolicy:"SslRequire" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.authentication.basicAuthentication.enabled:"True" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.sslClientCertificates.clientCertificatePolicy:"CertRequire" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.sslClientCertificates.useActiveDirectoryMapping:"False" /commit:apphost
appcmd.exe set config -section:system.applicationHost/sites /[name='ftp.depot.example'].ftpServer.security.sslClientCertificates.validationFlags:"NoRevocationCheck" /commit:apphost
"""
POLICY = "ftpServer.security.sslClientCertificates.clientCertificatePolicy"


@pytest.fixture(scope="module")
def pki():
    made = Pki()
    for name in ("ana", "bea"):
        made.leaf(name)
    made.leaf("expired", start="20200101000000Z", end="20210101000000Z")
    made.leaf("foreign", issuer=made.stranger)
    return made


@pytest.fixture(scope="module")
def made():
    world = World()
    world.pki.leaf("wrong", issuer=world.ca, extensions=LEAF + "extendedKeyUsage=serverAuth\n"
                   f"crlDistributionPoints=URI:{world.web.url}/online.crl\n")
    yield world
    world.web.stop()


@pytest.fixture
def world(made):
    made.publish()
    return made


def run_lines(instance, text):
    """Type them, as the page prints them; `appcmd.exe` is ours."""
    for line in text.splitlines():
        words = shlex.split(line)
        assert words[0] == "appcmd.exe"
        done = subprocess.run([BUILD / "appcmd", *words[1:]], env={"SALLYPORT_CONFIG": str(instance.dir)}, capture_output=True, text=True,
                              timeout=PATIENCE)
        assert done.returncode == 0 and done.stdout.startswith("Applied configuration changes"), (line, done.stdout)
    instance.take_over()                                       # also by an authenticator that starts again for the network


def bare_site(instance, pki, **options):
    """A running site that says nothing about TLS or certificates."""
    site = instance.add_site("ftp.depot.example", users={"anna": "secret"}, **options)
    site.elements = ACCOUNTS
    pki.install(instance)
    instance.start()
    return site


def in_force(instance, condition):
    assert instance.wait(condition), instance.output


def test_sample_certificates_alone_by_command_line(instance, pki):
    site = bare_site(instance, pki)
    run_lines(instance, CERTIFICATES_ALONE.replace("THUMBPRINT", instance.make_certificate()))
    in_force(instance, lambda: Rehearsal(instance, site, pki.made["ana"]).code == ALLOWED)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with connect(instance, pki.made["ana"], version) as c:
            c.login("whoever", "ignored")
            c.protect().put("f", b"x" * 1000, tls=True)
            assert c.get("f", tls=True) == b"x" * 1000
    with connect(instance) as c:
        c.cmd("USER anna", "534-SSL policy requires client certificate.")
    with instance.client() as c:
        c.cmd("USER anna", "534")
    with connect(instance, pki.made["foreign"]) as c:
        c.cmd("USER anna", "534-User provided invalid client certificate.")


def test_sample_passwords_beside_by_command_line(instance, pki):
    site = bare_site(instance, pki)
    run_lines(instance, PASSWORDS_BESIDE.replace("THUMBPRINT", instance.make_certificate()))
    in_force(instance, lambda: Rehearsal(instance, site, pki.made["ana"]).code == PASSWORD)
    with connect(instance, pki.made["ana"]) as c:
        c.login("anna", "wrong", "530")
        c.login("anna", "secret")
    with connect(instance) as c:
        c.cmd("USER anna", "534-SSL policy requires client certificate.")
    with connect(instance, pki.made["expired"]) as c:
        c.cmd("USER anna", "534-User provided invalid client certificate.")


# ---- the tables ----

def attribute_site(instance, pki, attributes="", login='<clientCertAuthentication enabled="true" />', name="Partners", elements=ACCOUNTS):
    site = instance.add_site(name, tls="SslAllow", users={"anna": "secret"})
    site.security = f"<sslClientCertificates {attributes} />"
    site.authentication = login
    site.elements = elements
    pki.install(instance)
    return site


def test_row_enabled(instance, pki):
    """"true if Client Certificate authentication is enabled; otherwise, false.  The default value is false.\""""
    attributes = 'clientCertificatePolicy="CertRequire" useActiveDirectoryMapping="true" validationFlags="NoRevocationCheck"'
    cases = [("", PASSWORD), ('<clientCertAuthentication enabled="false" />', PASSWORD), ('<clientCertAuthentication enabled="true" />', ALLOWED)]
    sites = [attribute_site(instance, pki, attributes, login, f"site {number}") for number, (login, _) in enumerate(cases)]
    instance.start()
    for site, (login, code) in zip(sites, cases):
        assert Rehearsal(instance, site, pki.made["ana"]).code == code, login


@pytest.mark.parametrize("written,read", [("", "CertIgnore"), ("CertIgnore", "CertIgnore"), ("CertAllow", "CertAllow"), ("CertRequire", "CertRequire"),
                                          ("0", "CertIgnore"), ("1", "CertAllow"), ("2", "CertRequire")])
def test_row_client_certificate_policy(instance, pki, written, read):
    """The three values, by name and by number, and the default."""
    site = attribute_site(instance, pki, 'validationFlags="NoRevocationCheck" useActiveDirectoryMapping="true"')
    instance.write()
    if written:
        instance.cli("set", "site", "Partners", f"/{POLICY}:{written}")
        text = (instance.dir / "applicationHost.config").read_text()
        assert f'clientCertificatePolicy="{read}"' in text, text
        site.security = re.search(r"<sslClientCertificates [^>]*>", text)[0]
    instance.start()
    ignored, required = read == "CertIgnore", read == "CertRequire"
    with connect(instance) as c:                               # none sent
        if required:
            c.cmd("USER anna", "534-SSL policy requires client certificate.")
        else:
            c.login()
    with connect(instance, pki.made["expired"]) as c:          # one that is not valid
        if ignored:
            c.login()                                          # "will not be negotiated"
        else:
            c.cmd("USER anna", "534-User provided invalid client certificate.")
            assert c.closed()
    with connect(instance, pki.made["ana"]) as c:
        c.login("anna", "wrong", "530" if ignored else "230")


COLD_REFUSALS = [  # bit, certificate, Win32 status: what may not be fetched, and is not there yet
    (2, "ana", 0x80092013),
    (4, "short", 0x800B010A),
]


def flags(bits):
    names = ["NoRevocationCheck", "CertChainRevocationCheckCacheOnly", "CertChainCacheOnlyUrlRetrieval", "CertNoUsageCheck"]
    chosen = [name for number, name in enumerate(names) if bits & 1 << number]
    return f'validationFlags="{", ".join(chosen)}"' if chosen else ""


def test_row_validation_flags(instance, world):
    """All sixteen combinations, with an empty cache and with a full one."""
    sites = [attribute_site(instance, world.pki, 'clientCertificatePolicy="CertAllow" useActiveDirectoryMapping="true" '
                            f'revocationUrlRetrievalTimeout="00:00:20" {flags(bits)}', name=f"flags {bits}") for bits in range(16)]
    instance.start()

    def verdict(bits, name):
        told = Rehearsal(instance, sites[bits], world.pki.made[name])
        return int(told.logged[1]) if told.code == CERTIFICATE else told.code

    for bit, name, win32 in COLD_REFUSALS:
        for bits in range(16):
            if bits & bit and not (bit == 2 and bits & 1):
                assert verdict(bits, name) == win32, (bits, name)
    assert world.web.hits == []
    assert [verdict(0, name) for name in ("ana", "short")] == [ALLOWED, ALLOWED]       # everything is fetched now
    hits = len(world.web.hits)
    for bits in range(16):
        revoked = ALLOWED if bits & 1 else 0x80092010
        wrong = ALLOWED if bits & 8 else 0x800B0110
        assert [verdict(bits, name) for name in ("ana", "short", "bad", "wrong")] == [ALLOWED, ALLOWED, revoked, wrong], bits
    assert len(world.web.hits) == hits                                                # from the cache, all of it


def test_validation_flags_by_name_and_number(instance, pki):
    """The names, joined by commas, mean their numbers; an unknown one is an error."""
    attribute_site(instance, pki, 'clientCertificatePolicy="CertAllow"')
    instance.write()
    path = "ftpServer.security.sslClientCertificates.validationFlags"
    for written, read in (("NoRevocationCheck", "NoRevocationCheck"), ("CertChainRevocationCheckCacheOnly", "CertChainRevocationCheckCacheOnly"),
                          ("CertChainCacheOnlyUrlRetrieval", "CertChainCacheOnlyUrlRetrieval"), ("CertNoUsageCheck", "CertNoUsageCheck"),
                          ("9", "NoRevocationCheck, CertNoUsageCheck"), ("NoRevocationCheck,CertNoUsageCheck", "NoRevocationCheck, CertNoUsageCheck")):
        instance.cli("set", "site", "Partners", f"/{path}:{written}")
        shown = instance.cli("list", "site", "Partners", f"/text:{path}").strip()
        assert set(shown.replace(" ", "").split(",")) == set(read.replace(" ", "").split(",")), (written, shown)
    for wrong in ("16", "Sometimes"):
        assert instance.cli("set", "site", "Partners", f"/{path}:{wrong}", check=False).returncode != 0, wrong


def test_row_revocation_url_retrieval_timeout(instance, world):
    """"the timeout for retrieving certificate revocation information\""""
    short = attribute_site(instance, world.pki, 'clientCertificatePolicy="CertAllow" revocationUrlRetrievalTimeout="00:00:02"')
    instance.start()
    world.web.manner["/other.crl"] = "hang"
    begun = time.monotonic()
    told = Rehearsal(instance, short, world.pki.made["other"])
    assert told.code == CERTIFICATE and told.logged[1] == str(0x80092013), told.text
    assert 0.8 < time.monotonic() - begun < 15
    shown = instance.cli("list", "site", "Partners", "/config:*")
    assert 'revocationFreshnessTime="00:00:00"' in shown and 'useActiveDirectoryMapping="false"' in shown
    instance.cli("clear", "config", "-section:system.applicationHost/sites", check=False)  # whatever it says, defaults are the schema's
    assert re.search(r'revocationUrlRetrievalTimeout="00:0[01]:0[02]"', shown)


def test_row_use_active_directory_mapping(instance, pki):
    """Mapping alone uses no token; clientCertAuthentication alone has none (the directory itself: directory_test)."""
    policy = 'clientCertificatePolicy="CertRequire" validationFlags="NoRevocationCheck" useActiveDirectoryMapping='
    alone = attribute_site(instance, pki, policy + '"true"', login="", name="mapping alone", elements="")
    none = attribute_site(instance, pki, policy + '"false"', name="no mapping", elements="")
    none.providers = False
    instance.start()
    assert Rehearsal(instance, alone, pki.made["ana"]).code == PASSWORD
    told = Rehearsal(instance, none, pki.made["ana"])
    assert told.code == ACCOUNT and told.logged[2] == "35", told.text


# ---- dependencies ----

def test_every_missing_dependency_is_named_with_its_command(instance, pki):
    """In the order of the page; the commands, carried out, make it work."""
    site = instance.add_site("Lacking", users={"anna": "secret"})
    site.authentication = '<clientCertAuthentication enabled="true" />'
    site.data_policy = "SslDeny"
    site.elements = ""
    pki.install(instance)
    instance.start()
    commands = re.findall(r'sallyport (set site "Lacking" /ftpServer\.security\.\S+)', instance.output)
    wanted = ["ssl.serverCertHash:THUMBPRINT", "ssl.dataChannelPolicy:SslAllow", "sslClientCertificates.clientCertificatePolicy:CertAllow",
              "sslClientCertificates.useActiveDirectoryMapping:true"]
    assert commands == [f'set site "Lacking" /ftpServer.security.{want}' for want in wanted], instance.output
    checked = instance.check()
    text = checked.stdout + checked.stderr
    for command in commands:
        assert "sallyport " + command in text
    thumbprint = instance.make_certificate()
    for number, command in enumerate(commands):
        instance.cli(*shlex.split(command.replace("THUMBPRINT", thumbprint)))
        checked = instance.check()
        left = re.findall(r'clientCertAuthentication of site "Lacking" has no effect', checked.stdout + checked.stderr)
        assert len(left) == len(commands) - number - 1, checked.stdout + checked.stderr
    assert 'useActiveDirectoryMapping of site "Lacking" maps no certificate: no directory is configured' in checked.stdout + checked.stderr
    in_force(instance, lambda: Rehearsal(instance, site, pki.made["expired"]).code == CERTIFICATE)


# ---- sub-statuses ----

DETAILS = {31: "SSL certificate was not configured.", 44: "SSL certificate was not found.",
           45: "Private key was not found for the specified SSL certificate.", 46: "SSL certificate hash has invalid length.",
           47: "SSL policy requires client certificate.", 48: "User provided invalid client certificate.",
           49: "SSL policy requires matching client certificate for control and data channel."}


def test_every_sub_status_is_reached(instance, pki):
    """31, 32, 44 to 49: in the log, and with their texts in the detailed errors of a client on this machine."""
    sites = {}
    for number in (31, 44, 45, 46):
        sites[number] = instance.add_site(f"status {number}", users={"anna": "secret"})
    sites[44].certificate = "57686F6120447564652C2049495320526F636B73"
    sites[46].certificate = "5768"
    sites[45].certificate = instance.make_certificate()
    for path in (instance.dir / "certificates/MY").iterdir():
        text = path.read_text()
        path.write_text(re.sub(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----\n", "", text, flags=re.S))
    site = instance.add_site("Partners", tls="SslRequire", users={"anna": "secret"})
    site.security = '<sslClientCertificates clientCertificatePolicy="CertRequire" validationFlags="NoRevocationCheck" useActiveDirectoryMapping="true" />'
    site.authentication = '<clientCertAuthentication enabled="true" />'
    site.elements = ACCOUNTS
    pki.install(instance)
    instance.start()

    def logged(which, number):
        return [line for line in instance.log_lines(which) if line["sc-substatus"] == str(number)]

    for number in (31, 44, 45, 46):
        with instance.client(sites[number]) as c:
            reply = c.cmd("AUTH TLS", "534-")
            assert f"Error details: {DETAILS[number]}" in reply, reply
            c.cmd("NOOP", "200")
        assert instance.wait(lambda number=number: [line["cs-method"] for line in logged(sites[number], number)] == ["AUTH"]), number

    with instance.client(site) as c:                           # 32: something that is no handshake
        c.cmd("AUTH TLS", "234")
        c.send(b"USER anna\r\n" * 3)
        assert c.closed()
    assert instance.wait(lambda: [line["cs-method"] for line in logged(site, 32)] == ["ControlChannelClosed"])

    with connect(instance, site=site) as c:
        assert f"Error details: {DETAILS[47]}" in c.cmd("USER anna", "534-")
    with connect(instance, pki.made["expired"], site=site) as c:
        assert f"Error details: {DETAILS[48]}" in c.cmd("USER anna", "534-")
    with connect(instance, pki.made["ana"], site=site) as c:
        c.login("x", "y")
        c.protect()
        context = insecure_context()
        context.load_cert_chain(pki.made["bea"])
        with socket.create_connection(c.epsv(), PATIENCE) as data:
            c.send("NLST\r\n")
            assert c.reply()[:3] in ("125", "150")
            try:
                with context.wrap_socket(data) as tls:
                    tls.recv(10)
            except (ConnectionResetError, ssl.SSLError):
                pass
        last = c.reply()
        assert last.startswith("522") and DETAILS[49].rstrip(".") in last, last
    for number in (47, 48, 49):
        assert instance.wait(lambda number=number: logged(site, number)), number


# ---- stores ----

def test_import_and_list_every_store(instance, pki, tmp_path):
    """PEM, DER and PFX into each store; what came along does not become trusted."""
    instance.add_site("Depot", users={"anna": "secret"})
    instance.write()
    der, pfx = tmp_path / "a.der", tmp_path / "a.pfx"
    der.write_bytes(pki.der("ana"))
    subprocess.run(["openssl", "pkcs12", "-export", "-in", pki.made["ana"], "-out", pfx, "-passout", "pass:"], check=True)
    for store in ("MY", "WebHosting", "Root", "CA", "NTAuth", "Disallowed"):
        for file in (der, pfx, pki.made["ana"]):
            thumbprint = instance.cli("add", "certificate", f"/file:{file}", f"/store:{store}", "/text:thumbprint").strip()
            row = instance.cli("list", "certificate", f"/store:{store}")
            own = store in ("MY", "WebHosting") and file != der
            assert row.count("CERTIFICATE ") == 1 and f"store:{store}," in row and f"hasPrivateKey:{str(own).lower()}" in row, row
            written = (instance.dir / "certificates" / store / f"{thumbprint}.pem").read_text()
            assert written.count("BEGIN CERTIFICATE") == (2 if own else 1) and "PRIVATE KEY" not in written
            instance.cli("delete", "certificate", thumbprint, f"/store:{store}")
            assert list((instance.dir / "certificates" / store).iterdir()) == []


def test_expiry_is_told_ahead(instance, tmp_path):
    """30 days before: at the start, by check, in the list; of server certificates and of authorities."""
    site = instance.add_site("Depot", tls="SslAllow", users={"anna": "secret"})
    site.certificate = instance.make_certificate("soon", days=20)
    instance.make_certificate("later", days=90)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "20", "-subj",
                    "/CN=short CA", "-keyout", tmp_path / "ca.key", "-out", tmp_path / "ca.pem"], check=True, capture_output=True)
    instance.cli("create", "instance", check=False)
    instance.write()
    instance.cli("add", "certificate", f"/file:{tmp_path}/ca.pem", "/store:Root")
    instance.start()
    checked = instance.check()
    for text in (instance.output, checked.stdout + checked.stderr):
        assert re.search(r'the certificate of site "Depot" expires on 20\d\d-\d\d-\d\d', text), text
        assert re.search(r"the authority CN=short CA expires on 20\d\d-\d\d-\d\d", text), text
    soon = {line for line in instance.cli("list", "certificate", "/expiresSoon:true", "/text:subject").splitlines()}
    assert soon == {"CN=soon", "CN=short CA"}
    assert "CN=later" in instance.cli("list", "certificate", "/expiresSoon:false", "/text:subject")
