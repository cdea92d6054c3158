"""Addresses of the pages."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView
from django.urls import URLPattern, path, reverse_lazy

from dashboard.errors import View, answer_errors
from dashboard.views import account, batches, films, home, models, reading, reports, reruns, reviews, uploads


def _page(route: str, view: View, name: str, **extra: Any) -> URLPattern:
    return path(route, answer_errors(view), extra, name=name)


urlpatterns = [
    path("login", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    _page("", home.home, "home"),
    _page("batches/create", uploads.create, "batch-create"),
    _page("batches/sample", uploads.sample, "batch-sample"),
    _page("batches/open", uploads.open_batch, "batch-open"),
    _page("batches/<uuid:pk>", batches.batch, "batch"),
    _page("batches/<uuid:pk>/progress", batches.progress, "batch-progress"),
    _page("batches/<uuid:pk>/files", uploads.add, "batch-add"),
    _page("batches/<uuid:pk>/missing", uploads.missing, "batch-missing"),
    _page("batches/<uuid:pk>/submit", uploads.submit, "batch-submit"),
    _page("batches/<uuid:pk>/cancel", batches.cancel, "batch-cancel"),
    _page("batches/<uuid:pk>/rerun", reruns.rerun, "batch-rerun"),
    _page("batches/<uuid:pk>/compare", reruns.compare, "batch-compare"),
    _page("batches/<uuid:pk>/report", reports.batch, "batch-report"),
    _page("films/<uuid:pk>", films.film, "film"),
    _page("films/<uuid:pk>/report", reports.film, "film-report"),
    _page("films/<uuid:pk>/display.jpg", films.picture, "film-display", part="display.jpg"),
    _page("films/<uuid:pk>/thumb.jpg", films.picture, "film-thumb", part="thumb.jpg"),
    _page("films/<uuid:pk>/map.png", films.picture, "film-map", part="map.png"),
    _page("films/<uuid:pk>/pixels", films.pixels, "film-pixels"),
    _page("films/<uuid:pk>/review", reviews.record_verdict, "film-review"),
    _page("reviews", reviews.queue, "reviews"),
    _page("reading", reading.room, "reading"),
    _page("reading/next", reading.next_film, "reading-next"),
    _page("reading/mode", reading.set_mode, "reading-mode"),
    _page("reading/undo", reading.undo_verdict, "reading-undo"),
    _page("reading/back", reading.release_and_exit, "reading-back"),
    _page("reading/me", reading.my_statistics, "reading-me"),
    _page("reading/readers", reading.reader_statistics, "reading-readers"),
    _page("reading/<uuid:pk>", reading.film, "reading-film"),
    _page("reading/<uuid:pk>/verdict", reading.record_verdict, "reading-verdict"),
    _page("reading/<uuid:pk>/skip", reading.skip_film, "reading-skip"),
    _page("reading/<uuid:pk>/beat", reading.renew_claim, "reading-beat"),
    _page("reading/<uuid:pk>/ahead", reading.prefetch_next, "reading-ahead"),
    _page("model", models.model, "model"),
    _page("models/<str:name>", models.model, "model"),
    _page("models/<str:name>/charts/<str:kind>.svg", models.chart, "model-chart"),
    _page("account", account.account, "account"),
    _page("account/tokens", account.create_token, "token-create"),
    _page("account/tokens/<int:pk>/revoke", account.revoke_token, "token-revoke"),
    path(
        "account/password",
        PasswordChangeView.as_view(
            template_name="dashboard/account/password.html", success_url=reverse_lazy("password-changed")
        ),
        name="password",
    ),
    _page("account/password/changed", account.password_changed, "password-changed"),
]
