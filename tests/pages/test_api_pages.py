"""The browsable API in a real browser, served as `make run` serves it."""

import json
import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Request, expect

from tests.conftest import serve
from tests.pages.conftest import Visit

pytestmark = pytest.mark.server


def test_the_page_shows_state_release_time_and_host(visit: Visit, site: str) -> None:
    response = visit.page.goto("/smoke-test/")

    assert response is not None
    stamp = response.headers["x-petsage-answered-at"]
    assert visit.page.title() == "OK - Smoke Test - PetSage"
    assert visit.page.locator("h1").inner_text() == "Smoke Test"
    assert visit.page.locator(".verdict").inner_text() == "OK"
    assert visit.page.locator(".verdict .mark [data-mark=ok]").is_visible()
    assert not visit.page.locator(".verdict .mark [data-mark=failed]").is_visible()
    assert visit.page.locator(".sentence").inner_text() == (
        "PetSage smoke test feature is operational."
    )
    facts = visit.page.locator("#state dd")
    assert facts.nth(0).inner_text() == "t1"
    assert visit.page.locator("#state time").inner_text() == stamp[11:19]
    assert visit.page.locator("#state time").get_attribute("datetime") == stamp
    assert facts.nth(2).inner_text() == site.removeprefix("http://")
    assert visit.complaints == []


def test_the_page_shows_the_json_and_the_headers_of_its_own_response(visit: Visit) -> None:
    response = visit.page.goto("/smoke-test/")

    assert response is not None
    head, _, body = visit.page.locator(".response-info").inner_text().partition("\n\n")
    assert head.splitlines() == [
        "HTTP 200 OK",
        "Allow: GET, HEAD, OPTIONS",
        "Cache-Control: no-store",
        "Content-Type: application/json",
        "Vary: Accept",
        f"X-PetSage-Answered-At: {response.headers['x-petsage-answered-at']}",
        f"X-PetSage-Release: {response.headers['x-petsage-release']}",
    ]
    assert json.loads(body) == {
        "status": "ok",
        "details": "PetSage smoke test feature is operational.",
    }
    assert visit.page.locator(".request-info").inner_text() == "GET /smoke-test/"


def test_the_style_sheet_is_applied(visit: Visit) -> None:
    visit.page.emulate_media(color_scheme="light")
    visit.page.goto("/smoke-test/")

    state = visit.page.locator("#state")
    assert state.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(23, 105, 75)"


def test_the_breadcrumb_leads_to_the_root_and_back(visit: Visit) -> None:
    visit.page.goto("/smoke-test/")
    crumbs = visit.page.locator(".breadcrumb li").all_inner_texts()

    visit.page.get_by_role("link", name="PetSage API").click()
    expect(visit.page).to_have_title("PetSage API - PetSage")
    visit.page.locator(".response-info a[href$='/smoke-test/']").click()
    expect(visit.page.locator("h1")).to_have_text("Smoke Test")

    assert crumbs == ["PetSage API", "Smoke Test"]
    assert visit.complaints == []


def test_the_options_button_shows_its_response_on_the_same_page(visit: Visit) -> None:
    visit.page.goto("/smoke-test/")

    visit.page.get_by_role("button", name="OPTIONS").click()

    expect(visit.page.locator(".request-info")).to_have_text("OPTIONS /smoke-test/")
    expect(visit.page.locator(".response-info")).to_contain_text('"renders"')
    expect(visit.page.locator(".response-info")).to_be_focused()
    assert visit.page.title() == "OK - Smoke Test - PetSage"
    assert visit.complaints == []


@pytest.mark.parametrize(
    ("link", "content_type"),
    [("GET", "text/html"), ("GET api", "text/html"), ("GET json", "application/json")],
)
def test_each_link_gets_its_format(visit: Visit, link: str, content_type: str) -> None:
    visit.page.goto("/smoke-test/")

    with visit.page.expect_navigation() as navigation:
        visit.page.get_by_role("link", name=link, exact=True).click()

    assert navigation.value.headers["content-type"].startswith(content_type)
    assert visit.complaints == []


def test_a_post_from_the_browser_gets_a_page_that_suggests_get(context: BrowserContext) -> None:
    page = context.new_page()
    page.goto("/smoke-test/")

    with page.expect_navigation() as navigation:
        page.evaluate(
            "const form = document.body.appendChild(document.createElement('form'));"
            "form.method = 'post'; form.submit();"
        )

    assert navigation.value.status == 405
    assert page.title() == "405 - Smoke Test - PetSage"
    assert page.locator(".verdict").inner_text() == "405"
    assert page.locator(".sentence").inner_text() == (
        'Method "POST" not allowed. PetSage is up: use GET instead.'
    )
    assert page.locator("#again").count() == 0


def test_the_page_works_without_javascript(browser: Browser, site: str) -> None:
    context = browser.new_context(base_url=site, java_script_enabled=False)
    visit = Visit(context.new_page())

    visit.page.goto("/smoke-test/")

    assert visit.page.title() == "OK - Smoke Test - PetSage"
    assert visit.page.locator(".verdict").inner_text() == "OK"
    for scripted in (visit.page.locator("#watching"), visit.page.locator("[data-method=OPTIONS]")):
        assert not scripted.is_visible()
    visit.page.get_by_role("link", name="PetSage API").click()
    assert visit.page.locator("h1").inner_text() == "PetSage API"
    assert visit.complaints == []
    context.close()


def test_the_first_visit_loads_less_than_50_kb(visit: Visit) -> None:
    requests: list[Request] = []
    visit.page.on("requestfinished", lambda request: requests.append(request))

    visit.page.goto("/smoke-test/")
    visit.page.wait_for_load_state("networkidle")

    paths = [re.sub(r"\.[0-9a-f]{12}\.", ".", urlsplit(r.url).path) for r in requests]
    # None of DRF's own style sheets and scripts.
    assert set(paths) == {
        "/smoke-test/",
        "/static/petsage/api.js",
        "/static/petsage/icon.svg",
        "/static/petsage/petsage.css",
        "/static/smoke_test/watch.js",
    }
    sizes = [request.sizes() for request in requests]
    assert sum(s["responseHeadersSize"] + s["responseBodySize"] for s in sizes) < 50_000


def test_the_longest_possible_release_fits_a_phone_screen(
    context: BrowserContext, free_port: int
) -> None:
    page = context.new_page()
    page.set_viewport_size({"width": 320, "height": 640})
    with serve(free_port, PETSAGE_RELEASE="a" * 128):
        page.goto(f"http://127.0.0.1:{free_port}/smoke-test/")

        assert page.locator("#state dd").first.inner_text() == "a" * 128
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        # Its frame would cut off text that does not wrap.
        answer = page.locator(".response-info")
        assert answer.evaluate("e => e.scrollWidth - e.clientWidth") == 0
