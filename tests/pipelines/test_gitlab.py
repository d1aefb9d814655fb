"""deploy/gitlab/smoke-test.yml: the reports and the exit status of the job."""

import json
from xml.etree import ElementTree as ET

import pytest

from tests.conftest import ROOT
from tests.pipelines.documents import load_yaml
from tests.pipelines.faults import host_unreachable, python_missing
from tests.pipelines.integrations import gitlab
from tests.pipelines.step import Step, execute

pytestmark = pytest.mark.server

JOB = load_yaml((ROOT / "deploy/gitlab/smoke-test.yml").read_text())["smoke-test"]
[JSON] = JOB["artifacts"]["paths"]
JUNIT = JOB["artifacts"]["reports"]["junit"]


def test_one_probe_writes_both_reports(step: Step) -> None:
    host_unreachable(step)

    assert execute(gitlab(step), step).status == 1

    document = json.loads((step.directory / JSON).read_text())
    [case] = ET.parse(step.directory / JUNIT).iter("testcase")  # noqa: S314 - of our own probe
    assert [verdict["code"] for verdict in document["verdicts"]] == ["tcp.refused"]
    assert case.attrib["name"].startswith(str(step.url))
    assert [failure.attrib["type"] for failure in case] == ["tcp.refused"]


def test_reports_are_uploaded_whatever_the_verdict() -> None:
    assert JOB["artifacts"]["when"] == "always"


def test_a_former_jobs_reports_are_removed(step: Step) -> None:
    for name in (JSON, JUNIT):
        (step.directory / name).write_text("former")
    python_missing(step)

    assert execute(gitlab(step), step).status == 3

    assert not {JSON, JUNIT} & {path.name for path in step.directory.iterdir()}


def test_a_former_jobs_clone_is_removed(step: Step) -> None:
    (step.directory / "petsage").mkdir()
    (step.directory / "petsage/of").write_text("another release")

    assert execute(gitlab(step), step).status == 0

    assert not (step.directory / "petsage/of").exists()


def test_an_option_that_only_prints_does_not_pass(step: Step) -> None:
    step.mistake = "--help"

    result = execute(gitlab(step), step)

    assert (result.status, "usage: " in result.output) == (1, True)


def test_the_release_can_differ_from_the_commit(step: Step) -> None:
    step.wait = "0"
    command = gitlab(step)
    command.environ["SMOKE_TEST_RELEASE"] = "another"

    result = execute(command, step)

    assert (result.status, "release.mismatch" in result.output) == (1, True)


def test_another_version_of_the_probe_is_not_run(step: Step) -> None:
    command = gitlab(step)
    command.environ["PETSAGE_REF"] = "v0.0.0"

    result = execute(command, step)

    assert (result.status, "v0.0.0 not found" in result.output) == (128, True)
