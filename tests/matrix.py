"""The matrix: one certificate for each thing that can be right or wrong with one, and what it must lead to.

A public key infrastructure of eight CAs, published by a Responder; `ROWS` is the table.  Verdicts are given for
validationFlags 0, 1, 2 (nothing cached), 4 (nothing cached) and 8, accounts for mappingStrength full and compatibility.

    root ---- issuing ---- most
      |------ hidden ------ reachable by AIA alone        |------ revokedca --- revoked by root
      |------ srvonly ----- EKU serverAuth on the CA      '------ outside ----- not in NTAuth
    partner (trusted, not in NTAuth, publishes nothing)     unknown (in no store)
"""
import subprocess

from pki import BASE, CA_EXTENSIONS, LEAF, Pki
from responder import Responder, crl, index_of, serial_of

VERDICTS = {  # what the table says, and sc-win32-status
    "revoked": 0x80092010, "nosource": 0x80092012, "offline": 0x80092013, "expired": 0x800B0101, "usage": 0x800B0110,
    "untrusted": 0x800B0109, "incomplete": 0x800B010A, "weak": 0x80090327, "badca": 0x80096019, "badsig": 0x80096004,
    "distrusted": 0x800B0111,
}
ACCOUNTS = {  # refusals of a mapping, and sc-win32-status
    "weak": 1326, "nomap": 1317, "sidmismatch": 1326, "ambiguous": 1332, "ntauth": 0x800B0112, "disabled": 1331,
    "acctexpired": 1793, "locked": 1909, "hours": 1328, "predates": 1326,
}
FLAGS = (0, 1, 2, 4, 8)
DEAD = "http://127.0.0.1:1"
UPN = "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:"
ALICE = UPN + "alice@depot.test"

ROWS = """
ok-upn        ok ok offline ok ok                           weak alice
ok-upn-case   ok ok offline ok ok                           weak alice
ok-subject    ok ok offline ok ok                           weak bob
ok-email      ok ok offline ok ok                           weak carol
ok-issuerser  ok ok offline ok ok                           dave dave
ok-highser    ok ok offline ok ok                           dave dave
ok-ski        ok ok offline ok ok                           erin erin
ok-puk        ok ok offline ok ok                           frank frank
ok-subjonly   ok ok offline ok ok                           weak grace
ok-published  ok ok offline ok ok                           nomap nomap
ok-sid        ok ok offline ok ok                           alice alice
sid-only      ok ok offline ok ok                           alice alice
sid-mismatch  ok ok offline ok ok                           sidmismatch sidmismatch
sid-uri       ok ok offline ok ok                           alice alice
ok-noeku      ok ok offline ok ok                           weak alice
ok-anyeku     ok ok offline ok ok                           weak alice
ok-smartcard  ok ok offline ok ok                           weak alice
ok-p384       ok ok offline ok ok                           weak alice
ok-ed25519    ok ok offline ok ok                           weak alice
ok-ocsp       ok ok offline ok ok                           weak alice
ok-ocsp-crl   ok ok offline ok ok                           weak alice
ok-cdp2       ok ok offline ok ok                           weak alice
ok-aia        ok ok offline incomplete ok                   weak alice
aia-dead      incomplete incomplete incomplete incomplete incomplete - -
nocdp         nosource ok nosource nosource nosource        weak alice
expired       expired expired expired expired expired       - -
future        expired expired expired expired expired       - -
revoked-crl   revoked ok offline revoked revoked            weak alice
revoked-ocsp  revoked ok offline revoked revoked            weak alice
revoked-delta revoked ok offline revoked revoked            weak alice
hold-removed  ok ok offline ok ok                           weak alice
revoked-chain revoked ok offline revoked revoked            weak alice
ocsp-down     offline ok offline offline offline            weak alice
ocsp-unknown  offline ok offline offline offline            weak alice
crl-expired   offline ok offline offline offline            weak alice
crl-404       offline ok offline offline offline            weak alice
crl-garbage   offline ok offline offline offline            weak alice
crl-foreign   offline ok offline offline offline            weak alice
crl-slow      ok ok offline ok ok                           weak alice
crl-ldap      offline ok offline offline offline            weak alice
crl-ad        offline ok offline offline offline            weak alice
wrong-eku     usage usage usage usage ok                    weak alice
ca-eku        usage usage usage usage ok                    weak alice
weak-sha1     weak weak weak weak weak                      - -
weak-rsa1024  weak weak weak weak weak                      - -
unknown-ca    untrusted untrusted untrusted untrusted untrusted - -
partner       nosource ok nosource nosource nosource        ntauth ntauth
partner-upn   nosource ok nosource nosource nosource        ntauth ntauth
ntauth-out    ok ok offline ok ok                           ntauth ntauth
distrusted    distrusted distrusted distrusted distrusted distrusted - -
acct-ivan     ok ok offline ok ok                           weak disabled
acct-judy     ok ok offline ok ok                           weak acctexpired
acct-kate     ok ok offline ok ok                           weak locked
acct-leo      ok ok offline ok ok                           weak hours
acct-mallory  ok ok offline ok ok                           weak mallory
acct-nina     ok ok offline ok ok                           weak nina
acct-sybil    ok ok offline ok ok                           weak predates
acct-ghost    ok ok offline ok ok                           nomap nomap
map-dup       ok ok offline ok ok                           ambiguous ambiguous
map-altupn    ok ok offline ok ok                           weak quentin
map-sam       ok ok offline ok ok                           weak ruth
map-twoupn    ok ok offline ok ok                           ambiguous ambiguous
map-inject    ok ok offline ok ok                           nomap nomap
map-star      ok ok offline ok ok                           nomap nomap
map-special   ok ok offline ok ok                           weak peggy
map-utf8      ok ok offline ok ok                           weak zoe
map-multirdn  ok ok offline ok ok                           weak trent
nul-cn        ok ok offline ok ok                           nomap nomap
nul-upn       ok ok offline ok ok                           nomap nomap
bad-sig       badsig badsig badsig badsig badsig            - -
leaf-issued   badca badca badca badca badca                 - -
self-signed   untrusted untrusted untrusted untrusted untrusted - -
"""


