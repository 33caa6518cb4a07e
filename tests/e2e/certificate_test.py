"""Client certificates: sslClientCertificates and clientCertAuthentication (ftp-behaviour 3.3; threats C04-C09, C12, C13).

The two sites are those of the samples of Microsoft's pages "FTP Client Certificate Authentication" and "sslClientCertificates
Element": certificates alone, and certificates required beside passwords.
"""
import base64
import socket
import ssl
import subprocess

import pytest

from harness import PATIENCE, Client, insecure_context
from pki import BASE, CA_EXTENSIONS, CLIENT, LEAF, Pki

TLS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
MAPPING = "iisClientCertificateMappingAuthentication"


@pytest.fixture(scope="module")
def pki():
    return Pki()


def policy(site, certificates, flags="NoRevocationCheck", mapping="true", login=True):
    flags = f'validationFlags="{flags}"' if flags else ""
    site.security = (f'<sslClientCertificates clientCertificatePolicy="{certificates}" {flags} '
                     f'useActiveDirectoryMapping="{mapping}" />')
    site.authentication = f'<clientCertAuthentication enabled="{str(login).lower()}" />'


def map_one(pki, name, user):
    encoded = base64.b64encode(pki.der(name)).decode()
    return f'<oneToOneMappings><add userName="{user}" certificate="{encoded}" /></oneToOneMappings>'


def map_subject(name, user, field="CN", mode="Allow", who="Subject", label="m"):
    return (f'<add name="{label}" permissionMode="{mode}" userName="{user}"><rules><add certificateField="{who}" '
            f'certificateSubField="{field}" matchCriteria="{name}" /></rules></add>')


def many(*entries):
    return "<manyToOneMappings>" + "".join(entries) + "</manyToOneMappings>"


def mapped_site(instance, pki, elements, name, tls, certificates, **options):
    site = instance.add_site(name, tls=tls, users={"anna": "secret"})
    policy(site, certificates, **options)
    site.elements = f'<{MAPPING} enabled="true">{elements}</{MAPPING}>'
    pki.install(instance)
    return site


def certificates_alone(instance, pki, elements, name="Partners", **options):
    """Sample of clientCertAuthentication: anonymous and Basic off, SslRequire, CertRequire, mapping on."""
    site = mapped_site(instance, pki, elements, name, "SslRequire", "CertRequire", **options)
    site.providers = False
    return site


def certificates_too(instance, pki, elements):
    return mapped_site(instance, pki, elements, "Either", "SslAllow", "CertAllow")


def connect(instance, pem=None, version=None, site=None):
    client = instance.client(site)
    if pem:
        client.context.load_cert_chain(pem)
    if version:
        client.context.minimum_version = client.context.maximum_version = version
    return client.auth_tls()


@pytest.mark.parametrize("version", TLS)
def test_sample_certificates_alone(instance, pki, version):
    certificates_alone(instance, pki, many(map_subject("ana", "anna")))
    pem = pki.leaf("ana")
    instance.start()
    with connect(instance, pem, version) as c:
        c.cmd("USER whoever", "331 Password required")
        c.cmd("PASS ignored", "230")
        c.protect().cmd("TYPE I", "200")
        for round_ in range(3):
            c.put("f", b"x" * 70000, tls=True)
            assert c.get("f", tls=True) == b"x" * 70000
    assert (instance.sites[0].path / "f").stat().st_size == 70000
    assert any(line["cs-username"] == "anna" for line in instance.log_lines())


@pytest.mark.parametrize("version", TLS)
def test_required_and_none_sent(instance, pki, version):
    certificates_alone(instance, pki, many(map_subject("ana", "anna")))
    instance.start()
    with connect(instance, None, version) as c:
        for command in ("USER anna", "PWD", "USER anna"):
            assert c.cmd(command, "534-SSL policy requires client certificate.").endswith("534 End")
        c.cmd("NOOP", "200")                                  # the connection stays
        c.cmd("PASS secret", "503")
    assert {(line["sc-status"], line["sc-substatus"]) for line in instance.log_lines() if line["cs-method"] == "USER"} == {("534", "47")}


