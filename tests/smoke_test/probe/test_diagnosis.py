"""Properties of the diagnosis and the reports, for any possible exchange."""

import json
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smoke_test.contract import BODY
from smoke_test.probe.codes import CODES
from smoke_test.probe.diagnosis import Expectations, answer_error, compare, diagnose
from smoke_test.probe.exchange import (
    IN_PROCESS,
    Certificate,
    CurlCode,
    Exchange,
    Timings,
    TransportError,
)
from smoke_test.probe.gate import Outcome, Step, is_pass
from smoke_test.probe.reports import FORMATS, render
from smoke_test.serializers import SmokeTestSerializer
from smoke_test.services import run_smoke_test
from tests.conftest import ROOT

SCHEMA = json.loads((ROOT / "docs/probe.schema.json").read_text())

moments = st.timedeltas(timedelta(), timedelta(days=365)).map(
    lambda since: datetime(2026, 1, 1, tzinfo=UTC) + since
)
milliseconds = st.none() | st.floats(0, 1e6, allow_nan=False)
header_names = st.sampled_from(
    [
        "content-type", "content-encoding", "location", "set-cookie", "age", "x-cache",
        "x-petsage-nonce",
        "x-petsage-release", "x-petsage-answered-at", "proxy-status", "x-upstream-status",
        "x-upstream-connect", "referrer-policy", "cross-origin-opener-policy", "retry-after",
    ]
)  # fmt: skip
header_values = st.one_of(
    st.text(st.characters(max_codepoint=255, blacklist_characters="\r\n\0"), max_size=60),
    st.sampled_from(
        ["application/json", "r1", "0" * 32, "502", "502, 200", "-", "0.001", "7", "proxy", "/"]
    ),
    moments.map(lambda moment: moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")),
)
bodies = st.one_of(
    st.just(BODY),
    st.binary(max_size=200),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["status", "details", "x"]), inner)
        ),
        max_leaves=5,
    ).map(lambda value: json.dumps(value).encode()),
    st.sampled_from([b"<hr><center>nginx</center>", b"Internal Server Error"]),
)
errors = st.none() | st.builds(
    TransportError,
    code=st.sampled_from([*map(int, CurlCode), 2, 27, 61, 99]),
    text=st.text(max_size=80),
    os_errno=st.integers(0, 140),
    verify_result=st.integers(0, 80),
    resolver_errno=st.integers(-12, 0),
)
exchanges = st.builds(
    Exchange,
    url=st.sampled_from(["http://a.example/smoke-test/", "https://a.example/smoke-test/"]),
    sent_at=moments,
    received_at=moments,
    nonce=st.sampled_from(["r1", "0" * 32]),
    address=st.sampled_from([None, "127.0.0.1", "203.0.113.7", "::1", "unix:/x", "in process"]),
    error=errors,
    status=st.none() | st.integers(200, 599),
    headers=st.lists(st.tuples(header_names, header_values), max_size=6).map(tuple),
    body=bodies,
    too_large=st.booleans(),
    timings=st.builds(Timings, *[milliseconds] * 4, st.floats(0, 1e6, allow_nan=False)),
    certificate=st.none() | st.builds(Certificate, st.text(), st.text(), moments),
    redirects=st.lists(st.text(max_size=40), max_size=5).map(tuple),
)
expectations = st.builds(Expectations, release=st.none() | st.just("r1"))


def correct_exchange(**changes: object) -> Exchange:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    right = Exchange(
        url="https://api.petsage.example/smoke-test/",
        sent_at=now,
        received_at=now + timedelta(milliseconds=20),
        nonce="0" * 32,
        address="203.0.113.7",
        status=200,
        headers=(
            ("content-type", "application/json"),
            ("x-petsage-release", "r1"),
            ("x-petsage-nonce", "0" * 32),
            ("x-petsage-answered-at", "2026-11-23T12:00:00.010Z"),
        ),
        body=BODY,
    )
    return right._replace(**changes)  # type: ignore[arg-type]  # as the fields are


def correct_headers(**changes: str | None) -> tuple[tuple[str, str], ...]:
    """Return a correct exchange's headers, changed (`_` for `-`), or removed if None."""
    changed = {name.replace("_", "-"): value for name, value in changes.items()}
    headers = {**dict(correct_exchange().headers), **changed}
    return tuple((name, value) for name, value in headers.items() if value is not None)


@given(exchanges, expectations)
def test_any_exchange_gets_one_verdict_and_warnings_only_after_a_pass(
    exchange: Exchange, expected: Expectations
) -> None:
    first, *rest = diagnose(exchange, expected)

    assert first.level in ("ok", "error")
    assert all(verdict.level == "warning" for verdict in rest)
    assert not (first.level == "error" and rest)
    for verdict in (first, *rest):
        assert verdict.code in {"ok", *CODES}
        assert verdict.layer == (None if verdict.code == "ok" else verdict.code.split(".")[0])
        assert verdict.message.isprintable()


