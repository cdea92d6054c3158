"""The addresses of the pages."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView
from django.urls import URLPattern, path, reverse_lazy

from dashboard.errors import View, guarded
from dashboard.views import account, batches, films, health, home, models, reviews, uploads


def _page(route: str, view: View, name: str, **extra: Any) -> URLPattern:
    return path(route, guarded(view), extra, name=name)


urlpatterns = [
    path("healthz", login_not_required(health.healthz), name="healthz"),
    path("login", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    _page("", home.home, "home"),
    _page("batches/create", uploads.create, "batch-create"),
    _page("batches/open", uploads.open_batch, "batch-open"),
    _page("batches/<uuid:pk>", batches.batch, "batch"),
    _page("batches/<uuid:pk>/progress", batches.progress, "batch-progress"),
    _page("batches/<uuid:pk>/films", batches.films, "batch-films"),
    _page("batches/<uuid:pk>/files", uploads.add, "batch-add"),
    _page("batches/<uuid:pk>/submit", uploads.submit, "batch-submit"),
    _page("batches/<uuid:pk>/cancel", batches.cancel, "batch-cancel"),
    _page("films/<uuid:pk>", films.film, "film"),
    _page("films/<uuid:pk>/display.jpg", films.picture, "film-display", part="display.jpg"),
    _page("films/<uuid:pk>/thumb.jpg", films.picture, "film-thumb", part="thumb.jpg"),
    _page("films/<uuid:pk>/map.png", films.picture, "film-map", part="map.png"),
    _page("films/<uuid:pk>/review", reviews.give, "film-review"),
    _page("reviews", reviews.queue, "reviews"),
    _page("model", models.model, "model"),
    _page("models/<str:name>", models.model, "model"),
    _page("models/<str:name>/charts/<str:kind>.svg", models.chart, "model-chart"),
    _page("account", account.account, "account"),
    _page("account/tokens", account.create_token, "token-create"),
    _page("account/tokens/<int:pk>/revoke", account.revoke_token, "token-revoke"),
    path(
        "account/password",
        PasswordChangeView.as_view(
            template_name="dashboard/password.html", success_url=reverse_lazy("password-changed")
        ),
        name="password",
    ),
    _page("account/password/changed", account.password_changed, "password-changed"),
]
