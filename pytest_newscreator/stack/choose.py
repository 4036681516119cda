"""Which stack: the kind asked for, or the first of attach, compose and process that can be had here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from pytest_newscreator.contract.model import Contract
from pytest_newscreator.errors import StackError
from pytest_newscreator.stack import engine, probe, shared
from pytest_newscreator.stack.attach import AttachBackend, UrlBackend, by_url, find
from pytest_newscreator.stack.compose import ComposeBackend
from pytest_newscreator.stack.model import Backend, Endpoint, Request, Stack
from pytest_newscreator.stack.process import ProcessBackend, is_served_by
from pytest_newscreator.stack.watchdog import born, living, read_orders
from pytest_newscreator.verdicts import NotVerified

KINDS = ("auto", "compose", "process", "attach", "none")


def backend(kind: str, brought: Sequence[Backend] = ()) -> Backend | None:
    """Return the backend of an explicit kind; None for `auto` and `none`. Raises `StackError` for unknown ones."""
    if kind.startswith(("http://", "https://")):
        return UrlBackend(kind)
    ours: tuple[Backend, ...] = (ComposeBackend(), ProcessBackend(), AttachBackend())
    known = {one.name: one for one in (*ours, *brought)}
    if kind in ("auto", "none"):
        return None
    if kind not in known:
        names = ", ".join([*KINDS, *(b.name for b in brought)])
        raise StackError(f"--newscreator-stack {kind} is none of {names}, nor a URL", fix="choose one of them")
    return known[kind]


def start(kind: str, request: Request, default: Request, brought: Sequence[Backend] = ()) -> Stack:
    """Have the stack; `default` is the request with the first invocation where none was asked for.

    Attaching takes `request` as it is, since a running stack says itself which invocation it agrees with.
    Raises `NotVerified` where `auto` finds no means, `StackError` where an explicit kind cannot be had.
    """
    contract = request.repository.contract
    chosen = backend(kind, brought)
    if kind == "none":
        raise NotVerified("no stack was wanted (--newscreator-stack none)", needs="stack", fix="")
    if chosen is None:
        return _with_urls(_auto(request, default), contract)
    try:
        own = chosen.name in {ComposeBackend.name, ProcessBackend.name}
        stack = _own(chosen, default) if own else chosen.start(request if chosen.name == "attach" else default)
        return _with_urls(stack, contract)
    except NotVerified as missing:
        raise StackError(f"--newscreator-stack {kind} cannot be had: {missing.reason}", fix=missing.fix) from None


def _own(backend: Backend, request: Request) -> Stack:
    """Have a stack of our own: one for all processes of the run, and with `keep` one for later runs too."""
    if not request.keep:
        return shared.have(request, backend.start)
    from pytest_newscreator.stack.inputs import inputs

    return shared.kept(request, lambda: inputs(request, backend.name), backend.start, _is_up)


def _is_up(stack: Stack) -> bool:
    """Return whether everything of a stack still runs and answers."""
    for endpoint in stack.endpoints.values():
        if endpoint.pid is not None and not _is_same(endpoint, stack.own_run.folder):
            return False
        if endpoint.container is not None and not engine.is_healthy(endpoint.container):
            return False
        if endpoint.url is not None and not probe.answers(endpoint.service, endpoint.url, endpoint.ca):
            return False
    return True


def _is_same(endpoint: Endpoint, folder: Path) -> bool:
    """Return whether a process still is the one that the run started, and what listens at its address is its own."""
    orders = [order for order in read_orders(folder) if order[0] == "kill" and order[1] == str(endpoint.pid)]
    if endpoint.pid is None or not orders or born(endpoint.pid) != orders[-1][2] or not living(endpoint.pid):
        return False
    port = urlsplit(endpoint.url).port if endpoint.url else None
    return port is None or is_served_by(endpoint.pid, port)


def _with_urls(stack: Stack, contract: Contract) -> Stack:
    """Add the services that the contract declares by URL: they run elsewhere, whatever was started here."""
    return replace(stack, endpoints={**by_url(contract), **stack.endpoints})


def _auto(request: Request, default: Request) -> Stack:
    """Attach where anything of this project runs; else start one by Compose; else by process."""
    services = request.repository.contract.services.values()
    by_compose = any(s.compose for s in services)
    docker_missing = None
    if by_compose:
        try:
            engine.require()
        except NotVerified as missing:
            docker_missing = missing
        else:
            return AttachBackend().start(request) if find(request.repository) else _own(ComposeBackend(), default)
    elif any(s.url for s in services) and not any(s.process for s in services):
        return AttachBackend().start(request)
    try:
        return _own(ProcessBackend(), default)
    except NotVerified as missing:
        reason, fix = missing.reason, missing.fix
        if docker_missing is not None:
            reason, fix = f"{docker_missing.reason}, and {reason}", f"{docker_missing.fix}, or {fix}"
        if not any(s.url for s in services):
            needs = docker_missing.needs if docker_missing else missing.needs
            raise NotVerified(reason, needs=needs, fix=fix) from None
        here = {s.key: f"{reason}; do: {fix}" for s in services if not s.url}
        return Stack(kind="url", owned=False, invocation=None, endpoints={}, unavailable=here)
