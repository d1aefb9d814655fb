from http import HTTPStatus

import pytest
from django.test import Client

JSON = "application/json"
PAGE = "text/html; charset=utf-8"

ACCEPT = [
    # No preference.
    ("", JSON),
    ("*/*", JSON),
    ("*", JSON),
    (" ", JSON),
    (",", JSON),
    # Health checkers send these.
    ("text/plain", JSON),
    ("text/plain, text/*, */*", JSON),
    ("application/xml", JSON),
    ("application/health+json", JSON),
    ("application/json", JSON),
    ("application/json; indent=4", JSON),
    ("image/*", JSON),
    # Browsers and an old Java client send these.
    ("text/html", PAGE),
    ("TEXT/HTML", PAGE),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", PAGE),
    ("text/html, image/gif, *; q=.2, */*; q=.2", PAGE),
    # Only text/html by name gets the page, not a wildcard.
    ("text/*", JSON),
    ("application/json;q=0, */*", JSON),
    ("*/*, application/json;q=0.1", JSON),
    # Weights (RFC 9110 12.4.2).
    ("text/html;q=0.1, application/json", JSON),
    ("text/html, application/json;q=0.1", PAGE),
    ("application/json;q=0.5, text/html;q=0.6", PAGE),
    ("text/html;q=1.000, application/json;q=0.999", PAGE),
    ("application/json;q=0, text/html", PAGE),
    ("text/html;q=0", JSON),
    ("text/html;q=0, */*", JSON),
    ("application/json;q=0, text/html;q=0", JSON),
    ("text/html;q=0.5, */*;q=0.5", PAGE),
    # Equal weights: the first named type.
    ("text/html, application/json", PAGE),
    ("application/json, text/html", JSON),
    ("text/html; q=1.0, */*", PAGE),
    ("application/json, */*", JSON),
    # The most specific range decides.
    ("text/*, text/html;q=0.1, application/json;q=0.5", JSON),
]

HOSTILE = [
    "text/html;q=nan",
    "text/html;q=",
    "text/html;q",
    'text/html;a="-application/json',
    "text/html;a*=utf-9''x",
    "text/html;a*=x'y'z; b*0=1; b*2=",
    "\x00\xff\u2603, text/html",
    'text/html;a="',
    '"' * 8192,
    "text/html;" + '"\\' * 4000,
    "text/html;" + " ;" * 4000 + "!",
    "a/b," * 2000 + "text/html",
    "text/html;" + "a=b;" * 2000,
    "/" * 8192,
    ";" * 8192,
]


@pytest.mark.parametrize(("accept", "content_type"), ACCEPT)
def test_accept_chooses_between_json_and_the_page(
    client: Client, accept: str, content_type: str
) -> None:
    response = client.get("/smoke-test/", HTTP_ACCEPT=accept)

    assert response.status_code == HTTPStatus.OK
    assert response["Content-Type"] == content_type
    assert response["Vary"] == "Accept"


@pytest.mark.parametrize("accept", HOSTILE)
def test_a_malformed_accept_is_never_refused(client: Client, accept: str) -> None:
    response = client.get("/smoke-test/", HTTP_ACCEPT=accept)

    assert response.status_code == HTTPStatus.OK
    assert response["Content-Type"] in (JSON, PAGE)


def test_a_request_without_accept_gets_json(client: Client) -> None:
    response = client.get("/smoke-test/")

    assert response["Content-Type"] == JSON


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/", JSON),
        ("/openapi.json", JSON),
        ("/docs/", "text/html; charset=utf-8"),
    ],
)
def test_other_addresses_never_refuse_an_accept(
    client: Client, path: str, content_type: str
) -> None:
    response = client.get(path, headers={"accept": "text/plain"})

    assert response.status_code == HTTPStatus.OK
    assert response["Content-Type"] == content_type
