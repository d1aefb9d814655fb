"""`make screenshots`: every page at three widths, light and dark, and the README's pictures."""

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.conftest import ROOT
from tests.deploy.running import Stack
from tests.pages.every_page import EVERY_PAGE, every_server
from tests.pages.terminal import Recording

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
    for scheme in ("light", "dark"):
        picture = directory / f"smoke-test-watch-1100-{scheme}.png"
        shutil.copy(picture, ROOT / f"docs/smoke-test-{scheme}.png")


@pytest.mark.stack
@pytest.mark.usefixtures("nginx")
def test_record_the_probe(tmp_path: Path) -> None:
    url = "http://127.0.0.1:8080/smoke-test/"
    recording = Recording()

    def probe() -> int:
        return recording.run(f"petsage-smoke-test {url}", ["-m", "smoke_test.probe", url])

    stack = Stack(tmp_path, 8080, PETSAGE_RELEASE="6710b60ae1c4")
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
