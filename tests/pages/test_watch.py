"""The page that polls, while servers come and go."""

import os
import re
import signal
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from deploy.processes import children
from tests.conftest import serve
from tests.pages.conftest import Visit
from tests.pages.proxy import run_proxy

pytestmark = pytest.mark.server

# Milliseconds by which most tests here advance the browser's clock: until after the next request.
# The servers and the connections are real.
NEXT = 5_500


def _expect_state(page: Page, state: str, word: str) -> None:
    expect(page.locator("#state")).to_have_attribute("data-state", state)
    expect(page.locator(".verdict")).to_have_text(word)
    expect(page).to_have_title(f"{word} - Smoke Test - PetSage")


def test_the_page_sends_no_request_until_the_switch_is_on(visit: Visit) -> None:
    visit.page.goto("/smoke-test/")
    switch = visit.page.get_by_role("switch", name="Check again every 5 seconds")
    first = visit.page.locator("#state time").get_attribute("datetime")
    expect(switch).not_to_be_checked()

    with visit.page.expect_response("**/smoke-test/") as again:
        switch.check()

    expect(visit.page.locator("#answers li")).to_have_count(2)
    stamp = again.value.headers["x-petsage-answered-at"]
    time = visit.page.locator("#state time")
    expect(time).to_have_attribute("datetime", stamp)
    assert stamp != first
    expect(time).to_have_text(stamp[11:19])
    # The headers further down are those of the same response.
    expect(visit.page.locator(".response-info")).to_contain_text(stamp)
    expect(visit.page.locator("#answers li time").first).to_have_text(stamp[11:19])
    assert visit.page.url.endswith("/smoke-test/#watch")
    assert visit.complaints == []

    switch.uncheck()
    assert visit.page.url.endswith("/smoke-test/")


def test_a_url_with_watch_turns_the_switch_on(visit: Visit) -> None:
    visit.page.goto("/smoke-test/#watch")

    expect(visit.page.get_by_role("switch")).to_be_checked()
    expect(visit.page.locator("#answers li")).to_have_count(2, timeout=20_000)
    assert visit.complaints == []


def test_the_page_shows_a_server_that_stops_and_returns_with_another_release(
    context: BrowserContext, free_port: int
) -> None:
    page = context.new_page()
    page.clock.install()
    announcement = page.get_by_role("status")
    with serve(free_port, PETSAGE_RELEASE="t1"):
        page.goto(f"http://127.0.0.1:{free_port}/smoke-test/#watch")
        _expect_state(page, "ok", "OK")

    page.clock.run_for(NEXT)
    _expect_state(page, "failed", "No response")
    expect(page.locator(".sentence")).to_contain_text("The connection failed")
    expect(announcement).to_have_text(re.compile(r"^No response\. The connection failed"))
    assert page.locator("#state dt").nth(1).inner_text() == "Last answered"
    assert page.locator("#answers li").first.get_attribute("data-state") == "failed"

    with serve(free_port, PETSAGE_RELEASE="t2"):
        page.clock.run_for(NEXT)
        _expect_state(page, "ok", "OK")
        expect(announcement).to_have_text("OK again. Release t2 responds.")
        expect(page.locator("#state dd").first).to_have_text("t2")
        # Newest first; a release is shown only where it changes.
        expect(page.locator("#answers b:not(:empty)")).to_have_text(["t2", "t1"])


def test_the_page_waits_five_seconds_for_a_frozen_server(
    context: BrowserContext, free_port: int
) -> None:
    page = context.new_page()
    page.clock.install()
    with serve(free_port) as server:
        page.goto(f"http://127.0.0.1:{free_port}/smoke-test/#watch")
        [granian] = children(server.pid)
        try:
            os.killpg(granian, signal.SIGSTOP)
            page.clock.run_for(NEXT)
            page.clock.run_for(NEXT)
            _expect_state(page, "failed", "No response")
            expect(page.locator(".sentence")).to_have_text("No response within 5 seconds.")
        finally:
            os.killpg(granian, signal.SIGCONT)
        page.clock.run_for(NEXT)
        _expect_state(page, "ok", "OK")


