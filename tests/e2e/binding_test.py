"""Bindings and the sockets behind them, as clients and `ss` see them (ftp-behaviour 7, 11)."""
import pathlib

from harness import free_port


def listening(port):
    """The addresses that listen on the port, from the kernel's own table."""
    found = set()
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        address, number = words[1].split(":")
        if words[3] == "0A" and int(number, 16) == port:
            found.add(".".join(str(b) for b in bytes.fromhex(address)[::-1]))
    return found


def backlog(port, address):
    """What listen() was called with: the queue length that /proc shows for a listener."""
    import subprocess
    out = subprocess.run(["ss", "-ltnH", f"sport = :{port}"], capture_output=True, text=True, check=True).stdout
    rows = {row.split()[3].rsplit(":", 1)[0]: int(row.split()[2]) for row in out.splitlines()}
    return rows[address]


def test_disable_socket_pooling(instance):
    """With it a site's own address has a socket beside "*", with the site's own backlog; without it one socket serves both."""
    port = free_port()
    one, every = instance.add_site("One", port=port, users={"anna": "secret"}), instance.add_site("Every", port=port)
    every.bindings = [f"*:{port}:"]
    every.users = {"bert": "secret"}
    every.rules = ['<add accessType="Allow" users="bert" permissions="Read" />']
    one.extra = '<connections disableSocketPooling="true" serverListenBacklog="17" />'
    every.extra = '<connections serverListenBacklog="23" />'
    instance.start()

    def serve():
        """Whoever has the sockets, the address decides about the site."""
        every.host = "127.0.0.2"
        with instance.client(one) as a, instance.client(every) as b:
            a.login("anna")
            b.login("bert")
    serve()
    assert listening(port) == {"127.0.0.1", "0.0.0.0"}
    assert backlog(port, "127.0.0.1") == 17 and backlog(port, "0.0.0.0") == 23
    one.extra = ""
    instance.reload()
    assert instance.wait(lambda: listening(port) == {"0.0.0.0"})
    serve()
    assert backlog(port, "0.0.0.0") == 60
    one.extra = '<connections disableSocketPooling="true" serverListenBacklog="33" />'
    instance.reload()
    assert instance.wait(lambda: listening(port) == {"127.0.0.1", "0.0.0.0"})
    serve()
    assert backlog(port, "127.0.0.1") == 33


def test_a_second_service_on_the_port_fails(instance):
    """Sharing a port between two sockets of ours must not let another service in."""
    import socket
    import pytest
    site = instance.add_site("Depot", users={"anna": "secret"})
    instance.start()
    for address in ("127.0.0.1", "0.0.0.0"):
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            with pytest.raises(OSError):
                other.bind((address, site.port))
                other.listen()


def test_a_binding_that_is_taken_is_told_once(instance):
    """By the command that asks for it and by `status`: where it stands, and not again without the place."""
    holder = instance.add_site("Depot", users={"anna": "secret"})
    instance.add_site("Other", users={"anna": "secret"})
    instance.start()
    done = instance.cli("set", "site", "Other", f"/bindings:ftp/{holder.host}:{holder.port}:", check=False)
    for told in (done.stdout + done.stderr, instance.cli("status", check=False).stdout):
        assert told.count('of site "Other" is already that of site "Depot"') == 1, told
        assert "applicationHost.config:" in told
