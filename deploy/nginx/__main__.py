"""Renders nginx's configuration and becomes nginx (`make nginx`).

`--render` only prints the file for a Debian machine's /etc/nginx/sites-available.
"""

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from deploy.nginx import Value, render, site_host
from petsage_project import environment

VAR = Path(__file__).resolve().parents[2] / "var"
MIME_TYPES = "/etc/nginx/mime.types"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make nginx", usage="make nginx [NGINX_PORT=8080]")
    parser.add_argument("--var", type=Path, default=VAR, help="the directory of its state")
    parser.add_argument("--render", action="store_true")
    arguments = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "petsage_project.settings")
    try:
        if arguments.render:
            sys.stdout.write(render("site.conf", debian_values()))
        else:
            _become_nginx(arguments.var.resolve())
    except (ImproperlyConfigured, OSError) as error:
        sys.exit(f"make nginx: {error}")


def nginx_port() -> int:
    return environment.number("NGINX_PORT", default=8080, least=1, most=65535)


def debian_values() -> dict[str, Value]:
    """Return the values for a Debian machine, where systemd starts the app."""
    certificates = f"/etc/letsencrypt/live/{site_host(settings.ALLOWED_HOSTS)}"
    https = os.environ.get("NGINX_HTTPS", "443,[::]:443").split(",")
    version = subprocess.run(  # noqa: S603 - no part of it comes from outside
        [_nginx(), "-v"], capture_output=True, text=True, check=True
    ).stderr
    return _values(
        port=https[0].rpartition(":")[2],
        default_port="443",
        sockets="/opt/petsage/current",
        static=os.environ.get("NGINX_STATIC", "/opt/petsage/current/var/static"),
        access_log=os.environ.get("NGINX_ACCESS_LOG", "/var/log/nginx/petsage.log"),
        error_log=os.environ.get("NGINX_ERROR_LOG", "/var/log/nginx/error.log"),
        http_listen=os.environ.get("NGINX_HTTP", "80,[::]:80").split(","),
        https_listen=https,
        http2_directive=has_http2_directive(version),
        proxy_protocol_listen=_listed("NGINX_PROXY_PROTOCOL"),
        certificate=os.environ.get("NGINX_CERTIFICATE", f"{certificates}/fullchain.pem"),
        key=os.environ.get("NGINX_KEY", f"{certificates}/privkey.pem"),
    )


def clone_values(var: Path) -> dict[str, Value]:
    """Return the values for this clone, with all state in `var`."""
    port = str(nginx_port())
    return _values(
        port=port,
        default_port="80",
        # As root, nginx's workers would become nobody, which cannot read a clone under /root.
        user="root" if os.geteuid() == 0 else "",
        var=str(var),
        mime_types=MIME_TYPES,
        sockets=str(var),
        static=str(settings.STATIC_ROOT),
        access_log=str(var / "access.log"),
        error_log="stderr",
        http_listen=[f"127.0.0.1:{port}"],
    )


def _values(*, port: str, default_port: str, **values: Value) -> dict[str, Value]:
    rate = environment.number("NGINX_RATE", default=0, least=0, most=1_000_000)
    connections = environment.number("NGINX_CONNECTIONS", default=0, least=0, most=65535)
    return values | {
        "server_names": settings.ALLOWED_HOSTS,
        "host": site_host(settings.ALLOWED_HOSTS),
        "port_suffix": "" if port == default_port else f":{port}",
        "rate": rate,
        "burst": 2 * rate,
        "connections": connections,
        "trusted_proxies": environment.networks("NGINX_TRUSTED_PROXIES"),
        "log_successes": int(environment.boolean("NGINX_LOG_SUCCESSES", default=False)),
    }


def _listed(name: str) -> list[str]:
    return [part for part in os.environ.get(name, "").split(",") if part]


def has_http2_directive(version: str) -> bool:
    """Return whether `nginx -v` is 1.25.1 or later, which warns about `listen ... http2`."""
    numbers = re.findall(r"\d+", version.partition("/")[2])
    return tuple(int(number) for number in numbers[:3]) >= (1, 25, 1)


def _nginx() -> str:
    # An ordinary user's PATH on Debian has no sbin.
    nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if nginx is None:
        raise OSError("nginx is not installed; apt-get install nginx-light")
    return nginx


def _become_nginx(var: Path) -> None:
    nginx = _nginx()
    configuration = var / "nginx.conf"
    (var / "nginx-temp").mkdir(parents=True, exist_ok=True)
    configuration.write_text(render("nginx.conf", clone_values(var)))

    # Each connection needs two files, and an ordinary user's soft limit is often 1,024.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 16384), most))
    command = [nginx, "-e", "stderr", "-p", str(var), "-c", str(configuration)]
    # nginx's own message names the file and line, or the busy port.
    if subprocess.run([*command, "-q", "-t"], check=False).returncode:  # noqa: S603 - ours
        raise OSError(f"nginx rejects {configuration}; see its message above")
    # Logs times in UTC; TZ is the only environment variable that nginx keeps.
    os.execve(nginx, [*command, "-g", "daemon off;"], {"TZ": "UTC"})  # noqa: S606 - ours


if __name__ == "__main__":
    main()
