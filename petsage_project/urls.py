"""URL configuration of PetSage."""

from django.urls import include, path
from drf_spectacular.views import SpectacularSwaggerSplitView

from petsage_project.views import ApiRootView, OpenApiView

urlpatterns = [
    path("", ApiRootView.as_view(), name="api-root"),
    path("openapi.json", OpenApiView.as_view(), name="openapi"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="openapi"), name="docs"),
    path("smoke-test/", include("smoke_test.urls")),
]

handler400 = "petsage_project.errors.bad_request"
handler403 = "petsage_project.errors.permission_denied"
handler404 = "petsage_project.errors.not_found"
handler500 = "petsage_project.errors.server_error"
