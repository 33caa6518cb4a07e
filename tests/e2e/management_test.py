"""The management library as others get it: installed, found by pkg-config, linked shared and static, from C and from C++.

The programs of docs/examples are the samples of Microsoft's pages on clientCertAuthentication and sslClientCertificates;
what they write must be what the pages describe, and a running service must take it at once.
"""
import os
import re
import shutil
import subprocess

import pytest

from harness import BUILD, PATIENCE, ROOT, SANITIZED

EXAMPLES = ROOT / "docs" / "examples"
HEADER = ROOT / "include" / "sallyport" / "management.h"
SITE = "ftp.example.com"
SANITIZERS = ["-fsanitize=address,undefined"] if SANITIZED else []


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    # With pytest-xdist several workers may install at once; meson keeps a log in the build folder, so one after the other.
    subprocess.run(["flock", BUILD / "install-test.lock", "meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", root],
                   check=True, capture_output=True)
    pc = next(root.rglob("sallyport.pc"))
    environment = dict(os.environ, PKG_CONFIG_PATH=str(pc.parent), PKG_CONFIG_SYSROOT_DIR=str(root))
    return pc.parent.parent, environment


def flags(installed, *arguments):
    words = subprocess.run(["pkg-config", *arguments, "sallyport"], env=installed[1], check=True, text=True,
                           capture_output=True).stdout.split()
    return [w for w in words if "sysroot" not in w]


def compile_program(installed, source, target, static=False, compiler="cc", standard="-std=c11"):
    libdir = installed[0]
    cflags = flags(installed, "--cflags")
    assert any(w.startswith("-I") and str(libdir.parent.parent) in w for w in cflags) or "/usr/include" in libdir.as_posix()
    if static:
        libraries = ["-Wl,-Bstatic", *flags(installed, "--libs"), "-Wl,-Bdynamic"] + \
            subprocess.run(["pkg-config", "--libs", "libxml-2.0", "libcrypto"], check=True, text=True, capture_output=True).stdout.split()
    else:
        libraries = flags(installed, "--libs") + [f"-Wl,-rpath,{libdir}"]
    subprocess.run([compiler, standard, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wno-unused-result", *SANITIZERS,
                    "-D_GNU_SOURCE", *cflags, str(source), *libraries, "-o", str(target)], check=True)
    linked = subprocess.run(["readelf", "-d", target], check=True, text=True, capture_output=True).stdout
    assert ("libsallyport.so.0" in linked) != static
    return target


def attributes(instance, element):
    """Of the first such element in applicationHost.config, as written."""
    text = (instance.dir / "applicationHost.config").read_text()
    found = re.search(rf"<{element}\b([^>]*?)/?>", text)
    return dict(re.findall(r'(\w+)="([^"]*)"', found.group(1))) if found else None


def run(program, instance, *arguments, check=True):
    done = subprocess.run([program, instance.dir, *arguments], text=True, capture_output=True, timeout=PATIENCE)
    assert not check or done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("static", [False, True], ids=["shared", "static"])
@pytest.mark.parametrize("source", ["client_cert_authentication", "client_cert_authentication_admin_manager"])
def test_client_certificates_instead_of_passwords(instance, installed, tmp_path, source, static):
    program = compile_program(installed, EXAMPLES / f"{source}.c", tmp_path / source, static)
    site = instance.add_site(SITE, tls="SslAllow", users={"anna": "secret"})
    site.anonymous = True
    site.rules.append('<add accessType="Allow" users="?" permissions="Read" />')
    instance.start()
    with instance.client(site) as client:
        client.login("anonymous", "x@example.com")
    before = (instance.dir / "applicationHost.config").read_text()
    run(program, instance)
    assert attributes(instance, "anonymousAuthentication")["enabled"] == "false"
    assert attributes(instance, "basicAuthentication")["enabled"] == "false"
    assert attributes(instance, "clientCertAuthentication")["enabled"] == "true"
    after = (instance.dir / "applicationHost.config").read_text()
    assert len(set(after.splitlines()) - set(before.splitlines())) <= 3  # nothing else moved
    assert "ok" in instance.check().stdout.lower() or instance.check().returncode == 0

    def refused():
        with instance.client(site) as client:
            return client.cmd("USER anonymous")[:1] == "5" or client.cmd("PASS x@example.com")[:3] == "530"
    assert instance.wait(refused), "the service did not take the change"


