"""One container: its responses, output and requirements, and the faults that it survives."""

import json
import os
import re
import signal
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from pathlib import Path

import pytest

from smoke_test.contract import BODY
from tests.container import NAME, RELEASE
from tests.container.conftest import Start
from tests.container.running import Container, Podman
from tests.deploy.running import freeze, is_running
from tests.polling import wait_until

pytestmark = pytest.mark.container

PROBE = [
    "python", "-m", "smoke_test.probe", f"http://{NAME}/smoke-test/", "--release", RELEASE,
]  # fmt: skip


def test_it_meets_the_contract(site: Container) -> None:
    reply = site.get()

    assert (reply.status, reply.body) == (HTTPStatus.OK, BODY)
    assert reply.headers.get_all("X-PetSage-Release") == [RELEASE]


@pytest.mark.parametrize("path", ["/smoke-test/", "/docs/"])
def test_it_serves_each_page_with_its_static_files(site: Container, path: str) -> None:
    page = site.get(path, Accept="text/html")

    assert page.status == HTTPStatus.OK
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.body.decode())
    assert files
    assert {name: site.get(name).status for name in files} == dict.fromkeys(files, HTTPStatus.OK)


def test_any_user_can_serve_on_port_8000_without_a_network(podman: Podman, start: Start) -> None:
    container = start(
        "--no-healthcheck", "--network=none", "--user=4711:4711",
        GRANIAN_HOST="0.0.0.0", GRANIAN_PORT="8000",  # noqa: S104 - there is no network
    )  # fmt: skip

    podman("exec", container.name, *PROBE, "--connect-to=127.0.0.1:8000", "--wait=30")


@pytest.mark.parametrize("path", ["/app/x", "/run/x", "/x"])
def test_no_file_can_be_written(podman: Podman, site: Container, path: str) -> None:
    source = f"open({path!r}, 'w')"

    result = podman("exec", "--user=0", site.name, "python", "-c", source, check=False)

    assert f"OSError: [Errno 30] Read-only file system: '{path}'" in result.stderr


def test_standard_output_has_failures_as_json_but_no_successes(start: Start) -> None:
    container = start("--no-healthcheck").wait_until_ready()
    container.get("/nowhere?a=b", User_Agent='say "x"\t')
    container.get(Host="elsewhere")
    container.get(method="POST")

    lines, errors = container.logs()
    records = [json.loads(line) for line in lines]
    assert [(line["method"], line["uri"], line["host"], line["status"]) for line in records] == [
        ("GET", "/nowhere?a=b", NAME, 404),
        ("GET", "/smoke-test/", "elsewhere", 400),
        ("POST", "/smoke-test/", NAME, 405),
    ]
    assert records[0]["agent"] == 'say "x"'
    assert datetime.fromisoformat(records[0]["time"]).tzinfo
    assert errors == "System check identified no issues (3 silenced).\n"


def test_an_error_in_a_view_is_one_line_with_its_traceback(start: Start, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(
        "from petsage_project.settings import *\nROOT_URLCONF = 'broken'\n"
        "from django.urls import path\nurlpatterns = [path('', lambda request: 1 / 0)]\n"
    )
    container = start(
        "--no-healthcheck", f"--volume={tmp_path}/broken.py:/app/broken.py:ro",
        DJANGO_SETTINGS_MODULE="broken",
    )  # fmt: skip
    wait_until(lambda: _status(container) == HTTPStatus.NOT_FOUND, "it responds")

    assert container.get("/").status == HTTPStatus.INTERNAL_SERVER_ERROR

    line = json.loads(container.logs()[0][-1])
    assert (line["uri"], line["status"]) == ("/", 500)
    assert "ZeroDivisionError" in line["traceback"]


def test_the_healthcheck_passes_without_django(start: Start, podman: Podman) -> None:
    container = start().wait_until_ready()

    assert podman("healthcheck", "run", container.name).returncode == 0
    # Standard error names each imported module. With Django, it would take three times as long.
    command = ["python", "-X", "importtime", "-m", "deploy.healthcheck"]
    run = podman("exec", container.name, *command)
    assert " smoke_test.probe.cli\n" in run.stderr
    assert "django" not in run.stderr


def test_the_healthcheck_notices_a_stopped_worker(start: Start, podman: Podman) -> None:
    container = start().wait_until_ready()

    freeze(*container.workers())

    assert podman("healthcheck", "run", container.name, check=False).returncode == 1


def test_two_workers_use_at_most_100_mb(start: Start, podman: Podman) -> None:
    container = start("--no-healthcheck", GRANIAN_WORKERS="2").wait_until_ready()
    wait_until(lambda: len(container.workers()) == 2, "both run")
    for _ in range(200):
        container.get()

    usage = podman("stats", "--no-stream", "--format={{.MemUsage}}", container.name).stdout
    unit = {"kB": 1e3, "MB": 1e6, "GB": 1e9}
    number, name = re.findall(r"^([\d.]+)(\w+) /", usage)[0]
    assert 0 < float(number) * unit[name] <= 100e6


def test_a_killed_worker_is_replaced(site: Container) -> None:
    [worker] = site.workers()

    os.kill(worker, signal.SIGKILL)

    wait_until(lambda: not is_running(worker) and site.is_ready(), "another one responds")
    assert site.logs()[1].count("[ERROR] Unexpected exit from worker-1") == 1


def test_a_worker_that_hangs_is_replaced(holding: Container) -> None:
    [worker] = holding.workers()

    with suppress(OSError):
        holding.get(X_Hold="60", X_Hold_Begun="/held/begun")

    wait_until(lambda: not is_running(worker) and holding.is_ready(), "another one responds")
    assert "hold.py" in holding.logs()[1]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"DJANGO_ALLOWED_HOSTS": "https://a.example"}, "DJANGO_ALLOWED_HOSTS: got 'https://a."),
        ({"DJANGO_SECRET_KEY_FILE": "/nowhere"}, "DJANGO_SECRET_KEY_FILE: got '/nowhere', expec"),
        ({"DJANGO_SECRET_KEY_FILE": "/dev/null"}, "security.W009"),
        ({"DJANGO_DEBUG": "1"}, "security.W018"),
        ({"PETSAGE_RELEASE": "a b"}, "PETSAGE_RELEASE: got 'a b', expected "),
        ({"GRANIAN_WORKERS": "none"}, "Invalid value for '--workers'"),
    ],
    ids=str,
)
def test_it_exits_with_one_message_if_a_setting_is_invalid(
    start: Start, environ: dict[str, str], expected: str
) -> None:
    container = start("--no-healthcheck", **environ)

    assert container.exit_status() in (1, 2)
    lines, errors = container.logs()
    assert lines == []
    assert expected in errors
    assert "Traceback" not in errors


def _status(container: Container) -> int:
    try:
        return container.get().status
    except OSError:
        return 0
