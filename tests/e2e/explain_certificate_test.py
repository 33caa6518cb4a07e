"""`sallyport explain --cert`: the running service judges the certificate, and what follows is explained for the account that it
stands for - as `certificate test` and a login have it."""
import pytest

from certificate_test import MAPPING, map_subject, many, policy
from explain_test import REFUSED, explain, line_of
from pki import Pki
from rehearsal import login

RULES = ['<add accessType="Allow" users="anna" permissions="Read" />', '<add accessType="Deny" users="bert" permissions="Read, Write" />']


@pytest.fixture(scope="module")
def pki():
    made = Pki()
    for name in ("ana", "bea", "bert"):
        made.leaf(name)
    made.leaf("expired", start="20200101000000Z", end="20210101000000Z")
    return made


def add(instance, name, certificates="CertRequire", **settings):
    site = instance.add_site(name, tls="SslAllow", users={"anna": "secret", "bert": "geheim"})
    policy(site, certificates, "NoRevocationCheck", "true", True)
    entries = many(map_subject("bea", "", mode="Deny", label="no"), map_subject("ana", "anna", label="a"), map_subject("bert", "bert", label="b"))
    site.elements = f'<{MAPPING} enabled="true">{entries}</{MAPPING}>'
    site.rules, site.providers = RULES, False
    for key, value in settings.items():
        setattr(site, key, value)
    return site


# site, certificate, user, RESULT
CASES = [
    ("plain", "ana", "anna", "allowed to log in"),
    ("plain", "bea", "anna", "refused by certificate login, sub-status 35: "),
    ("plain", "bert", "bert", "refused by certificate login, sub-status 1: "),
    ("plain", "expired", "anna", "refused by certificate login, sub-status 48: "),
    ("plain", None, "anna", "refused by client certificate, sub-status 47: "),
    ("password too", "ana", "anna", "allowed to log in, if the password is right"),
    ("or password", "ana", "anna", "allowed to log in"),
    ("or password", None, "anna", "allowed to log in, if the password is right"),
    ("ignore", "expired", "anna", "allowed to log in, if the password is right"),
]


def test_as_a_login(instance, pki):
    sites = {"plain": add(instance, "plain"), "password too": add(instance, "password too", settings='certificateAndPassword="true"'),
             "or password": add(instance, "or password", "CertAllow", providers=True),
             "ignore": add(instance, "ignore", "CertIgnore", providers=True)}
    pki.install(instance)
    instance.start()
    for site, certificate, user, result in CASES:
        words = ["--cert", str(pki.made[certificate])] if certificate else []
        told = explain(instance, "--site", site, "--user", user, *words, expect=0 if result.startswith("allowed") else REFUSED)
        assert told.splitlines()[-1].startswith(f"RESULT: {result}") and (not result.startswith("allowed") or
                                                                          told.endswith(f"RESULT: {result}\n")), (site, certificate, told)
        if not certificate:
            continue
        password = {"password too": "secret", "ignore": "secret"}.get(site, "ignored")
        _, (status, _, substatus) = login(instance, sites[site], pki.made[certificate], user, password)
        assert (status == "230") == result.startswith("allowed") and (status == "230" or f"sub-status {substatus}:" in result), (site, certificate)


def test_commands_of_the_certificate_s_account(instance, pki):
    add(instance, "plain")
    pki.install(instance)
    instance.start()
    words = ["--site", "plain", "--user", "anna", "--cert", str(pki.made["ana"]), "--path", "/a.txt"]
    told = explain(instance, *words, "--verb", "SIZE", expect=REFUSED)
    assert 'login                ok         IIS Manager user "anna", no password is needed' in told
    assert "RESULT: refused by file system, sub-status 3: " in told
    told = explain(instance, *words, "--verb", "DELE", "--role", "partners", expect=REFUSED)
    assert "RESULT: refused by authorization, sub-status 1: " in told and "--role is not used" in told
    assert f'(applicationHost.config:{line_of(instance, RULES[0])})' in explain(instance, *words[:-2], "--verb", "LIST", "--path", "/")


@pytest.mark.parametrize("file, code, words", [("nothing.pem", 2, "Cannot read"), ("no.pem", 13, "no.pem: ")])
def test_no_certificate(instance, tmp_path, file, code, words):
    add(instance, "plain")
    instance.start()
    (tmp_path / "no.pem").write_text("hello")
    assert words in explain(instance, "--site", "plain", "--user", "anna", "--cert", str(tmp_path / file), expect=code)


def test_the_service_does_not_run(instance, pki):
    add(instance, "plain")
    instance.write()
    assert "has not been started" in explain(instance, "--site", "plain", "--user", "anna", "--cert", str(pki.made["ana"]), expect=38)
