"""docs/pipelines.md and the recipes of docs/probe.md quote real names, and the recipes run."""

import re
from pathlib import Path

import pytest

from smoke_test import __version__
from tests.conftest import ROOT, program
from tests.pipelines.documents import PIPELINES, PROBE, load_yaml, recipe, recipes
from tests.pipelines.faults import host_unreachable
from tests.pipelines.integrations import HOST
from tests.pipelines.step import Command, Result, Step, execute

ACTION = load_yaml((ROOT / "action.yml").read_text())
GITLAB = (ROOT / "deploy/gitlab/smoke-test.yml").read_text()
URL = "https://api.petsage.example/smoke-test/"
VERSION = f"v{__version__}"


def table(heading: str) -> dict[str, str]:
    """Return the first two columns of the table whose first heading this is."""
    rows = re.search(
        rf"^\| {heading} \|.*\n\|[-|]+\n((?:\|.*\n)+)", PIPELINES.read_text(), re.MULTILINE
    )
    assert rows
    cells = [row.split(" | ") for row in rows[1].splitlines()]
    return {name.strip("| `"): second.strip(" |") for name, second, *_ in cells}


def test_it_starts_with_the_three_lines_in_the_readme() -> None:
    _, language, text = recipes(PIPELINES)[0]

    assert (language, len(text.splitlines())) == ("yaml", 3)
    assert text in (ROOT / "README.md").read_text()


def test_every_recipe_is_tested() -> None:
    assert [(heading, language) for heading, language, _ in recipes(PIPELINES)] == [
        ("Pipelines", "yaml"),
        ("GitHub", "yaml"),
        ("GitLab", "yaml"),
        ("Jenkins", "groovy"),
        ("Buildkite", "yaml"),
        ("Any shell", "sh"),
    ]


def test_every_version_is_that_of_the_project() -> None:
    texts = [PIPELINES.read_text(), PROBE.read_text(), (ROOT / "README.md").read_text(), GITLAB]

    assert {name for text in texts for name in re.findall(r"\bv\d+\.\d+\.\d+\b", text)} == {
        VERSION
    }


def test_the_inputs_and_outputs_are_those_of_the_action() -> None:
    defaults = {
        name: "none, required" if it.get("required") else it.get("default", "none")
        for name, it in ACTION["inputs"].items()
    }
    listed = {
        name: {"`*`, any release": "*", "the system's": "none"}.get(text, text.strip("`"))
        for name, text in table("Input").items()
    }

    assert listed == defaults
    assert {name: it["value"] for name, it in ACTION["outputs"].items()} == {
        name: f"${{{{ steps.probe.outputs.{name} }}}}" for name in table("Output")
    }


def test_the_variables_are_those_of_the_gitlab_job() -> None:
    variables = load_yaml(GITLAB)["smoke-test"]["variables"].keys() - {"GIT_STRATEGY"}
    documented = {name for names in table("Variable") for name in names.split("`, `")}

    assert documented == variables


def test_the_gitlab_recipe_includes_an_existing_file_and_sets_its_variables() -> None:
    pipeline = load_yaml(recipe(PIPELINES, "GitLab"))
    [include] = pipeline.pop("include")
    job = load_yaml((ROOT / include["file"]).read_text())

    assert pipeline.keys() == job.keys()
    assert pipeline["smoke-test"]["variables"].keys() <= job["smoke-test"]["variables"].keys()


def act(step: Step, tmp_path: Path, *steps_of_recipes: str) -> Command:
    """Return the act command that executes our recipes in one job, as GitHub would."""
    steps = "".join(steps_of_recipes)
    assert (URL in steps, f"petsage/petsage@{VERSION}" in steps) == (True, True)
    indented = steps.replace(URL, str(step.url)).replace("wait: 120", f"wait: {step.wait}")
    workflow = tmp_path / "workflow.yml"
    workflow.write_text(
        "on: push\njobs:\n  deploy:\n    runs-on: ubuntu-latest\n    steps:\n"
        + re.sub("^", "      ", indented, flags=re.MULTILINE)
    )
    options = {
        "--directory": step.checkout,
        "--workflows": workflow,
        "--platform": "ubuntu-latest=-self-hosted",
        "--local-repository": f"petsage/petsage@{VERSION}={step.checkout}",
        "--secret": "CF_ACCESS_CLIENT_SECRET=hidden-from-all",
        "--var": "CF_ACCESS_CLIENT_ID=petsage",
    }
    pairs = [f"{name}={value}" for name, value in options.items()]
    return Command([program("act", "act"), "push", *pairs], {})


