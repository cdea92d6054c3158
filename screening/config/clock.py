"""A beat that outlives a clock that is set back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from celery.beat import PersistentScheduler
from celery.schedules import schedule


class SteadyScheduler(PersistentScheduler):
    """Celery's own, but that a clock set back does not silence it until its last run comes round again."""

    def tick(self, *args: Any, **options: Any) -> float:
        """Run what is due, and whatever was last run in the future; returns seconds to the next look."""
        now = self.app.now()
        for entry in self.schedule.values():
            if isinstance(entry.schedule, schedule) and entry.last_run_at and entry.last_run_at > now:
                entry.last_run_at = now - timedelta(seconds=entry.schedule.seconds)
                self._heap = None  # it is sorted by the times of the clock that was
        return float(super().tick(*args, **options))
