"""Real clients: each uploads a tree of files, lists it, downloads it again, in the clear and over TLS where it can.

A client is a row: how it is called for one verb.  A client that the machine lacks is a skip with its name, never a pass.
"""
import ftplib
import os
import pathlib
import shutil
import ssl
import subprocess
import tempfile

import pytest

from harness import PATIENCE, insecure_context

HERE = pathlib.Path(__file__).resolve().parent
CONTENT = bytes(range(256)) * 2000 + b"end"


@pytest.fixture
def place():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sallyport-client-"))
    yield folder
    shutil.rmtree(folder)


def run(command, place, timeout=PATIENCE * 2, **options):
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=timeout, cwd=place,
                          env={**os.environ, "HOME": str(place), "LC_ALL": "C.UTF-8"}, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def curl(port, place, *flags):
    base = ["curl", "--silent", "--show-error", "--insecure", "--user", "anna:secret", *flags]
    url = f"{'ftps' if 'implicit' in place.name else 'ftp'}://127.0.0.1:{port}"
    run([*base, "-T", "up.bin", f"{url}/dir/up.bin", "--ftp-create-dirs"], place)
    assert "up.bin" in run([*base, f"{url}/dir/"], place)
    run([*base, "-o", "down.bin", f"{url}/dir/up.bin"], place)
    run([*base, "-C", "1000", "-o", "tail.bin", f"{url}/dir/up.bin"], place)
    assert (place / "tail.bin").read_bytes() == CONTENT[1000:]
    run([*base, "-Q", "-DELE /dir/up.bin", "--list-only", f"{url}/"], place)


def curl_active(port, place):
    curl(port, place, "--ftp-port", "-")


def curl_pasv(port, place):
    curl(port, place, "--disable-epsv")


def curl_tls(port, place):
    curl(port, place, "--ssl-reqd")


def curl_tls12(port, place):
    curl(port, place, "--ssl-reqd", "--tls-max", "1.2")


def lftp(port, place, settings="set ftp:ssl-allow no"):
    script = (f"set ssl:verify-certificate no; set net:max-retries 1; set net:timeout 20; {settings}; open -u anna,secret ftp://127.0.0.1:{port}; "
              "mkdir dir; cd dir; put up.bin; cls -l; get up.bin -o down.bin; mv up.bin moved.bin; mirror -R tree tree; mirror tree back; "
              "rm moved.bin; rm -r tree; cd ..; rmdir dir; quit")
    run(["lftp", "--norc", "-c", script], place)
    assert (place / "back/sub/two.txt").read_text() == "two\n"


def lftp_tls(port, place):
    lftp(port, place, "set ftp:ssl-force yes; set ftp:ssl-protect-data yes")


def lftp_active(port, place):
    lftp(port, place, "set ftp:ssl-allow no; set ftp:passive-mode off")


def lftp_active_tls(port, place):
    lftp(port, place, "set ftp:ssl-force yes; set ftp:ssl-protect-data yes; set ftp:passive-mode off")


def ncftp(port, place):
    base = ["-u", "anna", "-p", "secret", "-P", str(port)]
    run(["ncftpput", *base, "-m", "127.0.0.1", "/dir", "up.bin"], place)
    assert "up.bin" in run(["ncftpls", *base, "ftp://127.0.0.1/dir/"], place)
    run(["ncftpget", *base, "127.0.0.1", "got", "/dir/up.bin"], (place / "got").mkdir() or place)
    (place / "got/up.bin").rename(place / "down.bin")


def tnftp(port, place):
    if shutil.which("tnftp") is None:
        pytest.skip("tnftp is not installed")
    script = f"open 127.0.0.1 {port}\nuser anna secret\nbinary\nmkdir dir\ncd dir\nput up.bin\nls\nget up.bin down.bin\nbye\n"
    done = subprocess.run(["tnftp", "-n", "-v"], input=script, text=True, cwd=place, capture_output=True, timeout=PATIENCE * 2)
    assert done.returncode == 0, done.stdout + done.stderr


def wget(port, place):
    (place / "up.bin").rename(place / "kept")
    with ftplib.FTP() as ftp:
        ftp.connect("127.0.0.1", port, PATIENCE)
        ftp.login("anna", "secret")
        ftp.mkd("dir")
        ftp.storbinary("STOR dir/up.bin", open(place / "kept", "rb"))
    run(["wget", "-q", "-O", "down.bin", f"ftp://anna:secret@127.0.0.1:{port}/dir/up.bin"], place)
    run(["wget", "-q", "-r", "-nH", "-P", "tree2", f"ftp://anna:secret@127.0.0.1:{port}/dir/"], place)
    assert (place / "tree2/dir/up.bin").read_bytes() == CONTENT


