"""The report of a failed start: what state each service is in, what it said last, what to do; under 40 lines."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Final

from pytest_newscreator.frozen import frozen
from pytest_newscreator.verdicts import masked, secrets

MOST_LINES: Final = 38
MOST_LOG_LINES: Final = 12
MOST_SYMPTOMS: Final = 5
MOST_CHARACTERS: Final = 200
CONTROL: Final = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\r")


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


def card(cause: str, symptoms: Sequence[Symptom], fix: str) -> str:
    """Return the report: the cause first, then each service that is not well, then what to do."""
    values = [value for symptom in symptoms for value in secrets(symptom.environment)]

    def line(text: str) -> str:
        return masked(text, values)[:MOST_CHARACTERS]

    lines = [masked(cause, values)]
    shown = symptoms[:MOST_SYMPTOMS]
    room = max(2, MOST_LOG_LINES // max(1, len(shown)))
    for symptom in shown:
        lines.append(f"  {symptom.service}: {line(symptom.state)}")
        lines += [f"    health probe: {line(one)}" for one in symptom.probe[-2:]]
        lines += [f"    | {line(one)}" for one in telling(symptom.log)[-room:]]
    if len(symptoms) > len(shown):
        lines.append(f"  and {len(symptoms) - len(shown)} more: {', '.join(s.service for s in symptoms[len(shown) :])}")
    return "\n".join([*lines[:MOST_LINES], f"  do: {masked(fix, values)}"])
