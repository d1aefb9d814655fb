"""System checks of the wiring, for faults that make a healthy process look dead or vice versa.

Without `--deploy` they are static, as Django defines checks. With it, they also send requests, in
process. Most imports are inside functions, because workers import this module but never run the
checks.
"""

from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage, register

from smoke_test.contract import PATH

if TYPE_CHECKING:
    from smoke_test.probe.deadline import Deadline
    from smoke_test.probe.diagnosis import Expectations
    from smoke_test.probe.verdict import Verdict

TAG = "smoke_test"


@register(TAG)
def check_wiring(**_kwargs: Any) -> list[CheckMessage]:
    """Check the route, the view and the middleware, statically."""
    from smoke_test.wiring import wiring_messages

    return wiring_messages()


@register(TAG, deploy=True)
def check_allowed_hosts(**_kwargs: Any) -> list[CheckMessage]:
    """Check ALLOWED_HOSTS for a deployment."""
    from smoke_test.wiring import allowed_hosts_messages

    return allowed_hosts_messages()


@register(TAG, deploy=True)
def check_answers(**_kwargs: Any) -> list[CheckMessage]:
    """Check this project's responses to the requests of real clients, in process."""
    from smoke_test.in_process import probe
    from smoke_test.probe.deadline import Deadline

    if _errors():
        # The responses would only show the same faults again.
        return []
    errors, _ = probe(Deadline(float("inf"), lambda: None))
    return [*errors]


def project_verdicts(expected: "Expectations", deadline: "Deadline") -> "list[Verdict]":
    """Return the verdicts on this project: the checks' errors or, without any, the response's.

    Silencing a check does not silence the requests: a broken response stays an error.
    """
    from datetime import UTC, datetime

    from smoke_test.in_process import probe
    from smoke_test.probe.diagnosis import diagnose
    from smoke_test.probe.exchange import IN_PROCESS, Exchange
    from smoke_test.probe.verdict import Verdict, printable, verdict

    errors = _errors()
    if not errors:
        try:
            in_process, exchange = probe(deadline)
        except TimeoutError:
            now = datetime.now(UTC)
            timed_out = Exchange(url=PATH, sent_at=now, received_at=now, address=IN_PROCESS)
            hint = "does a middleware or the view wait for something? Raise --timeout to find out"
            message = "this project did not respond in time."
            return [verdict(timed_out, "http.timeout", message, hint=hint)]
        if not in_process:
            # No limit, because the first request also loads code.
            return diagnose(exchange, expected._replace(slow_ms=float("inf")))
        errors = [*in_process]
    return [
        Verdict(
            url=str(message.obj),
            level="error",
            layer="wiring",
            code=str(message.id).removeprefix("smoke_test."),
            message=printable(message.msg),
            hint=printable(message.hint or ""),
        )
        for message in errors
    ]


def _errors() -> list[CheckMessage]:
    messages = [*check_wiring(), *check_allowed_hosts()]
    return [message for message in messages if message.is_serious() and not message.is_silenced()]
