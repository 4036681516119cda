"""YAML that is no Compose file: workflows, Kubernetes manifests, charts and application settings."""

from __future__ import annotations

import re

import yaml

from pytest_newscreator.errors import SourceError
from pytest_newscreator.places import Place
from pytest_newscreator.sources.bodies import is_json_object, json_sites
from pytest_newscreator.sources.compose import reader as compose
from pytest_newscreator.sources.lines import UNKNOWN, Lines, Spelled
from pytest_newscreator.sources.literals.scripts import PLACEHOLDER, hide, read_shell
from pytest_newscreator.sources.literals.yaml_lines import read_broken
from pytest_newscreator.sources.ollama.commands import find_call
from pytest_newscreator.sources.order import in_order
from pytest_newscreator.sources.sites import Read, Site, SourceFile
from pytest_newscreator.sources.yamlnodes import MAX_NODES, content_mark, documents, scalar_place

_SCRIPTS = frozenset({"run", "script", "before_script", "after_script", "cmd", "cmds", "sh", "commands"})
_COMMANDS = frozenset({"command", "args", "entrypoint", "shell", "raw"})
_SHELLS = frozenset({"sh", "bash", "ash", "dash", "zsh"})
_FILLED = re.compile(r"\$\{\{.*?\}\}|\{\{.*?\}\}|\$\[\[.*?\]\]", re.DOTALL)
_HOLE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_CONTROL = re.compile(
    r"^[ \t]*\{\{-?[ \t]*(?:if|else|end|range|with|define|block|template|include|/\*|\$\w+ :?=).*$", re.MULTILINE
)
_DEFAULT = re.compile(r"\bdefault(?:\s+|\(\s*)(?:\\?[\"'])?(?P<value>[^\\\"'\s(){}|$.,]+(?:\.[^\\\"'\s(){}|,]+)?)")
_ESCAPE = re.compile(r"\\(?:x..|u.{4}|U.{8}|\r?\n[ \t]*|.)", re.DOTALL)
_TELLING = re.compile(r"[^\W_]")
_COMMAND = re.compile(r"[\s$=]")
_VARIABLE = re.compile(r"([A-Za-z_]\w*)=")


def read_yaml(source: SourceFile) -> Read:
    """Read one file; what is no YAML is read by its lines, and a problem unless it is a template of some."""
    if compose.is_compose(source.path, ()):
        return Read()
    text = source.text
    is_template = "{{" in _FILLED.sub(lambda match: "" if match[0].startswith("$") else match[0], text)
    try:
        roots = documents(source)
    except SourceError as error:
        if not is_template:
            read = read_broken(source)
            return Read(read.sites, read.reads, ((error.place or Place(source.path), error.message),))
        source = SourceFile(source.path, _without_holes(text))
        try:
            roots = documents(source)
        except SourceError:
            return _broken_template(source, text)
    if "services" in text and compose.is_compose(source.path, roots):
        return Read()
    reading = _Reading(source, Lines(source.path, source.text), text)
    for root in roots:
        reading.visit(root, None, {})
    if is_template:
        reading.defaults()
    return Read(in_order(reading.sites), frozenset(reading.reads), tuple(dict.fromkeys(reading.problems)))


def _broken_template(source: SourceFile, template: str) -> Read:
    """Read a template that is no YAML even without its holes: by its lines, and by the defaults in the holes."""
    read = read_broken(source)
    reading = _Reading(source, Lines(source.path, source.text), template)
    reading.sites.extend(read.sites)
    reading.defaults()
    return Read(in_order(reading.sites), read.reads)


def _without_holes(text: str) -> str:
    """Return a template as YAML of the same length: control lines are comments, other holes unknown words."""
    commented = _CONTROL.sub(lambda match: "#" * len(match[0]), text)
    return _HOLE.sub(lambda match: re.sub(r"[^\n]", UNKNOWN, match[0]), commented)


