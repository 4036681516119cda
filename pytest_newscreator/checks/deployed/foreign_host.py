"""`foreign-host`: a request for a foreign host name, as DNS rebinding sends it, is refused where it can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_newscreator.checks.deployed.services import endpoint_of, ollama_subjects
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.contract.model import Service
from pytest_newscreator.verdicts import Finding, NotVerified, Severity, fail

if TYPE_CHECKING:
    from pytest_newscreator.stack.model import Stack

FORBIDDEN = 403


def foreign_host(newscreator_subject: Subject, newscreator_stack: Stack, newscreator_selected: frozenset[str]) -> None:
    """A request that names a foreign host is refused, or can at least come from this machine alone.

    By DNS rebinding a web page reaches a server under a name of its own. Ollama refuses such names only where it
    listens on the loopback interface itself; in a container it listens on 0.0.0.0, so that the guard is off in every
    one (a note). Where it listens beyond the loopback interface too it is an error: publish it on 127.0.0.1, or put a
    proxy with a list of its own names before it.
    """
    from pytest_newscreator.observe import strangers
    from pytest_newscreator.observe.listening import listeners

    service: Service = newscreator_subject.data
    endpoint = endpoint_of(newscreator_stack, service, newscreator_selected)
    if endpoint.url is None:
        raise NotVerified(f"{service.key} is reached at no address of this machine", needs="", fix="")
    answer = strangers.asked_by_host(endpoint)
    if not answer.status:
        raise NotVerified(f"{service.key} did not answer: {answer}", needs="stack", fix="see its log")
    beyond = [one.address for one in listeners(endpoint) or () if not one.is_loopback]
    finding = judge(service, endpoint.how, answer.status, beyond)
    if finding is not None:
        fail(
            finding.message, place=finding.place, expected=finding.expected, observed=finding.observed,
            fix=finding.fix, severity=finding.severity,
        )  # fmt: skip


def judge(service: Service, how: str, status: int, beyond: list[str]) -> Finding | None:
    """Return how a foreign host's name is answered: an error beyond the loopback interface or of a plain process."""
    if status in {FORBIDDEN, 400, 404, 421}:
        return None
    where = f" and listens on {', '.join(dict.fromkeys(beyond))}" if beyond else ""
    why = ", as Ollama does in every container" if how == "container" and not beyond else ""
    severity: Severity = "error" if beyond or how == "process" else "note"
    return Finding(
        f"{service.key} answers a request for Host evil.example with {status}{where}{why}, should refuse it",
        service.place, str(FORBIDDEN), str(status),
        fix="publish it on 127.0.0.1 alone, or put a proxy before it that knows its own names",
        severity=severity,
    )  # fmt: skip


FOREIGN_HOST = Check("foreign-host", "deployed", "infra", foreign_host, ollama_subjects)
