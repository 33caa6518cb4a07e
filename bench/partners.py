"""Clients with certificates for the measurements: a CA, its list on a small HTTP server, and an OCSP responder that hangs."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))
from pki import CLIENT, Pki  # noqa: E402
from responder import Responder, crl  # noqa: E402


class Partners:
    """`partner` is looked up in a CRL that is fetched once; `waiting` needs a responder that never answers."""

    def __init__(self):
        self.web, self.pki = Responder(), Pki()
        self.partner = self.leaf("partner", f"crlDistributionPoints=URI:{self.web.url}/root.crl\n")
        self.waiting = self.leaf("waiting", f"authorityInfoAccess=OCSP;URI:{self.web.url}/ocsp\n")
        self.web.files = {"/root.crl": crl(self.pki, self.pki.root, "root-list", hours=240)}
        self.web.manner = {"/ocsp": "hang"}
        self.web.ocsp = (self.pki.root, "", {})
        self.authority = self.pki.root[0]

    def leaf(self, name, extension):
        return self.pki.leaf(name, issuer=self.pki.root, extensions=CLIENT + extension, send=False)

    def end(self):
        self.web.stop()
