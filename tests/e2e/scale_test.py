"""Many sites: logins find theirs, and a reload does not stop transfers.  bench/scale measures; this checks that it works."""
import importlib.machinery
import importlib.util
import pathlib
import shutil
import tempfile
import threading
import time

import pytest

from harness import PATIENCE, ROOT, SANITIZED, free_port

loader = importlib.machinery.SourceFileLoader("scale", str(ROOT / "bench" / "scale"))
scale = importlib.util.module_from_spec(importlib.util.spec_from_loader("scale", loader))
loader.exec_module(scale)

SITES = 300 if SANITIZED else 1500


@pytest.fixture
def service():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sallyport-"))  # pytest's own folders are closed to the service's users
    port = free_port()
    scale.write_configuration(folder, SITES, 10 * SITES, port)
    made = scale.Service(folder)
    made.port = port
    try:
        yield made
    finally:
        made.end()
        shutil.rmtree(folder)


def test_every_site_is_found(service):
    for number in (1, 2, SITES // 2, SITES - 1, SITES):
        scale.connect(service.port, f"S{number}.Example.com").quit()
    with pytest.raises(scale.ftplib.error_perm):
        scale.connect(service.port, f"s{SITES + 1}.example.com")


def test_transfers_go_on_during_a_reload(service):
    ftp = scale.connect(service.port, "s7.example.com")
    data = ftp.transfercmd("RETR large")
    data.settimeout(PATIENCE)
    received, stop = [0], threading.Event()

    def receive():
        while not stop.is_set():
            got = len(data.recv(1 << 16))
            assert got
            received[0] += got
            time.sleep(0.001)  # leave the machine to the reload
    receiver = threading.Thread(target=receive)
    receiver.start()
    for _ in range(3):
        before = received[0]
        service.reload()
        assert received[0] > before
    stop.set()
    receiver.join()
    assert receiver and service.process.poll() is None
    before = received[0]
    assert len(data.recv(1 << 16)) and before  # the same transfer still runs
    data.close()
    ftp.close()
