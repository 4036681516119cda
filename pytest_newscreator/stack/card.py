"""The report of a failed start: what state each service is in, what it said last, what to do; under 40 lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MOST_LOG_LINES = 12
CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\r")
SECRET = re.compile(r"(?i)\b([A-Z0-9_]*(?:TOKEN|SECRET|PASSWORD|API_?KEY|CREDENTIAL)[A-Z0-9_]*\s*[=:]\s*)(\S+)")


@dataclass(frozen=True, slots=True)
class Symptom:
    """What is known of one service that did not come up."""

    service: str
    state: str
    probe: Sequence[str] = ()
    log: Sequence[str] = ()


def telling(log: Sequence[str]) -> list[str]:
    """Return the lines of a log without terminal control and, where anything else is left, without access lines."""
    plain = [CONTROL.sub("", line).strip() for line in log]
    said = [line for line in plain if line and not line.startswith("[GIN]")]
    return said or [line for line in plain if line]


def masked(line: str) -> str:
    """Return the line with the values of secret-looking names replaced."""
    return SECRET.sub(r"\1***", line)


def card(cause: str, symptoms: Sequence[Symptom], fix: str) -> str:
    """Return the report: the cause first, then each service that is not well, then what to do."""
    lines = [masked(cause)]
    room = max(4, MOST_LOG_LINES // max(1, len(symptoms)))
    for symptom in symptoms:
        lines.append(f"  {symptom.service}: {symptom.state}")
        lines += [f"    health probe: {masked(line)[:200]}" for line in symptom.probe[-2:]]
        lines += [f"    | {masked(line)[:200]}" for line in telling(symptom.log)[-room:]]
    return "\n".join([*lines, f"  do: {fix}"])
