"""What the end-to-end tests share: making an instance, starting it, and raw FTP and TLS conversations with it.

The configuration is written here as XML, the way an administrator's file looks, so that these tests do not lean on the
command line (which has its own).  Nothing sleeps for luck: waiting is always for a line, a reply or a process, bounded.
"""
import contextlib
import errno
import hashlib
import os
import pathlib
import random
import re
import select
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import time
from xml.sax.saxutils import quoteattr

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("SALLYPORT_BUILD", ROOT / "build"))
SANITIZED = "sanitized" in BUILD.name
PATIENCE = 120 if SANITIZED else 60  # seconds; a bound for broken code, never a wait for working code
TEST_LIMIT = 10 * PATIENCE          # of one test, for what hangs in spite of that
CONTROL_REQUEST, CONTROL_RELOAD, CONTROL_DONE = 1, 9, 6  # src/proto/control.h

CONFIG_SECTIONS = """\
    <configSections>
        <sectionGroup name="system.applicationHost">
            <section name="sites" allowDefinition="AppHostOnly" overrideModeDefault="Deny" />
        </sectionGroup>
        <sectionGroup name="system.ftpServer">
            <section name="log" overrideModeDefault="Deny" allowDefinition="AppHostOnly" />
            <section name="firewallSupport" overrideModeDefault="Deny" allowDefinition="AppHostOnly" />
            <section name="caching" overrideModeDefault="Deny" allowDefinition="AppHostOnly" />
            <section name="providerDefinitions" overrideModeDefault="Deny" />
            <section name="serverRuntime" overrideModeDefault="Deny" allowDefinition="AppHostOnly" />
            <sectionGroup name="security">
                <section name="ipSecurity" overrideModeDefault="Deny" />
                <section name="requestFiltering" overrideModeDefault="Deny" />
                <section name="authorization" overrideModeDefault="Deny" />
                <section name="authentication" overrideModeDefault="Deny" />
            </sectionGroup>
        </sectionGroup>
    </configSections>
"""
PROVIDERS = """\
        <providerDefinitions>
            <add name="IisManagerAuth" type="Microsoft.Web.FtpServer.Security.IisManagerAuthenticationProvider, Microsoft.Web.FtpServer, version=7.5.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35" />
            <add name="AspNetAuth" type="Microsoft.Web.FtpServer.Security.AspNetFtpMembershipProvider, Microsoft.Web.FtpServer, version=7.5.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35" />
        </providerDefinitions>
"""


