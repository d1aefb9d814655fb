"""Valid option values, and the errors for invalid ones."""

import pytest

from smoke_test.probe import options
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
        (["http://a/", "--page", "http://b/"], "URLs on both sides of an option"),
        (["--", "--help"], "'--help'"),
        ([], "no URL"),
        ([""], "'', expected a URL that begins with http"),
        (["--wait", "3"], "no URL"),
        (["--in-process", "http://a/"], "--in-process with a URL"),
        (["--in-process", "--direct", "unix:/x"], "--direct with --in-process"),
        (["--in-process"], "--in-process without Django"),
        (
            ["http://a/", "--consec", "3"],
            "an unknown --consec, expected an option from --help, such as --consecutive",
        ),
        (["http://a/", "--also", "home"], "'home'"),
        (["http://a/", "--also", "/=99"], "'/=99'"),
        (["http://a/", "--output", "/nowhere/report"], "'/nowhere/report'"),
        (
            ["http://a/", "--output=a", "--format=text", "--format=json", "--output=a"],
            "the same --output FILE twice",
        ),
        (["http://a/", "--format", "text"], "several formats for standard output"),
        (["http://a/", "--watch", "0.5"], "'0.5'"),
        (["http://a/", "--watch", "9", "--wait", "9"], "--wait with --watch"),
        (["http://a/", "--watch", "9", "--consecutive", "3"], "--consecutive with --watch"),
        (["http://a/", "--watch", "9", "--fail-fast"], "--fail-fast with --watch"),
        (["http://a/", "http://b/", "--watch", "9"], "--watch with several URLs"),
        (["http://a/", "--watch", "9", "--timeout", "61"], "--timeout 61 with --watch"),
        (["--in-process", "--watch", "9"], "--watch with --in-process"),
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
    ],
)
def test_a_url_is_converted_to_ascii_with_idna_2008(text: str, url: str) -> None:
    assert options.url(text) == url
