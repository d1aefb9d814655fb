"""Finds the cause of a faulty response: the setting, middleware or class to blame.

It sends the same requests to variations of the project.
"""

import inspect
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from django.conf import global_settings, settings
from django.middleware.common import CommonMiddleware
from django.urls import path, resolve
from django.utils.module_loading import import_string

from smoke_test.contract import PATH
from smoke_test.in_process.client import Client
from smoke_test.in_process.judges import Problem, problems
from smoke_test.in_process.requests import Request
from smoke_test.probe.deadline import Deadline

Overrides = dict[str, Any]

# Settings without a working default.
_STRUCTURE = {
    "ALLOWED_HOSTS",
    "CACHES",
    "DATABASES",
    "INSTALLED_APPS",
    "LOGGING",
    "MIDDLEWARE",
    "SECRET_KEY",
    "STORAGES",
    "TEMPLATES",
    "WSGI_APPLICATION",
}


# Ids of the static checks for the same causes.
_STATIC_IDS = {
    "APPEND_SLASH": "E002",
    "SECURE_SSL_REDIRECT": "E004",
    "FORCE_SCRIPT_NAME": "E011",
    "SECURE_PROXY_SSL_HEADER": "E012",
}


# Exceptions that show which setting without a default is wrong.
_BY_MESSAGE = (
    (
        "TemplateDoesNotExist",
        "TEMPLATES",
        "'BACKEND': 'django.template.backends.django.DjangoTemplates', 'APP_DIRS': True.",
    ),
    ("an available database backend", "DATABASES", "'ENGINE': 'django.db.backends.postgresql'."),
    (
        "InvalidCacheBackendError",
        "CACHES",
        "'BACKEND': 'django.core.cache.backends.redis.RedisCache'.",
    ),
)


class Fault(NamedTuple):
    """A problem with the response to the last of these requests."""

    requests: list[Request]
    problem: Problem


class Cause(NamedTuple):
    """`blamed` is a setting or a class, `hint` the fix, `cure` the settings that remove the cause.

    `id` is that of the static check for the same cause, if there is one.
    """

    blamed: str
    hint: str
    cure: Overrides | None = None
    id: str | None = None


def find_cause(fault: Fault, deadline: Deadline) -> Cause:
    """Return the cause of a fault, under the current settings."""
    replay = _Replay(fault, deadline)
    if replay.shows_fault():
        cause = _cause(replay)
        # A fault that occurs at random would also seem cured.
        if cause.cure is None or replay.shows_fault():
            return cause
    elif replay.shows_fault(WSGI_APPLICATION=settings.WSGI_APPLICATION):
        hint = (
            "set WSGI_APPLICATION = 'petsage_project.wsgi.application': Django's own application "
            "responds correctly."
        )
        return Cause("settings.WSGI_APPLICATION", hint, {"WSGI_APPLICATION": None})
    hint = "it happened only once: does the response depend on the time or on chance?"
    return Cause("settings.MIDDLEWARE", hint)


def _cause(replay: "_Replay") -> Cause:
    if replay.problem.kind != "slow":
        # Otherwise each of these replays would be slow too.
        for setting, line, default in _defaults():
            if replay.is_right(**default):
                hint = f"{line}, Django's default."
                return Cause(f"settings.{setting}", hint, default, _STATIC_IDS.get(setting))
        for dotted in reversed(settings.MIDDLEWARE):
            if replay.is_right(MIDDLEWARE=_without(dotted)):
                return _of_middleware(dotted)
    # One response can have several causes.
    if innermost := _innermost(replay):
        return _of_middleware(innermost)
    return _of_the_view(replay)


class _Replay:
    """Sends the requests of a fault again, to variations of the project."""

    def __init__(self, fault: Fault, deadline: Deadline) -> None:
        self.problem = fault.problem
        self._requests = fault.requests
        self._deadline = deadline

    def shows_fault(self, **overrides: Any) -> bool:
        """Return whether the response to the last request has the same problem."""
        return self.problem.kind in {problem.kind for problem in self._problems(overrides)[-1]}

    def is_right(self, **overrides: Any) -> bool:
        """Return whether every response is correct."""
        return not any(self._problems(overrides))

    def _problems(self, overrides: Overrides) -> list[list[Problem]]:
        # Imported here because only a broken project needs it, and importing it takes longer than
        # all the requests.
        from django.test.utils import override_settings

        found: list[list[Problem]] = []
        variation = {"WSGI_APPLICATION": None} | overrides
        with override_settings(**variation), Client(self._deadline) as client:
            for request in self._requests:
                # Everything is already loaded.
                answer = client.send(request._replace(limit_s=0.5))
                found.append(problems(request, answer))
                if answer.timed_out_s:
                    break
        return found


