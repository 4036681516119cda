"""A shell script run on paper: its statements in order, its functions where they are called, every branch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_newscreator.frozen import frozen
from pytest_newscreator.sources.shell import words
from pytest_newscreator.sources.shell.evaluate import Evaluator
from pytest_newscreator.sources.shell.execute import execute
from pytest_newscreator.sources.shell.trees import parsed
from pytest_newscreator.sources.shell.values import UNKNOWN, State, Value, Values, Word, alternatives

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tree_sitter import Node

    from pytest_newscreator.places import Place
    from pytest_newscreator.sources.lines import Locate
    from pytest_newscreator.sources.ollama.commands import OllamaCall

_STEPS = 20_000
_COPIED = 20
"""How many variables of a state are copied and joined in the time of one step."""
_DEEPEST = 8
_ARGUMENTS = frozenset({"word", "string", "raw_string", "ansi_c_string", "concatenation", "number", "command_name"})
_ALL_ARGUMENTS = frozenset({'"$@"', "$@", "$*", '"${@}"'})
_APART = frozenset({"subshell", "command_substitution", "process_substitution"})
_SKIPPED = frozenset({"function_definition", "comment", "heredoc_body"})


@frozen
class Assignment:
    """A variable that gets a value on the way, and how that point is reached.

    `asked` are the variables that decided about being there, `earlier` says that the script has looked for a value
    from outside before, and `step` tells what comes first.
    """

    name: str
    values: Values
    place: Place
    asked: frozenset[str] = frozenset()
    is_sure: bool = True
    earlier: bool = False
    exports: bool = False
    removes: bool = False
    step: int = 0


class Run:
    """One run: the calls of `ollama` it comes to, the variables it sets, and when it starts a server."""

    def __init__(self, text: str, locate: Locate, scope: str = "") -> None:
        """Take the text, and where each of its characters stands in the file."""
        self.source = words.Source(text)
        self.evaluator = Evaluator(self.source, locate)
        self.locate = locate
        self.called = [scope]
        self.calls: list[OllamaCall] = []
        self.assignments: list[Assignment] = []
        self.exported: set[str] = set()
        self.serves: list[int] = []
        self.functions: dict[str, Node] = {}
        self.reached: set[str] = set()
        self.steps = 0
        self.problems: list[tuple[Place, str]] = []

    def run(self, state: State | None = None) -> None:
        """Run the script, and then each function that nothing calls, for the calls in it."""
        root, fault = parsed(self.source)
        if fault is not None:
            self.problems.append((self.locate(fault.at), fault.message))
            return
        self._find_functions(root)
        try:
            self._run(root, state or State())
        except RecursionError:
            self.problems.append((self.locate(0), "this script calls itself too deeply to be followed to its end"))
        self.problems += self.evaluator.problems
        if self.steps > _STEPS:
            message = f"this script comes to more than {_STEPS:,} steps, it is not followed to its end"
            self.problems.append((self.locate(0), message))

    def _run(self, root: Node, state: State) -> None:
        """Run the statements, then the functions that were not reached."""
        self.visit(root, state)
        kept = list(self.assignments), set(self.exported), list(self.serves)
        for name in self.functions:
            if name not in self.reached:
                state.ended = state.returned = False
                self.call(name, None, state)
        self.assignments, self.exported, self.serves = kept

    def _find_functions(self, root: Node) -> None:
        """Learn every function of the script, so that one may be called above the line it stands in."""
        waiting = [root]
        while waiting:
            node = waiting.pop()
            waiting.extend(node.named_children)
            name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
            if node.type == "function_definition" and name is not None and body is not None:
                self.functions[self.source.of(name)] = body

    def visit(self, node: Node, state: State) -> None:
        """Run one statement, unless the script has ended before it."""
        if state.stopped or self.steps > _STEPS or node.type in _SKIPPED:
            return
        self.steps += 1
        handler = getattr(self, f"_{node.type}", None)
        if handler is not None:
            handler(node, state)
        elif node.type in _APART:
            self._apart(node.children, state)
        else:
            self._sequence(node.children, state)

    def _sequence(self, nodes: Sequence[Node], state: State) -> None:
        """Run statements one after another; one before `&` changes nothing here."""
        for index, node in enumerate(nodes):
            behind = nodes[index + 1].type if index + 1 < len(nodes) else ""
            if node.is_named and behind == "&":
                self._apart([node], state)
            elif node.is_named:
                self.visit(node, state)

    def _apart(self, nodes: Sequence[Node], state: State) -> None:
        """Run statements in a shell of their own: what they set is gone behind them, unless they are the server."""
        before, served = len(self.assignments), len(self.serves)
        self._pay(state)
        self._sequence(nodes, state.copy())
        if len(self.serves) == served:
            del self.assignments[before:]

    def _pay(self, state: State) -> None:
        """Count the steps that copying and joining what is known takes."""
        self.steps += len(state.variables) // _COPIED

    def _test_command(self, node: Node, state: State) -> None:
        """Let a test look at variables: `${X:-}` in it asks for a value from outside."""
        self.inside(node, state)

    def inside(self, node: Node, state: State) -> None:
        """Run the substitutions in a word, and evaluate its expansions for what they assign."""
        for child in node.named_children:
            if child.type in _APART:
                self._apart(child.children, state)
            else:
                if child.type == "expansion":
                    self.evaluator.value(child, state)
                self.inside(child, state)

    def _pipeline(self, node: Node, state: State) -> None:
        """Run the parts of a pipeline, each in a shell of its own."""
        for child in node.named_children:
            self._apart([child], state)

    def _list(self, node: Node, state: State) -> None:
        """Run `a && b` or `a || b`: b may not be reached, for what a looks at."""
        left, right = node.named_children[0], node.named_children[-1]
        self.visit(left, state)
        if not state.stopped:
            self._pay(state)
            way = state.way(self.evaluator.names(left, state))
            self.visit(right, way)
            state.join([state.copy(), way])

    def _if_statement(self, node: Node, state: State) -> None:
        """Run every branch of an `if`."""
        self._branches(node, state, frozenset())

    def _branches(self, node: Node, state: State, guards: frozenset[str]) -> None:
        """Run the condition of an `if` or `elif`, its statements, and what comes otherwise."""
        parts = node.children
        then = next((index for index, part in enumerate(parts) if part.type == "then"), 0)
        condition = [part for part in parts[:then] if part.is_named]
        otherwise = [part for part in parts[then:] if part.type in {"elif_clause", "else_clause"}]
        self._sequence(condition, state)
        guards |= frozenset().union(*(self.evaluator.names(part, state) for part in condition))
        self._pay(state)
        way, other = state.way(guards), state.way(guards)
        self._sequence([part for part in parts[then:] if part not in otherwise], way)
        for part in otherwise:
            if part.type == "elif_clause":
                self._branches(part, other, guards)
            else:
                self._sequence(part.children, other)
        state.join([way, other])

    def _case_statement(self, node: Node, state: State) -> None:
        """Run every branch of a `case`."""
        guards = self.evaluator.names(node.named_children[0], state)
        items = [child for child in node.named_children if child.type == "case_item"]
        is_complete = any(item.named_children and self.source.of(item.named_children[0]) == "*" for item in items)
        ways = [] if is_complete else [state.copy()]
        for item in items:
            if item.named_children:
                self._pay(state)
                ways.append(state.way(guards))
                self._sequence([child for child in item.named_children if child.type not in _ARGUMENTS], ways[-1])
        state.join(ways)

    def _while_statement(self, node: Node, state: State) -> None:
        """Run a loop once: it may not be entered at all."""
        condition, body = node.named_children[0], node.child_by_field_name("body")
        self.visit(condition, state)
        self._pay(state)
        way = state.way(self.evaluator.names(condition, state))
        if body is not None:
            self.visit(body, way)
        way.ended = way.returned = False
        state.join([state.copy(), way])

    def _for_statement(self, node: Node, state: State) -> None:
        """Run a loop for each word it runs over."""
        variable, body = node.child_by_field_name("variable"), node.child_by_field_name("body")
        if variable is None or body is None:
            return
        listed = [child for child in node.named_children if child not in {variable, body}]
        fields = [found for child in listed for found in self.evaluator.fields(child, state)]
        ways = []
        for value in alternatives(value for found in fields for value in found):
            state.variables[self.source.of(variable)] = (value,)
            self._pay(state)
            way = state.copy()
            self.visit(body, way)
            way.ended = way.returned = False
            ways.append(way)
        state.join([state.copy(), *ways])

    def _variable_assignment(self, node: Node, state: State) -> None:
        """Assign a variable, an array or an element of one."""
        self.assign(node, state)

    def assign(self, node: Node, state: State, *, exports: bool = False) -> None:
        """Assign, and keep what was assigned."""
        target, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        name = self.source.of(target) if target is not None else ""
        if value is not None:
            self.inside(node, state)
        if value is not None and value.type == "array":
            state.arrays[name] = self._array(value, state)
            return
        earlier = name in state.defaulted
        values = self.evaluator.value(value, state) if value is not None else (Value(""),)
        if any(child.type == "+=" for child in node.children):
            values = (Value(None, self.evaluator.names(node, state)),)
        if words.IDENTIFIER.match(name):
            start = words.spell(value, self.source).start if value is not None else self.source.char(node.end_byte)
            self.note(Assignment(name, values, self.locate(start), earlier=earlier, exports=exports), state)
            state.variables[name] = values

    def give(self, name: str, values: Values, start: int, state: State) -> None:
        """Keep what a command is given as a variable of its own: that wins whatever the script asked before."""
        self.note(Assignment(name, values, self.locate(start), earlier=False, exports=True), state)

    def _array(self, array: Node, state: State) -> dict[str, Values]:
        """Return the elements of an array under their keys."""
        found: dict[str, Values] = {}
        for element in array.named_children:
            text = self.source.of(element)
            if text.startswith("[") and "]=" in text:
                values = self.evaluator.value(element, state)
                key = text[1 : text.index("]=")].strip("\"'")
                found[key] = tuple(_behind_key(value) for value in values)
            elif element.type != "comment":
                for values in self.evaluator.fields(element, state):
                    found[str(len(found))] = values
        return found

    def note(self, assignment: Assignment, state: State) -> None:
        """Keep an assignment that can be seen outside of a function."""
        if assignment.name not in state.local:
            self.steps += 1
            here = replace(assignment, asked=state.asked, is_sure=state.is_sure, step=self.steps)
            self.assignments.append(here)

    def _declaration_command(self, node: Node, state: State) -> None:
        """Run `export`, `local`, `readonly` and `declare`."""
        kind = node.children[0].type
        options = " ".join(self.source.of(child) for child in node.named_children if child.type == "word")
        exports = kind == "export" or "-x" in options
        for child in node.named_children:
            name = child.child_by_field_name("name") if child.type == "variable_assignment" else child
            text = self.source.of(name) if name is not None else ""
            if kind == "local":
                state.local |= {text}
                state.variables.setdefault(text, (Value(""),))
            elif exports and "-n" not in options:
                self.exported.add(text)
            if child.type == "variable_assignment":
                self.assign(child, state, exports=exports)

    def _unset_command(self, node: Node, state: State) -> None:
        """Run `unset`."""
        for child in node.named_children:
            if child.type == "variable_name":
                name, place = self.source.of(child), self.locate(self.source.char(child.start_byte))
                earlier = name in state.defaulted
                self.note(Assignment(name, UNKNOWN, place, earlier=earlier, removes=True), state)
                state.variables[name] = (Value(""),)

    def _redirected_statement(self, node: Node, state: State) -> None:
        """Run a command with its redirections, also what the parser hangs below them."""
        for child in node.named_children:
            if not child.type.endswith("_redirect"):
                self.visit(child, state)
        for child in node.named_children:
            if child.type.endswith("_redirect"):
                self._redirect(child, state)

    def _redirect(self, node: Node, state: State) -> None:
        """Run the rest of a line that stands behind `<<EOF`."""
        for child in node.named_children:
            if child.type in {"command", "pipeline", "list", "redirected_statement"}:
                self._apart([child], state)

    def _command(self, node: Node, state: State) -> None:
        """Run a command: a function of the script, another shell, `ollama`, or what changes the shell itself."""
        self.inside(node, state)
        line: list[Word] = []
        for child in node.children:
            if child.type in _ARGUMENTS or child.type in words.EXPANDED:
                line += self._words(child, state)
        execute(self, node, line, state)

    def _words(self, child: Node, state: State) -> list[Word]:
        """Return the words that an argument becomes; the arguments of a function keep their places."""
        inner = child.named_children[0] if child.type == "command_name" and child.named_children else child
        if state.arguments is not None and self.source.of(inner) in _ALL_ARGUMENTS:
            return list(state.arguments)
        start = self.source.char(inner.start_byte)
        return [Word(found, start, self.called[-1], inner) for found in self.evaluator.fields(inner, state)]

    def call(self, name: str, arguments: tuple[Word, ...] | None, state: State) -> None:
        """Run a function with the arguments it is given; what it declares as local is gone behind it."""
        if name in self.called or len(self.called) > _DEEPEST:
            return
        self.reached.add(name)
        self.called.append(name)
        outer, before = (state.arguments, state.local), dict(state.variables)
        state.arguments = arguments
        self.visit(self.functions[name], state)
        for local in state.local - outer[1]:
            state.variables.pop(local, None)
            state.variables.update({local: before[local]} if local in before else {})
        state.arguments, state.local = outer
        state.returned = False
        self.called.pop()


def _behind_key(value: Value) -> Value:
    """Return the value of `[key]=value`."""
    return value.cut(value.text.index("]=") + 2) if value.text is not None and "]=" in value.text else value
