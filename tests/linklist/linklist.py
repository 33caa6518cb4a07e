"""linklist.py BUILD - the libraries each program may link, and no others (docs/architecture.md: each its own link list).

A library that appears here for a program is a decision about what that program can be made to do; the reason stands
beside it.  Libraries of the compiler and of the sanitizers are everybody's.
"""
import pathlib
import re
import subprocess
import sys

EVERYBODY = {"libc.so", "ld-linux-x86-64.so", "ld-linux-aarch64.so", "libgcc_s.so", "libm.so", "libasan.so", "libubsan.so"}
ALLOWED = {
    "sallyportd":         {"libevent_core-2.1.so"},                              # its loop; nothing that parses
    "sallyport-loader":   {"libseccomp.so", "libxml2.so", "libcrypto.so", "libssl.so"},  # XML, certificates
    "sallyport-worker":   {"libseccomp.so", "libevent_core-2.1.so", "libcrypto.so", "libssl.so"},  # loop, TLS
    "sallyport-broker":   {"libseccomp.so"},
    "sallyport-auth":     {"libseccomp.so", "libcrypto.so", "libcrypt.so", "libcurl.so",           # digests, chains; CRLs and OCSP
                           "libssl.so", "libldap-2.5.so", "liblber-2.5.so", "libldap.so", "liblber.so"},  # LDAP over TLS
    "sallyport-pam":      {"libseccomp.so", "libpam.so"},
    "sallyport-membership": {"libseccomp.so", "libodbc.so", "libcrypto.so"},  # the drivers are loaded by odbcinst.ini
    "sallyport-logger":   {"libseccomp.so"},
    "sallyport":          {"libxml2.so", "libcrypto.so", "libssl.so", "libcrypt.so", "libevent_core-2.1.so"},
}


def needed(path):
    out = subprocess.run(["readelf", "-d", str(path)], capture_output=True, text=True, check=True).stdout
    return {re.sub(r"\.so.*", ".so", name) for name in re.findall(r"\(NEEDED\).*\[(.*?)\]", out)}


def find(build, program):
    for path in [build / program, *build.glob(f"src/*/{program}")]:
        if path.is_file():
            return path
    return None


def main(build):
    failures = 0
    for program, allowed in ALLOWED.items():
        path = find(build, program)
        if not path:
            print(f"{program}: is not built")
            failures += 1
            continue
        linked = needed(path)
        if "libasan.so" in linked and program == "sallyport-pam":
            allowed = allowed | {"libcrypt.so"}  # src/pam/meson.build says why
        surplus = linked - allowed - EVERYBODY
        print(f"{program}: {'links ' + ', '.join(sorted(surplus)) if surplus else 'good'}")
        failures += bool(surplus)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
