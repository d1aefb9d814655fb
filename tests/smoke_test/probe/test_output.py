"""--output, and the files for GitHub."""

import json
import os
import stat
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from smoke_test.probe import options
from smoke_test.probe.files import replace
from smoke_test.probe.reports import FORMATS
from tests.smoke_test.probe.answers import app, other
from tests.smoke_test.probe.servers import serving
from tests.smoke_test.probe.test_reports import looks_like_a_pass
from tests.smoke_test.probe.test_usage import run, shell

pytestmark = pytest.mark.process

# Exit statuses of a failure; Nagios has its own.
FAILED = dict.fromkeys(FORMATS, 1) | {"nagios": 2}


@pytest.mark.parametrize("report_format", FORMATS)
def test_the_report_goes_to_the_file_and_the_terminal_keeps_the_text(
    report_format: str, tmp_path: Path
) -> None:
    file = tmp_path / "report"
    with serving(app()) as port, serving(other("404 Not Found")) as wrong:
        by_text = run(f"http://127.0.0.1:{wrong}/")
        arguments = ["--output", str(file), "--format", report_format, "--slow=60000"]
        passed = run(f"http://127.0.0.1:{port}/", *arguments)
        passing_report = file.read_text()
        failed = run(f"http://127.0.0.1:{wrong}/", *arguments)

    assert (passed.returncode, passed.stderr) == (0, "")
    assert passed.stdout.endswith("\nSmoke test passed: release r1 answered at 127.0.0.1.\n")
    assert looks_like_a_pass(passing_report, report_format)
    assert failed.returncode == FAILED[report_format]
    assert (failed.stdout, failed.stderr) == (by_text.stdout, by_text.stderr)
    assert not looks_like_a_pass(file.read_text(), report_format)
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_one_probe_writes_several_reports(tmp_path: Path) -> None:
    xml, document = tmp_path / "report.xml", tmp_path / "report.json"
    reports = ["--format=junit", f"--output={xml}", "--format=json", f"--output={document}"]
    with serving(app()) as port:
        result = run(f"http://127.0.0.1:{port}/", *reports, "--format=github")

    assert result.stdout.startswith("::notice ")
    assert ET.parse(xml).getroot().tag == "testsuites"  # noqa: S314 - our own XML
    assert json.loads(document.read_text())["ok"] is True


@pytest.mark.parametrize(
    ("arguments", "pairs"),
    [
        ([], []),
        (["--output=a"], [("text", "a")]),
        (["--format=json", "--output=a"], [("json", "a")]),
        (["--output=a", "--format=json"], [("json", "a")]),
        (["--format=github", "--format=json", "--output=a"], [("github", None), ("json", "a")]),
        (
            ["--output=a", "--format=json", "--output=b", "--format=junit"],
            [("json", "a"), ("junit", "b")],
        ),
        (["--format=json", "--output=a", "--output=b"], [("json", "a"), ("text", "b")]),
    ],
)
def test_an_output_belongs_to_the_format_beside_it(
    arguments: list[str], pairs: list[tuple[str, str | None]]
) -> None:
    given = options.Parser("probe").parse_args(["http://a/", *arguments])

    assert [(r.format, r.file and str(r.file)) for r in given.reports] == pairs


def test_the_file_is_replaced_in_one_step_and_readable_by_others(tmp_path: Path) -> None:
    file, link = tmp_path / "report.prom", tmp_path / "link.prom"
    file.write_text("former")
    link.symlink_to(file)
    with file.open() as reader, serving(app()) as port:
        command = f"umask 077; $PROBE http://127.0.0.1:{port}/ --output {link}"
        result = shell(command)
        # This reader would see new text if the file were written in place.
        read_by_former_reader = reader.read()

    assert result.returncode == 0
    assert read_by_former_reader == "former"
    assert file.read_text().endswith("Smoke test passed: release r1 answered at 127.0.0.1.\n")
    assert link.is_symlink()
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


