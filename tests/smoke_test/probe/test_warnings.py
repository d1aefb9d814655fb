"""The warnings about a response that passes, at their limits."""

from datetime import timedelta
from typing import Any

import pytest

from smoke_test.probe.exchange import IN_PROCESS, Certificate, Timings
from smoke_test.probe.warnings import warnings
from tests.smoke_test.probe.test_diagnosis import correct_exchange, correct_headers


def headers(**changes: str | None) -> dict[str, Any]:
    return {"headers": correct_headers(**changes)}


def answered_at(stamp: str) -> dict[str, Any]:
    return headers(x_petsage_answered_at=stamp)


def expiring(days: float) -> dict[str, Any]:
    expires_at = correct_exchange().received_at + timedelta(days=days)
    return {"certificate": Certificate("CN=a", "CN=b", expires_at)}


def plain(address: str) -> dict[str, Any]:
    return {"url": "http://a.example/smoke-test/", "address": address}


QUIET: list[dict[str, Any]] = [
    {},
    headers(x_upstream_status="200"),
    # The exchange lasts from 12:00:00 to 12:00:00.020.
    answered_at("2026-11-23T12:00:02.020Z"),
    answered_at("2026-11-23T11:59:58.000Z"),
    answered_at("2026-11-23T13:00:00+01:00"),
    answered_at("yesterday"),
    answered_at("0001-01-01T00:00:00+23:59"),
    expiring(14),
    plain("127.0.0.9"),
    plain("::1"),
    plain("unix:/run/petsage/app.sock"),
    plain(IN_PROCESS),
    {"timings": Timings(total=1000.0)},
]


@pytest.mark.parametrize("changes", QUIET)
def test_a_response_within_the_limits_has_no_warning(changes: dict[str, Any]) -> None:
    exchange = correct_exchange(**changes)

    assert list(warnings(exchange, slow_ms=1000, cert_days=14)) == []


WARNINGS: list[tuple[dict[str, Any], str, str]] = [
    (
        headers(x_petsage_release=None),
        "release.missing",
        "the response has no X-PetSage-Release.",
    ),
    (
        headers(x_petsage_answered_at=None),
        "release.missing",
        "the response has no X-PetSage-Answered-At.",
    ),
    (
        headers(x_petsage_release=None, x_petsage_answered_at=None),
        "release.missing",
        "the response has no X-PetSage-Release and no X-PetSage-Answered-At.",
    ),
    (
        headers(set_cookie="AWSALB =x; Path=/"),
        "contract.cookie",
        "got a cookie 'AWSALB', expected none.",
    ),
    (
        headers(x_upstream_status="502, 200"),
        "proxy.degraded",
        "the app servers sent 502, 200: one of them is down.",
    ),
    (
        answered_at("2026-11-23T12:00:02.120Z"),
        "time.skew",
        "the server's clock is 2.1 s ahead of this one.",
    ),
    (
        answered_at("2026-11-23T11:59:57.900Z"),
        "time.skew",
        "the server's clock is 2.1 s behind this one.",
    ),
    (
        {"failed_address": "192.0.2.1: refused"},
        "tcp.degraded",
        "another address of the name failed: 192.0.2.1: refused.",
    ),
    (
        expiring(13.9),
        "tls.expiring",
        "the certificate, or one in its chain, expires in 13.9 days.",
    ),
    (
        plain("203.0.113.7"),
        "tls.plaintext",
        "the response came over plain http from another machine.",
    ),
    (
        {"timings": Timings(total=1001.0)},
        "time.slow",
        "took 1001 ms, expected at most 1000 ms.",
    ),
]


@pytest.mark.parametrize(("changes", "code", "message"), WARNINGS)
def test_a_response_beyond_a_limit_has_one_warning(
    changes: dict[str, Any], code: str, message: str
) -> None:
    exchange = correct_exchange(**changes)

    assert list(warnings(exchange, slow_ms=1000, cert_days=14)) == [(code, message)]
