"""Registers the system checks; what they judge by is imported when they run."""

from typing import Any

from django.core.checks import CheckMessage, register

TAG = "smoke_test"


@register(TAG)
def check_wiring(**_kwargs: Any) -> list[CheckMessage]:
    """Judge the route, the view, the middleware and the answers, the page among them."""
    from smoke_test.wiring import issues

    return issues()


@register(TAG, deploy=True)
def check_allowed_hosts(**_kwargs: Any) -> list[CheckMessage]:
    """Judge ALLOWED_HOSTS as a deployment needs it."""
    from smoke_test.wiring import deployment_issues

    return deployment_issues()
