from http import HTTPStatus

import pytest
from django.test import Client

JSON = "application/json"
PAGE = "text/html; charset=utf-8"

ACCEPT = [
    # Nothing, and everything.
    ("", JSON),
    ("*/*", JSON),
    ("*", JSON),
    (" ", JSON),
    (",", JSON),
    # What health checkers send.
    ("text/plain", JSON),
    ("application/xml", JSON),
    ("application/health+json", JSON),
    ("application/json", JSON),
    ("application/json; indent=4", JSON),
    ("application/json;charset=utf-8, text/html;q=0.9", JSON),
    ("image/*", JSON),
    # What browsers send, today's and an old Java's.
    ("text/html", PAGE),
    ("TEXT/HTML", PAGE),
    ("text/*", PAGE),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", PAGE),
    ("text/html, image/gif, *; q=.2, */*; q=.2", PAGE),
    # Weights (RFC 9110 12.4.2).
    ("text/html;q=0.1, application/json", JSON),
    ("text/html, application/json;q=0.1", PAGE),
    ("application/json;q=0.5, text/html;q=0.6", PAGE),
    ("application/json;Q=0.5, text/html;Q=0.501", PAGE),
    ("text/html;q=1.000, application/json;q=0.999", PAGE),
    ("application/json;q=0, text/html", PAGE),
    ("application/json;q=0, */*", PAGE),
    ("text/html;q=0", JSON),
    ("text/html;q=0, */*", JSON),
    ("application/json;q=0, text/html;q=0", JSON),
    # Equal: no preference.
    ("text/html, application/json", JSON),
    ("application/json, text/html", JSON),
    ("text/*, application/*", JSON),
    ("text/html;q=0.5, application/json;q=0.5", JSON),
    ("*/*;q=0, text/html;q=0", JSON),
    # Equal, but one is named.
    ("text/html; q=1.0, */*", PAGE),
    ("application/json, */*", JSON),
    ("text/html;q=0.5, */*;q=0.5", PAGE),
    # The most specific range decides, not the first or the highest.
    ("*/*, application/json;q=0.1", PAGE),
    ("text/*, text/html;q=0.1, application/json;q=0.5", JSON),
    ("text/html;level=1;q=0.1, text/html, application/json;q=0.5", PAGE),
    ("text/html;level=1", PAGE),
    # Quoted commas and semicolons belong to the parameter.
    ('application/json;a="x, text/html;q=1";q=0.9, text/html;q=0.8', JSON),
    ('text/html;a="b;q=0.1", application/json;q=0.5', PAGE),
    ('text/html;a="\\",application/json", application/json;q=0.5', PAGE),
    # What cannot be read is passed over.
    ("text/html;q=2", JSON),
    ("text/html;q=-1", JSON),
    ("text/html;q=nan", JSON),
    ("text/html;q=0.1234, application/json;q=0.1", JSON),
    ("text/html;q=", JSON),
    ("text/html;q", JSON),
    ("text/html;;q=0.1, application/json;q=0.05", PAGE),
    ("text/html/x", JSON),
    ("text html", JSON),
    ("text/", JSON),
    ("/html", JSON),
    ("text/html;a*=utf-9''x", PAGE),
    ("\x00\xff\u2603, text/html", PAGE),
    ('text/html;a="', JSON),
    ('"' * 8192, JSON),
    ('"\\' * 4096, JSON),
    ("text/html;" + " ;" * 4096 + "!", JSON),
    ("a" * 8192, JSON),
    ("a/b," * 2048 + "text/html", PAGE),
    ("/" * 8192, JSON),
    (";" * 8192, JSON),
    ("text/html;a=" + '"\\' * 4096, JSON),
]


@pytest.mark.parametrize(("accept", "content_type"), ACCEPT)
def test_accept_is_weighed_and_never_refused(
    client: Client, accept: str, content_type: str
) -> None:
    response = client.get("/smoke-test/", HTTP_ACCEPT=accept)

    assert response.status_code == HTTPStatus.OK
    assert response["Content-Type"] == content_type
    assert response["Vary"] == "Accept"


def test_no_accept_at_all_is_json(client: Client) -> None:
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
def test_the_other_addresses_never_refuse_either(
    client: Client, path: str, content_type: str
) -> None:
    response = client.get(path, headers={"accept": "text/plain"})

    assert response.status_code == HTTPStatus.OK
    assert response["Content-Type"] == content_type