class Row:
    def __init__(self, line):
        words = line.split()
        self.name, self.full, self.compatibility = words[0], words[6], words[7]
        self.verdicts = dict(zip(FLAGS, words[1:6]))

    def __repr__(self):
        return self.name


TABLE = [Row(line) for line in ROWS.strip().splitlines()]


def sid_extension(sid):
    return ("1.3.6.1.4.1.311.25.2=ASN1:SEQUENCE:sid\n[sid]\nname=IMPLICIT:0,SEQUENCE:sid_name\n[sid_name]\n"
            f"type=OID:1.3.6.1.4.1.311.25.2.1\nvalue=EXPLICIT:0,FORMAT:ASCII,OCTETSTRING:{sid}\n")


class Matrix(Pki):
    """Makes every certificate of the table.  `sid(name)` tells the SID of an account; without a directory any does."""

    def __init__(self, sid=lambda name: "S-1-5-21-1004336348-1177238915-682003330-2001"):
        super().__init__()
        self.web, self.sid = Responder(), sid
        url = self.web.url
        named = lambda name: (f"crlDistributionPoints=URI:{url}/crl/root.crl\n"
                              f"authorityInfoAccess=caIssuers;URI:{url}/aia/{name}.crt\n")
        below = lambda name, more="": self.sign(name, self.root, f"{BASE}/CN={name} CA",
                                                CA_EXTENSIONS.replace("CA:TRUE", "CA:TRUE,pathlen:0") + named("root") + more,
                                                kind="rsa", start="20200101000000Z", end="20440101000000Z")
        self.cas = {"root": self.root, "issuing": below("issuing-online"), "hidden": below("hidden-online"),
                    "revokedca": below("revokedca"), "srvonly": below("srvonly", "extendedKeyUsage=serverAuth\n"),
                    "outside": below("outside")}
        for name, subject in (("partner", "/C=DE/O=Partner GmbH/CN=Partner Root CA"), ("unknown", "/C=XX/O=Unknown/CN=Nobody Knows")):
            self.cas[name] = self.sign(name + "-root", None, subject, CA_EXTENSIONS, kind="rsa", start="20200101000000Z", end="20440101000000Z")
        self.issuing = self.cas["issuing"]
        for name, usage in (("responder", "OCSPSigning"), ("no-eku", "clientAuth")):
            self.sign(name, self.issuing, f"{BASE}/CN={name}", LEAF + f"extendedKeyUsage={usage}\n", kind="rsa")
        self.make_all()
        self.publish()

    # ---- the certificates ----
    def one(self, name, who="Alice Adams", san=ALICE, issuer="issuing", usage="clientAuth", more=None, subject=None, **options):
        url = self.web.url
        if more is None:
            more = (f"crlDistributionPoints=URI:{url}/crl/{issuer}.crl\n"
                    f"authorityInfoAccess=caIssuers;URI:{url}/aia/{issuer}.crt\n")
        extensions = LEAF + (f"extendedKeyUsage={usage}\n" if usage else "")
        extensions += f"subjectAltName={san}\n" if san else ""
        return self.leaf(name, issuer=self.cas[issuer], subject=subject or f"{BASE}/OU=People/CN={who}", extensions=extensions + more,
                         **options)

    def at(self, *urls):
        """Distribution points of one name each, as OpenSSL writes them."""
        return "crlDistributionPoints=points\n", "[points]\nfullname=" + ",".join("URI:" + url for url in urls) + "\n"

    def make_all(self):
        url, one = self.web.url, self.one
        ocsp = lambda where: f"authorityInfoAccess=OCSP;URI:{where}/ocsp\n"
        point = lambda name: f"crlDistributionPoints=URI:{url}/crl/{name}.crl\n"
        standard = point("issuing") + f"authorityInfoAccess=caIssuers;URI:{url}/aia/issuing.crt\n"
        one("ok-upn")
        one("ok-upn-case", san=UPN + "ALICE@Depot.TEST")
        one("ok-subject", "Bob Brown", None)
        one("ok-email", "Carol Clark", "email:carol@depot.test")
        one("ok-issuerser", "Dave Dunn", None, serial="2B0000000011AC0000000012")
        one("ok-highser", "Dave Dunn", None, serial="00F1E2D3C4B5A69788")
        one("ok-ski", "Erin Evans", None)
        one("ok-puk", "Frank Ford", None)
        one("ok-subjonly", "Grace Green", None)
        one("ok-published", "Heidi Hall", None)
        one("ok-sid", more=standard + sid_extension(self.sid("alice")))
        one("sid-only", "Nobody", None, more=standard + sid_extension(self.sid("alice")))
        one("sid-mismatch", more=standard + sid_extension(self.sid("bob")))
        one("sid-uri", san="@san", more=standard + f"[san]\notherName.1=1.3.6.1.4.1.311.20.2.3;UTF8:alice@depot.test\n"
                                                   f"URI.1=tag:microsoft.com,2022-09-14:sid:{self.sid('alice')}\n")
        one("ok-noeku", usage=None)
        one("ok-anyeku", usage="anyExtendedKeyUsage")
        one("ok-smartcard", usage="clientAuth,1.3.6.1.4.1.311.20.2.2", kind="rsa")
        one("ok-p384", kind="p384")
        one("ok-ed25519", kind="ed25519")
        one("ok-ocsp", more=ocsp(url))
        one("ok-ocsp-crl", more=ocsp(DEAD) + point("issuing"))
        one("ok-cdp2", more="".join(self.at(f"{DEAD}/crl/issuing.crl", f"{url}/crl/issuing.crl")))
        one("ok-aia", issuer="hidden", send=False)
        one("aia-dead", issuer="hidden", send=False, more=point("hidden") + f"authorityInfoAccess=caIssuers;URI:{DEAD}/x.crt\n")
        one("nocdp", more="")
        one("expired", start="20200101000000Z", end="20210101000000Z")
        one("future", start="20400101000000Z")
        one("revoked-crl")
        one("revoked-ocsp", more=ocsp(url))
        for name in ("revoked-delta", "hold-removed"):
            one(name, more=point("base") + f"freshestCRL=URI:{url}/crl/delta.crl\n")
        one("revoked-chain", issuer="revokedca")
        one("ocsp-down", more=ocsp(DEAD))
        one("ocsp-unknown", more=ocsp(url))
        for name in ("expired", "missing", "garbage", "foreign", "slow"):
            one("crl-" + {"missing": "404"}.get(name, name), more=point(name))
        one("crl-ldap", more="crlDistributionPoints=URI:ldap://127.0.0.1:1/CN=x?certificateRevocationList?base\n")
        one("crl-ad", more="crlDistributionPoints=points\n[points]\nfullname=@names\n[names]\nURI.0=ldap:///CN=issuing%20CA,CN=dc1,"
                           "CN=CDP,CN=Public%20Key%20Services,CN=Services,CN=Configuration,DC=depot,DC=test"
                           "?certificateRevocationList?base?objectClass=cRLDistributionPoint\n")
        one("wrong-eku", usage="serverAuth")
        one("ca-eku", issuer="srvonly")
        one("weak-sha1", kind="rsa", digest="sha1")
        one("weak-rsa1024", kind="rsa1024")
        one("unknown-ca", issuer="unknown", subject="/C=XX/O=Unknown/CN=Alice Adams", more="", send=False)
        one("partner", issuer="partner", subject="/C=DE/O=Partner GmbH/CN=Pat Partner", san="email:pat@partner.example", more="", send=False)
        one("partner-upn", issuer="partner", subject="/C=DE/O=Partner GmbH/CN=Alice Adams", more="", send=False)
        one("ntauth-out", issuer="outside")
        one("distrusted")
        for name in ("ivan", "judy", "kate", "leo", "mallory", "nina", "sybil", "ghost"):
            one("acct-" + name, name.capitalize(), UPN + name + "@depot.test")
        one("map-dup", "Oscar Olsen", None)
        one("map-altupn", "Quentin", UPN + "quentin@corp.example")
        one("map-sam", "Ruth", UPN + "ruth@depot.test")
        one("map-twoupn", san=ALICE + "," + UPN + "bob@depot.test")
        one("map-inject", "Evil", UPN + "*)(sAMAccountName=Administrator")
        one("map-star", "Evil", UPN + "a*@depot.test")
        one("map-special", 'Peggy "Ops" (x)*\\\\, Jr.\\+1', None)
        one("map-utf8", "Zoë Müller", "@san", more=standard + "[san]\notherName.1=1.3.6.1.4.1.311.20.2.3;FORMAT:UTF8,UTF8:zoë@depot.test\n")
        one("map-multirdn", san=None, subject=f"{BASE}/OU=People/CN=Trent+title=Courier/emailAddress=trent@depot.test")
        one("nul-cn", "Bob Brown@@evil.test", None)
        self.patch("nul-cn", b"Bob Brown@@evil", b"Bob Brown\0\0evil")
        one("nul-upn", "Mallet", UPN + "alice@depot.test@@evil.test")
        self.patch("nul-upn", b"alice@depot.test@@evil", b"alice@depot.test\0\0evil")
        one("bad-sig")
        self.patch("bad-sig", None, None)
        self.leaf("leaf-issued", issuer=(self.dir / "ok-upn.crt", self.dir / "ok-upn.key"), subject=f"{BASE}/OU=People/CN=Alice Adams",
                  extensions=LEAF + f"extendedKeyUsage=clientAuth\nsubjectAltName={ALICE}\n")
        self.made["leaf-issued"].write_text(self.made["leaf-issued"].read_text() + self.issuing[0].read_text())
        crt, key = self.sign("self-signed", None, f"{BASE}/OU=People/CN=Alice Adams",
                             f"extendedKeyUsage=clientAuth\nsubjectAltName={ALICE}\n")
        self.made["self-signed"] = self.dir / "self-signed.pem"
        self.made["self-signed"].write_text(key.read_text() + crt.read_text())

    def patch(self, name, old, new):
        """Change bytes of what is signed and sign it again; without them: break the signature."""
        crt = self.dir / f"{name}.crt"
        der = self.der(name)
        if old is None:
            der = der[:-4] + b"\1\2\3\4"
        else:
            assert der.count(old) >= 1 and len(old) == len(new)
            head = der[:-256].replace(old, new)                 # RSA-2048: the signature is the end
            (self.dir / "tbs").write_bytes(head[4:4 + self.length(head, 4)])
            self.run("openssl", "dgst", "-sha256", "-sign", self.issuing[1], "-out", self.dir / "sig", self.dir / "tbs")
            der = head + (self.dir / "sig").read_bytes()
        subprocess.run(["openssl", "x509", "-inform", "DER", "-out", crt], input=der, check=True, capture_output=True)
        self.made[name].write_text((self.dir / f"{name}.key").read_text() + crt.read_text() + self.issuing[0].read_text())

    @staticmethod
    def length(der, at):
        """Of the whole object at `at`, whose length has two octets."""
        assert der[at + 1] == 0x82
        return 4 + int.from_bytes(der[at + 2:at + 4], "big")

    # ---- what is published ----
    def crt(self, name):
        return self.dir / f"{name}.crt"

    def publish(self, revoked=()):
        """Everything as it should be; `revoked` besides what always is."""
        web, issuing = self.web, self.issuing
        web.manner.clear()
        web.hits.clear()
        good = crl(self, issuing, "issuing-list", revoked=[self.crt("revoked-crl"), *map(self.crt, revoked)])
        web.files = {"/crl/issuing.crl": good, "/crl/slow.crl": good, "/crl/garbage.crl": b"x" * 400,
                     "/crl/root.crl": crl(self, self.root, "root-list", revoked=[self.cas["revokedca"][0]]),
                     "/crl/expired.crl": crl(self, issuing, "expired-list", when=("20240101000000Z", "20240201000000Z")),
                     "/crl/foreign.crl": crl(self, self.cas["unknown"], "foreign-list"),
                     "/crl/base.crl": crl(self, issuing, "base", revoked=[self.crt("revoked-crl"), (self.crt("hold-removed"), "certificateHold")],
                                          number=100),
                     "/crl/delta.crl": crl(self, issuing, "delta", number=101, base=100, revoked=[
                         (self.crt("revoked-delta"), "superseded"), (self.crt("hold-removed"), "removeFromCRL")])}
        for name in ("hidden", "revokedca", "srvonly", "outside"):
            web.files[f"/crl/{name}.crl"] = crl(self, self.cas[name], name + "-list")
        for name, (certificate, _) in self.cas.items():
            web.files[f"/aia/{name}.crt"] = subprocess.run(["openssl", "x509", "-in", certificate, "-outform", "DER"], check=True,
                                                           capture_output=True).stdout
        web.ocsp = (issuing, index_of(self, "ocsp", [self.crt("ok-ocsp")], [self.crt("revoked-ocsp")]),
                    {"good": (self.crt("responder"), self.dir / "responder.key"), "foreign": self.cas["unknown"],
                     "noeku": (self.crt("no-eku"), self.dir / "no-eku.key")})

    def install(self, instance, ntauth=True):
        """The stores of an instance."""
        stores = {"Root": ("root", "partner"), "CA": ("issuing", "revokedca", "srvonly", "outside"),
                  "NTAuth": ("issuing", "hidden", "revokedca", "srvonly") if ntauth else (), "Disallowed": ()}
        for store, names in stores.items():
            folder = instance.dir / "certificates" / store
            folder.mkdir(parents=True, exist_ok=True)
            for name in names:
                (folder / f"{name}.pem").write_text(self.cas[name][0].read_text())
                (folder / f"{name}.pem").chmod(0o644)
        (instance.dir / "certificates/Disallowed/distrusted.pem").write_text(self.crt("distrusted").read_text())

    # ---- what an administrator writes into altSecurityIdentities ----
    DN = "DC=test,DC=depot,O=Depot"

    def alternatives(self):
        """{account: values}"""
        people, ca = f"{self.DN},OU=People", f"{self.DN},CN=issuing-online CA"
        serial = lambda name: bytes.fromhex(serial_of(self.crt(name)))[::-1].hex()
        sha1 = lambda text: text.strip().split("\n")[-1].strip().replace(":", "").lower()
        ski = subprocess.run(["openssl", "x509", "-in", self.crt("ok-ski"), "-noout", "-ext", "subjectKeyIdentifier"], check=True,
                             capture_output=True, text=True).stdout
        puk = subprocess.run(["openssl", "x509", "-in", self.crt("ok-puk"), "-noout", "-ocspid"], check=True, capture_output=True,
                             text=True).stdout
        return {
            "bob": [f"X509:<I>{ca}<S>{people},CN=Bob Brown"], "carol": ["X509:<RFC822>carol@depot.test"],
            "dave": [f"X509:<I>{ca}<SR>{serial('ok-issuerser').upper()}", f"X509:<I>{ca}<SR>{serial('ok-highser')}00"],
            "erin": ["X509:<SKI>" + sha1(ski)], "frank": ["X509:<SHA1-PUKEY>" + puk.split("Public key OCSP hash:")[1].split()[0].lower()],
            "grace": [f"X509:<S>{people},CN=Grace Green"],
            "oscar": [f"X509:<I>{ca}<S>{people},CN=Oscar Olsen"], "oscar2": [f"X509:<I>{ca}<S>{people},CN=Oscar Olsen"],
            "peggy": [f'X509:<I>{ca}<S>{people},CN="Peggy ""Ops"" (x)*\\, Jr.+1"'],
            "trent": [f"X509:<I>{ca}<S>{people},CN=Trent + T=Courier,E=trent@depot.test"],
            "alice": ["Kerberos:alice@OTHER.TEST"],
        }
