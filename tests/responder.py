"""An HTTP server on loopback that publishes CRLs, issuers and OCSP answers, as well or as badly as a test wants."""
import base64
import contextlib
import http.server
import subprocess
import tempfile
import threading
import time
import urllib.parse


class Responder:
    """`manner` maps a path to "hang", "close", "drip", "trunc", "garbage", "redirect", a status, or, for /ocsp: "malformed",
    "internal", "trylater", "unauthorized" (error answers), "unknown", "foreign", "noeku", "stale", "nononce", "other"."""

    ERRORS = {name: bytes([0x30, 3, 0x0A, 1, number])
              for name, number in (("malformed", 1), ("internal", 2), ("trylater", 3), ("unauthorized", 6))}

    def __init__(self):
        self.files, self.manner, self.hits = {}, {}, []
        self.ocsp, self.gets = None, 0
        self.released = threading.Event()
        self.arrived = threading.Condition()
        responder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                if self.path.startswith("/ocsp/"):
                    request = base64.b64decode(urllib.parse.unquote(self.path[6:]), validate=True)
                    self.path = "/ocsp"
                    responder.gets += 1
                    responder.serve(self, responder.answer(request))
                    return
                responder.serve(self, responder.files.get(self.path))

            def do_POST(self):
                request = self.rfile.read(int(self.headers["Content-Length"]))
                responder.serve(self, responder.answer(request) if self.path == "/ocsp" else None)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=[0.05], daemon=True)
        self.thread.start()

    def serve(self, handler, body):
        manner = self.manner.get(handler.path, "")
        with self.arrived:
            self.hits.append(handler.path)
            self.arrived.notify_all()
        if manner == "hang":
            self.released.wait()
        if manner in ("hang", "close"):
            handler.close_connection = True
            return
        if manner == "garbage":
            body = b"\xff" * 64
        status = 302 if manner == "redirect" else int(manner) if manner.isdigit() else 200 if body else 404
        handler.send_response(status)
        if status == 302:
            handler.send_header("Location", self.url + handler.path + "-moved")
        handler.send_header("Content-Length", str(len(body or b"")))
        handler.end_headers()
        with contextlib.suppress(OSError):
            if manner == "drip":
                for octet in body:
                    handler.wfile.write(bytes([octet]))
                    if self.released.wait(0.05):
                        break
            else:
                handler.wfile.write((body or b"")[: len(body or b"") // 2 if manner == "trunc" else None])

    def wait_for(self, path, seconds):
        with self.arrived:
            return self.arrived.wait_for(lambda: path in self.hits, seconds)

    def answer(self, request):
        """The answer of an OCSP responder.  `ocsp`: CA, database, and who signs (a pair, or pairs by manner)."""
        ca, index, signers = self.ocsp
        manner = self.manner.get("/ocsp", "")
        if manner in ("hang", "close"):
            return None
        if manner in self.ERRORS:
            return self.ERRORS[manner]
        if not isinstance(signers, dict):
            signers = {"good": ca, "foreign": signers}
        signer = signers.get(manner, signers["good"])
        command = ["openssl", "ocsp", "-CA", ca[0], "-rsigner", signer[0], "-rkey", signer[1], "-nmin", "10"]
        if manner == "stale":
            command[-2:] = ["-ndays", "0", "-nmin", "0"]
        with tempfile.TemporaryDirectory() as folder:
            with open(f"{folder}/request", "wb") as f:
                f.write(request)
            if manner == "unknown":
                index = f"{folder}/index"
                open(index, "w").close()
            question = ["-reqin", f"{folder}/request"]
            if manner in ("other", "nononce"):  # the answer to a question that was not asked: about another one, or without nonce
                serial = request_serial(request) + (manner == "other")
                question = ["-issuer", ca[0], "-serial", hex(serial), "-no_nonce"]
            subprocess.run([*command, "-index", index, *question, "-respout", f"{folder}/answer"], check=True, capture_output=True)
            with open(f"{folder}/answer", "rb") as f:
                return f.read()

    def stop(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def request_serial(request):
    """The serial number that an OCSP request asks about."""
    text = subprocess.run(["openssl", "ocsp", "-reqin", "/dev/stdin", "-req_text"], input=request, check=True, capture_output=True)
    return int(text.stdout.decode().split("Serial Number: ")[1].split("\n")[0], 16)


def serial_of(certificate):
    text = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-serial"], check=True, capture_output=True, text=True)
    return text.stdout.strip().split("=")[1]


def index_of(pki, name, good=(), revoked=()):
    """A database of the openssl program that knows these certificates; of revoked ones (certificate, reason) besides."""
    when = time.strftime("%y%m%d%H%M%SZ", time.gmtime(time.time() - 3600))
    gone = [each if isinstance(each, tuple) else (each, None) for each in revoked]
    path, made = pki.dir / f"{name}.index", pki.dir / f"{name}.index.new"
    made.write_text("".join(f"V\t440101000000Z\t\t{serial_of(c)}\tunknown\t/CN=x\n" for c in good) +
                    "".join(f"R\t440101000000Z\t{when}{',' + why if why else ''}\t{serial_of(c)}\tunknown\t/CN=x\n"
                            for c, why in gone))
    (pki.dir / f"{name}.index.attr").touch()
    made.rename(path)                                          # somebody may be reading it
    return path


def crl(pki, ca, name, revoked=(), hours=1, number=1, base=None, when=None):
    """The CRL of a CA, DER; with `base` a delta to the list of that number; `when`: (thisUpdate, nextUpdate)."""
    index = index_of(pki, name, revoked=revoked)
    config = pki.dir / f"{name}.cnf"
    (pki.dir / f"{name}.number").write_text(f"{number:04X}\n")
    config.write_text(f"[ca]\ndefault_ca=d\n[d]\ndatabase={index}\ncrlnumber={pki.dir / name}.number\ndefault_md=sha256\n"
                      f"crl_extensions=x\n[x]\nauthorityKeyIdentifier=keyid\n" +
                      (f"deltaCRL=critical,ASN1:INTEGER:{base}\n" if base else ""))
    pem, der = pki.dir / f"{name}.crl.pem", pki.dir / f"{name}.crl"
    life = ["-crl_lastupdate", when[0], "-crl_nextupdate", when[1]] if when else ["-crlhours", hours]
    pki.run("openssl", "ca", "-gencrl", "-config", config, "-cert", ca[0], "-keyfile", ca[1], *life, "-out", pem)
    pki.run("openssl", "crl", "-in", pem, "-outform", "DER", "-out", der)
    return der.read_bytes()