@pytest.mark.parametrize("static", [False, True], ids=["shared", "static"])
@pytest.mark.parametrize("source", ["ssl_client_certificates", "ssl_client_certificates_admin_manager"])
def test_client_certificates_are_demanded(instance, installed, tmp_path, source, static):
    program = compile_program(installed, EXAMPLES / f"{source}.c", tmp_path / source, static)
    site = instance.add_site(SITE, tls="SslRequire", users={"anna": "secret"})
    site.authentication = '<clientCertAuthentication enabled="true" />'
    instance.start()
    with instance.client(site) as client:
        client.auth_tls()
        client.login()
    run(program, instance)
    written = attributes(instance, "sslClientCertificates")
    assert (written["clientCertificatePolicy"], written["useActiveDirectoryMapping"]) == ("CertRequire", "true")
    if "admin_manager" in source:
        assert written["validationFlags"] == "CertChainRevocationCheckCacheOnly, CertChainCacheOnlyUrlRetrieval"
        assert (written["revocationFreshnessTime"], written["revocationUrlRetrievalTimeout"]) == ("01:00:00", "00:00:30")
    assert instance.check().returncode == 0

    def demanded():
        with instance.client(site) as client:
            client.auth_tls()
            return "534" in (client.cmd("USER anna") + client.cmd("PASS secret"))
    assert instance.wait(demanded), "the service did not take the change"


def test_example_says_what_is_wrong(instance, installed, tmp_path):
    program = compile_program(installed, EXAMPLES / "client_cert_authentication.c", tmp_path / "program")
    instance.add_site("other")
    instance.write()
    done = run(program, instance, check=False)
    assert done.returncode == 1 and "There is no such item in 'sites'" in done.stderr
    path = instance.dir / "applicationHost.config"
    path.write_text(path.read_text().replace('protocol="ftp"', 'protocol="ftp" colour="red"'))
    done = run(program, instance, check=False)
    line = next(i for i, text in enumerate(path.read_text().splitlines(), 1) if "colour" in text)
    assert f"applicationHost.config:{line}:" in done.stderr and "Unrecognized attribute 'colour'" in done.stderr


METHODS = r"""
#include <sallyport/management.h>
#include <cstdio>
#include <cstring>
#include <string>

/* C++: Start, Stop and FlushLog of a site, and its state. */
int main(int, char **argv)
{
    sp_manager *manager = nullptr;
    sp_error error{};
    if (sp_manager_open(argv[1], &manager, &error))
        return 2;
    sp_element *ftp = sp_element_child(
        sp_collection_find_by(sp_manager_section(manager, "system.applicationHost/sites", nullptr), "name", argv[2]), "ftpServer");
    for (int i = 3; argv[i]; i++) {
        int status = sp_element_invoke(ftp, argv[i]);
        std::printf("%s %s %s\n", argv[i], sp_status_name(status), sp_element_get_text(ftp, "state"));
    }
    sp_manager_free(manager);
    return 0;
}
"""


def test_methods_from_cplusplus(instance, installed, tmp_path):
    source = tmp_path / "methods.cc"
    source.write_text(METHODS)
    program = compile_program(installed, source, tmp_path / "methods", compiler="c++", standard="-std=c++17")
    site = instance.add_site(SITE, users={"anna": "secret"})
    instance.start()
    assert run(program, instance, SITE, "Stop", "Start", "FlushLog", "Explode").stdout.splitlines() == [
        "Stop SP_OK Stopped", "Start SP_OK Started", "FlushLog SP_OK Started", "Explode SP_ERR_NOT_FOUND Started"]
    with instance.client(site) as client:
        client.login()
    instance.stop()
    assert run(program, instance, SITE, "Start").stdout == "Start SP_ERR_NOT_RUNNING Stopped\n"


def declared():
    return set(re.findall(r"\b(sp_[a-z_]+)\(", re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.S)))


def test_only_the_header_is_exported(installed):
    libdir = installed[0]
    shared = subprocess.run(["nm", "-D", "--defined-only", libdir / "libsallyport.so"], check=True, text=True, capture_output=True)
    names = {line.split()[-1] for line in shared.stdout.splitlines()}
    if not SANITIZED:
        assert {n.split("@")[0] for n in names} - {"SALLYPORT_0"} == declared()
        assert all(n.endswith("@@SALLYPORT_0") for n in names if n.startswith("sp_"))
    archive = subprocess.run(["nm", "-g", "--defined-only", libdir / "libsallyport.a"], check=True, text=True, capture_output=True)
    names = {line.split()[-1] for line in archive.stdout.splitlines() if len(line.split()) == 3}
    assert {n for n in names if not n.startswith("__asan")} == declared()


def test_library_links_what_it_says(installed):
    needed = subprocess.run(["readelf", "-d", installed[0] / "libsallyport.so"], check=True, text=True, capture_output=True).stdout
    libraries = set(re.findall(r"NEEDED.*\[(.*?)\]", needed))
    if not SANITIZED:
        assert libraries == {"libxml2.so.2", "libcrypto.so.3", "libc.so.6"}
    assert "[libsallyport.so.0]" in needed
    assert shutil.which("pkg-config") and flags(installed, "--modversion")
