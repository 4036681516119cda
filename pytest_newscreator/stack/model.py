"""A stack that can be asked: its services with their addresses, and what was changed to place them here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from pytest_newscreator.frozen import frozen
from pytest_newscreator.verdicts import NotVerified, masked, secrets

if TYPE_CHECKING:
    from pytest_newscreator.contract.model import Invocation, Service
    from pytest_newscreator.resolve.repository import Repository
    from pytest_newscreator.stack.run import Run

How = Literal["container", "process", "url"]


@frozen
class Placement:
    """One value that differs from the declared one because the stack stands elsewhere; listed, never silent."""

    service: str
    name: str
    declared: str | None
    placed: str | None
    why: str

    def __str__(self) -> str:
        """Render as `service NAME: declared -> placed (why)`, without secrets."""
        declared, placed = (self._shown(text) for text in (self.declared, self.placed))
        return f"{self.service} {self.name}: {declared} -> {placed} ({masked(self.why)})"

    def _shown(self, text: str | None) -> str:
        """Return a value as it may be read."""
        return masked(f"{text}", secrets({self.name: text or ""}))


@frozen
class Endpoint:
    """One running service of the contract: how it runs, where it answers, and when it was first seen to.

    `served_s` and `healthy_s` are seconds after the start of the stack; None where it was running before.
    """

    service: Service
    how: How
    url: str | None = None
    ca: Path | None = None
    container: str | None = None
    pid: int | None = None
    served_s: float | None = None
    healthy_s: float | None = None
    log: Path | None = None
    health_command: tuple[str, ...] = ()
    health_environment: Mapping[str, str] = field(default_factory=dict)


@frozen
class Stack:
    """A running stack; `owned` ones were started here and go with their run.

    `close` is for backends of other packages that have more to do at the end than their run was ordered to.

    `unavailable` are services that were not looked for, or that this machine cannot start, each with the reason; `run`
    is what a stack of our own belongs to.
    """

    kind: str
    owned: bool
    invocation: Invocation | None
    endpoints: Mapping[str, Endpoint]
    close: Callable[[], None] = lambda: None
    standin: str | None = None
    placements: tuple[Placement, ...] = ()
    notes: tuple[str, ...] = ()
    rolled_back: bool = False
    kept: bool = False
    unavailable: Mapping[str, str] = field(default_factory=dict)
    run: Run | None = None

    def endpoint(self, key: str) -> Endpoint | None:
        """Return the running service of this contract key, if it runs."""
        return self.endpoints.get(key)

    def placed(self, service: str, name: str) -> Placement | None:
        """Return what was changed in this variable of this service to place it here."""
        return next((p for p in self.placements if (p.service, p.name) == (service, name)), None)

    @property
    def own_run(self) -> Run:
        """Return the run that a stack of our own belongs to; raises `NotVerified` where it is not ours."""
        if self.run is None:
            fix = "verify it on a stack of its own (--newscreator-stack compose)"
            raise NotVerified("a stack that was not started here is never changed", needs="stack", fix=fix)
        return self.run

    @property
    def _fate(self) -> str:
        """Return where the stack came from and what becomes of it."""
        if self.kept:
            return "kept for the next run with --newscreator-keep (newscreator doctor --clean --kept removes it)"
        return "started and removed here" if self.owned else "found running, left as it is"

    @property
    def description(self) -> tuple[str, ...]:
        """Return what the summary says of this stack: how it came, what was changed to place it."""
        by = f", invocation {self.invocation.name}" if self.invocation else ""
        first = f"stack: {self.kind}{by}, {self._fate}"
        times = [
            f"  {e.service.key}: served after {e.served_s:.1f} s, healthy after {e.healthy_s:.1f} s"
            for e in self.endpoints.values()
            if e.served_s is not None and e.healthy_s is not None
        ]
        placed = [f"  placed: {placement}" for placement in self.placements]
        return (first, *times, *placed, *(f"  {masked(note)}" for note in self.notes))


@frozen
class Request:
    """What a backend needs to know to have a stack.

    `passed` are the variables of this machine that the stack may see (`newscreator_pass_environment`); what `run` is
    ordered to do is done when nobody uses the stack any more, whatever ended them.
    """

    repository: Repository
    invocation: Invocation | None
    run: Run
    passed: Mapping[str, str] = field(default_factory=dict)
    base_files: Mapping[str, Path] = field(default_factory=dict)
    keep: bool = False
    progress: Callable[[str], None] = lambda _: None

    @property
    def folder(self) -> Path:
        """Return the stack's own folder, which goes with it."""
        return self.run.folder


class Backend(Protocol):
    """A way to have a stack; `start` raises `NotVerified` where this machine lacks the means."""

    name: str

    def start(self, request: Request) -> Stack:
        """Start or find the stack; raises `StackError` with the whole story where it cannot be had."""