@pytest.mark.parametrize(
    "kind", ["no directory", "directory", "fifo", "device", "long", "loop", "empty"]
)
def test_a_path_that_cannot_be_written_is_a_usage_error(kind: str, tmp_path: Path) -> None:
    paths = {
        "no directory": str(tmp_path / "none/report"),
        "directory": str(tmp_path),
        "fifo": str(tmp_path / "fifo"),
        "device": "/dev/full",
        "long": str(tmp_path / ("x" * 300)),
        "loop": str(tmp_path / "loop"),
        "empty": "",
    }
    os.mkfifo(paths["fifo"])
    Path(paths["loop"]).symlink_to("loop")
    # Nothing listens on port 1, but the error comes before any request.
    result = run("http://127.0.0.1:1/", "--output", paths[kind])

    assert (result.returncode, result.stdout) == (2, "")
    assert "argument --output: got '" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "status"),
    [([], 3), (["--release", "r2"], 1), (["--format", "nagios"], 3)],
    ids=["passed", "failed", "nagios"],
)
def test_a_pass_is_undecided_if_its_report_cannot_be_written(
    arguments: list[str], status: int, tmp_path: Path
) -> None:
    file = tmp_path / "report"
    # Root can write anywhere, so limit the size of files to 0 bytes.
    limit = "trap '' XFSZ; ulimit -f 0;"
    with serving(app()) as port:
        url = f"http://127.0.0.1:{port}/"
        result = shell(f"{limit} $PROBE {url} --output {file} {' '.join(arguments)} | cat; "
                       "exit ${PIPESTATUS[0]}")  # fmt: skip

    assert result.returncode == status
    assert b"release r1" in result.stdout + result.stderr
    assert f"error: cannot write '{file}': File too large\n".encode() in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_no_temporary_file_remains_if_the_path_becomes_a_directory(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()

    assert replace(tmp_path / "report", "text") == "Is a directory"
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def github(command: str, tmp_path: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a command line as a step of GitHub Actions does."""
    environ = {
        name: str(tmp_path / name.lower()) for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")
    }
    return shell(command, **environ)


def test_on_github_the_step_has_a_summary_and_outputs(tmp_path: Path) -> None:
    for name in ("github_step_summary", "github_output"):
        (tmp_path / name).write_text("# Of an earlier line\n")
    with serving(app()) as port:
        url = f"http://127.0.0.1:{port}/"
        result = github(f"$PROBE {url} --slow=60000 --format github", tmp_path)

    summary = (tmp_path / "github_step_summary").read_text()
    outputs = (tmp_path / "github_output").read_text()
    assert (result.returncode, result.stderr) == (0, b"")
    assert summary.startswith("# Of an earlier line\n### Smoke test passed\n")
    assert outputs.startswith("# Of an earlier line\nok<<END_")
    assert outputs.splitlines()[2] == "true"


def test_a_server_cannot_send_commands_to_the_runner(tmp_path: Path) -> None:
    # The runner executes `##[command]` anywhere in a line (actions/runner, ActionCommand.cs).
    kind, release = "##[set-output name=ok]true", "##[add-mask]e"
    with serving(app(Content_Type=kind, X_PetSage_Release=release)) as port:
        result = github(f"$PROBE http://127.0.0.1:{port}/ --format github", tmp_path)

    assert result.returncode == 1
    assert b"[set-output name=ok]true" in result.stderr
    for line in [*result.stdout.splitlines(), *result.stderr.splitlines()]:
        assert line.startswith(b"::") or b"##[" not in line


@pytest.mark.parametrize("report_format", ["text", "json", "junit", "nagios", "prometheus"])
def test_other_formats_leave_the_step_alone(report_format: str, tmp_path: Path) -> None:
    github(f"$PROBE http://127.0.0.1:1/ --format {report_format}", tmp_path)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [0, 1])
def test_an_unwritable_summary_does_not_change_the_verdict(status: int, tmp_path: Path) -> None:
    with serving(app()) as port:
        url = f"http://127.0.0.1:{port if status == 0 else 1}/"
        result = github(f"$PROBE {url} --format github", tmp_path / "none")

    assert result.returncode == status
    for variable in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        problem = f"error: cannot write ${variable}: No such file or directory\n"
        assert problem.encode() in result.stderr
