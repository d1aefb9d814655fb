"""The tables in docs/ that runs write."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"
PERFORMANCE = DOCS / "performance.md"


def write_table(document: Path, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print the table, and replace the rows of the one with this head in the document.

    Raises LookupError unless the document has exactly one.
    """
    lines = [
        f"| {' | '.join(map(str, cells))} |\n" for cells in (head, ["---"] * len(head), *rows)
    ]
    table = re.compile(rf"^{re.escape(lines[0])}(\|.*\n)*", re.MULTILINE)
    text, count = table.subn(lambda _: "".join(lines), document.read_text())
    if count != 1:
        raise LookupError(
            f"got {count} tables with the head {lines[0].strip()} in {document}, expected 1"
        )
    document.write_text(text)
    sys.stdout.write(f"{''.join(lines)}\n")
    sys.stdout.flush()
