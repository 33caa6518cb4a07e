"""The matrix of client certificates against a directory: whom each names under mappingStrength full and compatibility, CRLs and
store NTAuth read from the directory itself (client-certificates 6, 8; threats C01-C03, L01)."""
import base64
import subprocess

import pytest

from directory_test import AD_BASE, FIRST, Controller, Domain, last_status
from matrix import ACCOUNTS, TABLE, Matrix
from matrix_test import verdict
from rehearsal import ACCOUNT, ALLOWED, Rehearsal
from responder import serial_of

pytestmark = pytest.mark.xdist_group("directory")
CONFIGURATION = f"CN=Public Key Services,CN=Services,CN=Configuration,{AD_BASE}"
MORE = {"mallory": 512 | 0x40000, "oscar": 512, "oscar2": 512, "peggy": 512, "quentin": 512, "trent": 512, "zoe": 512, "sybil": 512}
UPNS = {"quentin": "quentin@corp.example", "zoe": "zoë@depot.test"}


def encoded(attribute, value):
    value = value if isinstance(value, bytes) else value.encode()
    return f"{attribute}:: {base64.b64encode(value).decode()}\n"


class MatrixDomain(Domain):
    """The domain of the other tests, with the accounts and mappings of the matrix."""

    def __init__(self):
        super().__init__()
        try:
            for name, control in MORE.items():
                self.add(f"CN={name},OU=People,{AD_BASE}", "user", sAMAccountName=name, userAccountControl=str(control),
                         userPrincipalName=UPNS.get(name, f"{name}@depot.test"), unicodePwd=f'"Pass-{name}!"'.encode("utf-16-le"))
            self.matrix = Matrix(self.first.sid)
            for name, values in self.matrix.alternatives().items():
                self.change(f"CN={name},OU=People,{AD_BASE}", "altSecurityIdentities", *values)
            self.change(f"CN=heidi,OU=People,{AD_BASE}", "userCertificate", self.matrix.der("ok-published"))
            self.publish()
        except BaseException:
            self.close()
            raise

    def add(self, dn, kind, **attributes):
        text = encoded("dn", dn) + f"changetype: add\nobjectClass: {kind}\n"
        self.first.ldap("ldapmodify", text=text + "".join(encoded(name, value) for name, value in attributes.items()))

    def change(self, dn, attribute, *values):
        self.first.ldap("ldapmodify", text=encoded("dn", dn) + f"changetype: modify\nreplace: {attribute}\n" +
                        "".join(encoded(attribute, value) for value in values))

    def publish(self):
        """What an enterprise CA writes: a CRL, and the CAs whose word counts."""
        for dn in (f"CN=CDP,{CONFIGURATION}", f"CN=dc1,CN=CDP,{CONFIGURATION}"):
            try:
                self.add(dn, "container")
            except subprocess.CalledProcessError as error:
                assert "exists" in error.stderr, error.stderr
        self.add(f"CN=issuing CA,CN=dc1,CN=CDP,{CONFIGURATION}", "cRLDistributionPoint",
                 certificateRevocationList=self.matrix.web.files["/crl/issuing.crl"])

    def close(self):
        super().close()
        if hasattr(self, "matrix"):
            self.matrix.web.stop()


@pytest.fixture(scope="module")
def domain():
    made = MatrixDomain()
    try:
        yield made
    finally:
        made.close()


def serve(instance, domain, flags="", ntauth=True, **settings):
    site = instance.add_site("Partners", tls="SslAllow")
    flags = f'validationFlags="{flags}"' if flags else ""
    site.security = f'<sslClientCertificates clientCertificatePolicy="CertRequire" {flags} useActiveDirectoryMapping="true" />'
    site.authentication = '<clientCertAuthentication enabled="true" />'
    site.rules.append('<add accessType="Allow" users="*" permissions="Read" />')
    domain.matrix.install(instance, ntauth=ntauth)
    attributes = "".join(f' {name}="{value}"' for name, value in settings.items())
    instance.sallyport_xml = (f'<directory servers="ldaps://{FIRST}" bindName="svc-ftp@depot.test" '
                              f'bindPassword="Pass-svc-ftp!"{attributes} />')
    # the controller's certificate is of the other PKI
    (instance.dir / "certificates/Root/controller.pem").write_text(domain.pki.root[0].read_text())
    instance.start()
    return site


def named(instance, pem):
    """The account of a login, or the Win32 status of its refusal."""
    before = len([line for line in instance.log_lines() if line["cs-method"] == "PASS"])
    what = verdict(instance, pem)
    if what == "refused":
        return "refused"
    line = [line for line in instance.log_lines() if line["cs-method"] == "PASS"][before]
    return line["cs-username"].lower().removeprefix("depot\\") if what == "ok" else int(line["sc-win32-status"])


@pytest.mark.parametrize("strength", ["full", "compatibility"])
def test_accounts(instance, domain, strength):
    serve(instance, domain, flags="NoRevocationCheck,CertNoUsageCheck", mappingStrength=strength,
          certificateBackdatingCompensation="26280000")
    want, seen = {}, {}
    for row in TABLE:
        account = getattr(row, strength)
        if account == "-":
            continue
        account = "sybil" if account == "predates" else account    # nobody is too old with that compensation
        want[row.name] = ACCOUNTS.get(account, account)
        seen[row.name] = named(instance, domain.matrix.made[row.name])
    assert seen == want


