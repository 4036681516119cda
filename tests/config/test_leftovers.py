"""What is taken for dead, and what is not."""

from __future__ import annotations

import fcntl
import platform
from pathlib import Path

import pytest

from pytest_newscreator.stack import engine, leftovers
from pytest_newscreator.stack.leftovers import Left, clean_up, judged
from pytest_newscreator.stack.watchdog import KEPT, LEASE


def test_only_a_lease_that_is_there_and_free_is_dead(tmp_path: Path) -> None:
    """One that is held is in use; one that is kept says so."""
    lease = f"{platform.node()}:{tmp_path}"
    with (tmp_path / LEASE).open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        assert judged(lease) is None
    assert judged(lease) == "dead"
    (tmp_path / KEPT).touch()
    assert judged(lease) == "kept"


def test_what_is_not_seen_is_not_known_to_be_dead(tmp_path: Path) -> None:
    """The same path is another folder for a service with a temporary folder of its own."""
    assert judged(f"{platform.node()}:{tmp_path}/gone") == "unseen"
    assert judged(f"another-machine:{tmp_path}") == "elsewhere"


def test_a_folder_of_another_user_is_not_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be asked, which is no reason for a traceback."""
    (tmp_path / LEASE).touch()

    def refused(_: Path) -> bool:
        raise PermissionError

    monkeypatch.setattr(leftovers, "sole_owner", refused)
    assert judged(f"{platform.node()}:{tmp_path}") == "unseen"


@pytest.mark.parametrize(("asked", "expected"), [(False, []), (True, ["theirs"])])
def test_the_unseen_is_removed_only_where_that_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, asked: bool, expected: list[str]
) -> None:
    """`--clean` takes what is known to be dead."""
    removed: list[str] = []
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    unseen = Left("volume", "theirs", kept=False, ours=False, unseen=True)
    monkeypatch.setattr(leftovers, "left_in_docker", lambda: iter([unseen]))
    monkeypatch.setattr(engine, "remove", lambda _, name: removed.append(name) or "")
    clean_up(kept=True, unseen=asked)
    assert removed == expected
