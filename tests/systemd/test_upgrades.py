"""Upgrades, rollbacks and refused releases under load: no client is affected."""

import re

import pytest

from tests.systemd.machine import Machine, traces

pytestmark = pytest.mark.systemd


def test_three_upgrades_and_a_rollback_lose_no_request(machine: Machine) -> None:
    first = machine.serving()
    with machine.load() as load:
        releases = [machine.commit() for _ in range(3)]
        results = []
        for release in releases:
            machine.git("checkout", "-q", release)
            results.append(machine.install())
        back = machine.install("--rollback")

    assert [result.outcome() for result in results] == [
        (0, "serves", release, None) for release in releases
    ]
    assert [result.report["former"] for result in results] == [first, *releases[:2]]
    assert back.outcome() == (0, "serves", releases[1], None)
    assert list(back.report["steps"]) == list(results[0].report["steps"])
    assert set(load.outcomes) == {f"200 {release}" for release in [first, *releases]}
    assert machine.traces() == traces(releases[1], releases[0], releases[2], links=2)


SPOILED = """        served = "GRANIAN_UDS" in os.environ
        return [b"".join(response).replace(b"ok", b"OK" if served else b"ok")]"""

# Each bad release: its edits, the step that refuses it, and the reason. A fault that depends on
# GRANIAN_UDS is not visible to the in-process probe.
BAD = {
    "its worker dies at import": (
        [("deploy/worker.py", r"\A", "raise SystemExit('broken')\n")],
        "start", r"petsage-\w+@1 did not start: exit-code",
    ),
    "its import takes too long": (
        [
            ("deploy/worker.py", r"\A", "import time\ntime.sleep(30)\n"),
            ("deploy/petsage@.service", r"TimeoutStartSec=60", "TimeoutStartSec=5"),
        ],
        "start", r"petsage-\w+@1 did not start: timeout",
    ),
    "its view raises": (
        [("smoke_test/services.py", r"(def run_smoke_test.*?\n)(    return )",
          r"\1    raise OSError\n\2")],
        "check", r"smoke_test\.E\d+",
    ),
    "its view raises when it is served": (
        [("smoke_test/services.py", r"\A", "import os\n"),
         ("smoke_test/services.py", r"(def run_smoke_test.*?\n)(    return )",
          r"\1    os.environ.get('GRANIAN_UDS') and 1 / 0\n\2")],
        "start", r"app\.error",
    ),
    "its body is wrong when it is served": (
        [("petsage_project/wsgi.py", r"        return list\(response\)",
          SPOILED)],
        "start", r"contract\.wrong_body",
    ),
    "it responds as another release": (
        [("deploy/granian.py", r"(    path = Path\(sys.argv\[1\]\)\n)",
          r"\1    os.environ['PETSAGE_RELEASE'] = 'old'" + "\n")],
        "start", r"release\.mismatch",
    ),
    "it never responds": (
        [("petsage_project/wsgi.py", r"(    response = _django)",
          r"    if 'GRANIAN_UDS' in os.environ: import time; time.sleep(3600)" + "\n" + r"\1"),
         ("deploy/petsage@.service", r"TimeoutStartSec=60", "TimeoutStartSec=5")],
        "start", r"petsage-\w+@1 did not start: (timeout|exit-code)",
    ),
    "its requirements do not install": (
        [("requirements.txt", r"^granian==[\d.]+", "granian==0.0.1")],
        "build", r".+",
    ),
    "its settings do not load": (
        [("petsage_project/settings.py", r"\A", "1 / 0\n")],
        "build", r"ZeroDivisionError: division by zero",
    ),
    "its nginx template does not render": (
        [("deploy/nginx/server.conf", r"\A", "{{ nothing }}\n")],
        "render", r".*nothing.*",
    ),
    "nginx rejects its site": (
        [("deploy/nginx/server.conf", r"\A", "nonsense on;\n")],
        "render", r'nginx: configuration file /etc/nginx/nginx.conf test failed',
    ),
    "its unit starts nothing": (
        [("deploy/petsage@.service", r"^ExecStart=.*?$", "ExecStart=/nonexistent")],
        "start", r"petsage-\w+@1 did not start: exit-code",
    ),
    "its unit is not a unit file": (
        [("deploy/petsage@.service", r"\A.*\Z", "nonsense\n")],
        "start", r".+",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_release_is_refused_and_no_client_is_affected(machine: Machine, kind: str) -> None:
    edits, step, reason = BAD[kind]
    before, serving = machine.traces(), machine.serving()
    bad = machine.commit(*edits)

    with machine.load() as load:
        result = machine.install()

    assert result.outcome()[:3] == (10, "refused", serving), result
    assert re.fullmatch(reason, result.report["reason"]), result
    assert result.report["wanted"] == bad
    assert result.report["former"] == serving
    assert list(result.report["steps"])[-2:] == [step, "clean"]
    assert set(load.outcomes) == {f"200 {serving}"}, load
    assert machine.traces() == before


def test_a_release_may_take_longer_to_start_than_the_watchdog_allows(machine: Machine) -> None:
    former = machine.serving()
    slow = machine.commit(("deploy/worker.py", r"\A", "import time\ntime.sleep(11)\n"))

    with machine.load() as load:
        result = machine.install()

    assert result.outcome() == (0, "serves", slow, None)
    assert set(load.outcomes) == {f"200 {former}", f"200 {slow}"}


def test_a_site_that_fails_after_the_switch_is_rolled_back(machine: Machine) -> None:
    before, serving = machine.traces(), machine.serving()
    # Twice each, because the second line is the backup.
    edits = [("deploy/nginx/http.conf", f"app-{i}", "app-9") for i in (1, 1, 2, 2)]
    machine.commit(*edits)

    result = machine.install()

    assert result.outcome() == (10, "refused", serving, "proxy.bad_gateway")
    assert list(result.report["steps"])[-2:] == ["ask", "clean"]
    assert machine.traces() == before
    with machine.load() as load:
        pass
    assert set(load.outcomes) == {f"200 {serving}"}
