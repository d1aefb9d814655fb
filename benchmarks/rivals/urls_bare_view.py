"""The smallest possible Django view."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from smoke_test.contract import BODY


def bare(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(BODY, content_type="application/json")


urlpatterns = [path("smoke-test/", bare)]
