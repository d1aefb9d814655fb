"""A real nginx for the app server, with our pages for 502, 503 and 504."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.template.loader import render_to_string

from tests.conftest import ROOT, free_ports
from tests.nginx import run_nginx

HTTP = """
  proxy_cache_path {directory}/kept keys_zone=kept:64k;
  server {{
    listen 127.0.0.1:{port};
    error_page 502 /502.html; error_page 503 /503.html; error_page 504 /504.html;
    location ~ ^/50[234]\\.html$ {{ internal; root {directory}; }}
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
"""


@contextmanager
def run_proxy(app_port: int, directory: Path) -> Iterator[str]:
    """Start nginx as a proxy for the port, and return its base URL without a final slash.

    Under `/kept/` it caches every response, even against the app's headers; `/400` sends the app a
    foreign Host; `/503` and `/504` are nginx's own responses.
    Skips without nginx, but fails if CI is set.
    """
    [port] = free_ports(1)
    for status in (502, 503, 504):
        page = render_to_string("petsage/failure.html", {"status": status})
        (directory / f"{status}.html").write_text(page)
    http = HTTP.format(directory=directory, port=port, root=ROOT, app=app_port)
    with run_nginx(directory, port, http):
        yield f"http://127.0.0.1:{port}"
