"""The tables of docs/health-checkers/README.md that test runs write."""

import re
from collections.abc import Sequence

from tests.checkers import RECIPES

README = RECIPES / "README.md"


def write_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Replace the rows of the table with this head."""
    lines = [f"| {' | '.join(cells)} |\n" for cells in (head, ["---"] * len(head), *rows)]
    table = re.compile(rf"^{re.escape(lines[0])}(\|.*\n)*", re.MULTILINE)
    text, count = table.subn(lambda _: "".join(lines), README.read_text())
    assert count == 1, f"{README} has {count} tables with the head {lines[0]}"
    README.write_text(text)
