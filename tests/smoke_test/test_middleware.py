from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path

from tests.smoke_test.shapes import RFC3339


def _raises(_request: HttpRequest) -> HttpResponse:
    raise RuntimeError("secret/path")


urlpatterns = [
    path("smoke-test/", include("smoke_test.urls")),
    path("raises/", _raises),
]
handler404 = "petsage_project.errors.not_found"
handler500 = "petsage_project.errors.server_error"


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        ("/smoke-test/", "localhost", HTTPStatus.OK),
        ("/smoke-test", "localhost", HTTPStatus.TEMPORARY_REDIRECT),
        ("/smoke-test/", "evil.example", HTTPStatus.BAD_REQUEST),
        ("/nowhere/", "localhost", HTTPStatus.NOT_FOUND),
        ("/raises/", "localhost", HTTPStatus.INTERNAL_SERVER_ERROR),
    ],
)
@override_settings(PETSAGE_RELEASE="4f2c9e1", ROOT_URLCONF=__name__)
def test_every_response_has_release_time_and_no_store(
    target: str, host: str, status: HTTPStatus
) -> None:
    response = Client(raise_request_exception=False).get(target, headers={"host": host})

    assert response.status_code == status
    assert response["X-PetSage-Release"] == "4f2c9e1"
    assert RFC3339.fullmatch(response["X-PetSage-Answered-At"])
    assert response["Cache-Control"] == "no-store"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"


def test_the_stamp_is_the_time_of_the_response(client: Client) -> None:
    before = datetime.now(UTC)
    response = client.get("/smoke-test/")
    after = datetime.now(UTC)

    answered_at = datetime.fromisoformat(response["X-PetSage-Answered-At"])
    # The stamp is truncated to milliseconds.
    assert before - timedelta(milliseconds=1) <= answered_at <= after


def test_the_page_shows_the_release_and_time_of_its_own_headers(client: Client) -> None:
    response = client.get("/smoke-test/", headers={"accept": "text/html"})

    stamp = response["X-PetSage-Answered-At"]
    assert f'datetime="{stamp}">{stamp[11:19]}</time>' in response.text
    assert f"<b>X-PetSage-Answered-At:</b> {stamp}" in response.text
    assert "<b>X-PetSage-Release:</b> unknown" in response.text


NONCE = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("target", "host", "accept"),
    [
        ("/smoke-test/", "localhost", "*/*"),
        ("/smoke-test/", "localhost", "text/html"),
        ("/smoke-test", "localhost", "*/*"),
        ("/smoke-test/", "evil.example", "*/*"),
        ("/nowhere/", "localhost", "text/html"),
        ("/raises/", "localhost", "*/*"),
    ],
)
@override_settings(ROOT_URLCONF=__name__)
def test_every_response_returns_the_nonce(target: str, host: str, accept: str) -> None:
    headers = {"host": host, "accept": accept, "x-petsage-nonce": NONCE}

    response = Client(raise_request_exception=False).get(target, headers=headers)

    assert response["X-PetSage-Nonce"] == NONCE


@pytest.mark.parametrize(
    "nonce",
    [
        "",
        "0",
        NONCE[1:],
        NONCE + "0",
        NONCE.upper(),
        f"{NONCE}, {NONCE}",
        NONCE[1:] + "\u0660",
        "x" * 32,
    ],
)
def test_an_invalid_nonce_is_not_returned(client: Client, nonce: str) -> None:
    response = client.get("/smoke-test/", headers={"x-petsage-nonce": nonce})

    assert response.status_code == HTTPStatus.OK
    assert "X-PetSage-Nonce" not in response.headers
