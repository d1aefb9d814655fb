"""Render nginx's configuration, and become nginx, as `make front` does.

`--render` prints the file for a Debian machine's /etc/nginx/sites-available instead.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from petsage_project import environment
from petsage_project.nginx import render, site_host

VAR = Path(__file__).resolve().parent.parent / "var"
MIME_TYPES = Path("/etc/nginx/mime.types")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make front", usage="make front [FRONT_PORT=8080]")
    parser.add_argument("--var", type=Path, default=VAR, help="where its state is")
    parser.add_argument("--render", action="store_true")
    arguments = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "petsage_project.settings")
    try:
        if arguments.render:
            sys.stdout.write(render("site.conf", debian_values()))
        else:
            _become_nginx(arguments.var.resolve())
    except (ImproperlyConfigured, OSError) as error:
        sys.exit(f"make front: {error}")


def front_port() -> int:
    return environment.number("FRONT_PORT", default=8080, least=1, most=65535)


def debian_values() -> dict[str, str | Sequence[str]]:
    """Return what the template wants on a Debian machine, where systemd starts the app."""
    host = site_host(settings.ALLOWED_HOSTS)
    certificates = f"/etc/letsencrypt/live/{host}"
    https = os.environ.get("FRONT_HTTPS", "443,[::]:443").split(",")
    port = https[0].rpartition(":")[2]
    return _common_values() | {
        "socket": os.environ.get("FRONT_SOCKET", "/run/petsage/petsage.sock"),
        "static": os.environ.get("FRONT_STATIC", "/opt/petsage/current/var/static"),
        "access_log": os.environ.get("FRONT_ACCESS_LOG", "/var/log/nginx/petsage.log"),
        "http_listen": os.environ.get("FRONT_HTTP", "80,[::]:80").split(","),
        "https_listen": https,
        "port_suffix": "" if port == "443" else f":{port}",
        "certificate": os.environ.get("FRONT_CERTIFICATE", f"{certificates}/fullchain.pem"),
        "key": os.environ.get("FRONT_KEY", f"{certificates}/privkey.pem"),
    }


def _common_values() -> dict[str, str | Sequence[str]]:
    rate = environment.number("FRONT_RATE", default=100, least=1, most=1_000_000)
    log_successes = environment.boolean("FRONT_LOG_SUCCESSES", default=False)
    return {
        "server_name": settings.ALLOWED_HOSTS,
        "host": site_host(settings.ALLOWED_HOSTS),
        "rate": str(rate),
        "burst": str(2 * rate),
        "log_successes": str(int(log_successes)),
    }


def _clone_values(var: Path, port: int) -> dict[str, str | Sequence[str]]:
    return _common_values() | {
        # As root, nginx's workers would become nobody, who may not read a clone under /root.
        "root": ["root"] if os.geteuid() == 0 else [],
        "var": str(var),
        "mime_types": str(MIME_TYPES),
        "socket": str(var / "petsage.sock"),
        "static": str(settings.STATIC_ROOT),
        "access_log": str(var / "access.log"),
        "port": str(port),
        "port_suffix": "" if port == 80 else f":{port}",
    }


def _become_nginx(var: Path) -> None:
    # A user's PATH on Debian has no sbin.
    nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if nginx is None:
        raise OSError("nginx is not installed; apt-get install nginx-light")
    configuration = var / "nginx.conf"
    (var / "nginx-temp").mkdir(parents=True, exist_ok=True)
    configuration.write_text(render("nginx.conf", _clone_values(var, front_port())))

    # Two for each connection; a user's soft limit is often 1,024.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 16384), most))
    command = [nginx, "-e", "stderr", "-p", str(var), "-c", str(configuration)]
    # Its own words name the file, the line or the port that is taken.
    if subprocess.run([*command, "-q", "-t"], check=False).returncode:  # noqa: S603
        raise OSError(f"nginx refuses {configuration}, for the reason above")
    # The log's times are UTC; TZ is all that nginx takes over from its environment.
    os.execve(nginx, [*command, "-g", "daemon off;"], {"TZ": "UTC"})  # noqa: S606


if __name__ == "__main__":
    main()