def port_space():
    """Ports that neither the kernel gives to those who ask for any (connections, bind to port 0) nor the service takes for
    passive data channels by default (from 49152): nobody comes upon one of them by chance."""
    low, high = map(int, pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    left = [port for port in range(10000, 49152) if not low <= port <= high]
    return left if len(left) > 2000 else list(range(10000, 49152))


class PortBlock:
    """Ports of this process alone, however many test runs the machine has: the block's name is bound as an abstract local
    socket, which the kernel gives to one and takes back when the process ends."""
    SIZE = 64

    def __init__(self):
        space = port_space()
        starts = [space[i] for i in range(0, len(space) - self.SIZE, self.SIZE) if space[i + self.SIZE - 1] == space[i] + self.SIZE - 1]
        random.SystemRandom().shuffle(starts)
        for start in starts:
            self.name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                self.name.bind(f"\0sallyport-test-ports-{start}")
            except OSError:
                self.name.close()
                continue
            self.left = list(range(start, start + self.SIZE))
            return
        raise AssertionError("every port is taken")


def is_unused(port):
    """Whether nobody has the port now, at any address."""
    for family, host in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        try:
            probe = socket.socket(family)
        except OSError:
            continue                       # a machine without IPv6
        with probe:
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:
                    return False
    return True


blocks = []


def free_ports(count):
    """`count` ports in a row that nobody has and nobody else will get."""
    while True:
        if not blocks or len(blocks[-1].left) < count:
            blocks.append(PortBlock())
        ports, blocks[-1].left = blocks[-1].left[:count], blocks[-1].left[count:]
        if all(map(is_unused, ports)):
            return ports


def free_port():
    return free_ports(1)[0]


def is_alive(pid):
    """Whether there is such a process, and not only what its parent has not buried."""
    try:
        return re.search(r"\) (.)", pathlib.Path(f"/proc/{pid}/stat").read_text())[1] not in "ZX"
    except OSError:
        return False


def iis_hash(password):
    """IIS Manager's stored password: SHA-256, upper-case hex."""
    return hashlib.sha256(password.encode()).hexdigest().upper()


class Site:
    """One <site> and what belongs to it; `extra` is XML inside <ftpServer>, `security` inside <ftpServer><security>."""

    def __init__(self, number, name, folder):
        self.id, self.name, self.folder = number, name, folder
        self.bindings, self.users, self.rules, self.locations = [], {}, [], []
        self.control_policy = self.data_policy = "SslAllow"
        self.certificate = None
        self.anonymous = self.basic = False
        self.more_providers = ""
        self.providers = True  # IIS Manager users may log in with their password
        self.anonymous_more = self.basic_more = ""  # attributes
        self.authentication = self.extra = self.security = self.attributes = self.virtual_directories = self.settings = self.elements = ""

    def xml(self):
        bindings = "".join(f'<binding protocol="ftp" bindingInformation={quoteattr(b)} />' for b in self.bindings)
        providers = '<add name="IisManagerAuth" enabled="true" />' if self.users and self.providers else ""
        certificate = f'serverCertHash="{self.certificate}"' if self.certificate else ""
        return f"""\
            <site name={quoteattr(self.name)} id="{self.id}">
                <application path="/">
                    <virtualDirectory path="/" physicalPath="{self.folder}" />
                    {self.virtual_directories}
                </application>
                <bindings>{bindings}</bindings>
                <ftpServer {self.attributes}>
                    <security>
                        <ssl {certificate} controlChannelPolicy="{self.control_policy}" dataChannelPolicy="{self.data_policy}" />
                        <authentication>
                            <anonymousAuthentication enabled="{str(self.anonymous).lower()}" {self.anonymous_more} />
                            <basicAuthentication enabled="{str(self.basic).lower()}" {self.basic_more} />
                            <customAuthentication><providers>{providers}{self.more_providers}</providers></customAuthentication>
                            {self.authentication}
                        </authentication>
                        {self.security}
                    </security>
                    {self.extra}
                </ftpServer>
            </site>
"""


class Instance:
    """A configuration directory, the files its sites serve, and the running service."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="sallyport-"))
        self.dir.chmod(0o755)
        self.drive = self.dir / "c"
        (self.drive / "inetpub").mkdir(parents=True)
        self.sites, self.process, self.output = [], None, ""
        self.server_xml = ""      # inside <system.ftpServer>
        self.sallyport_xml = ""   # inside <sallyport>
        self.requires_windows_credentials = False
        self.user = None          # run as this uid when the tests run as root
        self.environment = {}
        self.program = None       # instead of programs() / "sallyportd"
        self.prefix = []          # words before it

    # ---- configuration ----
    def add_site(self, name, tls=None, users=None, host="127.0.0.1", port=None, write=True):
        folder = self.drive / "inetpub" / name.replace(" ", "")
        folder.mkdir()
        site = Site(len(self.sites) + 1, name, rf"%SystemDrive%\inetpub\{folder.name}")
        site.path, site.host, site.port = folder, host, port or free_port()
        site.bindings.append(f"{'[' + host + ']' if ':' in host else host}:{site.port}:")
        site.users = users or {}
        permissions = "Read, Write" if write else "Read"
        site.rules = [f'<add accessType="Allow" users={quoteattr(user)} permissions="{permissions}" />'
                      for user in site.users]
        if tls:
            site.control_policy = tls
            site.data_policy = "SslRequire" if tls == "SslRequire" else "SslAllow"
            site.certificate = self.make_certificate()
        self.sites.append(site)
        return site

    def make_certificate(self, name="localhost", key="ec", store="MY", days=365):
        """A self-signed certificate in the store; returns its thumbprint."""
        folder = self.dir / "certificates" / store
        folder.mkdir(parents=True, exist_ok=True)
        kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if key == "ec" else ["-newkey", "rsa:2048"]
        pem = folder / f"{name}-{len(list(folder.iterdir()))}.pem"
        with tempfile.TemporaryDirectory() as scratch:
            out, secret = pathlib.Path(scratch, "cert"), pathlib.Path(scratch, "key")
            subprocess.run(["openssl", "req", "-x509", *kind, "-nodes", "-keyout", secret, "-out", out, "-days", str(days),
                            "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1"],
                           check=True, capture_output=True)
            text = out.read_text()
            pem.touch(mode=0o600)
            pem.write_text(text + secret.read_text())
        return hashlib.sha1(ssl.PEM_cert_to_DER_cert(text)).hexdigest().upper()

    def write(self):
        """Write the three files from what the tests set."""
        locations = "".join(
            f'    <location path={quoteattr(site.name)}>\n        <system.ftpServer><security><authorization>'
            f'{"".join(site.rules)}</authorization></security></system.ftpServer>\n    </location>\n' + "".join(site.locations)
            for site in self.sites)
        self.put("applicationHost.config", f"""\
<?xml version="1.0" encoding="UTF-8"?>
<configuration>
{CONFIG_SECTIONS}
    <system.applicationHost>
        <sites>
{"".join(site.xml() for site in self.sites)}        </sites>
    </system.applicationHost>
    <system.ftpServer>
{PROVIDERS}{self.server_xml}
    </system.ftpServer>
{locations}</configuration>
""")
        users = {user: password for site in self.sites for user, password in site.users.items()}
        credentials = "".join(f'<add name={quoteattr(user)} password="{self.stored(password)}" />'
                              for user, password in users.items())
        scopes = "".join(f'<scope path={quoteattr("/" + site.name)}>' +
                         "".join(f"<add name={quoteattr(user)} />" for user in site.users) + "</scope>"
                         for site in self.sites if site.users)
        self.put("administration.config", f"""\
<?xml version="1.0" encoding="UTF-8"?>
<configuration>
    <configSections>
        <sectionGroup name="system.webServer"><sectionGroup name="management">
            <section name="authentication" overrideModeDefault="Deny" />
            <section name="authorization" overrideModeDefault="Deny" />
            <section name="trustedProviders" overrideModeDefault="Deny" />
        </sectionGroup></sectionGroup>
    </configSections>
    <system.webServer>
        <management>
            <authentication defaultProvider="ConfigurationAuthenticationProvider">
                <credentials>{credentials}</credentials>
            </authentication>
            <authorization defaultProvider="ConfigurationAuthorizationProvider">
                <authorizationRules>{scopes}</authorizationRules>
            </authorization>
        </management>
    </system.webServer>
</configuration>
""")
        site_settings = "".join(f"<site name={quoteattr(site.name)} {site.settings}>{site.elements}</site>"
                                for site in self.sites if site.settings or site.elements)
        self.put("sallyport.config", f"""\
<?xml version="1.0" encoding="UTF-8"?>
<configuration>
    <sallyport>
        <paths><drives><add drive="C:" path={quoteattr(str(self.drive))} /></drives></paths>
        <managementService requiresWindowsCredentials="{str(self.requires_windows_credentials).lower()}" />
        <sites>{site_settings}</sites>
        {self.sallyport_xml}
    </sallyport>
</configuration>
""")

    def stored(self, password):
        return password[5:] if password.startswith("HASH:") else iis_hash(password)

    def put(self, name, text):
        path = self.dir / (name + ".new")
        path.write_text(text)
        path.chmod(0o640)
        self.own(path)
        path.rename(self.dir / name)

    def own(self, path):
        if self.user is not None:
            os.chown(path, self.user, self.user)

    # ---- the running service ----
    def start(self, expect_ready=True):
        self.write()
        self.give_files()
        self.launch()
        if expect_ready and not self.wait_line("sallyportd: ready"):
            raise AssertionError("the service did not get ready:\n" + self.output)

    def give_files(self):
        """The sites' files belong to the account that serves them."""
        owner = self.user
        if os.getuid() == 0 and owner is None:
            import pwd
            names = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
            owner = names.get("sallyport", names.get("nobody"))
        if owner is None or os.getuid() != 0:
            return
        for site in self.sites:
            for path in [site.path, *site.path.rglob("*")]:
                os.chown(path, owner, owner, follow_symlinks=False)
        if self.user is not None:
            for path in [self.dir, *self.dir.rglob("*")]:
                os.chown(path, owner, owner, follow_symlinks=False)

    def programs(self):
        """The folder of sallyportd.  Another user may not reach a checkout below /root: he gets copies."""
        if self.user is None or os.getuid() != 0:
            return BUILD
        folder = self.dir / "programs"
        if not folder.exists():
            folder.mkdir()
            for program in [BUILD / "sallyportd", *BUILD.glob("src/*/sallyport-*")]:
                if program.is_file():
                    shutil.copy(program, folder / program.name)
        return folder

    def launch(self):
        command = [*self.prefix, self.program or self.programs() / "sallyportd", "--config", self.dir]
        if self.user is not None:
            command = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups", *command]
        self.output = ""
        self.process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        stdin=subprocess.DEVNULL, env={**os.environ, **self.environment})
        os.set_blocking(self.process.stdout.fileno(), False)

    def drain_output(self):
        with contextlib.suppress(BlockingIOError, TypeError):
            while chunk := self.process.stdout.read(65536):
                self.output += chunk.decode(errors="replace")

    def wait_line(self, text, seconds=PATIENCE):
        """Until the service's output holds `text`; False when it ended or time is up."""
        return self.wait(lambda: text in self.output, seconds)

    def wait(self, condition, seconds=PATIENCE):
        deadline = time.monotonic() + seconds
        while True:
            self.drain_output()
            if condition():
                return True
            if self.process.poll() is not None:
                self.drain_output()
                return bool(condition())
            if time.monotonic() > deadline:
                return False
            select.select([self.process.stdout], [], [], 0.05)

    def reload(self):
        """Write the files again and wait until they are in force."""
        self.write()
        self.take_over()

    def take_over(self):
        """Have the files read now; returns when every program works by them.  A message "reloaded" in the output may be that
        of a run which began before the files were written: passwords that are stored anew at a login are a reload, too."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
            control.settimeout(PATIENCE)
            control.connect(str(self.dir / "run/control"))
            control.send(struct.pack("<HBI", CONTROL_REQUEST, CONTROL_RELOAD, 0))
            told = []
            while not told or told[-1][:2] != struct.pack("<H", CONTROL_DONE):
                told.append(control.recv(65536))
                assert told[-1], self.output
        self.drain_output()
        assert told[-1][2] == 0, (told, self.output)

    def stop(self, how=signal.SIGTERM):
        """End the service; returns its exit status."""
        if self.process is None:
            return None
        orphans = self.children() if how == signal.SIGKILL else {}
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("the service did not stop:\n" + self.output) from None
        deadline = time.monotonic() + PATIENCE
        while any(map(is_alive, orphans)):  # they end by themselves, and hold the ports until then
            assert time.monotonic() < deadline, orphans
            time.sleep(0.01)
        self.drain_output()
        status, self.process = self.process.returncode, None
        return status

    def programs_running(self):
        """{pid: program name} of what runs as long as the service does: without loaders, which come and go, and without
        what has just been forked."""
        return {pid: name for pid, name in self.children().items() if name not in ("sallyport-loader", "sallyportd")}

    def children(self):
        """{pid: program name} of the service's processes."""
        found = {}
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                text = stat.read_text()
                name, rest = text[text.index("(") + 1:text.rindex(")")], text[text.rindex(")") + 2:].split()
                if int(rest[1]) == self.process.pid and rest[0] != "Z":
                    exe = os.path.basename(os.readlink(stat.parent / "exe"))
                    found[int(stat.parent.name)] = exe or name
        return found

    def close(self):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)
        for report in ("AddressSanitizer", "runtime error:", "LeakSanitizer", "refused system call"):
            assert report not in self.output, self.output

    def cli(self, *arguments, stdin="", check=True):
        """Run build/sallyport on this instance; returns its standard output."""
        done = subprocess.run([str(BUILD / "sallyport"), "--config", str(self.dir), *arguments], input=stdin, text=True,
                              capture_output=True, timeout=PATIENCE)
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout if check else done

    def check(self):
        return subprocess.run([str(BUILD / "sallyportd"), "--config", str(self.dir), "--check"], text=True,
                              capture_output=True, timeout=PATIENCE)

    def log_lines(self, site=None, central=False):
        """The W3C lines written so far, after a flush, as dictionaries by field name."""
        self.cli("flush", "log")
        site = site or self.sites[0]
        folder = self.drive / "inetpub/logs/LogFiles" / ("FTPSVC" if central else f"FTPSVC{site.id}")
        lines, names = [], []
        for path in sorted(folder.glob("*.log")):
            for line in path.read_text(encoding="utf-8").splitlines():
                if line.startswith("#Fields: "):
                    names = line.split()[1:]
                elif not line.startswith("#"):
                    values = line.split(" ")
                    assert len(values) == len(names), line
                    lines.append(dict(zip(names, values)))
        return lines

    def client(self, site=None, **options):
        try:
            return Client(site or self.sites[0], **options)
        except ConnectionRefusedError as error:
            error.add_note(self.output)  # why the site does not listen
            raise


