"""Fixtures of the end-to-end tests: an instance of the service on free loopback ports, and what speaks to it."""
import contextlib
import faulthandler
import os
import signal
import sys

import pytest

from harness import TEST_LIMIT, Instance

os.umask(0o022)  # the service's user reads what the tests make, and nobody else may write it


@contextlib.contextmanager
def limited(what):
    """A test that hangs fails, with the stacks of its threads, instead of holding up all that come after it."""
    def over(*_):
        faulthandler.dump_traceback(sys.__stderr__)
        pytest.fail(f"{what} takes longer than {TEST_LIMIT} seconds")  # no Exception, which a test might expect
    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(TEST_LIMIT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_setup(item):
    with limited(f"setting up {item.nodeid}"):
        yield


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    with limited(item.nodeid):
        yield


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_teardown(item):
    with limited(f"tidying up after {item.nodeid}"):
        yield


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
