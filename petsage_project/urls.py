"""URL configuration of PetSage."""

from django.urls import include, path

from petsage_project.views import ApiRootView, lazily

urlpatterns = [
    path("", ApiRootView.as_view(), name="api-root"),
    path("openapi.json", lazily("petsage_project.docs.OpenApiView"), name="openapi"),
    path("docs/", lazily("petsage_project.docs.DocsView"), name="docs"),
    path("smoke-test/", include("smoke_test.urls")),
]

handler400 = "petsage_project.errors.bad_request"
handler403 = "petsage_project.errors.permission_denied"
handler404 = "petsage_project.errors.not_found"
handler500 = "petsage_project.errors.server_error"
