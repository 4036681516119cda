"""Compose files as they stand: every value, default and model name in them, before anything is resolved."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import yaml

from pytest_newscreator.errors import SourceError
from pytest_newscreator.places import Place
from pytest_newscreator.sources.bodies import is_json_object, is_modelfile, json_sites, modelfile_sites
from pytest_newscreator.sources.compose.commands import created, read_commands
from pytest_newscreator.sources.compose.interpolation import Expansion, Template, evaluate, parse
from pytest_newscreator.sources.compose.nodes import Nodes, interpolated
from pytest_newscreator.sources.docker import dockerfile
from pytest_newscreator.sources.lines import Spelled
from pytest_newscreator.sources.shell.reader import looks_like_shell, read_script
from pytest_newscreator.sources.sites import Read, Reader, Site, SourceFile
from pytest_newscreator.sources.yamlnodes import (
    MAX_NODES,
    documents,
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


def _entry(node: yaml.Node | None, name: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for key, value in pairs(node, "") if key.value == name), None)


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
    reading = _Reading(Nodes(source), [], set(), [])
    for root in roots:
        reading.document(root)
    return Read(tuple(dict.fromkeys(reading.sites)), frozenset(reading.reads), tuple(dict.fromkeys(reading.problems)))


@dataclass(slots=True)
class _Reading:
    """What is found in one file, in the order it is found."""

    nodes: Nodes
    sites: list[Site]
    reads: set[str]
    problems: list[tuple[Place, str]]
    visits: int = 0

    def document(self, root: yaml.Node) -> None:
        made: dict[str, str] = {}
        for name, service in self.nodes.entries(self.nodes.entry(root, "services")):
            self.service(name, service)
            made |= created(service, self.nodes)
        for name, config in self.nodes.entries(self.nodes.entry(root, "configs")):
            self.config(self.nodes.entry(config, "content"), name, made.get(name))
        for key, value in self.nodes.entries(root):
            if key != "services":
                self.defaults(value, "")

    def service(self, name: str, service: yaml.Node) -> None:
        environment = self.nodes.entry(service, "environment")
        args = self.nodes.entry(service, "build", "args")
        for node in (environment, args):
            self.settings(node, name)
        self.take(read_commands(service, name, self.nodes))
        self.inline(self.nodes.entry(service, "build", "dockerfile_inline"), name)
        self.defaults(service, name, skipped=(environment, args))

    def take(self, read: Read) -> None:
        """Take over what a script inside the file says."""
        self.sites.extend(read.sites)
        self.reads.update(read.reads)
        self.problems.extend(read.problems)

    def inline(self, node: yaml.Node | None, scope: str) -> None:
        """Report a Dockerfile that stands in the Compose file, at its places there."""
        if not isinstance(node, yaml.ScalarNode):
            return
        text = self.nodes.spell(node)
        starts = [0, *(match.end() for match in re.finditer("\n", text.text))]

        def here(place: Place) -> Place:
            return self.place(text, starts[place.line - 1] + place.column - 1) if place.line else place

        read = dockerfile.read(SourceFile(self.nodes.path, text.text))
        self.sites.extend(replace(site, place=here(site.place), scope=scope) for site in read.sites)
        self.problems.extend((here(place), message) for place, message in read.problems)

    def settings(self, node: yaml.Node | None, scope: str) -> None:
        """Report an environment or build arguments, in either form."""
        for key, value in self.nodes.entries(node):
            if isinstance(value, yaml.ScalarNode) and value.tag != "!reset":
                text = scalar(value, self.nodes.source)
                if text is None:
                    self.reads.add(key)
                elif isinstance(text, str):
                    self.setting(value, key, 0, scope)
                else:
                    self.sites.append(
                        Site(key, render(text), scalar_place(value, self.nodes.source), "compose-value", scope=scope)
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
            place = self.place(self.nodes.spell(node), start)
            self.sites.append(Site(name, outcome.text, place, "compose-value", scope=scope))

    def defaults(self, node: yaml.Node, scope: str, skipped: Sequence[yaml.Node | None] = ()) -> None:
        """Report the defaults in every text below `node`."""
        self.visits += 1
        if self.visits > MAX_NODES:
            message = f"aliases expand to more than {MAX_NODES} values, should be fewer"
            raise SourceError(message, place=node_place(node, self.nodes.path), fix="use fewer nested aliases")
        if any(node is other for other in skipped):
            return
        if isinstance(node, yaml.ScalarNode):
            if "$" in node.value:
                self.expansions(node, parse(node.value, assignment=True), 0, scope)
            return
        children = (
            node.value if isinstance(node, yaml.SequenceNode) else [value for _, value in self.nodes.entries(node)]
        )
        for child in children:
            self.defaults(child, scope, skipped)

    def expansions(
        self, node: yaml.ScalarNode, template: Template, start: int, scope: str, into: str | None = None
    ) -> None:
        """Report the default of every expansion in a text, at the place of the default itself."""
        text = self.nodes.spell(node).cut(start)
        for refused in template.invalid():
            place = self.place(text, refused.start)
            said = refused.message or f"`{refused.text}` is no valid interpolation, Compose refuses it"
            self.problems.append((place, said))
        for expansion in template.expansions():
            self.reads.add(expansion.name)
            if expansion.operator in {":=", "="}:
                place = self.place(text, expansion.start)
                what = f"`{expansion.operator}` stands in ${{{expansion.name}…}}, Compose knows only `:-` and `-`"
                self.problems.append((place, what))
            default = _default(expansion)
            if default is not None and not any(default.invalid()) and _is_complete(default):
                value = evaluate(default, lambda _: None, lazy=True).text
                place = self.place(text, default.start)
                self.sites.append(Site(expansion.name, value, place, "compose-default", into=into, scope=scope))

    def place(self, text: Spelled, offset: int) -> Place:
        """Return the place of an offset into a spelled text."""
        return self.nodes.place(text.cut(offset).start)

    def config(self, node: yaml.Node | None, name: str, made: str | None) -> None:
        """Report a config that is a Modelfile (of a model that is `made`), a request body or a script."""
        if not isinstance(node, yaml.ScalarNode):
            return
        body = interpolated(self.nodes.spell(node), defaults=True)
        if is_json_object(body.text):
            self.sites.extend(json_sites(body, self.nodes.place, name))
        elif looks_like_shell(body.text):
            text = interpolated(self.nodes.spell(node), defaults=False)
            self.take(read_script(text.text, text.locator(self.nodes.place), scope=name).result())
        elif is_modelfile(body.text, "", name):
            self.sites.extend(modelfile_sites(body, self.nodes.place, name, self.nodes.source.text, made))


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
