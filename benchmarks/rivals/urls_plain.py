"""A plain APIView."""

from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class PlainSerializer(serializers.Serializer):
    status = serializers.CharField()
    details = serializers.CharField()


class PlainView(APIView):
    """A first version of the smoke test."""

    def get(self, _request: Request) -> Response:
        result = {"status": "ok", "details": "PetSage smoke test feature is operational."}
        return Response(PlainSerializer(result).data)


urlpatterns = [path("smoke-test/", PlainView.as_view())]
