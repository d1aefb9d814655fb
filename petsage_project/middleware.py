"""Django's CommonMiddleware with the original's redirect, and the security policy of pages."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware import common


class SlashRedirect(HttpResponseRedirect):
    """307: the method is kept, so a write to `/smoke-test` meets its 405 (RFC 9110 15.4.8)."""

    status_code = 307


class CommonMiddleware(common.CommonMiddleware):
    """Checks the Host, adds Content-Length, and appends a missing slash by a relative 307."""

    response_redirect_class = SlashRedirect


class PagePolicyMiddleware:
    """Put Content-Security-Policy and Permissions-Policy on every page.

    The first is `settings.SECURE_CSP`, in the shape of Django 6.0's setting, whose own middleware
    then takes the place of this one. A policy that a view has set stays. Answers that are no
    pages go without: nothing reads it there.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.content_security_policy = policy_header(settings.SECURE_CSP)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        headers = response.headers
        if headers.get("Content-Type", "").startswith("text/html"):
            headers.setdefault("Content-Security-Policy", self.content_security_policy)
            headers.setdefault("Permissions-Policy", settings.PERMISSIONS_POLICY)
        return response


def policy_header(policy: dict[str, list[str]]) -> str:
    """Return the policy as a header's value, its directives in order."""
    return "; ".join(" ".join([directive, *sources]) for directive, sources in policy.items())
