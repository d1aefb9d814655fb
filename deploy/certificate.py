"""Checks the certificate for install.sh, with the settings as systemd reads them.

Prints the first host, the address where nginx listens, and all hosts, or else what is missing.
Uses only the standard library, because nothing is installed yet.
"""

import os
import ssl
import sys

hosts, given = os.environ.get("DJANGO_ALLOWED_HOSTS", ""), os.environ["GIVEN"]
if not (hosts or given):
    sys.exit("got no hosts, expected the names that clients use; deploy/install.sh HOST...")
if hosts and given not in ("", hosts):
    sys.exit(f"got the hosts {given}, expected none or the settings' {hosts}; change those")
hosts = hosts or given
host = hosts.split(",")[0].removeprefix(".")
certificate, key = (
    os.environ.get(f"NGINX_{name}", f"/etc/letsencrypt/live/{host}/{file}.pem")
    for name, file in (("CERTIFICATE", "fullchain"), ("KEY", "privkey"))
)
try:
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
except OSError as error:
    sys.exit(
        f"got {error.strerror or error} for {certificate} with {key}, expected a certificate and "
        "its key; docs/deployment.md says how to get them or use others"
    )
address, _, port = os.environ.get("NGINX_HTTPS", "443").split(",")[0].rpartition(":")
sys.stdout.write(f"{host} {address or '127.0.0.1'}:{port} {hosts}\n")
