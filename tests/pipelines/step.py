"""A step of a pipeline, and the machine that it runs on."""

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

# What a small image has, and a checkout needs.
TOOLS = ("bash", "cat", "dirname", "env", "git", "mkdir", "mv", "rm", "sh")

# A Python that has pip, and none of the packages of this one.
BARE_PYTHON = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")
PYTHON = f'PYTHONPATH=${{PYTHONPATH:-$(dirname "$0")/site}} exec {BARE_PYTHON} "$@"'


@dataclass
class Step:
    """What a pipeline's author writes, and what the machine has."""

    # None: the variable is not set.
    url: str | None
    commit: str
    # The clone of PetSage that the step gets.
    checkout: Path
    # Where the step runs.
    directory: Path
    # What PATH leads to.
    tools: Path
    environ: dict[str, str]
    wait: str = "120"
    # A mistake in the options.
    mistake: str = ""

    def set_python(self, script: str | None) -> None:
        """Have python3 run this shell script; without one, there is no python3."""
        self.tools = self.directory.parent / "tools"
        make_tools(self.tools, script)


class Command(NamedTuple):
    """What a runner executes."""

    arguments: list[str | Path]
    environ: dict[str, str]


class Ended(NamedTuple):
    """How a command ended, and what it printed."""

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


def execute(command: Command, step: Step, cancel_after: str | None = None) -> Ended:
    """Run the command in the step's directory, and only with its environment.

    With `cancel_after`, end it as runners do, by SIGTERM to all its processes, as soon as it has
    printed that.
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
    return Ended(status, printed.read_text())


def change_checkout(step: Step, name: str, text: str) -> None:
    """Give the step a checkout in which this file has this text, as the same version."""
    checkout = step.directory.parent / "changed"
    shutil.copytree(step.checkout, checkout)
    (checkout / name).write_text(text)
    git(checkout, "commit", "--quiet", "--all", "--message", "Break it")
    git(checkout, "tag", "--force", "v1.0.0")
    step.checkout = checkout


def git(directory: Path, *arguments: str) -> str:
    """Run git, as nobody in particular."""
    who = ["-c", "user.name=t", "-c", "user.email=t@petsage.example"]
    return subprocess.run(
        ["git", *who, *arguments], cwd=directory, capture_output=True, text=True, check=True
    ).stdout.strip()
