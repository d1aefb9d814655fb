"""Views of the project itself; features have their own apps."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.utils.module_loading import import_string
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView


class ApiRootView(APIView):
    """Intelligent care for your beloved pets. Everything in PetSage's API starts here."""

    name = "PetSage API"
    # Explicit, so that a feature's defaults do not require a login here.
    authentication_classes = ()
    permission_classes = (AllowAny,)
    # Not in the API's schema.
    schema = None

    def get(self, request: Request) -> Response:
        return Response(
            {
                "smoke-test": reverse("smoke-test", request=request),
                "docs": reverse("docs", request=request),
                "openapi": reverse("openapi", request=request),
            }
        )


def lazily(view_class: str) -> Callable[[HttpRequest], HttpResponseBase]:
    """Return a view that imports its class, given as a dotted path, at the first request."""

    def view(request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = import_string(view_class).as_view()(request)
        return response

    return view
