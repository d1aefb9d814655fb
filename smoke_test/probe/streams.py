"""Standard output and standard error, which may be closed, full, ASCII-only or unread."""

import os
from contextlib import suppress
from typing import TextIO

from smoke_test.probe.verdict import Level

_COLORS: dict[Level, str] = {"ok": "32;1", "warning": "33;1", "error": "31;1"}


def emit(stream: TextIO | None, text: str) -> str | None:
    """Write and flush the text; return what went wrong, or None.

    Characters that the stream cannot encode are escaped. A reader that exited early (`| head`) is
    not an error.
    """
    if stream is None:
        return "it is closed" if text else None
    try:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
        stream.write(text)
        stream.flush()
    except OSError as error:
        # Python flushes the stream again at exit; that must not fail too.
        with suppress(OSError), open(os.devnull, "wb") as devnull:  # noqa: PTH123
            os.dup2(devnull.fileno(), stream.fileno())
        return None if isinstance(error, BrokenPipeError) else str(error.strerror)
    return None


def painted(stream: TextIO | None, text: str, level: Level | None) -> str:
    """Return the text, in the level's color if the stream is a terminal and NO_COLOR is unset."""
    if level is None or stream is None or not stream.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{_COLORS[level]}m{text}\x1b[0m"
