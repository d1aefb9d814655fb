"""The pages in a real browser, served as `make run` serves them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Page, sync_playwright

pytestmark = pytest.mark.server

# No sandbox: CI runs as root. The rest keeps chromium from asking the world outside.
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@dataclass
class Visit:
    """A browser's page, with what went wrong on it."""

    page: Page
    complaints: list[str] = field(default_factory=list)


@pytest.fixture
def visit(chromium: str, site: str) -> Iterator[Visit]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_OPTIONS)
        page = browser.new_page(base_url=site)
        visit = Visit(page)
        page.on("console", lambda message: visit.complaints.append(message.text))
        page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        page.on("requestfailed", lambda request: visit.complaints.append(request.url))
        page.on("response", lambda r: visit.complaints.append(r.url) if r.status >= 400 else None)
        page.on(
            "request",
            lambda r: (
                None if r.url.startswith((site, "data:")) else visit.complaints.append(r.url)
            ),
        )
        yield visit
        browser.close()


def test_the_smoke_test_is_a_page_with_brand_breadcrumbs_and_the_json(visit: Visit) -> None:
    visit.page.goto("/smoke-test/")

    assert visit.page.title() == "Smoke Test - PetSage"
    assert visit.page.locator(".navbar-brand").inner_text() == "PetSage"
    assert visit.page.locator(".breadcrumb li").all_inner_texts() == ["PetSage API", "Smoke Test"]
    answer = visit.page.locator(".response-info").inner_text()
    assert "HTTP 200 OK" in answer
    assert '"details": "PetSage smoke test feature is operational."' in answer
    # The style sheet was applied, not only fetched.
    navbar = visit.page.locator(".navbar")
    assert navbar.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(44, 44, 44)"
    assert visit.complaints == []


def test_the_breadcrumb_leads_to_the_root_and_the_root_back(visit: Visit) -> None:
    visit.page.goto("/smoke-test/")

    visit.page.get_by_role("link", name="PetSage API").click()
    assert visit.page.locator("h1").inner_text() == "PetSage API"

    visit.page.locator(".response-info a[href$='/smoke-test/']").click()
    assert visit.page.locator("h1").inner_text() == "Smoke Test"
    assert visit.complaints == []


def test_the_options_button_works(visit: Visit) -> None:
    visit.page.goto("/smoke-test/")

    visit.page.get_by_role("button", name="OPTIONS").click()

    visit.page.get_by_text('"renders"').wait_for()
    assert visit.complaints == []


def test_the_docs_page_tries_the_endpoint_out(visit: Visit) -> None:
    visit.page.goto("/docs/")

    visit.page.get_by_text("Perform a system smoke test").click()
    visit.page.get_by_role("button", name="Try it out").click()
    visit.page.get_by_role("button", name="Execute").click()

    answer = visit.page.locator(".live-responses-table")
    answer.get_by_text("PetSage smoke test feature is operational.").wait_for()
    assert visit.page.title() == "PetSage API"
    assert visit.complaints == []
