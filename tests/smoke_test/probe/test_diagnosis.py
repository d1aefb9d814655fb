"""Properties of the diagnosis and the reports, for any possible exchange."""

import json
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from smoke_test.contract import BODY
from smoke_test.probe.codes import CODES
from smoke_test.probe.diagnosis import Expectations, compare, diagnose
from smoke_test.probe.exchange import Certificate, CurlCode, Exchange, Timings, TransportError
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
