"""docs/coming-from-iis.md, the migration from beginning to end: every command of the page, in order.

What differs from the page: the instance and its drives lie in a temporary folder, the port is a free one, the service is started
by the test instead of systemd, and the certificate of the made-up server was made a moment ago.
"""
import os
import re
import shutil
import subprocess

from harness import BUILD, PATIENCE, ROOT, free_port

SERVER = ROOT / "tests/fixtures/iis-server"


def commands():
    text = (ROOT / "docs/coming-from-iis.md").read_text()
    for block in re.findall(r"```console\n(.*?)```", text, re.S):
        for command in re.split(r"^\$ ", block, flags=re.M)[1:]:
            line, _, output = command.partition("\n")
            yield line, output


def make_certificate(folder):
    """partners.pfx with a pass phrase; its thumbprint."""
    run = lambda *words: subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True).stdout
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2",
        "-subj", "/CN=ftp.northwind.example")
    (folder / "passphrase.txt").write_text("open sesame\n")
    run("openssl", "pkcs12", "-export", "-inkey", "key.pem", "-in", "cert.pem", "-out", "partners.pfx", "-passout", "pass:open sesame")
    return run("openssl", "x509", "-in", "cert.pem", "-noout", "-fingerprint", "-sha1").strip().split("=")[1].replace(":", " ")


def prepare(folder, port, other_port):
    """./config as it came from Windows, but for what must not touch this machine's network."""
    shutil.copytree(SERVER, folder / "config")
    thumbprint = make_certificate(folder)
    host = folder / "config/applicationHost.config"
    text = host.read_bytes().decode()
    text = re.sub(r'serverCertHash="[^"]*"', f'serverCertHash="{thumbprint}"', text)
    text = text.replace("*:2121:", f"127.0.0.1:{other_port}:")
    host.write_bytes(text.encode())
    (folder / "tools").mkdir()
    (folder / "tools/sallyport").symlink_to(BUILD / "sallyport")


def test_every_command_of_the_page(instance, tmp_path):
    port = free_port()
    shutil.rmtree(instance.drive)
    folder = instance.dir.parent / f"{instance.dir.name}-migration"
    folder.mkdir(mode=0o755)
    try:
        prepare(folder, port, free_port())
        migrate(instance, folder, port)
    finally:
        instance.stop()  # its logs lie in there
        shutil.rmtree(folder)


def migrate(instance, folder, port):
    account = next(name for name in ("sallyport", "nobody") if subprocess.run(["id", name], capture_output=True).returncode == 0)
    environment = {**os.environ, "PATH": f"{folder}/tools:{os.environ['PATH']}", "SALLYPORT_CONFIG": str(instance.dir)}

    def here(text):
        return (text.replace("/etc/sallyport", str(instance.dir)).replace("/srv/ftp", f"{folder}/srv").replace("/mnt/", f"{folder}/mnt/")
                .replace("ftp/*:21:", f"ftp/127.0.0.1:{port}:").replace("ftp://127.0.0.1/", f"ftp://127.0.0.1:{port}/")
                .replace("chown -R sallyport:", f"chown -R {account}:"))

    done = []
    for line, output in commands():
        done.append(line)
        if line.startswith("cat "):
            (folder / line.split()[1]).write_text(here(output))
            continue
        if line.startswith("systemctl "):
            instance.sites = []
            instance.launch()
            assert instance.wait_line("sallyportd: ready"), instance.output
            continue
        if line.startswith("chown") and os.getuid() != 0:
            continue
        ran = subprocess.run(here(line), shell=True, cwd=folder, env=environment, text=True, capture_output=True, timeout=PATIENCE)
        assert ran.returncode == 0, (line, ran.stdout, ran.stderr)
        if "--dry-run" in line:
            assert not (folder / "back").exists() and "Nothing was changed" in ran.stdout
        if " explain " in line:
            assert "RESULT: allowed" in ran.stdout, ran.stdout
    assert [line.split()[0] for line in done].count("sallyport") >= 10
    assert (folder / "srv/c/inetpub/ftproot/LocalUser/acme/order.txt").read_bytes() == (folder / "drives.txt").read_bytes()
    difference = subprocess.run(["diff", "config/applicationHost.config", "back/applicationHost.config"], cwd=folder, capture_output=True,
                                text=True).stdout
    changed = [text for text in difference.splitlines() if text[:1] in "<>"]
    assert changed and all(re.search("bindingInformation|S-1-5-21|archive", text) for text in changed), difference
