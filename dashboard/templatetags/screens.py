"""Filters and badges of the pages."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard.presentation.sentences import BATCH_WORDS
from screening.batches.progress import state_of
from screening.models import Film
from screening.worker.triage import FLAG_WORDS

register = template.Library()

# A decision or a state is told by its shape and its word; the colour only helps.
ICONS = {
    Film.Decision.NEGATIVE: "ring", Film.Decision.UNCERTAIN: "diamond", Film.Decision.POSITIVE: "triangle",
    "queued": "clock", "running": "turn", "done": "check", "failed": "cross", "rejected": "bar",
    "cancelled": "dash", "unpacked": "box", "open": "clock",
    "pending": "eye", "disputed": "diamond", "confirmed": "check", "overturned": "turn-back", "unreadable": "bar",
    "second_opinion": "eye", "withdrawn": "dash",
}  # fmt: skip
LABELS = {
    **dict(Film.State.choices),
    **dict(Film.Decision.choices),
    "pending": "To review",
    "confirmed": "Confirmed",
    "overturned": "Overturned",
    "disputed": "Readers differ",
    "second_opinion": "Second opinion",
    "open": "Not submitted",
}


@register.filter
def score(value: float | None) -> str:
    """A score with three decimals; a dash without one."""
    return "–" if value is None else f"{value:.3f}"


@register.filter
def percent(value: float | None) -> str:
    """A share as a number of hundredths; a dash without one."""
    return "–" if value is None else f"{100 * value:.1f}".removesuffix(".0")


@register.filter
def signed(change: float) -> str:
    """A difference of scores with its sign."""
    return f"{change:+.3f}".replace("-", "−")


@register.filter
def p_value(value: float) -> str:
    """A p-value to the third decimal, below which nobody asks how small it is."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


@register.filter
def flag_word(flag: str) -> str:
    """Why a film is flagged."""
    return FLAG_WORDS.get(flag, flag)


@register.filter
def icon_of(value: str) -> str:
    """The id of the symbol for a state or decision."""
    return ICONS.get(value, "dash")


@register.simple_tag
def icon(name: str) -> SafeString:
    """Return the drawing of a symbol of the page's sprite; it is decoration, so screen readers skip it."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="#i-{}"></use></svg>', name)


@register.inclusion_tag("dashboard/shared/_badge.html")
def badge(value: str, label: str = "") -> dict[str, Any]:
    """A state, decision or review state as a word with its own shape."""
    return {
        "value": value,
        "label": label or LABELS.get(value, value.capitalize()),
        "icon": ICONS.get(value, "dash"),
    }


@register.simple_tag
def batch_state(batch: Any) -> str:
    """Where a batch of :func:`screening.batches.queries.batches_for` stands."""
    return state_of(batch, waiting=batch.total - batch.finished, cancelled=batch.cancelled)


@register.inclusion_tag("dashboard/shared/_badge.html")
def batch_badge(state: str) -> dict[str, Any]:
    """The state of a batch as a word with its own shape."""
    return badge(state, BATCH_WORDS[state])


@register.simple_tag
def export_address(kind: str, batch_id: object) -> str:
    """Where the REST API gives a batch's results as a file; empty where it does not."""
    try:
        return reverse(f"api:batch-export-{kind}", args=[batch_id])
    except NoReverseMatch:
        return ""
