"""What is printed where, the exit statuses, and what the other side cannot make it print."""

import socket
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.smoke_test.probe.answers import app, head, other, redirecting
from tests.smoke_test.probe.report import probe
from tests.smoke_test.probe.servers import Script, sends, serving


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a process."""
    return subprocess.run(
        [sys.executable, "manage.py", "smoke_test", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_pass_is_two_lines_on_standard_output() -> None:
    with serving(app()) as port:
        result = run(f"http://127.0.0.1:{port}/smoke-test/")

    phases, verdict = result.stdout.splitlines()
    assert (result.returncode, result.stderr) == (0, "")
    assert [phase.split()[0] for phase in phases.split(" | ")] == ["dns", "tcp", "answer", "total"]
    assert verdict == "Smoke test passed: release r1 answered at 127.0.0.1."


def test_a_failure_is_on_standard_error_as_of_manage_py_check() -> None:
    with serving(other("404 Not Found", b"nope")) as port:
        url = f"http://127.0.0.1:{port}/smoke-test/"
        result = run(url)

    assert (result.returncode, result.stdout) == (1, "")
    heading, message, hint = result.stderr.splitlines()
    assert heading == "ERRORS:"
    assert message.startswith(f"{url}: (smoke_test.unknown.status) 404, ")
    assert hint.startswith("\tHINT: ")


def test_a_warning_is_on_standard_error_and_passes() -> None:
    with serving(app(X_PetSage_Release=None)) as port:
        result = run(f"http://127.0.0.1:{port}/smoke-test/")

    assert result.returncode == 0
    assert result.stderr.startswith("WARNINGS:\n")
    assert "Smoke test passed: " in result.stdout


def test_what_does_not_pass_is_never_called_passed() -> None:
    with serving(app(X_PetSage_Release=None)) as port:
        url = f"http://127.0.0.1:{port}/smoke-test/"
        strict = run(url, "--fail-level", "WARNING")
        one_of_two = run(url, "http://127.0.0.1:1/smoke-test/")

    for result in (strict, one_of_two):
        assert result.returncode == 1
        assert "passed" not in result.stdout
        assert result.stdout.splitlines()[-1].startswith(f"{url}: ")


@pytest.mark.parametrize("report_format", ["json", "junit", "github"])
@pytest.mark.parametrize("port_offset", [0, 1])
def test_other_formats_are_all_of_standard_output(report_format: str, port_offset: int) -> None:
    with serving(app()) as port:
        url = f"http://127.0.0.1:{port if port_offset == 0 else 1}/smoke-test/"
        result = run(url, "--format", report_format)

    starts = {"json": "{", "junit": "<?xml", "github": "::"}
    assert result.stdout.startswith(starts[report_format])
    assert result.returncode == port_offset
    assert len(result.stderr.splitlines()) == port_offset


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["api.petsage.example/smoke-test/"], "'api.petsage.example/smoke-test/'"),
        (["ftp://api.petsage.example/"], "'ftp://api.petsage.example/'"),
        (["file:///etc/passwd"], "'file:///etc/passwd'"),
        (["http://"], "'http://'"),
        (["http:///smoke-test/"], "'http:///smoke-test/'"),
        (["http://a b/"], "'http://a b/'"),
        (["http://a/\r\nX: y"], r"'http://a/\r\nX: y'"),
        (["http://a:99999/"], "'http://a:99999/'"),
        (["http://a:0/"], "'http://a:0/'"),
        (["http://[::1/"], "'http://[::1/'"),
        (["http://a/#top"], "'http://a/#top'"),
        (["http://a/", "--wait", "-1"], "'-1'"),
        (["http://a/", "--wait", "nan"], "'nan'"),
        (["http://a/", "--wait", "inf"], "'inf'"),
        (["http://a/", "--wait", "soon"], "'soon'"),
        (["http://a/", "--wait", "1e9"], "'1e9'"),
        (["http://a/", "--timeout", "1e9"], "'1e9'"),
        (["http://a/", "--timeout", "0"], "'0'"),
        (["http://a/", "--consecutive", "0"], "'0'"),
        (["http://a/", "--consecutive", "1.5"], "'1.5'"),
        (["http://a/", "--release", "a b"], "'a b'"),
        (["http://a/", "--release", ""], "''"),
        (["http://a/", "--connect-to", "http://b/"], "'http://b/'"),
        (["http://a/", "--connect-to", "b:99999"], "'b:99999'"),
        (["http://a/", "--connect-to", "unix:relative"], "'unix:relative'"),
        (["http://a/", "--direct", "https://b/"], "'https://b/'"),
        (["http://a/", "http://b/", "--direct", "unix:/x"], "--direct with several URLs"),
        (
            ["http://a/", "--all-addresses", "--connect-to", "unix:/x"],
            "--all-addresses with a unix",
        ),
        (["--connect-to", "a"], "--connect-to without a URL"),
        (["--direct", "unix:/x"], "--direct without a URL"),
        (["--all-addresses"], "--all-addresses without a URL"),
    ],
)
def test_bad_usage_says_what_was_found_and_what_was_wanted(
    arguments: list[str], found: str, capsys: pytest.CaptureFixture[str]
) -> None:
    report = probe(*arguments)

    assert report.document is None
    assert f"found {found}" in report.stderr
    assert "wanted" in report.stderr
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "arguments", [["ftp://a/"], ["--wait", "x"], ["--nonsense"], ["--direct", "unix:/x"]]
)
def test_bad_usage_exits_with_2(arguments: list[str]) -> None:
    result = run(*arguments)

    assert (result.returncode, result.stdout) == (2, "")
    assert "Traceback" not in result.stderr


def test_an_unusable_ca_file_exits_with_3() -> None:
    result = run("https://127.0.0.1:1/", "--ca-file", "/nowhere/ca.pem")

    assert (result.returncode, result.stdout) == (3, "")
    assert "/nowhere/ca.pem" in result.stderr
    assert "Traceback" not in result.stderr


ESCAPE = "\x1b]0;owned\x07\x1b[31m\u202e"


@pytest.mark.parametrize("report_format", ["text", "json", "junit", "github"])
@pytest.mark.parametrize(
    "script",
    [
        pytest.param(app(X_PetSage_Release=f"r{ESCAPE[:9]}"), id="release"),
        pytest.param(app(body=f'{{"status":"{ESCAPE}"}}'.encode()), id="body"),
        pytest.param(app(Content_Type=f"text/{ESCAPE[:9]}"), id="type"),
        pytest.param(app(Set_Cookie=f"{ESCAPE[:9]}=1"), id="cookie"),
        pytest.param(sends(head("302 F", {"Location": f"http://{ESCAPE[:9]}/"})), id="location"),
        pytest.param(app(X_Cache=f"HIT {ESCAPE[:9]}"), id="cache"),
        pytest.param(app(body=b'{"a\\u001b[31m\\n::error::x":1}'), id="key"),
    ],
)  # fmt: skip
def test_nothing_of_the_other_side_reaches_the_terminal(
    script: Script, report_format: str
) -> None:
    with serving(script) as port:
        result = run(f"http://127.0.0.1:{port}/smoke-test/", "--format", report_format)

    for line in (result.stdout + result.stderr).split("\n"):
        assert line.removeprefix("\t").isprintable()
        assert not line.startswith("::error::x")


def test_credentials_are_sent_and_never_printed() -> None:
    heads: list[bytes] = []

    def script(connection: socket.socket) -> None:
        heads.append(connection.recv(65536, socket.MSG_PEEK))
        app()(connection)

    with serving(script) as port:
        address = f"127.0.0.1:{port}/smoke-test/"
        results = [
            run(f"http://ada:s3cret@{address}", "--format", report_format)
            for report_format in ("text", "json", "junit", "github")
        ]
        refused = run(f"http://ada:s3cret@{address}#x")

    assert all(b"Authorization: Basic YWRhOnMzY3JldA==" in head for head in heads)
    assert [result.returncode for result in results] == [0, 0, 0, 0]
    for result in [*results, refused]:
        assert "s3cret" not in result.stdout + result.stderr


def test_credentials_of_the_other_side_are_neither_sent_nor_printed() -> None:
    heads: list[bytes] = []

    def script(connection: socket.socket) -> None:
        heads.append(connection.recv(65536, socket.MSG_PEEK))
        port = connection.getsockname()[1]
        redirecting(f"http://eve:s3cret@127.0.0.1:{port}/{len(heads)}")(connection)

    with serving(script) as port:
        result = run(f"http://127.0.0.1:{port}/smoke-test/")

    assert result.returncode == 1
    assert "(smoke_test.redirect.loop)" in result.stderr
    assert "s3cret" not in result.stderr
    assert len(heads) == 6
    assert not any(b"Authorization" in head for head in heads)


def test_a_reader_that_leaves_does_not_change_the_verdict() -> None:
    result = subprocess.run(
        ["bash", "-c", f"{sys.executable} manage.py smoke_test | true; exit ${{PIPESTATUS[0]}}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (result.returncode, result.stderr) == (0, "")


def test_a_url_without_a_path_is_that_of_the_smoke_test() -> None:
    with serving(app()) as port:
        report = probe(f"http://127.0.0.1:{port}")

    assert report.verdict["url"] == f"http://127.0.0.1:{port}/smoke-test/"
    assert report.codes == ["ok"]


def test_in_process_the_report_has_the_same_shape() -> None:
    report = probe("--release", "unknown")
    other_release = probe("--release", "r2")

    assert (report.exit_status, report.codes) == (0, ["ok"])
    assert report.verdict["address"] == "in process"
    assert (other_release.exit_status, other_release.codes) == (1, ["release.mismatch"])


def test_no_settings_of_the_deployment_are_needed() -> None:
    with serving(app()) as port:
        result = subprocess.run(
            [sys.executable, "manage.py", "smoke_test", f"http://127.0.0.1:{port}/"],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )

    assert (result.returncode, result.stderr) == (0, "")
