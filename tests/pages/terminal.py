"""Records commands in a terminal, as a picture."""

import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from tests.conftest import ROOT

WIDTH = 100

# Rich's own format, without the window frame and without web fonts.
_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {terminal_width} {terminal_height}" \
role="img">
<title>@title@</title>
<style>
text {{ font: 20px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; \
white-space: pre }}
{styles}
</style>
<defs>{lines}</defs>
<rect width="100%" height="100%" rx="12" fill="#0c0c0c"/>
<svg x="2%" y="2%" width="96%" height="96%" viewBox="0 0 {terminal_width} {terminal_height}">
{backgrounds}{matrix}
</svg>
</svg>
"""


class Recording:
    """A terminal's content: the typed commands and their output."""

    def __init__(self) -> None:
        self._console = Console(record=True, width=WIDTH, file=StringIO(), color_system="standard")

    def comment(self, text: str) -> None:
        self._console.print(Text(f"# {text}", style="#a09a86"))

    def run(self, shown: str, arguments: Sequence[str]) -> int:
        """Run Python with the arguments in a new terminal; return the exit status."""
        self._console.print(Text(f"$ {shown}", style="bold"))
        controller, terminal = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, stdout=terminal, stderr=terminal,
            env=os.environ | {"COLUMNS": str(WIDTH)},
        )  # fmt: skip
        os.close(terminal)
        printed = b""
        try:
            while part := os.read(controller, 65536):
                printed += part
        except OSError:
            # Linux reports the end as an error.
            pass
        os.close(controller)
        text = printed.decode().replace("\r", "").strip("\n").expandtabs(4)
        self._console.print(Text.from_ansi(text))
        self._console.print()
        return process.wait()

    def save(self, path: Path, title: str) -> None:
        path.write_text(
            self._console.export_svg(
                theme=MONOKAI, code_format=_SVG.replace("@title@", title), unique_id="terminal"
            )
        )
