"""Which redirects the probe follows."""

import pytest

from smoke_test.probe.exchange import CurlCode, TransportError
from smoke_test.probe.redirects import Redirect, redirect
from tests.smoke_test.probe.test_diagnosis import correct_exchange

TRUNCATED = TransportError(CurlCode.PARTIAL_FILE, "transfer closed")


@pytest.mark.parametrize(
    ("url", "location", "expected"),
    [
        ("http://a/", "https://a/", Redirect("https://a/")),
        ("http://a:1/", "http://a:2/", Redirect("http://a:2/")),
        ("https://a/", "https://a/b", Redirect("https://a/b")),
        ("https://a/", "http://a/b", Redirect(code="redirect.downgrade")),
        ("http://a/", "http://A/b", Redirect("http://A/b")),
        ("http://a./", "http://a/b", Redirect("http://a/b")),
        ("http://a/", "http://a./b", Redirect("http://a./b")),
        ("http://a/", "http://a.b/", Redirect(code="redirect.other_host")),
        ("http://a/b/", "c?d#e", Redirect("http://a/b/c?d")),
        ("http://a/", "/#b", Redirect(code="redirect.loop")),
        ("http://a/", "http://ada:s3cret@a/b", Redirect("http://a/b")),
        ("http://a/", "http://ada:s3cret@a/", Redirect(code="redirect.loop")),
        ("http://a/", "ftp://a/", Redirect(code="redirect.bad_target")),
        ("http://a/", "http://a:0/", Redirect(code="redirect.bad_target")),
        ("http://a/", "http://a!b/", Redirect(code="redirect.bad_target")),
        ("http://a/", "/b c", Redirect(code="redirect.bad_target")),
    ],
)
def test_a_redirect_is_followed_on_the_same_host(
    url: str, location: str, expected: Redirect
) -> None:
    exchange = correct_exchange(url=url, status=302, headers=(("location", location),))

    assert redirect(exchange) == expected


@pytest.mark.parametrize(
    "changes",
    [{"status": 201}, {"status": 300}, {"error": TRUNCATED}, {"headers": ()}, {"status": None}],
)
def test_any_other_response_is_no_redirect(changes: dict[str, object]) -> None:
    redirected = correct_exchange(status=302, headers=(("location", "/b/"),))

    assert redirect(redirected._replace(**changes)) is None  # type: ignore[arg-type]  # a field


def test_a_redirect_to_an_earlier_url_is_a_loop() -> None:
    redirected = correct_exchange(url="http://a/c", status=302, headers=(("location", "/b"),))

    first = redirect(redirected._replace(redirects=("http://a/",)))
    second = redirect(redirected._replace(redirects=("http://a/", "http://a/b")))

    assert first == Redirect("http://a/b")
    assert second == Redirect(code="redirect.loop")
