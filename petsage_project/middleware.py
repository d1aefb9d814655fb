"""Django's CommonMiddleware with the redirect that the original design had."""

from django.http import HttpResponseRedirect
from django.middleware import common


class SlashRedirect(HttpResponseRedirect):
    """307: the method is kept, so a write to `/smoke-test` meets its 405 (RFC 9110 15.4.8)."""

    status_code = 307


class CommonMiddleware(common.CommonMiddleware):
    """Checks the Host, adds Content-Length, and appends a missing slash by a relative 307."""

    response_redirect_class = SlashRedirect
