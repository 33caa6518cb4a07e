"""`sallyport certificate test`: what it says and what a login does are the same, for every certificate and every site here; it
changes nothing."""
import base64
import os
import subprocess

import pytest

from certificate_test import MAPPING, REFUSED, connect, many, map_one, map_subject, policy
from pki import CLIENT, LEAF, Pki
from rehearsal import ACCOUNT, ALLOWED, CERTIFICATE, HOME, NOT_ASKED, PASSWORD, Rehearsal, agree, first_line
from revocation_test import configure, made, world  # noqa: F401: fixtures


@pytest.fixture(scope="module")
def pki():
    made = Pki()
    for name in ("ana", "bea", "cleo", "dora"):
        made.leaf(name)
    for name, options, _ in REFUSED:
        options = dict(options)
        if "issuer" in options:
            options["issuer"] = getattr(made, options["issuer"])
        made.leaf(name, **options)
    made.leaf("no_tls_curve", kind="secp256k1")
    made.leaf("any_usage", extensions=LEAF + "extendedKeyUsage=anyExtendedKeyUsage\n")
    made.leaf("nul", extensions=CLIENT + "subjectAltName=DER:3015A013060A2B060104018237140203A0050C03610062\n")
    made.leaf("self", issuer=None)
    return made


def add(instance, name, certificates="CertRequire", elements="", settings="", users=None, rules=None, flags="NoRevocationCheck",
        mapping="true", login=True, providers=False, basic=False):
    site = instance.add_site(name, tls="SslAllow", users=users if users is not None else {"anna": "secret"})
    policy(site, certificates, flags, mapping, login)
    site.elements = f'<{MAPPING} enabled="true">{elements}</{MAPPING}>' if elements else ""
    site.settings, site.providers, site.basic = settings, providers, basic
    if rules is not None:
        site.rules = rules
    return site


