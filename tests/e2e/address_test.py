"""ipSecurity as clients on several loopback addresses see it (ftp-behaviour 5)."""

DENIED = ("550-Access is denied. \n Win32 error:   Access is denied. \n"
          " Error details: IP restriction rules denied the access.\n550 End")


def rules(path, text):
    return (f'<location path="{path}"><system.ftpServer><security><ipSecurity {text}</ipSecurity></security>'
            '</system.ftpServer></location>')


def test_site_root_at_accept(instance):
    """A client that is not allowed gets no banner; first match decides, then allowUnlisted."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    instance.server_xml = ('<security><ipSecurity allowUnlisted="false"><add ipAddress="127.0.0.2" />'
                           '<add ipAddress="127.0.0.0" subnetMask="255.255.255.0" allowed="true" /></ipSecurity></security>')
    instance.start()
    for source in ("127.0.0.2", "127.0.1.1"):
        with instance.client(source=source) as c:
            assert c.banner == "421 Service not available, closing control connection."
            assert c.closed()
    with instance.client(source="127.0.0.3") as c:
        assert c.banner.startswith("220")
        c.login()
        c.put("f", b"x")
    instance.wait(lambda: len([line for line in instance.log_lines() if line["cs-method"] == "ControlChannelClosed"]) == 3)
    closed = {line["c-ip"]: line for line in instance.log_lines() if line["cs-method"] == "ControlChannelClosed"}
    assert (closed["127.0.0.2"]["sc-win32-status"], closed["127.0.0.2"]["sc-substatus"]) == ("5", "4")
    assert closed["127.0.1.1"]["sc-substatus"] == "4" and closed["127.0.0.3"]["sc-substatus"] == "0"
    assert not [note for note in instance.check().stdout.splitlines() if "ipSecurity" in note]


def test_paths(instance):
    """A path below the site may be closed to some addresses; the broker decides, for every verb."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    for name in ("lan", "open"):
        (site.path / name).mkdir()
        (site.path / name / "f").write_text(name)
    site.locations = [rules("Depot/lan", 'allowUnlisted="false"><add ipAddress="127.0.0.1" allowed="true" />')]
    instance.start()
    with instance.client() as near, instance.client(source="127.0.0.9") as far:
        near.login()
        far.login()
        assert near.get("lan/f") == b"lan" and far.get("open/f") == b"open"
        assert far.data("RETR lan/f", want_end=None)[0] == DENIED
        assert far.cmd("CWD LAN") == DENIED
        assert far.cmd("RNFR lan") == DENIED
        far.cmd("RNFR open/f", "350")
        assert far.cmd("RNTO lan/g") == DENIED
        near.cmd("CWD lan", "250")
        site.locations = [rules("Depot/lan", 'allowUnlisted="false">')]     # A15: acts on the next command
        instance.reload()
        assert instance.wait(lambda: near.cmd("SIZE f") != "504" and near.cmd("MDTM f") == DENIED)
    refused = [line for line in instance.log_lines() if line["sc-substatus"] == "4"]
    assert {line["cs-method"] for line in refused} >= {"RETR", "CWD", "RNFR", "RNTO", "MDTM"}


def test_virtual_hosts(instance):
    """A site that is named later is judged when it is named."""
    site = instance.add_site("Depot", users={"anna": "secret"})
    other = instance.add_site("Other", users={"anna": "secret"}, port=site.port)
    other.bindings = [f"127.0.0.1:{site.port}:other.example"]
    site.locations = [rules("Other", '><add ipAddress="127.0.0.9" />')]
    instance.start()
    with instance.client() as c:
        c.cmd("HOST other.example", "220")
    with instance.client(source="127.0.0.9") as c:
        c.cmd("HOST other.example", "421")
        assert c.closed()
    with instance.client(source="127.0.0.9") as c:
        c.cmd("USER other.example|anna", "421")
        assert c.closed()
    with instance.client(source="127.0.0.9") as c:
        c.login()
