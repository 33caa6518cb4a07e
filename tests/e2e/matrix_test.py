"""The matrix of client certificates (tests/matrix.py): every certificate against every value of validationFlags, in TLS 1.2 and
1.3, by logins from outside (client-certificates 5, 6; threats C04-C11)."""
import ssl

import pytest

from matrix import FLAGS, TABLE, VERDICTS, Matrix

MAPPING = "iisClientCertificateMappingAuthentication"
ANYBODY = ('<manyToOneMappings><add name="m" userName="anna"><rules><add certificateField="Issuer" certificateSubField="CN" '
           'matchCriteria="*" /></rules></add></manyToOneMappings>')
NAMES = {1: "NoRevocationCheck", 2: "CertChainRevocationCheckCacheOnly", 4: "CertChainCacheOnlyUrlRetrieval", 8: "CertNoUsageCheck"}
pytestmark = pytest.mark.xdist_group("matrix")


@pytest.fixture(scope="module")
def matrix():
    made = Matrix()
    yield made
    made.web.stop()


def site(instance, matrix, flags, timeout="00:00:20"):
    """One whose every good certificate logs in as anna; `flags` as a number."""
    s = instance.add_site("Partners", tls="SslAllow", users={"anna": "secret"})
    words = ",".join(name for bit, name in NAMES.items() if flags & bit)
    s.security = ('<sslClientCertificates clientCertificatePolicy="CertAllow" useActiveDirectoryMapping="true" ' +
                  (f'validationFlags="{words}" ' if words else "") + f'revocationUrlRetrievalTimeout="{timeout}" />')
    s.authentication = '<clientCertAuthentication enabled="true" />'
    s.elements = f'<{MAPPING} enabled="true">{ANYBODY}</{MAPPING}>'
    matrix.install(instance)
    instance.start()
    return s


def verdict(instance, pem, version=None, user="anna"):
    """"ok" or the reply to USER, whose name does not matter: the certificate says who logs in."""
    with instance.client() as c:
        c.context.set_ciphers("DEFAULT@SECLEVEL=0")           # the client may send what is too weak
        c.context.load_cert_chain(pem)
        if version:
            c.context.minimum_version = c.context.maximum_version = version
        c.auth_tls()
        reply = c.cmd(f"USER {user}")
        if reply.startswith("534-User provided invalid client certificate."):
            return "refused"
        assert reply.startswith("331"), reply
        return "ok" if c.cmd("PASS whatever").startswith("230") else "denied"


def observed(instance, names, matrix, version=None):
    """{name: what happened, by name of the verdict}"""
    seen = {name: verdict(instance, matrix.made[name], version, name) for name in names}
    codes = {number: text for text, number in VERDICTS.items()}
    refusals = {line["cs-uri-stem"]: line["sc-win32-status"] for line in instance.log_lines()
                if line["cs-method"] == "USER" and line["sc-substatus"] == "48"}
    return {name: codes.get(int(refusals[name]), "another status") if what == "refused" else what for name, what in seen.items()}


# A certificate whose names no mapping may see is still a good one: the password is asked for then.
UNMAPPABLE = {"nul-cn", "nul-upn"}


def expected(row, flags):
    what = row.verdicts[flags]
    return "denied" if what == "ok" and row.name in UNMAPPABLE else what


@pytest.mark.parametrize("flags", FLAGS)
def test_matrix(instance, matrix, flags):
    site(instance, matrix, flags)
    seen = observed(instance, [row.name for row in TABLE], matrix)
    assert seen == {row.name: expected(row, flags) for row in TABLE}


def combined(row, flags):
    """What several flags lead to, from what each alone does: no usage check, no issuers, no revocation, nothing fetched."""
    chain = row.verdicts[1]
    if chain == "usage" and flags & 8:
        chain = "ok"
    if row.verdicts[4] == "incomplete" and flags & 4:
        chain = "incomplete"
    if chain != "ok" or flags & 1:
        return chain
    return row.verdicts[2 if flags & 2 else 8] if row.verdicts[1] == "usage" else row.verdicts[2 if flags & 2 else 0]


@pytest.mark.parametrize("flags", [3, 5, 6, 9, 10, 12, 15])
def test_flags_combined(instance, matrix, flags):
    names = {"ok-upn", "ok-ocsp", "ok-aia", "aia-dead", "nocdp", "revoked-crl", "revoked-ocsp", "wrong-eku", "ca-eku", "expired",
             "weak-rsa1024", "unknown-ca", "distrusted", "bad-sig", "leaf-issued", "crl-garbage"}
    rows = [row for row in TABLE if row.name in names]
    want = {row.name: combined(row, flags) for row in rows}
    if flags == 10:  # a usage that nobody looks at does not make a list appear
        want["wrong-eku"] = want["ca-eku"] = "offline"
    site(instance, matrix, flags)
    assert observed(instance, [row.name for row in rows], matrix) == want


FAULTS = ([("/ocsp", manner, "ok-ocsp") for manner in
           ("hang", "drip", "500", "404", "close", "trunc", "garbage", "redirect", "malformed", "internal", "trylater",
            "unauthorized", "unknown", "foreign", "noeku", "stale", "other")] +
          [("/crl/slow.crl", manner, "crl-slow") for manner in
           ("hang", "drip", "500", "404", "close", "trunc", "garbage", "redirect")])


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_faults(instance, matrix, version):
    """Whatever a responder does wrong counts as no answer; a minute later's logins are not held up by it."""
    matrix.publish()
    s = site(instance, matrix, 0)
    assert verdict(instance, matrix.made["ok-upn"], version) == "ok"
    s.security = s.security.replace("00:00:20", "00:00:03")    # for faults that have to be waited for
    instance.reload()
    try:
        for path, manner, name in FAULTS:
            matrix.web.manner = {path: manner}
            instance.cli("flush", "cache")
            assert observed(instance, [name], matrix, version) != {name: "ok"}, (path, manner)
            line = [line for line in instance.log_lines() if line["cs-method"] == "USER"][-1]
            assert int(line["sc-win32-status"]) == VERDICTS["offline"], (path, manner, line)
        s.security = s.security.replace("00:00:03", "00:00:20")
        instance.reload()
        matrix.web.manner = {"/ocsp": "nononce"}               # a nonce is wanted, not needed
        instance.cli("flush", "cache")
        assert verdict(instance, matrix.made["ok-ocsp"], version) == "ok"
        matrix.web.manner = {}
        instance.cli("flush", "cache")
        assert verdict(instance, matrix.made["revoked-ocsp"], version) == "refused"
        assert verdict(instance, matrix.made["crl-slow"], version) == "ok"
    finally:
        matrix.web.released.set()
        matrix.web.released.clear()
        matrix.publish()