class _Reading:
    """What is found in one file."""

    def __init__(self, source: SourceFile, lines: Lines, template: str) -> None:
        """Begin with nothing; `template` is the text as it was before its holes were covered."""
        self.source = source
        self.template = template
        self.lines = lines
        self.sites: list[Site] = []
        self.reads: set[str] = set()
        self.problems: list[tuple[Place, str]] = []
        self.visits = 0

    def visit(self, node: yaml.Node, key: str | None, around: dict[str, yaml.Node]) -> None:
        """Report what stands below a node; aliases are read where their anchor stands."""
        self.visits += 1
        if self.visits > MAX_NODES:
            message = f"aliases expand to more than {MAX_NODES} values, should be fewer"
            raise SourceError(message, place=self.lines.place(0), fix="use fewer nested aliases")
        if isinstance(node, yaml.MappingNode):
            self.mapping(node)
        elif isinstance(node, yaml.SequenceNode):
            self.sequence(node, key, around)
        elif isinstance(node, yaml.ScalarNode):
            self.scalar(node, key, around)

    def mapping(self, node: yaml.MappingNode) -> None:
        """Report the members of a mapping, each under its key."""
        entries = {str(key.value): value for key, value in node.value if isinstance(key, yaml.ScalarNode)}
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                self.visit(value, str(key.value), entries)

    def sequence(self, node: yaml.SequenceNode, key: str | None, around: dict[str, yaml.Node]) -> None:
        """Report the elements of a list; those of a command are words."""
        if _last(key) in _COMMANDS and self.words(node):
            return
        is_script = _last(key) in _SCRIPTS
        for element in node.value:
            self.visit(element, key if is_script else None, around if is_script else {})

    def words(self, node: yaml.SequenceNode) -> bool:
        """Report a command given as words; tell whether anything special was found in it."""
        elements = [element for element in node.value if isinstance(element, yaml.ScalarNode)]
        texts = [str(element.value) for element in elements]
        if len(texts) > 2 and texts[0].rpartition("/")[2] in _SHELLS and texts[1].startswith("-"):  # noqa: PLR2004
            self.script(elements[2], certain=True, waits=True)
            return True
        call = find_call(texts)
        for index in call.uses if call is not None else ():
            self.sites.append(Site(None, texts[index], scalar_place(elements[index], self.source), "ollama-argument"))
        return call is not None

    def scalar(self, node: yaml.ScalarNode, key: str | None, around: dict[str, yaml.Node]) -> None:
        """Report one scalar: a script, a body, placeholders, or a value of one word."""
        if not node.value:
            return
        if UNKNOWN in node.value:
            self.filled(node, key, around)
        elif _last(key) in _SCRIPTS and _COMMAND.search(node.value):
            shell = around.get("shell")
            if not isinstance(shell, yaml.ScalarNode) or shell.value.split(" ")[0] in _SHELLS:
                self.script(node, certain=key in {"run", "script"})
        elif self.placeholders(node):
            return
        elif is_json_object(node.value):
            self.sites.extend(json_sites(self.spelled(node), self.lines.place, ""))
        elif _last(key) in _COMMANDS and re.search(r"\s", node.value):
            self.script(node, certain=False, waits=True)
        elif not re.search(r"\s", node.value) and _TELLING.search(node.value) and "${{" not in node.value:
            self.value(node, key, around)

    def value(self, node: yaml.ScalarNode, key: str | None, around: dict[str, yaml.Node]) -> None:
        """Report a value of one word under its key; beside `name: X` it is X's, and `X=d` in a list says so itself."""
        text = str(node.value)
        pair = _VARIABLE.match(text) if key is None else None
        if pair is None:
            self.sites.append(Site(_setting(key, around), text, scalar_place(node, self.source), "literal"))
        elif text[pair.end() :]:
            place = self.lines.place(self.spelled(node).cut(pair.end()).start)
            self.sites.append(Site(pair[1], text[pair.end() :], place, "literal"))

    def placeholders(self, node: yaml.ScalarNode) -> bool:
        """Report `${X:d}` and `${X:-d}`; tell whether there was one."""
        matches = list(PLACEHOLDER.finditer(node.value)) if "${" in node.value else []
        if matches:
            written = self.spelled(node)
            for match in matches:
                place = self.lines.place(written.cut(match.start("value")).start)
                self.sites.append(Site(match["name"], match["value"], place, "code-default"))
                self.reads.add(match["name"])
        return bool(matches)

    def script(self, node: yaml.ScalarNode, *, certain: bool, waits: bool = False) -> None:
        """Read a scalar as shell text; what a container runs may be its health check, which waits."""
        script = hide(self.spelled(node), _FILLED)
        read = read_shell(script, self.lines.place, problems=certain, waits=waits)
        self.sites.extend(read.sites)
        self.reads.update(read.reads)
        self.problems.extend(read.problems)

    def filled(self, node: yaml.ScalarNode, key: str | None, around: dict[str, yaml.Node]) -> None:
        """Report the default of a value that a template fills in, for the setting that it is the value of."""
        start, end = node.start_mark.index, node.end_mark.index
        for match in _DEFAULT.finditer(self.template, start, end):
            place = self.lines.place(match.start("value"))
            self.sites.append(Site(_setting(key, around), match["value"], place, "literal"))

    def defaults(self) -> None:
        """Report the other defaults that stand inside the holes of a template."""
        taken = {site.place for site in self.sites}
        for hole in _HOLE.finditer(self.template):
            for match in _DEFAULT.finditer(hole[0]):
                place = self.lines.place(hole.start() + match.start("value"))
                if place not in taken:
                    self.sites.append(Site(None, match["value"], place, "literal"))

    def spelled(self, node: yaml.ScalarNode) -> Spelled:
        """Return the value of a scalar with the offset of each character."""
        start, _, _ = content_mark(node, self.source.text)
        return aligned(str(node.value), self.source.text, start, node.end_mark.index, node.style)


def _last(key: str | None) -> str:
    """Return the last part of a key: `ansible.builtin.shell` runs one, and `start.sh` holds a script."""
    return key.rpartition(".")[2] if key else ""


def _setting(key: str | None, around: dict[str, yaml.Node]) -> str | None:
    """Return what a value is for: its key, or the `name` beside a `value`."""
    named = around.get("name") if key == "value" else None
    name = str(named.value) if isinstance(named, yaml.ScalarNode) else key
    return name.rpartition(".")[2] if name else name


def aligned(value: str, text: str, start: int, end: int, style: str | None) -> Spelled:
    """Return a scalar's value with the offset of each character, found by following both texts in step."""
    at: list[int] = []
    position = start
    if style in {"|", ">"}:
        position = text.find("\n", start, end) + 1 or end
    for character in value:
        escape = _ESCAPE.match(text, position) if style == '"' else None
        while escape is not None and "\n" in escape[0]:
            position = escape.end()
            escape = _ESCAPE.match(text, position)
        if escape is not None:
            at.append(position)
            position = escape.end()
            continue
        if character not in {" ", "\n", "\t"} or text[position : position + 1] != character:
            while position < end and text[position] != character and text[position] in " \n\t\r":
                position += 1
        at.append(min(position, max(end - 1, start)))
        if position < end and text[position] == character:
            position += 2 if style == "'" and character == "'" else 1
    return Spelled(value, at, at[0] if at else start)
