"""docs/client-certificates.md: every command in it, in order, in one shell.

What differs from the page: the instance lies in a temporary folder, ports are free ones, curl is told the port, and the service is
started by the test instead of systemd.
"""
import os
import re
import select
import shutil
import subprocess
import time

from harness import BUILD, PATIENCE, ROOT, free_port


def commands():
    text = (ROOT / "docs/client-certificates.md").read_text()
    for block in re.findall(r"```console\n(.*?)```", text, re.S):
        for line in block.splitlines():
            assert line.startswith("$ "), line
            yield line[2:]


class Shell:
    """A shell that runs one line after the other and keeps its variables."""

    def __init__(self, folder, environment):
        self.process = subprocess.Popen(["bash"], cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, start_new_session=True)

    def run(self, line):
        """(exit status, output)"""
        self.process.stdin.write(f"{line}\necho \"<end of command: $?>\"\n".encode())
        self.process.stdin.flush()
        output, deadline = b"", time.monotonic() + PATIENCE
        while not (end := re.search(rb"<end of command: (\d+)>\n", output)):   # jobs in the background may write behind it
            assert select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))[0], (line, output)
            output += os.read(self.process.stdout.fileno(), 65536)
        return int(end[1]), output[:end.start()].decode()

    def close(self):
        self.process.stdin.write(b"kill $(jobs -p) 2>/dev/null\n")
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        self.process.stdout.close()


def test_every_command_of_the_document(instance, tmp_path):
    ftp, web = free_port(), free_port()
    shutil.rmtree(instance.drive)
    tools, work = tmp_path / "bin", tmp_path / "work"
    tools.mkdir()
    work.mkdir()
    for name in ("sallyport", "appcmd"):
        (tools / name).symlink_to(BUILD / name)
    account = next((name for name in ("sallyport", "nobody") if subprocess.run(["id", name], capture_output=True).returncode == 0))

    def here(line):
        return (line.replace("ftp/*:21:", f"ftp/127.0.0.1:{ftp}:").replace("ftp://localhost/", f"ftp://localhost:{ftp}/")
                .replace("127.0.0.1:8080", f"127.0.0.1:{web}").replace("127.0.0.1 8080", f"127.0.0.1 {web}")
                .replace("/var/lib/sallyport/c", str(instance.drive)).replace("/etc/sallyport", str(instance.dir))
                .replace("chown sallyport:", f"chown {account}:" if os.getuid() == 0 else "true"))

    shell = Shell(work, {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "SALLYPORT_CONFIG": str(instance.dir)})
    said = {}
    try:
        for line in commands():
            if line == "systemctl start sallyport":
                instance.launch()
                assert instance.wait_line("sallyportd: ready"), instance.output
                said[line] = ""
                continue
            status, output = shell.run(here(line))
            if "certificate test" in line and status:             # the web server of the CRL comes up by itself
                deadline = time.monotonic() + PATIENCE
                while status and time.monotonic() < deadline:
                    shell.run("sallyport flush cache")
                    status, output = shell.run(here(line))
            assert status == 0, (line, output, instance.output)
            said[line] = output
    finally:
        shell.close()
    assert len(said) > 40
    told = said["sallyport certificate test --site Partners pat.pem"]
    assert "(CRL, signed " in told or "(cache, signed " in told, told
    assert told.splitlines()[-1] == "verdict: the certificate logs in", told
    assert [output for line, output in said.items() if line.endswith("ftp://localhost/hello.txt")] == ["hello\n"]
    assert (instance.drive / "inetpub/partners/hello.txt").read_text() == "hello\n"
    stored = (instance.dir / "administration.config").read_text()
    assert "a long password" not in stored and "Pass-svc-ftp" not in (instance.dir / "sallyport.config").read_text()
