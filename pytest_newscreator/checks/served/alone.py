"""What a check needs that changes the stack for a while: a stack of our own, and nobody else in it."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from pytest_newscreator.verdicts import NotVerified

if TYPE_CHECKING:
    from pytest_newscreator.stack.model import Stack


def hold_alone(stack: Stack) -> contextlib.ExitStack:
    """Have the stack for oneself until what is returned is closed, at the latest until this process lets go of it.

    Raises `NotVerified` unless the stack is ours and this process its only user. Others who want a kept stack
    meanwhile wait.
    """
    if not stack.owned:
        raise NotVerified(
            "a stack that was found running is never changed",
            needs="",
            fix="verify it on a stack of its own (--newscreator-stack compose)",
        )
    if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1:
        raise NotVerified("other workers use the stack at the same time", needs="", fix="run it without -n")
    last = contextlib.ExitStack()
    if stack.run is not None:
        if not stack.run.take():
            stack.run.share()
            fix = "wait for it, or run without --newscreator-keep"
            raise NotVerified("another run uses the stack at the same time", needs="", fix=fix)
        last.callback(stack.run.share)
    return last
