from http import HTTPStatus

import pytest
from django.core.cache import caches
from django.test import Client, override_settings
from pytest_django import Settings

from smoke_test.contract import BODY
from tests.outside import outside_calls
from tests.smoke_test.shapes import RFC3339

# The Accept header of a browser.
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
        "ETag": '"unknown"',
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
        "Read-only and open to everyone. It uses no database and no other service.\n\n"
        'A request with If-Match: "RELEASE" gets 412 if another release responds.',
        "renders": ["application/json", "text/html"],
        "parses": [],
    }


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "if_match",
    ["*", " * ", '"t1"', '"t2", "t1"', '"t2","t1"', 'W/"t1", "t1"', '"a,b", "t1"', 't2, "t1"'],
)
@override_settings(PETSAGE_RELEASE="t1")
def test_if_match_with_the_release_changes_nothing(
    client: Client, method: str, if_match: str
) -> None:
    plain = client.generic(method, "/smoke-test/")
    response = client.generic(method, "/smoke-test/", headers={"if-match": if_match})

    assert response.status_code == HTTPStatus.OK
    assert response.content == plain.content
    assert response["ETag"] == plain["ETag"] == '"t1"'


# RFC 9110 13.1.1: the comparison is strong, so a weak tag never matches.
@pytest.mark.parametrize(
    "if_match", ['"t2"', '"t2", "t3"', 'W/"t1"', '"T1"', '"t11"', '""', '"*"', '"t2", *']
)
@override_settings(PETSAGE_RELEASE="t1")
def test_if_match_without_the_release_gets_412_and_both_releases(
    client: Client, if_match: str
) -> None:
    response = client.get("/smoke-test/", headers={"if-match": if_match})

    assert response.status_code == HTTPStatus.PRECONDITION_FAILED
    assert response.json() == {"detail": f'Got release "t1", expected If-Match: {if_match}.'}
    assert response["X-PetSage-Release"] == "t1"
    assert response["Cache-Control"] == "no-store"
    assert "ETag" not in response.headers


@pytest.mark.parametrize("if_match", ["t1", "", " ", "'t1'", '"t1', 'w/"t1"', "$RELEASE", "\xff"])
@override_settings(PETSAGE_RELEASE="t1")
def test_a_malformed_if_match_never_passes(client: Client, if_match: str) -> None:
    response = client.get("/smoke-test/", headers={"if-match": if_match})

    assert response.status_code == HTTPStatus.PRECONDITION_FAILED
    assert response.json() == {
        "detail": f'Got If-Match {if_match!r}, expected a release in quotes; this one is "t1".'
    }


@override_settings(PETSAGE_RELEASE="t1")
def test_if_match_applies_to_the_page_too(client: Client) -> None:
    same = client.get("/smoke-test/", headers={"accept": BROWSER, "if-match": '"t1"'})
    other = client.get("/smoke-test/", headers={"accept": BROWSER, "if-match": '"<t2>"'})

    assert same.status_code == HTTPStatus.OK
    # Each page shows its own time, so no two have the same content.
    assert "ETag" not in same.headers
    assert other.status_code == HTTPStatus.PRECONDITION_FAILED
    assert "<title>412 - Smoke Test - PetSage</title>" in other.text
    sentence = "Got release &quot;t1&quot;, expected If-Match: &quot;&lt;t2&gt;&quot;."
    assert f'<p class="sentence" data-live="sentence">{sentence}</p>' in other.text


@pytest.mark.parametrize("method", ["OPTIONS", "POST", "TRACE"])
def test_if_match_applies_only_to_get_and_head(client: Client, method: str) -> None:
    plain = client.generic(method, "/smoke-test/")
    response = client.generic(method, "/smoke-test/", headers={"if-match": '"t2"'})

    assert (response.status_code, response.content) == (plain.status_code, plain.content)


@pytest.mark.parametrize("if_none_match", ["*", '"unknown"', 'W/"unknown"', '"t2"'])
def test_if_none_match_is_ignored(client: Client, if_none_match: str) -> None:
    headers = {
        "if-none-match": if_none_match,
        "if-modified-since": "Wed, 25 Nov 2099 00:00:00 GMT",
    }

    response = client.get("/smoke-test/", headers=headers)

    assert (response.status_code, response.content) == (HTTPStatus.OK, BODY)


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


def test_the_format_parameter_overrides_accept(client: Client) -> None:
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


def test_the_page_for_options_describes_the_endpoint_without_a_state(client: Client) -> None:
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
    # Forget the caches that other tests opened.
    settings.CACHES = settings.CACHES
    # The first request loads code.
    client.get("/smoke-test/")

    with outside_calls() as calls:
        client.get("/smoke-test/")

    assert calls == []
    assert caches.all(initialized_only=True) == []


def test_calls_outside_the_process_are_recorded() -> None:
    with outside_calls() as calls, open(__file__):  # noqa: PTH123 - the call itself is the point
        pass

    assert calls == ["open"]
