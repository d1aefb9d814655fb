"""What is printed where, the exit statuses, and what the other side cannot make it print."""

import io
import json
import os
import re
import socket
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from xml.etree import ElementTree as ET

import pytest

from smoke_test.probe import cli, options
from smoke_test.probe.reports import FORMATS
from tests.conftest import ROOT
from tests.smoke_test.probe.answers import app, head, other, redirecting
from tests.smoke_test.probe.report import probe
from tests.smoke_test.probe.servers import Script, sends, serving

pytestmark = pytest.mark.process


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a process."""
    return subprocess.run(
        [sys.executable, "-m", "smoke_test.probe", *arguments],
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


@pytest.mark.parametrize("report_format", ["json", "junit", "github", "prometheus"])
@pytest.mark.parametrize("port_offset", [0, 1])
def test_other_formats_are_all_of_standard_output(report_format: str, port_offset: int) -> None:
    with serving(app()) as port:
        url = f"http://127.0.0.1:{port if port_offset == 0 else 1}/smoke-test/"
        result = run(url, "--format", report_format)

    starts = {"json": "{", "junit": "<?xml", "github": "::", "prometheus": "# HELP "}
    assert result.stdout.startswith(starts[report_format])
    assert result.returncode == port_offset
    assert len(result.stderr.splitlines()) == port_offset


@pytest.mark.parametrize(
    "arguments", [[], ["ftp://a/"], ["http://a/", "--wait", "x"], ["http://a/", "--nonsense"]]
)
def test_bad_usage_exits_with_2(arguments: list[str]) -> None:
    result = run(*arguments)

    assert (result.returncode, result.stdout) == (2, "")
    assert "Traceback" not in result.stderr


def test_an_unusable_ca_file_exits_with_3() -> None:
    result = run("https://127.0.0.1:1/", "--ca-file", "/nowhere/ca.pem")

    assert (result.returncode, result.stdout) == (3, "")
    assert "(smoke_test.probe.ca_file)" in result.stderr
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
            run(f"http://ada:s3cret@{address}", "--slow=60000", "--format", report_format)
            for report_format in FORMATS
        ]
        refused = run(f"http://ada:s3cret@{address}#x")

    assert all(b"Authorization: Basic YWRhOnMzY3JldA==" in head for head in heads)
    assert {result.returncode for result in results} == {0}
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


SECRETS = [
    ["https://user:hunt/er2@h/"],
    ["https://user:hunt er2@h/"],
    ["https://us:er:hunt@er2@h:x/"],
    ["user:hunter2@h"],
    ["http://a/", "--connect-to", "user:hunter2@h"],
    ["http://a/", "--direct", "https://user:hunter2@h/"],
    ["http://a/", "--release", "user:hunter2@h"],
    ["http://a/", "--heade", "Authorization: hunter2"],
    ["-H", "Authorization: hunter2", "http://a/"],
    ["-HAuthorization: hunter2", "http://a/"],
    ["http://a/", "--header", "Authorization hunter2"],
    ["http://a/", "--header=Authorization:hunter2\n"],
    ["http://a/", "--format", "user:hunter2@h"],
    ["http://user:hunter2@127.0.0.1:1/?token=hunter2", "--format=json"],
    ["http://127.0.0.1:1/", "--header", "Authorization: Bearer hunter2", "--format=junit"],
]


@pytest.mark.parametrize("arguments", SECRETS)
def test_no_credential_is_ever_printed(arguments: list[str]) -> None:
    result = run(*arguments)

    assert result.returncode in (1, 2)
    for secret in ("hunter2", "hunt", "er2@"):
        assert secret not in result.stdout + result.stderr


def test_credentials_and_headers_do_not_follow_a_redirect_to_another_port() -> None:
    heads: list[bytes] = []

    def script(connection: socket.socket) -> None:
        heads.append(connection.recv(65536, socket.MSG_PEEK))
        app()(connection)

    with serving(script) as port, serving(redirecting(f"http://127.0.0.1:{port}/")) as first:
        report = probe(f"http://ada:s3cret@127.0.0.1:{first}/", "--header", "X-Key: s3cret")

    assert report.codes == ["ok"]
    assert b"Authorization" not in heads[0]
    assert b"s3cret" not in heads[0]


def shell(command: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command line of bash, in which `$PROBE` is the probe."""
    probe_command = f"{sys.executable} -m smoke_test.probe"
    return subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PROBE": probe_command, **environ},
        capture_output=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("report_format", ["text", "json", "junit", "github"])