def test_younger_accounts(instance, domain):
    """compatibility: a certificate that is older than the account was made for somebody else."""
    serve(instance, domain, flags="NoRevocationCheck", mappingStrength="compatibility")
    assert named(instance, domain.matrix.made["acct-sybil"]) == ACCOUNTS["predates"]


def test_list_in_the_directory(instance, domain):
    """ldap:///, as AD CS writes it: from the configured controllers; another host is not asked (C10)."""
    serve(instance, domain, mappingStrength="disabled")
    assert named(instance, domain.matrix.made["crl-ad"]) == "alice"
    assert named(instance, domain.matrix.made["crl-ldap"]) == "refused"
    assert last_status(instance) == ("534", "48", 0x80092013)


def test_ntauth_of_the_directory(instance, domain):
    """CN=NTAuthCertificates counts beside the folder, unless ntAuthStore says otherwise."""
    pem = domain.matrix.made["ok-sid"]
    site = serve(instance, domain, flags="NoRevocationCheck", ntauth=False)
    assert named(instance, pem) == ACCOUNTS["ntauth"]
    domain.add(f"CN=NTAuthCertificates,{CONFIGURATION}", "certificationAuthority", authorityRevocationList=b"\0",
               certificateRevocationList=b"\0", cACertificate=domain.matrix.web.files["/aia/issuing.crt"])
    instance.cli("flush", "cache")
    assert named(instance, pem) == "alice"
    assert named(instance, domain.matrix.made["ntauth-out"]) == ACCOUNTS["ntauth"]
    instance.sallyport_xml = instance.sallyport_xml.replace(" />", ' ntAuthStore="folder" />')
    instance.reload()
    assert named(instance, pem) == ACCOUNTS["ntauth"]
    assert site.rules


def test_implicit_upn(instance, domain):
    """ruth has no userPrincipalName; quentin has another, and AD finds him by his account name all the same."""
    pem = domain.matrix.one("map-quentin", "Quentin", "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:quentin@depot.test")
    serve(instance, domain, flags="NoRevocationCheck", mappingStrength="disabled")
    assert named(instance, domain.matrix.made["map-sam"]) == "ruth"
    assert named(instance, pem) == ACCOUNTS["nomap"]
    instance.sallyport_xml = instance.sallyport_xml.replace(" />", ' implicitUpn="all" />')
    instance.reload()
    assert named(instance, pem) == "quentin"


def test_names_that_look_alike(instance, domain):
    """C02, C03: what a directory, or a reader, may take for alice is not she."""
    serve(instance, domain, flags="NoRevocationCheck", mappingStrength="disabled")
    for number, upn in enumerate(("alic\u00e9@depot.test", "\uff41lice@depot.test", "\u0430lice@depot.test", "alice\uff20depot.test",
                                  "alice @depot.test", "alice@depot.test.evil.test", "alice@depot.tes", "lice@depot.test")):
        pem = domain.matrix.one(f"alike-{number}", "Alice Adams", "@san", more="[san]\notherName.1=1.3.6.1.4.1.311.20.2.3;FORMAT:UTF8,UTF8:"
                                f"{upn}\n")
        assert named(instance, pem) == ACCOUNTS["nomap"], upn


def test_spellings_of_alternatives(instance, domain):
    """What an administrator may write for one certificate: any case, the order of the certificate, no blank of his own."""
    pem = domain.matrix.one("spelled", "Spelled Smith", None)
    site = serve(instance, domain, flags="NoRevocationCheck")
    serial, ca = bytes.fromhex(serial_of(domain.matrix.crt("spelled"))), f"{Matrix.DN},CN=issuing-online CA"
    backwards, written, alike = ",".join(reversed(ca.split(","))), serial[::-1].hex(), ca.replace("issuing", "\u0131ssuing")
    spellings = [
        (f"X509:<I>{ca}<SR>{written}", True), (f"x509:<i>{ca.lower()}<sr>{written.upper()}", True), (f"X509:<I>{ca}<SR>{written}00", True),
        (f"X509:<I>{backwards}<SR>{written}", False), (f"X509:<I>{ca.replace(',', ', ')}<SR>{written}", False),
        (f"X509:<I>{ca.replace(' ', '  ')}<SR>{written}", False), (f"X509: <I>{ca}<SR>{written}", False), (f"X509:<I>{ca} <SR>{written}", False),
        (f"X509:<SR>{written}<I>{ca}", False), (f"X509:<I>{ca}<SR>{serial.hex()}", serial[::-1] == serial),
        (f"X509:<I>{ca}<SR>{written}<S>CN=x", False), (f"X509:<I>{ca}<SR>{written}ff", False), (f"X509:<SR>{written}", False),
        (f"<I>{ca}<SR>{written}", False), (f"X509:<I>{alike}<SR>{written}", False),
    ]
    try:
        for value, fits in spellings:
            domain.change(f"CN=zoe,OU=People,{AD_BASE}", "altSecurityIdentities", value, "X509:<I>CN=another<SR>00")
            instance.cli("flush", "cache")
            told = Rehearsal(instance, site, pem)
            assert told.code == (ALLOWED if fits else ACCOUNT), (value, told.text)
            assert fits or told.logged == ("530", "1317", "35"), (value, told.text)
    finally:
        domain.change(f"CN=zoe,OU=People,{AD_BASE}", "altSecurityIdentities")
