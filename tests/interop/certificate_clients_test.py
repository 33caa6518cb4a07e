"""Real clients that log in with a certificate: up and down over protected channels, on a site that has nothing but certificates; and
the same clients without one, or with one that was revoked (client-certificates 10)."""
import ftplib
import os
import ssl

import pytest

from clients_test import CONTENT, HERE, place, run  # noqa: F401 (place is a fixture)
from harness import insecure_context
from pki import Pki

MAPPING = "iisClientCertificateMappingAuthentication"
MAPPED = (f'<{MAPPING} enabled="true"><manyToOneMappings><add name="m" userName="anna"><rules><add certificateField="Subject" '
          f'certificateSubField="CN" matchCriteria="ana" /></rules></add></manyToOneMappings></{MAPPING}>')


@pytest.fixture(scope="module")
def pki():
    made = Pki()
    made.leaf("ana")
    made.leaf("foreign", issuer=made.stranger)
    made.run("openssl", "pkcs12", "-export", "-in", made.made["ana"], "-inkey", made.dir / "ana.key", "-name", "client",
             "-passout", "pass:secret", "-out", made.dir / "ana.p12")
    made.run("openssl", "pkcs12", "-export", "-in", made.made["foreign"], "-inkey", made.dir / "foreign.key", "-name", "client",
             "-passout", "pass:secret", "-out", made.dir / "foreign.p12")
    return made


@pytest.fixture
def partners(instance, pki):
    """The sample of Microsoft's page "FTP Client Certificate Authentication": certificates alone."""
    site = instance.add_site("Partners", tls="SslRequire", users={"anna": "secret"})
    site.providers = False
    site.security = ('<sslClientCertificates clientCertificatePolicy="CertRequire" validationFlags="NoRevocationCheck" '
                     'useActiveDirectoryMapping="true" />')
    site.authentication = '<clientCertAuthentication enabled="true" />'
    site.elements = MAPPED
    pki.install(instance)
    instance.start()
    return site


def curl(port, place, pem, *flags):
    base = ["curl", "--silent", "--show-error", "--insecure", "--ssl-reqd", "--user", "whoever:ignored", *(["--cert", pem] if pem else []),
            *flags]
    url = f"ftp://127.0.0.1:{port}"
    run([*base, "-T", "up.bin", f"{url}/dir/up.bin", "--ftp-create-dirs"], place)
    assert "up.bin" in run([*base, f"{url}/dir/"], place)
    run([*base, "-o", "down.bin", f"{url}/dir/up.bin"], place)


def curl_tls12(port, place, pem):
    curl(port, place, pem, "--tls-max", "1.2")


def lftp(port, place, pem):
    certificate = f"set ssl:cert-file {pem}; set ssl:key-file {pem.with_suffix('.key')}; " if pem else ""
    run(["lftp", "--norc", "-c", "set cmd:fail-exit yes; set ssl:verify-certificate no; set net:max-retries 1; set net:timeout 20; set ftp:ssl-force yes; "
         f"set ftp:ssl-protect-data yes; {certificate}open -u whoever,ignored ftp://127.0.0.1:{port}; mkdir dir; cd dir; put up.bin; cls -l; "
         "get up.bin -o down.bin; quit"], place)


def python(port, place, pem, version=None):
    context = insecure_context()
    if pem:
        context.load_cert_chain(pem)
    if version:
        context.maximum_version = version
    with ftplib.FTP_TLS(context=context) as ftp:
        ftp.connect("127.0.0.1", port, 30)
        ftp.login("whoever", "ignored")
        ftp.prot_p()
        with open(place / "up.bin", "rb") as up:
            ftp.storbinary("STOR up.bin", up)
        with open(place / "down.bin", "wb") as down:
            ftp.retrbinary("RETR up.bin", down.write)
        ftp.quit()


def python_tls12(port, place, pem):
    python(port, place, pem, ssl.TLSVersion.TLSv1_2)


def perl(port, place, pem):
    run(["perl", HERE / "net_ftp.pl", str(port), "1", *([str(pem)] if pem else [])], place)


def java(port, place, pem):
    jar = "/usr/share/java/commons-net.jar"
    if not os.path.exists(jar):
        pytest.skip("commons-net is not installed")
    run(["java", "-Xshare:auto", "-cp", jar, HERE / "CommonsNet.java", str(port), "1", *([pem.with_suffix(".p12")] if pem else [])],
        place, timeout=240)


CLIENTS = [curl, curl_tls12, lftp, python, python_tls12, perl, java]


@pytest.mark.parametrize("client", CLIENTS, ids=[client.__name__ for client in CLIENTS])
def test_client(instance, partners, pki, place, client):  # noqa: F811
    (place / "up.bin").write_bytes(CONTENT)
    client(partners.port, place, pki.made["ana"])
    assert (place / "down.bin").read_bytes() == CONTENT
    assert {line["cs-username"] for line in instance.log_lines() if line["cs-method"] in ("STOR", "RETR")} == {"anna"}


@pytest.mark.parametrize("client", [curl, lftp, python, perl], ids=lambda client: client.__name__)
def test_client_is_refused(instance, partners, pki, place, client):  # noqa: F811
    """Without a certificate 47, with a stranger's 48; nothing is moved."""
    (place / "up.bin").write_bytes(CONTENT)
    for pem, substatus in ((None, "47"), (pki.made["foreign"], "48")):
        with pytest.raises((AssertionError, ftplib.Error, EOFError, OSError)):
            client(partners.port, place, pem)
        assert substatus in {line["sc-substatus"] for line in instance.log_lines()}, substatus
    assert not (place / "down.bin").exists() or (place / "down.bin").read_bytes() != CONTENT
    assert list(partners.path.iterdir()) == []
