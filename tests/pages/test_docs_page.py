"""Swagger UI in a real browser, under the security policy."""

import pytest
from playwright.sync_api import expect

from tests.pages.conftest import Visit

pytestmark = pytest.mark.server


def test_the_docs_page_can_call_the_endpoint(visit: Visit) -> None:
    visit.page.goto("/docs/")

    visit.page.get_by_text("Perform a system smoke test").click()
    visit.page.get_by_role("button", name="Try it out").click()
    visit.page.get_by_role("button", name="Execute").click()

    answer = visit.page.locator(".live-responses-table")
    answer.get_by_text("PetSage smoke test feature is operational.").wait_for()
    assert visit.page.title() == "PetSage API"
    assert visit.page.locator(".navbar-brand").inner_text() == "PetSage"
    assert visit.complaints == []


def test_the_docs_page_follows_the_preferred_color_scheme(visit: Visit) -> None:
    visit.page.emulate_media(color_scheme="dark")
    visit.page.goto("/docs/")
    page = visit.page.locator("html")

    expect(page).to_have_class("dark-mode")
    visit.page.emulate_media(color_scheme="light")
    expect(page).not_to_have_class("dark-mode")
