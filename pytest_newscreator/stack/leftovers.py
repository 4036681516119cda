"""What earlier runs left: those that died, the stacks that they were to keep, and what Docker still has of them."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pytest_newscreator.frozen import frozen
from pytest_newscreator.stack.owned import LABEL, LEASE_LABEL
from pytest_newscreator.stack.run import gate, runs_folder, sole_owner
from pytest_newscreator.stack.watchdog import KEPT, LEASE, clean, read_orders

What = Literal["run", "container", "network", "volume", "image"]


@frozen
class Left:
    """One thing that nobody uses: `kept` on purpose, else left by a death that took the watchdog too.

    `name` is the folder of a run, or what Docker calls a resource. `ours` is whether this machine made it.
    """

    what: What
    name: str
    kept: bool
    ours: bool = True

    def __str__(self) -> str:
        """Render as `container NAME (kept)`."""
        why = "kept" if self.kept else "left behind" if self.ours else "made by another machine"
        return f"{self.what} {self.name} ({why})"


def kept_id(root: Path) -> str:
    """Return the name of the run that keeps the stack of a repository."""
    return f"kept-{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:8]}"


def left_runs() -> Iterator[Left]:
    """Yield the runs of this user that no process uses."""
    for folder in sorted(runs_folder().iterdir()):
        if (folder / LEASE).is_file() and sole_owner(folder):
            yield Left("run", str(folder), (folder / KEPT).exists())


def sweep() -> list[str]:
    """Clean up after the runs that died together with their watchdog; return what could not be removed."""
    with gate():
        return [fault for one in left_runs() if not one.kept for fault in clean(Path(one.name))]


def left_in_docker() -> Iterator[Left]:
    """Yield what Docker has of runs that are no more: labelled as ours, and their folder gone or without a user.

    Raises `NotVerified` where there is no daemon to ask.
    """
    from pytest_newscreator.stack import engine

    for what, name, labels in engine.labelled(LABEL):
        machine, _, folder = labels.get(LEASE_LABEL, "").partition(":")
        here = machine == platform.node()
        run = Path(folder)
        if here and (run / LEASE).is_file() and not sole_owner(run):
            continue
        yield Left(what, name, kept=here and (run / KEPT).exists(), ours=here)


def clean_up(*, kept: bool) -> tuple[list[str], list[str]]:
    """Remove what is left, with `kept` also what was kept; return what was removed and what could not be.

    What another machine made on a shared daemon is never removed: whether it is in use cannot be known here.
    """
    from pytest_newscreator.stack import engine
    from pytest_newscreator.verdicts import NotVerified

    removed: list[str] = []
    faults: list[str] = []
    with gate():
        for one in list(left_runs()):
            if one.kept and not kept:
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
            if one.ours and (kept or not one.kept):
                fault = engine.remove(one.what, one.name)
                (faults if fault else removed).append(fault or str(one))
    return removed, faults
