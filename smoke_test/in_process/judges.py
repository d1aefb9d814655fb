"""Judges responses: one pure function for each kind of request."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from django.conf import settings

from smoke_test.contract import (
    ANSWERED_AT_HEADER,
    BODY,
    NONCE_HEADER,
    PATH,
    RELEASE_HEADER,
    STAMP,
)
from smoke_test.probe.body import difference, parse
from smoke_test.probe.page import page_error

if TYPE_CHECKING:
    from smoke_test.in_process.client import Answer
    from smoke_test.in_process.requests import Request


class Problem(NamedTuple):
    """`id` is the check's, `kind` identifies it in replays, `where` is the line at fault."""

    id: str
    kind: str
    message: str
    where: str = ""


# If one of these is down, a healthy process would look dead.
_CALL_IDS = {
    "database": "E107",
    "cache": "E108",
    "network": "E109",
    "file": "E110",
    "process": "E113",
}


def problems(request: "Request", answer: "Answer") -> list[Problem]:
    """Return what is wrong with the response, worst first."""
    # Problems inside the project come first: those in the response are their consequences.
    return list(_inside(request, answer)) or list(request.judge(request, answer))


def _inside(request: "Request", answer: "Answer") -> Iterator[Problem]:
    if ended := answer.ended:
        message = f"got {ended.text}, which ends the process{_in(ended.where)}."
        yield Problem("E112", "ended", message, ended.where)
    if answer.timed_out_s:
        message = f"got no response within {answer.timed_out_s:g} s, expected one in milliseconds."
        yield Problem("E111", "slow", message)
    # The first request and any exception load code and templates from files.
    files = request.warm and not answer.raised
    for call in answer.calls:
        if call.resource != "file" or files:
            message = f"got a {call.resource} call, expected none: {call.text}{_in(call.where)}."
            yield Problem(_CALL_IDS[call.resource], call.resource, message, call.where)
    if raised := answer.raised:
        message = f"got {raised.text}{_in(raised.where)}, expected a response."
        yield Problem("E101", "raised", message, raised.where)


def _in(where: str) -> str:
    return f" in {where}" if where else ""


def loaded(_request: "Request", _answer: "Answer") -> Iterator[Problem]:
    """Yield nothing: loading the project returns no response, and `problems` has the rest."""
    yield from ()


def json_answer(request: "Request", answer: "Answer") -> Iterator[Problem]:
    """Yield how the body and the headers differ from the contract."""
    exchange = answer.exchange
    yield from _status(answer, 200)
    yield from _service(answer)
    # App servers drop the body of a HEAD response.
    if request.method != "HEAD" and exchange.body != BODY:
        yield Problem("E102", "body", _body_difference(exchange.body))
    yield from _header(answer, "Content-Type", "application/json")
    yield from _header(answer, "Content-Length", str(len(BODY)))
    yield from _header(answer, "ETag", f'"{settings.PETSAGE_RELEASE}"')
    yield from _promised_headers(answer)


def replaced_result(_request: "Request", answer: "Answer") -> Iterator[Problem]:
    """Yield a problem if the response does not show the result that the service returned."""
    from smoke_test.in_process.requests import TOKEN

    if TOKEN.encode() not in answer.exchange.body:
        message = "got a result that run_smoke_test did not return, expected its own."
        yield Problem("E105", "service", message)


def failure(_request: "Request", answer: "Answer") -> Iterator[Problem]:
    """Yield a problem unless the failing view causes a 5xx with the promised headers."""
    status = answer.exchange.status or 0
    if status < 500:
        message = f"got {status}, but the view failed; expected 500."
        yield Problem("E106", "hidden", message)
    else:
        yield from _promised_headers(answer, vary=False)


def not_found(_request: "Request", answer: "Answer") -> Iterator[Problem]:
    """Yield what is wrong with the response for an unknown path, which a catch-all may match."""
    status = answer.exchange.status or 0
    if status >= 500:
        yield Problem("E104", "handler404", f"got {status}, expected 404.")
    elif status == 404:
        yield from _promised_headers(answer, vary=False)


def allowed_methods(request: "Request", answer: "Answer") -> Iterator[Problem]:
    """Yield what is wrong with the response to OPTIONS or to a method that is not allowed."""
    yield from _status(answer, 200 if request.method == "OPTIONS" else 405)
    yield from _header(answer, "Allow", "GET, HEAD, OPTIONS")
    yield from _is_json(answer)
    yield from _promised_headers(answer)


