"""An HTTP server on loopback that publishes CRLs, issuers and OCSP answers, as well or as badly as a test wants."""
import http.server
import subprocess
import tempfile
import threading
import time


class Responder:
    """`manner` maps a path to "hang", "close", "500", "trunc" or, for /ocsp, "unknown" and "foreign"."""

    def __init__(self):
        self.files, self.manner, self.hits = {}, {}, []
        self.ocsp = None
        self.released = threading.Event()
        self.arrived = threading.Condition()
        responder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                responder.serve(self, responder.files.get(self.path))

            def do_POST(self):
                request = self.rfile.read(int(self.headers["Content-Length"]))
                responder.serve(self, responder.answer(request) if self.path == "/ocsp" else None)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=[0.05])
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
        handler.send_response(500 if manner == "500" else 200 if body else 404)
        handler.send_header("Content-Length", str(len(body or b"")))
        handler.end_headers()
        handler.wfile.write((body or b"")[: len(body or b"") // 2 if manner == "trunc" else None])

    def wait_for(self, path, seconds):
        with self.arrived:
            return self.arrived.wait_for(lambda: path in self.hits, seconds)

    def answer(self, request):
        ca, index, foreign = self.ocsp
        signer = foreign if self.manner.get("/ocsp") == "foreign" else ca
        with tempfile.TemporaryDirectory() as folder:
            with open(f"{folder}/request", "wb") as f:
                f.write(request)
            if self.manner.get("/ocsp") == "unknown":
                index = f"{folder}/index"
                open(index, "w").close()
            subprocess.run(["openssl", "ocsp", "-index", index, "-CA", ca[0], "-rsigner", signer[0], "-rkey", signer[1],
                            "-reqin", f"{folder}/request", "-respout", f"{folder}/answer", "-nmin", "10"],
                           check=True, capture_output=True)
            with open(f"{folder}/answer", "rb") as f:
                return f.read()

    def stop(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def serial_of(certificate):
    text = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-serial"], check=True, capture_output=True, text=True)
    return text.stdout.strip().split("=")[1]


def index_of(pki, name, good=(), revoked=()):
    """A database of the openssl program that knows these certificates."""
    when = time.strftime("%y%m%d%H%M%SZ", time.gmtime(time.time() - 3600))
    path = pki.dir / f"{name}.index"
    path.write_text("".join(f"V\t440101000000Z\t\t{serial_of(c)}\tunknown\t/CN=x\n" for c in good) +
                    "".join(f"R\t440101000000Z\t{when}\t{serial_of(c)}\tunknown\t/CN=x\n" for c in revoked))
    (pki.dir / f"{name}.index.attr").touch()
    return path


def crl(pki, ca, name, revoked=(), hours=1, number=1):
    """The CRL of a CA, DER."""
    index = index_of(pki, name, revoked=revoked)
    config = pki.dir / f"{name}.cnf"
    (pki.dir / f"{name}.number").write_text(f"{number:02X}\n")
    config.write_text(f"[ca]\ndefault_ca=d\n[d]\ndatabase={index}\ncrlnumber={pki.dir / name}.number\ndefault_md=sha256\n"
                      f"crl_extensions=x\n[x]\nauthorityKeyIdentifier=keyid\n")
    pem, der = pki.dir / f"{name}.crl.pem", pki.dir / f"{name}.crl"
    pki.run("openssl", "ca", "-gencrl", "-config", config, "-cert", ca[0], "-keyfile", ca[1], "-crlhours", hours, "-out", pem)
    pki.run("openssl", "crl", "-in", pem, "-outform", "DER", "-out", der)
    return der.read_bytes()
