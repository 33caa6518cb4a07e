"""Providers of third parties: what only they could decide is refused with sub-status 34, and nothing opens."""
import pytest

OWN = '<providerDefinitions><add name="Own" clsid="{8A9F9C10-0000-0000-0000-000000000001}" /></providerDefinitions>'


@pytest.fixture
def depot(instance):
    site = instance.add_site("Depot", users={"anna": "secret"})
    instance.add_site("Plain", users={"anna": "secret"})
    return site


def plain_still_works(instance):
    with instance.client(instance.sites[1]) as c:
        c.login()
        c.put("f", b"x")


def substatus(instance, method):
    return {line["sc-substatus"] for line in instance.log_lines() if line["cs-method"] == method}


def test_authentication(instance, depot):
    """The others on the site are asked; who only this one could let in is not let in."""
    depot.providers, depot.more_providers = False, '<add name="Own" />'
    instance.start()
    with instance.client() as c:
        c.login(want="530")
    assert substatus(instance, "PASS") == {"34"}
    assert 'provider "Own"' in instance.output
    plain_still_works(instance)


def test_authorization(instance, depot):
    """The provider would be asked instead of the rules: so the rules let nobody in either."""
    depot.security = '<customAuthorization><provider name="Own" enabled="true" /></customAuthorization>'
    instance.start()
    with instance.client() as c:
        reply = c.login(want="530")
        assert "home directory inaccessible" in reply and "Custom authentication call failed." in reply
    assert substatus(instance, "PASS") == {"34"}
    assert 'names provider "Own", which this version cannot run: every access is refused' in instance.output
    plain_still_works(instance)


def test_authorization_appears_while_somebody_is_in(instance, depot):
    """A15: from the next command on."""
    instance.start()
    with instance.client() as c:
        c.login()
        c.put("f", b"x")
        depot.security = '<customAuthorization><provider name="Own" /></customAuthorization>'
        instance.reload()
        assert instance.wait(lambda: c.cmd("DELE f").startswith("550"))
        assert c.data("LIST", want_end=None)[0].startswith("550")
    assert substatus(instance, "LIST") == {"34"}


def test_features(instance, depot):
    """A provider before the commands could have refused any of them."""
    depot.anonymous = True
    depot.extra = '<customFeatures><providers><add name="Own" /></providers></customFeatures>'
    instance.start()
    with instance.client() as c:
        c.login(want="530")
        c.login("anonymous", want="530")
    assert substatus(instance, "PASS") == {"34"}
    assert "every login is refused, sub-status 34" in instance.output
    plain_still_works(instance)


def test_done_without(instance, depot):
    """allowUnenforcedSettings: said, and the rest of the site's rules count."""
    depot.security = '<customAuthorization><provider name="Own" /></customAuthorization>'
    depot.extra = '<customFeatures><providers><add name="Own" /></providers></customFeatures>'
    instance.sallyport_xml = '<safety allowUnenforcedSettings="true" />'
    instance.start()
    with instance.client() as c:
        c.login()
        c.put("f", b"x")
    assert instance.output.count("it is left out (allowUnenforcedSettings)") == 2


def test_check_tells_and_names_nothing_as_ignored(instance, depot):
    depot.security = '<customAuthorization><provider name="Own" /></customAuthorization>'
    depot.extra = '<customFeatures><providers><add name="Own" enabled="false" /></providers></customFeatures>'
    instance.write()
    done = instance.check()
    assert done.returncode == 0
    assert "not enforced yet" not in done.stdout + done.stderr
    assert 'names provider "Own"' in done.stdout + done.stderr
