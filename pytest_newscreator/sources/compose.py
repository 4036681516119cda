"""Compose files as they stand: every value, default and model name in them, before anything is resolved."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import yaml

from pytest_newscreator.errors import SourceError
from pytest_newscreator.places import Place
from pytest_newscreator.sources._ollama import find_call
from pytest_newscreator.sources.interpolation import Expansion, Template, evaluate, parse
from pytest_newscreator.sources.sites import Read, Reader, Site, SiteKind, SourceFile
from pytest_newscreator.sources.yamlnodes import (
    MAX_NODES,
    documents,
    locator,
    node_place,
    pairs,
    render,
    scalar,
    scalar_place,
)

_NAME = re.compile(r"(?:docker-)?compose[^/]*\.ya?ml")
_SERVICE_KEYS = frozenset(
    [
        "image",
        "build",
        "extends",
        "environment",
        "env_file",
        "command",
        "entrypoint",
        "ports",
        "volumes",
        "depends_on",
        "deploy",
        "networks",
        "healthcheck",
        "profiles",
        "restart",
        "labels",
        "configs",
        "secrets",
        "devices",
        "gpus",
        "runtime",
        "container_name",
    ]
)
_WORD = re.compile(r"[;&|()\n]|(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s;&|()\"'])+")
_ENDS = frozenset(";&|()\n")
_FROM = re.compile(r"^FROM[ \t]+(\S[^\n]*?)[ \t]*$", re.IGNORECASE | re.MULTILINE)
_PARAMETER = re.compile(r"^PARAMETER[ \t](\w+)[ \t]+(\S[^\n]*?)[ \t]*$", re.IGNORECASE | re.MULTILINE)
_COMMANDS = ("command", "entrypoint")


def matches(path: str) -> bool:
    """Say whether `path` is YAML at all: whether it is a Compose file, its content decides."""
    return path.endswith((".yaml", ".yml"))


def is_compose(path: str, roots: Sequence[yaml.Node]) -> bool:
    """Say whether a YAML file is a Compose file, by its name or by a top level with services such as Compose has."""
    if _NAME.fullmatch(path.rpartition("/")[2].lower()):
        return True
    return any(_has_services(root) for root in roots)


def _has_services(root: yaml.Node) -> bool:
    services = _entry(root, "services")
    described = [_keys(value) for _, value in services.value] if isinstance(services, yaml.MappingNode) else []
    return any(keys & _SERVICE_KEYS and "kind" not in keys for keys in described)


def _keys(node: yaml.Node) -> set[str]:
    return {str(key.value) for key, _ in node.value if isinstance(key, yaml.ScalarNode)} if _is_mapping(node) else set()


def _is_mapping(node: yaml.Node | None) -> bool:
    return isinstance(node, yaml.MappingNode)


def _entry(node: yaml.Node | None, name: str, path: str = "") -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for key, value in pairs(node, path) if key.value == name), None)


def read(source: SourceFile) -> Read:
    """Report the sites of a Compose file; of any other YAML file, nothing. Raises SourceError for bad YAML."""
    source = SourceFile(source.path, source.text.removeprefix("\ufeff"))
    named = _NAME.fullmatch(source.path.rpartition("/")[2].lower())
    if not named and "services" not in source.text:
        return Read()
    try:
        roots = documents(source)
    except SourceError:
        if named:
            raise
        return Read()
    if not is_compose(source.path, roots):
        return Read()
    reading = _Reading(source, [], set(), [])
    for root in roots:
        reading.document(root)
    return Read(tuple(dict.fromkeys(reading.sites)), frozenset(reading.reads), tuple(dict.fromkeys(reading.problems)))


@dataclass(slots=True)
class _Reading:
    """What is found in one file, in the order it is found."""

    source: SourceFile
    sites: list[Site]
    reads: set[str]
    problems: list[tuple[Place, str]]
    visits: int = 0

    def document(self, root: yaml.Node) -> None:
        for name, service in self.entries(_entry(root, "services", self.source.path)):
            self.service(name, service)
        for name, config in self.entries(_entry(root, "configs", self.source.path)):
            self.modelfile(_entry(config, "content", self.source.path), name)
        for key, value in self.entries(root):
            if key != "services":
                self.defaults(value, "")

    def entries(self, node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
        if isinstance(node, yaml.MappingNode):
            for key, value in pairs(node, self.source.path):
                yield key.value, value

    def service(self, name: str, service: yaml.Node) -> None:
        environment = _entry(service, "environment", self.source.path)
        args = _entry(_entry(service, "build", self.source.path), "args", self.source.path)
        for node in (environment, args):
            self.settings(node, name)
        image = _entry(service, "image", self.source.path)
        is_ollama = isinstance(image, yaml.ScalarNode) and "ollama" in image.value
        for key in _COMMANDS:
            self.command(_entry(service, key, self.source.path), name, is_ollama=is_ollama and key == "command")
        health = _entry(_entry(service, "healthcheck", self.source.path), "test", self.source.path)
        self.command(health, name, is_ollama=False)
        self.defaults(service, name, skipped=(environment, args))

    def settings(self, node: yaml.Node | None, scope: str) -> None:
        """Report an environment or build arguments, in either form."""
        for key, value in self.entries(node):
            if isinstance(value, yaml.ScalarNode):
                text = scalar(value, self.source)
                if text is None:
                    self.reads.add(key)
                elif isinstance(text, str):
                    self.setting(value, key, 0, scope)
                else:
                    self.sites.append(
                        Site(key, render(text), scalar_place(value, self.source), "compose-value", scope=scope)
                    )
        for element in node.value if isinstance(node, yaml.SequenceNode) else ():
            if isinstance(element, yaml.ScalarNode):
                name, equals, _ = str(element.value).partition("=")
                if equals and "$" not in name:
                    self.setting(element, name, len(name) + 1, scope)
                elif not equals:
                    self.reads.add(name)

    def setting(self, node: yaml.ScalarNode, name: str, start: int, scope: str) -> None:
        """Report one value: a literal, a default handed on, or what a text of both comes to."""
        text = str(node.value)[start:]
        template = parse(text, assignment=True)
        whole = template.whole
        self.expansions(node, template, start, scope, into=name if whole is not None else None)
        if whole is not None or any(template.invalid()):
            return
        outcome = evaluate(template, lambda _: None, lazy=True) if _is_complete(template) else None
        if outcome is not None:
            place = locator(node, self.source)(start, text.partition("\n")[0])
            self.sites.append(Site(name, outcome.text, place, "compose-value", scope=scope))

    def defaults(self, node: yaml.Node, scope: str, skipped: Sequence[yaml.Node | None] = ()) -> None:
        """Report the defaults in every text below `node`."""
        self.visits += 1
        if self.visits > MAX_NODES:
            message = f"aliases expand to more than {MAX_NODES} values, should be fewer"
            raise SourceError(message, place=node_place(node, self.source.path), fix="use fewer nested aliases")
        if any(node is other for other in skipped):
            return
        if isinstance(node, yaml.ScalarNode):
            if "$" in node.value:
                self.expansions(node, parse(node.value, assignment=True), 0, scope)
            return
        children = node.value if isinstance(node, yaml.SequenceNode) else [value for _, value in self.entries(node)]
        for child in children:
            self.defaults(child, scope, skipped)

    def expansions(
        self, node: yaml.ScalarNode, template: Template, start: int, scope: str, into: str | None = None
    ) -> None:
        """Report the default of every expansion in a text, at the place of the default itself."""
        locate = locator(node, self.source)
        for refused in template.invalid():
            place = locate(start + refused.start, refused.text)
            self.problems.append((place, f"`{refused.text}` is no valid interpolation, Compose refuses it"))
        for expansion in template.expansions():
            self.reads.add(expansion.name)
            if expansion.operator in {":=", "="}:
                place = locate(start + expansion.start, "${" + expansion.name)
                what = f"`{expansion.operator}` stands in ${{{expansion.name}…}}, Compose knows only `:-` and `-`"
                self.problems.append((place, what))
            default = _default(expansion)
            if default is not None and not any(default.invalid()) and _is_complete(default):
                text = evaluate(default, lambda _: None, lazy=True).text
                place = locate(start + default.start, default.source)
                self.sites.append(Site(expansion.name, text, place, "compose-default", into=into, scope=scope))

    def modelfile(self, node: yaml.Node | None, name: str) -> None:
        """Report the lines of a Modelfile that a config holds."""
        if not isinstance(node, yaml.ScalarNode):
            return
        for match in _FROM.finditer(node.value):
            self.line(node, None, match, 1, "modelfile-from", name)
        for match in _PARAMETER.finditer(node.value) if _FROM.search(node.value) else ():
            self.line(node, match[1], match, 2, "modelfile-parameter", name)

    def line(  # noqa: PLR0913, PLR0917 - the parts of a site
        self, node: yaml.ScalarNode, setting: str | None, match: re.Match[str], group: int, kind: SiteKind, scope: str
    ) -> None:
        text = match[group]
        if "$" not in text:
            place = locator(node, self.source)(match.start(group), text)
            self.sites.append(Site(setting, text, place, kind, scope=scope))

    def command(self, node: yaml.Node | None, scope: str, *, is_ollama: bool) -> None:
        """Report the model names that a command gives to `ollama`."""
        scalars = node.value if isinstance(node, yaml.SequenceNode) else [node]
        listed = isinstance(node, yaml.SequenceNode)
        line: list[tuple[str, Place]] = []
        for element in scalars:
            if not isinstance(element, yaml.ScalarNode):
                continue
            if listed and not re.search(r"\s", element.value):
                line.append((element.value, scalar_place(element, self.source)))
            else:
                for words in self.script(element):
                    self.call(words, scope, is_ollama=is_ollama and not listed)
        self.call([word for word in line if word[0] not in {"CMD", "CMD-SHELL"}], scope, is_ollama=is_ollama)

    def script(self, node: yaml.ScalarNode) -> Iterator[list[tuple[str, Place]]]:
        """Yield the commands of a shell text, each as words with places."""
        locate = locator(node, self.source)
        words: list[tuple[str, Place]] = []
        for match in _WORD.finditer(node.value):
            if match.group() in _ENDS:
                yield words
                words = []
            else:
                text = match.group().strip("\"'")
                start = match.start() + (match.group()[:1] in {'"', "'"})
                words.append((text, locate(start, text)))
        yield words

    def call(self, words: Sequence[tuple[str, Place]], scope: str, *, is_ollama: bool) -> None:
        texts = [text for text, _ in words]
        shift = 1 if is_ollama and texts[:1] not in (["ollama"], ["/bin/ollama"]) else 0
        found = find_call(["ollama"] * shift + texts)
        for index in found.names if found is not None else ():
            text, place = words[index - shift]
            if "$" not in text:
                self.sites.append(Site(None, text, place, "ollama-argument", scope=scope))


def _default(expansion: Expansion) -> Template | None:
    """Return the default of an expansion; of `${A:-${B:-d}}` that of B, which is the literal A comes to as well."""
    argument = expansion.argument if expansion.has_default else None
    while argument is not None and argument.whole is not None and argument.whole.has_default:
        argument = argument.whole.argument
    return argument


def _is_complete(template: Template) -> bool:
    """Say whether a text is known with nothing set: every expansion in it has a default."""
    return all(expansion.has_default or expansion.operator.endswith("+") for expansion in template.expansions())


READER = Reader("compose", matches, read)
