"""What logs say about client certificates: the columns x-cert-... of the W3C log and the members of the JSON service log."""
import json
import subprocess

import pytest

from certificate_test import MAPPING, connect, many, map_subject, policy
from pki import BASE, CLIENT, Pki

COLUMNS = ["x-cert-subject", "x-cert-issuer", "x-cert-serial", "x-cert-sha256", "x-cert-verdict"]


@pytest.fixture(scope="module")
def pki():
    made = Pki()
    for name in ("ana", "bea", "cleo"):
        made.leaf(name)
    made.leaf("expired", start="20200101000000Z", end="20210101000000Z")
    made.leaf("odd", subject=f"{BASE}/CN=blanks and é")
    made.leaf("nul", extensions=CLIENT + "subjectAltName=DER:3015A013060A2B060104018237140203A0050C03610062\n")
    return made


def facts(pki, name):
    """As openssl shows them: subject, issuer, serial, SHA-256."""
    out = subprocess.run(["openssl", "x509", "-in", pki.dir / f"{name}.crt", "-noout", "-subject", "-issuer", "-serial", "-fingerprint",
                          "-sha256", "-nameopt", "RFC2253,-esc_msb"], check=True, capture_output=True, text=True).stdout
    values = [line.split("=", 1)[1] for line in out.splitlines()]
    return [values[0], values[1], values[2].lower(), values[3].replace(":", "")]


def partners(instance, pki, settings, name="Partners"):
    site = instance.add_site(name, tls="SslAllow", users={"anna": "secret"})
    policy(site, "CertAllow")
    site.elements = f'<{MAPPING} enabled="true">{many(map_subject("bea", "", mode="Deny", label="no"), map_subject("ana", "anna"))}</{MAPPING}>'
    site.settings = settings
    pki.install(instance)
    return site


def test_columns(instance, pki):
    logs, plain = partners(instance, pki, 'logClientCertificates="true"'), partners(instance, pki, "", "Plain")
    instance.start()
    with connect(instance, pki.made["ana"]) as c:
        c.login("x", "y")
        c.cmd("PWD", "257")
    with connect(instance, pki.made["expired"]) as c:
        c.cmd("USER x", "534")
        assert c.closed()
    for name in ("bea", "cleo", "odd"):
        with connect(instance, pki.made[name]) as c:
            c.login("anna", "wrong", "530")
    with instance.client(plain) as c:
        c.context.load_cert_chain(pki.made["ana"])
        c.auth_tls()
        c.login("x", "y")
    with instance.client() as c:
        c.login()                                              # no certificate: nothing about one

    def found(verb, status):
        return [[line[column].replace("+", " ") for column in COLUMNS] for line in instance.log_lines(logs)
                if (line["cs-method"], line["sc-status"]) == (verb, status)]

    good = "the certificate chain is good"
    assert instance.wait(lambda: len(found("USER", "534")) == 1 and len(found("PASS", "530")) == 3)
    assert found("PWD", "257") == [facts(pki, "ana") + [good]]
    assert found("USER", "534") == [facts(pki, "expired") + ["a certificate of the chain has expired or is not valid yet"]]
    assert found("PASS", "530") == [facts(pki, "bea") + ["an entry of the site's mappings denies the certificate"],
                                    facts(pki, "cleo") + ["the certificate is good, the password was refused"],
                                    facts(pki, "odd") + ["the certificate is good, the password was refused"]]
    assert found("PASS", "230") == [facts(pki, "ana") + [good], ["-"] * 5]
    assert not any(column in line for line in instance.log_lines(plain) for column in COLUMNS)
    for word in ("wrong", "secret"):
        assert not any(word in value for line in instance.log_lines(logs) for value in line.values())


def test_password_behind_an_anonymous_name(instance, pki):
    """A14: where a certificate decides, what is typed behind `anonymous` may be a password; only who is anonymous has an address."""
    logs = partners(instance, pki, 'logClientCertificates="true" certificateAndPassword="true"')
    instance.start()
    for pem, password, status in (("ana", "secret", "230"), ("ana", "hunter2", "530"), ("bea", "hunter2", "530")):
        with connect(instance, pki.made[pem]) as c:
            c.login("ftp", password, status)
    with instance.client() as c:
        c.login("anonymous", "me@example.com", "530")          # anonymous authentication is off, and that is all there is

    def shown():
        return sorted((line["sc-status"], line["cs-uri-stem"]) for line in instance.log_lines(logs) if line["cs-method"] == "PASS")

    assert instance.wait(lambda: len(shown()) == 4)
    assert shown() == [("230", "***"), ("530", "***"), ("530", "***"), ("530", "me@example.com")]


def test_json(instance, pki):
    partners(instance, pki, "")
    instance.environment["SALLYPORT_LOG_FORMAT"] = "json"
    instance.start()
    for name, status in (("ana", "230"), ("bea", "530"), ("expired", "534"), ("nul", "530")):
        with connect(instance, pki.made[name]) as c:
            if c.cmd("USER anna", "5" if status == "534" else "331")[0] == "3":
                c.cmd("PASS wrong", status)

    def events():
        lines = [line for line in instance.output.split("\n")[:-1] if line.startswith("{")]  # whole ones
        return [event for event in map(json.loads, lines) if "sha256" in event]

    wanted = [("ana", "the certificate chain is good", 0, 0, ""), ("ana", "logged in", 0, 0, "anna"),
              ("bea", "the certificate chain is good", 0, 0, ""),
              ("bea", "an entry of the site's mappings denies the certificate", 1317, 35, ""),
              ("expired", "a certificate of the chain has expired or is not valid yet", 0x800B0101, 48, "")]
    assert instance.wait(lambda: len(events()) >= len(wanted) + 2), instance.output
    for event, (name, verdict, win32, substatus, account) in zip(events(), wanted):
        assert [event[key] for key in ("subject", "issuer", "serial", "sha256")] == facts(pki, name), event
        assert (event["verdict"], event["win32"], event["substatus"], event["account"]) == (verdict, win32, substatus, account), event
        assert event["site"] == "Partners" and event["program"] == "auth" and len(event["session"]) == 36, event
    sessions = [event["session"] for event in events()]
    assert sessions[0] == sessions[1] and sessions[2] == sessions[3] and len(set(sessions)) == 4
    assert "NUL or control" in events()[5]["verdict"]


def test_plain_service_log(instance, pki):
    partners(instance, pki, "")
    instance.start()
    with connect(instance, pki.made["bea"]) as c:
        c.login("anna", "wrong", "530")
    subject, issuer, serial, sha256 = facts(pki, "bea")
    assert instance.wait_line(f'site "Partners": client certificate of {subject} from {issuer}, serial {serial}, SHA-256 {sha256}: an entry of '
                              "the site's mappings denies the certificate (Win32 error 1317, sub-status 35)"), instance.output
