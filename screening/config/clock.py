"""A scheduler for Celery beat that works after the system clock is set back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from celery.beat import PersistentScheduler
from celery.schedules import schedule


class SteadyScheduler(PersistentScheduler):
    """Celery's scheduler, which would otherwise wait until the clock reaches the time of the last run again."""

    def tick(self, *args: Any, **options: Any) -> float:
        """Run the due tasks, and those last run in the future; return the seconds until the next call."""
        now = self.app.now()
        for entry in self.schedule.values():
            if isinstance(entry.schedule, schedule) and entry.last_run_at and entry.last_run_at > now:
                entry.last_run_at = now - timedelta(seconds=entry.schedule.seconds)
                self._heap = None  # it is sorted by times of the old clock
        return float(super().tick(*args, **options))
