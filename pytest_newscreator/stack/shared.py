"""One stack for all who ask for it: the first starts it, the others join it, and a kept one is taken up again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from pytest_newscreator.errors import StackError
from pytest_newscreator.stack import manifest
from pytest_newscreator.stack.model import Request, Stack
from pytest_newscreator.stack.run import Run
from pytest_newscreator.stack.watchdog import ORDERS, carry_out


class FailedElsewhereError(StackError):
    """Another process of this run tried to start the stack, failed, and tells it."""


def have(request: Request, start: Callable[[Request], Stack]) -> Stack:
    """Return the run's stack, started by `start` where no process of this run has; raises `StackError` where it fails.

    A failed start is not tried again by the others: they raise `FailedElsewhereError`.
    """
    run = request.run
    with run.starting():
        found = _found(request)
        if found is not None:
            return found
        stack = _started(request, start)
        (run.folder / manifest.FILE).write_text(manifest.written(stack), encoding="utf-8")
        return stack


def _started(request: Request, start: Callable[[Request], Stack]) -> Stack:
    """Start the stack; a failure is written down for the others."""
    try:
        return replace(start(request), run=request.run)
    except StackError as error:
        failed = {"message": error.message, "fix": error.fix}
        (request.run.folder / manifest.FAILED).write_text(json.dumps(failed), encoding="utf-8")
        raise


def _read(request: Request) -> Stack:
    """Return the stack that the run's folder tells of."""
    text = (request.run.folder / manifest.FILE).read_text(encoding="utf-8")
    return replace(manifest.read(text, request.repository.contract), run=request.run)


def _found(request: Request) -> Stack | None:
    """Return the stack that another process of this run has started; raises where it has failed to."""
    file, failed = request.run.folder / manifest.FILE, request.run.folder / manifest.FAILED
    if failed.exists():
        raw = json.loads(failed.read_text(encoding="utf-8"))
        raise FailedElsewhereError(raw["message"], fix=raw["fix"])
    if not file.exists():
        return None
    return _read(request)


def kept(
    request: Request, inputs: Callable[[], str], start: Callable[[Request], Stack], is_up: Callable[[Stack], bool]
) -> Stack:
    """Return the kept stack of these inputs, or start it; one of other inputs, or no longer up, is replaced.

    `inputs` gives a digest of everything that the stack is made of. Raises `StackError` where another run uses a kept
    stack of other inputs.
    """
    run = request.run
    with run.starting():
        file, made_of, seen = run.folder / manifest.FILE, run.folder / "inputs", run.folder / "seen"
        if not run.is_kept or (seen.exists() and seen.read_text(encoding="ascii") == run.session):
            found = _found(request)  # by another process of this run, just now
            if found is not None:
                return found
        is_begun = (run.folder / ORDERS).exists()  # in a run before this one, which may have been killed half-way
        now = inputs()
        seen.write_text(run.session, encoding="ascii")
        if file.exists() and made_of.exists() and made_of.read_text(encoding="ascii") == now:
            stack = _read(request)
            if is_up(stack):
                return replace(stack, notes=(*stack.notes, "taken over from an earlier run: its inputs are the same"))
        if is_begun:
            _replace(run)
            seen.write_text(run.session, encoding="ascii")
        stack = replace(_started(request, start), kept=True)
        made_of.write_text(now, encoding="ascii")
        file.write_text(manifest.written(stack), encoding="utf-8")
        run.keep()
        return stack


def _replace(run: Run) -> None:
    """Remove what an earlier run kept, and begin anew in the same folder."""
    with run.alone():
        faults = carry_out(run.folder)
        if faults:
            fix = "newscreator doctor --clean"
            raise StackError(f"the kept stack could not be removed: {'; '.join(faults)}", fix=fix)
        run.empty()
