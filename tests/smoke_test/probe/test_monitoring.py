"""Real monitoring tools read the monitoring formats."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import trustme

from tests.conftest import ROOT, program
from tests.smoke_test.probe import certificates
from tests.smoke_test.probe.answers import app, other
from tests.smoke_test.probe.servers import serving
from tests.smoke_test.probe.test_usage import run

pytestmark = pytest.mark.process

PROBE = (ROOT / "docs/probe.md").read_text()


def negated(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the plugin under `negate -s`, which replaces its exit status and the word for it.

    negate reads the exit status and the first state in the output.
    """
    plugin = [sys.executable, "-m", "smoke_test.probe", *arguments, "--format", "nagios"]
    states = ["--ok=WARNING", "--warning=OK", "--critical=UNKNOWN", "--unknown=CRITICAL"]
    return subprocess.run(
        [program("negate", "monitoring-plugins-basic"), "-s", "-t", "30", *states, *plugin],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "status", "state"),
    [
        (["{ok}"], 1, "WARNING"),
        (["{ok}", "--slow=0"], 0, "OK"),
        (["{ok}", "{bad}"], 3, "UNKNOWN"),
        (["{ok}", "--release", "r2"], 3, "UNKNOWN"),
        (["{ok}", "--ca-file=/nowhere"], 2, "CRITICAL"),
        ([], 2, "CRITICAL"),
        (["{ok}", "--unknown"], 2, "CRITICAL"),
        ([""], 2, "CRITICAL"),
    ],
)
def test_it_works_as_a_nagios_plugin(arguments: list[str], status: int, state: str) -> None:
    with serving(app()) as port, serving(other("404 Not Found")) as wrong:
        urls = {"ok": f"http://127.0.0.1:{port}/", "bad": f"http://127.0.0.1:{wrong}/"}
        slow = [] if "--slow=0" in arguments else ["--slow=60000"]
        result = negated(*[each.format(**urls) for each in arguments], *slow)

    assert (result.returncode, result.stderr) == (status, "")
    assert result.stdout.startswith(f"PETSAGE {state} - ")
    assert "Traceback" not in result.stdout


def test_the_performance_data_has_the_phases_in_seconds() -> None:
    with serving(app()) as port:
        result = run(f"http://127.0.0.1:{port}/", "--format", "nagios", "--slow", "60000")

    text, data = result.stdout.rstrip("\n").split(" | ")
    url = f"http://127.0.0.1:{port}/"
    assert text == f"PETSAGE OK - {url} release r1 answered at 127.0.0.1."
    assert re.sub(r"\d\.\d{6}", "N", data) == (
        "dns=Ns;;;0 tcp=Ns;;;0 answer=Ns;;;0 total=Ns;;;0"
    )  # fmt: skip


def test_promtool_accepts_the_metrics(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    tls = certificates.server(authority.issue_cert("127.0.0.1"))
    file = tmp_path / "petsage.prom"
    with serving(app(), tls=tls) as port, serving(other("404 Not Found")) as wrong:
        good, bad = f"https://127.0.0.1:{port}/", f"http://127.0.0.1:{wrong}/?a=b"
        options = ["--ca-file", str(tmp_path / "ca.pem"), "--format", "prometheus"]
        run(good, good, bad, bad, *options, "--output", str(file))

    # Without any request, and with every metric.
    for text in (run(good, "--ca-file=/nowhere", *options[2:]).stdout, file.read_text()):
        check = subprocess.run(
            [program("promtool", "prometheus"), "check", "metrics"],
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (check.returncode, check.stdout, check.stderr) == (0, "", "")
    names = set(re.findall(r"^(petsage_probe_\w+)", file.read_text(), re.MULTILINE))
    assert names == set(re.findall(r"^\| `(petsage_\w+)", PROBE, re.MULTILINE))
