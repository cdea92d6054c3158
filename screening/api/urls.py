"""Addresses of the API under ``/api/v1/``."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from screening.api import views

app_name = "api"
urlpatterns = [
    path("batches", views.BatchList.as_view(), name="batches"),
    path("batches/<uuid:pk>", views.BatchDetail.as_view(), name="batch"),
    path("batches/<uuid:pk>/files", views.BatchFiles.as_view(), name="batch-files"),
    path("batches/<uuid:pk>/missing", views.BatchMissing.as_view(), name="batch-missing"),
    path("batches/<uuid:pk>/submit", views.BatchSubmit.as_view(), name="batch-submit"),
    path("batches/<uuid:pk>/cancel", views.BatchCancel.as_view(), name="batch-cancel"),
    path("batches/<uuid:pk>/films", views.BatchFilms.as_view(), name="batch-films"),
    path("batches/<uuid:pk>/export.csv", views.BatchCsv.as_view(), name="batch-export-csv"),
    path("batches/<uuid:pk>/export.json", views.BatchJson.as_view(), name="batch-export-json"),
    path("films/<uuid:pk>", views.FilmDetail.as_view(), name="film"),
    path("limits", views.LimitsDetail.as_view(), name="limits"),
    path("models", views.ModelList.as_view(), name="models"),
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    # The variant whose script is a file of its own, as the content security policy requires.
    path(
        "",
        SpectacularSwaggerSplitView.as_view(url_name="api:schema", template_name="screening/api.html"),
        name="docs",
    ),
]
