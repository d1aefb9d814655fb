"""Every page that a user can see, and how to reach it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.conftest import free_ports, serve
from tests.pages.proxy import run_proxy


@contextmanager
def every_server(directory: Path) -> Iterator[dict[str, str]]:
    """Start the app server, an nginx for it, and an nginx whose app server is down."""
    port, dead_port = free_ports(2)
    names = {"DJANGO_SETTINGS_MODULE": "tests.settings.breakable"}
    directories = [directory / name for name in ("proxy", "dead")]
    for each in directories:
        each.mkdir()
    with (
        serve(port, PETSAGE_RELEASE="2026.11.23+4f2c9e1", **names),
        run_proxy(port, directories[0]) as proxy,
        run_proxy(dead_port, directories[1]) as dead,
    ):
        yield {"app": f"http://127.0.0.1:{port}", "proxy": proxy, "dead": dead}


def _watch(page: Page) -> None:
    expect(page.get_by_role("switch")).to_be_checked()
    for count in (2, 3, 4):
        page.clock.fast_forward(5_500)
        expect(page.locator("#answers li")).to_have_count(count)


def _fail(page: Page) -> None:
    _watch(page)
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    page.clock.fast_forward(5_500)
    expect(page.locator("#state")).to_have_attribute("data-state", "failed")


def _grow_old(page: Page) -> None:
    page.clock.fast_forward(60_000)
    expect(page.locator("#state")).to_have_attribute("data-state", "old")


def _write(page: Page) -> None:
    with page.expect_navigation():
        page.evaluate(
            "const form = document.body.appendChild(document.createElement('form'));"
            "form.method = 'post'; form.submit();"
        )


def _options(page: Page) -> None:
    page.get_by_role("button", name="OPTIONS").click()
    expect(page.locator(".request-info")).to_contain_text("OPTIONS")


def _read(page: Page) -> None:
    page.get_by_text("Perform a system smoke test").wait_for()


def _try_out(page: Page) -> None:
    page.get_by_text("Perform a system smoke test").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    page.locator(".live-responses-table").wait_for()


def _nothing(_page: Page) -> None:
    return


# Name, server, path, and an action on the page.
EVERY_PAGE: list[tuple[str, str, str, Callable[[Page], None]]] = [
    ("smoke-test", "app", "/smoke-test/", _nothing),
    ("smoke-test-watch", "app", "/smoke-test/#watch", _watch),
    ("smoke-test-failed", "app", "/smoke-test/#watch", _fail),
    ("smoke-test-old", "app", "/smoke-test/", _grow_old),
    ("smoke-test-options", "app", "/smoke-test/", _options),
    ("smoke-test-405", "app", "/smoke-test/", _write),
    ("root", "app", "/", _nothing),
    ("docs", "app", "/docs/", _read),
    ("docs-tried", "app", "/docs/", _try_out),
    ("400", "proxy", "/400", _nothing),
    ("403", "app", "/denies/", _nothing),
    ("404", "app", "/nowhere/", _nothing),
    ("500", "app", "/raises/", _nothing),
    ("502", "dead", "/", _nothing),
    ("503", "proxy", "/503", _nothing),
    ("504", "proxy", "/504", _nothing),
]
