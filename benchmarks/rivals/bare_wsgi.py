"""The smallest possible WSGI application."""

from typing import Any

from smoke_test.contract import BODY


def application(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response(
        "200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]
    )
    return [BODY]
