"""A throw-away public key infrastructure, made with the openssl program when a test run first needs it.

    root ---- issuing ---- ana, bea, wrong_usage, any_usage, no_usage, expired, future, weak, ca_leaf, disallowed, ...
      '------ hidden ----- aia (the client does not send `hidden`)
    stranger - unknown_root (a root in no store)
"""
import os
import pathlib
import ssl
import subprocess
import tempfile

BASE = "/DC=test/DC=depot/O=Depot"
CA_EXTENSIONS = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"
LEAF = ("basicConstraints=critical,CA:FALSE\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
        "keyUsage=critical,digitalSignature\n")
CLIENT = LEAF + "extendedKeyUsage=clientAuth\n"


class Pki:
    def __init__(self):
        self.keep = tempfile.TemporaryDirectory(prefix="sallyport-pki-")
        self.dir = pathlib.Path(self.keep.name)
        self.serial = 4096
        self.root = self.authority("root", None)
        self.stranger = self.authority("stranger", None)
        self.issuing = self.authority("issuing", self.root)
        self.hidden = self.authority("hidden", self.root)
        self.made = {}

    def run(self, *words, **options):
        subprocess.run([str(word) for word in words], check=True, capture_output=True, **options)

    def key(self, path, kind="ec"):
        options = {"ec": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa1024": ["RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
                   "rsa": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
                   "rsa9000": ["RSA", "-pkeyopt", "rsa_keygen_bits:9000", "-pkeyopt", "rsa_keygen_primes:5"],  # five: soon found
                   "ed25519": ["ED25519"], "secp256k1": ["EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
                   "p384": ["EC", "-pkeyopt", "ec_paramgen_curve:P-384"]}
        self.run("openssl", "genpkey", "-algorithm", *options[kind], "-out", path)

    def sign(self, name, issuer, subject, extensions, kind="ec", start="20240101000000Z", end="20440101000000Z", digest="sha256",
             serial=None):
        """Make NAME.key and NAME.crt; `issuer` is (certificate, key) or None for a self-signed one."""
        key, request, crt, ext = (self.dir / f"{name}.{end_}" for end_ in ("key", "csr", "crt", "ext"))
        self.key(key, kind)
        ext.write_text(extensions)
        self.run("openssl", "req", "-new", "-utf8", "-key", key, "-subj", subject, "-out", request)
        folder = self.dir / f"{name}.ca"
        folder.mkdir()
        (folder / "index").touch()
        self.serial += 1
        (folder / "serial").write_text(serial or f"{self.serial:04X}\n")
        (folder / "cnf").write_text(
            f"[ca]\ndefault_ca=d\n[d]\ndatabase={folder}/index\nserial={folder}/serial\nnew_certs_dir={folder}\n"
            f"default_md={digest}\npolicy=p\npreserve=yes\nemail_in_dn=yes\nunique_subject=no\n[p]\n" +
            "".join(f"{field}=optional\n" for field in ("domainComponent", "countryName", "organizationName",
                                                        "organizationalUnitName", "commonName", "emailAddress", "title")))
        who = ["-selfsign", "-keyfile", key] if issuer is None else ["-cert", issuer[0], "-keyfile", issuer[1]]
        self.run("openssl", "ca", "-batch", "-notext", "-preserveDN", "-config", folder / "cnf", *who, "-in", request,
                 "-out", crt, "-extfile", ext, "-startdate", start, "-enddate", end)
        return crt, key

    def authority(self, name, issuer):
        return self.sign(name, issuer, f"{BASE}/CN={name} CA", CA_EXTENSIONS, kind="rsa", start="20200101000000Z",
                         end="20450101000000Z")

    def leaf(self, name, issuer=None, subject=None, extensions=CLIENT, send=True, **options):
        """A client certificate, made once; returns a file with its key and the chain that the client sends."""
        if name not in self.made:
            issuer = issuer or self.issuing
            crt, key = self.sign(name, issuer, subject or f"{BASE}/OU=Partners/CN={name}", extensions, **options)
            pem = self.dir / f"{name}.pem"
            pem.write_text(key.read_text() + crt.read_text() + (issuer[0].read_text() if send else ""))
            self.made[name] = pem
        return self.made[name]

    def der(self, name):
        return ssl.PEM_cert_to_DER_cert((self.dir / f"{name}.crt").read_text())

    def install(self, instance, root=True, intermediate=False, disallowed=()):
        """Put the CAs into the stores of an instance."""
        for store, certificates in (("Root", [self.root[0]] if root else []), ("CA", [self.issuing[0]] if intermediate else []),
                                    ("Disallowed", [self.dir / f"{name}.crt" for name in disallowed])):
            folder = instance.dir / "certificates" / store
            folder.mkdir(parents=True, exist_ok=True)
            for number, certificate in enumerate(certificates):
                (folder / f"{number}.pem").write_text(certificate.read_text())
                os.chmod(folder / f"{number}.pem", 0o644)