REFUSED = [  # name, how it is made, Win32 status in the log
    ("wrong_usage", {"extensions": LEAF + "extendedKeyUsage=serverAuth\n"}, 0x800B0110),
    ("expired", {"start": "20200101000000Z", "end": "20210101000000Z"}, 0x800B0101),
    ("future", {"start": "20400101000000Z"}, 0x800B0101),
    ("weak", {"kind": "rsa1024"}, 0x80090327),
    ("sha1", {"kind": "rsa", "digest": "sha1"}, 0x80090327),
    ("too_large", {"kind": "rsa9000"}, 0x80090327),
    ("ca_as_leaf", {"extensions": CA_EXTENSIONS + "extendedKeyUsage=clientAuth\n"}, 0x800B0110),
    ("ca_that_signs_nothing", {"extensions": CLIENT.replace("CA:FALSE", "CA:TRUE")}, 0x800B0110),
    ("unknown_root", {"issuer": "stranger"}, 0x800B0109),
    ("not_sent", {"send": False, "issuer": "hidden"}, 0x800B0109),
    ("disallowed", {}, 0x800B0111),
    ("no_signing", {"extensions": CLIENT.replace("digitalSignature", "keyEncipherment")}, 0x800B0110),
]


@pytest.mark.xdist_group("certificate-refusals")
def test_invalid_certificates(instance, pki):
    """C04, C06, C08: the first command gets 534 with sub-status 48, then the connection ends."""
    for name, options, _ in REFUSED:
        options = dict(options)
        if "issuer" in options:
            options["issuer"] = getattr(pki, options["issuer"])
        pki.leaf(name, **options)
    certificates_alone(instance, pki, many(map_subject("*", "anna")))
    pki.install(instance, disallowed=["disallowed"])
    instance.start()
    def refusals():
        return [line for line in instance.log_lines() if line["cs-method"] == "USER"]

    for number, (name, _, win32) in enumerate(REFUSED):
        with instance.client() as c:
            c.context.set_ciphers("DEFAULT:@SECLEVEL=0")
            c.context.load_cert_chain(pki.leaf(name))
            c.auth_tls()
            reply = c.cmd("USER anna").split("\n")
            assert reply[0] == "534-User provided invalid client certificate.", name
            assert reply[1].startswith((" Win32 error:   A", " Win32 error:   The certificate ")), name
            assert c.closed(), name
        assert instance.wait(lambda wanted=number + 1: len(refusals()) == wanted), name
        line = refusals()[-1]
        assert (line["sc-status"], line["sc-substatus"], line["sc-win32-status"]) == ("534", "48", str(win32)), name


def test_good_certificates_of_odd_shape(instance, pki):
    certificates_alone(instance, pki, many(map_subject("CN=never", "anna", label="no"), map_subject("issuing CA", "anna", who="Issuer")))
    shapes = {"any_usage": {"extensions": LEAF + "extendedKeyUsage=anyExtendedKeyUsage\n"}, "no_usage": {"extensions": LEAF},
              "ed25519": {"kind": "ed25519"}, "rsa": {"kind": "rsa"}}
    for name, options in shapes.items():
        pki.leaf(name, **options)
    instance.start()
    for name in shapes:
        with connect(instance, pki.leaf(name)) as c:
            c.login("x", "y")


def test_unknown_revocation_refuses(instance, pki):
    """C09: without NoRevocationCheck a certificate whose status nobody tells is refused; CertNoUsageCheck is its own bit."""
    site = certificates_alone(instance, pki, many(map_subject("*", "anna")), flags="")
    pem, wrong = pki.leaf("ana"), pki.leaf("wrong_usage", extensions=LEAF + "extendedKeyUsage=serverAuth\n")
    instance.start()
    with connect(instance, pem) as c:
        c.cmd("USER anna", "534-User provided invalid client certificate.")
        assert c.closed()
    line = [line for line in instance.log_lines() if line["cs-method"] == "USER"][-1]
    assert line["sc-win32-status"] == str(0x80092012)
    policy(site, "CertRequire", "NoRevocationCheck,CertNoUsageCheck")
    instance.reload()
    with connect(instance, wrong) as c:
        c.login("x", "y")


@pytest.mark.parametrize("version", TLS)
def test_sample_passwords_and_certificates(instance, pki, version):
    """Sample of sslClientCertificates: CertRequire, mapping off; the password decides who it is."""
    site = instance.add_site("Both", tls="SslRequire", users={"anna": "secret"})
    policy(site, "CertRequire", mapping="false", login=False)
    pki.install(instance)
    pem = pki.leaf("bea")
    instance.start()
    with connect(instance, pem, version) as c:
        c.login("anna", "wrong", "530")
        c.login("anna", "secret")
    with connect(instance, None, version) as c:
        c.cmd("USER anna", "534")