@pytest.mark.xdist_group("certificate-refusals")
def test_agreement(instance, pki):
    """The table: site, certificate, exit code."""
    whole = many(map_subject("bea", "", mode="Deny", label="no"), map_subject("cleo", "nobody-of-that-name", label="gone"),
                 map_subject("dora", "dora", label="disabled"), map_subject("an*", "anna", label="yes"),
                 map_subject("*usage*", "anna", label="usage"))
    sites = {
        "plain": add(instance, "plain", elements=whole, users={"anna": "secret", "dora": "secret"}),
        "at user": add(instance, "at user", elements=whole, settings='certLoginReply="232"'),
        "allow": add(instance, "allow", "CertAllow", elements=whole, providers=True),
        "one": add(instance, "one", elements=map_one(pki, "ana", "anna")),
        "password too": add(instance, "password too", elements=whole, settings='certificateAndPassword="true"'),
        "off": add(instance, "off", login=False, mapping="false", providers=True),
        "ignore": add(instance, "ignore", "CertIgnore", elements=whole, providers=True),
        "nothing on": add(instance, "nothing on", login=False, mapping="false"),
        "no rule": add(instance, "no rule", elements=whole, rules=[]),
        "denied": add(instance, "denied", elements=whole, rules=['<add accessType="Deny" users="anna" permissions="Read" />',
                                                                 '<add accessType="Allow" users="*" permissions="Read" />']),
        "no permission": add(instance, "no permission", elements=whole, users={}),
        "homeless": add(instance, "homeless", elements=whole),
        "usage off": add(instance, "usage off", elements=whole, flags="NoRevocationCheck, CertNoUsageCheck"),
        "revocation": add(instance, "revocation", elements=whole, flags=""),
        "match": add(instance, "match", elements=whole, settings='requireUserMatch="true"'),
        "level 0": add(instance, "level 0", elements=many(map_subject("*", "anna")), settings='certSecurityLevel="0"'),
    }
    sites["homeless"].extra = '<userIsolation mode="IsolateAllDirectories" />'
    instance.sites[0].users["dora"] = "secret"
    pki.install(instance, disallowed=["disallowed"])
    instance.start()
    config = (instance.dir / "administration.config").read_text()
    instance.put("administration.config", config.replace('<add name="dora" password', '<add name="dora" enabled="false" password'))
    before = instance.output.count("sallyportd: reloaded")
    instance.process.send_signal(1)
    assert instance.wait(lambda: instance.output.count("sallyportd: reloaded") > before), instance.output

    table = [
        ("plain", "ana", ALLOWED), ("plain", "bea", ACCOUNT), ("plain", "cleo", ACCOUNT), ("plain", "dora", ACCOUNT),
        ("plain", "any_usage", ALLOWED), ("plain", "nul", ACCOUNT), ("plain", "wrong_usage", CERTIFICATE),
        ("at user", "ana", ALLOWED), ("at user", "bea", ACCOUNT), ("at user", "expired", CERTIFICATE),
        ("allow", "ana", ALLOWED), ("allow", "bea", ACCOUNT), ("allow", "expired", CERTIFICATE), ("allow", "weak", CERTIFICATE),
        ("one", "ana", ALLOWED), ("one", "bea", ACCOUNT),
        ("password too", "ana", PASSWORD), ("password too", "bea", ACCOUNT),
        ("off", "ana", PASSWORD), ("off", "unknown_root", CERTIFICATE), ("nothing on", "ana", ACCOUNT),
        ("ignore", "ana", NOT_ASKED), ("ignore", "expired", NOT_ASKED),
        ("no rule", "ana", HOME), ("denied", "ana", HOME), ("no permission", "ana", ACCOUNT), ("homeless", "ana", HOME),
        ("usage off", "wrong_usage", ALLOWED), ("usage off", "ca_as_leaf", CERTIFICATE),
        ("revocation", "ana", CERTIFICATE),
        ("plain", "no_tls_curve", CERTIFICATE), ("allow", "no_tls_curve", NOT_ASKED),
        ("level 0", "weak", ALLOWED), ("level 0", "too_large", CERTIFICATE),
        *(("plain", name, CERTIFICATE) for name, _, _ in REFUSED),
    ]
    for site, name, code in table:
        rehearsal, _ = agree(instance, sites[site], pki.made[name], "anna", "ignored")
        assert rehearsal.code == code, (site, name, rehearsal.text)
    for user, code in (("anna", ALLOWED), ("bert", ACCOUNT)):
        rehearsal, _ = agree(instance, sites["match"], pki.made["ana"], user, rehearse_user=user)
        assert rehearsal.code == code, rehearsal.text
    assert Rehearsal(instance, sites["match"], pki.made["ana"]).code == ALLOWED
    # where a password decides, it does
    _, replies = agree(instance, sites["password too"], pki.made["ana"], "anna", "secret")
    assert replies["PASS"].startswith("230")
    for name, site in (("off", sites["off"]), ("ignore", sites["ignore"])):
        _, replies = agree(instance, site, pki.made["ana"], "anna", "secret")
        assert replies["PASS"].startswith("230"), name


def test_steps_are_told(instance, pki):
    site = add(instance, "Partners", elements=many(map_subject("ana", "anna")),
               rules=['<add accessType="Allow" users="anna" permissions="Read, Write" />',
                      '<add accessType="Allow" users="bert" permissions="Read" />'])
    pki.install(instance)
    instance.start()
    told = Rehearsal(instance, site, pki.made["ana"])
    sha256 = subprocess.run(["openssl", "x509", "-in", pki.dir / "ana.crt", "-noout", "-fingerprint", "-sha256"], check=True,
                            capture_output=True, text=True).stdout.strip().split("=")[1].replace(":", "")
    assert told.all("SHA-256") == [sha256]
    for line in ('subject: CN=ana,OU=Partners,O=Depot,DC=depot,DC=test', 'issuer: CN=issuing CA,O=Depot,DC=depot,DC=test',
                 "valid: 2024-01-01T00:00:00Z to 2044-01-01T00:00:00Z", "chain: the certificate chain is good",
                 "revocation: not checked (NoRevocationCheck)", "login: anna (IIS Manager user)",
                 'rule at /: Allow users="anna" roles="" permissions=Read, Write', "start directory: /",
                 "reply to USER: 331 Password required", "reply to PASS: 230 User logged in.", "verdict: the certificate logs in"):
        assert line in told.lines, (line, told.text)
    assert len([line for line in told.lines if line.startswith("issued by: ")]) == 2
    assert not any("bert" in line for line in told.lines)


