"""Valid option values, and the errors for invalid ones."""

from collections.abc import Callable
from pathlib import Path

import pytest

from smoke_test.probe import options
from smoke_test.probe.options import Report
from smoke_test.probe.probe import Also
from tests.smoke_test.probe.report import probe


@pytest.mark.parametrize(
    ("arguments", "got"),
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
        (["http://a!b/"], "'http://a!b/'"),
        (["http://a/", "--wait", "-1"], "'-1'"),
        (["http://a/", "--wait", "nan"], "'nan'"),
        (["http://a/", "--wait", "inf"], "'inf'"),
        (["http://a/", "--wait", "soon"], "'soon'"),
        (["http://a/", "--wait", "1e9"], "'1e9'"),
        (["http://a/", "--wait", "86401"], "'86401'"),
        (["http://a/", "--timeout", "1e9"], "'1e9'"),
        (["http://a/", "--timeout", "0"], "'0'"),
        (["http://a/", "--timeout", "0.09"], "'0.09'"),
        (["http://a/", "--timeout", "3601"], "'3601'"),
        (["http://a/", "--slow", "-1"], "'-1'"),
        (["http://a/", "--slow", "1000001"], "'1000001'"),
        (["http://a/", "--cert-days", "-1"], "'-1'"),
        (["http://a/", "--consecutive", "0"], "'0'"),
        (["http://a/", "--consecutive", "1.5"], "'1.5'"),
        (["http://a/", "--consecutive", "1001"], "'1001'"),
        (["http://a/", "--consecutive", "\u0661"], "'\u0661'"),
        (["http://a/", "--release", "a b"], "'a b'"),
        (["http://a/", "--release", ""], "''"),
        (["http://a/", "--connect-to", "http://b/"], "'http://b/'"),
        (["http://a/", "--connect-to", "b:99999"], "'b:99999'"),
        (["http://a/", "--connect-to", "b:65536"], "'b:65536'"),
        (["http://a/", "--connect-to", "b:0"], "'b:0'"),
        (["http://a/", "--connect-to", "unix:relative"], "'unix:relative'"),
        (["http://a/", "--direct", "https://b/"], "'https://b/'"),
        (["http://a/", "http://b/", "--direct", "unix:/x"], "--direct with several URLs"),
        (
            ["http://a/", "--all-addresses", "--connect-to", "unix:/x"],
            "--all-addresses with a unix",
        ),
        (["http://a/", "--page", "http://b/"], "URLs on both sides of an option"),
        (["--", "--help"], "'--help'"),
        ([], "no URL"),
        ([""], "'', expected a URL that begins with http"),
        (["--wait", "3"], "no URL"),
        (["--in-process", "http://a/"], "--in-process with a URL"),
        *(
            (["--in-process", *option], f"{option[0]} with --in-process")
            for option in (
                ["--all-addresses"],
                ["--connect-to", "b"],
                ["--direct", "unix:/x"],
                ["--ca-file", "x"],
                ["--also", "/"],
                ["--page"],
                ["--header", "A: b"],
                ["--watch", "9"],
            )
        ),
        (["--in-process"], "--in-process without Django"),
        (
            ["http://a/", "--consec", "3"],
            "an unknown --consec, expected an option from --help, such as --consecutive",
        ),
        (["http://a/", "---page"], "an unknown ---page"),
        (["http://a/", "--1"], "an unknown --1"),
        (["http://a/", "--also", "home"], "'home'"),
        (["http://a/", "--also", "/=99"], "'/=99'"),
        (["http://a/", "--also", "/=600"], "'/=600'"),
        (["http://a/", "--output", "/nowhere/report"], "'/nowhere/report'"),
        (
            ["http://a/", "--output=a", "--format=text", "--format=json", "--output=a"],
            "the same --output FILE twice",
        ),
        (["http://a/", "--format", "text"], "several formats for standard output"),
        (["http://a/", "--watch", "0.5"], "'0.5'"),
        (["http://a/", "--watch", "86401"], "'86401'"),
        (["http://a/", "--watch", "9", "--wait", "9"], "--wait with --watch"),
        (["http://a/", "--watch", "9", "--consecutive", "3"], "--consecutive with --watch"),
        (["http://a/", "--watch", "9", "--fail-fast"], "--fail-fast with --watch"),
        (["http://a/", "http://b/", "--watch", "9"], "--watch with several URLs"),
        (["http://a/", "--watch", "9", "--timeout", "61"], "--timeout 61 with --watch"),
        (["http://a/", "--header", "no colon"], "a malformed header"),
        (["http://a/", "--header", "X-PetSage-Nonce: 0"], "X-PetSage-Nonce"),
    ],
)
def test_a_usage_error_says_what_it_got_and_expected(arguments: list[str], got: str) -> None:
    report = probe(*arguments)

    assert (report.exit_status, report.document) == (2, None)
    assert f"got {got}" in report.stderr
    assert "expected" in report.stderr
    assert report.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://B\u00dcCHER.example/", "https://xn--bcher-kva.example/"),
        ("http://stra\u00dfe.example:81", "http://xn--strae-oqa.example:81/smoke-test/"),
        ("http://[::1]:8000/x?y=z", "http://[::1]:8000/x?y=z"),
        ("http://[::ffff:127.0.0.1]/", "http://[::ffff:127.0.0.1]/"),
        ("http://[fe80::1%25a-b.c_d~0]/", "http://[fe80::1%25a-b.c_d~0]/"),
        ("http://a_b-c.d/~e:[f]!$&'()*+,;=%20/", "http://a_b-c.d/~e:[f]!$&'()*+,;=%20/"),
    ],
)
def test_a_url_is_converted_to_ascii_with_idna_2008(text: str, url: str) -> None:
    assert options.url(text) == url


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (options.seconds, "0", 0.0),
        (options.seconds, "86400", 86400.0),
        (options.watch, "1", 1.0),
        (options.watch, "86400", 86400.0),
        (options.timeout, "0.1", 0.1),
        (options.timeout, "3600", 3600.0),
        (options.amount, "0", 0.0),
        (options.amount, "1000000", 1_000_000.0),
        (options.count, "1", 1),
        (options.count, "1000", 1000),
        (options.node, "b", "b"),
        (options.node, "b:1", "b:1"),
        (options.node, "[::1]:65535", "[::1]:65535"),
        (options.node, "unix:/x", "unix:/x"),
        (options.direct, "unix:/x", "unix:/x"),
        (options.direct, "http://b:1", "http://b:1/smoke-test/"),
        (options.also, "/", Also("/", 200)),
        (options.also, "/a/=100", Also("/a/", 100)),
        (options.also, "/?a=b=599", Also("/?a=b", 599)),
        (options.also, "/?a=600", Also("/?a=600", 200)),
        (options.header, "A:b", "A:b"),
        (options.header, "Authorization: Bearer\tx", "Authorization: Bearer\tx"),
    ],
)
def test_a_valid_value_is_accepted(
    parse: Callable[[str], object], text: str, value: object
) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    "arguments",
    [
        ["--in-process", "--release=r1", "--wait=9", "--consecutive=3", "--fail-fast"],
        ["http://a/", "http://b/", "--all-addresses", "--connect-to=c", "--page", "--also=/"],
        ["http://a/", "--direct=unix:/x", "--connect-to=unix:/y"],
        ["http://a/", "--watch=9", "--timeout=60", "--consecutive=1", "--wait=0"],
        ["http://a/", "--timeout=61", "--wait=9", "--fail-level=ERROR"],
        ["http://a/", "--format=text", "--format=json", "--output=a", "--output=b"],
    ],
)
def test_options_that_go_together_are_accepted(arguments: list[str]) -> None:
    given, _ = options.Parser("probe").parse_known_args(arguments)

    assert options.conflict(given) is None


