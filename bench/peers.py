"""The servers that are measured: each knows how to write its configuration and its command line.

Debian's FTP servers exclude one another as packages, so they are unpacked into a folder instead of installed; the libraries they need are
installed.  Every server serves the same tmpfs folder with sendfile on and look-ups off, in its best configuration known to us.
"""
import crypt
import hashlib
import os
import pwd
import subprocess
import sys

USER, PASSWORD = "bench", "bench"
ACCOUNTS = [USER, *(f"{USER}{i}" for i in range(100))]  # all with the same password
LIBRARIES = "libwrap0 libhiredis0.14 libmemcached11 libmemcachedutil2 libpcre2-posix3 python3-pyftpdlib python3-openssl"
PACKAGES = "vsftpd proftpd-core proftpd-mod-crypto pure-ftpd"


def fetch(folder):
    """Unpack the peers into `folder` once."""
    if (folder / "done").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run("apt-get update -q && apt-get install -y -q --no-install-recommends " + LIBRARIES, shell=True, check=True,
                   stdout=sys.stderr, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    subprocess.run(f"apt-get download -q {PACKAGES} && for package in *.deb; do dpkg -x $package .; done", shell=True, check=True, cwd=folder,
                   stdout=sys.stderr, stderr=subprocess.DEVNULL)
    (folder / "done").touch()


def cheap_hash():
    """The fewest rounds there are: hashing is not what is compared."""
    return crypt.crypt(PASSWORD, crypt.mksalt(crypt.METHOD_SHA256, rounds=1000))


class Server:
    """One server: `certificate` is a PEM file with key.  `login` is what the load generator says."""
    name = "?"
    login = (USER, PASSWORD)
    has_accounts = True
    warm_up = ()          # loads before anything is measured
    asks_for_certificates = False  # whether it can check the certificates of clients
    partners = None                # set by the runner when some workload needs them

    def __init__(self, place, files, peers, port, certificate, authority=None):
        """`authority`: clients must show a certificate from this CA."""
        self.place, self.files, self.peers, self.port, self.certificate = place, files, peers, port, certificate
        self.authority = authority
        place.mkdir(parents=True)
        self.prepare()

    def write(self, name, text, mode=0o644):
        path = self.place / name
        path.write_text(text)
        path.chmod(mode)
        return path


class Vsftpd(Server):
    name, login, has_accounts = "vsftpd", ("ftp", "bench@"), False
    asks_for_certificates = True

    def prepare(self):
        asks = f"require_cert=YES\nvalidate_cert=YES\nca_certs_file={self.authority}\n" if self.authority else ""
        self.config = self.write("vsftpd.conf", f"""
listen=YES
listen_address=127.0.0.1
listen_port={self.port}
background=NO
anonymous_enable=YES
local_enable=NO
write_enable=YES
anon_upload_enable=YES
anon_mkdir_write_enable=YES
ascii_download_enable=YES
ascii_upload_enable=YES
anon_other_write_enable=YES
anon_umask=022
anon_root={self.files}
ftp_username=bin
no_anon_password=NO
allow_anon_ssl=YES
ssl_enable=YES
force_anon_data_ssl=NO
force_anon_logins_ssl=NO
require_ssl_reuse=NO
ssl_ciphers=HIGH
rsa_cert_file={self.certificate}
rsa_private_key_file={self.certificate}
ssl_tlsv1=YES
use_sendfile=YES
max_per_ip=0
max_clients=0
secure_chroot_dir={self.place}
seccomp_sandbox=NO
pasv_min_port=30000
pasv_max_port=32767
xferlog_enable=NO
allow_writeable_chroot=YES
{asks}""")
        self.command = [self.peers / "usr/sbin/vsftpd", self.config]
        self.place.chmod(0o755)


class ProFtpd(Server):
    name = "ProFTPD"
    asks_for_certificates = True

    def prepare(self):
        nobody = pwd.getpwnam("nobody")
        hashed = cheap_hash()
        self.write("passwd", "".join(f"{user}:{hashed}:{nobody.pw_uid}:{nobody.pw_gid}::{self.files}:/bin/false\n" for user in ACCOUNTS), 0o600)
        modules = self.peers / "usr/lib/proftpd"
        asks = f"TLSCACertificateFile {self.authority}\nTLSVerifyClient on\n" if self.authority else ""
        key = "RSA" if self.certificate.name.startswith("rsa") else "EC"
        self.config = self.write("proftpd.conf", f"""
ModulePath {modules}
LoadModule mod_tls.c
ServerType standalone
DefaultAddress 127.0.0.1
SocketBindTight on
Port {self.port}
User nobody
Group nogroup
UseReverseDNS off
UseSendfile on
RequireValidShell off
AuthPAM off
AuthOrder mod_auth_file.c
AuthUserFile {self.place}/passwd
DefaultRoot {self.files}
AllowOverwrite on
AllowStoreRestart on
PassivePorts 32768 35000
MaxInstances 20000
DelayEngine off
WtmpLog off
TransferLog none
SystemLog {self.place}/system.log
PidFile {self.place}/pid
ScoreboardFile {self.place}/scoreboard
<IfModule mod_tls.c>
TLSEngine on
TLSProtocol TLSv1.2 TLSv1.3
TLS{key}CertificateFile {self.certificate}
TLS{key}CertificateKeyFile {self.certificate}
TLSRequired off
TLSOptions NoSessionReuseRequired
{asks}</IfModule>
""")
        self.command = [self.peers / "usr/sbin/proftpd", "-n", "-q", "-c", self.config]


class PureFtpd(Server):
    name = "Pure-FTPd"

    def prepare(self):
        nobody = pwd.getpwnam("nobody")
        hashed = cheap_hash()
        passwd = self.write("passwd", "".join(f"{user}:{hashed}:{nobody.pw_uid}:{nobody.pw_gid}::{self.files}/./::::::::::::\n" for user in ACCOUNTS), 0o600)
        subprocess.run([self.peers / "usr/bin/pure-pw", "mkdb", self.place / "users.pdb", "-f", passwd], check=True, capture_output=True)
        self.command = [self.peers / "usr/sbin/pure-ftpd", "-S", f"127.0.0.1,{self.port}", "-l", f"puredb:{self.place}/users.pdb", "-H", "-Y", "1",
                        "-2", self.certificate, "-c", "20000", "-C", "20000", "-p", "35001:37000", "-L", "2000000:8", "-I", "60", "-u", "1", "-E"]


PYFTPD = """
import sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_FTPHandler
from pyftpdlib.servers import FTPServer
import logging
logging.basicConfig(level=logging.CRITICAL)
root, port, certificate, password, *accounts = sys.argv[1:]
authorizer = DummyAuthorizer()
for account in accounts:
    authorizer.add_user(account, password, root, perm="elradfmwMT")
handler = TLS_FTPHandler
handler.certfile = certificate
handler.authorizer = authorizer
handler.use_sendfile = True
handler.passive_ports = range(37001, 39000)
handler.timeout = 3600
server = FTPServer(("127.0.0.1", int(port)), handler, backlog=1000)
server.max_cons = 20000
server.max_cons_per_ip = 0
server.serve_forever(handle_exit=True)
"""


class PyFtpd(Server):
    name = "pyftpdlib"

    def prepare(self):
        script = self.write("server.py", PYFTPD)
        self.command = ["/usr/bin/python3", script, str(self.files), str(self.port), str(self.certificate), PASSWORD, *ACCOUNTS]


class Floor(Server):
    """The smallest epoll server that answers the dialogue: no policy, no logs, one process.  A limit, not a peer."""
    name = "floor"
    program = None  # set by the runner, which compiles it

    def prepare(self):
        self.command = [self.program, str(self.port), str(self.files), str(self.certificate)]


class Sallyport(Server):
    name = "Sallyport"
    build = None  # set by the runner
    # The first login of an account stores its password's hash in a newer form, and the configuration is read again.
    warm_up = ("--workload login --operations 1", f"--workload login --accounts {len(ACCOUNTS) - 1} --operations {len(ACCOUNTS) - 1}") * 2
    asks_for_certificates = True

    def mapping(self):
        """Certificates alone, as the sample of the page "FTP Client Certificate Authentication" has it; revocation is checked."""
        store = self.place / "certificates/Root"
        store.mkdir(parents=True)
        (store / "partners.pem").write_text(self.authority.read_text())
        return ('<sslClientCertificates clientCertificatePolicy="CertRequire" useActiveDirectoryMapping="true" '
                'revocationUrlRetrievalTimeout="00:00:30" />',
                '<clientCertAuthentication enabled="true" />',
                f'<sites><site name="Bench"><iisClientCertificateMappingAuthentication enabled="true"><manyToOneMappings><add name="all" '
                f'userName="{USER}"><rules><add certificateField="Subject" certificateSubField="CN" matchCriteria="*" /></rules></add>'
                '</manyToOneMappings></iisClientCertificateMappingAuthentication></site></sites>')

    def prepare(self):
        sections = "".join(f'<section name="{name}" overrideModeDefault="Deny" />' for name in
                           ("log", "firewallSupport", "caching", "providerDefinitions", "serverRuntime"))
        self.place.chmod(0o755)
        store = self.place / "certificates/MY"
        store.mkdir(parents=True)
        pem = store / "bench.pem"
        pem.touch(mode=0o600)
        pem.write_text(self.certificate.read_text())
        asks, enabled, mapped = self.mapping() if self.authority else ("", "", "")
        thumbprint = subprocess.run(["openssl", "x509", "-in", self.certificate, "-noout", "-fingerprint", "-sha1"], check=True, capture_output=True,
                                    text=True).stdout.split("=")[1].strip().replace(":", "")
        self.write("applicationHost.config", f"""<configuration>
    <configSections>
        <sectionGroup name="system.applicationHost"><section name="sites" overrideModeDefault="Deny" /></sectionGroup>
        <sectionGroup name="system.ftpServer">{sections}
            <sectionGroup name="security"><section name="authorization" overrideModeDefault="Deny" /></sectionGroup>
        </sectionGroup>
    </configSections>
    <system.applicationHost><sites><site name="Bench" id="1">
        <application path="/"><virtualDirectory path="/" physicalPath="{self.files}" /></application>
        <bindings><binding protocol="ftp" bindingInformation="127.0.0.1:{self.port}:" /></bindings>
        <ftpServer>
            <connections controlChannelTimeout="3600" serverListenBacklog="1000" minBytesPerSecond="0" />
            <security>
                <ssl serverCertHash="{thumbprint}" controlChannelPolicy="SslAllow" dataChannelPolicy="SslAllow" />
                <authentication><customAuthentication><providers><add name="IisManagerAuth" /></providers></customAuthentication>{enabled}</authentication>
                {asks}
            </security>
            <logFile enabled="{str(self.logs).lower()}" />
        </ftpServer>
    </site></sites></system.applicationHost>
    <system.ftpServer>
        <firewallSupport lowDataChannelPort="39001" highDataChannelPort="42000" />
        <providerDefinitions><add name="IisManagerAuth" type="Microsoft.Web.FtpServer.Security.IisManagerAuthenticationProvider" /></providerDefinitions>
        <security><authorization><add accessType="Allow" users="*" permissions="Read, Write" /></authorization></security>
    </system.ftpServer>
</configuration>
""")
        password = hashlib.sha256(PASSWORD.encode()).hexdigest().upper()
        credentials = "".join(f'<add name="{user}" password="{password}" />' for user in ACCOUNTS)
        admitted = "".join(f'<add name="{user}" />' for user in ACCOUNTS)
        self.write("administration.config", f"""<configuration>
    <configSections><sectionGroup name="system.webServer"><sectionGroup name="management">
        <section name="authentication" /><section name="authorization" /></sectionGroup></sectionGroup></configSections>
    <system.webServer><management>
        <authentication><credentials>{credentials}</credentials></authentication>
        <authorization><authorizationRules><scope path="/Bench">{admitted}</scope></authorizationRules></authorization>
    </management></system.webServer>
</configuration>
""")
        self.write("sallyport.config", f"""<configuration><sallyport>
    <paths><drives><add drive="C:" path="{self.place}/c" /></drives></paths>
    <managementService requiresWindowsCredentials="false" />
    {mapped}
</sallyport></configuration>
""")
        self.command = [self.build / "sallyportd", "--config", self.place]

    logs = True  # the peers write none; ours are on, as they are by default