@given(exchanges, expectations)
def test_only_the_contract_passes(exchange: Exchange, expected: Expectations) -> None:
    first = diagnose(exchange, expected)[0]

    if first.level == "ok":
        assert exchange.error is None
        assert exchange.status == 200
        assert json.loads(exchange.body) == json.loads(BODY)
        assert (exchange.header("Content-Type") or "").lower() == "application/json"
        assert exchange.header("X-PetSage-Nonce") == exchange.nonce
        assert expected.release in (None, exchange.header("X-PetSage-Release"))


@given(st.binary(max_size=120))
def test_any_other_body_fails(body: bytes) -> None:
    first = diagnose(correct_exchange(body=body), Expectations())[0]

    assert first.level == "error"


def test_a_correct_exchange_passes_without_a_warning() -> None:
    assert [v.code for v in diagnose(correct_exchange(), Expectations("r1"))] == ["ok"]


MESSAGES = [
    ({}, "release r1 answered at 203.0.113.7."),
    ({"address": IN_PROCESS}, "release r1 answered in process."),
    (
        {"headers": correct_headers(x_petsage_release=None)},
        "the app answered at 203.0.113.7.",
    ),
    (
        {"headers": correct_headers(x_petsage_nonce="1" * 32)},
        "the response was made for another request.",
    ),
    (
        {"headers": correct_headers(x_petsage_nonce="1")},
        f"got X-PetSage-Nonce '1', expected {'0' * 32}.",
    ),
    (
        {"headers": correct_headers(x_petsage_nonce="1" * 32, age="7")},
        "the response was made for another request (Age is 7).",
    ),
    (
        {"status": 302, "headers": (("location", "/b/"),), "redirects": ("https://a.example/",)},
        "302: https://a.example/ -> https://api.petsage.example/smoke-test/ -> /b/.",
    ),
    ({"body": b""}, "the body is not JSON (it is empty); its Content-Type is 'application/json'."),
    (
        {"body": b"\xff"},
        "the body is not JSON (it is not UTF-8); its Content-Type is 'application/json'.",
    ),
    (
        {"body": b"x"},
        "the body is not JSON (Expecting value); its Content-Type is 'application/json'.",
    ),
    (
        {"body": b"Welcome to nginx!", "headers": correct_headers(content_type=None)},
        "the body is not JSON (Expecting value); its Content-Type is None, nginx's welcome page.",
    ),
]


@pytest.mark.parametrize(("changes", "message"), MESSAGES)
def test_the_message_has_the_facts(changes: dict[str, object], message: str) -> None:
    first = diagnose(correct_exchange(**changes), Expectations())[0]

    assert first.message == message


NEVER_CONNECTED = "is the app server running? `systemctl status petsage.slice`"
CLOSED = "did a worker crash? `journalctl -u petsage.slice`"
STUCK = "is a worker stuck or overloaded? `systemctl restart 'petsage-*'`"


@pytest.mark.parametrize(
    ("status", "upstream", "detail", "hint"),
    [
        (502, {}, "", CODES["proxy.bad_gateway"].hint),
        (503, {}, "", CODES["proxy.unavailable"].hint),
        (504, {}, "", CODES["proxy.gateway_timeout"].hint),
        (502, {"502": "-"}, ": it never connected to the app server", NEVER_CONNECTED),
        (504, {"504": "-"}, ": it never connected to the app server", NEVER_CONNECTED),
        (502, {"504, 502": "0.001, -"}, ": it never connected to the app server", NEVER_CONNECTED),
        (
            502,
            {"502": "0.001"},
            ": the app server closed the connection without a response",
            CLOSED,
        ),
        (504, {"504": "0.001"}, ": it connected, but the app server did not respond", STUCK),
        (
            504,
            {"502, 504": "-, 0.001"},
            ": it connected, but the app server did not respond",
            STUCK,
        ),
        (503, {"503": "0.001"}, "", CODES["proxy.unavailable"].hint),
    ],
)
def test_a_gateway_error_says_what_nginx_reports_of_its_connection(
    status: int, upstream: dict[str, str], detail: str, hint: str
) -> None:
    headers = [("proxy-status", "nginx; error=x")]
    for statuses, connects in upstream.items():
        headers += [("x-upstream-status", statuses), ("x-upstream-connect", connects)]

    first = diagnose(correct_exchange(status=status, headers=tuple(headers)), Expectations())[0]

    assert first.message == f"{status}, answered by nginx{detail}."
    assert first.hint == hint


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, None), (200, "contract.wrong_status"), (403, "contract.wrong_status")],
)
def test_another_expected_status_is_the_only_right_one(status: int, code: str | None) -> None:
    error = answer_error(correct_exchange(status=status), 401)

    assert (error and error.code) == code