@pytest.mark.server
def test_the_github_recipes_pass(step: Step, tmp_path: Path) -> None:
    three_lines, all_inputs = recipe(PIPELINES, "Pipelines"), recipe(PIPELINES, "GitHub")

    result = execute(act(step, tmp_path, three_lines, all_inputs), step)

    assert result.status == 0, result.output
    assert "roll back" not in result.output


@pytest.mark.server
def test_the_github_recipe_fails_and_passes_the_code_on(step: Step, tmp_path: Path) -> None:
    host_unreachable(step)

    result = execute(act(step, tmp_path, recipe(PIPELINES, "GitHub")), step)

    assert result.status == 1
    assert "roll back, because of tcp.refused\n" in result.output
    assert "hidden-from-all" not in result.output


def monitoring(step: Step, pattern: str) -> Command:
    """Return a command from docs/probe.md, changed to the step's checkout and address."""
    [line] = re.findall(pattern, PROBE.read_text(), re.MULTILINE)
    address = re.sub(r"https://[^/]+/smoke-test/", str(step.url), line)
    assert address != line
    local = address.replace("/opt/petsage-probe", str(step.checkout))
    script = local.replace("/var/lib/node_exporter", str(step.directory))
    return Command(["sh", "-c", script.replace("--wait 30", f"--wait {step.wait}")], {})


CRON = r"^(?:[*/5]+ ){5}(.*%s.*)$"
NAGIOS = r"^  command_line  (.*)$"


@pytest.mark.server
def test_a_monitor_installs_nothing_after_its_installation(step: Step, tmp_path: Path) -> None:
    step.environ.pop("RUNNER_TEMP")
    script = recipe(PROBE, "Monitoring").replace("/opt/petsage-probe", str(tmp_path / "clone"))
    clone = script.replace(f"https://{HOST}/petsage/petsage.git", str(step.checkout))
    assert execute(Command(["sh", "-ec", clone], {}), step).status == 0
    step.checkout = tmp_path / "clone"
    step.environ["PIP_FIND_LINKS"] = "/nowhere"

    assert execute(monitoring(step, NAGIOS), step).status == 0


@pytest.mark.server
def test_nagios_gets_ok_critical_and_unknown(step: Step) -> None:
    passed = execute(monitoring(step, NAGIOS), step)
    host_unreachable(step)
    failed = execute(monitoring(step, NAGIOS), step)
    step.set_python(None)
    unknown = execute(monitoring(step, NAGIOS), step)

    assert [result.status for result in (passed, failed, unknown)] == [0, 2, 3]
    assert passed.output.startswith("PETSAGE OK - ")


@pytest.mark.server
def test_node_exporter_gets_a_pass_and_a_failure(step: Step) -> None:
    file = step.directory / "petsage.prom"

    passed = execute(monitoring(step, CRON % "prometheus"), step)
    assert f'petsage_probe_ok{{url="{step.url}"}} 1\n' in file.read_text()
    host_unreachable(step)
    failed = execute(monitoring(step, CRON % "prometheus"), step)

    assert f'petsage_probe_ok{{url="{step.url}"}} 0\n' in file.read_text()
    assert (passed.status, failed.status) == (0, 1)


@pytest.mark.server
def test_cron_mails_only_failures(step: Step) -> None:
    passed = execute(monitoring(step, CRON % "WARNING"), step)
    host_unreachable(step)
    failed = execute(monitoring(step, CRON % "WARNING"), step)

    assert passed == Result(0, "")
    assert "smoke_test.tcp.refused" in failed.output
