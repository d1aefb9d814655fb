"""The policies of pages, as headers; the browser tests show that the pages work with them."""

import pytest
from django.test import Client, override_settings

STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


@pytest.mark.parametrize(
    ("path", "host"),
    [
        ("/smoke-test/", "localhost"),
        ("/", "localhost"),
        ("/nowhere/", "localhost"),
        ("/denies/", "localhost"),
        ("/raises/", "localhost"),
        ("/smoke-test/", "elsewhere.example"),
    ],
)
@override_settings(ROOT_URLCONF="tests.settings.urls_breakable")
def test_every_page_has_the_strict_policy(path: str, host: str) -> None:
    client = Client(raise_request_exception=False)

    response = client.get(path, headers={"accept": "text/html", "host": host})

    assert response["Content-Type"].startswith("text/html")
    assert response["Content-Security-Policy"] == STRICT
    assert response["Permissions-Policy"] == (
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
    )


def test_swagger_uis_policy_adds_only_data_images(client: Client) -> None:
    response = client.get("/docs/")

    assert response["Content-Security-Policy"] == STRICT.replace(
        "img-src 'self'", "img-src 'self' data:"
    )
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/smoke-test/", "/openapi.json", "/nowhere/"])
def test_json_has_no_page_policy(client: Client, path: str) -> None:
    response = client.get(path)

    assert response["Content-Type"] == "application/json"
    assert "Content-Security-Policy" not in response.headers
    assert "Permissions-Policy" not in response.headers


@pytest.mark.parametrize("path", ["/smoke-test/", "/", "/docs/"])
def test_no_page_has_an_inline_style_or_script(client: Client, path: str) -> None:
    page = client.get(path, headers={"accept": "text/html"}).text

    assert "<style" not in page
    assert "style=" not in page
    assert page.count("<script") == page.count("<script src=") > 0
