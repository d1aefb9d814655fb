"""That a verdict has all facts of its exchange, and only printable ones."""

from datetime import UTC, datetime

import pytest

from smoke_test.probe.codes import CODES
from smoke_test.probe.exchange import Certificate, Timings
from smoke_test.probe.verdict import Verdict, printable, verdict
from tests.smoke_test.probe.test_diagnosis import correct_exchange, correct_headers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b", "a b"),
        ("\u00f6 \u2603", "\u00f6 \u2603"),
        ("a\tb\r\nc\x1b[31m\u202e", r"a\tb\r\nc\x1b[31m\u202e"),
        ("a ##[b]", r"a #\x23[b]"),
        ("# a", "# a"),
        ("x" * 300, "x" * 300),
        ("x" * 301, "x" * 300 + "..."),
        ("to http://ada:s3cret@a/ and //eve@b/", "to http://a/ and //b/"),
        ("to http://ada:s3@cret@a/", "to http://a/"),
        ("http://@a/", "http://a/"),
        ("http://a/ mail@b", "http://a/ mail@b"),
        ("http://a/mail@b", "http://a/mail@b"),
        ("/?a=b&c=d&=e", "/?a=***&c=***&=***"),
        ("/?a=b=c#d", "/?a=***#d"),
        ("/?a=&b", "/?a=&b"),
        ("/?a and b=c", "/?a and b=c"),
    ],
)
def test_printable_text_is_one_line_without_secrets(text: str, expected: str) -> None:
    assert printable(text) == expected


def test_a_verdict_has_the_facts_of_its_exchange() -> None:
    expires_at = datetime(2027, 1, 1, tzinfo=UTC)
    exchange = correct_exchange(
        url="https://a.example/?b=c",
        address="unix:/\n",
        headers=correct_headers(x_petsage_release="r" * 129, x_petsage_answered_at="a\n"),
        timings=Timings(total=1.0),
        certificate=Certificate("CN=\n", "CN=\t", expires_at),
        redirects=("https://ada:s3cret@a.example/",),
    )

    judged = verdict(exchange, "app.error", "a\n", answered_by=("proxy", "b\n"), hint="c\n")

    assert judged == Verdict(
        url="https://a.example/?b=***",
        level="error",
        layer="app",
        code="app.error",
        message=r"a\n",
        hint=r"c\n",
        address=r"unix:/\n",
        answered_by="proxy",
        responder=r"b\n",
        status=200,
        release="r" * 128 + "...",
        answered_at=r"a\n",
        timings=Timings(total=1.0),
        certificate=Certificate(r"CN=\n", r"CN=\t", expires_at),
        redirects=("https://a.example/",),
    )


def test_a_verdict_without_a_response_has_no_responder() -> None:
    unconnected = correct_exchange(address=None, status=None, headers=())

    judged = verdict(unconnected, "tcp.refused", "refused.")

    assert judged == Verdict(
        url="https://api.petsage.example/smoke-test/",
        level="error",
        layer="tcp",
        code="tcp.refused",
        message="refused.",
        hint=CODES["tcp.refused"].hint,
    )


def test_a_pass_has_no_layer_and_a_long_url_is_not_truncated() -> None:
    url = f"https://a.example/{'b' * 1900}"

    judged = verdict(correct_exchange(url=url), "ok", "passed.", level="ok")

    assert (judged.level, judged.layer, judged.hint, judged.url) == ("ok", None, None, url)
