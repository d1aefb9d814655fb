"""The edits and commands of docs/adding-a-feature.md work in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

# A line with a file's name, or a block.
NAME_OR_BLOCK = re.compile(r"^`([\w./]+)`[^\n]*:$|^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (.*\n)((?:(?!\$ ).*\n)*)", re.MULTILINE)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project with the feature."""
    copy = copy_of_the_project(tmp_path_factory.mktemp("feature") / "petsage")
    path = copy
    page = (ROOT / "docs/adding-a-feature.md").read_text()
    for name, language, block in NAME_OR_BLOCK.findall(page):
        if name:
            path = copy / name
        elif language == "console":
            for command, output in COMMAND.findall(block):
                assert run(copy, command).startswith(output)
        elif language == "diff":
            edit(path, block)
        else:
            path.write_text(block)
    return copy


def copy_of_the_project(copy: Path) -> Path:
    """Return a copy without git's history, with this environment as its .venv."""
    skipped = shutil.ignore_patterns(".git", ".venv*", ".*_cache", "__pycache__", "var")
    shutil.copytree(ROOT, copy, ignore=skipped)
    environment = copy / ".venv"
    environment.mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (environment / name).symlink_to(Path(sys.prefix, name))
    # Newer than the lock files, so make installs nothing.
    for stamp in ("installed", "installed-dev"):
        (environment / stamp).touch()
    return copy


def run(directory: Path, command: str, **environ: str) -> str:
    """Return the standard output of the shell command, which must succeed."""
    result = subprocess.run(
        ["bash", "-c", command],
        cwd=directory,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, f"{command}{result.stdout}{result.stderr}"
    return result.stdout


def edit(path: Path, diff: str) -> None:
    """Replace the diff's old lines, which must occur once in the file, with the new ones."""
    lines = diff.splitlines(keepends=True)
    old, new = ("".join(line[1:] for line in lines if line[0] in kept) for kept in (" -", " +"))
    text = path.read_text()
    assert text.count(old) == 1, f"got {text.count(old)} places in {path}, expected 1:\n{old}"
    path.write_text(text.replace(old, new))


@pytest.mark.process
def test_a_deployment_with_the_feature_passes_every_check(project: Path) -> None:
    command = ".venv/bin/python manage.py check --deploy --fail-level WARNING"
    environ = {
        "DJANGO_SECRET_KEY": "correct-horse-battery-staple-0123456789-ABCDEFGHIJKLMNOPQ",
        "DJANGO_ALLOWED_HOSTS": "api.petsage.example",
    }

    assert run(project, command, **environ) == "System check identified no issues (2 silenced).\n"


@pytest.mark.process
def test_the_feature_meets_the_projects_rules(project: Path) -> None:
    code = "accounts pets tests/pets petsage_project/settings.py petsage_project/urls.py"

    run(project, f".venv/bin/ruff check {code}")
    run(project, f".venv/bin/ruff format --check {code}")
    run(project, ".venv/bin/lint-imports --no-cache")


# A client's view of a broken database.
REQUESTS = """
import django; django.setup()
from django.test import Client
client = Client(raise_request_exception=False, headers={"cookie": "sessionid=" + "0" * 32})
print([client.get(path).status_code for path in ("/smoke-test/", "/pets/", "/admin/")])
"""


@pytest.mark.process
def test_a_broken_database_breaks_the_feature_but_not_the_smoke_test(project: Path) -> None:
    environ = {
        "DJANGO_SETTINGS_MODULE": "petsage_project.settings",
        "DJANGO_ALLOWED_HOSTS": "testserver",
    }
    command = f".venv/bin/python -c '{REQUESTS.replace(chr(39), chr(34))}'"

    sound = run(project, command, **environ)
    broken = run(project, command, PETSAGE_DATABASE="/dev/null/petsage.sqlite3", **environ)

    assert (sound, broken) == ("[200, 403, 302]\n", "[200, 500, 500]\n")
