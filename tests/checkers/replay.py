"""Replays checkers that cannot be installed here: their exact requests, and how they judge.

`python -m tests.checkers.replay NAME` exits 0 if the checker would consider 192.0.2.11 healthy.
docs/health-checkers/services.md and kubelet.yaml have the fields that cause these requests.
"""

import http.client
import socket
import ssl
import sys
import time
from typing import NamedTuple

import yaml

from tests.checkers import ADDRESSES, NAME, RECIPES, RELEASE

ADDRESS = ADDRESSES[0]
TEXT = b"PetSage smoke test feature is operational."
IF_MATCH = f'If-Match: "{RELEASE}"'


class Replay(NamedTuple):
    # The headers of a GET, in the order in which the checker sends them.
    headers: tuple[str, ...]
    statuses: range
    # The text that the body must contain; empty if the checker does not read the body.
    text: bytes = b""
    # Whether it uses TLS, with the site's name.
    tls: bool = False
    # Seconds.
    timeout: float = 5
    # The number of consecutive failures that make it unhealthy, and the seconds between them.
    failures: int = 1
    period: float = 0

    def is_healthy(self) -> bool:
        for _ in range(self.failures):
            if self._passes():
                return True
            time.sleep(self.period)
        return False

    def _passes(self) -> bool:
        head = "\r\n".join(["GET /smoke-test/ HTTP/1.1", *self.headers, "", ""])
        try:
            with self._connect() as connection:
                connection.sendall(head.encode())
                with http.client.HTTPResponse(connection) as response:
                    response.begin()
                    return response.status in self.statuses and self.text in response.read()
        except (OSError, http.client.HTTPException):
            return False

    def _connect(self) -> socket.socket:
        port = 443 if self.tls else 80
        connection = socket.create_connection((ADDRESS, port), timeout=self.timeout)
        if not self.tls:
            return connection
        context = ssl.create_default_context()
        context.set_alpn_protocols(["http/1.1"])
        return context.wrap_socket(connection, server_hostname=NAME)


def _kubelet() -> Replay:
    # kubernetes/pkg/probe/http: Go's client, without compression and without keep-alive.
    probe = yaml.safe_load((RECIPES / "kubelet.yaml").read_text())["readinessProbe"]
    headers = {header["name"]: header["value"] for header in probe["httpGet"]["httpHeaders"]}
    return Replay(
        (
            f"Host: {headers.pop('Host', f'{ADDRESS}:80')}",
            "User-Agent: kube-probe/1.34",
            "Connection: close",
            "Accept: */*",
            *(f"{name}: {value}" for name, value in headers.items()),
        ),
        range(200, 400),
        timeout=probe["timeoutSeconds"],
        failures=probe["failureThreshold"],
        period=probe["periodSeconds"],
    )


OK = range(200, 201)

REPLAYS = {
    "kubelet": _kubelet(),
    # From its own access logs; AWS documents the User-Agent.
    "AWS target group": Replay(
        (
            f"Host: {ADDRESS}:80",
            "Connection: close",
            "User-Agent: ELB-HealthChecker/2.0",
            "Accept-Encoding: gzip, compressed",
        ),
        OK,
    ),
    # awsdocs/amazon-route53-docs#20. It waits 2 s for the status.
    "Route 53": Replay(
        (
            f"Host: {NAME}",
            (
                "User-Agent: Amazon-Route53-Health-Check-Service (ref c96ad03c-acdf-48c6-8ec7-"
                "45806bf08123; report http://amzn.to/1vsZADi)"
            ),
            "Accept: */*",
            "Accept-Encoding: *",
        ),
        range(200, 400),
        TEXT,
        tls=True,
        timeout=2,
    ),
    # cloud.google.com/load-balancing/docs/health-check-concepts
    "Google": Replay(
        (f"Host: {NAME}", "User-Agent: GoogleHC/1.0", "Connection: Keep-alive"), OK, TEXT
    ),
    # MicrosoftDocs/azure-docs#97795
    "Azure Load Balancer": Replay(
        (f"Host: {ADDRESS}", "User-Agent: Load Balancer Agent", "Connection: Keep-Alive"), OK
    ),
    # It sends no User-Agent: MicrosoftDocs/azure-docs#69155.
    "Azure Application Gateway": Replay(
        (f"Host: {NAME}", "Connection: Keep-Alive"), range(200, 400), TEXT, tls=True
    ),
    # developers.cloudflare.com/load-balancing/monitors
    "Cloudflare": Replay(
        (
            f"Host: {NAME}",
            (
                "User-Agent: Mozilla/5.0 (compatible; Cloudflare-Traffic-Manager/1.0; "
                "+https://www.cloudflare.com/traffic-manager/; pool-id: 17b5962d775c646f)"
            ),
            IF_MATCH,
            "Accept-Encoding: gzip",
            "Connection: close",
        ),
        OK,
        TEXT,
        tls=True,
    ),
    "UptimeRobot": Replay(
        (
            f"Host: {NAME}",
            "User-Agent: Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
            "Accept: */*",
            IF_MATCH,
            "Accept-Encoding: gzip, deflate",
            "Connection: close",
        ),
        OK,
        TEXT,
        tls=True,
    ),
    "Better Stack": Replay(
        (
            f"Host: {NAME}",
            (
                "User-Agent: Better Stack Better Uptime Bot Mozilla/5.0 "
                "(Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
                "Chrome/75.0.3770.142 Safari/537.36"
            ),
            "Accept: */*",
            IF_MATCH,
            "Connection: close",
        ),
        OK,
        TEXT,
        tls=True,
    ),
    # uptime-kuma/server/model/monitor.js: its default Accept names text/html, so it would get the
    # page. The fields in services.md request JSON.
    "Uptime Kuma": Replay(
        (
            "Accept: application/json",
            "User-Agent: Uptime-Kuma/2.0.2",
            IF_MATCH,
            "Accept-Encoding: gzip, compress, deflate, br",
            f"Host: {NAME}",
            "Connection: close",
        ),
        range(200, 300),
        TEXT,
        tls=True,
    ),
    # kamal-proxy/internal/server/health_check.go: Go's client.
    "Kamal": Replay(
        (f"Host: {ADDRESS}:80", "User-Agent: kamal-proxy", "Accept-Encoding: gzip"),
        range(200, 300),
    ),
}

if __name__ == "__main__":
    sys.exit(not REPLAYS[sys.argv[1]].is_healthy())
