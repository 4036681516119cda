"""A running stack as JSON, so that other processes can use it: the other workers of a run, or a later run."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final

from pytest_newscreator.contract.model import Contract
from pytest_newscreator.stack.model import Endpoint, Placement, Stack

FILE: Final = "stack.json"
FAILED: Final = "start-failed.json"
_PATHS: Final = ("ca", "log")


def written(stack: Stack) -> str:
    """Return a stack as JSON text; what closes it is not part of it."""
    kept = {name: getattr(stack, name) for name in ("kind", "owned", "rolled_back", "kept")}
    return json.dumps(
        {
            **kept,
            "invocation": stack.invocation.name if stack.invocation else None,
            "endpoints": {key: _endpoint(endpoint) for key, endpoint in stack.endpoints.items()},
            "placements": [asdict(placement) for placement in stack.placements],
            "notes": list(stack.notes),
            "unavailable": dict(stack.unavailable),
        },
        indent=1,
    )


def read(text: str, contract: Contract) -> Stack:
    """Return the stack that `written` wrote, its services and invocation taken from the contract."""
    raw = json.loads(text)
    return Stack(
        kind=raw["kind"],
        owned=raw["owned"],
        rolled_back=raw["rolled_back"],
        kept=raw["kept"],
        invocation=contract.invocations[raw["invocation"]] if raw["invocation"] else None,
        endpoints={key: _read_endpoint(one, contract, key) for key, one in raw["endpoints"].items()},
        placements=tuple(Placement(**one) for one in raw["placements"]),
        notes=tuple(raw["notes"]),
        unavailable=raw["unavailable"],
    )


def _endpoint(endpoint: Endpoint) -> dict[str, Any]:
    """Return an endpoint's fields as JSON has them, without its service, which the contract knows."""
    plain = {field.name: getattr(endpoint, field.name) for field in fields(endpoint) if field.name != "service"}
    for name in _PATHS:
        plain[name] = str(plain[name]) if plain[name] else None
    return {**plain, "health_environment": dict(endpoint.health_environment)}


def _read_endpoint(raw: dict[str, Any], contract: Contract, key: str) -> Endpoint:
    """Return an endpoint of a service of the contract."""
    paths = {name: Path(raw[name]) if raw[name] else None for name in _PATHS}
    words = tuple(raw["health_command"])
    return Endpoint(**{**raw, **paths, "health_command": words, "service": contract.services[key]})
