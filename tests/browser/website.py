"""A website with our script, the API behind it and somebody's Analytics: three hosts of one server on this machine.

The API is the real function over the template's stores in process; what API Gateway answers itself (the preflight of
CORS) is answered from the template.
"""

import datetime
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.template.source import ROOT, template
from tests.unit.engine import SITE, rest_event

SCRIPT = ROOT / "website/consent.js"
API = "https://api.perfectwork.app"
ANALYTICS = "https://analytics.example/analytics.js"
HOSTS = ("perfectwork.app", "api.perfectwork.app", "analytics.example")

# What Google's script does, as far as it matters here: its cookies are of the whole domain, and of a campaign.
_TRACKER = """
for (const name of ["_ga", "_ga_4711ABC", "_gid", "_gac_UA-4711-1"])
  document.cookie = `${name}=1; Path=/; Domain=perfectwork.app; Max-Age=1000`;
for (const name of ["_gat", "_gat_gtag_UA_4711_1"]) document.cookie = `${name}=1; Path=/`;
window.counting = true;
"""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>PerfectWORK</title>
<script src="/consent.js" defer data-api="{api}" data-analytics-src="{analytics}"{more}></script></head>
<body><main><h1>PerfectWORK</h1><p>Databases for small companies.</p>
<p><a href="/privacy" data-cookie-settings>Cookie settings</a></p></main></body></html>"""

_POLICY = (
    f"default-src 'none'; script-src 'self' {ANALYTICS.rsplit('/', 1)[0]}; connect-src {API}; img-src 'self'; "
    "style-src 'none'; base-uri 'none'; form-action 'none'"
)
"""The strictest policy that the script must work under: no inline script, no inline style, no eval."""


@dataclass
class Website:
    """What the server serves, and what it was asked for."""

    app: Any
    words: dict[str, str] = field(default_factory=dict)
    down: bool = False
    """Whether the API is down."""
    asked: list[str] = field(default_factory=list)
    """The requests: method, host and path."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, method: str, host: str, path: str, headers: Any, body: bytes) -> tuple[int, Any, bytes]:
        """Status, headers as pairs, body."""
        with self.lock:
            self.asked.append(f"{method} {host}{path}")
            if host == "api.perfectwork.app":
                return self._api(method, path, headers, body)
        if host == "analytics.example":
            return 200, [("Content-Type", "text/javascript")], _TRACKER.encode()
        if path == "/consent.js":
            return 200, [("Content-Type", "text/javascript")], SCRIPT.read_bytes()
        if path == "/":
            words = f" data-text='{json.dumps(self.words)}'" if self.words else ""
            page = _PAGE.format(api=API, analytics=ANALYTICS, more=words)
            told = [("Content-Type", "text/html; charset=utf-8"), ("Content-Security-Policy", _POLICY)]
            return 200, told, page.encode()
        return 204 if path == "/favicon.ico" else 404, [], b""

    def _api(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, Any, bytes]:
        cors = template()["Resources"]["Api"]["Properties"]["Cors"]
        if method == "OPTIONS":
            return 204, [
                ("Access-Control-Allow-Origin", SITE),
                ("Access-Control-Allow-Methods", cors["AllowMethods"].strip("'")),
                ("Access-Control-Allow-Headers", cors["AllowHeaders"].strip("'")),
                ("Access-Control-Allow-Credentials", "true"),
            ], b""  # fmt: skip
        if self.down:
            return 503, [("Access-Control-Allow-Origin", SITE), ("Access-Control-Allow-Credentials", "true")], b""
        answered = self.app(rest_event(self.app, method, path, body=body or None, headers=dict(headers.items())), None)
        told = list(answered["headers"].items())
        told += [(name, value) for name, values in answered.get("multiValueHeaders", {}).items() for value in values]
        return answered["statusCode"], told, answered["body"].encode()


@contextmanager
def serving(website: Website, folder: Path) -> Iterator[int]:
    """Serve it over TLS on a port of this machine; `folder` takes the certificate."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            host = self.headers["Host"].split(":")[0]
            status, headers, sent = website.answer(self.command, host, self.path, self.headers, body)
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_PUT = do_OPTIONS = _serve  # noqa: N815  # the base names them so

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """Say nothing: a browser drops connections that it opened to be quick."""

    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(folder))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    began = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(began)
        .not_valid_after(began + datetime.timedelta(days=7))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in HOSTS]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path
