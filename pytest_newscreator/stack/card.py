"""The report of a failed start: what state each service is in, what it said last, what to do; under 40 lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Final

from pytest_newscreator.frozen import frozen

MOST_LINES: Final = 38
MOST_LOG_LINES: Final = 12
MOST_SYMPTOMS: Final = 5
MOST_CHARACTERS: Final = 200
LEAST_SECRET: Final = 4
CONTROL: Final = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\r")
NAMES: Final = "TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|CREDENTIAL|PRIVATE_?KEY"
SECRET_NAME: Final = re.compile(NAMES, re.IGNORECASE)
GIVEN: Final = re.compile(
    rf"(?i)(?P<name>[\w.-]*(?:{NAMES})[\w.-]*[\"']?\s*[=:]\s*)(?!\d+(?:[\s,;}}]|$))"
    r"(?:(?P<quote>[\"'])(?P<quoted>.*?)(?P=quote)|[^\s\"',;]+)"
)
SPOKEN: Final = (
    re.compile(r"(?i)\b(bearer\s+)\S+"),
    re.compile(r"(://[^/\s:@]+:)[^/\s@]+(?=@)"),
    re.compile(r"\b(hf_|sk-|gh[pousr]_|glpat-|xox[abp]-|AKIA)[A-Za-z0-9_-]{8,}"),
)


@frozen
class Symptom:
    """What is known of one service that did not come up; secrets of its `environment` are masked in all it says."""

    service: str
    state: str
    probe: Sequence[str] = ()
    log: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def telling(log: Sequence[str]) -> list[str]:
    """Return the lines of a log without terminal control and, where anything else is left, without access lines."""
    plain = [CONTROL.sub("", line).strip() for line in log]
    said = [line for line in plain if line and not line.startswith("[GIN]")]
    return said or [line for line in plain if line]


def masked(line: str, values: Iterable[str] = ()) -> str:
    """Return the line with secrets replaced: the given values, and whatever looks like one."""
    for value in values:
        line = line.replace(value, "***")
    line = GIVEN.sub(lambda m: f"{m['name']}{m['quote'] or ''}***{m['quote'] or ''}", line)
    for pattern in SPOKEN:
        line = pattern.sub(r"\1***", line)
    return line


def secrets(environment: Mapping[str, str]) -> list[str]:
    """Return the values of an environment that its names call secret, without short ones and numbers."""
    named = (value for name, value in environment.items() if SECRET_NAME.search(name))
    return [value for value in named if len(value) >= LEAST_SECRET and not value.isdigit()]


def card(cause: str, symptoms: Sequence[Symptom], fix: str) -> str:
    """Return the report: the cause first, then each service that is not well, then what to do."""
    values = [value for symptom in symptoms for value in secrets(symptom.environment)]

    def line(text: str) -> str:
        return masked(text, values)[:MOST_CHARACTERS]

    lines = [masked(cause, values)]
    shown = symptoms[:MOST_SYMPTOMS]
    room = max(2, MOST_LOG_LINES // max(1, len(shown)))
    for symptom in shown:
        lines.append(f"  {symptom.service}: {symptom.state}")
        lines += [f"    health probe: {line(one)}" for one in symptom.probe[-2:]]
        lines += [f"    | {line(one)}" for one in telling(symptom.log)[-room:]]
    if len(symptoms) > len(shown):
        lines.append(f"  and {len(symptoms) - len(shown)} more: {', '.join(s.service for s in symptoms[len(shown) :])}")
    return "\n".join([*lines[:MOST_LINES], f"  do: {fix}"])
