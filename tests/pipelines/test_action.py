"""action.yml: its outputs, inputs and packages, as GitHub's runner uses them."""

import json
import re
import shutil
import socket
from pathlib import Path

import pytest

from tests.pipelines.faults import FAULTS, host_unreachable, make_directory, probe_killed
from tests.pipelines.integrations import action, github
from tests.pipelines.step import PYTHON, Step, change_checkout, execute
from tests.smoke_test.probe.answers import app, nginx, other
from tests.smoke_test.probe.servers import serving

pytestmark = pytest.mark.server


def outputs(step: Step) -> dict[str, str]:
    """Return the outputs as the runner reads them: the last of each name."""
    text = (step.directory.parent / "GITHUB_OUTPUT").read_text()
    pairs = re.findall(r"^(\w+)(?:=([^\n]*)|<<(\w+)\n(.*?)\n\3)$", text, re.MULTILINE | re.DOTALL)
    return {name: line + block for name, line, _, block in pairs}


def test_a_pass_sets_every_output(step: Step) -> None:
    assert execute(github(step), step).status == 0

    document = json.loads(outputs(step)["document"])
    assert outputs(step) | {"document": ""} == {
        "ok": "true",
        "code": "ok",
        "layer": "",
        "release": step.commit[:12],
        "document": "",
    }
    assert document["ok"] is True


def test_a_failure_sets_every_output_an_annotation_and_the_summary(step: Step) -> None:
    with serving(other("502 Bad Gateway", nginx("502 Bad Gateway"))) as port:
        step.url, step.wait = f"http://127.0.0.1:{port}/smoke-test/", "0"

        result = execute(github(step), step)

    assert result.status == 1
    assert "::error title=" in result.output
    assert outputs(step) | {"document": ""} == {
        "ok": "false",
        "code": "proxy.bad_gateway",
        "layer": "proxy",
        "release": "",
        "document": "",
    }
    summary = (step.directory.parent / "GITHUB_STEP_SUMMARY").read_text()
    assert "| `proxy.bad_gateway` |" in summary


def test_a_probe_that_does_not_run_is_not_ok(step: Step) -> None:
    FAULTS["Python missing"].cause(step)

    assert execute(github(step), step).status == 3

    assert outputs(step) == {"ok": "false"}


def test_a_killed_probe_is_not_ok(step: Step) -> None:
    probe_killed(step)

    assert execute(github(step), step).status == -9

    assert outputs(step) == {"ok": "false"}


def test_a_canceled_step_still_has_a_verdict(step: Step) -> None:
    host_unreachable(step)
    step.wait = "60"

    result = execute(github(step), step, cancel_after="tcp.refused")

    assert result.status == 143
    assert (outputs(step)["ok"], outputs(step)["code"]) == ("false", "tcp.refused")


def test_only_the_address_is_required(step: Step) -> None:
    assert step.url

    assert execute(action(step, {"url": step.url}), step).status == 0


def test_an_empty_input_does_not_get_its_default(step: Step) -> None:
    for name in ("release", "wait", "consecutive", "fail-level"):
        result = execute(action(step, {"url": str(step.url), name: ""}), step)

        assert (result.status, f"--{name}" in result.output) == (2, True)


def test_a_missing_ca_file_fails(step: Step) -> None:
    result = execute(action(step, {"url": str(step.url), "ca-file": "/nowhere"}), step)

    assert (result.status, "smoke_test.probe.ca_file" in result.output) == (3, True)


def test_each_line_is_a_path_or_a_header_and_headers_are_not_printed(step: Step) -> None:
    heads: list[str] = []

    def script(connection: socket.socket) -> None:
        heads.append(connection.recv(65536, socket.MSG_PEEK).decode())
        app()(connection)

    with serving(script) as port:
        inputs = {
            "url": f"http://127.0.0.1:{port}/smoke-test/",
            "also": "/\n\n  /docs/=200\n",
            "header": "Client-Id: me\nClient-Secret: pa$(id)ss `id` 'word' \\d\n",
        }
        result = execute(action(step, inputs), step)

    assert (result.status, "$(id)ss" in result.output) == (0, False)
    assert {head.split()[1] for head in heads} == {"/smoke-test/", "/", "/docs/"}
    assert all("\r\nClient-Id: me\r\n" in head for head in heads)
    assert all("\r\nClient-Secret: pa$(id)ss `id` 'word' \\d\r\n" in head for head in heads)


def test_the_workspace_is_neither_read_nor_written(step: Step) -> None:
    for name in ("idna", "json", "pip", "pycurl", "smoke_test"):
        (step.directory / f"{name}.py").write_text(
            f"raise RuntimeError('{name} of the workspace')\n"
        )
    before = sorted(step.directory.iterdir())
    # Without packages, so pip runs too.
    step.environ["RUNNER_TEMP"] = str(make_directory(step, "temp"))

    result = execute(github(step), step)

    assert (result.status, sorted(step.directory.iterdir())) == (0, before), result.output


def test_packages_are_installed_once_per_lock_file(step: Step) -> None:
    temp = step.directory.parent / "temp"
    step.environ["RUNNER_TEMP"] = str(temp)
    assert execute(github(step), step).status == 0
    step.environ["PIP_FIND_LINKS"] = "/nowhere"

    again = execute(github(step), step)
    change_checkout(step, "requirements-probe.txt", "pycurl==0.0.1 --hash=sha256:" + "0" * 64)
    changed = execute(github(step), step)

    assert (again.status, changed.status) == (0, 3)


def test_a_forged_package_is_not_installed(step: Step) -> None:
    forged = make_directory(step, "forged")
    for wheel in Path(step.environ["PIP_FIND_LINKS"]).iterdir():
        (forged / wheel.name).write_bytes(wheel.read_bytes() + b"\0")
    temp = make_directory(step, "temp")
    step.environ |= {"PIP_FIND_LINKS": str(forged), "RUNNER_TEMP": str(temp)}

    result = execute(github(step), step)

    assert (result.status, "DO NOT MATCH THE HASHES" in result.output) == (3, True)


def test_an_interrupted_installation_is_repeated(step: Step) -> None:
    temp = step.directory.parent / "temp"
    step.environ["RUNNER_TEMP"] = str(temp)
    pip = PYTHON.replace("exec ", "")
    half = f"rm -rf {temp}/.petsage-probe-*/pycurl"
    step.set_python(f'case "$*" in *--target*) {pip}; {half}; kill -9 $$;; esac\n{PYTHON}')
    assert execute(github(step), step).status == 3
    shutil.rmtree(step.tools)
    step.set_python(PYTHON)

    assert execute(github(step), step).status == 0
