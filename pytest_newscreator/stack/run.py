"""A run: the folder of a stack of our own, the lease that its users hold, and what is to be cleaned up after them.

Several processes may use one stack (the workers of pytest-xdist). Each holds a shared lock on the run's lease; the
watchdog cleans up when the last of them is gone, however it went.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import IO, Final

from pytest_newscreator.errors import StackError
from pytest_newscreator.stack import watchdog
from pytest_newscreator.stack.daemon import endpoint
from pytest_newscreator.stack.watchdog import KEPT, LEASE, ORDERS, is_at

CLEANED_WITHIN_S: Final = 180.0
PRIVATE: Final = 0o700
POLL_S: Final = 0.05
WATCHDOG, START, USE = "watchdog", "start", "use"


def runs_folder() -> Path:
    """Return the folder of this user's runs, made where it is missing; raises `StackError` where it is another's."""
    folder = Path(tempfile.gettempdir()) / f"pytest-newscreator-{os.getuid()}"
    try:
        folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(f"{folder} cannot be made ({error.strerror})", fix="set TMPDIR to a folder of yours") from None
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise StackError(f"{folder} is not this user's own", fix="remove it, or set TMPDIR to a folder of yours")
    folder.chmod(PRIVATE)
    return folder


def standins_folder() -> Path:
    """Return the folder of the stand-ins that this version writes; a kept stack needs them for longer than a run."""
    folder = runs_folder() / f"standins-{metadata.version('pytest-newscreator')}"
    folder.mkdir(mode=PRIVATE, exist_ok=True)
    return folder


@contextlib.contextmanager
def gate() -> Iterator[None]:
    """Hold the right to make a run or to judge one dead; a folder without its lease is never seen in between.

    It is held for as long as that takes, never while a lock is waited for or a clean-up runs.
    """
    with (runs_folder() / "gate").open("a+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[bool]:
    """Have a run that nobody uses for oneself, to clean up after it; yield whether it was so and still is there."""
    with contextlib.ExitStack() as held:
        with gate():
            had = _claim(folder, held)
        yield had


def _claim(folder: Path, held: contextlib.ExitStack) -> bool:
    """Take the lease of a run alone if nobody has it; return whether that went."""
    try:
        lease = held.enter_context((folder / LEASE).open("rb"))
        fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (FileNotFoundError, BlockingIOError):
        return False
    return is_at(lease, folder / LEASE)


def sweep() -> list[str]:
    """Clean up after the runs that died together with their watchdog; return what could not be removed."""
    faults: list[str] = []
    for lease in sorted(runs_folder().glob(f"*/{LEASE}")):
        with claimed(lease.parent) as had:
            if had and not (lease.parent / KEPT).exists():
                faults += watchdog.clean(lease.parent)
    return faults


def new_id() -> str:
    """Return the name of a run: eight hexadecimal digits."""
    return secrets.token_hex(4)


@dataclass(slots=True)
class Run:
    """One run by its folder; `open` makes it, `leave` lets go of it."""

    id: str
    folder: Path
    session: str
    _lease: IO[bytes] | None = field(default=None, repr=False)
    _use: IO[bytes] | None = field(default=None, repr=False)
    _child: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @classmethod
    def open(cls, run_id: str, session: str | None = None) -> Run:
        """Return the run of this name, its folder made where it is missing, with this process as one of its users.

        `session` tells the processes of one pytest run from those of a later one that takes the same stack up again.
        """
        folder = runs_folder() / run_id
        run = cls(run_id, folder, session or run_id)
        while True:
            with gate():
                folder.mkdir(mode=PRIVATE, exist_ok=True)
                lease = (folder / LEASE).open("a+b")
            fcntl.flock(lease, fcntl.LOCK_SH)  # waits where the run of a death is being cleaned up
            if is_at(lease, folder / LEASE):
                break
            lease.close()  # of a folder that was removed meanwhile
        run._lease = lease
        folder.with_suffix(".failed").unlink(missing_ok=True)
        return run

    @contextlib.contextmanager
    def starting(self) -> Iterator[None]:
        """Hold the right to start, change or replace the run's stack, as one who uses it from now on; others wait."""
        with (self.folder / START).open("a+b") as lock:
            while True:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if self._used():
                    break
                fcntl.flock(lock, fcntl.LOCK_UN)  # who has the stack alone may have to start it again
                time.sleep(POLL_S)
            yield

    def _used(self) -> bool:
        """Be one of those who use the stack; return whether that went, as nobody has it alone."""
        if self._use is not None:
            return True
        use = (self.folder / USE).open("a+b")
        if not _try(use, fcntl.LOCK_SH):
            use.close()
            return False
        self._use = use
        return True

    def order(self, verb: str, *arguments: object) -> None:
        """Add an order for the clean-up: `run` a command with the Docker daemon of now, `remove` a folder."""
        if verb == "run":
            arguments = (*endpoint(os.environ), *arguments)
        with (self.folder / ORDERS).open("a", encoding="utf-8") as orders:
            orders.write(json.dumps([verb, *map(str, arguments)]) + "\n")

    def order_kill(self, group: int) -> None:
        """Add the order to end a process group that this process leads into."""
        self.order("kill", group, watchdog.born(group))

    def watch(self) -> None:
        """Start the watchdog, once a run; it lives in a session of its own, so that Ctrl-C does not reach it."""
        self._child = subprocess.Popen(
            [sys.executable, "-I", "-S", watchdog.__file__, str(self.folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
        (self.folder / WATCHDOG).write_text(f"{self._child.pid} {watchdog.born(self._child.pid)}", encoding="ascii")

    @property
    def is_kept(self) -> bool:
        """Return whether the stack is to outlive its users."""
        return (self.folder / KEPT).exists()

    def keep(self) -> None:
        """Let the stack outlive its users."""
        (self.folder / KEPT).touch()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Have the stack for oneself for a while; raises `StackError` where another process uses it."""
        if not self.take():
            raise StackError(
                "a kept stack of other inputs is in use by another run",
                fix="wait for it, or run without --newscreator-keep",
            )
        try:
            yield
        finally:
            self.share()

    def take(self) -> bool:
        """Have the stack for oneself until `share`; return whether that went: nobody else uses it.

        A lock that cannot be made exclusive is lost: `share` is due in either case.
        """
        return self._used() and self._use is not None and _try(self._use, fcntl.LOCK_EX)

    def share(self) -> None:
        """Be one of several users again; waits while another process has the stack for itself."""
        deadline = time.monotonic() + CLEANED_WITHIN_S
        while self._use is not None and not _try(self._use, fcntl.LOCK_SH) and time.monotonic() < deadline:
            time.sleep(POLL_S)

    def empty(self) -> None:
        """Remove everything of the run but its locks."""
        for entry in self.folder.iterdir():
            if entry.name in {LEASE, START, USE}:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def release(self) -> None:
        """Stop being a user; the watchdog cleans up when the last one has."""
        for lock in (self._use, self._lease):
            if lock is not None:
                lock.close()
        self._use = self._lease = None
        if self._child is not None:
            let_go(self._child)

    def leave(self) -> str:
        """Stop being a user and wait until the clean-up is done, where this was the last one.

        Returns what is to be told of it, "" where all went as it should. Raises `StackError` where something could not
        be removed, with what and why.
        """
        pid, _, birth = _read(self.folder / WATCHDOG).partition(" ")
        if self.is_kept:
            self.release()
            return ""
        child, self._child = self._child, None
        self.release()
        if not pid:
            self._discard()
            return ""
        if not _wait(int(pid), birth, child):
            raise StackError(f"the stack was not removed within {CLEANED_WITHIN_S:.0f} s", fix="newscreator doctor")
        faults = _read(self.folder.with_suffix(".failed"))
        if faults:
            raise StackError(f"the stack could not be removed: {faults.strip()}", fix="newscreator doctor --clean")
        return self._stand_in()

    def _stand_in(self) -> str:
        """Do what a watchdog that was killed has left undone, unless another process uses the run."""
        with claimed(self.folder) as had:
            if not had or self.is_kept:
                return ""
            faults = watchdog.clean(self.folder)
        if faults:
            raise StackError(
                f"the watchdog was killed, and the stack could not be removed: {'; '.join(faults)}",
                fix="newscreator doctor --clean",
            )
        return "the watchdog of the stack was killed: the stack was removed without it"

    def _discard(self) -> None:
        """Remove a folder in which nothing was started, unless another process uses it."""
        with claimed(self.folder) as had:
            if had and not self.is_kept:
                watchdog.remove(str(self.folder))


def _try(lock: IO[bytes], how: int) -> bool:
    """Lock a file without waiting; return whether that went."""
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def let_go(child: subprocess.Popen[bytes]) -> None:
    """Drop the handle of a child that outlives this process by design, which Python would warn of otherwise."""
    if child.poll() is None:
        child.returncode = 0


def sole_owner(folder: Path) -> bool:
    """Return whether no process uses a run: its lease can be had alone."""
    try:
        with (folder / LEASE).open("rb") as lease:
            fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return True


def _read(path: Path) -> str:
    """Return a small file's text, "" where it is not there."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def _wait(pid: int, birth: str, child: subprocess.Popen[bytes] | None) -> bool:
    """Wait for the end of a process, our child or not; return whether it came in time."""
    if child is not None:
        try:
            child.wait(timeout=CLEANED_WITHIN_S)
        except subprocess.TimeoutExpired:
            return False
        return True
    if watchdog.born(pid) != birth:
        return True
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        ended, _, _ = select.select([handle], [], [], CLEANED_WITHIN_S)
    finally:
        os.close(handle)
    return bool(ended)