@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("$PROBE {} | true; exit ${{PIPESTATUS[0]}}", b""),
        ("$PROBE {} >&-", b"error: cannot write the report: it is closed\n"),
        ("$PROBE {} > /dev/full", b"error: cannot write the report: No space left on device\n"),
        ("$PROBE {} --consecutive 2 2> /dev/full", b""),
        ("$PROBE {} --consecutive 2 2>&-", b""),
        ("$PROBE {} --consecutive 2 > /dev/full 2>&1", b""),
    ],
)
def test_an_unwritable_standard_output_does_not_change_the_verdict(
    command: str, complaint: bytes, report_format: str
) -> None:
    with serving(app()) as port:
        arguments = f"http://127.0.0.1:{port}/ --slow 60000 --format {report_format}"
        result = shell(command.format(arguments))

    assert (result.returncode, result.stderr) == (0, complaint)


@pytest.mark.parametrize("report_format", ["text", "json", "junit", "github"])
def test_an_ascii_standard_output_gets_a_whole_report(report_format: str) -> None:
    with serving(app(body='{"status":"\u00f6\u2603"}'.encode())) as port:
        url = f"http://127.0.0.1:{port}/"
        result = shell(f"$PROBE {url} --format {report_format}", PYTHONIOENCODING="ascii")

    assert result.returncode == 1
    assert result.stdout.isascii()
    assert b"Traceback" not in result.stderr
    if report_format == "json":
        assert json.loads(result.stdout)["ok"] is False
    if report_format == "junit":
        assert ET.fromstring(result.stdout).tag == "testsuites"  # noqa: S314 - our own XML


def test_a_failure_of_the_probe_itself_is_a_complete_report() -> None:
    # A bug cannot be had on purpose: a value that no option can have stands for it.
    given = options.Parser("probe").parse_args(["http://127.0.0.1:1/", "--format=json"])
    given.timeout = None
    with redirect_stdout(io.StringIO()) as stdout, redirect_stderr(io.StringIO()) as stderr:
        status = cli.run(given)

    document = json.loads(stdout.getvalue())
    assert status == 3
    assert [verdict["code"] for verdict in document["verdicts"]] == ["probe.failed"]
    assert stderr.getvalue().count("\n") == 1


COMMAND_LINES = [
    ["{url}", "--slow=60000"],
    ["{url}", "--slow=60000", "--release", "r2", "--format=json"],
    ["http://127.0.0.1:1/"],
    ["http://127.0.0.1:1/", "--format=github"],
    ["https://127.0.0.1:1/", "--ca-file=/nowhere", "--format=junit"],
    [],
    ["http://"],
    ["{url}", "--unknown"],
]


@pytest.mark.parametrize("arguments", COMMAND_LINES, ids=map(" ".join, COMMAND_LINES))
def test_manage_py_and_the_module_are_the_same_command(arguments: list[str]) -> None:
    with serving(app()) as port:
        url = f"http://127.0.0.1:{port}/smoke-test/"
        given = [argument.format(url=url) for argument in arguments]
        by_module, by_manage = (
            subprocess.run(
                [sys.executable, *command, *given], cwd=ROOT, capture_output=True, check=False
            )
            for command in (["-m", "smoke_test.probe"], ["manage.py", "smoke_test"])
        )

    def without_times(output: bytes) -> bytes:
        output = re.sub(rb"\d{4}-\d\d-\d\dT[\d:.]+Z", b"STAMP", output)
        return re.sub(rb"\d+\.\d+(?=[,\"\n])|\d+(?= ms)", b"TIME", output)

    assert by_module.returncode == by_manage.returncode
    assert without_times(by_module.stdout) == without_times(by_manage.stdout)
    assert by_module.stderr == by_manage.stderr


def test_the_probe_imports_no_django() -> None:
    code = "import sys, smoke_test.probe.cli; print([m for m in sys.modules if 'django' in m])"

    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert result.stdout == "[]\n"


@pytest.mark.parametrize("name", ["DJANGO_SETTINGS_MODULE", "DJANGO_DEBUG", "PETSAGE_RELEASE"])
def test_no_environment_variable_of_django_breaks_the_probe(name: str) -> None:
    with serving(app()) as port:
        result = shell(f"$PROBE http://127.0.0.1:{port}/ --slow 60000", **{name: "no such thing"})

    assert (result.returncode, result.stderr) == (0, b"")


def test_a_url_without_a_path_is_that_of_the_smoke_test() -> None:
    with serving(app()) as port:
        report = probe(f"http://127.0.0.1:{port}")

    assert report.verdict["url"] == f"http://127.0.0.1:{port}/smoke-test/"
    assert report.codes == ["ok"]


def test_in_process_the_report_has_the_same_shape() -> None:
    def in_process(*arguments: str) -> tuple[int, list[str]]:
        command = [sys.executable, "manage.py", "smoke_test", "--in-process", "--format=json"]
        result = subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, check=False)
        document = json.loads(result.stdout)
        return result.returncode, [verdict["code"] for verdict in document["verdicts"]]

    passed, other_release = in_process("--release", "unknown"), in_process("--release", "r2")

    assert passed == (0, ["ok"])
    assert other_release == (1, ["release.mismatch"])
