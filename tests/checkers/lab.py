"""A network namespace with two machines that tests break; each runs the real stack.

It has the addresses 192.0.2.0/24 (RFC 5737), the name petsage.example and its own CA, which all of
its programs trust. So the recipes of docs/health-checkers/ run in it unchanged.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import trustme

from deploy.processes import answers, children
from tests.checkers import ADDRESSES, NAME, RELEASE
from tests.conftest import PROGRAMS, ROOT, program, unavailable
from tests.deploy.running import is_running, state
from tests.polling import wait_until

OTHER_RELEASE = "ba9876543210"

# Where nginx expects the app.
_SOCKETS = ("app-1.sock", "app-2.sock")

# Every address is local. Table 200 routes to a bridge without ports, which drops packets. A rule
# for it must come before the table of local addresses.
_NETWORK = """
link set lo up
addr add 192.0.2.1/24 dev lo
link add void type bridge
link set void up
route add default dev void table 200
rule add pref 100 lookup local
rule del pref 0
"""

# The relevant parts of Debian's nginx.conf.
_NGINX = """
user root;
worker_processes 2;
pid {folder}/nginx.pid;
daemon off;
events {{ worker_connections 4096; }}
http {{
    include /etc/nginx/mime.types;
    access_log off;
    {temporary}
    include {site};
}}
"""

# Another site with our name and certificate. nginx's own responses honor If-Match (RFC 9110,
# 13.1.1); those that it forwards from an app do not.
_OTHER_SITE = """
server {{
    listen unix:{folder}/other.sock;
    default_type text/html;
    return 200 '<h1>Welcome</h1>';
}}
server {{
    listen {address}:80;
    listen {address}:443 ssl;
    ssl_certificate {folder}/certificate.pem;
    ssl_certificate_key {folder}/key.pem;
    root {folder};
    location / {{ {answer} }}
}}
"""
_ANSWERS = {
    "welcome page": "try_files /welcome.html =404;",
    "another app": "proxy_pass http://unix:{folder}/other.sock; proxy_set_header If-Match '';",
}


class Machine:
    """The real stack at one address: nginx with the project's own site, and granian."""

    def __init__(self, lab: "Lab", address: str, **settings: str) -> None:
        self.address = address
        self._lab = lab
        self._folder = lab.folder / address
        self._folder.mkdir()
        self._app: list[subprocess.Popen[bytes]] = []
        self._nginx: subprocess.Popen[bytes] | None = None
        certificate = lab.authority.issue_cert(NAME)
        certificate.private_key_pem.write_to_path(self._folder / "key.pem")
        certificate.cert_chain_pems[0].write_to_path(self._folder / "certificate.pem")
        (self._folder / "welcome.html").write_text("<h1>Welcome</h1>")
        self._environ = {
            "DJANGO_ALLOWED_HOSTS": NAME,
            "DJANGO_SECRET_KEY": "0123456789-abcdefghij-klmnopqrst-uvwxyz-0123456789",
            "NGINX_HTTP": f"{address}:80",
            "NGINX_HTTPS": f"{address}:443",
            "NGINX_CERTIFICATE": f"{self._folder}/certificate.pem",
            "NGINX_KEY": f"{self._folder}/key.pem",
            "NGINX_ACCESS_LOG": f"{self._folder}/access.log",
            "NGINX_ERROR_LOG": f"{self._folder}/error.log",
        } | settings
        self._write_sites()

    def start_app(self, release: str = RELEASE) -> None:
        """Start the app; replace a running one without a gap that a checker might detect."""
        former, self._app = self._app, []
        environ = self._environ | {"PETSAGE_RELEASE": release}
        for name in _SOCKETS:
            new = self._folder / f"new-{name}"
            command = _app_command(new)
            self._app.append(self._lab.start(command, self._folder / "app.log", **environ))
            wait_until(partial(_answers, new), f"the app of {self.address} responds")
            new.replace(self._folder / name)
        _kill(*former)

    def start_nginx(self, site: str = "petsage") -> None:
        """Start nginx; a running one switches to the site without a gap."""
        configuration = write_nginx(self._folder, site)
        if self._nginx and is_running(self._nginx.pid):
            before = children(self._nginx.pid)
            self._nginx.send_signal(signal.SIGHUP)
        else:
            before = []
            command = ["nginx", "-e", "stderr", "-c", str(configuration)]
            self._nginx = self._lab.start(command, self._folder / "nginx.log")
        pid = self._nginx.pid
        wait_until(
            lambda: bool(children(pid)) and set(children(pid)).isdisjoint(before),
            f"nginx of {self.address} has new workers",
        )

    def stop_app(self) -> None:
        _kill(*self._app)

    def stop_nginx(self) -> None:
        if self._nginx:
            _kill(self._nginx)
        # A killed nginx does not remove its socket.
        (self._folder / "other.sock").unlink(missing_ok=True)

    def freeze_app(self) -> None:
        _freeze(*self._app)

    def freeze(self) -> None:
        assert self._nginx
        _freeze(self._nginx, *self._app)

    def unplug(self) -> None:
        """Drop every packet to the machine."""
        self._lab.ip(f"rule add pref 50 to {self.address} lookup 200")

    def plug(self) -> None:
        self._lab.ip(f"rule del pref 50 to {self.address} lookup 200")

    def start(self) -> None:
        """Restart the app and nginx."""
        self.stop()
        self.start_app()
        self.start_nginx()

    def stop(self) -> None:
        self.stop_nginx()
        self.stop_app()

    def _write_sites(self) -> None:
        command = [sys.executable, "-m", "deploy.nginx", "--render"]
        environ = os.environ | self._environ
        result = subprocess.run(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, check=True)
        site = result.stdout.replace(b"/opt/petsage/current", bytes(self._folder))
        (self._folder / "petsage").write_bytes(site)
        for name, answer in _ANSWERS.items():
            (self._folder / name).write_text(
                _OTHER_SITE.format(
                    folder=self._folder,
                    address=self.address,
                    answer=answer.format(folder=self._folder),
                )
            )


