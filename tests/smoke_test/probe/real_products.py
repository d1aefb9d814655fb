"""Real proxies and app servers, each with a minimal configuration that shows its own pages.

Each proxy has the routes in `ROUTES`; each app server runs `FAILING_APP`, which raises.
"""

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.conftest import free_ports, listens
from tests.polling import wait_until
from tests.smoke_test.probe.answers import closed, silent
from tests.smoke_test.probe.servers import Script, read_request, serving


# The program's name in PATH, its package, its arguments, and the files it reads. `{port}` is where
# it listens, `{up}` is the foreign app, nothing listens on `{dead}`, `{silent}` accepts and never
# responds, `{closing}` reads and closes, `{folder}` is its own empty directory.
class Product(NamedTuple):
    program: str
    package: str
    arguments: str
    files: Mapping[str, str] = {}


ROUTES = {"foreign": "up", "dead": "dead", "silent": "silent", "closing": "closing"}


def _routes(line: str) -> str:
    """Return the line for each route, with `<name>` and `<port>` replaced."""
    return "\n".join(
        line.replace("<name>", name).replace("<port>", f"{{{port}}}")
        for name, port in ROUTES.items()
    )


_NGINX_TEMPORARY = " ".join(
    f"{kind}_temp_path {{folder}}/{kind};"
    for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
)

_NGINX = (
    (
        "USER pid {folder}/pid; error_log {folder}/log; daemon off; events {}\n"
        "http { access_log off; proxy_read_timeout 1s; TEMPORARY\n"
        "server { listen 127.0.0.1:{port}; location /forbidden/ { deny all; }\n"
        "location / { return 404; }\nROUTES\n} }"
    )
    .replace("TEMPORARY", _NGINX_TEMPORARY)
    .replace("USER", "user root;" if os.geteuid() == 0 else "")
)

_HAPROXY = """
defaults
 mode http
 timeout connect 1s
 timeout client 5s
 timeout server 1s
 retries 0
frontend f
 bind 127.0.0.1:{port}
 http-request deny if { path_beg /forbidden/ }
ROUTES
 default_backend none
backend none
BACKENDS
"""

_APACHE = """
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {folder}/pid
ErrorLog {folder}/log
ServerSignature SIGNATURE
DefaultRuntimeDir {folder}
DocumentRoot {folder}
ProxyTimeout 1
MODULES
<Location /forbidden/>
 Require all denied
</Location>
ROUTES
"""
_APACHE_MODULES = "\n".join(
    f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so"
    for name in ("mpm_event", "authz_core", "authz_host", "proxy", "proxy_http")
)


def _apache(signature: str) -> Product:
    config = _APACHE.replace("SIGNATURE", signature).replace("MODULES", _APACHE_MODULES)
    routes = _routes("ProxyPass /<name>/ http://127.0.0.1:<port>/<name>/ retry=0")
    return Product(
        "apache2",
        "apache2",
        "-f {folder}/apache.conf -D FOREGROUND",
        {"apache.conf": config.replace("ROUTES", routes)},
    )


_VARNISH = (
    "vcl 4.1;\n"
    + _routes(
        'backend <name> { .host = "127.0.0.1"; .port = "<port>"; .first_byte_timeout = 1s; }'
    )
    + "\nsub vcl_recv {\n"
    + _routes('if (req.url ~ "^/<name>/") { set req.backend_hint = <name>; return (pass); }')
    + '\nif (req.url ~ "^/forbidden/") { return (synth(403)); } return (synth(404)); }\n'
)

_SQUID = """
http_port 127.0.0.1:{port} accel no-vhost defaultsite=localhost
pid_filename {folder}/pid
cache_log {folder}/log
access_log none
cache_store_log none
cache deny all
coredump_dir {folder}
visible_hostname localhost
connect_timeout 1 second
read_timeout 1 second
shutdown_lifetime 0 seconds
acl forbidden urlpath_regex ^/forbidden/
http_access deny forbidden
http_access allow all
ROUTES
"""

_LIGHTTPD = """
server.modules = ("mod_proxy", "mod_access")
server.document-root = "{folder}"
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{folder}/log"
$HTTP["url"] =~ "^/forbidden/" { url.access-deny = ("") }
ROUTES
"""

_H2O = """
USERlisten: {host: 127.0.0.1, port: {port}}
error-log: {folder}/log
pid-file: {folder}/pid
num-threads: 1
proxy.timeout.io: 1000
hosts:
  default:
    paths:
ROUTES
"""

_CADDY = """
{
 admin off
 auto_https off
}
http://127.0.0.1:{port} {
 handle /forbidden/* {
  respond 403
 }
ROUTES
}
"""
_CADDY_ROUTE = """ handle /<name>/* {
  reverse_proxy 127.0.0.1:<port> {
   transport http {
    response_header_timeout 1s
   }
  }
 }"""

