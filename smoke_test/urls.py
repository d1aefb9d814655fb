from django.urls import path

from smoke_test.views import SmokeTestView

urlpatterns = [
    path("", SmokeTestView.as_view(), name="smoke-test"),
]
