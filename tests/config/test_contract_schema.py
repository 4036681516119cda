"""The JSON Schema in the package says what the loader does, because both come from one table."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from pytest_newscreator.contract import nodes
from pytest_newscreator.contract.jsonschema import FILE, json_schema, node, render
from pytest_newscreator.contract.schema import CONTRACT
from pytest_newscreator.contract.shapes import ByForm, Keys, Many, Named, Shape
from pytest_newscreator.contract.validate import Spot, Validator
from pytest_newscreator.places import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
TYPES: dict[str, Any] = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}


def accepts(schema: dict[str, Any], value: Any) -> bool:
    """Judge a value by the part of draft-07 that the schema uses."""
    return all(_RULES[key](rule, value, schema) for key, rule in schema.items() if key in _RULES)


def _is_type(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, int | float) if name == "number" else isinstance(value, TYPES[name])


def _extra(rule: Any, value: Any, schema: dict[str, Any]) -> bool:
    names = set(value) - set(schema.get("properties", {})) if isinstance(value, dict) else set()
    return not names if rule is False else all(accepts(rule, value[name]) for name in names)


_RULES: dict[str, Any] = {
    "type": lambda rule, value, _: _is_type(rule, value),
    "enum": lambda rule, value, _: value in rule,
    "pattern": lambda rule, value, _: not isinstance(value, str) or re.search(rule, value) is not None,
    "minimum": lambda rule, value, _: not isinstance(value, int | float) or value >= rule,
    "maximum": lambda rule, value, _: not isinstance(value, int | float) or value <= rule,
    "minItems": lambda rule, value, _: not isinstance(value, list) or len(value) >= rule,
    "minProperties": lambda rule, value, _: not isinstance(value, dict) or len(value) >= rule,
    "required": lambda rule, value, _: not isinstance(value, dict) or set(rule) <= set(value),
    "items": lambda rule, value, _: not isinstance(value, list) or all(accepts(rule, item) for item in value),
    "properties": lambda rule, value, _: (
        not isinstance(value, dict) or all(accepts(rule[name], value[name]) for name in value if name in rule)
    ),
    "propertyNames": lambda rule, value, _: not isinstance(value, dict) or all(accepts(rule, name) for name in value),
    "additionalProperties": _extra,
    "anyOf": lambda rule, value, _: any(accepts(each, value) for each in rule),
    "oneOf": lambda rule, value, _: sum(accepts(each, value) for each in rule) == 1,
    "allOf": lambda rule, value, _: all(accepts(each, value) for each in rule),
}


def as_editors_see(text: str) -> Any:
    """Read YAML as an editor does: by its newer version, in which a date and `yes` are texts."""

    class Loader(yaml.SafeLoader):
        """A loader with the scalars of YAML 1.2."""

    Loader.yaml_implicit_resolvers = {}
    for tag, pattern, first in (
        ("bool", r"^(?:true|false)$", "tf"),
        ("null", r"^(?:~|null|)$", ["~", "n", ""]),
        ("int", r"^-?(?:0|[1-9][0-9]*)$", "-0123456789"),
        ("float", r"^-?[0-9]+\.[0-9]*$", "-0123456789"),
    ):
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))
    return yaml.load(text, Loader)  # noqa: S506 - a SafeLoader


def shapes(shape: Shape, where: str = "") -> Iterator[tuple[str, Shape]]:
    """Yield every shape of the table with its path."""
    yield where, shape
    if isinstance(shape, Keys):
        for key, below in shape.keys.items():
            yield from shapes(below, f"{where}.{key}" if where else key)
    elif isinstance(shape, Named | Many):
        yield from shapes(shape.of, f"{where}.*")
    elif isinstance(shape, ByForm):
        for form in shape.forms:
            yield from shapes(form, f"{where}|{type(form).__name__}")


SHAPES = list(shapes(CONTRACT))


def faults(text: str, shape: Shape) -> list[str]:
    """Say what the loader has against a text as this shape."""
    parsed = nodes.parse(text, "x")
    assert parsed.document is not None
    validator = Validator(CONTRACT)
    validator.check(parsed.document, shape, Spot("x", "x", Place("x", 1, 1)))
    return [str(fault) for fault in validator.faults]


def test_the_schema_file_is_what_the_table_gives() -> None:
    """The file in the package is never edited by hand: `python -m pytest_newscreator.contract.jsonschema`."""
    assert FILE.read_text(encoding="utf-8") == render()


def test_the_schema_is_draft_07() -> None:
    """Draft-07 is the version that editors and catalogues agree on."""
    assert json_schema()["$schema"] == "http://json-schema.org/draft-07/schema#"


@pytest.mark.parametrize(("where", "shape"), SHAPES, ids=[where or "contract" for where, _ in SHAPES])
def test_every_key_has_a_title_and_a_sentence(where: str, shape: Shape) -> None:
    """What an editor shows on hovering is a sentence about this key."""
    assert shape.title, where
    assert shape.about.endswith("."), where


def test_every_mapping_refuses_or_describes_other_keys() -> None:
    """No part of a contract is left unchecked: other names are refused, or have a shape of their own."""
    objects = [part for part in _parts(json_schema()) if part.get("type") == "object"]
    assert objects
    assert all(part["additionalProperties"] is False or part["additionalProperties"] for part in objects)


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for below in schema.values():
            yield from _parts(below)
    elif isinstance(schema, list):
        for below in schema:
            yield from _parts(below)


EXAMPLED = [(where, shape) for where, shape in SHAPES if shape.example]


@pytest.mark.parametrize(("where", "shape"), EXAMPLED, ids=[where or "contract" for where, _ in EXAMPLED])
def test_every_example_is_right(where: str, shape: Shape) -> None:
    """What an error offers as an example passes the loader and the schema alike."""
    assert (where, faults(shape.example, shape)) == (where, [])
    assert accepts(node(shape), as_editors_see(shape.example))


def test_every_key_that_an_error_can_name_has_an_example() -> None:
    """An error ends with something to write, so the table has it."""
    without = [where for where, shape in SHAPES if not shape.example and not where.endswith("*")]
    assert without == []


@pytest.mark.parametrize("name", ["foreign-short", "no-docker", "reference", "two-hosts", "vllm"])
def test_the_schema_accepts_every_example_contract(name: str) -> None:
    """An editor finds nothing wrong with the contracts of the documentation."""
    path = REPOSITORY.parent / "shared" / "contracts" / f"{name}.yaml"
    if not path.exists():
        pytest.skip(f"the example contract {name} is not beside this checkout")
    assert accepts(json_schema(), as_editors_see(path.read_text(encoding="utf-8")))


def test_the_schema_accepts_the_contract_of_this_repository() -> None:
    """An editor finds nothing wrong with the contract at the root."""
    text = (REPOSITORY / "newscreator.yaml").read_text(encoding="utf-8")
    assert accepts(json_schema(), as_editors_see(text))


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "{version: 1}",
        "{version: 2, model: {base: x}}",
        "{version: 1, model: {base: x}, models: {a: {base: x}}}",
        "{version: 1, models: {}}",
        "{version: 1, model: {bse: x}}",
        "{version: 1, model: {base: 4}}",
        "{version: 1, model: {base: x, retired: y}}",
        "{version: 1, model: {base: x}, services: {a: {kind: ollama}}}",
        "{version: 1, model: {base: x}, services: {a: {kind: htp, compose: a}}}",
        "{version: 1, model: {base: x}, services: {a: {kind: http, compose: a, port: 70000}}}",
        "{version: 1, model: {base: x}, services: {a: {kind: http, compose: a, settings: {X: []}}}}",
        "{version: 1, model: {base: x}, gpus: {a: {memory: 8188}}}",
        "{version: 1, model: {base: x}, gpus: {a: {memory: 8 GB}}}",
        "{version: 1, model: {base: x}, latency: {load: {clients: 1, rate: 1/s}}}",
        "{version: 1, model: {base: x}, latency: {targets: {ttft_p5: 2 s}}}",
        "{version: 1, model: {base: x}, waivers: [{check: a, where: b, reason: c}]}",
        "{version: 1, model: {base: x}, compose: {invocations: {a b: {}}}}",
    ],
)
def test_loader_and_schema_refuse_the_same(text: str) -> None:
    """What is malformed is malformed in the editor and in the test run."""
    assert faults(text, CONTRACT) != []
    assert not accepts(json_schema(), as_editors_see(text))
