"""Reads the recipes in the documents, by heading and language."""

import re
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT

PIPELINES = ROOT / "docs/pipelines.md"
PROBE = ROOT / "docs/probe.md"

_BLOCK = re.compile(
    r"^#+ (?P<heading>[^\n]*)$|^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


def recipes(document: Path) -> list[tuple[str, str, str]]:
    """Return the heading, the language and the text of each fenced block."""
    heading, blocks = "", []
    for match in _BLOCK.finditer(document.read_text()):
        heading = match["heading"] or heading
        if match["text"]:
            blocks.append((heading, match["language"], match["text"]))
    return blocks


def recipe(document: Path, heading: str, number: int = 0) -> str:
    """Return a block below the heading, the first by default."""
    return [text for above, _, text in recipes(document) if above == heading][number]


def load_yaml(text: str) -> Any:
    return yaml.safe_load(text)
