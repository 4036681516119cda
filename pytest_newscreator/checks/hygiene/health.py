"""Hygiene of health: every service says itself whether it is ready, by a command that can say no."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator, Sequence

from pytest_newscreator.checks.facts.image_names import is_plain
from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.hygiene import subjects as hygiene
from pytest_newscreator.checks.hygiene.subjects import (
    Started,
    hardening,
    last_place,
    missing,
    over_invocations,
    texts,
    unknown,
)
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.project import Node
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.verdicts import Finding

_ADD = "add a `healthcheck:` whose command asks the service for what it is there for"
_CHANGE = "let its command ask the service for what it is there for, and fail where that is not to be had"
_REFERENCE = "(CIS Docker v1.6.0 4.6 and 5.27)"
_SHELLS = frozenset({"sh", "bash", "ash", "dash", "zsh"})
_ALWAYS = frozenset({"true", ":", "echo", "printf", "sleep"})
_SEPARATORS = frozenset({"&&", "||", ";", ";;", "|", "|&", "&"})
_DECIDES = frozenset({"exit", "set", "exec", "return", "kill", "trap"})
"""Words by which an earlier part of a script can fail the whole of it."""


def healthcheck_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield every service of the contract that Compose starts."""
    yield from hygiene.subjects(repository)


def healthcheck(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """Every service has a health check, and one that can fail.

    `docker compose up --wait` is content with a service that has none as soon as it runs: a deploy went green while
    the model was still being pulled, and the first requests failed. Ollama's own image ships none. Ask for what makes
    the service useful, such as `ollama show MODEL` (CIS Docker v1.6.0 4.6 and 5.27).
    """
    newscreator_conclude("healthcheck", newscreator_subject)


def judge_healthcheck(subject: Subject, repository: Repository) -> Finding | None:
    """Return what is wrong with a service's health check; NotVerified where only its image can tell."""
    return over_invocations(subject.data, repository, _judged)


def _judged(one: Started) -> Finding | None:
    """Judge the health check of a service under one invocation: Compose's own, else the image's."""
    disabled, test = one.compose.get("healthcheck.disable"), one.compose.get("healthcheck.test")
    if disabled is not None and disabled.value is True:
        return _finding(one, "has its health check switched off, should have one", disabled.place)
    if test is not None and texts(test):
        words, place = _words(test)
        fault = _fault(words)
        return _finding(one, fault, place) if fault else None
    return _of_image(one)


def _words(test: Node) -> tuple[tuple[str, ...], Place]:
    """Return a test as Docker has it, and where its command stands; NONE as a text is a command of that name."""
    if test.elements:
        return tuple(str(word.value) for word in test.elements), test.elements[-1].place
    text = str(test.value)
    return (("NONE",) if text.strip() == "NONE" else ("CMD-SHELL", text)), test.place


def _of_image(one: Started) -> Finding | None:
    """Judge the health check that the image brings."""
    image, reference = one.given.image, one.compose.image
    if image is not None and image.healthcheck is not None:
        fault = _fault(image.healthcheck)
        return _finding(one, fault, last_place(one, "HEALTHCHECK")) if fault else None
    base = image.base if image else reference.text if reference and not one.compose.build else None
    if not is_plain(base):
        what = f"the image {base}" if base else "its image"
        raise unknown(f"{one.service.key} has no health check in Compose; whether {what} brings one is not known")
    lack = missing(one, "healthcheck.test", block="healthcheck")
    return _finding(one, f"has no health check, should have one{lack.since}", lack.place, lacks="healthcheck")


def _finding(one: Started, what: str, place: Place | None, lacks: str = "") -> Finding:
    """Return the finding: no one can tell whether the service is ready."""
    return Finding(
        f"{one.service.key} {what}: it counts as ready as soon as it runs",
        place=place,
        fix=f"{_ADD if lacks else _CHANGE} {_REFERENCE}",
        severity=hardening(one.repository.contract),
        lacks=lacks,
    )


def _fault(words: Sequence[str]) -> str | None:
    """Return why a test, as Docker has it, says nothing."""
    if words[0].upper() == "NONE":
        return "has its health check switched off (NONE), should have one"
    script = " ".join(words[1:])
    cannot = cannot_fail(script) if words[0].upper() == "CMD-SHELL" else command_cannot_fail(words[1:])
    return f"has a health check that cannot fail (`{script}`)" if cannot else None


def command_cannot_fail(argv: Sequence[str]) -> bool:
    """Tell whether a command succeeds whatever state the service is in."""
    if not argv:
        return True
    program, rest = posixpath.basename(argv[0]), list(argv[1:])
    if program in _SHELLS and any(word.startswith("-") and word.endswith("c") for word in rest[:-1]):
        flags = [word for word in rest[:-1] if word.startswith("-")]
        return cannot_fail(rest[-1]) if not any("e" in flag for flag in flags) else command_cannot_fail([rest[-1]])
    # `ollama -v` warns where no server answers, and succeeds.
    asks_version = rest in (["--version"], ["--help"]) or (program == "ollama" and rest == ["-v"])
    return program in _ALWAYS or asks_version or (program == "exit" and rest in ([], ["0"]))


def cannot_fail(script: str) -> bool:
    """Tell whether a shell script succeeds whatever its commands find; what is not plain may fail."""
    try:
        commands = list(_commands(script))
    except ValueError:  # an open quote
        return False
    if not commands or all(command_cannot_fail(argv) for _, argv in commands):
        return True
    operator, last = commands[-1]
    return operator != "&&" and last != ["exit"] and command_cannot_fail(last) and not _can_leave(commands)


def _can_leave(commands: Sequence[tuple[str, list[str]]]) -> bool:
    """Return whether a script may end before its last command, or minds the failure of an earlier one."""
    return any(
        word in _DECIDES and argv[index : index + 2] != ["exit", "0"]
        for _, argv in commands[:-1]
        for index, word in enumerate(argv)
    )


def _commands(script: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each command of a script with the operator before it, redirections left out."""
    lexer = shlex.shlex(script.replace("\\\n", " ").replace("\n", " ; "), posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    operator, argv, into = "", list[str](), False
    for token in lexer:
        bare = token.strip("()")
        if set(token) <= set("()"):
            continue
        if bare in _SEPARATORS:
            if argv:
                yield operator, argv
            operator, argv = bare, []
        elif set(token) <= set("<>&"):
            argv, into = argv[:-1] if argv[-1:] in (["1"], ["2"]) else argv, True
        elif into:
            into = False
        else:
            argv.append(token)
    if argv:
        yield operator, argv


HEALTHCHECK = Check("healthcheck", "resolved", "config", healthcheck, healthcheck_subjects, judge_healthcheck)
