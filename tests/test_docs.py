"""README.md and docs/ quote the real payload, variables, checks, codes, options and targets."""

import html
import os
import re
import runpy
import subprocess
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import pytest

from smoke_test.contract import BODY
from smoke_test.probe import options
from smoke_test.probe.codes import CODES
from smoke_test.probe.reports import FORMATS
from tests.conftest import ROOT
from tests.smoke_test.test_checks import CASES, SLOW

README = (ROOT / "README.md").read_text()
SETTINGS = (ROOT / "docs/settings.md").read_text()
PROBE = (ROOT / "docs/probe.md").read_text()
FEATURE = (ROOT / "docs/features/smoke_test.md").read_text()
DOCUMENTS = sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("docs/**/*.md"))


class RecordingEnvironment(dict[str, str]):
    """An environment that records which variables are read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return super().get(name, default)


@pytest.mark.parametrize("text", [README, FEATURE], ids=["README.md", "smoke_test.md"])
def test_the_payload_is_quoted_to_the_byte(text: str) -> None:
    assert f"\n{BODY.decode()}\n" in text.replace("\n    ", "\n")
    assert "/smoke-test/" in text


def test_the_docs_list_exactly_the_variables_that_the_settings_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment = RecordingEnvironment()
    monkeypatch.setattr(os, "environ", environment)

    runpy.run_path(str(ROOT / "petsage_project/settings.py"))

    listed = SETTINGS.partition("## nginx")[0]
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", listed, re.MULTILINE)) == environment.read


def test_the_docs_list_exactly_the_variables_that_a_server_reads() -> None:
    sources = [path for path in (ROOT / "deploy").rglob("*") if path.suffix in (".py", ".sh")]
    read = {
        name
        for path in sources
        for name in re.findall(r"\b(?:NGINX_[A-Z_]+|PROBE_OPTIONS)\b", path.read_text())
    }

    listed = SETTINGS.partition("## nginx")[2]
    assert set(re.findall(r"^\| `([A-Z_]+)`", listed, re.MULTILINE)) == read


def test_the_docs_list_exactly_the_checks_that_exist() -> None:
    # Each check has a broken project in the table of the tests.
    ids = {f"smoke_test.{check_id}" for _, check_id, _ in (CASES | SLOW).values()}

    assert set(re.findall(r"^\| `(smoke_test\.\w+)` \|", FEATURE, re.MULTILINE)) == ids


def test_the_docs_list_every_code_of_the_probe_with_meaning_and_hint() -> None:
    rows = [
        f"| `{name}`{'' if code.retryable else ' (fail-fast)'} | {code.meaning} | {code.hint} |"
        for name, code in CODES.items()
    ]

    assert [line for line in PROBE.splitlines() if re.match(r"\| `[a-z]+\.[a-z_]+`", line)] == rows


def test_the_docs_list_exactly_the_options_of_the_probe() -> None:
    parser = ArgumentParser(add_help=False)
    options.add_arguments(parser)

    listed = re.findall(r"^  (?:-\w, )?(--[a-z-]+)", parser.format_help(), re.MULTILINE)

    assert set(re.findall(r"^\| `(--[a-z-]+)", PROBE, re.MULTILINE)) == set(listed)


def test_the_docs_list_exactly_the_formats_of_the_probe() -> None:
    section = PROBE.partition("\n## Formats\n")[2].partition("\n## ")[0]

    assert tuple(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == FORMATS


@pytest.mark.process
def test_every_make_target_in_the_docs_exists() -> None:
    result = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)

    targets = set(re.findall(r"^  make (\w+)", result.stdout, re.MULTILINE))
    texts = [document.read_text() for document in DOCUMENTS]
    named = {name for text in texts for name in re.findall(r"(?:`|\$ )make ([a-z]+)\b", text)}
    assert {"run", "test", "help"} <= targets
    assert named <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file_and_its_heading(document: Path) -> None:
    text = document.read_text()
    targets = re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"", text)

    broken = [
        target
        for target in map("".join, targets)
        if "://" not in target and not _exists(document, target)
    ]

    assert broken == []


def _exists(document: Path, target: str) -> bool:
    name, _, heading = target.partition("#")
    path = document.parent / name if name else document
    return path.exists() and (not heading or heading in _headings(path.read_text()))


def _headings(text: str) -> set[str]:
    """Return the anchors that a forge gives to the headings of a document."""
    titles = re.findall(r"^#+ (.+)", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


def test_the_picture_in_the_readme_shows_what_the_probe_says() -> None:
    picture = html.unescape((ROOT / "docs/probe.svg").read_text())
    shown = " ".join(" ".join(re.findall(r">([^<]+)</text>", picture)).split())

    for code in ("proxy.bad_gateway", "tcp.refused"):
        # Where nginx says that it never connected, a second request proves nothing more.
        hint = CODES[code].hint.partition(";")[0]
        assert f"(smoke_test.{code})" in shown
        assert f"HINT: {hint}" in shown
