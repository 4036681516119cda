"""The rows of the recorded tables, each with the rules that apply and what the contract knows of its model."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from pytest_newscreator.checks.registry import Subject
from pytest_newscreator.contract.document import canonical
from pytest_newscreator.contract.model import Contract, LatencyCase, Model, Recorded, Variant
from pytest_newscreator.errors import SourceError
from pytest_newscreator.frozen import frozen
from pytest_newscreator.measure.record.audit import RULES, Rule
from pytest_newscreator.measure.record.memory import Known
from pytest_newscreator.measure.record.tables import Row, rows
from pytest_newscreator.measure.vram.forecast import Runner
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.verdicts import Finding, NotVerified

_COLUMNS = "name the columns as docs/record.md does: case, characters or tokens, TTFT, decode, prefill, VRAM"
_CACHE = frozenset({"OLLAMA_KV_CACHE_TYPE", "OLLAMA_FLASH_ATTENTION"})


@frozen
class Audited:
    """One row under one rule, the other rows of its table, and what the contract knows of its model."""

    row: Row
    rule: Rule
    others: tuple[Row, ...]
    known: Known


def audited_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield one item a row and rule that applies; of a file without such a row, or with cells unread, the file."""
    contract = repository.contract
    for recorded in contract.latency.record if contract.latency else ():
        try:
            found = _rows(repository, recorded)
        except (SourceError, NotVerified):
            found = ()
        audited = list(_audited(contract, found))
        unread = tuple(cell for row in found for cell in row.unread)
        if not audited or unread:
            yield Subject(recorded.path, recorded.place, recorded)
        for one in audited:
            name = f"{recorded.path} {one.row.label} {one.rule.name}".replace("[", "(").replace("]", ")")
            yield Subject(name, one.row.place, one)


def _rows(repository: Repository, recorded: Recorded) -> tuple[Row, ...]:
    """Return the rows of a file; raises SourceError where it is none, NotVerified where its folder is not here."""
    source = repository.source(recorded.path)
    if source is not None:
        return rows(source.text, recorded.path)
    folder = posixpath.dirname(recorded.path)
    if not (repository.root / folder).is_dir():
        reason = f"{recorded.path} is not in this copy of the repository, nor is its folder"
        raise NotVerified(reason, needs="", fix="check it out, or correct latency.record")
    message = f"latency.record names {recorded.path}, which is no readable text, should be a Markdown or JSON file"
    raise SourceError(message, place=recorded.place, fix="correct the path")


def _audited(contract: Contract, found: Sequence[Row]) -> Iterator[Audited]:
    """Yield each row with each rule that has something to compare in it."""
    for row in found:
        others = tuple(other for other in found if other is not row and other.table == row.table)
        known = _known(contract, row)
        yield from (Audited(row, rule, others, known) for rule in RULES if rule.applies(row, known))


def _known(contract: Contract, row: Row) -> Known:
    """Return what the contract says of the model that a row names, itself or by its case."""
    latency = contract.latency
    case = latency.cases.get(row.label) if latency else None
    model, variant = _meant(contract, row, case)
    window = row.figures.get("num_ctx")
    num_ctx = (round(window.value) or None) if window else variant.num_ctx if variant else None
    service = contract.services.get(model.service or "") if model else None
    gpu = contract.gpus.get(service.gpu or "") if service else None
    base = model.base if model else row.model
    if model and row.model and canonical(row.model) not in {canonical(name) for name in model.variants}:
        base = row.model  # the rollback's base, or the base itself
    queues = latency is not None and latency.load.clients != 1
    return Known(base, num_ctx, _runner(contract, model, num_ctx), gpu.memory_mib if gpu else None, queues)


def _meant(contract: Contract, row: Row, case: LatencyCase | None) -> tuple[Model | None, Variant | None]:
    """Return the model of a row, with the variant where it names one."""
    name = row.model or (case.model if case else None)
    for model in contract.models.values() if name else ():
        variants = {canonical(variant.name): variant for variant in model.variants.values()}
        if canonical(name or "") in variants:
            return model, variants[canonical(name or "")]
        if canonical(name or "") in {canonical(one) for one in (model.base, model.rollback, *model.retired) if one}:
            return model, None
    return None, None


def _runner(contract: Contract, model: Model | None, num_ctx: int | None) -> Runner | None:
    """Return what the contract has a model started with; None where window, slots or cache are left open."""
    service = contract.services.get(model.service or "") if model else None
    if model is None or service is None or num_ctx is None or not _CACHE.isdisjoint(service.settings):
        return None
    slots = service.settings.get("OLLAMA_NUM_PARALLEL")
    texts = slots.allowed if slots else ()
    if len(texts) != 1 or not texts[0].isdecimal():
        return None
    batch = model.parameters.get("num_batch", 512)
    return Runner(num_ctx, max(int(texts[0]), 1), batch if isinstance(batch, int) else 512)


def judge_audited(subject: Subject, repository: Repository) -> Finding | None:
    """Return the contradiction of a row under a rule, or what is wrong with a file; NotVerified for unread cells."""
    given = subject.data
    if isinstance(given, Recorded):
        return _judge_file(given, repository)
    doubt = given.rule.judge(given.row, given.others, given.known)
    if doubt is None:
        return None
    return Finding(
        doubt.message, doubt.figure.place, doubt.expected, doubt.figure.text, fix=doubt.fix, severity=doubt.severity,
        lacks=given.rule.name,
    )  # fmt: skip


def _judge_file(recorded: Recorded, repository: Repository) -> Finding | None:
    """Return what is wrong with a file as a whole."""
    try:
        found = _rows(repository, recorded)
    except SourceError as error:
        return Finding(error.message, error.place or Place(recorded.path), fix=error.fix)
    if not found:
        message = f"{recorded.path} has no table with figures that are understood, should have one"
        return Finding(message, recorded.place, "a table", "none", fix=_COLUMNS)
    unread = [cell for row in found for cell in row.unread]
    if unread:
        texts = ", ".join(f"{cell.text} ({cell.place})" for cell in unread[:5])
        raise NotVerified(f"no number with a known unit: {texts}", needs="", fix="write `0.31 s`, `52.7 tok/s`")
    raise NotVerified(f"no row of {recorded.path} has two figures to compare", needs="", fix=_COLUMNS)