PROXIES = {
    "nginx": Product(
        "nginx",
        "nginx-light",
        "-p {folder} -c {folder}/nginx.conf -e {folder}/log",
        {
            "nginx.conf": _NGINX.replace(
                "ROUTES", _routes("location /<name>/ { proxy_pass http://127.0.0.1:<port>; }")
            )
        },
    ),
    "haproxy": Product(
        "haproxy",
        "haproxy",
        "-db -f {folder}/haproxy.cfg",
        {
            "haproxy.cfg": _HAPROXY.replace(
                "ROUTES", _routes(" use_backend <name> if { path_beg /<name>/ }")
            ).replace("BACKENDS", _routes("backend <name>\n server s 127.0.0.1:<port>"))
        },
    ),
    "apache": _apache("On"),
    "apache, no signature": _apache("Off"),
    "varnish": Product(
        "varnishd",
        "varnish",
        "-F -n {folder}/varnish -a 127.0.0.1:{port} -f {folder}/site.vcl -s malloc,10m -j none",
        {"site.vcl": _VARNISH},
    ),
    "squid": Product(
        "squid",
        "squid",
        "-N -n probe{port} -f {folder}/squid.conf",
        {
            "squid.conf": _SQUID.replace(
                "ROUTES",
                _routes(
                    "acl <name> urlpath_regex ^/<name>/\n"
                    "cache_peer 127.0.0.1 parent <port> 0 no-query originserver name=<name>\n"
                    "cache_peer_access <name> allow <name>\ncache_peer_access <name> deny all"
                )
                + "\nnever_direct allow all",
            )
        },
    ),
    "lighttpd": Product(
        "lighttpd",
        "lighttpd",
        "-D -f {folder}/lighttpd.conf",
        {
            "lighttpd.conf": _LIGHTTPD.replace(
                "ROUTES",
                _routes(
                    '$HTTP["url"] =~ "^/<name>/" { proxy.server = ("" => (("host" =>'
                    ' "127.0.0.1", "port" => <port>, "read-timeout" => 1))) }'
                ),
            )
        },
    ),
    "h2o": Product(
        "h2o",
        "h2o",
        "-c {folder}/h2o.conf",
        {
            "h2o.conf": _H2O.replace("USER", "user: root\n" if os.geteuid() == 0 else "").replace(
                "ROUTES",
                _routes(
                    '      "/<name>/": {proxy.reverse.url: "http://127.0.0.1:<port>/<name>/"}'
                ),
            )
        },
    ),
    "caddy": Product(
        "caddy",
        "caddy",
        "run --adapter caddyfile --config {folder}/Caddyfile",
        {"Caddyfile": _CADDY.replace("ROUTES", _routes(_CADDY_ROUTE))},
    ),
}

FAILING_APP = """
def wsgi(environ, start_response):
    raise RuntimeError("the app failed")


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    raise RuntimeError("the app failed")
"""


def _server(program: str, arguments: str) -> Product:
    return Product(program, program, arguments, {"failing.py": FAILING_APP})


SERVERS = {
    "gunicorn": _server("gunicorn", "--bind 127.0.0.1:{port} failing:wsgi"),
    "uvicorn": _server("uvicorn", "--port {port} --log-level critical failing:asgi"),
}

# A foreign app's responses, by the last segment of the path.
FOREIGN = {
    "200": b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello",
    "404": b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\n"
    b"<h1>nobody</h1>",
    "500": b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n"
    b'Content-Length: 16\r\n\r\n{"error":"here"}',
    "empty-200": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "empty-404": b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "empty-500": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
}


def foreign(connection: socket.socket) -> None:
    """Respond like an app that is not PetSage and names no product."""
    request = read_request(connection)
    # Squid also connects without a request, to check that its peer is there.
    if request:
        segment = re.split(rb"[ ?]", request)[1].rstrip(b"/").rpartition(b"/")[2]
        connection.sendall(FOREIGN[segment.decode()])


@contextmanager
def running(product: Product, program: str, folder: Path, up: Script = foreign) -> Iterator[str]:
    """Run the product at the path `program`, and yield its base URL."""
    with (
        serving(up) as up_port,
        serving(silent) as silent_port,
        serving(closed) as closing_port,
    ):
        port, dead = free_ports(2)
        values = {"port": port, "dead": dead, "up": up_port, "silent": silent_port}
        values |= {"closing": closing_port}

        def filled(text: str) -> str:
            text = text.replace("{folder}", str(folder))
            for name, value in values.items():
                text = text.replace(f"{{{name}}}", str(value))
            return text

        # Squid drops root privileges.
        folder.chmod(0o777)
        for name, text in product.files.items():
            (folder / name).write_text(filled(text))
        with (
            (folder / "output").open("wb") as output,
            subprocess.Popen(
                [program, *map(filled, product.arguments.split())],
                cwd=folder,
                stdout=output,
                stderr=output,
                env=os.environ | {"HOME": str(folder), "PYTHONPATH": str(folder)},
                process_group=0,
            ) as process,
        ):
            try:
                wait_until(
                    lambda: _is_ready(product, port) or process.poll() is not None,
                    f"{program} is ready",
                )
                assert process.poll() is None, (folder / "output").read_text()
                yield f"http://127.0.0.1:{port}"
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGTERM)


def _is_ready(product: Product, port: int) -> bool:
    if not listens(port) or product not in PROXIES.values():
        return listens(port)
    # Traefik and Envoy listen before they load their routes.
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(f"GET /foreign/200/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        return client.recv(65536).startswith(b"HTTP/1.1 200 ")