def test_the_page_recognizes_a_proxy_that_answers_instead_of_petsage(
    context: BrowserContext, free_port: int, tmp_path: Path
) -> None:
    page = context.new_page()
    page.clock.install()
    with run_proxy(free_port, tmp_path) as proxy:
        with serve(free_port):
            page.goto(f"{proxy}/smoke-test/#watch")
            _expect_state(page, "ok", "OK")

        page.clock.run_for(NEXT)
        _expect_state(page, "failed", "HTTP 502")
        expect(page.locator(".sentence")).to_have_text(
            "A proxy in front of PetSage sent this: is the app server up?"
        )


def test_the_page_recognizes_a_cached_response(
    context: BrowserContext, site: str, tmp_path: Path
) -> None:
    page = context.new_page()
    with run_proxy(int(site.rpartition(":")[2]), tmp_path) as proxy:
        page.goto(f"{proxy}/kept/smoke-test/")
        _expect_state(page, "ok", "OK")

        page.get_by_role("switch").check()

        _expect_state(page, "failed", "Not fresh")


def test_the_page_reports_a_redirect_and_does_not_follow_it(
    context: BrowserContext, site: str, tmp_path: Path
) -> None:
    page = context.new_page()
    with run_proxy(int(site.rpartition(":")[2]), tmp_path) as proxy:
        page.goto(f"{proxy}/smoke-test/")
        # Like a login in front of the page: this path is redirected with a 307.
        page.evaluate("history.replaceState(null, '', '/smoke-test')")

        page.get_by_role("switch").check()

        _expect_state(page, "failed", "Redirected")


def test_the_page_recognizes_a_response_that_is_not_from_petsage(
    context: BrowserContext, site: str, tmp_path: Path
) -> None:
    page = context.new_page()
    with run_proxy(int(site.rpartition(":")[2]), tmp_path) as proxy:
        page.goto(f"{proxy}/smoke-test/")
        page.evaluate("history.replaceState(null, '', '/static/petsage/icon.svg')")

        page.get_by_role("switch").check()

        _expect_state(page, "failed", "Not PetSage")


def test_a_hidden_tab_pauses_and_a_visible_one_resumes_immediately(visit: Visit) -> None:
    visit.page.clock.install()
    visit.page.goto("/smoke-test/#watch")
    answers = visit.page.locator("#answers li")
    visit.page.clock.run_for(NEXT)
    expect(answers).to_have_count(2)

    _set_hidden(visit.page, hidden=True)
    before = answers.count()
    visit.page.clock.run_for(4 * NEXT)
    assert answers.count() == before

    _set_hidden(visit.page, hidden=False)
    expect(answers).to_have_count(before + 1)
    assert visit.complaints == []


def test_a_state_older_than_half_a_minute_is_marked_as_old(visit: Visit) -> None:
    visit.page.clock.install()
    visit.page.goto("/smoke-test/")
    visit.page.clock.run_for(20_000)
    _expect_state(visit.page, "ok", "OK")

    visit.page.clock.run_for(12_000)

    _expect_state(visit.page, "old", "OK?")
    expect(visit.page.locator(".sentence")).to_have_text(
        "This state is old. Reload the page, or turn the switch on."
    )
    expect(visit.page.locator("[data-live=age]")).to_have_text(re.compile(r"^, 3\d s ago$"))


def _set_hidden(page: Page, *, hidden: bool) -> None:
    # Playwright keeps every tab visible, so send the event that a browser would send.
    page.evaluate(
        "value => {"
        "Object.defineProperty(document, 'hidden', {value, configurable: true});"
        "document.dispatchEvent(new Event('visibilitychange'));"
        "}",
        hidden,
    )


LINES_OF_EACH_PART = """release => [...release.childNodes].filter(node => node.data).map(node => {
  const range = document.createRange();
  range.selectNodeContents(node);
  return [node.data, range.getClientRects().length];
})"""


def test_a_long_release_wraps_after_its_separators(
    context: BrowserContext, free_port: int
) -> None:
    page = context.new_page()
    with serve(free_port, PETSAGE_RELEASE="2026.11.23+4f2c9e1d.staging"):
        page.set_viewport_size({"width": 1100, "height": 800})
        page.goto(f"http://127.0.0.1:{free_port}/smoke-test/#watch")
        release = page.locator("#answers li b").last
        expect(release).to_have_text("2026.11.23+4f2c9e1d.staging")
        parts = release.evaluate(LINES_OF_EACH_PART)
        lines = release.evaluate("release => release.getBoundingClientRect().height / 21")

    assert parts == [["2026.", 1], ["11.", 1], ["23+", 1], ["4f2c9e1d.", 1], ["staging", 1]]
    assert lines > 1
