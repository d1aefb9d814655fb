"""A pipeline's step, and the machine that runs it."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pip

from tests.conftest import program
from tests.polling import wait_until

# The programs of a small image, and git for the checkout.
TOOLS = ("bash", "cat", "dirname", "env", "git", "mkdir", "mv", "rm", "sh")

# A Python with pip, but without this environment's packages.
BARE_PYTHON = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")
PYTHON = f'PYTHONPATH=${{PYTHONPATH:-$(dirname "$0")/site}} exec {BARE_PYTHON} "$@"'


@dataclass
class Step:
    """The author's values, and the machine's files and environment."""

    # None if the variable is not set.
    url: str | None
    commit: str
    # The clone of PetSage.
    checkout: Path
    # The working directory.
    directory: Path
    # The directory in PATH.
    tools: Path
    environ: dict[str, str]
    wait: str = "120"
    # An invalid option.
    mistake: str = ""

    def set_python(self, script: str | None) -> None:
        """Make python3 run this shell script; with None, there is no python3."""
        self.tools = self.directory.parent / "tools"
        make_tools(self.tools, script)


class Command(NamedTuple):
    """The command that a runner executes."""

    arguments: list[str | Path]
    environ: dict[str, str]


class Result(NamedTuple):
    """A command's exit status and output."""

    status: int
    output: str


def make_tools(directory: Path, python: str | None) -> None:
    directory.mkdir()
    for name in TOOLS:
        (directory / name).symlink_to(program(name, name))
    if python is not None:
        script = directory / "python3"
        script.write_text(f"#!/bin/sh\n{python}\n")
        script.chmod(0o755)
    (directory / "site").mkdir()
    (directory / "site/pip").symlink_to(Path(pip.__file__).parent)


def execute(command: Command, step: Step, cancel_after: str | None = None) -> Result:
    """Run the command in the step's directory, with no other environment than the step's.

    With `cancel_after`, cancel it once it has printed this text: like a runner, send SIGTERM to
    all its processes.
    """
    printed = step.directory.parent / "printed"
    environ = {"PATH": str(step.tools), **step.environ, **command.environ}
    with (
        printed.open("wb") as file,
        subprocess.Popen(
            command.arguments, cwd=step.directory, env=environ, process_group=0,
            stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
        ) as process,
    ):  # fmt: skip
        try:
            if cancel_after:
                wait_until(lambda: cancel_after in printed.read_text(), f"printed {cancel_after}")
                os.killpg(process.pid, signal.SIGTERM)
            status = process.wait(timeout=60)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    return Result(status, printed.read_text())


def change_checkout(step: Step, name: str, text: str) -> None:
    """Give the step a checkout of the same version, but with this text in this file."""
    checkout = step.directory.parent / "changed"
    shutil.copytree(step.checkout, checkout)
    (checkout / name).write_text(text)
    git(checkout, "commit", "--quiet", "--all", "--message", "Break it")
    git(checkout, "tag", "--force", "v1.0.0")
    step.checkout = checkout


def git(directory: Path, *arguments: str) -> str:
    """Run git as a test user."""
    user = ["-c", "user.name=t", "-c", "user.email=t@petsage.example"]
    return subprocess.run(
        ["git", *user, *arguments], cwd=directory, capture_output=True, text=True, check=True
    ).stdout.strip()
