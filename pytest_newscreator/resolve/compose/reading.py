"""One Compose document as a tree: anchors and merge keys followed, strings interpolated, resets noted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import yaml

from pytest_newscreator.errors import ResolutionError, SourceError
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.environment import Variables, outcome_hops
from pytest_newscreator.resolve.compose.memory import DEEPEST, Kept, Memory, answers, remembered
from pytest_newscreator.resolve.compose.tree import KEYED, Node, Path, Reset
from pytest_newscreator.resolve.values import Hop
from pytest_newscreator.sources.bounds import Room
from pytest_newscreator.sources.compose.interpolation import TemplateError, evaluate, parse
from pytest_newscreator.sources.sites import SourceFile
from pytest_newscreator.sources.yamlnodes import (
    MAX_NODES,
    Date,
    Scalar,
    locator,
    node_place,
    pairs,
    render,
    scalar,
    scalar_place,
)

_TEXT_KEYS = frozenset({("environment",), ("build", "args")})


@dataclass(slots=True)
class Reading:
    """How one document is read, and what is noted on the way: warnings, `!reset` paths, nodes visited.

    `memory` is what earlier readings of the same document came to, and `asked` the names of the variables that what is
    being read depends on.
    """

    source: SourceFile
    variables: Variables
    lazy: bool
    warnings: list[tuple[Place, str]]
    resets: list[Reset] = field(default_factory=list)
    visits: int = 0
    room: Room = field(default_factory=Room)
    memory: Memory = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)

    def document(self, root: yaml.Node) -> Node:
        """Read a document; raise ResolutionError where Compose would refuse it."""
        try:
            node = self.build(root, ())
        except SourceError as error:
            raise ResolutionError(error.message, place=error.place, fix=error.fix) from error
        if node is None or not isinstance(node.content, dict):
            place = node_place(root, self.source.path)
            raise ResolutionError(
                "the document is no mapping, should have `services:`", place=place, fix="mend the file"
            )
        return node

    def build(self, node: yaml.Node, path: Path, name: yaml.ScalarNode | None = None) -> Node | None:
        """Build the tree below `node`, at the place of its `name` if it is told; None for what `!reset` takes away."""
        if len(path) > DEEPEST or isinstance(node, yaml.ScalarNode):
            return self.read(node, path) if name is None else self.placed(node, path, name)
        kept = remembered(self.memory, (id(node), path), self.variables)
        if kept is None:
            return self.noted(node, path, name)
        self.asked.update(kept.asked)
        self.warnings.extend(kept.warnings)
        self.resets.extend(kept.resets)
        self.visits += kept.visits
        return kept.node

    def noted(self, node: yaml.Node, path: Path, name: yaml.ScalarNode | None) -> Node | None:
        """Build the tree below `node`, and remember it."""
        above, self.asked = self.asked, set()
        warnings, resets, visits = len(self.warnings), len(self.resets), self.visits
        made = self.placed(node, path, name)
        asked = tuple(self.asked)
        kept = Kept(
            made,
            asked,
            answers(asked, self.variables),
            tuple(self.warnings[warnings:]),
            tuple(self.resets[resets:]),
            self.visits - visits,
        )
        self.memory.setdefault((id(node), path), []).append(kept)
        self.asked |= above
        return made

    def placed(self, node: yaml.Node, path: Path, name: yaml.ScalarNode | None) -> Node | None:
        """Read the tree below `node`, and give it the place of its name."""
        made = self.read(node, path)
        return made if made is None or name is None else replace(made, place=scalar_place(name, self.source))

    def read(self, node: yaml.Node, path: Path) -> Node | None:
        """Read the tree below `node`; raise ResolutionError where aliases make it too large."""
        self.visits += 1
        if self.visits > MAX_NODES:
            message = f"aliases expand to more than {MAX_NODES} values, should be fewer"
            raise ResolutionError(message, place=node_place(node, self.source.path), fix="use fewer nested aliases")
        if node.tag in {"!reset", "!override"}:
            self.resets.append(Reset(node.tag, path, node_place(node, self.source.path)))
            if node.tag == "!reset":
                return None
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, path)
        if path[2:] in KEYED and path[0] == "services":
            return self.keyed(node, path)
        if isinstance(node, yaml.SequenceNode):
            built = (self.build(child, (*path, str(index))) for index, child in enumerate(node.value))
            return Node(tuple(child for child in built if child is not None), node_place(node, self.source.path))
        return self.mapping(node, path)

    def mapping(self, node: yaml.Node, path: Path) -> Node:
        """Build a mapping; a service stands where its name stands."""
        content: dict[str, Node] = {}
        for name, key, value in self.named(node):
            child = self.build(value, (*path, name), key if path == ("services",) else None)
            if child is not None:
                content[name] = child
        return Node(content, node_place(node, self.source.path))

    def named(self, node: yaml.Node) -> Iterator[tuple[str, yaml.ScalarNode, yaml.Node]]:
        """Yield the entries of a mapping; raise ResolutionError for keys that YAML does not take for text."""
        if not isinstance(node, yaml.MappingNode):
            return
        for key, value in pairs(node, self.source.path):
            if not isinstance(scalar(key, self.source), str):
                message = f"the key `{key.value}` is no text to YAML, should be a string"
                raise ResolutionError(message, place=scalar_place(key, self.source), fix=f'quote it: "{key.value}"')
            yield key.value, key, value

    def scalar(self, node: yaml.ScalarNode, path: Path) -> Node:
        """Build a scalar: typed as YAML says, interpolated where it is text."""
        value = scalar(node, self.source)
        if not isinstance(value, str):
            return Node(value, scalar_place(node, self.source))
        text, hops = self.interpolate(node, value)
        place = scalar_place(node, self.source)
        return Node(_cast(text, path, place), place, hops)

    def interpolate(self, node: yaml.ScalarNode, text: str) -> tuple[str, tuple[Hop, ...]]:
        """Return what a text comes to, and the hops it came by; note warnings."""
        if "$" not in text:
            return text, ()
        locate = locator(node, self.source)
        try:
            outcome = evaluate(parse(text), self.look_up, lazy=self.lazy)
        except TemplateError as error:
            place = locate(error.offset, text[error.offset : error.offset + 3])
            raise ResolutionError(error.message, place=place, fix=error.fix) from error
        hops = outcome_hops(outcome, self.variables, locate)
        self.room.take(lambda: scalar_place(node, self.source), text=len(outcome.text), hops=len(hops))
        for expansion in outcome.unset():
            place = locate(expansion.start, text[expansion.start : expansion.end])
            self.warnings.append((place, f"{expansion.name} is not set, Compose takes an empty text"))
        return outcome.text, hops

    def look_up(self, name: str) -> str | None:
        """Return the value of a variable, and note that it was asked for."""
        self.asked.add(name)
        return self.variables.text(name)

    def keyed(self, node: yaml.Node, path: Path) -> Node:
        """Build an environment, labels or build arguments, from either form, as one entry a name."""
        place = node_place(node, self.source.path)
        if isinstance(node, yaml.SequenceNode):
            content: dict[str, Node] = {}
            for element in node.value:
                name, child = self.listed_entry(element, path)
                if name in content:
                    child = replace(child, replaced=(content[name], *content[name].replaced))
                content[name] = child
            return Node(content, place, listed=True)
        entries = ((name, self.keyed_value(name, value, (*path, name))) for name, _, value in self.named(node))
        return Node({name: child for name, child in entries if child is not None}, place)

    def keyed_value(self, name: str, value: yaml.Node, path: Path) -> Node | None:
        """Build one entry in map form: text as Compose renders it, None for a name without a value."""
        node = self.build(value, path)
        if node is None or path[2:-1] not in _TEXT_KEYS:
            return node
        if isinstance(node.content, dict | tuple | Date):
            what = "a date to YAML" if isinstance(node.content, Date) else "no scalar"
            message = f"{name} is {what}, should be a text, a number, a boolean or nothing"
            raise ResolutionError(message, place=node.place, fix="put the value in quotes")
        if node.content is None or isinstance(node.content, str):
            return node
        return replace(node, content=render(node.content))

    def listed_entry(self, element: yaml.Node, path: Path) -> tuple[str, Node]:
        """Build one entry in list form: `NAME=text`, or a bare name that the invocation's environment may know."""
        raw = scalar(element, self.source) if isinstance(element, yaml.ScalarNode) else None
        if not isinstance(element, yaml.ScalarNode) or not isinstance(raw, str) or isinstance(raw, Date):
            message = f"an entry of {'.'.join(path)} is no text, should be NAME=value"
            raise ResolutionError(message, place=node_place(element, self.source.path), fix="put the entry in quotes")
        text, hops = self.interpolate(element, raw)
        name, equals, value = text.partition("=")
        if name != name.rstrip() and path[2:] in _TEXT_KEYS:
            message = f"`{name}` is declared with a trailing blank, should be a name"
            raise ResolutionError(message, place=scalar_place(element, self.source), fix="remove the blank before `=`")
        if equals:
            offset = raw.find("=") + 1
            place = locator(element, self.source)(offset, raw[offset:].partition("\n")[0])
            return name, Node(value, place, hops)
        return name, self.bare(name, scalar_place(element, self.source))

    def bare(self, name: str, place: Place) -> Node:
        """Build a name without a value: what the environment says, else None."""
        self.asked.add(name)
        variable = self.variables.known.get(name)
        return (
            Node(None, place, self.variables.ignored(name)) if variable is None else bound(name, place, self.variables)
        )


