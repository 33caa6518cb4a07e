"""Limits that all workers keep together, seen by clients on several loopback addresses (threats P32)."""
import contextlib
import select
import socket
import threading
import time

from harness import PATIENCE

FULL = "421 Service not available, closing control connection."


def several_workers(instance):
    instance.sallyport_xml += '<service workerCount="4" />'


def refused(instance, **options):
    """Whether a new connection is turned away."""
    with instance.client(**options) as c:
        return c.banner.startswith("421") and c.closed()


def test_connections_of_an_address(instance):
    """Counted over all workers, given back when a connection or a worker ends, changed without a restart."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    several_workers(instance)
    instance.sallyport_xml += '<safety maxConnectionsPerAddress="5" />'
    instance.start()
    crowd = [instance.client() for _ in range(5)]
    assert refused(instance) and refused(instance)
    with instance.client(source="127.0.0.2") as other:
        assert other.banner.startswith("220")
    crowd.pop().__exit__()

    def one_more():
        """A place that has become free, as soon as the server knows."""
        c = instance.client()
        if c.banner.startswith("220"):
            crowd.append(c)
            return True
        c.__exit__()
        return False
    assert instance.wait(one_more) and refused(instance)
    instance.sallyport_xml = instance.sallyport_xml.replace('"5"', '"7"')
    instance.reload()
    assert instance.wait(one_more) and instance.wait(one_more) and refused(instance)
    for c in crowd:
        c.__exit__()


def test_connections_of_a_dead_worker_are_given_back(instance):
    import os
    import signal
    instance.add_site("Depot", users={"anna": "secret"})
    several_workers(instance)
    instance.sallyport_xml += '<safety maxConnectionsPerAddress="6" />'
    instance.start()
    crowd = [instance.client() for _ in range(6)]
    assert refused(instance)
    for pid, name in instance.children().items():
        if name == "sallyport-worker":
            os.kill(pid, signal.SIGKILL)

    def all_fit():
        try:
            crowd[:] = [instance.client(timeout=5) for _ in range(6)]
        except (OSError, EOFError):
            return False
        return all(c.banner.startswith("220") for c in crowd) and refused(instance)
    assert instance.wait(all_fit)
    for c in crowd:
        c.__exit__()


def test_early_drop(instance):
    """P32: while many have not logged in newcomers are turned away by chance, then all; who is logged in does not count."""
    instance.add_site("Depot", users={"anna": "secret"})
    instance.sallyport_xml += '<service workerCount="1" /><safety earlyDropStart="4" earlyDropFull="40" />'
    instance.start()
    members = [instance.client() for _ in range(6)]
    for c in members[:3]:
        c.login()
    for c in members[3:]:
        c.login()  # nobody waits for a login by now
    with instance.client() as one, instance.client() as two, instance.client() as three:
        assert [c.banner[:3] for c in (one, two, three)] == ["220"] * 3
    crowd, turned_away = [], 0
    while len(crowd) < 40:
        c = instance.client()
        if c.banner.startswith("220"):
            crowd.append(c)
        else:
            turned_away += 1
            c.__exit__()
    assert turned_away > 0
    assert instance.wait_line("newcomers turned away: 1"), instance.output
    assert refused(instance) and refused(instance)
    for c in members:
        c.cmd("NOOP", "200")
        c.__exit__()
    instance.sallyport_xml = instance.sallyport_xml.replace('earlyDropFull="40"', "")
    instance.reload()
    assert refused(instance)
    for c in crowd[:38]:
        c.__exit__()
    assert instance.wait(lambda: not refused(instance))


def test_connections_of_a_user(instance):
    """At most so many logins of one name on a site, whatever the case; anonymous clients are nobody."""
    site = instance.add_site("Depot", users={"anna": "secret", "bert": "secret"})
    site.settings = 'maxConnectionsPerUser="3"'
    site.anonymous = True
    site.rules.append('<add accessType="Allow" users="?" permissions="Read" />')
    site.extra = '<messages maxClientsMessage="Three are enough." />'
    other = instance.add_site("Other", users={"anna": "secret"})
    several_workers(instance)
    instance.start()
    crowd = []

    def login(user="anna", want="230", site=None):
        c = instance.client(site)
        crowd.append(c)
        reply = c.login(user, want=want)
        return c, reply
    for name in ("anna", "Anna", "ANNA"):
        login(name)
    c, reply = login(want="421")
    assert reply == "421 Three are enough." and c.closed()
    login("bert")
    login(site=other)
    for _ in range(5):
        c = instance.client()
        crowd.append(c)
        c.login("anonymous", "me@here")
    crowd[0].cmd("QUIT", "221")
    assert instance.wait(lambda: login(want=None)[1].startswith("230"))
    crowd[1].cmd("USER bert", "331")         # a new USER gives the place back
    login()
    refusals = [line for line in instance.log_lines() if line["cs-method"] == "PASS" and line["sc-status"] == "421"]
    assert refusals and all(line["sc-substatus"] == "19" for line in refusals)
    for c in crowd:
        c.__exit__()


def test_site_limit_holds_when_many_come_at_once(instance):
    """maxConnections is exact: two workers that accept at one moment do not both find the last place."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    site.extra = '<connections maxConnections="10" />'
    several_workers(instance)
    instance.start()
    crowd, lock = [], threading.Lock()

    def come():
        for _ in range(15):
            c = instance.client()
            with lock:
                crowd.append(c)
    threads = [threading.Thread(target=come) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()

    def served():
        return sum(c.banner.startswith("220") for c in crowd)
    assert served() <= 10
    crowd.append(instance.client())
    while crowd[-1].banner.startswith("220"):         # places that two of them may have lost to each other
        crowd.append(instance.client())
    assert served() == 10
    for c in crowd:
        c.__exit__()


# ---- bandwidth ----

SIZE = 400_000


def timed(action):
    began = time.monotonic()
    action()
    return time.monotonic() - began


def in_parallel(actions):
    threads = [threading.Thread(target=action) for action in actions]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def test_bandwidth_of_a_session(instance):
    """Downloads and uploads each have their own; a limit lower than minBytesPerSecond is not the client's fault."""
    site = instance.add_site("Depot", users={"anna": "secret"}, tls="SslAllow")
    site.settings = 'maxDownloadBandwidthPerSession="400000" maxUploadBandwidthPerSession="200000"'
    site.extra = '<connections minBytesPerSecond="900000" dataChannelTimeout="1" />'
    instance.start()
    content = bytes(range(256)) * (SIZE // 256)
    with instance.client() as c:
        c.login()
        c.cmd("TYPE I", "200")
        assert timed(lambda: c.put("f", content)) >= 1.5
        assert timed(lambda: c.get("f")) >= 0.7
        assert c.get("f") == content
        assert instance.wait(lambda: timed(lambda: c.get("f")) < 1.5)   # the uploads' limit is not theirs
    with instance.client().auth_tls() as c:
        c.login()
        c.cmd("TYPE I", "200")
        c.protect()
        assert timed(lambda: c.put("g", content, tls=True)) >= 1.5
        assert timed(lambda: c.get("g", tls=True)) >= 0.7


def test_bandwidth_of_a_user_and_a_site(instance):
    """Shared by all sessions, in whichever worker they are; changed without a restart for what begins afterwards."""
    site = instance.add_site("Depot", users={"anna": "secret", "bert": "secret"})
    site.settings = 'maxDownloadBandwidthPerUser="600000" maxDownloadBandwidth="900000"'
    several_workers(instance)
    content = b"x" * SIZE
    (site.path / "f").write_bytes(content)
    instance.start()
    clients = {name: [instance.client() for _ in range(4)] for name in ("anna", "bert")}
    for name, several in clients.items():
        for c in several:
            c.login(name)

    def fetch(several):
        received = []
        seconds = timed(lambda: in_parallel([lambda c=c: received.append(c.get("f")) for c in several]))
        assert [each == content for each in received] == [True] * len(several)
        return seconds
    assert fetch(clients["anna"][:1]) >= 0.5                          # 400 KB at 600 KB/s
    assert fetch(clients["anna"][:3]) >= 1.7                          # 1.2 MB of one user
    assert fetch(clients["anna"][:2] + clients["bert"][:2]) >= 1.5    # 1.6 MB at the site's 900 KB/s
    site.settings = ""
    instance.reload()
    assert instance.wait(lambda: fetch(clients["anna"] + clients["bert"]) < 2)  # 3.2 MB would take 3.5 seconds
    for several in clients.values():
        for c in several:
            c.__exit__()


def test_listings_are_paced_too(instance):
    site = instance.add_site("Depot", users={"anna": "secret"})
    site.settings = 'maxDownloadBandwidth="100000"'
    for i in range(1000):
        (site.path / f"{i:040}").touch()
    instance.start()
    with instance.client() as c:
        c.login()
        listing = []
        assert timed(lambda: listing.append(c.data("LIST")[1])) >= 0.6
        assert len(listing[0].splitlines()) == 1000


def test_min_bytes_per_second(instance):
    """An upload below it is cut and leaves no file, one above it is not; every byte came in time for dataChannelTimeout."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    site.extra = '<connections minBytesPerSecond="240" dataChannelTimeout="5" />'
    instance.start()

    def begin(c, name):
        c.login()
        data = socket.create_connection(c.epsv(), c.timeout)
        c.send(f"STOR {name}\r\n")
        assert c.reply().startswith("1")
        return data
    with instance.client() as quick, instance.client() as slow:
        with begin(quick, "quick") as above, begin(slow, "slow") as below:
            until, sent = time.monotonic() + PATIENCE, 0
            while not select.select([slow.sock], [], [], 0.2)[0]:
                assert time.monotonic() < until
                above.sendall(b"x" * 600)  # 3000 and 50 bytes a second
                with contextlib.suppress(ConnectionError):
                    below.sendall(b"x" * 10)
                sent += 600
            assert slow.reply().startswith("425-Data channel timed out due to not meeting the minimum bandwidth requirement.\n")
        assert quick.reply().startswith("226")
        slow.cmd("PWD", "257")
    assert [(path.name, path.stat().st_size) for path in site.path.iterdir()] == [("quick", sent)]
    records = [(line["cs-method"], line["sc-status"], line["sc-win32-status"], line["sc-substatus"]) for line in instance.log_lines(site)]
    assert sorted(r for r in records if r[0] == "STOR") == [("STOR", "226", "0", "0"), ("STOR", "425", "121", "0")]
    assert ("DataChannelClosed", "-", "121", "50") in records
