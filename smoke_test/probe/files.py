"""Files that others read or write at the same time."""

import os
import stat
from contextlib import suppress
from pathlib import Path

# For node_exporter, which runs as another user. No report holds a secret.
_MODE = 0o644


def is_replaceable(path: Path) -> bool:
    """Return whether the path is a regular file, or none yet, where this user may write."""
    try:
        real = path.resolve()
        with suppress(FileNotFoundError):
            # Not is_file(), which hides every error since Python 3.14.
            if not stat.S_ISREG(real.stat().st_mode):
                return False
        return os.access(real.parent, os.W_OK | os.X_OK)
    except (OSError, RuntimeError):
        # Too long a name, or a loop of links.
        return False


def replace(path: Path, text: str) -> str | None:
    """Replace the file by one with this text, in one step; return what went wrong.

    A reader gets the former text or this one, never a part.
    """
    path = path.resolve()
    # Without the file's own suffix: node_exporter reads every *.prom.
    temporary = path.with_name(f".smoke-test-{os.urandom(8).hex()}.tmp")
    try:
        with temporary.open("x", encoding="utf-8", errors="backslashreplace") as file:
            os.fchmod(file.fileno(), _MODE)
            file.write(text)
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        return str(error.strerror)
    return None


def append(path: Path, text: str) -> str | None:
    """Append the text to the file; return what went wrong."""
    try:
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError as error:
        return str(error.strerror)
    return None
