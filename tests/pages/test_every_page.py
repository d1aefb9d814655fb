"""Every page: no accessibility violations (axe), no policy violations, nothing too wide."""

from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from tests.pages.conftest import Visit
from tests.pages.every_page import EVERY_PAGE, every_server

pytestmark = pytest.mark.server

Act = Callable[[Page], None]
Scheme = Literal["light", "dark"]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with every_server(tmp_path_factory.mktemp("servers")) as servers:
        yield servers


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("server", "path", "act"),
    [pytest.param(*page, id=name) for name, *page in EVERY_PAGE],
)
def test_every_page_is_accessible_and_obeys_its_security_policy(
    browser: Browser, servers: dict[str, str], scheme: Scheme, server: str, path: str, act: Act
) -> None:
    context = browser.new_context(base_url=servers[server], color_scheme=scheme)
    visit = Visit(context.new_page())
    visit.page.clock.install()
    visit.page.goto(path)

    act(visit.page)

    violations = Axe().run(visit.page).response["violations"]
    assert [(v["id"], [node["target"] for node in v["nodes"]]) for v in violations] == []
    # The page that watches a stopped server complains that it cannot reach it.
    assert set(visit.complaints) <= {servers[server] + path.removesuffix("#watch")}
    visit.page.set_viewport_size({"width": 320, "height": 640})
    assert visit.page.evaluate("document.documentElement.scrollWidth") == 320
    context.close()


def test_the_tab_key_visits_every_control_in_order_with_a_visible_focus(visit: Visit) -> None:
    page = visit.page
    page.goto("/smoke-test/")
    focused = page.locator(":focus")
    seen = []

    for _ in range(10):
        page.keyboard.press("Tab")
        seen.append(focused.get_attribute("aria-label") or focused.inner_text().strip())
        assert focused.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"

    assert seen == [
        "Skip to the content",
        "PetSage",
        "PetSage API",
        "Smoke Test",
        "",  # The switch, whose label is next to it.
        "GET",
        "GET json",
        "GET api",
        "OPTIONS",
        "Request",
    ]


def test_the_skip_link_and_the_switch_work_by_keyboard(visit: Visit) -> None:
    page = visit.page
    page.goto("/smoke-test/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()

    page.keyboard.press("Tab")
    page.keyboard.press("Space")

    expect(page.get_by_role("switch", name="Check again every 5 seconds")).to_be_checked()
    expect(page.locator("#answers li")).to_have_count(2)


def test_the_printed_state_needs_no_color(visit: Visit) -> None:
    page = visit.page
    page.goto("/smoke-test/")
    page.emulate_media(media="print")

    state = page.locator("#state")
    assert state.evaluate("e => getComputedStyle(e).color") == "rgb(0, 0, 0)"
    assert state.evaluate("e => getComputedStyle(e).backgroundColor") == "rgba(0, 0, 0, 0)"
    assert page.locator(".verdict").inner_text() == "OK"
    assert not page.locator("#watching").is_visible()


def test_animations_are_off_for_users_who_prefer_reduced_motion(visit: Visit) -> None:
    page = visit.page
    page.goto("/smoke-test/")
    state = page.locator("#state")
    duration = "e => getComputedStyle(e).transitionDuration"
    assert state.evaluate(duration) == "0.4s"

    page.emulate_media(reduced_motion="reduce")

    assert state.evaluate(duration) == "0s"
