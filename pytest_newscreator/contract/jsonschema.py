"""The JSON Schema (draft-07) of the contract, for editors; made from the table that validates.

Run `python -m pytest_newscreator.contract.jsonschema` after a change of the table: it writes the file in `data/`.
"""

from __future__ import annotations

import json
from typing import Any, Final

from pytest_newscreator.contract.schema import CONTRACT
from pytest_newscreator.contract.shapes import (
    Amount,
    ByForm,
    Choice,
    Day,
    Keys,
    Many,
    Named,
    Number,
    Parameter,
    Shape,
    Text,
    Whole,
)
from pytest_newscreator.data import FOLDER

FILE: Final = FOLDER / "newscreator.schema.json"
_SCALARS: Final = [{"type": "string"}, {"type": "number"}, {"type": "boolean"}]


def json_schema() -> dict[str, Any]:
    """Return the schema of the whole contract."""
    return {"$schema": "http://json-schema.org/draft-07/schema#", **node(CONTRACT)}


def render() -> str:
    """Return the schema as the text of its file."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def node(shape: Shape) -> dict[str, Any]:
    """Return the schema of one shape, with its title, description and example."""
    described = {"title": shape.title, "description": shape.about}
    if shape.example:
        described["description"] += f" Example: {shape.example}"
    return {**described, **_rules(shape)}


def _rules(shape: Shape) -> dict[str, Any]:
    if isinstance(shape, Keys):
        return _keys(shape)
    if isinstance(shape, Named):
        return _named(shape)
    if isinstance(shape, Many):
        return {"type": "array", "items": node(shape.of), **({"minItems": shape.least} if shape.least else {})}
    if isinstance(shape, ByForm):
        return {"anyOf": [node(form) for form in shape.forms]}
    if isinstance(shape, Whole | Number):
        kind = "integer" if isinstance(shape, Whole) else "number"
        return {"type": kind, "minimum": shape.low, "maximum": shape.high}
    return _scalar(shape)


def _scalar(shape: Shape) -> dict[str, Any]:
    if isinstance(shape, Text):
        return {"type": "string", "pattern": shape.pattern or r"\S"}
    if isinstance(shape, Choice):
        return {"type": "string", "enum": list(shape.words)}
    if isinstance(shape, Amount):
        return {"type": "string", "pattern": shape.quantity.pattern}
    if isinstance(shape, Day):
        return {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
    lists = [{"type": "array", "items": {"type": "string"}}] if isinstance(shape, Parameter) else []
    return {"anyOf": [*_SCALARS, *lists]}


def _keys(shape: Keys) -> dict[str, Any]:
    rules: dict[str, Any] = {"type": "object", "additionalProperties": False}
    rules["properties"] = {key: node(below) for key, below in shape.keys.items()}
    if shape.required:
        rules["required"] = list(shape.required)
    if shape.one_of:
        rules["allOf"] = [{"oneOf": [{"required": [key]} for key in group]} for group in shape.one_of]
    return rules


def _named(shape: Named) -> dict[str, Any]:
    rules: dict[str, Any] = {"type": "object", "propertyNames": {"pattern": shape.name.pattern}}
    if shape.known:
        # Editors complete these; other names are accepted too.
        rules["properties"] = {name: node(shape.of) for name in shape.known}
    rules["additionalProperties"] = node(shape.of)
    if shape.least:
        rules["minProperties"] = shape.least
    return rules


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
