"""Resolving names with this machine's resolver."""

import time

import pytest

from smoke_test.probe.deadline import Deadline
from smoke_test.probe.exchange import CurlCode
from smoke_test.probe.resolver import Resolution, is_address, resolve


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("fe80::1%eth0", True),
        ("localhost", False),
        ("127.0.0", False),
        ("", False),
    ],
)
def test_an_address_is_told_from_a_name(name: str, expected: bool) -> None:
    assert is_address(name) is expected


def test_an_address_needs_no_resolver_and_no_time() -> None:
    names = ["192.0.2.1", "fe80::1%nowhere"]

    resolved = resolve(names, Deadline(0.0, lambda: None))

    assert resolved == {name: Resolution((name,)) for name in names}


def test_each_name_has_its_addresses_or_its_error() -> None:
    deadline = Deadline(time.monotonic() + 20, lambda: None)

    resolved = resolve(["localhost", "nowhere.invalid", "a..b", "127.0.0.1"], deadline)

    assert set(resolved["localhost"].addresses) <= {"127.0.0.1", "::1"}
    assert len(resolved["localhost"].addresses) == len(set(resolved["localhost"].addresses)) > 0
    assert resolved["localhost"].error is None
    assert resolved["127.0.0.1"].addresses == ("127.0.0.1",)
    for name in ("nowhere.invalid", "a..b"):
        error = resolved[name].error
        assert resolved[name].addresses == ()
        assert error is not None
        assert error.code == CurlCode.COULDNT_RESOLVE_HOST
        assert error.resolver_errno != 0
    assert 0 < resolved["localhost"].took_ms < 20_000
    assert 0 < resolved["nowhere.invalid"].took_ms < 20_000