def rclone(port, place, *flags):
    obscured = run(["rclone", "obscure", "secret"], place).strip()
    remote = ["--ftp-host", "127.0.0.1", "--ftp-port", str(port), "--ftp-user", "anna", "--ftp-pass", obscured,
              "--ftp-no-check-certificate", "--config", "/dev/null", "--retries", "1", *flags]
    run(["rclone", *remote, "copy", "tree", ":ftp:dir/tree"], place)
    run(["rclone", *remote, "copyto", "up.bin", ":ftp:dir/up.bin"], place)
    assert "sub/two.txt" in run(["rclone", *remote, "lsf", "-R", ":ftp:dir/tree"], place)
    run(["rclone", *remote, "check", "tree", ":ftp:dir/tree", "--size-only"], place)
    run(["rclone", *remote, "copyto", ":ftp:dir/up.bin", "down.bin"], place)


def rclone_tls(port, place):
    rclone(port, place, "--ftp-explicit-tls")


def python(port, place, ftp=None):
    with ftp or ftplib.FTP() as ftp:
        ftp.connect("127.0.0.1", port, PATIENCE)
        ftp.login("anna", "secret")
        if isinstance(ftp, ftplib.FTP_TLS):
            ftp.prot_p()
        ftp.mkd("dir")
        ftp.cwd("dir")
        with open(place / "up.bin", "rb") as up:
            ftp.storbinary("STOR up.bin", up)
        assert [name for name, facts in ftp.mlsd() if facts["type"] == "file"] == ["up.bin"]
        assert ftp.nlst() == ["up.bin"]
        ftp.voidcmd("TYPE I")
        assert ftp.size("up.bin") == len(CONTENT)
        with open(place / "down.bin", "wb") as down:
            ftp.retrbinary("RETR up.bin", down.write)
        ftp.rename("up.bin", "moved.bin")
        ftp.delete("moved.bin")
        ftp.cwd("..")
        ftp.rmd("dir")
        ftp.quit()


def python_tls(port, place):
    class Reusing(ftplib.FTP_TLS):
        """ftplib does not resume on the data channel; some servers demand it, so try that too."""
        def ntransfercmd(self, cmd, rest=None):
            conn, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
            return self.context.wrap_socket(conn, session=self.sock.session), size
    python(port, place, ftplib.FTP_TLS(context=insecure_context()))
    python(port, place, Reusing(context=insecure_context()))


def python_active_tls(port, place):
    ftp = ftplib.FTP_TLS(context=insecure_context())
    ftp.set_pasv(False)
    python(port, place, ftp)


def perl(port, place):
    run(["perl", HERE / "net_ftp.pl", str(port), "0"], place)


def perl_tls(port, place):
    run(["perl", HERE / "net_ftp.pl", str(port), "1"], place)


def php(port, place):
    run(["php", HERE / "client.php", str(port), "0"], place)


def php_tls(port, place):
    run(["php", HERE / "client.php", str(port), "1"], place)


def java(port, place, tls="0"):
    jar = "/usr/share/java/commons-net.jar"
    if not os.path.exists(jar):
        pytest.skip("commons-net is not installed")
    run(["java", "-Xshare:auto", "-cp", jar, HERE / "CommonsNet.java", str(port), tls], place, timeout=240)


def java_tls(port, place):
    java(port, place, "1")


CLIENTS = [curl, curl_active, curl_pasv, curl_tls, curl_tls12, lftp, lftp_tls, lftp_active, lftp_active_tls, ncftp, tnftp, wget, rclone, rclone_tls,
           python, python_tls, python_active_tls, perl, perl_tls, php, php_tls, java, java_tls]


@pytest.mark.parametrize("client", CLIENTS, ids=[client.__name__ for client in CLIENTS])
def test_client(site, place, client):
    (place / "up.bin").write_bytes(CONTENT)
    (place / "tree/sub").mkdir(parents=True)
    (place / "tree/one.txt").write_text("one\n")
    (place / "tree/sub/two.txt").write_text("two\n")
    client(site.sites[0].port, place)
    assert (place / "down.bin").read_bytes() == CONTENT


def test_curl_implicit(instance, place):
    site = instance.add_site("Depot", tls="SslRequire", users={"anna": "secret"})
    instance.sallyport_xml = f'<tls><implicitPorts><add port="{site.port}" /></implicitPorts></tls>'
    instance.start()
    (place / "up.bin").write_bytes(CONTENT)
    run(["curl", "-sSk", "-u", "anna:secret", "-T", "up.bin", f"ftps://127.0.0.1:{site.port}/up.bin"], place)
    run(["curl", "-sSk", "-u", "anna:secret", "-o", "down.bin", f"ftps://127.0.0.1:{site.port}/up.bin"], place)
    assert (place / "down.bin").read_bytes() == CONTENT
