"""Fixtures of the end-to-end tests: an instance of the service on free loopback ports, and what speaks to it."""
import pytest

from harness import Instance


@pytest.fixture
def instance():
    """A fresh, unstarted instance; stopped, checked for left-overs and removed afterwards."""
    made = Instance()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def site(instance):
    """The site most tests want: IIS Manager user anna/secret may read and write, TLS is possible, nothing is forced."""
    instance.add_site("Depot", tls="SslAllow", users={"anna": "secret"})
    instance.start()
    return instance
