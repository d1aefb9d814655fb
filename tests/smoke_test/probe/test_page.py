"""What makes a page and its files correct."""

from typing import Any

import pytest

from smoke_test.probe.page import asset_error, asset_urls, page_error
from tests.smoke_test.probe.test_diagnosis import correct_exchange, correct_headers

TITLE = b"<title>OK - Smoke Test - PetSage</title>"


def page(body: bytes = TITLE, content_type: str | None = "text/html") -> dict[str, Any]:
    return {"headers": correct_headers(content_type=content_type), "body": body}


def scripts(number: int) -> bytes:
    return TITLE + b"".join(b"<script src=/%d></script>" % i for i in range(number))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        (page(), None),
        (page(content_type="Text/HTML ; charset=utf-8"), None),
        (page(b"<title>\n OK -  Smoke&#32;Test\n- PetSage</title>"), None),
        (page(b"<!doctype html>a" + TITLE + b"b<svg><title>Logo</title></svg>"), None),
        (page(scripts(50)), None),
        (page(scripts(51)), "page.asset"),
        (page(TITLE + b"<script src=data:,></script>"), "page.asset"),
        (page(content_type="application/json"), "page.wrong_type"),
        (page(content_type="text/htmlx"), "page.wrong_type"),
        (page(content_type=None), "page.wrong_type"),
        (page(b""), "page.wrong_title"),
        (page(b"<h1>OK - Smoke Test - PetSage</h1>"), "page.wrong_title"),
        (page(b"<title>404</title>" + TITLE), "page.wrong_title"),
        (page(b"<title>OK - Smoke Test - PetSage, not</title>"), "page.wrong_title"),
    ],
)
def test_a_page_needs_its_type_title_and_valid_files(
    changes: dict[str, Any], code: str | None
) -> None:
    error = page_error(correct_exchange(**changes))

    assert (error and error.code) == code


@pytest.mark.parametrize(
    ("html", "urls"),
    [
        (b"<link rel=stylesheet href=/a.css>", ["https://api.petsage.example/a.css"]),
        (
            b"<link rel='Alternate StyleSheet' href=a>",
            ["https://api.petsage.example/smoke-test/a"],
        ),
        (b"<script src=//b.example/c#d></script>", ["https://b.example/c"]),
        (b"<script src=https://b/></script><script src=https://b/>", ["https://b/"]),
        (b"<script src='https://b/\xff'>", ["https://b/\ufffd"]),
        (b"<script></script><script src></script><link rel=stylesheet>", []),
        (b"<link rel=icon href=/a><link href=/a><a href=/a rel=stylesheet><img src=/a>", []),
    ],
)
def test_a_pages_files_are_its_style_sheets_and_scripts(html: bytes, urls: list[str]) -> None:
    assert asset_urls(correct_exchange(body=html)) == urls


@pytest.mark.parametrize(
    ("changes", "is_wrong"),
    [
        (page(b"a{}", "text/css"), False),
        (page(b"a{}", "Text/CSS ; charset=utf-8"), False),
        (page(b"a()", "text/javascript"), False),
        (page(b"a()", "application/javascript"), False),
        (page(b"a{}", "text/html"), True),
        (page(b"a{}", None), True),
        (page(b"", "text/css"), True),
        (page(b"a{}", "text/css") | {"status": 404}, True),
    ],
)
def test_a_file_needs_its_status_type_and_a_body(changes: dict[str, Any], is_wrong: bool) -> None:
    error = asset_error(correct_exchange(**changes))

    found = error and (error.code, error.answered_by)
    assert found == (("page.asset", "app") if is_wrong else None)
