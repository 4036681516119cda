"""What one command of a shell script does, once its words are known: for a run on paper."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING

from pytest_newscreator.sources.ollama.commands import OllamaCall, find_call, starts_server
from pytest_newscreator.sources.shell import words
from pytest_newscreator.sources.shell.commands import is_shell, script_index
from pytest_newscreator.sources.shell.values import LIMIT, UNKNOWN, State, Value, Values, Word

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tree_sitter import Node

    from pytest_newscreator.places import Place
    from pytest_newscreator.sources.ollama.commands import CallWords
    from pytest_newscreator.sources.shell.run import Run

_READING = frozenset({"read", "mapfile", "readarray", "getopts"})
_SETTING = re.compile(r"([A-Za-z_]\w*)=")


def execute(run: Run, node: Node, line: Sequence[Word], state: State) -> None:
    """Run one command."""
    texts = [word.text for word in line]
    name = texts[0] if texts else ""
    if name in run.functions:
        run.call(name, tuple(line[1:]), state)
        return
    serves = starts_server(texts)
    if serves:
        _given(run, node, line, state)
        run.serves.append(run.steps)
    run.calls += _calls(run, line, texts)
    _nested(run, line, texts, state)
    if name in _READING:
        _read(run, node, texts[1:], state)
    elif name == "set" and "--" in texts:
        state.arguments = tuple(line[texts.index("--") + 1 :])
    elif name == "shift" and state.arguments is not None:
        state.arguments = state.arguments[int(texts[1]) if len(texts) > 1 and texts[1].isdecimal() else 1 :]
    state.ended = state.ended or name == "exit" or (name == "exec" and len(texts) > 1)
    state.returned = state.returned or name == "return"


def _calls(run: Run, line: Sequence[Word], texts: Sequence[str]) -> Iterator[OllamaCall]:
    """Yield the calls of `ollama` that a command comes to, one for each set of names."""
    found = find_call(texts)
    if found is None:
        return
    named = [line[index].values for index in found.names]
    modelfile = _modelfile(line, found)
    place, scope = run.locate(line[found.command].start), line[found.command].scope
    for chosen in _choices(named):
        sources = sorted(frozenset().union(*(value.sources for value in chosen)))
        names = tuple(value.text or None for value in chosen)
        written = tuple(_place(run, line[index], value) for index, value in zip(found.names, chosen, strict=True))
        yield OllamaCall(found.verb, names, place, modelfile, scope, tuple(sources), written)


def _place(run: Run, word: Word, value: Value) -> Place | None:
    """Return where a name is written: its literal, else the word that puts it together."""
    if not value.text:
        return None
    return value.at(0) if value.at is not None else run.locate(word.start)


def _choices(named: Sequence[Values]) -> Iterator[tuple[Value, ...]]:
    """Yield every set of names; of too many nothing is known."""
    count = 1
    for values in named:
        count *= len(values)
    yield from product(*named) if count <= LIMIT else [tuple(UNKNOWN[0] for _ in named)]


def _modelfile(line: Sequence[Word], found: CallWords) -> str | None:
    """Return the file of a `create` where it can only be one."""
    if found.modelfile is None:
        return "-" if words.STDIN.search(" ".join(word.text for word in line)) else None
    values = line[found.modelfile].values
    return values[0].text if len(values) == 1 else None


def _nested(run: Run, line: Sequence[Word], texts: Sequence[str], state: State) -> None:
    """Run the script that another shell is given; what it sets counts only if it is the server itself."""
    for index, text in enumerate(texts):
        script = script_index(texts, index) if is_shell(text) else None
        node = line[script].node if script is not None else None
        if script is not None and node is not None:
            piece = words.spell(node, run.source)
            inner = type(run)(piece.text, piece.locator(run.locate), line[script].scope)
            inner.steps = run.steps
            inner.run(State(dict(state.variables), arguments=tuple(line[script + 2 :]), defaulted=set(state.defaulted)))
            run.calls += inner.calls
            run.problems += inner.problems
            if inner.serves:
                run.assignments += inner.assignments
                run.serves += inner.serves
            run.steps = inner.steps
            return


def _given(run: Run, node: Node, line: Sequence[Word], state: State) -> None:
    """Keep the variables that stand before the command of a server, by themselves or behind `env`."""
    for child in node.children:
        if child.type == "variable_assignment":
            run.assign(child, state.alone(), exports=True)
    if "env" not in {word.text.rpartition("/")[2] for word in line}:
        return
    for word in line:
        found = _SETTING.match(word.text)
        if found and word.node is not None:
            piece = words.spell(word.node, run.source).cut(found.end())
            run.give(found[1], (Value(piece.value),), piece.start, state)


def _read(run: Run, node: Node, names: Sequence[str], state: State) -> None:
    """Let `read` and its like assign: what a here-string says, else something unknown."""
    given = next((child for child in node.children if child.type == "herestring_redirect"), None)
    values = run.evaluator.value(given.named_children[-1], state) if given is not None else UNKNOWN
    text = values[0].text if len(values) == 1 else None
    names = [name for name in names if words.IDENTIFIER.match(name)]
    parts = _split(text, _separator(run, node), len(names)) if text is not None else []
    for index, name in enumerate(names):
        part = (parts[index] if index < len(parts) else "") if text is not None else None
        state.variables[name] = (Value(part, values[0].sources),)
        state.arrays.pop(name, None)


def _separator(run: Run, node: Node) -> str | None:
    """Return what `IFS` before a command says, `None` where it is left alone."""
    for child in node.children:
        name, value = child.child_by_field_name("name"), child.child_by_field_name("value")
        if child.type == "variable_assignment" and name is not None and run.source.of(name) == "IFS":
            return words.spell(value, run.source).value if value is not None else ""
    return None


def _split(text: str, separator: str | None, count: int) -> list[str]:
    """Split a line as `read` does: the last name takes the rest."""
    if separator == "" or not count:
        return [text]
    if separator is None:
        return text.split(None, count - 1)
    found = re.split(f"[{re.escape(separator)}]", text, maxsplit=count - 1)
    return [part.strip() for part in found]
