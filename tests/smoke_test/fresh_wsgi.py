"""The project's WSGI application as a new process would load it, with the current settings.

For WSGI_APPLICATION, because petsage_project.wsgi keeps the settings of its first import.
"""

import importlib
from collections.abc import Callable, Iterable
from typing import Any

Start = Callable[..., Any]
Application = Callable[[dict[str, Any], Start], Iterable[bytes]]


def __getattr__(name: str) -> Application:
    if name not in ("application", "with_a_cookie"):
        raise AttributeError(name)
    import petsage_project.wsgi

    application: Application = importlib.reload(petsage_project.wsgi).application
    return application if name == "application" else _with_a_cookie(application)


def _with_a_cookie(application: Application) -> Application:
    def with_a_cookie(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]]) -> Any:
            return start_response(status, [*headers, ("Set-Cookie", "lb=1")])

        return application(environ, start)

    return with_a_cookie