def test_a_redirect_that_was_not_followed_because_the_time_is_up_is_a_timeout() -> None:
    redirected = correct_exchange(status=302, headers=(("location", "/b/"),))

    assert [v.code for v in diagnose(redirected, Expectations())] == ["http.timeout"]


NOT_FOUND = {"status": 404, "body": b"{}"}
UNROUTED = {
    "status": 404,
    "headers": (("proxy-status", "nginx; error=destination_not_found"),),
}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        (NOT_FOUND, "app.not_found"),
        (UNROUTED, "proxy.unrouted"),
        ({"body": b"<html>"}, "contract.not_json"),
        ({"body": b"{}"}, "contract.wrong_body"),
    ],
)
def test_a_wrong_path_is_in_the_hint_of_what_it_causes(
    changes: dict[str, object], code: str
) -> None:
    smoke_test, elsewhere = (
        diagnose(correct_exchange(**changes, url=url), Expectations())[0]
        for url in ("https://a.example/smoke-test/", "https://a.example/smoke-test")
    )

    assert (smoke_test.code, smoke_test.hint) == (code, CODES[code].hint)
    assert (elsewhere.code, elsewhere.hint) == (
        code,
        "is the path right? The smoke test's path is /smoke-test/",
    )


def test_a_wrong_path_is_not_in_the_hint_of_another_fault() -> None:
    crashed = correct_exchange(status=500, url="https://a.example/")

    assert diagnose(crashed, Expectations())[0].hint == CODES["app.error"].hint


@pytest.mark.parametrize(
    ("release", "hint"),
    [
        ("r1", CODES["contract.unproven"].hint),
        (None, "nothing shows that PetSage responded: does a proxy drop the X-PetSage headers?"),
    ],
)
def test_the_hint_about_a_missing_nonce_depends_on_the_release(
    release: str | None, hint: str
) -> None:
    headers = correct_headers(x_petsage_nonce=None, x_petsage_release=release)

    first = diagnose(correct_exchange(headers=headers), Expectations())[0]

    assert (first.code, first.hint) == ("contract.unproven", hint)


def test_the_expected_body_is_the_serializers() -> None:
    assert json.loads(BODY) == SmokeTestSerializer(run_smoke_test()).data


@given(
    st.lists(exchanges, min_size=1, max_size=3),
    expectations,
    st.lists(st.tuples(st.floats(0, 99), st.sampled_from([*CODES])), max_size=3),
)
def test_any_report_is_one_valid_document(
    judged: list[Exchange], expected: Expectations, steps: list[tuple[float, str]]
) -> None:
    verdicts = [verdict for exchange in judged for verdict in diagnose(exchange, expected)]
    outcome = Outcome()
    outcome.passed = is_pass(verdicts, fail_on_warning=False)
    outcome.verdicts = verdicts
    outcome.attempts = len(judged)
    outcome.timeline = [Step(at_s, code) for at_s, code in steps]

    jsonschema.validate(json.loads(render(outcome, "json")), SCHEMA)
    suite = ET.fromstring(render(outcome, "junit"))[0]  # noqa: S314 - our own XML
    assert int(suite.get("tests", "")) == len(suite)
    assert (int(suite.get("failures", "")) > 0) is not outcome.passed
    assert len(render(outcome, "github").splitlines()) == len(verdicts)
    for report_format in FORMATS:
        lines = render(outcome, report_format).split("\n")
        assert all(line.removeprefix("\t").isprintable() for line in lines)


@given(exchanges, exchanges, expectations)
def test_a_direct_request_never_turns_a_failure_into_a_pass(
    proxied: Exchange, direct: Exchange, expected: Expectations
) -> None:
    by_url, by_app_server = diagnose(proxied, expected), diagnose(direct, expected)
    compared = compare(by_url, by_app_server)

    assert is_pass(compared, fail_on_warning=False) is (
        by_url[0].level == "ok" and by_app_server[0].level == "ok"
    )


def test_a_direct_request_to_the_same_release_changes_nothing() -> None:
    by_url = diagnose(correct_exchange(), Expectations())
    direct = diagnose(correct_exchange(address="unix:/x"), Expectations())

    assert compare(by_url, direct) == [*by_url, *direct]


def test_a_direct_request_to_another_release_shows_both() -> None:
    other = correct_exchange(headers=correct_headers(x_petsage_release="r0"))

    first = compare(diagnose(correct_exchange(), Expectations()), diagnose(other, Expectations()))[
        0
    ]

    assert (first.level, first.layer, first.code) == ("error", "release", "release.mismatch")
    assert first.message == "got release r1 by the URL, r0 from the app server."
    assert first.hint == CODES["release.mismatch"].hint