def test_another_time(instance, pki):
    site = add(instance, "Partners", elements=many(map_subject("*", "anna")))
    pki.install(instance)
    instance.start()
    for name, at, code in (("ana", "2044-06-01", CERTIFICATE), ("ana", "2030-01-31T12:00:00Z", ALLOWED), ("ana", "2023-12-31", CERTIFICATE),
                           ("expired", "2020-06-01", ALLOWED), ("expired", "2021-06-01", CERTIFICATE), ("future", "2041-01-01", ALLOWED)):
        told = Rehearsal(instance, site, pki.made[name], "--at", at)
        assert told.code == code, (name, at, told.text)
    for wrong in ("tomorrow", "2030-13-01", "2030-01-01T00:00:00", ""):
        assert Rehearsal(instance, site, pki.made["ana"], "--at", wrong).code == 87, wrong


def test_spellings_and_files(instance, pki, tmp_path):
    """PEM, DER, PFX; the order of words of appcmd and of other programs."""
    site = add(instance, "Part ners", elements=many(map_subject("ana", "anna")))
    pki.install(instance, intermediate=True)
    instance.start()
    der, pfx, locked = tmp_path / "ana.der", tmp_path / "ana.pfx", tmp_path / "locked.pfx"
    der.write_bytes(pki.der("ana"))
    for path, password in ((pfx, ""), (locked, "open sesame")):
        subprocess.run(["openssl", "pkcs12", "-export", "-in", pki.made["ana"], "-out", path, "-passout", f"pass:{password}"], check=True)
    for file, stdin in ((pki.made["ana"], ""), (der, ""), (pfx, ""), (locked, "open sesame\n")):
        assert Rehearsal(instance, site, file, stdin=stdin).code == 0, file
    for words in (["test", "certificate", str(der), "/site:Part ners"], ["certificate", "test", str(der), "--site=Part ners"],
                  ["certificate", "test", "-site:Part ners", str(der)]):
        assert "reply to PASS: 230 User logged in." in instance.cli(*words), words
    (tmp_path / "none").write_text("no certificate\n")
    for words, code in ((["--site", "Nowhere", str(der)], 1168 % 256), (["--site", "Part ners", str(tmp_path / "missing")], 2),
                        (["--site", "Part ners", str(tmp_path / "none")], 13), ([str(der)], 87), (["--site", "Part ners"], 87),
                        (["--site", "Part ners", str(der), "--from", "nowhere"], 87), (["--site", "Part ners", str(locked)], 86)):
        done = instance.cli("certificate", "test", *words, check=False)
        assert done.returncode == code, (words, done.stdout)
    instance.stop()
    assert Rehearsal(instance, site, der).code == 1062 % 256


def test_nothing_is_changed(instance, pki):
    """No failure is counted, no login made, nothing logged; a hundred of them leave room for the next."""
    site = add(instance, "Partners", elements=many(map_subject("bea", "", mode="Deny", label="no"), map_subject("ana", "anna")))
    instance.server_xml = ('<security><authentication><denyByFailure enabled="true" maxFailure="1" entryExpiration="00:10:00" />'
                           "</authentication></security>")
    pki.install(instance)
    instance.start()
    for round_ in range(50):
        for name, code in (("ana", ALLOWED), ("bea", ACCOUNT)):
            assert Rehearsal(instance, site, pki.made[name]).code == code
    assert instance.cli("list", "session", check=False).stdout == ""
    assert not list((instance.drive / "inetpub/logs").rglob("*.log"))
    with connect(instance, pki.made["ana"]) as c:
        c.login("x", "y")


