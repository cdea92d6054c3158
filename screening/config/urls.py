"""The whole site's addresses."""

from django.contrib import admin
from django.urls import include, path

handler400 = "dashboard.errors.bad_request"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/", include("screening.api.urls")),
    path("", include("dashboard.urls")),
]
