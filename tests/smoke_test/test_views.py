from http import HTTPStatus

import pytest
from django.core.cache import caches
from django.test import Client
from pytest_django import Settings

from smoke_test.contract import BODY
from tests.outside import outside_calls
from tests.smoke_test.shapes import RFC3339

# What a browser sends.
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


def test_the_response_is_the_contract_to_the_byte(client: Client) -> None:
    response = client.get("/smoke-test/")

    assert response.status_code == HTTPStatus.OK
    assert response.content == BODY
    assert len(BODY) == 70
    headers = dict(response.headers)
    assert RFC3339.fullmatch(headers.pop("X-PetSage-Answered-At"))
    assert headers == {
        "Content-Type": "application/json",
        "Content-Length": "70",
        "Allow": "GET, HEAD, OPTIONS",
        "Vary": "Accept",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "X-PetSage-Release": "unknown",
    }


def test_head_gets_the_headers_of_get_without_the_body(client: Client) -> None:
    get, head = client.get("/smoke-test/"), client.head("/smoke-test/")

    assert head.status_code == HTTPStatus.OK
    assert head.content == b""
    stamp = "X-PetSage-Answered-At"
    assert dict(head.headers) | {stamp: ""} == dict(get.headers) | {stamp: ""}


def test_options_describes_the_endpoint(client: Client) -> None:
    response = client.options("/smoke-test/")

    assert response.status_code == HTTPStatus.OK
    assert response["Allow"] == "GET, HEAD, OPTIONS"
    assert response.json() == {
        "name": "Smoke Test",
        "description": "Confirms that PetSage is up and that requests reach it.\n\n"
        "Read-only and open to everyone. It uses no database and no other service.",
        "renders": ["application/json", "text/html"],
        "parses": [],
    }


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PURGE", "PROPFIND", "OK"]
)
def test_every_other_method_gets_405(client: Client, method: str) -> None:
    response = client.generic(method, "/smoke-test/", data=b"{", content_type="application/json")

    assert response.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert response["Allow"] == "GET, HEAD, OPTIONS"
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-store"
    assert response.json() == {"detail": f'Method "{method}" not allowed.'}


@pytest.mark.parametrize(
    "query",
    [
        "a=1",
        "status=down&details=no",
        "format=json",
        "format=",
        "format=xml",
        "format=%00",
        "format",
        "indent=4",
        "%ff%fe=%zz",
        "&".join(["a=1"] * 1001),
    ],
)
def test_query_strings_are_ignored(client: Client, query: str) -> None:
    response = client.get(f"/smoke-test/?{query}")

    assert response.status_code == HTTPStatus.OK
    assert response.content == BODY


def test_the_format_parameter_beats_accept(client: Client) -> None:
    page = client.get("/smoke-test/?format=api", headers={"accept": "application/json"})
    json = client.get("/smoke-test/?format=json", headers={"accept": BROWSER})
    unknown = client.get("/smoke-test/?format=xml", headers={"accept": BROWSER})

    assert page["Content-Type"] == "text/html; charset=utf-8"
    assert json.content == BODY
    assert unknown.content == BODY


def test_browsers_get_the_browsable_page(client: Client) -> None:
    response = client.get("/smoke-test/", headers={"accept": BROWSER})

    page = response.text
    assert response.status_code == HTTPStatus.OK
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert "<title>OK - Smoke Test - PetSage</title>" in page
    assert '<a class="navbar-brand" href="/">' in page
    assert "Confirms that PetSage is up" in page
    assert "&quot;PetSage smoke test feature is operational.&quot;" in page


def test_the_page_of_options_describes_the_endpoint_and_shows_no_state(client: Client) -> None:
    response = client.options("/smoke-test/", headers={"accept": BROWSER})

    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert "Confirms that PetSage is up" in response.text
    assert 'id="state"' not in response.text


@pytest.mark.parametrize("method", ["get", "post"])
def test_no_response_sets_a_cookie(client: Client, method: str) -> None:
    for accept in (BROWSER, "application/json"):
        response = getattr(client, method)("/smoke-test/", headers={"accept": accept})

        assert not response.cookies


@pytest.mark.parametrize("path", ["/smoke-test", "/smoke-test?a=1"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_missing_slash_is_redirected_with_the_same_method(
    client: Client, method: str, path: str
) -> None:
    response = client.generic(method, path)

    assert response.status_code == HTTPStatus.TEMPORARY_REDIRECT
    assert response["Location"] == path.replace("/smoke-test", "/smoke-test/")
    assert response["Cache-Control"] == "no-store"


def test_credentials_and_sessions_change_nothing(client: Client) -> None:
    response = client.get(
        "/smoke-test/", headers={"authorization": "Basic ==", "cookie": "sessionid=x; csrftoken=y"}
    )

    assert response.content == BODY


def test_a_request_touches_nothing_outside_the_process(client: Client, settings: Settings) -> None:
    # Forgets the caches that other tests have opened.
    settings.CACHES = settings.CACHES
    # The first request loads code.
    client.get("/smoke-test/")

    with outside_calls() as calls:
        client.get("/smoke-test/")

    assert calls == []
    assert caches.all(initialized_only=True) == []


def test_calls_outside_the_process_are_noticed() -> None:
    with outside_calls() as calls, open(__file__):  # noqa: PTH123 - the call itself is the point
        pass

    assert calls == ["open"]