def test_where_it_comes_from(instance, pki):
    site = add(instance, "Partners", elements=many(map_subject("ana", "anna")))
    site.locations = ['<location path="Partners"><system.ftpServer><security><ipSecurity><add ipAddress="198.51.100.7" allowed="false" />'
                      "</ipSecurity></security></system.ftpServer></location>"]
    bare = add(instance, "Bare", elements=many(map_subject("ana", "anna")))
    bare.certificate = None
    pki.install(instance)
    instance.start()
    assert Rehearsal(instance, site, pki.made["ana"]).code == ALLOWED
    told = Rehearsal(instance, site, pki.made["ana"], "--from", "198.51.100.7")
    assert told.code == HOME and told.logged[2] == "4", told.text
    told = Rehearsal(instance, bare, pki.made["ana"])          # no TLS, so nobody shows a certificate
    with instance.client(bare) as c:
        assert told.replies == {"AUTH": first_line(c.cmd("AUTH TLS", "534"))}, told.text
    assert told.code == NOT_ASKED and told.logged == ("534", "5", "31"), told.text


@pytest.mark.skipif(os.getuid() != 0, reason="system accounts need root")
def test_system_account(instance, pki):
    """A mapping to a system account goes through PAM's account rules, and the account's own rights decide."""
    site = add(instance, "Partners", elements=many(map_subject("ana", "daemon", label="low"), map_subject("bea", "no-such-account")), users={},
               rules=['<add accessType="Allow" users="*" permissions="Read" />'], basic=True)
    pki.install(instance)
    instance.start()
    for name in ("ana", "bea"):
        rehearsal, _ = agree(instance, site, pki.made[name])
        assert rehearsal.code == ACCOUNT, rehearsal.text


# ---- revocation ----

def revocation_site(instance, world, **options):
    site = instance.add_site("Partners", tls="SslAllow", users={"anna": "secret"})
    configure(site, **options)
    site.elements = f'<{MAPPING} enabled="true">{many(map_subject("*", "anna"))}</{MAPPING}>'
    world.pki.install(instance)
    instance.start()
    return site


def test_revocation_agrees(instance, world):
    site = revocation_site(instance, world)
    for name, code in (("ana", ALLOWED), ("bad", CERTIFICATE), ("ocsp-ana", ALLOWED), ("ocsp-bad", CERTIFICATE), ("nowhere", CERTIFICATE),
                       ("short", ALLOWED)):
        rehearsal, _ = agree(instance, site, world.pki.made[name])
        assert rehearsal.code == code, (name, rehearsal.text)


@pytest.mark.parametrize("manner", ["500", "close", "trunc", "foreign", "unknown"])
def test_responders_that_fail_agree(instance, world, manner):
    site = revocation_site(instance, world)
    world.web.manner["/ocsp"] = manner
    rehearsal, _ = agree(instance, site, world.pki.made["ocsp-ana"])
    assert rehearsal.code == CERTIFICATE and "asked now: revocation of certificate 0: unknown" in rehearsal.text


def test_every_answer_about_revocation_is_told(instance, world):
    """Source and age, first from the network, then from the cache."""
    site = revocation_site(instance, world)
    first = Rehearsal(instance, site, world.pki.made["ana"])
    assert first.code == ALLOWED
    for number, path in ((0, "online"), (1, "root")):
        told = [line for line in first.all("asked now") if line.startswith(f"revocation of certificate {number}: good (CRL, signed ")]
        assert len(told) == 1 and told[0].endswith(f"{world.web.url}/{path}.crl"), first.text
    second = Rehearsal(instance, site, world.pki.made["ana"])
    assert not second.all("asked now") and "revocation of certificate 0: good (cache, signed " in second.text
    assert world.web.hits.count("/online.crl") == 1


def test_another_time_leaves_the_cache_alone(instance, world):
    """A list fetched for a rehearsal of another time serves logins no better and no worse."""
    site = revocation_site(instance, world)
    assert Rehearsal(instance, site, world.pki.made["ana"], "--at", "2035-01-01").code == CERTIFICATE  # no list is valid then
    for name, code in (("ana", ALLOWED), ("bad", CERTIFICATE), ("ocsp-bad", CERTIFICATE), ("ocsp-ana", ALLOWED)):
        assert Rehearsal(instance, site, world.pki.made[name], "--at", "2035-01-01").code == CERTIFICATE, name
        rehearsal, _ = agree(instance, site, world.pki.made[name])
        assert rehearsal.code == code, rehearsal.text
