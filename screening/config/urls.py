"""Addresses of the whole site."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

handler400 = "dashboard.errors.bad_request"

urlpatterns = [
    # Version 0.1 had the films of the admin under the name of their table.
    path(
        "admin/screening/xray/<path:rest>",
        RedirectView.as_view(url="/admin/screening/film/%(rest)s", query_string=True),
    ),
    path("admin/screening/xray/", RedirectView.as_view(url="/admin/screening/film/", query_string=True)),
    path("admin/", admin.site.urls),
    path("api/v1/", include("screening.api.urls")),
    path("", include("dashboard.urls")),
]