def _without(dotted: str) -> list[str]:
    return [name for name in settings.MIDDLEWARE if name != dotted]


def _innermost(replay: _Replay) -> str | None:
    """Return the innermost middleware that causes the fault, None if it occurs without any.

    Adds middleware one by one from the inside out, inside the one that adds our headers.
    CommonMiddleware always stays, because it adds Content-Length.
    """
    headers, others = settings.MIDDLEWARE[:1], settings.MIDDLEWARE[1:]
    common = {dotted for dotted in others if _is_common(dotted)}
    for start in range(len(others), -1, -1):
        chain = [name for i, name in enumerate(others) if i >= start or name in common]
        if replay.shows_fault(MIDDLEWARE=[*headers, *chain]):
            if start < len(others):
                return others[start]
            return None if replay.shows_fault(MIDDLEWARE=headers) else next(iter(common), None)
    return None


def _is_common(dotted: str) -> bool:
    with suppress(Exception, SystemExit):  # project code can raise anything
        return issubclass(import_string(dotted), CommonMiddleware)
    return False


def _of_middleware(dotted: str) -> Cause:
    source = "the import fails"
    with suppress(Exception, SystemExit):  # project code can raise anything
        source = _source(import_string(dotted))
    hint = (
        f"let {PATH!r} pass unchanged there ({source}), or remove this line from MIDDLEWARE: "
        f"{dotted!r}."
    )
    if _is_common(dotted):
        hint = (
            f"replace it with 'petsage_project.middleware.CommonMiddleware', or change {source}."
        )
        return Cause(dotted, hint)
    return Cause(dotted, hint, {"MIDDLEWARE": _without(dotted)})


def _of_the_view(replay: _Replay) -> Cause:
    routed = resolve(PATH).func
    view: Any = getattr(routed, "cls", routed)
    undecorated = view.as_view(**getattr(routed, "initkwargs", {}))
    plain = {"ROOT_URLCONF": _Urlconf(undecorated)}
    if replay.is_right(**plain):
        hint = (
            "path('smoke-test/', include('smoke_test.urls')) without decorators, and error "
            "handlers that work."
        )
        return Cause(f"settings.ROOT_URLCONF {settings.ROOT_URLCONF!r}", hint, plain)
    for words, setting, hint in _BY_MESSAGE:
        if words in replay.problem.message:
            return Cause(f"settings.{setting}", hint)
    where = replay.problem.where
    if where and where.rpartition(":")[0] != _source(view).rpartition(":")[0]:
        # A signal receiver or a context processor, for example.
        return Cause(where, "fix this line: no setting, middleware or decorator is the cause.")
    hint = f"fix it ({_source(view)}): no setting, middleware or decorator is the cause."
    return Cause(f"{view.__module__}.{view.__qualname__}", hint)


def _defaults() -> Iterator[tuple[str, str, Overrides]]:
    """Yield each setting that differs from Django's default: its name, the fix, the override."""
    for name in dir(global_settings):
        # Skip unused settings: reading a deprecated one would warn.
        if name in _STRUCTURE or not settings.is_overridden(name):  # type: ignore[misc]
            continue
        default = getattr(global_settings, name)
        if getattr(settings, name) != default:
            yield name, f"{name} = {default!r}", {name: default}
    framework: dict[str, Any] = getattr(settings, "REST_FRAMEWORK", {})
    for key in framework:
        others = {name: value for name, value in framework.items() if name != key}
        yield f"REST_FRAMEWORK[{key!r}]", "remove this key", {"REST_FRAMEWORK": others}


class _Urlconf:
    """A URLconf with only the smoke test's view and Django's own error handlers."""

    def __init__(self, view: Any) -> None:
        self.urlpatterns = [path(PATH[1:], view, name="smoke-test")]


def _source(definition: Any) -> str:
    """Return `file:line` of a class or function."""
    definition = inspect.unwrap(definition)
    try:
        return f"{inspect.getsourcefile(definition)}:{inspect.getsourcelines(definition)[1]}"
    except (OSError, TypeError):
        return "unknown source"
