"""No integration passes without a verdict: its runner's command is executed with each fault."""

import pytest

from tests.pipelines.faults import FAULTS, host_unreachable
from tests.pipelines.integrations import INTEGRATIONS
from tests.pipelines.step import Step, execute
from tests.smoke_test.probe.answers import silent
from tests.smoke_test.probe.servers import serving

pytestmark = pytest.mark.server

each_integration = pytest.mark.parametrize("integration", INTEGRATIONS)


@each_integration
def test_it_passes_without_a_fault(integration: str, step: Step) -> None:
    result = execute(INTEGRATIONS[integration](step), step)

    assert result.status == 0, result.output
    assert step.commit[:12] in result.output


def test_another_checkout_in_cdpath_is_not_run(step: Step) -> None:
    elsewhere = step.directory.parent / "elsewhere"
    (elsewhere / "petsage/deploy").mkdir(parents=True)
    step.environ["CDPATH"] = str(elsewhere)

    result = execute(INTEGRATIONS["shell"](step), step)

    assert result.status == 0, result.output


# Jenkins and Buildkite differ from the shell recipe only in how they pass the URL and the commit.
OF_ALL = ("URL unset", "URL empty", "URL is an option", "commit unset", "wrong release")
PAIRS = [
    (integration, name)
    for name in FAULTS
    for integration in INTEGRATIONS
    if name in OF_ALL or integration in ("GitHub", "GitLab", "shell")
]


@pytest.mark.parametrize(("integration", "name"), PAIRS)
def test_it_fails_with_each_fault(integration: str, name: str, step: Step) -> None:
    fault = FAULTS[name]
    fault.cause(step)

    result = execute(INTEGRATIONS[integration](step), step)

    assert fault.printed in result.output
    assert result.status != 0


@each_integration
def test_it_fails_when_no_response_comes_in_time(integration: str, step: Step) -> None:
    with serving(silent) as port:
        step.url, step.wait = f"http://127.0.0.1:{port}/smoke-test/", "0.5"

        result = execute(INTEGRATIONS[integration](step), step)

    assert "smoke_test.http.timeout" in result.output
    assert result.status != 0


@each_integration
def test_it_fails_when_it_is_canceled(integration: str, step: Step) -> None:
    host_unreachable(step)
    step.wait = "60"

    result = execute(INTEGRATIONS[integration](step), step, cancel_after="tcp.refused")

    assert result.status != 0
