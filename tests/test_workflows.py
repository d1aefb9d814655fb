"""The workflows and templates in .github/ are valid, and the release's steps work."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from smoke_test import __version__
from tests.conftest import ROOT, program
from tests.test_adding_a_feature import copy_of_the_project, run

FOLDER = ROOT / ".github"
FORMS = sorted(FOLDER.glob("ISSUE_TEMPLATE/*.yml"))
SCHEMAS = {
    "github-workflows": sorted(FOLDER.glob("workflows/*.yml")),
    "github-actions": sorted(ROOT.glob("action.yml")),
    "github-issue-config": [form for form in FORMS if form.name == "config.yml"],
    "github-issue-forms": [form for form in FORMS if form.name != "config.yml"],
    "dependabot": [FOLDER / "dependabot.yml"],
}


def _lint(*command: str | Path) -> None:
    name, *arguments = map(str, command)
    result = subprocess.run(
        [program(name, name), *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.process
def test_zizmor_finds_no_weakness() -> None:
    _lint("zizmor", "--offline", "--no-progress", "--quiet", ROOT)


@pytest.mark.process
def test_jactionlint_finds_no_mistake() -> None:
    # Unlike actionlint, it knows GitHub's latest syntax.
    _lint("jactionlint")


@pytest.mark.process
@pytest.mark.parametrize("schema", [schema for schema, files in SCHEMAS.items() if files])
def test_every_file_matches_githubs_schema(schema: str) -> None:
    _lint("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *SCHEMAS[schema])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project with this version in the changelog."""
    copy = copy_of_the_project(tmp_path_factory.mktemp("release") / "petsage")
    notes = (
        f"## [Unreleased]\n\n## [{__version__}] - 2026-11-26\n\n- New.\n\n## [0.9.0]\n\n- Old.\n"
    )
    (copy / "CHANGELOG.md").write_text(notes)
    return copy


def _steps_of_the_wheel() -> list[str]:
    workflow: dict[str, Any] = yaml.safe_load((FOLDER / "workflows/release.yml").read_text())
    steps = workflow["jobs"]["wheel"]["steps"]
    return [step["run"] for step in steps if "run" in step]


@pytest.mark.process
def test_a_release_builds_a_wheel_that_works(project: Path) -> None:
    for step in _steps_of_the_wheel():
        run(project, step, GITHUB_REF_NAME=f"v{__version__}")
    wheel = f"dist/petsage-{__version__}-py3-none-any.whl"
    run(project, f".venv/bin/python -m pip install --quiet --no-deps --target installed {wheel}")

    # -P: do not import the copy's own code.
    listed = run(
        project, "cd installed && ls -d * && ls smoke_test && ../.venv/bin/python -P "
        "bin/petsage-smoke-test --help | head -1", PYTHONPATH=str(project / "installed")
    )  # fmt: skip

    assert (project / "notes.md").read_text() == "\n- New.\n\n"
    assert listed.splitlines()[:-1] == [
        "bin", f"petsage-{__version__}.dist-info", "smoke_test",
        "__init__.py", "__pycache__", "contract.py", "probe",
    ]  # fmt: skip
    assert listed.splitlines()[-1].startswith("usage: ")


@pytest.mark.process
@pytest.mark.parametrize(
    ("tag", "error"),
    [
        ("v0.0.1", f"got tag v0.0.1, expected v{__version__}"),
        (f"v{__version__}", f"got no section [{__version__}] in CHANGELOG.md"),
    ],
)
def test_a_tag_without_its_version_or_notes_is_refused(
    project: Path, tag: str, error: str
) -> None:
    changelog = project / "CHANGELOG.md"
    sound = changelog.read_text()
    changelog.write_text("## [Unreleased]\n")
    try:
        with pytest.raises(AssertionError, match=error.replace("[", r"\[")):
            run(project, _steps_of_the_wheel()[1], GITHUB_REF_NAME=tag)
    finally:
        changelog.write_text(sound)
