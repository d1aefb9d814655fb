"""The project's URLs, and two that fail."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import path

from petsage_project.urls import handler400, handler403, handler404, handler500
from petsage_project.urls import urlpatterns as project

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def _raises(_request: HttpRequest) -> HttpResponse:
    raise RuntimeError("secret")


def _denies(_request: HttpRequest) -> HttpResponse:
    raise PermissionDenied("secret")


urlpatterns = [*project, path("raises/", _raises), path("denies/", _denies)]
