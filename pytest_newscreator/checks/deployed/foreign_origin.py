"""`foreign-origin`: a page of a foreign site is refused by every Ollama of the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_newscreator.checks.deployed.services import endpoint_of, ollama_subjects
from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.contract.model import Service
from pytest_newscreator.verdicts import Finding, NotVerified, fail

if TYPE_CHECKING:
    from pytest_newscreator.stack.model import Stack

FORBIDDEN = 403


def foreign_origin(
    newscreator_subject: Subject,
    newscreator_stack: Stack,
    newscreator_selected: frozenset[str],
    newscreator_conclude: Conclusions,
) -> None:
    """A request that a page of a foreign site sends is refused: Ollama answers it with 403.

    `OLLAMA_ORIGINS=*` was set by hand for one browser extension, and from then on any page that a colleague opened
    could read, delete and replace the models. Name the sites in OLLAMA_ORIGINS, and create the container again.
    """
    from pytest_newscreator.observe import strangers

    service: Service = newscreator_subject.data
    endpoint = endpoint_of(newscreator_stack, service, newscreator_selected)
    if endpoint.url is None:
        raise NotVerified(f"{service.key} is reached at no address of this machine", needs="", fix="")
    answer = strangers.asked_by_origin(endpoint)
    if not answer.status:
        raise NotVerified(f"{service.key} did not answer: {answer}", needs="stack", fix="see its log")
    finding = judge(service, answer.status)
    if finding is not None:
        told = f"origins[{service.key}]"
        if told in newscreator_selected and newscreator_conclude.findings.judged(told).finding is not None:
            raise NotVerified(f"not judged twice: {told} says it", needs="", fix="")
        fail(
            finding.message, place=finding.place, expected=finding.expected, observed=finding.observed,
            fix=finding.fix,
        )  # fmt: skip


def judge(service: Service, status: int) -> Finding | None:
    """Return how a foreign page's request is answered; anything but 403 let it in."""
    if status == FORBIDDEN:
        return None
    return Finding(
        f"{service.key} answers a page of http://evil.example with {status}, should answer {FORBIDDEN}",
        service.place, str(FORBIDDEN), str(status),
        fix="name the sites in OLLAMA_ORIGINS (scheme and host), or take it away; then docker compose up -d",
    )  # fmt: skip


FOREIGN_ORIGIN = Check("foreign-origin", "deployed", "infra", foreign_origin, ollama_subjects)
