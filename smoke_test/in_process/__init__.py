"""The in-process probe: sends this project the requests of real clients, before it serves."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from django.conf import settings
from django.core.checks import Error

from smoke_test.in_process.causes import Cause, Fault, find_cause
from smoke_test.in_process.client import Client
from smoke_test.in_process.judges import problems
from smoke_test.in_process.requests import Request, real_requests
from smoke_test.probe.deadline import Deadline
from smoke_test.probe.exchange import Exchange
from smoke_test.probe.verdict import printable


def probe(deadline: Deadline) -> tuple[list[Error], Exchange]:
    """Send the requests; return one error for each cause, and the first exchange.

    Raises TimeoutError at the deadline, and any exception from `deadline.check_cancelled`.
    """
    errors: list[Error] = []
    with _quiet(), ExitStack() as cures:
        fault, first = _first_fault(deadline)
        while fault:
            try:
                cause = find_cause(fault, deadline)
            except TimeoutError:
                cause = Cause(
                    "settings", "raise --timeout: time ran out before the cause was found."
                )
            message = printable(f"{fault.requests[-1]}: {fault.problem.message}", limit=500)
            hint = printable(cause.hint, limit=500)
            check_id = f"smoke_test.{cause.id or fault.problem.id}"
            errors.append(Error(message, hint=hint, obj=cause.blamed, id=check_id))
            if cause.cure is None:
                break
            # Look for another cause with this one cured, so that none is reported twice.
            from django.test.utils import override_settings

            cures.enter_context(override_settings(**({"WSGI_APPLICATION": None} | cause.cure)))
            fault, _ = _first_fault(deadline)
    return errors, first


def _first_fault(deadline: Deadline) -> tuple[Fault | None, Exchange]:
    sent: list[Request] = []
    exchanges: list[Exchange] = []
    with Client(deadline) as client:
        for request in real_requests(settings.ALLOWED_HOSTS):
            sent.append(request)
            answer = client.send(request)
            exchanges.append(answer.exchange)
            if worst_first := problems(request, answer):
                return Fault(sent, worst_first[0]), answer.exchange
    # The first request after LOAD.
    return None, exchanges[1]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Django from logging the responses that this probe judges."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
