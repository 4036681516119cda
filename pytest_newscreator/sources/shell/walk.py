"""The walk over a shell syntax tree that finds the sites; `shell.read` is the way in."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_newscreator.sources.lines import Locate, Spelled
from pytest_newscreator.sources.order import in_order
from pytest_newscreator.sources.shell import words
from pytest_newscreator.sources.shell.commands import report_heredoc, report_text, report_words
from pytest_newscreator.sources.shell.constants import carriers, constants, descendants
from pytest_newscreator.sources.shell.files import Files, Goes, report_printed
from pytest_newscreator.sources.shell.trees import parsed
from pytest_newscreator.sources.sites import Read, Site, SiteKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tree_sitter import Node

    from pytest_newscreator.places import Place

_BRANCHES = frozenset(
    [
        "if_statement",
        "elif_clause",
        "else_clause",
        "while_statement",
        "c_style_for_statement",
        "case_statement",
        "case_item",
        "list",
        "subshell",
        "pipeline",
        "command_substitution",
        "process_substitution",
    ]
)
_WORDS = frozenset({"word", "string", "raw_string", "ansi_c_string", "concatenation", "extglob_pattern"})
_ARGUMENTS = _WORDS | words.EXPANDED | {"number", "command_name", "translated_string"}
_CONTAINERS = _WORDS | {"command_name", "heredoc_body", "translated_string"}
_QUIET = frozenset({"comment", "heredoc_start", "heredoc_end", "regex", "file_descriptor", "number"})
_SPECIAL = frozenset(
    [
        "variable_name",
        "declaration_command",
        "function_definition",
        "for_statement",
        "expansion",
        "variable_assignment",
        "command",
        "redirected_statement",
        "pipeline",
        "while_statement",
    ]
)
_OUTPUTS = frozenset({">", ">>", ">|", "&>", "&>>"})
_KEYED = re.compile(r"\[[^\]]*\]=")


class Walk:
    """One walk over one script: what it found so far.

    `waits` says that the script, or this part of it, goes on only when it finds what it searches for, so that a
    search is as good as a use.
    """

    def __init__(self, text: str, locate: Locate, scope: str, *, waits: bool = True) -> None:
        """Take the text, and where each of its characters stands in the file."""
        self.waits = waits
        self.source = words.Source(text)
        self.locate = locate
        self.scope = scope
        self.sites: list[Site] = []
        self.reads: set[str] = set()
        self.problems: list[tuple[Place, str]] = []
        self.carriers: frozenset[str] = frozenset()
        self.files = Files()
        self.sink = Goes("")

    def run(self) -> None:
        """Parse and walk; nesting beyond what Python can follow is a problem like any other."""
        root, fault = parsed(self.source)
        if fault is not None:
            self.problems.append((self.locate(fault.at), fault.message))
            return
        nodes = tuple(descendants(root))
        try:
            self.source.constants.update(constants(root, nodes, self.source))
            self.carriers = carriers(nodes, self.source)
            self.files = Files.of(nodes, self.source, self.carriers)
            self.visit(root, set())
        except RecursionError:
            self.problems.append((self.locate(0), "this script is nested too deeply to be read to its end"))

    def result(self) -> Read:
        """Return what was found, each site once, in the order of the file."""
        return Read(in_order(self.sites), frozenset(self.reads), tuple(self.problems))

    def add(self, setting: str | None, piece: Spelled, kind: SiteKind, into: str | None = None) -> None:
        """Report a site whose value is a spelled piece of this script."""
        self.sites.append(Site(setting, piece.value, self.locate(piece.start), kind, into, self.scope))

    def visit(self, node: Node, known: set[str]) -> None:
        """Visit a node; `known` are the variables that the script has certainly assigned before it."""
        kind = node.type
        if kind in _QUIET:
            return
        if kind == "ERROR" or node.is_missing:
            place = self.locate(self.source.char(node.start_byte))
            self.problems.append((place, "this is no shell syntax that we know, what it sets is not read"))
        if kind in _SPECIAL:
            getattr(self, f"_visit_{kind}")(node, known)
            return
        if kind in _WORDS:
            report_text(self, words.spell(node, self.source), literal=True, is_compared=words.is_compared(node))
        self._inside(node, set(known) if kind in _BRANCHES else known)

    def _inside(self, node: Node, known: set[str]) -> None:
        """Visit what stands inside a node."""
        for child in node.children if node.has_error else node.named_children:
            if child.is_named or child.is_missing:
                self.visit(child, known)

    def _expansions(self, node: Node, known: set[str]) -> None:
        """Visit the expansions of a word whose own text is already accounted for."""
        kind = node.type
        if kind in words.EXPANDED:
            self.visit(node, known)
        elif kind in _CONTAINERS:
            for child in node.named_children:
                self._expansions(child, known)

    def _visit_variable_name(self, node: Node, known: set[str]) -> None:
        """Count a bare name as read: in `$X`, in arithmetic, in a subscript."""
        name = self.source.of(node)
        if words.IDENTIFIER.match(name) and name not in known:
            self.reads.add(name)

    def _visit_declaration_command(self, node: Node, known: set[str]) -> None:
        """Let `export X` alone neither read nor give a value; `local X` hides the outer name."""
        local = node.children[0].type == "local"
        for child in node.children[1:]:
            if child.type == "variable_name":
                known.update({self.source.of(child)} if local else ())
            elif child.type == "variable_assignment":
                self.visit(child, known)

    def _visit_function_definition(self, node: Node, known: set[str]) -> None:
        """Give a function a scope of its own; what it assigns is not certain outside."""
        outer, name = self.scope, node.child_by_field_name("name")
        self.scope = self.source.of(name) if name else outer
        body = node.child_by_field_name("body")
        if body is not None:
            self.visit(body, set(known))
        self.scope = outer

    def _visit_for_statement(self, node: Node, known: set[str]) -> None:
        """Bind the loop variable; the words it runs over are literals."""
        variable = node.child_by_field_name("variable")
        inner = known | {self.source.of(variable)} if variable else set(known)
        for child in node.children:
            if child.is_named and child != variable:
                self.visit(child, inner)

    def _visit_expansion(self, node: Node, known: set[str], into: str | None = None) -> None:
        """Report `${X:-d}` for X at d; an empty default counts only where it becomes a variable's value."""
        quoted = words.is_quoted(node)
        default = words.default_of(node, self.source, quoted=quoted)
        name = words.name_of(node, self.source) or into
        if default is not None and name and (default.text or into):
            self.add(name, default, "shell-default", into)
        operands = words.operands_of(node)
        alone = words.sole_expansion(operands[0]) if len(operands) == 1 and default is not None else None
        for child in node.children:
            if child in operands:
                if alone is not None and alone.type == "expansion":
                    self._visit_expansion(alone, known, into)
                else:
                    self._expansions(child, known)
            elif child.is_named:
                self.visit(child, known)

    def _visit_variable_assignment(self, node: Node, known: set[str]) -> None:
        """Report `X=d` for X, and `X=${Y:-d}` for Y, into X."""
        target = node.child_by_field_name("name")
        while target is not None and target.type == "subscript":
            target = target.child_by_field_name("name")
        name = self.source.of(target) if target is not None else ""
        value = node.child_by_field_name("value")
        if not words.IDENTIFIER.match(name):
            return
        if value is None:
            self.add(name, Spelled("", (), self.source.char(node.end_byte)), "shell-assignment")
        elif value.type == "array":
            self._array(name, value, known)
        else:
            self._assign(name, value, known, appends=any(child.type == "+=" for child in node.children))
        known.add(name)

    def _assign(self, name: str, value: Node, known: set[str], *, appends: bool) -> None:
        """Report a plain right-hand side; what is appended to has a value that only running can tell."""
        alone = None if appends else words.sole_expansion(value)
        if alone is not None and self._hands_on(name, alone, known):
            return
        piece = words.spell(value, self.source)
        if appends:
            self.sites.append(Site(name, None, self.locate(piece.start), "shell-assignment", scope=self.scope))
        else:
            self.add(name, piece, "shell-assignment")
        report_text(self, piece, literal=False)
        self._expansions(value, known)

    def _hands_on(self, into: str, node: Node, known: set[str]) -> bool:
        """Report `A="${B:-d}"` and `A="$B"`, which hand B on as A; tell whether it is one of them."""
        operator = words.operator_of(node)
        name = words.name_of(node, self.source)
        if operator in words.DEFAULTING:
            self._visit_expansion(node, known, into)
            return True
        if name is None or operator not in {None, ":?", "?"}:
            return False
        place = self.locate(self.source.char(node.start_byte))
        self.sites.append(Site(name, None, place, "shell-default", into, self.scope, handed_on=True))
        self._inside(node, known)
        return True

    def _array(self, name: str, array: Node, known: set[str]) -> None:
        """Report each element of an array, the keyed ones (`[a]=b`) by their value."""
        for element in array.children:
            if not element.is_named or element.type == "comment":
                continue
            piece = words.spell(element, self.source)
            key = _KEYED.match(piece.text)
            self.add(name, piece.cut(key.end()) if key else piece, "shell-assignment")
            self._expansions(element, known)

    def _visit_command(self, node: Node, known: set[str]) -> None:
        """Report a command with the here-documents that stand inside it."""
        self._command(node, (), known)

    def _visit_redirected_statement(self, node: Node, known: set[str]) -> None:
        """Report a command with its redirections: where a here-document goes decides what it is."""
        redirects = tuple(child for child in node.children if child.type.endswith("_redirect"))
        body = node.child_by_field_name("body")
        if body is not None and body.type == "command":
            self._command(body, redirects, known)
            return
        if body is not None:
            with self._into(Goes("", self._target(redirects) or self.sink.target)):
                self.visit(body, known)
        self._redirects(redirects, "", known)

    def _visit_while_statement(self, node: Node, known: set[str]) -> None:
        """Let what the condition of a loop searches for be waited for."""
        condition, outer = node.child_by_field_name("condition"), self.waits
        for child in node.named_children:
            self.waits = outer or child == condition
            self.visit(child, set(known))
        self.waits = outer

    def _visit_pipeline(self, node: Node, known: set[str]) -> None:
        """Let what a command prints go where the last one of its pipeline takes it."""
        last = node.named_children[-1] if node.named_children else node
        with self._into(Goes(words.told(last, self.source), self.sink.target)):
            self._inside(node, set(known))

    @contextmanager
    def _into(self, sink: Goes) -> Iterator[None]:
        """Remember, while a part of the script is visited, where its output goes."""
        outer, self.sink = self.sink, sink
        yield
        self.sink = outer

    def _target(self, redirects: Iterable[Node]) -> str:
        """Return the file that an output redirection names, as it is written."""
        nodes = [node for redirect in redirects for node in self._flat(redirect)]
        output = [node for node in nodes if node.parent is not None and _is_output(node.parent)]
        named = [node for node in output if node.type in _ARGUMENTS]
        return self.files.key(named[-1], self.source) if named else ""

    def _command(self, node: Node, redirects: tuple[Node, ...], known: set[str]) -> None:
        """Report the assignments before a command, its words and its redirections."""
        arguments: list[Node] = []
        for child in node.children:
            kind = child.type
            if kind in _ARGUMENTS:
                arguments.append(child)
            elif kind.endswith("_redirect"):
                redirects = (*redirects, child)
            elif kind in {"variable_assignment", "ERROR", "subshell"}:
                self.visit(child, set(known))
        told = " ".join(words.told(argument, self.source) for argument in arguments)
        with self._into(Goes(told)):
            for argument in arguments:
                self._expansions(argument, known)
        spelled = [words.spell(argument, self.source) for argument in arguments]
        goes_to = Goes(self.sink.command, self._target(redirects) or self.sink.target)
        if not report_printed(self, spelled, goes_to):
            known.update(report_words(self, spelled, known, is_required=self.waits or words.is_required(node)))
        self._redirects(redirects, told, known)

    def _redirects(self, redirects: Iterable[Node], command: str, known: set[str]) -> None:
        """Report the here-documents among redirections; file names are no settings, only their expansions count."""
        nodes = [inner for redirect in redirects for inner in self._flat(redirect)]
        for node in nodes:
            if node.parent is not None and node.parent.type == "herestring_redirect" and node.is_named:
                report_heredoc(self, words.spell(node, self.source), Goes(command, is_string=True))
        target = self._target(redirects)
        piped = [words.told(node, self.source) for node in nodes if node.type in {"command", "pipeline"}]
        for node in nodes:
            if node.type == "heredoc_redirect":
                goes_to = Goes(" ".join([command, *piped, self.sink.command]), target or self.sink.target)
                self._heredoc(node, goes_to, known)
            elif node.type in _ARGUMENTS:
                self._expansions(node, known)
            elif node.type in {"command", "pipeline", "list", "redirected_statement"}:
                self.visit(node, known)

    def _flat(self, redirect: Node) -> list[Node]:
        """Return what a redirection consists of; the parser hangs what follows `<<EOF` on the line below it."""
        nodes = [redirect] if redirect.type == "heredoc_redirect" else []
        for child in redirect.children:
            nodes.extend(self._flat(child) if child.type.endswith("_redirect") else [child])
        return nodes

    def _heredoc(self, redirect: Node, goes_to: Goes, known: set[str]) -> None:
        """Report the body of a here-document; a quoted delimiter keeps everything in it from expanding."""
        body = next((child for child in redirect.children if child.type == "heredoc_body"), None)
        start = next((child for child in redirect.children if child.type == "heredoc_start"), None)
        if body is None or start is None:
            return
        literal = any(mark in self.source.of(start) for mark in "'\"\\")
        if not literal and words.is_lossy(body, self.source):
            self._reparsed(words.spell_heredoc(body, self.source, literal=True), goes_to, known)
            return
        report_heredoc(self, words.spell_heredoc(body, self.source, literal=literal), goes_to)
        if not literal:
            self._expansions(body, known)

    def _reparsed(self, body: Spelled, goes_to: Goes, known: set[str]) -> None:
        """Report a here-document by parsing its text again, as a string."""
        inner = Walk(
            words.as_string(body), lambda index: self.locate(body.start + index - 1), self.scope, waits=self.waits
        )
        inner.files = self.files
        root, fault = parsed(inner.source)
        string = words.first(root, "string")
        if fault is not None or string is None or string.end_byte != len(inner.source.data):
            place = self.locate(body.start)
            self.problems.append((place, "the expansions of this here-document are not understood"))
            return
        piece = words.spell(string, inner.source)
        text = "".join(
            '"' if char == "'" and body.text[at - 1] == '"' else char
            for char, at in zip(piece.text, piece.at, strict=True)
        )
        report_heredoc(inner, Spelled(text, piece.at, piece.start), goes_to)
        inner._expansions(string, known)
        self.take(inner)

    def take(self, inner: Walk) -> None:
        """Take over what a walk over a part of this script has found."""
        self.sites.extend(inner.sites)
        self.reads.update(inner.reads)
        self.problems.extend(inner.problems)


def _is_output(redirect: Node) -> bool:
    """Tell whether a redirection writes to a file."""
    return redirect.type == "file_redirect" and any(
        child.type in {">", ">>", ">|", "&>", "&>>"} for child in redirect.children
    )
