"""ipSecurity's rules by domain name: with enableReverseDns only, and never in anybody else's way (ftp-behaviour 5, A12)."""
import os
import select
import socket

import pytest

from harness import PATIENCE

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="a resolver of one's own needs a mount namespace, and that root")

HOSTS = """127.0.0.1 localhost
127.0.0.21 partner.good.test
127.0.0.22 pc.evil.test
"""


def with_hosts(instance, resolver="127.0.0.1", timeout=1):
    """Run the service where these names are known and every other question goes to `resolver`, where nobody answers."""
    (instance.dir / "hosts").write_text(HOSTS)
    (instance.dir / "resolv").write_text(f"nameserver {resolver}\noptions timeout:{timeout} attempts:1\n")
    script = (f"mount --bind {instance.dir}/hosts /etc/hosts && mount --bind {instance.dir}/resolv /etc/resolv.conf && "
              'exec "$@"')
    instance.prefix = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]


def rules(path, text):
    return (f'<location path="{path}"><system.ftpServer><security><ipSecurity {text}</ipSecurity></security>'
            '</system.ftpServer></location>')


def login(instance, source, want, site=None):
    with instance.client(site, source=source) as c:
        return c.login(want=want)


def test_names_decide(instance):
    """First match from top to bottom, names and addresses mixed; a folder may have rules of its own."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    (site.path / "good").mkdir()
    site.locations = [rules("Depot", 'enableReverseDns="true"><add domainName="*.evil.test" />'),
                      rules("Depot/good", 'enableReverseDns="true" allowUnlisted="false"><clear />'
                                          '<add domainName="partner.GOOD.test" allowed="true" />')]
    with_hosts(instance)
    instance.start()
    login(instance, "127.0.0.22", "530")
    with instance.client(source="127.0.0.21") as c:
        c.login()
        c.cmd("CWD good", "250")
        c.put("f", b"x")
    with instance.client() as c:                 # localhost is no partner
        c.login()
        assert c.cmd("CWD good").startswith("550")
    assert {line["sc-substatus"] for line in instance.log_lines() if line["sc-status"] in ("530", "550")} == {"4"}
    assert "not enforced" not in instance.output and "does not start" not in instance.output


def test_without_enable_reverse_dns_names_mean_nothing(instance):
    site = instance.add_site("Depot", users={"anna": "secret"})
    site.locations = [rules("Depot", '><add domainName="*.evil.test" />')]
    with_hosts(instance)
    instance.start()
    login(instance, "127.0.0.22", "230")
    assert "has no effect: enableReverseDns is false" in instance.output


def failed(question):
    """The answer of a server that cannot say (SERVFAIL)."""
    return question[:2] + b"\x81\x82" + question[4:]


def test_a_resolver_that_hangs(instance):
    """Who cannot be named is denied by a rule that denies names and not let in by one that allows; nobody else waits."""
    denying = instance.add_site("Denying", users={"anna": "secret"})
    allowing = instance.add_site("Allowing", users={"anna": "secret"})
    denying.locations = [rules("Denying", 'enableReverseDns="true"><add domainName="*.evil.test" />')]
    allowing.locations = [rules("Allowing", 'enableReverseDns="true" allowUnlisted="false"><add domainName="*" allowed="true" />')]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:   # takes questions, answers when we want
        silent.settimeout(PATIENCE)
        address = f"127.0.{os.getpid() % 250 + 1}.153"
        silent.bind((address, 53))
        with_hosts(instance, address, timeout=8)
        instance.start()
        with instance.client(denying, source="127.0.0.99") as c:
            c.cmd("USER anna", "331")
            c.send("PASS secret\r\n")
            question, asker = silent.recvfrom(4096)
            login(instance, "127.0.0.1", "230", denying)               # known from the file: does not wait
            with instance.client(denying) as other:
                other.cmd("NOOP", "200")
            assert not select.select([c.sock], [], [], 0)[0]
            silent.sendto(failed(question), asker)
            assert c.reply().startswith("530")
        login(instance, "127.0.0.98", "530", allowing)                 # never answered
        login(instance, "127.0.0.21", "230", allowing)