def test_allow_without_certificate_is_a_normal_session(instance, pki):
    """CertAllow: certificate or password; a certificate that is sent must be valid."""
    pki.leaf("ana")
    certificates_too(instance, pki, map_one(pki, "ana", "anna"))
    instance.start()
    with connect(instance) as c:
        c.login("anna", "wrong", "530")
        c.login()
        c.protect().put("f", b"x", tls=True)
    with connect(instance, pki.leaf("ana")) as c:
        c.login("x", "y")
    with connect(instance, pki.leaf("bea")) as c:             # good, but nobody's: the password decides
        c.login("anna", "wrong", "530")
        c.login()
    with connect(instance, pki.leaf("unknown_root", issuer=pki.stranger)) as c:
        c.cmd("USER anna", "534-User provided invalid")
    with instance.client() as c:                              # no TLS: nothing was asked for
        c.login()


def test_certificate_does_not_outlive_its_channel(instance, pki):
    """P22: after CCC the login stays, but who logs in again, in the clear, does so without the certificate."""
    certificates_too(instance, pki, many(map_subject("ana", "anna")))
    instance.start()
    with connect(instance, pki.leaf("ana")) as c:
        c.login("x", "y")
        c.cmd("CCC", "200")
        c.sock = c.sock.unwrap()
        c.cmd("PWD", "257")
        c.login("anna", "wrong", "530")
        c.login()


def test_deny_and_nobody(instance, pki):
    certificates_alone(instance, pki, many(map_subject("bea", "", mode="Deny", label="no"), map_subject("a*", "anna")))
    for name in ("ana", "bea", "cleo"):
        pki.leaf(name)
    instance.start()
    for name, want in (("ana", "230"), ("bea", "530"), ("cleo", "530")):
        with connect(instance, pki.leaf(name)) as c:
            c.login("anna", "secret", want)
    assert {line["sc-substatus"] for line in instance.log_lines() if line["sc-status"] == "530"} == {"35"}


def test_certificate_and_password(instance, pki):
    site = certificates_alone(instance, pki, many(map_subject("ana", "anna")))
    site.settings = 'certificateAndPassword="true"'
    ana, bea = pki.leaf("ana"), pki.leaf("bea")
    instance.start()
    with connect(instance, ana) as c:
        c.login("anna", "wrong", "530")
        c.login("other", "secret")                            # the certificate says who it is
    with connect(instance, bea) as c:
        c.login("anna", "secret", "530")


def test_password_of_a_closed_account(instance, pki):
    """A04: behind a certificate too, a name is closed after too many wrong passwords; none is no password."""
    site = certificates_alone(instance, pki, many(map_subject("ana", "anna")))
    site.settings = 'certificateAndPassword="true"'
    instance.sallyport_xml = '<safety maxLoginFailuresPerAccount="3" />'
    ana = pki.leaf("ana")
    instance.start()
    for password, want in (("secret", "230"), ("", "530"), ("wrong", "530"), ("wrong", "530"), ("secret", "530")):
        with connect(instance, ana) as c:
            c.login("whoever", password, want)


def test_reply_232_and_user_match(instance, pki):
    site = certificates_alone(instance, pki, many(map_subject("ana", "anna")))
    site.settings = 'certLoginReply="232" requireUserMatch="true"'
    pem = pki.leaf("ana")
    instance.start()
    with connect(instance, pem) as c:
        c.cmd("USER bert", "530")
        c.cmd("USER anna", "232")
        c.cmd("PWD", "257")
        c.cmd("PASS whatever", "230")
        c.cmd("USER anna", "232")


@pytest.mark.parametrize("wanted, missing", [("CertRequire", "47"), ("CertAllow", "49")])
def test_data_channel_must_show_the_same_certificate(instance, pki, wanted, missing):
    """C13, D08: a stolen passive port is of no use without the key, nor with another good certificate."""
    policy(certificates_alone(instance, pki, many(map_subject("*", "anna"))), wanted)
    ana, bea = pki.leaf("ana"), pki.leaf("bea")
    instance.start()
    for version in TLS:
        with connect(instance, ana, version) as c:
            c.login("x", "y")
            c.protect()
            for pem, substatus in ((bea, "49"), (None, missing), (ana, None)):
                context = insecure_context()
                context.minimum_version = context.maximum_version = version
                if pem:
                    context.load_cert_chain(pem)
                with socket.create_connection(c.epsv(), PATIENCE) as data:
                    c.send("NLST\r\n")
                    assert c.reply()[:3] in ("125", "150")
                    with context.wrap_socket(data) as tls:    # no session: a full handshake
                        try:
                            tls.recv(10)
                        except (ConnectionResetError, ssl.SSLError):
                            assert substatus
                last = c.reply()
                assert last.startswith("226" if not substatus else "522"), (pem, last)
                if substatus:
                    lines = [(line["cs-method"], line["sc-status"], line["sc-substatus"]) for line in instance.log_lines()]
                    assert ("NLST", "522", substatus) in lines, lines


