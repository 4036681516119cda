"""What earlier runs left: those that died, the stacks that they were to keep, and what Docker still has of them."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pytest_newscreator.frozen import frozen
from pytest_newscreator.stack.owned import LABEL, LEASE_LABEL
from pytest_newscreator.stack.run import claimed, runs_folder, sole_owner
from pytest_newscreator.stack.watchdog import KEPT, LEASE, clean, read_orders

What = Literal["run", "container", "network", "volume", "image"]


@frozen
class Left:
    """One thing that nobody uses: `kept` on purpose, else left by a death that took the watchdog too.

    `name` is the folder of a run, or what Docker calls a resource. `ours` is whether it is known to be nobody's any
    more: what another machine made may be in use, and so may what has its lease in a folder that is not seen from here
    (a private temporary folder); `unseen` tells the second from the first.
    """

    what: What
    name: str
    kept: bool
    ours: bool = True
    unseen: bool = False

    def __str__(self) -> str:
        """Render as `container NAME (kept)`."""
        foreign = "its run is not seen from here, it may be in use" if self.unseen else "made by another machine"
        why = "kept" if self.kept else "left behind" if self.ours else foreign
        return f"{self.what} {self.name} ({why})"


def kept_id(root: Path) -> str:
    """Return the name of the run that keeps the stack of a repository."""
    return f"kept-{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:8]}"


def left_runs() -> Iterator[Left]:
    """Yield the runs of this user that no process uses."""
    for folder in sorted(runs_folder().iterdir()):
        if _is_there(folder / LEASE) and _is_free(folder):
            yield Left("run", str(folder), (folder / KEPT).exists())


def left_in_docker() -> Iterator[Left]:
    """Yield what Docker has of runs that are no more: labelled as ours, and their folder gone or without a user.

    Raises `NotVerified` where there is no daemon to ask.
    """
    from pytest_newscreator.stack import engine

    for what, name, labels in engine.labelled(LABEL):
        state = judged(labels.get(LEASE_LABEL, ""))
        if state is not None:
            yield Left(what, name, kept=state == "kept", ours=state in {"kept", "dead"}, unseen=state == "unseen")


def judged(lease: str) -> Literal["kept", "dead", "unseen", "elsewhere"] | None:
    """Return what is known of the run whose lease a label tells, as `machine:folder`; None where it is in use.

    A run is dead only where its lease is there and nobody holds it; where it is not there, it may be in another
    temporary folder of the same path.
    """
    machine, _, folder = lease.partition(":")
    run = Path(folder)
    if machine != platform.node():
        return "elsewhere"
    if _is_there(run / LEASE):
        try:
            alone = sole_owner(run)
        except PermissionError:
            return "unseen"
        return None if not alone else "kept" if (run / KEPT).exists() else "dead"
    return "unseen"


def _is_free(run: Path) -> bool:
    """Return whether nobody uses a run; one that may not be asked is not known to be free."""
    try:
        return sole_owner(run)
    except PermissionError:
        return False


def _is_there(file: Path) -> bool:
    """Return whether a file is there and may be looked at: another user's folder may not."""
    try:
        return file.is_file()
    except PermissionError:
        return False


def clean_up(*, kept: bool, unseen: bool = False) -> tuple[list[str], list[str]]:
    """Remove what is left, with `kept` also what was kept; return what was removed and what could not be.

    What another machine made on a shared daemon is never removed: whether it is in use cannot be known here.
    Nor can it of what has its lease in a folder that is not seen from here: that is removed only with `unseen`.
    """
    from pytest_newscreator.stack import engine
    from pytest_newscreator.verdicts import NotVerified

    removed: list[str] = []
    faults: list[str] = []
    for one in list(left_runs()):
        with claimed(Path(one.name)) as had:
            if not had or (one.kept and not kept):
                continue
            folder = Path(one.name)
            orders = read_orders(folder)
            failed = clean(folder)
        faults += failed
        removed += [] if failed else [f"{one} with {len(orders)} orders" if orders else str(one)]
    try:
        found = list(left_in_docker())
    except NotVerified:
        return removed, faults
    for one in found:
        if (one.ours and (kept or not one.kept)) or (one.unseen and unseen):
            fault = engine.remove(one.what, one.name)
            (faults if fault else removed).append(fault or str(one))
    return removed, faults
