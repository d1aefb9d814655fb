"""The formats: escaping, uniqueness, and that only a pass looks like one."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from markdown_it import MarkdownIt

from smoke_test.probe import cli
from smoke_test.probe.exchange import Certificate, Timings
from smoke_test.probe.gate import Outcome, Step
from smoke_test.probe.reports import FORMATS, github, nagios, render
from smoke_test.probe.reports.subject import causes, title
from smoke_test.probe.verdict import Level, Verdict
from smoke_test.probe.watch import Outage, Watch

NASTY = r"""a|b `c` 'd' "e" *f* _g_ <b>h</b> [i](http://j/) ![k](l) \| \ #1 @m $n$ https://o www.p.q ~r~ {s} &amp; 50% x=y, z: 1"""  # noqa: E501
CERTIFICATE = Certificate("CN=a", "CN=b", datetime(2027, 1, 1, tzinfo=UTC))


def verdict(code: str = "ok", level: Level = "ok", **changes: Any) -> Verdict:
    layer = None if level == "ok" else code.partition(".")[0]
    plain = Verdict("http://a/", level, layer, code, "A message.", "a hint", "192.0.2.1")
    return plain._replace(**{"timings": Timings(1.0, 2.0, None, 3.0, 6.5)} | changes)


def outcome(verdicts: Sequence[Verdict], *, passed: bool = True, cls: type = Outcome) -> Outcome:
    made: Outcome = cls()
    made.urls = ["http://a/"]
    made.verdicts = verdicts
    made.attempts = 1
    made.passed = passed
    made.timeline = [Step(0.0, verdicts[0].code)] if verdicts else []
    return made


def looks_like_a_pass(report: str, report_format: str) -> bool:
    """Return whether a reader of this format would see a pass."""
    match report_format:
        case "json":
            return bool(json.loads(report)["ok"])
        case "junit":
            return ET.fromstring(report).find(".//failure") is None  # noqa: S314 - our own
        case "github":
            return "::error" not in report
        case "nagios":
            return re.match("PETSAGE (OK|WARNING) - ", report) is not None
        case "prometheus":
            return re.search(r"^petsage_probe_ok.* 0$", report, re.MULTILINE) is None
    return "passed" in report


@pytest.mark.parametrize("report_format", FORMATS)
@pytest.mark.parametrize("cls", [Outcome, Watch])
@pytest.mark.parametrize("code", ["probe.failed", "probe.interrupted", "probe.ca_file"])
@pytest.mark.parametrize("before", [[], [verdict()], [verdict(), verdict("time.slow", "warning")]])
def test_a_probe_that_gave_up_never_looks_like_a_pass(
    before: list[Verdict], code: str, cls: type, report_format: str
) -> None:
    given_up = outcome([*before, verdict()], cls=cls)
    given_up.verdicts = before

    cli.give_up(given_up, code, "It gave up.")

    assert not looks_like_a_pass(render(given_up, report_format), report_format)
    assert nagios.state(given_up) == 3


@pytest.mark.parametrize("report_format", FORMATS)
def test_a_pass_looks_like_a_pass(report_format: str) -> None:
    passed = outcome([verdict(), verdict("time.slow", "warning")])

    assert looks_like_a_pass(render(passed, report_format), report_format)


@pytest.mark.parametrize("report_format", FORMATS)
def test_a_warning_that_fails_never_looks_like_a_pass(report_format: str) -> None:
    failed = outcome([verdict(), verdict("time.slow", "warning")], passed=False)

    assert not looks_like_a_pass(render(failed, report_format), report_format)


def failed_outcome() -> Outcome:
    """Return an outcome with a pass, a warning and an error after another one."""
    passed = verdict(
        status=200,
        release="r1",
        answered_by="app",
        responder="the app",
        answered_at="2026-11-23T12:00:00.010Z",
        certificate=CERTIFICATE,
        redirects=("http://c/",),
    )
    slow = passed._replace(
        level="warning", layer="time", code="time.slow", message="9 %, a.", hint=None
    )
    refused = verdict("tcp.refused", "error", url="http://b/,", address=None, timings=Timings())
    made = outcome([passed, slow, refused], passed=False)
    made.urls = ["http://c/", "http://b/,"]
    made.attempts = 3
    made.waited_s = 1.23456
    made.timed_out = True
    made.timeline = [Step(0.0, "tcp.refused"), Step(0.51234, "tcp.timeout")]
    made.timeline[0].count = 2
    return made


REPORTS = {
    "text": """\
redirects: http://c/ -> http://a/
dns 1 ms | tcp 2 ms | answer 3 ms | total 6 ms
http://a/: A message.
ERRORS:
http://b/,: (smoke_test.tcp.refused) A message.
\tHINT: a hint
WARNINGS:
http://c/ -> http://a/: (smoke_test.time.slow) 9 %, a.""",
    "junit": """\
<?xml version='1.0' encoding='us-ascii'?>
<testsuites>
  <testsuite name="smoke_test" time="1.235" tests="3" failures="1" errors="0">
    <testcase classname="smoke_test" name="http://a/ at 192.0.2.1: ok" time="0.006">
      <system-out>A message.</system-out>
    </testcase>
    <testcase classname="smoke_test" name="http://a/ at 192.0.2.1: time.slow" time="0.006">
      <system-out>9 %, a.</system-out>
    </testcase>
    <testcase classname="smoke_test" name="http://b/,: tcp.refused" time="0.000">
      <failure type="tcp.refused" message="A message.">A message. HINT: a hint</failure>
    </testcase>
  </testsuite>
</testsuites>""",
    "github": """\
::notice title=http%3A//a/%3A (smoke_test.ok)::A message.
::warning title=http%3A//a/%3A (smoke_test.time.slow)::9 %25, a.
::error title=http%3A//b/%2C%3A (smoke_test.tcp.refused)::A message. HINT: a hint""",
    "nagios": """\
PETSAGE CRITICAL - http://b/,: (smoke_test.tcp.refused) A message.\
 | dns=0.001000s;;;0 tcp=0.002000s;;;0 answer=0.003000s;;;0 total=0.006500s;;;0
HINT: a hint
http://a/: (smoke_test.time.slow) 9 %, a.
http://a/ A message.""",
    "prometheus": """\
# HELP petsage_probe_ok Whether the whole run passed, with all its URLs.
# TYPE petsage_probe_ok gauge
petsage_probe_ok{url="http://c/"} 0
petsage_probe_ok{url="http://b/,"} 0
# HELP petsage_probe_failed A reason for the failure; absent after a pass.
# TYPE petsage_probe_failed gauge
petsage_probe_failed{url="http://b/,",address="",layer="tcp",code="tcp.refused"} 1
# HELP petsage_probe_phase_seconds The duration of each phase of the last request.
# TYPE petsage_probe_phase_seconds gauge
petsage_probe_phase_seconds{url="http://c/",address="192.0.2.1",phase="dns"} 0.001
petsage_probe_phase_seconds{url="http://c/",address="192.0.2.1",phase="tcp"} 0.002
petsage_probe_phase_seconds{url="http://c/",address="192.0.2.1",phase="answer"} 0.003
petsage_probe_phase_seconds{url="http://c/",address="192.0.2.1",phase="total"} 0.0065
# HELP petsage_probe_certificate_expiry_timestamp_seconds The earliest expiry in the chain.
# TYPE petsage_probe_certificate_expiry_timestamp_seconds gauge
petsage_probe_certificate_expiry_timestamp_seconds{url="http://c/",address="192.0.2.1"} 1798761600
# HELP petsage_probe_release_info The release that responded.
# TYPE petsage_probe_release_info gauge
petsage_probe_release_info{url="http://c/",address="192.0.2.1",release="r1"} 1""",
}


@pytest.mark.parametrize("report_format", REPORTS)
def test_a_report_has_every_fact_of_the_outcome(report_format: str) -> None:
    assert render(failed_outcome(), report_format) == REPORTS[report_format]


def test_the_json_document_has_every_fact_of_the_outcome() -> None:
    document = json.loads(render(failed_outcome(), "json"))

    passed, _slow, refused = document.pop("verdicts")
    assert passed == {
        "url": "http://a/",
        "address": "192.0.2.1",
        "level": "ok",
        "layer": None,
        "code": "ok",
        "answered_by": "app",
        "responder": "the app",
        "message": "A message.",
        "hint": "a hint",
        "status": 200,
        "release": "r1",
        "answered_at": "2026-11-23T12:00:00.010Z",
        "timings_ms": {"dns": 1.0, "tcp": 2.0, "tls": None, "answer": 3.0, "total": 6.5},
        "tls": {"subject": "CN=a", "issuer": "CN=b", "expires_at": "2027-01-01T00:00:00Z"},
        "redirects": ["http://c/"],
    }
    assert [refused["layer"], refused["code"], refused["tls"]] == ["tcp", "tcp.refused", None]
    assert document == {
        "schema_version": 1,
        "ok": False,
        "attempts": 3,
        "waited_s": 1.235,
        "timed_out": True,
        "timeline": [
            {"at_s": 0.0, "code": "tcp.refused", "count": 2},
            {"at_s": 0.512, "code": "tcp.timeout", "count": 1},
        ],
    }


def test_the_json_document_of_a_watch_has_its_facts() -> None:
    made = outcome([verdict("tcp.refused", "error")], passed=False, cls=Watch)
    assert isinstance(made, Watch)
    made.attempts, made.failed, made.unanswered, made.releases = 9, 2, 1, ["r1", "r2"]
    without_outage = json.loads(render(made, "json"))["watch"]

    made.longest_outage = Outage(1.23456, 3.45678, "tcp.refused", [])
    with_outage = json.loads(render(made, "json"))["watch"]

    expected = {"asked": 9, "failed": 2, "unanswered": 1, "releases": ["r1", "r2"]}
    outage = {"at_s": 1.235, "lasted_s": 2.222, "code": "tcp.refused"}
    assert without_outage == expected | {"longest_outage": None}
    assert with_outage == expected | {"longest_outage": outage}


INTERRUPTED = verdict("probe.interrupted", "error", url="", address=None)
REFUSED = verdict("tcp.refused", "error", hint=None)
REFUSED_LINES = ["ERRORS:", "http://a/: (smoke_test.tcp.refused) A message."]


@pytest.mark.parametrize(
    ("verdicts", "failed", "passed", "lines"),
    [
        ([verdict()], 0, True, ["Smoke test passed: asked 9, failed 0."]),
        ([REFUSED], 2, False, [*REFUSED_LINES, "Smoke test failed: asked 9, failed 2."]),
        ([verdict(), INTERRUPTED], 0, False, ["Smoke test interrupted: asked 9, failed 0."]),
        (
            [REFUSED, INTERRUPTED],
            2,
            False,
            [*REFUSED_LINES, "Smoke test failed: asked 9, failed 2."],
        ),
    ],
)
def test_the_text_of_a_watch_ends_with_its_facts(
    verdicts: list[Verdict], failed: int, passed: bool, lines: list[str]
) -> None:
    made = outcome(verdicts, passed=passed, cls=Watch)
    assert isinstance(made, Watch)
    made.attempts, made.failed = 9, failed

    assert render(made, "text").split("\n") == lines
    summary = github.step_summary(made)
    assert f"### Smoke test {'passed' if passed else 'failed'}\n" in summary
    assert f"\n\nWatch: asked 9\\, failed {failed}\n\n" in summary


def test_junit_has_one_test_for_each_url_address_and_code() -> None:
    verdicts = [
        verdict(),
        verdict("time.slow", "warning"),
        verdict("page.asset", "error", message="one."),
        verdict("page.asset", "error", message="two."),
        verdict(address="192.0.2.2"),
        verdict(url="http://b/"),
        verdict(),
    ]

    root = ET.fromstring(render(outcome(verdicts, passed=False), "junit"))  # noqa: S314 - our own

    names = [case.get("name") for case in root.iter("testcase")]
    assert names == [
        "http://a/ at 192.0.2.1: ok",
        "http://a/ at 192.0.2.1: time.slow",
        "http://a/ at 192.0.2.1: page.asset",
        "http://a/ at 192.0.2.2: ok",
        "http://b/ at 192.0.2.1: ok",
    ]
    assert (root[0].get("tests"), root[0].get("failures")) == ("5", "1")
    assert [each.text for each in root.iter("failure")] == ["one. HINT: a hint\ntwo. HINT: a hint"]


def test_the_step_summary_is_a_table_without_foreign_markup() -> None:
    failed = outcome([verdict("app.error", "error", message=NASTY, release=NASTY)], passed=False)

    html = MarkdownIt("gfm-like", {"linkify": False}).render(github.step_summary(failed))

    table = ET.fromstring(html[html.index("<table>") : html.index("</table>") + 8])  # noqa: S314
    [row] = table.findall("./tbody/tr")
    assert ["".join(cell.itertext()) for cell in row] == [
        "error",
        "http://a/",
        "app.error",
        f"{NASTY} HINT: a hint",
        NASTY,
        "dns 1 ms | tcp 2 ms | answer 3 ms | total 6 ms",
    ]
    assert {element.tag for cell in row for element in cell} == {"code"}
    assert "<h3>Smoke test failed</h3>" in html
    assert "<code>0.0 s  app.error</code>" in html


def test_the_step_summary_has_every_fact_of_the_outcome() -> None:
    phases = r"dns 1 ms \| tcp 2 ms \| answer 3 ms \| total 6 ms"

    lines = github.step_summary(failed_outcome()).split("\n")

    assert lines == [
        "### Smoke test failed",
        "",
        "| Result | URL | Code | Message | Release | Phases |",
        "| --- | --- | --- | --- | --- | --- |",
        rf"| ok | http\:\/\/a\/ | `ok` | A message\. | r1 | {phases} |",
        rf"| warning | http\:\/\/a\/ | `time.slow` | 9 \%\, a\. | r1 | {phases} |",
        r"| error | http\:\/\/b\/\, | `tcp.refused` | A message\. HINT\: a hint |  |  |",
        "",
        "Timeline: `0.0 s  tcp.refused x2  ->  0.5 s  tcp.timeout`",
        "",
        "",
    ]


def test_the_step_summary_of_an_interrupted_attempt_has_no_timeline() -> None:
    interrupted = outcome([verdict("probe.interrupted", "error")], passed=False)
    interrupted.timeline = []

    assert "\nTimeline: `no attempt completed`\n" in github.step_summary(interrupted)


def test_a_warning_that_fails_is_the_cause() -> None:
    failed = outcome([verdict(), verdict("time.slow", "warning")], passed=False)

    text, outputs = render(failed, "text"), github.step_outputs(failed).splitlines()

    assert text.split("\n") == [
        "dns 1 ms | tcp 2 ms | answer 3 ms | total 6 ms",
        "http://a/: A message.",
        "WARNINGS:",
        "http://a/: (smoke_test.time.slow) A message.",
        "\tHINT: a hint",
        "Smoke test failed: http://a/: (smoke_test.time.slow) A message.",
    ]
    assert [outputs[1], outputs[4], outputs[7]] == ["false", "time.slow", "time"]
    assert [each.code for each in causes(failed)] == ["time.slow"]


def test_the_release_of_the_step_is_the_first_one_known() -> None:
    verdicts = [verdict("tcp.refused", "error"), verdict(release="r1"), verdict(release="r2")]

    lines = github.step_outputs(outcome(verdicts, passed=False)).splitlines()

    assert lines[10] == "r1"


@pytest.mark.parametrize(
    ("verdicts", "lines"),
    [
        ([verdict(timings=Timings(total=5.0))], ["Smoke test passed: A message."]),
        (
            [verdict(timings=Timings(total=5.0)), verdict(url="http://b/", timings=Timings())],
            [
                "Smoke test passed: http://a/: A message.",
                "Smoke test passed: http://b/: A message.",
            ],
        ),
    ],
)
def test_the_text_of_a_pass_names_the_url_only_if_there_are_several(
    verdicts: list[Verdict], lines: list[str]
) -> None:
    assert [line for line in render(outcome(verdicts), "text").split("\n") if line] == lines


def test_a_title_names_the_address_only_if_there_are_several() -> None:
    verdicts = [verdict(), verdict(address="192.0.2.2"), verdict(url="http://b/"), verdict(url="")]

    titles = [title(outcome(verdicts), each) for each in verdicts]

    assert titles == [
        "http://a/ at 192.0.2.1: (smoke_test.ok)",
        "http://a/ at 192.0.2.2: (smoke_test.ok)",
        "http://b/: (smoke_test.ok)",
        "the probe: (smoke_test.ok)",
    ]


def test_a_value_cannot_end_a_step_output() -> None:
    failed = outcome([verdict(release="r1\nok<<END\ntrue"), verdict("app.error", "error")])
    failed.passed = False

    text = github.step_outputs(failed)

    # Parsed like actions/runner, FileCommandManager.cs.
    entries = re.finditer(r"^(\w+)<<(\w+)\n((?s:.*?))\n\2$", text, re.MULTILINE)
    outputs = {entry[1]: entry[3] for entry in entries}
    document = json.loads(outputs.pop("document"))
    assert document["ok"] is False
    assert outputs == {
        "ok": "false",
        "code": "app.error",
        "layer": "app",
        "release": "r1\nok<<END\ntrue",
    }


def test_a_pass_sets_the_step_outputs() -> None:
    text = github.step_outputs(outcome([verdict(release="r1")]))

    lines = text.splitlines()
    assert [lines[1], lines[4], lines[7], lines[10]] == ["true", "ok", "", "r1"]


def test_nagios_output_has_no_character_with_a_special_meaning() -> None:
    failed = outcome(
        [
            verdict("app.error", "error", message=NASTY, hint=NASTY, url="http://a/?b='|'"),
            verdict(message=NASTY),
        ],
        passed=False,
    )

    first, *others = render(failed, "nagios").split("\n")

    text, data = first.split(" | ")
    assert text.startswith("PETSAGE CRITICAL - http://a/?b=/: (smoke_test.app.error) a/b c d e")
    assert not set("|'\"`") & set("".join([text, *others]))
    label = re.compile(r"'[^'=|]+'=\d+\.\d+s;;;0")
    assert [bool(label.fullmatch(each)) for each in re.findall(r"'.*?'=\S+", data)] == [True] * 8
    assert len(others) == 2


def test_nagios_gets_the_reason_first_if_the_probe_gave_up() -> None:
    given_up = outcome([])
    given_up.verdicts = [verdict("app.error", "error", timings=Timings())]

    cli.give_up(given_up, "probe.failed", "It gave `up`.")

    assert render(given_up, "nagios").split("\n")[::2] == [
        "PETSAGE UNKNOWN - the probe: (smoke_test.probe.failed) It gave up.",
        "http://a/: (smoke_test.app.error) A message.",
    ]


def test_a_nagios_status_line_has_no_character_with_a_special_meaning() -> None:
    assert nagios.status_line(3, "a|b'\"`") == "PETSAGE UNKNOWN - a/b"


@pytest.mark.parametrize(
    ("verdicts", "passed", "state"),
    [
        ([verdict()], True, 0),
        ([verdict(), verdict("time.slow", "warning")], True, 1),
        ([verdict(), verdict("time.slow", "warning")], False, 2),
        ([verdict("app.error", "error")], False, 2),
    ],
)
def test_each_outcome_has_a_nagios_state(
    verdicts: list[Verdict], passed: bool, state: int
) -> None:
    assert nagios.state(outcome(verdicts, passed=passed)) == state


def test_prometheus_output_has_each_series_once_and_escaped() -> None:
    failed = outcome(
        [
            verdict("app.error", "error", url='http://a/"\\', release="r1"),
            verdict("app.error", "error", url='http://a/"\\', release="r1"),
            verdict(redirects=("http://c/", "http://d/"), certificate=CERTIFICATE),
        ],
        passed=False,
    )

    lines = render(failed, "prometheus").split("\n")

    series = [line for line in lines if not line.startswith("#") and "phase" not in line]
    place = r'{url="http://a/\"\\",address="192.0.2.1"'
    expiry = "petsage_probe_certificate_expiry_timestamp_seconds"
    assert series == [
        'petsage_probe_ok{url="http://a/"} 0',
        f'petsage_probe_failed{place},layer="app",code="app.error"}} 1',
        f'{expiry}{{url="http://c/",address="192.0.2.1"}} 1798761600',
        f'petsage_probe_release_info{place},release="r1"}} 1',
    ]
    assert f'petsage_probe_phase_seconds{place},phase="total"}} 0.0065' in lines