def other_release(_request: "Request", answer: "Answer") -> Iterator[Problem]:
    """Yield what is wrong with the 412 for a client that expects another release."""
    yield from _status(answer, 412)
    yield from _is_json(answer)
    yield from _promised_headers(answer)


def slash_redirect(_request: "Request", answer: "Answer") -> Iterator[Problem]:
    """Yield what is wrong with the redirect. It must be 307: a 301 turns a POST into a GET."""
    yield from _status(answer, 307)
    yield from _header(answer, "Location", PATH)
    yield from _promised_headers(answer, vary=False)


def page(_request: "Request", answer: "Answer") -> Iterator[Problem]:
    """Yield what is wrong with the page, its title and its state."""
    exchange = answer.exchange
    yield from _status(answer, 200)
    yield from _service(answer)
    if error := page_error(exchange):
        yield Problem("E103", "page", error.message)
    elif b'data-state="ok"' not in exchange.body:
        yield Problem("E103", "page", "got a page without its state, expected 'ok'.")
    yield from _promised_headers(answer)


def _status(answer: "Answer", expected: int) -> Iterator[Problem]:
    exchange = answer.exchange
    if exchange.status != expected:
        location = exchange.header("Location")
        target = f" to {location!r}" if location else ""
        message = f"got {exchange.status}{target}, expected {expected}."
        yield Problem("E102", f"status {exchange.status}", message)


def _service(answer: "Answer") -> Iterator[Problem]:
    if answer.exchange.status == 200 and not answer.from_service:
        message = "got a response that run_smoke_test did not make, expected its own."
        yield Problem("E105", "service", message)


def _promised_headers(answer: "Answer", *, vary: bool = True) -> Iterator[Problem]:
    """Yield what is wrong with the headers that every response must have."""
    exchange = answer.exchange
    yield from _header(answer, RELEASE_HEADER, settings.PETSAGE_RELEASE)
    yield from _header(answer, NONCE_HEADER, exchange.nonce or None)
    stamp = exchange.header(ANSWERED_AT_HEADER) or ""
    if not STAMP.fullmatch(stamp) or not _is_between(stamp, answer):
        message = f"got {ANSWERED_AT_HEADER} {stamp!r}, expected the time of this response."
        yield Problem("E102", "stamp", message)
    if "no-store" not in _list(answer, "Cache-Control"):
        value = exchange.header("Cache-Control")
        yield Problem("E102", "cacheable", f"got Cache-Control {value!r}, expected 'no-store'.")
    if vary and "accept" not in _list(answer, "Vary"):
        value = exchange.header("Vary")
        yield Problem("E102", "vary", f"got Vary {value!r}, expected 'Accept'.")
    if cookie := exchange.header("Set-Cookie"):
        name = cookie.partition("=")[0].strip()
        yield Problem("E102", "cookie", f"got a cookie {name!r}, expected none.")


def _is_between(stamp: str, answer: "Answer") -> bool:
    # The stamp is in milliseconds, the clock in microseconds.
    sent_at = answer.exchange.sent_at - timedelta(milliseconds=1)
    return sent_at <= datetime.fromisoformat(stamp) <= answer.exchange.received_at


def _list(answer: "Answer", name: str) -> list[str]:
    values = (answer.exchange.header(name) or "").lower().split(",")
    return [value.strip() for value in values]


def _header(answer: "Answer", name: str, expected: str | None) -> Iterator[Problem]:
    value = answer.exchange.header(name)
    if value != expected:
        message = f"got {name} {value!r}, expected {expected!r}."
        yield Problem("E102", f"header {name}", message)


def _is_json(answer: "Answer") -> Iterator[Problem]:
    try:
        json.loads(answer.exchange.body)
    except ValueError:
        message = f"got the body {answer.exchange.body[:40]!r}, expected JSON."
        yield Problem("E102", "body", message)


def _body_difference(body: bytes) -> str:
    try:
        wrong = difference(parse(body))
    except ValueError as error:
        wrong = f"the body is not JSON ({error})"
    return f"{wrong or 'the JSON is right, but its bytes are not'}; got {body[:80]!r}."
