"""`make screenshots`: every page at three widths, light and dark."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.conftest import ROOT
from tests.pages.every_page import EVERY_PAGE, every_server

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