def test_no_ticket_opens_a_session(instance, pki):
    """C12: a ticket, of this site or another, never stands for a certificate on a control channel."""
    certificates_alone(instance, pki, many(map_subject("*", "anna")))
    other = instance.add_site("Open", tls="SslAllow", users={"bert": "secret"})
    ana = pki.leaf("ana")
    instance.start()
    with connect(instance, ana, ssl.TLSVersion.TLSv1_3) as c:
        c.login("x", "y")
        mine, context = c.sock.session, c.context
    with instance.client(other) as c:
        c.context = context
        c.auth_tls()
        c.login("bert", "secret")
        foreign = c.sock.session
    for session in (mine, foreign):
        with instance.client() as c:
            c.cmd("AUTH TLS", "234")
            c.sock = context.wrap_socket(c.sock, session=session)
            c.login("x", "y")
            assert not c.sock.session_reused


def test_changes_end_live_sessions(instance, pki):
    """A certificate put into Disallowed, or a mapping taken away, ends the sessions that lived on it."""
    site = certificates_alone(instance, pki, many(map_subject("*", "anna")))
    ana, bea = pki.leaf("ana"), pki.leaf("bea")
    instance.start()
    with connect(instance, ana) as first, connect(instance, bea) as second:
        first.login("x", "y")
        second.login("x", "y")
        pki.install(instance, disallowed=["ana"])
        instance.reload()
        assert first.reply().startswith("421")
        second.cmd("PWD", "257")
        site.elements = ""
        instance.reload()
        assert second.reply().startswith("421")


def test_curl(instance, pki):
    certificates_alone(instance, pki, many(map_subject("ana", "anna")))
    pem = pki.leaf("ana")
    (instance.sites[0].path / "hello").write_bytes(b"hello")
    instance.start()
    url = f"ftp://127.0.0.1:{instance.sites[0].port}/hello"
    words = ["curl", "-sS", "--insecure", "--ssl-reqd", "--max-time", str(PATIENCE), url]
    done = subprocess.run([*words, "--cert", pem], capture_output=True, check=False)
    assert done.stdout == b"hello", done.stderr
    done = subprocess.run(words, capture_output=True, check=False)
    assert done.returncode != 0 and b"534" in done.stderr


def test_missing_dependencies_are_named(instance, pki):
    site = instance.add_site("Lacking", users={"anna": "secret"})
    site.authentication = '<clientCertAuthentication enabled="true" />'
    instance.write()
    said = instance.check()
    text = said.stdout + said.stderr
    wanted = ["ssl.serverCertHash:", "sslClientCertificates.clientCertificatePolicy:CertAllow",
              "sslClientCertificates.useActiveDirectoryMapping:true"]
    places = [text.find(f'sallyport set site "Lacking" /ftpServer.security.{want}') for want in wanted]
    assert -1 not in places and places == sorted(places), text


def names_sent(instance, *flags):
    """The CA names in the server's request for a certificate."""
    done = subprocess.run(["openssl", "s_client", "-starttls", "ftp", "-connect", f"127.0.0.1:{instance.sites[0].port}", *flags],
                          input=b"", capture_output=True, timeout=PATIENCE, check=False)
    return done.stdout.decode(errors="replace")


def test_policy_and_issuers_change_while_running(instance, pki):
    """The next handshake asks as the new configuration says; sendTrustedIssuers names the CAs of Root and CA."""
    offline = "NoRevocationCheck,CertChainCacheOnlyUrlRetrieval"  # else the authenticator starts anew, to be let into the network
    site = certificates_alone(instance, pki, many(map_subject("ana", "anna")), flags=offline)
    pki.install(instance, intermediate=True)
    policy(site, "CertIgnore", flags=offline)
    instance.start()
    pem = pki.leaf("ana")
    with connect(instance, pem) as c:
        c.cmd("USER x", "331")
    policy(site, "CertRequire", flags=offline)
    instance.reload()
    with connect(instance, pem) as c:
        c.login("x", "y")
    for flags in ([], ["-tls1_2"]):
        assert "No client certificate CA names sent" in names_sent(instance, *flags)
    site.settings = 'sendTrustedIssuers="true"'
    instance.reload()
    for flags in ([], ["-tls1_2"]):
        text = names_sent(instance, *flags)
        assert "CN = root CA" in text and "CN = issuing CA" in text, text
    with connect(instance, pem) as c:
        c.login("x", "y")
    policy(site, "CertIgnore", flags=offline)
    instance.reload()
    assert "CN = root CA" not in names_sent(instance)
