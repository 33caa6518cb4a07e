"""`sallyport certificate test` beside a real login with the same certificate: they must say the same."""
import re

ALLOWED, PASSWORD, CERTIFICATE, ACCOUNT, HOME, NO_VERDICT, NOT_ASKED = 0, 20, 21, 22, 23, 24, 25


class Rehearsal:
    """What the command printed."""

    def __init__(self, instance, site, file, *words, stdin=""):
        done = instance.cli("certificate", "test", "--site", site.name, str(file), *words, check=False, stdin=stdin)
        self.code, self.text = done.returncode, done.stdout
        self.lines = self.text.splitlines()

    def all(self, label):
        return [line[len(label) + 2:] for line in self.lines if line.startswith(label + ": ")]

    @property
    def replies(self):
        """{"USER": "331 Password required", ...}"""
        return dict(re.match(r"reply to (\w+): (.*)", line).groups() for line in self.lines if line.startswith("reply to "))

    @property
    def logged(self):
        """(status, win32, sub-status) as the log would have it"""
        return re.search(r"^log: sc-status (\d+), sc-win32-status (\d+), sc-substatus (\d+)", self.text, re.M).groups()


def first_line(reply):
    """Of a reply, as it would be without the details for local clients."""
    return re.sub(r"^(\d{3})-", r"\1 ", reply.split("\n")[0]).strip()


def login(instance, site, pem, user, password, version=None):
    """The replies of a real login, and what the log says about the last of them."""
    def logged():
        return [line for line in instance.log_lines(site) if line["cs-method"] in ("USER", "PASS")]

    replies, before = {}, len(logged())
    with instance.client(site) as c:
        c.context.set_ciphers("DEFAULT:@SECLEVEL=0")
        c.context.load_cert_chain(pem)
        if version:
            c.context.minimum_version = c.context.maximum_version = version
        c.auth_tls()
        replies["USER"] = first_line(c.cmd(f"USER {user}"))
        if replies["USER"].startswith("331"):
            replies["PASS"] = first_line(c.cmd(f"PASS {password}"))
        if replies["USER"].startswith("534"):
            assert c.closed()
    assert instance.wait(lambda: len(logged()) == before + len(replies)), (site.name, replies, logged(), instance.output)
    line = logged()[-1]
    return replies, (line["sc-status"], line["sc-win32-status"], line["sc-substatus"])


def agree(instance, site, pem, user="whoever", password="ignored", rehearse_user=None):
    """Rehearse, then log in; both must say the same.  Returns the rehearsal and the real replies."""
    words = ["--user", rehearse_user] if rehearse_user else []
    rehearsal = Rehearsal(instance, site, pem, *words)
    replies, logged = login(instance, site, pem, user, password)
    said = rehearsal.text + repr(replies) + repr(logged)
    if rehearsal.code in (PASSWORD, NOT_ASKED):  # from here on a password decides
        assert rehearsal.replies == {"USER": replies["USER"]}, said
    else:
        assert rehearsal.replies == replies, said
        assert rehearsal.logged == logged, said
    assert (rehearsal.code == ALLOWED) == (rehearsal.logged[0] in ("230", "232")), said
    return rehearsal, replies
