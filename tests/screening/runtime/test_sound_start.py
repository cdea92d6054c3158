"""A start where nothing is wrong says nothing that alarms."""

from __future__ import annotations

import re
from pathlib import Path

from tests.chaos.films import films
from tests.chaos.system import running_system

ALARMING = re.compile(r"warn|error|critical|fatal|traceback|alert|deprecat|denied|privilege", re.IGNORECASE)
# Of the machine, not of ours: a setting of its kernel, and a step whose name has the word.
FOREIGN = re.compile(r"Memory overcommit must be enabled|Applying auth\.0007_alter_validators_add_error_messages")


def test_logs_of_a_sound_start_do_not_alarm(tmp_path: Path) -> None:
    with running_system(tmp_path / "instance", {"WORKER_PROCESSES": "2"}) as system:
        batch = system.send(films(3))
        system.settle()
        assert system.states(batch) == {"done": 3}
        logs = sorted((tmp_path / "instance" / "log").glob("*.log"))
        assert {"web.log", "worker.log", "beat.log", "postgres.log", "valkey.log"} <= {log.name for log in logs}
        lines = [f"{log.name}: {line}" for log in logs for line in log.read_text().splitlines()]
    assert [line for line in lines if ALARMING.search(line) and not FOREIGN.search(line)] == []
