"""nginx as on a Debian machine, with its own certificate."""

import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.nginx import render
from deploy.nginx.__main__ import debian_values
from tests.conftest import free_ports, program
from tests.nginx import run_nginx


@dataclass(frozen=True)
class Site:
    """The site's ports and files; the `proxied` port expects the PROXY protocol."""

    http: int
    https: int
    proxied: int
    certificate: Path
    access_log: Path

    def connect(
        self, alpn: str = "http/1.1", proxy: bytes = b"", source: str = "127.0.0.1"
    ) -> ssl.SSLSocket:
        """Return a TLS connection; `proxy` is what a balancer sends before the handshake."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        context.set_alpn_protocols([alpn])
        port = self.proxied if proxy else self.https
        raw = socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(source, 0))
        raw.sendall(proxy)
        return context.wrap_socket(raw, server_hostname="localhost")


@contextmanager
def run_site(var: Path, sockets: Path, openssl: str, **environ: str) -> Iterator[Site]:
    """Run nginx with these settings and its state in `var`; the app's are in `sockets`."""
    program("nginx", "nginx-light")
    certificate = var / "certificate.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,DNS:elsewhere.example",
         "-keyout", var / "key.pem", "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    http, https, proxied = free_ports(3)
    site = Site(http, https, proxied, certificate, var / "access.log")
    environ = {
        "NGINX_STATIC": str(Path("var/static").resolve()),
        "NGINX_ACCESS_LOG": str(site.access_log),
        "NGINX_ERROR_LOG": str(var / "error.log"),
        "NGINX_HTTP": f"127.0.0.1:{site.http}",
        "NGINX_HTTPS": f"127.0.0.1:{site.https}",
        "NGINX_PROXY_PROTOCOL": f"127.0.0.1:{site.proxied}",
        "NGINX_CERTIFICATE": str(certificate),
        "NGINX_KEY": str(var / "key.pem"),
    } | environ
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setitem(os.environ, name, value)
        text = render("site.conf", debian_values() | {"sockets": str(sockets)})
    with run_nginx(var, site.https, text):
        yield site
