"""Builds the command that each integration's runner executes."""

import re
from collections.abc import Callable
from string import Template

from tests.conftest import ROOT
from tests.pipelines.documents import PIPELINES, load_yaml, recipe
from tests.pipelines.step import Command, Step

HOST = "git.petsage.example"


def github(step: Step) -> Command:
    """Return the command that GitHub's runner executes for action.yml."""
    inputs = {"wait": step.wait, "consecutive": "2", "release": step.commit[:12]}
    if step.url is not None:
        inputs["url"] = step.url
    if step.mistake:
        inputs["fail-level"] = step.mistake
    return action(step, inputs)


def action(step: Step, inputs: dict[str, str]) -> Command:
    """Return the command that GitHub's runner executes for action.yml with these inputs."""
    action = load_yaml((ROOT / "action.yml").read_text())
    # A default applies to an absent input, not to an empty one (ActionRunner.cs).
    defaults = {name: it.get("default", "") for name, it in action["inputs"].items()}
    assert inputs.keys() <= defaults.keys()
    [run] = action["runs"]["steps"]
    # An expression in the script would let an input inject code.
    assert "${{" not in run["run"]
    environ = {
        name: re.sub(r"\$\{\{ inputs\.([a-z-]+) \}\}", lambda it: (defaults | inputs)[it[1]], text)
        for name, text in run["env"].items()
    }
    assert "${{" not in str(list(environ.values()))
    script = step.directory.parent / "script.sh"
    script.write_text(run["run"])
    files = {
        name: str(step.directory.parent / name)
        for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
    }
    # docs.github.com, workflow syntax: jobs.<job_id>.steps[*].shell
    shells = {"bash": ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail"]}
    path = {"GITHUB_ACTION_PATH": str(step.checkout)}
    return Command([*shells[run["shell"]], script], files | path | step.environ | environ)


def gitlab(step: Step) -> Command:
    """Return the command that GitLab's runner executes for the included job."""
    job = load_yaml((ROOT / "deploy/gitlab/smoke-test.yml").read_text())["smoke-test"]
    assert (job["allow_failure"], job["inherit"]) == (False, {"default": False})
    # After every stage that deploys.
    assert job["stage"] == ".post"
    variables = job["variables"] | {
        "CI_COMMIT_SHA": step.commit,
        "CI_JOB_TOKEN": "secret",
        "CI_SERVER_FQDN": HOST,
        "CI_SERVER_PROTOCOL": "https",
        "SMOKE_TEST_OPTIONS": f"--wait {step.wait} {step.mistake}",
    }
    if step.url is not None:
        variables["SMOKE_TEST_URL"] = step.url
    expanded = {
        name: Template(text).safe_substitute(variables) for name, text in variables.items()
    }
    remote = _remote(step, f"https://gitlab-ci-token:secret@{HOST}/petsage/petsage.git")
    # gitlab-runner, shells/bash.go: the lines are one script, with nothing on standard input.
    script = "\n".join(job["script"])
    return Command(["sh", "-c", 'set -e\n: | eval "$1"', "sh", script], expanded | remote)


def jenkins(step: Step) -> Command:
    """Return the command that the Jenkins step `sh` executes."""
    [script] = re.findall(r"sh '''\n(.*?)'''", recipe(PIPELINES, "Jenkins"), re.DOTALL)
    groovy = script.replace("\\\\", "\\")
    return _shell(step, ["sh", "-xe", "-c", _edited(step, groovy)], "GIT_COMMIT")


def buildkite(step: Step) -> Command:
    """Return the command that Buildkite's agent executes after it uploads the pipeline."""
    [job] = load_yaml(recipe(PIPELINES, "Buildkite"))["steps"]
    script = "\n".join(job["commands"])
    assert "$" not in script.replace("$$", "")
    script = _edited(step, script.replace("$$", "$"))
    return _shell(step, ["bash", "-e", "-c", script], "BUILDKITE_COMMIT")


def shell(step: Step) -> Command:
    return _shell(step, ["sh", "-c", _edited(step, recipe(PIPELINES, "Any shell"))], "COMMIT")


def _edited(step: Step, script: str) -> str:
    """Return the script with the step's wait and mistake."""
    assert "--wait 120" in script
    return script.replace("--wait 120", f"--wait {step.wait} {step.mistake}")


def _shell(step: Step, arguments: list[str], commit: str) -> Command:
    url = {} if step.url is None else {"SMOKE_TEST_URL": step.url}
    remote = _remote(step, f"https://{HOST}/petsage/petsage.git")
    return Command([*arguments], {commit: step.commit} | url | remote)


def _remote(step: Step, address: str) -> dict[str, str]:
    """Return an environment in which git clones the step's checkout for this address."""
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{step.checkout}.insteadOf",
        "GIT_CONFIG_VALUE_0": address,
    }


INTEGRATIONS: dict[str, Callable[[Step], Command]] = {
    "GitHub": github,
    "GitLab": gitlab,
    "Jenkins": jenkins,
    "Buildkite": buildkite,
    "shell": shell,
}
