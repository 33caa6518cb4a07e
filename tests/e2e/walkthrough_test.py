"""docs/walkthrough-iis-manager-authentication.md, every command in order, output compared.

What differs from the page: the instance and its drive lie in a temporary folder, the port is a free one, and the service is started
by the test instead of systemd.
"""
import os
import re
import shutil
import subprocess

from harness import BUILD, PATIENCE, ROOT, free_port


def steps():
    text = (ROOT / "docs/walkthrough-iis-manager-authentication.md").read_text()
    for block in re.findall(r"```console\n(.*?)```", text, re.S):
        for command in re.split(r"^\$ ", block, flags=re.M)[1:]:
            line, _, output = command.partition("\n")
            yield line, output


def test_every_command_of_the_page(instance, tmp_path):
    port = free_port()
    shutil.rmtree(instance.drive)
    drive = instance.dir / "c"
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "sallyport").symlink_to(BUILD / "sallyport")
    account = next((name for name in ("sallyport", "nobody") if subprocess.run(["id", name], capture_output=True).returncode == 0))

    def here(text):
        return (text.replace("127.0.0.1:21:", f"127.0.0.1:{port}:").replace("ftp://127.0.0.1/", f"ftp://127.0.0.1:{port}/")
                .replace("--config DIR", f"--config {instance.dir}").replace("/var/lib/sallyport/c", str(drive)).replace("chown sallyport:", f"chown {account}:"))
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "SALLYPORT_CONFIG": str(instance.dir)}
    done = []
    for line, output in steps():
        done.append(line)
        if line == "./dev install":
            continue
        if line == "systemctl start sallyport":
            instance.sites = []
            instance.launch()
            assert instance.wait_line("sallyportd: ready"), instance.output
            continue
        if line.startswith("chown") and os.getuid() != 0:
            continue
        ran = subprocess.run(here(line), shell=True, cwd=ROOT, env=environment, text=True, capture_output=True, timeout=PATIENCE)
        assert ran.returncode == 0, (line, ran.stdout, ran.stderr)
        if line.startswith("sallyport") and output:
            assert ran.stdout == here(output), line
        if "--list-only" in line:
            assert ran.stdout.split() == ["readme.txt"]
    assert len(done) > 14
    assert (drive / "inetpub/ftproot/readme.txt").read_bytes() == (ROOT / "README.md").read_bytes()
    stored = (instance.dir / "administration.config").read_text()
    assert "ftpmanager" in stored and "P@ssw0rd" not in stored
