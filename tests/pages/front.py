"""A real nginx in front of the app server, with our pages for its 502, 503 and 504."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import ROOT, free_ports, listens, program
from tests.polling import wait_until

NGINX = """
daemon off; pid {directory}/pid; error_log stderr; {user}
events {{}}
http {{
  include /etc/nginx/mime.types;
  access_log off;
  client_body_temp_path {directory}; proxy_temp_path {directory}; fastcgi_temp_path {directory};
  uwsgi_temp_path {directory}; scgi_temp_path {directory};
  proxy_cache_path {directory}/kept keys_zone=kept:64k;
  server {{
    listen 127.0.0.1:{port};
    error_page 502 /502.html; error_page 503 /503.html; error_page 504 /504.html;
    location ~ ^/50[234]\\.html$ {{ internal; root {root}/deploy/pages; }}
    location /static/ {{ alias {root}/var/static/; }}
    location = /400 {{ proxy_pass http://127.0.0.1:{app}; proxy_set_header Host elsewhere; }}
    location = /503 {{ return 503; }}
    location = /504 {{ return 504; }}
    location /kept/ {{
      proxy_pass http://127.0.0.1:{app}/; proxy_set_header Host $http_host;
      proxy_cache kept; proxy_cache_valid 200 1m; proxy_ignore_headers Cache-Control Vary;
    }}
    location / {{ proxy_pass http://127.0.0.1:{app}; proxy_set_header Host $http_host; }}
  }}
}}
"""


@contextmanager
def nginx_before(app_port: int, directory: Path) -> Iterator[str]:
    """Start nginx in front of the port, and return its base URL without a final slash.

    Under `/kept/` it keeps every answer, whatever the app says of that; `/400` asks the app for
    a host that is not its own; `/503` and `/504` are nginx's own answers.
    Skips without nginx, but fails where CI is set.
    """
    [port] = free_ports(1)
    user = "user root;" if os.geteuid() == 0 else ""
    configuration = directory / "nginx.conf"
    configuration.write_text(
        NGINX.format(directory=directory, user=user, port=port, root=ROOT, app=app_port)
    )
    command = [program("nginx", "nginx-light"), "-e", "stderr", "-c", str(configuration)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as nginx:
        try:
            wait_until(lambda: listens(port), f"port {port} listens")
            yield f"http://127.0.0.1:{port}"
        finally:
            nginx.terminate()
