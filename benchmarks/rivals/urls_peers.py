"""The shallow endpoint of each of Django's health packages."""

from django.urls import include, path
from health_check.views import HealthCheckView

urlpatterns = [
    path("alive/", include("django_alive.urls")),
    path("watchman/", include("watchman.urls")),
    path("probes/", include("django_deploy_probes.urls")),
    path("health/", HealthCheckView.as_view(checks=[])),
]