def insecure_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Client:
    """A raw control connection: what is sent is what the test says, what comes back is compared as bytes."""

    def __init__(self, site, implicit=False, banner=True, timeout=PATIENCE, source=None):
        self.site, self.timeout = site, timeout
        self.source = (source, 0) if source else None  # another loopback address, say
        self.sock = socket.create_connection((site.host, site.port), timeout, self.source)
        self.buffer, self.context = b"", insecure_context()
        if implicit:
            self.sock = self.context.wrap_socket(self.sock, server_hostname="localhost")
        self.banner = self.reply() if banner else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def line(self):
        while b"\r\n" not in self.buffer:
            chunk = self.sock.recv(65536)
            if not chunk:
                raise EOFError(self.buffer)
            self.buffer += chunk
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        line = re.sub(rb"\xff[\xfc\xfe].", b"", line, flags=re.S)  # Telnet refusals: WONT, DONT (P13)
        return line.decode("utf-8", "surrogateescape")

    def reply(self):
        """One whole reply, lines joined by newline."""
        lines = [self.line()]
        code = lines[0][:3]
        assert re.match(r"\d{3}[ -]", lines[0]) or re.fullmatch(r"\d{3}", lines[0]), lines
        if lines[0][3:4] == "-":
            while not re.match(code + "( |$)", lines[-1]):
                lines.append(self.line())
        return "\n".join(lines)

    def reply_behind(self, telnet):
        """A reply that follows these Telnet bytes."""
        while len(self.buffer) < len(telnet):
            self.buffer += self.sock.recv(65536)
        assert self.buffer.startswith(telnet), self.buffer
        self.buffer = self.buffer[len(telnet):]
        return self.reply()

    def cmd(self, line, want=None):
        """Send a command; the reply must begin with `want` if given."""
        self.send(line + "\r\n")
        reply = self.reply()
        if want is not None:
            assert reply.startswith(str(want)), f"{line!r}: wanted {want!r}, got {reply!r}"
        return reply

    def login(self, user="anna", password="secret", want="230"):
        reply = self.cmd(f"USER {user}", "331")
        return self.cmd(f"PASS {password}", want) if reply else None

    def auth_tls(self):
        self.cmd("AUTH TLS", "234 AUTH command ok. Expecting TLS Negotiation.")
        self.sock = self.context.wrap_socket(self.sock, server_hostname="localhost")
        return self

    def protect(self):
        self.cmd("PBSZ 0", "200")
        self.cmd("PROT P", "200")
        return self

    def closed(self):
        """Whether the server closes now (bounded by the time-out)."""
        try:
            while chunk := self.sock.recv(65536):
                self.buffer += chunk
            return True
        except ConnectionResetError:
            return True
        except socket.timeout:
            return False

    def pasv(self):
        reply = self.cmd("PASV", "227 Entering Passive Mode (")
        numbers = [int(n) for n in re.search(r"\(([\d,]+)\)\.$", reply)[1].split(",")]
        return ".".join(map(str, numbers[:4])), numbers[4] * 256 + numbers[5]

    def epsv(self):
        reply = self.cmd("EPSV", "229 Entering Extended Passive Mode (|||")
        return self.site.host, int(re.search(r"\|\|\|(\d+)\|\)$", reply)[1])

    def data(self, command, upload=None, tls=False, want_end="226", extended=True):
        """Passive transfer; returns (first reply, bytes, last reply).  want_end=None: it may be refused."""
        address = self.epsv() if extended else self.pasv()
        with socket.create_connection(address, self.timeout, self.source) as data:
            self.send(command + "\r\n")
            first = self.reply()
            if first[0] != "1":
                assert want_end is None, f"{command!r}: {first}"
                return first, b"", first
            if tls:
                data = self.context.wrap_socket(data, server_hostname="localhost",
                                                session=self.sock.session if isinstance(self.sock, ssl.SSLSocket) else None)
            received = b""
            if upload is not None:
                try:
                    data.sendall(upload)
                except ConnectionError:
                    assert want_end is None  # the server has seen enough
                if tls:
                    data = data.unwrap()
                data.close()
            else:
                while chunk := data.recv(1 << 20):
                    received += chunk
                data.close()
        last = self.reply()
        if want_end is not None:
            assert last.startswith(want_end), last
        return first, received, last

    def put(self, name, content, **options):
        return self.data(f"STOR {name}", upload=content, **options)

    def get(self, name, **options):
        return self.data(f"RETR {name}", **options)[1]
