"""What clients behind and before a firewall are told: data ports and addresses (ftp-behaviour 11)."""
from harness import free_ports


def free_range(count):
    """The ends of a range of `count` ports that nobody else takes."""
    ports = free_ports(count)
    return ports[0], ports[-1]


def ports(client, count):
    return {(client.pasv() if i % 2 else client.epsv())[1] for i in range(count)}


def firewall(low, high):
    return f'<firewallSupport lowDataChannelPort="{low}" highDataChannelPort="{high}" />'


def test_port_ranges(instance):
    """The server's range, a site's own instead of it, and both changed for sessions that are logged in."""
    one = instance.add_site("One", users={"anna": "secret"})
    two = instance.add_site("Two", users={"anna": "secret"})
    low, high = free_range(3)
    own = free_range(2)
    instance.server_xml = firewall(low, high)
    two.settings = f'lowDataChannelPort="{own[0]}" highDataChannelPort="{own[1]}"'
    instance.start()
    with instance.client(one) as a, instance.client(two) as b:
        a.login()
        b.login()
        assert ports(a, 12) <= set(range(low, high + 1))
        assert ports(b, 12) <= set(own)
        a.put("f", b"x")
        b.put("f", b"x")
        low, high = free_range(2)
        instance.server_xml = firewall(low, high)
        two.settings = ""
        instance.reload()
        assert instance.wait(lambda: ports(a, 2) | ports(b, 2) <= {low, high})
        a.put("g", b"x")
        b.put("g", b"x")


def test_a_range_that_is_used_up(instance):
    """425 when every port is taken; the next one gets it as soon as it is free."""
    instance.add_site("Depot", users={"anna": "secret"})
    low, _ = free_range(1)
    instance.server_xml = firewall(low, low)
    instance.start()
    with instance.client() as a, instance.client() as b:
        a.login()
        b.login()
        assert a.pasv()[1] == low
        b.cmd("PASV", "425")
        a.cmd("QUIT", "221")
        assert instance.wait(lambda: b.cmd("PASV").startswith("227"))


def test_addresses(instance):
    """The site's list, the server's, externalIp4Address, the address dialled: in that order; EPSV names none."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    plain = instance.add_site("Plain", users={"anna": "secret"})
    site.bindings = [f"*:{site.port}:"]
    site.extra = '<firewallSupport externalIp4Address="192.0.2.1" />'
    site.elements = ('<externalAddresses><add network="127.0.0.2" address="198.51.100.2" />'
                     '<add network="127.0.1.0/24" address="dialled" /></externalAddresses>')
    instance.sallyport_xml = ('<externalAddresses><add network="127.0.0.2" address="203.0.113.1" />'
                              '<add network="127.0.0.3" address="203.0.113.3" /></externalAddresses>')
    instance.start()

    def told(source, to="127.0.0.1", where=site):
        host, where.host = where.host, to
        with instance.client(where, source=source) as c:
            where.host = host
            c.login()
            c.epsv()
            return c.pasv()[0]
    assert told("127.0.0.1") == "192.0.2.1"
    assert told("127.0.0.2") == "198.51.100.2"
    assert told("127.0.0.3") == "203.0.113.3"
    assert told("127.0.1.9") == "127.0.0.1"
    assert told("127.0.1.9", to="127.0.0.77") == "127.0.0.77"
    assert told("127.0.0.1", where=plain) == "127.0.0.1"
    assert told("127.0.0.3", where=plain) == "203.0.113.3"
    with instance.client() as c:
        c.login()
        assert c.pasv()[0] == "192.0.2.1"
        site.extra = '<firewallSupport externalIp4Address="192.0.2.99" />'
        instance.reload()
        assert instance.wait(lambda: c.pasv()[0] == "192.0.2.99")


def test_nonsense_is_told(instance):
    site = instance.add_site("Depot", users={"anna": "secret"})
    site.extra = '<firewallSupport externalIp4Address="ftp.example.com" />'
    site.settings = 'lowDataChannelPort="5000" highDataChannelPort="4000"'
    site.elements = ('<externalAddresses><add network="10.0.0.0/99" address="192.0.2.1" />'
                     '<add network="10.0.0.0/8" address="outside" /></externalAddresses>')
    instance.write()
    said = instance.check().stdout + instance.check().stderr
    for text in ('externalIp4Address "ftp.example.com" is no IPv4 address', 'lowDataChannelPort 5000 is above highDataChannelPort 4000',
                 'network "10.0.0.0/99" is no address or network', 'address "outside" is neither an IPv4 address nor the word dialled'):
        assert text in said, said
