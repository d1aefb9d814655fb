"""The faults that a step can have, and the text that each one prints."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.pipelines.step import BARE_PYTHON, Step, change_checkout

CLI = "smoke_test/probe/cli.py"


class Fault(NamedTuple):
    """A fault: how to cause it, and the output that distinguishes it from the others."""

    cause: Callable[[Step], None]
    printed: str


def url_unset(step: Step) -> None:
    step.url = None


def url_empty(step: Step) -> None:
    step.url = ""


def url_is_an_option(step: Step) -> None:
    step.url = "--help"


def commit_unset(step: Step) -> None:
    step.commit = ""


def unknown_option(step: Step) -> None:
    step.mistake = "--frobnicate"


def wrong_release(step: Step) -> None:
    step.commit, step.wait = "f" * 40, "0"


def host_unreachable(step: Step) -> None:
    step.url, step.wait = "http://127.0.0.1:1/smoke-test/", "0"


def name_unknown(step: Step) -> None:
    step.url, step.wait = "http://nowhere.invalid/smoke-test/", "0"


def package_missing(step: Step) -> None:
    step.environ |= {
        "PIP_FIND_LINKS": "/nowhere",
        "RUNNER_TEMP": str(make_directory(step, "temp")),
    }


def packages_not_writable(step: Step) -> None:
    step.environ["RUNNER_TEMP"] = "/proc"


def python_missing(step: Step) -> None:
    step.set_python(None)


def python_too_old(step: Step) -> None:
    (make_directory(step, "old") / "sitecustomize.py").write_text(
        "import sys\nsys.version_info = (3, 10, 19, 'final', 0)\n"
    )
    path = f'{step.directory.parent / "old"}:$(dirname "$0")/site'
    step.set_python(f'PYTHONPATH={path} exec {BARE_PYTHON} "$@"')


def python_without_pip(step: Step) -> None:
    # -S: without site-packages.
    step.set_python(f'exec {BARE_PYTHON} -S "$@"')


def probe_crashes(step: Step) -> None:
    change_checkout(step, CLI, "raise RuntimeError('frobnicated')\n")


def probe_killed(step: Step) -> None:
    change_checkout(step, CLI, "import os\nprint('killed', flush=True)\nos.kill(os.getpid(), 9)\n")


def probe_incomplete(step: Step) -> None:
    change_checkout(step, "deploy/probe.sh", "exec /nowhere/python3\n")


def directory_not_writable(step: Step) -> None:
    # Even root cannot write there. On GitHub, the runner's file cannot be written.
    step.directory.rmdir()
    step.directory.symlink_to("/proc")
    step.environ["GITHUB_OUTPUT"] = "/proc/nowhere"


def make_directory(step: Step, name: str) -> Path:
    directory = step.directory.parent / name
    directory.mkdir()
    return directory


FAULTS = {
    "URL unset": Fault(url_unset, "got '', expected"),
    "URL empty": Fault(url_empty, "got '', expected"),
    "URL is an option": Fault(url_is_an_option, "got '--help', expected"),
    "commit unset": Fault(commit_unset, "--release: got '', expected"),
    "unknown option": Fault(unknown_option, "--frobnicate"),
    "wrong release": Fault(wrong_release, "smoke_test.release.mismatch"),
    "host unreachable": Fault(host_unreachable, "smoke_test.tcp.refused"),
    "name unknown": Fault(name_unknown, "smoke_test.dns."),
    "package missing": Fault(package_missing, "No matching distribution found"),
    "packages not writable": Fault(packages_not_writable, "cannot create directory"),
    "Python missing": Fault(python_missing, "expected Python 3.11 or later with pip"),
    "Python too old": Fault(python_too_old, "', expected Python 3.11 or later"),
    "Python without pip": Fault(python_without_pip, "No module named pip"),
    "probe crashes": Fault(probe_crashes, "RuntimeError: frobnicated"),
    "probe killed": Fault(probe_killed, "killed"),
    "probe incomplete": Fault(probe_incomplete, "/nowhere/python3"),
    "directory not writable": Fault(directory_not_writable, "No such file or directory"),
}
