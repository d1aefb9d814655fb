"""Django's CommonMiddleware with the original's redirect, and the security policies of pages."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware import common


class SlashRedirect(HttpResponseRedirect):
    """307 keeps the method, so a POST to `/smoke-test` gets its 405 (RFC 9110 15.4.8)."""

    status_code = 307


class CommonMiddleware(common.CommonMiddleware):
    """Checks the Host, adds Content-Length, and adds a missing slash with a relative 307."""

    response_redirect_class = SlashRedirect


class PagePolicyMiddleware:
    """Add Content-Security-Policy and Permissions-Policy to every page.

    The first is `settings.SECURE_CSP`, in the format of Django 6.0's setting, so that Django's own
    middleware can replace this one. A policy set by a view stays. Other responses get none,
    because nothing uses it there.
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
    """Return the policy as a header value, with its directives in order."""
    return "; ".join(" ".join([directive, *sources]) for directive, sources in policy.items())