# How to break a machine, and how to repair it. Frozen processes are replaced.
FAULTS: dict[str, tuple[Callable[[Machine], None], Callable[[Machine], None]]] = {
    "app stopped": (Machine.stop_app, Machine.start_app),
    "app frozen": (Machine.freeze_app, Machine.start_app),
    "welcome page": (lambda it: it.start_nginx("welcome page"), Machine.start_nginx),
    "another app": (lambda it: it.start_nginx("another app"), Machine.start_nginx),
    "wrong release": (lambda it: it.start_app(OTHER_RELEASE), Machine.start_app),
    "nginx stopped": (Machine.stop_nginx, Machine.start_nginx),
}


class Lab:
    """The namespace, its processes, and its two machines."""

    def __init__(self, name: str, folder: Path, authority: trustme.CA, **settings: str) -> None:
        self.folder = folder
        self.name = name
        self.authority = authority
        self._in_namespace = ("ip", "netns", "exec", name)
        # Node and our probe would use other CA files.
        ca = f"/etc/netns/{name}/ssl/certs/ca-certificates.crt"
        variables = {"PATH": PROGRAMS, "NODE_EXTRA_CA_CERTS": ca, "SSL_CERT_FILE": ca}
        self._environ = os.environ | variables
        self._started: list[subprocess.Popen[bytes]] = []
        self.machines = [Machine(self, address, **settings) for address in ADDRESSES]

    def start(
        self, command: Sequence[str], output: Path, **environ: str
    ) -> subprocess.Popen[bytes]:
        """Start a program in its own process group, which is killed when the lab ends."""
        with output.open("ab") as file:
            process = subprocess.Popen(
                [*self._in_namespace, *command],
                cwd=ROOT, env=self._environ | environ, process_group=0,
                stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            )  # fmt: skip
        self._started.append(process)
        return process

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a shell command line and wait for it."""
        return subprocess.run(
            [*self._in_namespace, "bash", "-c", line],
            cwd=ROOT, env=self._environ, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def ip(self, arguments: str) -> None:
        """Run ip in the namespace."""
        subprocess.run(["ip", "-n", self.name, *arguments.split()], check=True)

    def end(self) -> None:
        _kill(*self._started)


@contextmanager
def laboratory(folder: Path, **settings: str) -> Iterator[Lab]:
    """Yield a lab whose two machines run with these settings.

    Skips without root, but fails if CI is set.
    """
    ip = program("ip", "iproute2")
    program("nginx", "nginx-light")
    name = f"petsage-{secrets.token_hex(4)}"
    added = subprocess.run([ip, "netns", "add", name], capture_output=True, text=True, check=False)
    if added.returncode:
        unavailable(f"ip netns add needs root: {added.stderr.strip()}")
    # `ip netns exec` mounts these files over /etc.
    etc = Path("/etc/netns") / name
    authority = trustme.CA()
    with ExitStack() as undo:
        undo.callback(subprocess.run, [ip, "netns", "del", name], check=True)
        undo.callback(shutil.rmtree, etc, ignore_errors=True)
        (etc / "ssl/certs").mkdir(parents=True)
        authority.cert_pem.write_to_path(etc / "ssl/certs/ca-certificates.crt")
        (etc / "hosts").write_text(f"127.0.0.1 localhost\n{ADDRESSES[0]} {NAME}\n")
        lab = Lab(name, folder, authority, **settings)
        for line in _NETWORK.strip().splitlines():
            lab.ip(line)
        undo.callback(lab.end)
        for machine in lab.machines:
            machine.start()
        yield lab


def write_nginx(folder: Path, site: str | Path) -> Path:
    """Write an nginx.conf that includes the site, with all state in the folder."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    path = folder / "nginx.conf"
    path.write_text(_NGINX.format(folder=folder, temporary=temporary, site=f'"{folder / site}"'))
    return path


def _answers(socket: Path) -> bool:
    return answers(socket, NAME, seconds=1)


def _app_command(socket: Path) -> list[str]:
    return [sys.executable, "-m", "deploy.granian", str(socket)]


def _kill(*groups: subprocess.Popen[bytes]) -> None:
    for process in groups:
        # After it was waited for, another process may have its pid.
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _freeze(*groups: subprocess.Popen[bytes]) -> None:
    for process in groups:
        os.killpg(process.pid, signal.SIGSTOP)
    wait_until(lambda: all(state(it.pid) == "T" for it in groups), "the processes are stopped")