def test_without_options_one_attempt_and_only_an_error_fails() -> None:
    given = options.Parser("probe").parse_args(["http://a/"])

    assert vars(given) == {
        "urls": ["http://a/"],
        "in_process": False,
        "release": None,
        "wait": 0.0,
        "watch": 0.0,
        "timeout": 5.0,
        "consecutive": 1,
        "fail_fast": False,
        "also": [],
        "page": False,
        "headers": [],
        "all_addresses": False,
        "connect_to": None,
        "direct": None,
        "ca_file": None,
        "cert_days": 14.0,
        "slow": 1000.0,
        "fail_level": "ERROR",
        "reports": [],
    }


def test_each_option_has_its_value(tmp_path: Path) -> None:
    file = tmp_path / "report"

    given = options.Parser("probe").parse_args(
        [
            *("http://a/", "--release=r1", "--wait=1", "--timeout=2", "--consecutive=3"),
            *("--fail-fast", "--also=/b", "--also=/c=404", "--page", "--header=A: b"),
            *("--header=C: d", "--all-addresses", "--connect-to=e", "--direct=unix:/f"),
            *("--ca-file=g", "--cert-days=4", "--slow=5", "--fail-level=WARNING"),
            *("--format=json", "--output", str(file), "--format=junit"),
        ]
    )

    assert vars(given) == {
        "urls": ["http://a/"],
        "in_process": False,
        "release": "r1",
        "wait": 1.0,
        "watch": 0.0,
        "timeout": 2.0,
        "consecutive": 3,
        "fail_fast": True,
        "also": [Also("/b", 200), Also("/c", 404)],
        "page": True,
        "headers": ["A: b", "C: d"],
        "all_addresses": True,
        "connect_to": "e",
        "direct": "unix:/f",
        "ca_file": "g",
        "cert_days": 4.0,
        "slow": 5.0,
        "fail_level": "WARNING",
        "reports": [Report("json", file), Report("junit", None)],
    }
    assert Report(None, file).format == "text"
    assert Report("json", file).format == "json"


@pytest.mark.parametrize(
    "argument", ["--fail-level=warning", "--fail-level=INFO", "--format=yaml"]
)
def test_a_level_or_format_that_does_not_exist_is_a_usage_error(argument: str) -> None:
    with pytest.raises(SystemExit) as end:
        options.Parser("probe").parse_args(["http://a/", argument])

    assert end.value.code == 2
