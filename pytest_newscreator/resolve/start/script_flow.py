"""Where a variable of a shell script goes: into the FROM of what is created, and past checks of what exists."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from pytest_newscreator.frozen import frozen
from pytest_newscreator.sources.lines import Lines
from pytest_newscreator.sources.shell import words
from pytest_newscreator.sources.shell.trees import parsed

if TYPE_CHECKING:
    from tree_sitter import Node

    from pytest_newscreator.places import Place
    from pytest_newscreator.sources.sites import SourceFile

_FROM = re.compile(r"\bFROM\b|(?:^|[\"'/^|])\s*from\b", re.MULTILINE)
_EXPANDED = re.compile(r"\$\{?[!#]?(\w+)")
_ASKED = re.compile(r"(?i:environ|env|getenv)\W{1,4}(\w+)")
_POSITION = re.compile(r"\$\{?([@*]|\d+)")
_STATEMENTS = frozenset({"command", "redirected_statement", "variable_assignment", "pipeline"})
_AROUND = frozenset({"redirected_statement", "pipeline"})
_SHOWS = re.compile(
    r"\bollama\s+show\s+\S|/api/show\b"
    r"|(?:\bollama\s+(?:list|ls)\b|/api/tags\b)(?:\\\n|[^;\n])*\|(?:\\\n|[^;\n])*\b(?:grep|awk|sed|jq)\b"
)
_LISTS = re.compile(r"\bollama\s+(?:list|ls|show)\b|/api/(?:tags|show)\b")
_LEAVES = re.compile(r"\b(?:return|continue|exit|break)\b")
_COPYING = frozenset({"cp", "mv", "install", "ln"})
_PRINTING = frozenset(
    {"cat", "sed", "awk", "gawk", "grep", "tail", "head", "tr", "cut", "sort", "uniq", "wc", "envsubst"}
)
_IN_PLACE = re.compile(r"\s(?:-[a-zA-Z]*i|--in-place|--output|-o)")
_QUIET = frozenset({"rm", "test", "[", "[[", "ls", "chmod", "chown", "mkdir", "touch", "stat", "echo", "printf"})
_TEMPLATING = re.compile(r"(?:envsubst|python[\d.]*|perl|node|ruby|jq|yq|m4|j2|jinja2|gomplate|envtpl)\Z")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_POSITION = re.compile(r"\$\{?([1-9])(?::-)?\}?")
_UNKNOWN = re.compile(r"\$\{[^}]*\}|\$\([^)]*\)|\$\w+|\*+")
_DEEPEST = 6


@frozen
class Wanted:
    """What is followed: the variables from outside, and the texts that name the model they select."""

    names: frozenset[str]
    texts: tuple[str, ...] = ()


def _followed(text: str) -> str:
    """Return the text of a script, nothing for one that is too large or too deep: its reader and its run tell that."""
    return text if parsed(words.Source(text))[1] is None else ""


@lru_cache(maxsize=32)
def flow(sources: tuple[SourceFile, ...], wanted: Wanted) -> Flow:
    """Return what becomes of some variables in some scripts, found out once."""
    return Flow(sources, wanted)


class Flow:
    """The scripts of one container as one syntax tree, and what a variable from outside is put into there."""

    def __init__(self, sources: Sequence[SourceFile], wanted: Wanted) -> None:
        """Parse the scripts, and follow the variables through assignments and arguments."""
        texts = [_followed(source.text.replace("\r\n", "\n")) for source in sources]
        self.starts = [sum(len(text) + 1 for text in texts[:index]) for index in range(len(texts))]
        self.lines = [Lines(source.path, text) for source, text in zip(sources, texts, strict=True)]
        self.source = words.Source("\n".join(texts))
        self.root = words.parser().parse(self.source.data).root_node
        self.wanted = wanted
        self._remade: dict[int, bool] = {}
        self.nodes = list(_below(self.root))
        self.functions = {
            self.source.of(name): node
            for node in self.nodes
            if node.type == "function_definition" and (name := node.child_by_field_name("name")) is not None
        }
        self.assigned: dict[str, list[Node]] = {}
        for node in self.nodes:
            if node.type == "variable_assignment":
                self.assigned.setdefault(self._name(node), []).append(node)
        self.names = set(wanted.names)
        self.arguments: set[tuple[str, int]] = set()
        self._follow()
        self.lines_with_from = {
            name
            for name, nodes in self.assigned.items()
            if any(_FROM.search(self.source.of(node)) and self.carries(node) for node in nodes)
        }

    def command_at(self, script: int, place: Place) -> Node | None:
        """Return the innermost command at a place of one of the scripts."""
        at = self.starts[script] + self.lines[script].offset(place.line) + place.column - 1
        around = [
            node
            for node in self.nodes
            if node.type == "command" and self.source.char(node.start_byte) <= at < self.source.char(node.end_byte)
        ]
        return min(around, key=lambda node: node.end_byte - node.start_byte, default=None)

    def _follow(self) -> None:
        """Find every variable and argument that is made of the followed ones."""
        before = -1
        while before != len(self.names) + len(self.arguments):
            before = len(self.names) + len(self.arguments)
            for node in self.nodes:
                value, name = node.child_by_field_name("value"), node.child_by_field_name("name")
                if node.type == "variable_assignment" and value is not None and name is not None:
                    is_made = self.carries(value) or self.is_chosen(node)
                    self.names |= {self.source.of(name)} if is_made else set()
                elif node.type == "command" and self.named(node) in self.functions:
                    given = enumerate(self.words(node)[1:], start=1)
                    self.arguments |= {(self.named(node), index) for index, word in given if self.carries(word)}

    def carries(self, node: Node) -> bool:
        """Tell whether a piece of a script has one of the followed variables in it."""
        text, inside = self.source.of(node), self.function_of(node)
        if any(found in self.names for found in (*_EXPANDED.findall(text), *_ASKED.findall(text))):
            return True
        positions = {str(index) for function, index in self.arguments if function == inside}
        return bool(positions) and any(found in positions or found in "@*" for found in _POSITION.findall(text))

    def is_chosen(self, node: Node) -> bool:
        """Tell whether a statement is in a branch that the followed variables decide about."""
        above = node.parent
        while above is not None and above.type != "function_definition":
            is_branch = above.type in {"if_statement", "elif_clause", "case_statement"}
            if is_branch and above.named_children[0] != node and self.carries(above.named_children[0]):
                return True
            above = above.parent
        return False

    def named(self, command: Node) -> str:
        """Return the name of a command."""
        name = command.child_by_field_name("name")
        return self.source.of(name).strip("\"'") if name is not None else ""

    def words(self, command: Node) -> list[Node]:
        """Return the words of a command, its name first."""
        return [node for node in command.named_children if not node.type.endswith(("_redirect", "_assignment"))]

    def function_of(self, node: Node) -> str:
        """Return the function that a node stands in, "" for none."""
        above = node.parent
        while above is not None and above.type != "function_definition":
            above = above.parent
        name = above.child_by_field_name("name") if above is not None else None
        return self.source.of(name) if name is not None else ""

    def calls_of(self, function: str) -> list[Node]:
        """Return the commands that call a function."""
        return [node for node in self.nodes if node.type == "command" and function and self.named(node) == function]

    # What is created of it

    def is_remade(self, create: Node) -> bool:
        """Tell whether what `ollama create` makes gets its FROM of the followed variables; in doubt it does."""
        if create.id not in self._remade:
            self._remade[create.id] = self._is_remade(create)
        return self._remade[create.id]

    def _is_remade(self, create: Node) -> bool:
        """Follow what one `create` is given."""
        statement = create
        while statement.parent is not None and statement.parent.type in _AROUND:
            statement = statement.parent
        given = self._given(create)
        if self._makes_from(statement, set()) or self.is_chosen(create) or (given is not None and self.carries(given)):
            return True
        files = [file for file in self._created_of(create, given) if file != "-"]
        if any(self._is_written(file, set()) for file in files):
            return True
        is_unknown = any(set(file) <= {"*"} for file in files)
        return is_unknown and any(self._has_from(node) for node in self.nodes if node.type in _STATEMENTS)

    def _created_of(self, create: Node, given: Node | None) -> list[str]:
        """Return the files that a `create` may be given: of an argument of its function, what the calls say."""
        if given is None:
            return ["Modelfile"]
        position = _POSITION.fullmatch(self._resolved(given))
        calls = self.calls_of(self.function_of(create)) if position else []
        at = int(position[1]) if position else 0
        return [self.key(self.words(call)[at]) for call in calls if at < len(self.words(call))] or [self.key(given)]

    def _given(self, create: Node) -> Node | None:
        """Return the file that a `create` is given."""
        listed = self.words(create)
        for word, behind in pairwise(listed):
            if self.source.of(word) in {"-f", "--file"}:
                return behind
        return None

    def key(self, word: Node) -> str:
        """Return a file's name with what the script assigns put in, and `*` for what only running tells."""
        text = _UNKNOWN.sub("*", self._resolved(word))
        return posixpath.normpath(text) if text else text

    def _resolved(self, word: Node) -> str:
        """Return a word without quotes, with what the script assigns put in."""
        text, function = self.source.of(word), self.function_of(word)
        for _ in range(_DEEPEST):
            text = _VARIABLE.sub(lambda found: self._assigned(found, function), text)
        return text.replace('"', "").replace("'", "")

    def _assigned(self, found: re.Match[str], function: str) -> str:
        """Return what a variable is assigned, in this function or else anywhere, where that is one text."""
        name = found[1] or found[2]
        assigned = self.assigned.get(name, [])
        near = [n for n in assigned if self.function_of(n) == function] or assigned
        values = {self.source.of(v) for n in near if (v := n.child_by_field_name("value")) is not None}
        return values.pop() if len(values) == 1 else f"${{{name}:-}}"

    def _name(self, assignment: Node) -> str:
        name = assignment.child_by_field_name("name")
        return self.source.of(name) if name is not None else ""

    def _is_written(self, file: str, seen: set[str]) -> bool:
        """Tell whether anything that writes a file makes it of the followed variables."""
        if file in seen or len(seen) > _DEEPEST or set(file) <= {"*"}:
            return False
        seen.add(file)
        return any(self._makes_from(statement, seen) for statement in self._writers(file))

    def _writers(self, file: str) -> Iterator[Node]:
        """Yield the statements that write a file, or hand its name to something that may."""
        for node in self.nodes:
            if _writes(node):
                target = node.child_by_field_name("destination")
                if target is not None and self.key(target) == file and node.parent is not None:
                    yield node.parent
            elif node.type == "command" and any(self.key(word) == file for word in self._may_write(node, ())):
                yield node

    def _may_write(self, command: Node, called: tuple[str, ...]) -> Iterator[Node]:
        """Yield the words of a command whose file it may write; of a program that nobody knows here, all of them."""
        name, listed = self.named(command), self.words(command)
        if "ollama" in self.source.of(command) or name in _QUIET:
            return
        if name in self.functions:
            yield from (word for at, word in enumerate(listed[1:], start=1) if self._fills(name, at, called))
        elif name in _COPYING:
            yield from listed[-1:]
        elif name not in _PRINTING or _IN_PLACE.search(self.source.of(command)):
            yield from listed[1:]

    def _fills(self, function: str, position: int, called: tuple[str, ...]) -> bool:
        """Tell whether a function may write the file that one of its arguments names."""
        nodes = list(_below(self.functions[function]))
        if function in called or len(called) > _DEEPEST or any(self.named(n) == "shift" for n in nodes):
            return True
        names = {str(position), "@", "*"}
        for node in nodes:
            value = node.child_by_field_name("value") if node.type == "variable_assignment" else None
            names |= {self._name(node)} if value is not None and self._mentions(value, names) else set()
        targets = [node.child_by_field_name("destination") for node in nodes if _writes(node)]
        commands = [node for node in nodes if node.type == "command"]
        targets += [word for node in commands for word in self._may_write(node, (*called, function))]
        return any(target is not None and self._mentions(target, names) for target in targets)

    def _mentions(self, node: Node, names: Collection[str]) -> bool:
        """Tell whether a piece of a script has one of some variables in it."""
        wanted = "|".join(re.escape(name) for name in sorted(names))
        return re.search(rf"\$\{{?(?:{wanted})(?!\w)", self.source.of(node)) is not None

    def _makes_from(self, statement: Node, seen: set[str]) -> bool:
        """Tell whether a statement, or a function that it calls, writes a FROM of the followed variables."""
        for part in self._reached(statement, ()):
            for node in _below(part):
                if node.type in _STATEMENTS and self._has_from(node):
                    return True
                if node.type == "command" and _TEMPLATING.match(self.named(node)):
                    return True
        read = [word for node in _below(statement) if node.type == "command" for word in self.words(node)[1:]]
        files = (self.key(word) for word in read if any(mark in self.source.of(word) for mark in "/.$"))
        return any(self._is_written(file, seen) for file in files if not set(file) <= {"*"})

    def _has_from(self, node: Node) -> bool:
        """Tell whether a piece of a script has a FROM of the followed variables, or a variable that holds one."""
        text = self.source.of(node)
        if _FROM.search(text) and self.carries(node):
            return True
        return any(re.search(rf"\$\{{?{re.escape(name)}\b", text) for name in self.lines_with_from)

    def _reached(self, node: Node, called: tuple[str, ...]) -> Iterator[Node]:
        """Yield a node, and the functions that it calls."""
        yield node
        for below in _below(node):
            name = self.named(below) if below.type == "command" else ""
            if name in self.functions and name not in called and len(called) < _DEEPEST:
                yield from self._reached(self.functions[name], (*called, name))

    # What is passed over

    def is_skipped(self, create: Node) -> bool:
        """Tell whether a command is passed over where a model of that name exists already."""
        return any(self._is_guarded(site) for site in self._sites(create, 0))

    def _sites(self, node: Node, depth: int) -> Iterator[Node]:
        """Yield a command, and the calls of the functions that it stands in."""
        yield node
        for call in self.calls_of(self.function_of(node)) if depth < _DEEPEST else ():
            yield from self._sites(call, depth + 1)

    def _is_guarded(self, site: Node) -> bool:
        """Tell whether what stands around a command, or before it, asks whether the model exists."""
        node = site
        while node.parent is not None and node.parent.type != "function_definition":
            above = node.parent
            if above.type == "list" and node == above.named_children[-1] and self._asks(above.named_children[0]):
                return True
            if above.type in {"if_statement", "elif_clause", "else_clause"} and self._is_one_way(node, above, site):
                return True
            if any(self._leaves(sibling) for sibling in above.named_children if sibling.end_byte <= node.start_byte):
                return True
            node = above
        return False

    def _is_one_way(self, node: Node, above: Node, site: Node) -> bool:
        """Tell whether a branch is taken for what exists, and no other branch does the same."""
        whole = above
        while whole.type != "if_statement" and whole.parent is not None:
            whole = whole.parent
        condition = whole.named_children[0]
        same = [n for n in _below(whole) if n.type == "command" and self.source.of(n) == self.source.of(site)]
        return node != condition and len(same) == 1 and self._asks(condition)

    def _leaves(self, node: Node) -> bool:
        """Tell whether a statement ends what goes on behind it where the model exists."""
        text = self.source.of(node)
        if not _LEAVES.search(text) or text.lstrip().startswith("!"):
            return False
        if node.type == "list":
            is_and = any(child.type == "&&" for child in node.children)
            return is_and and self._asks(node.named_children[0])
        if node.type != "if_statement":
            return False
        condition = node.named_children[0]
        return not self.source.of(condition).startswith("!") and self._asks(condition)

    def _asks(self, node: Node) -> bool:
        """Tell whether a piece of a script asks for a model by its name, and not for the base."""
        text = self.source.of(node)
        if self.carries(node) or any(name in text for name in self.wanted.texts):
            return False
        if _SHOWS.search(text):
            return True
        listed = (name for name, nodes in self.assigned.items() if any(self._lists(node) for node in nodes))
        if any(re.search(rf"\$\{{?{re.escape(name)}\b", text) for name in listed if name):
            return True
        called = (self.named(below) for below in _below(node) if below.type == "command")
        bodies = (self.functions[name] for name in called if name in self.functions)
        return any(_SHOWS.search(self.source.of(body)) and not self._names_base(body) for body in bodies)

    def _lists(self, assignment: Node) -> bool:
        """Tell whether a variable is assigned the list of models."""
        return _LISTS.search(self.source.of(assignment)) is not None and not self.carries(assignment)

    def _names_base(self, node: Node) -> bool:
        """Tell whether a function is about the base."""
        return self.carries(node) or any(name in self.source.of(node) for name in self.wanted.texts)


def _writes(node: Node) -> bool:
    """Tell whether a node sends output to a file."""
    return node.type == "file_redirect" and any(child.type in {">", ">>", ">|"} for child in node.children)


def _below(root: Node) -> Iterator[Node]:
    """Yield a node and all below it."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(node.named_children))