def bound(name: str, place: Place, variables: Variables) -> Node:
    """Return the node of a bare name that the variables know."""
    variable = variables.known[name]
    return Node(variable.text, place, variable.hops())


def _integer(text: str) -> Scalar:
    return int(text) if re.fullmatch(r"[-+]?[0-9]+", text) else None


def _boolean(text: str) -> Scalar:
    word = text.lower()
    if word in {"true", "y", "yes", "on"}:
        return True
    return False if word in {"false", "n", "no", "off"} else None


_CASTS: dict[Path, Callable[[str], Scalar]] = {
    **dict.fromkeys(((name,) for name in ("privileged", "read_only", "init", "tty", "stdin_open")), _boolean),
    **dict.fromkeys(((name,) for name in ("oom_kill_disable",)), _boolean),
    **dict.fromkeys(((name,) for name in ("scale", "pids_limit", "oom_score_adj", "cpu_count")), _integer),
    ("healthcheck", "disable"): _boolean,
    ("healthcheck", "retries"): _integer,
    ("deploy", "replicas"): _integer,
}


def _cast(text: str, path: Path, place: Place) -> Scalar:
    """Type a text where Compose types it: `privileged: ${P:-true}` is true, not a word."""
    cast = _CASTS.get(path[2:]) if len(path) > 2 and path[0] == "services" else None  # noqa: PLR2004
    if cast is None:
        return text
    value = cast(text)
    if value is None:
        what = "a boolean" if cast is _boolean else "a whole number"
        raise ResolutionError(f"{'.'.join(path)} is `{text}`, should be {what}", place=place, fix="mend the value")
    return value
