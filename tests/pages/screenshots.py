"""`make screenshots`: every page at three widths, light and dark, and the README's pictures."""

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, expect

from tests.conftest import ROOT, serve
from tests.deploy.running import Stack
from tests.pages.every_page import EVERY_PAGE, every_server
from tests.pages.terminal import Recording

RELEASE = "6710b60ae1c4"
SIZES = [(320, 640), (1100, 800), (1920, 1080)]


@pytest.mark.server
def test_take_screenshots(browser: Browser, tmp_path: Path) -> None:
    directory = ROOT / "var/screenshots"
    with every_server(tmp_path) as servers:
        for name, server, path, act in EVERY_PAGE:
            for scheme in ("light", "dark"):
                context = browser.new_context(base_url=servers[server], color_scheme=scheme)
                page = context.new_page()
                page.clock.install()
                page.goto(path)
                act(page)
                for width, height in SIZES:
                    page.set_viewport_size({"width": width, "height": height})
                    # A wall screen cannot be scrolled.
                    whole = width < 1920
                    page.screenshot(
                        path=directory / f"{name}-{width}-{scheme}.png",
                        full_page=whole,
                        animations="disabled",
                    )
                context.close()


@pytest.mark.server
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_take_the_pictures_of_the_readme(
    browser: Browser, free_port: int, scheme: Literal["light", "dark"]
) -> None:
    url = f"http://127.0.0.1:{free_port}/smoke-test/#watch"
    with serve(free_port, PETSAGE_RELEASE=RELEASE):
        page = browser.new_page(
            color_scheme=scheme, viewport={"width": 1100, "height": 570}, device_scale_factor=1
        )
        page.goto(url)
        # In real time, so that the times are true.
        expect(page.locator("#answers li")).to_have_count(4, timeout=30_000)
        page.screenshot(path=ROOT / f"docs/smoke-test-{scheme}.png", animations="disabled")
        page.close()


@pytest.mark.stack
@pytest.mark.usefixtures("nginx")
def test_record_the_probe(tmp_path: Path) -> None:
    url = "http://127.0.0.1:8080/smoke-test/"
    recording = Recording()

    def probe() -> int:
        return recording.run(f"petsage-smoke-test {url}", ["-m", "smoke_test.probe", url])

    stack = Stack(tmp_path, 8080, PETSAGE_RELEASE=RELEASE)
    try:
        stack.start_app()
        stack.start_nginx()
        stack.wait_until_up()
        passed = probe()
        stack.stop_app()
        recording.comment("The app servers are stopped; nginx is not.")
        failed = probe()
        stack.stop_nginx()
        recording.comment("nginx is stopped too.")
        refused = probe()
    finally:
        stack.stop_app()
        stack.stop_nginx()
    recording.save(ROOT / "docs/probe.svg", title="The probe names the layer that failed")

    assert (passed, failed, refused) == (0, 1, 1)
