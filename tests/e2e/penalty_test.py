"""Sources that misbehave wait (threats P33), and one source cannot cost any number of handshakes (T03)."""
import contextlib
import os
import re
import signal
import threading
import time

NEAR, FAR = "127.0.0.5", "127.0.0.6"


def is_cut(instance, source):
    """Whether a new connection gets no banner."""
    try:
        with instance.client(source=source):
            return False
    except (EOFError, ConnectionResetError):
        return True


def start(instance, safety, rules=""):
    instance.add_site("Depot", users={"anna": "secret"}, tls="SslAllow")
    instance.server_xml = f"<security><ipSecurity>{rules}</ipSecurity></security>"
    instance.sallyport_xml = f'<service workerCount="2" /><safety {safety} />'
    instance.start()


def test_failed_logins(instance):
    start(instance, 'penaltyForFailedLogin="00:10:00" penaltyThreshold="00:15:00" penaltyMaximum="00:20:00"',
          f'<add ipAddress="{FAR}" allowed="true" />')
    for source in (NEAR, FAR):
        for _ in range(2):
            with instance.client(source=source) as c:
                c.login(password="wrong", want="530")
    begin = time.monotonic()
    for _ in range(40):                          # whichever worker accepts
        assert is_cut(instance, NEAR)
    seconds = int(time.monotonic() - begin) + 1
    assert not is_cut(instance, FAR)             # exempt
    with instance.client() as c:
        c.login()
    assert instance.wait(lambda: f"connections of sources that misbehaved were cut: 1, the last from {NEAR}" in
                         instance.output + "".join(p.read_text() for p in instance.dir.rglob("*.log")))

    def told():                                  # by two workers
        return [int(n) for n in re.findall(r"sources that misbehaved were cut: (\d+)", instance.output)]
    assert instance.wait(lambda: sum(told()) == 40), told()
    assert len(told()) <= 2 * (seconds + 1)      # each tells once a second, and the rest when a second is over


def test_connections_for_nothing(instance):
    """Those who log in do not collect anything; a penalty ends."""
    start(instance, 'penaltyForNoLogin="00:00:02" penaltyThreshold="00:00:05" penaltyMaximum="00:00:07"')
    for _ in range(5):
        with instance.client(source=FAR) as c:
            c.login()
            c.cmd("QUIT", "221")
        if is_cut(instance, NEAR):               # a connection for nothing itself
            break
    assert instance.wait(lambda: is_cut(instance, NEAR))
    assert not is_cut(instance, FAR)
    assert instance.wait(lambda: not is_cut(instance, NEAR))


def test_penalties_are_off_by_default(instance):
    start(instance, "")
    for _ in range(20):
        with instance.client(source=NEAR) as c:
            c.cmd("QUIT", "221")
    with instance.client(source=NEAR) as c:
        c.login(password="wrong", want="530")
        c.login()


def test_crash(instance):
    """The worker dies while it handles somebody's input: he is kept out, others are not."""
    start(instance, 'penaltyForCrash="00:05:00"')

    def busy_then_abort():
        """Keep the worker at one client's commands and end it there."""
        if told in instance.output:              # a moment late
            return True
        workers = [pid for pid, name in instance.children().items() if name == "sallyport-worker"]
        if len(workers) < 2:                     # they come back later each time
            return False
        try:
            c = instance.client(source=NEAR)
        except (OSError, EOFError):
            return False
        with c:
            def flood():
                try:
                    while True:
                        c.sock.sendall(b"NOOP\r\n" * 2000)
                except OSError:
                    pass
            sender = threading.Thread(target=flood)
            sender.start()
            try:
                for _ in range(200):             # it is in the middle of them
                    c.sock.recv(65536)
                for pid in workers:
                    os.kill(pid, signal.SIGABRT)
                while c.sock.recv(65536):
                    pass
            except OSError:
                pass
            sender.join()
        return instance.wait(lambda: told in instance.output, 4)
    told = "the client whose input it was handling is kept out for 300 seconds"
    assert instance.wait(busy_then_abort), instance.output
    assert instance.wait(lambda: is_cut(instance, NEAR))

    def others_get_in():
        try:
            with instance.client(source=FAR) as c:
                c.login()
                return True
        except (OSError, EOFError, AssertionError):
            return False
    assert instance.wait(others_get_in)
    assert is_cut(instance, NEAR)


def test_killing_a_worker_is_nobodys_fault(instance):
    start(instance, "")
    with instance.client(source=NEAR):
        for pid, name in instance.children().items():
            if name == "sallyport-worker":
                os.kill(pid, signal.SIGKILL)

    def serves():
        try:
            return not is_cut(instance, NEAR)
        except OSError:
            return False
    assert instance.wait(serves)
    assert "kept out" not in instance.output


def test_handshakes(instance):
    """AUTH beyond the budget gets 421 before any TLS work; implicit TLS is cut; another source is served."""
    start(instance, 'maxHandshakesPerSecondPerAddress="3"')
    with contextlib.ExitStack() as crowd:        # all at one moment, however slow the machine is
        clients = [crowd.enter_context(instance.client(source=NEAR)) for _ in range(12)]
        for c in clients:
            c.send("AUTH TLS\r\n")
        replies = [c.reply()[:3] for c in clients]
    assert replies.count("234") >= 3 and "421" in replies, replies
    with instance.client(source=FAR) as c:
        c.auth_tls()
        c.login()

    def again():
        with instance.client(source=NEAR) as c:
            if c.cmd("AUTH TLS")[:3] != "234":
                return False
            c.sock = c.context.wrap_socket(c.sock, server_hostname="localhost")
            c.login()
            return True
    assert instance.wait(again)
    assert {line["sc-substatus"] for line in instance.log_lines() if line["cs-method"] == "AUTH" and line["sc-status"] == "421"} == {"19"}
