"""Filters, icons and badges of the pages."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard.presentation import estimates, model_evidence
from dashboard.presentation.estimates import Interval
from dashboard.presentation.sentences import BATCH_STATE_LABELS
from screening.batches.progress import state_of
from screening.models import Film
from screening.worker.triage import FLAG_WORDS

register = template.Library()

# Each decision and state has a shape and a word of its own, so that nobody depends on the colour.
ICONS = {
    Film.Decision.NEGATIVE: "ring", Film.Decision.UNCERTAIN: "diamond", Film.Decision.POSITIVE: "triangle",
    "queued": "clock", "running": "turn", "done": "check", "failed": "cross", "rejected": "bar",
    "cancelled": "dash", "unpacked": "box", "open": "clock",
    "pending": "eye", "disputed": "diamond", "confirmed": "check", "overturned": "turn-back", "unreadable": "bar",
    "second_opinion": "eye", "withdrawn": "dash",
}  # fmt: skip
STEP_LABELS = {
    "intake": "at upload",
    "gate": "by the gate",
    "worker": "during screening",
    "sweep": "after its worker was lost",
    "sender": "by the sender",
}
LABELS = {
    **dict(Film.State.choices),
    **dict(Film.Decision.choices),
    "pending": "To review",
    "confirmed": "Confirmed",
    "overturned": "Overturned",
    "disputed": "Readers disagree",
    "second_opinion": "Second opinion",
    "open": "Not submitted",
}


@register.filter
def score(value: float | None) -> str:
    """Return a score with three decimals; a dash without one."""
    return "–" if value is None else f"{value:.3f}"


@register.filter
def percent(value: float | None) -> str:
    """Return a share in per cent; a dash without one."""
    return "–" if value is None else estimates.format_percent(value)


@register.filter
def interval(estimate: Interval, digits: int = 2) -> str:
    """Return the 95 % interval of an estimate."""
    return estimates.format_interval(estimate, digits)


@register.filter
def interval_phrase(estimate: Interval) -> str:
    """Return the 95 % interval of an estimate as part of a sentence."""
    return estimates.interval_phrase(estimates.format_interval(estimate))


@register.filter
def percent_interval_phrase(share: Interval) -> str:
    """Return the 95 % interval of a share in per cent, as part of a sentence."""
    return estimates.interval_phrase(estimates.format_percent_interval(share))


@register.filter
def percent_interval(share: Interval) -> str:
    """Return the 95 % interval of a share in per cent."""
    return estimates.format_percent_interval(share)


@register.filter
def gate_kind(kind: str) -> str:
    """Return the words for a class of the gate."""
    return model_evidence.gate_kind(kind)


@register.filter
def signed(change: float) -> str:
    """Return a difference of scores with its sign."""
    return f"{change:+.3f}".replace("-", "−")


@register.filter
def p_value(value: float) -> str:
    """Return a p-value with three decimals, or "< 0.001"."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


@register.filter
def flag_word(flag: str) -> str:
    """Return the reason of a flag in words."""
    return FLAG_WORDS.get(flag, flag)


@register.filter
def step_label(step: str) -> str:
    """Return where a film's processing ended, in words."""
    return STEP_LABELS.get(step, step)


@register.filter
def icon_of(value: str) -> str:
    """Return the name of the icon of a state or decision."""
    return ICONS.get(value, "dash")


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw an icon of the page's sprite; screen readers skip it, the text beside it has the meaning."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="#i-{}"></use></svg>', name)


@register.inclusion_tag("dashboard/shared/_badge.html")
def badge(value: str, label: str = "") -> dict[str, Any]:
    """Show a state, decision or review state as an icon and a word."""
    return {
        "value": value,
        "label": label or LABELS.get(value, value.capitalize()),
        "icon": ICONS.get(value, "dash"),
    }


@register.simple_tag
def batch_state(batch: Any) -> str:
    """Return the state of a batch from :func:`screening.batches.queries.batches_for`."""
    return state_of(batch, waiting=batch.total - batch.finished, cancelled=batch.cancelled)


@register.inclusion_tag("dashboard/shared/_badge.html")
def batch_badge(state: str) -> dict[str, Any]:
    """Show the state of a batch as an icon and a word."""
    return badge(state, BATCH_STATE_LABELS[state])


@register.simple_tag
def export_address(kind: str, batch_id: object) -> str:
    """Return the address of a batch's results as a file; empty where the REST API is off."""
    try:
        return reverse(f"api:batch-export-{kind}", args=[batch_id])
    except NoReverseMatch:
        return ""
