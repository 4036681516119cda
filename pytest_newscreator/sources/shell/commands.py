"""What the words of one shell command say: a call of `ollama`, a request body, a setting handed over."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_newscreator.sources.bodies import is_json_object, json_sites
from pytest_newscreator.sources.lines import Spelled
from pytest_newscreator.sources.ollama.commands import find_call
from pytest_newscreator.sources.shell.files import Goes, report_file
from pytest_newscreator.sources.shell.python_inside import report_python
from pytest_newscreator.sources.shell.reader import looks_like_shell
from pytest_newscreator.sources.sites import Site

if TYPE_CHECKING:
    from pytest_newscreator.sources.shell.walk import Walk

_SHELLS = frozenset({"sh", "bash", "ash", "dash", "zsh"})
_TESTS = frozenset({"test", "["})
_SEARCHES = frozenset({"grep", "egrep", "fgrep", "rg", "ag"})
_ITEM_CLIENTS = frozenset({"http", "https", "xh", "xhs"})
_ITEM = re.compile(r"(?P<name>[A-Za-z_]\w*)(?P<kind>:?=)(?!=|@)")
_FETCHERS = frozenset({"curl", "wget"})
_ASSIGNING = frozenset({"read", "mapfile", "readarray", "getopts"})
_PYTHON = re.compile(r"python[\d.]*\Z")
_COMMAND_OPTION = re.compile(r"-[a-z]*c\Z")
_VALUED_OPTION = re.compile(r"[-+][a-z]*[oO]\Z")
_SETTING = re.compile(r"(?:--?[A-Za-z][\w-]*=)?([A-Z_][A-Z0-9_]*)=")
_OPTION = re.compile(r"--?[A-Za-z][\w.-]*=")
_DATA_OPTION = re.compile(r"-d|--?[a-z][a-z-]*=")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*\Z")
_TELLING = re.compile(r"[^\W\d_]")
_BLANK = re.compile(r"\s")


def report_words(walk: Walk, words: Sequence[Spelled], known: Collection[str], *, is_required: bool = True) -> set[str]:
    """Report what the words of a command say; return the variables that it assigns (`read X`).

    `is_required` says that the script needs the command to find what it searches for.
    """
    texts = [word.text for word in words]
    if not texts:
        return set()
    name = _base(texts[0])
    consumed = {0} | _report_call(walk, words, texts) | _report_script(walk, words, texts)
    consumed |= _report_jq(walk, words, texts) if name == "jq" else set()
    consumed |= _report_items(walk, words, texts) if name in _ITEM_CLIENTS else set()
    pattern = _pattern(texts) if name in _SEARCHES and not is_required else None
    fetches = any(_base(text) in _FETCHERS for text in texts)
    for index, word in enumerate(words):
        if index not in consumed and not (fetches and _report_data(walk, word)):
            report_text(walk, word, literal=True, is_compared=name in _TESTS or index == pattern)
    if name == "printenv":
        walk.reads.update(text for text in texts[1:] if _IDENTIFIER.match(text) and text not in known)
    return {text for text in texts[1:] if _IDENTIFIER.match(text)} if name in _ASSIGNING else set()


def report_text(walk: Walk, text: Spelled, *, literal: bool, is_compared: bool = False) -> None:
    """Report a word or string for what it looks like: a JSON object, `NAME=value`, or one word of its own.

    `is_compared` says that the script only holds something against it.
    """
    if is_json_object(text.text):
        walk.sites.extend(json_sites(text, walk.locate, walk.scope))
        return
    if not literal:
        return
    setting = _SETTING.match(text.text)
    if setting and not is_compared:
        walk.add(setting[1], text.cut(setting.end()), "shell-assignment")
        return
    option = _OPTION.match(text.text)
    word = text.cut(option.end()) if option else text
    if word.is_known and not word.text.startswith("-") and _TELLING.search(word.text) and not _BLANK.search(word.text):
        walk.add(None, word, "compared" if is_compared else "literal")


def report_heredoc(walk: Walk, body: Spelled, goes_to: Goes) -> None:
    """Report a here-document by what it is and where it goes: a body, a Modelfile, a script, a dotenv file."""
    words = [_base(word) for word in goes_to.command.split()]
    runs = not goes_to.target and (words[:1] == ["ssh"] or any(word in _SHELLS for word in words))
    if is_json_object(body.text):
        walk.sites.extend(json_sites(body, walk.locate, walk.scope))
    elif report_file(walk, body, goes_to):
        return
    elif runs or looks_like_shell(body.text):
        _nested(walk, body)
    elif any(_PYTHON.match(word) for word in words) and not goes_to.target:
        report_python(walk, body)
    elif not goes_to.is_string:
        for line in _lines(body):
            setting = _SETTING.match(line.text)
            if setting and not line.text.startswith("-"):
                walk.add(setting[1], _unquoted(line.cut(setting.end())), "shell-assignment")


def _report_call(walk: Walk, words: Sequence[Spelled], texts: Sequence[str]) -> set[int]:
    """Report a call of `ollama`; return the indexes of its words."""
    call = find_call(texts, walk.carriers)
    if call is None:
        return set()
    for index in call.uses:
        if words[index].is_known:
            walk.add(None, words[index], "ollama-argument")
    return set(range(call.command, len(words)))


def _report_script(walk: Walk, words: Sequence[Spelled], texts: Sequence[str]) -> set[int]:
    """Read the script that `sh -c` or `python -c` is given; return the indexes of the words it takes."""
    for index, text in enumerate(texts[:-2]):
        command = _base(text)
        script = script_index(texts, index) if command in _SHELLS or _PYTHON.match(command) else None
        if script is not None:
            report = _nested if command in _SHELLS else report_python
            report(walk, words[script])
            return set(range(index, script + 1))
    return set()


def script_index(texts: Sequence[str], shell: int) -> int | None:
    """Return which word is the script that the shell at the index `shell` is given by `-c`."""
    index = shell + 1
    while index < len(texts) - 1 and texts[index][:1] in {"-", "+"}:
        if _COMMAND_OPTION.match(texts[index]):
            return index + 1
        index += 2 if _VALUED_OPTION.match(texts[index]) else 1
    return None


def is_shell(text: str) -> bool:
    """Tell whether a word names a shell."""
    return _base(text) in _SHELLS


def _report_jq(walk: Walk, words: Sequence[Spelled], texts: Sequence[str]) -> set[int]:
    """Report the members that `jq --arg NAME VALUE` puts into a body; return the indexes of those words."""
    taken: set[int] = set()
    for index, text in enumerate(texts[:-2]):
        if text in {"--arg", "--argjson"} and _IDENTIFIER.match(texts[index + 1]):
            taken |= {index, index + 1, index + 2}
            if words[index + 2].is_known:
                walk.add(texts[index + 1], words[index + 2], "json-body")
    return taken


def _pattern(texts: Sequence[str]) -> int | None:
    """Return which word of a search is what it searches for: behind `-e`, else the first that is no option."""
    words = range(1, len(texts))
    by_option = next((index for index in words if texts[index - 1] in {"-e", "--regexp"}), None)
    return by_option or next((index for index in words if not texts[index].startswith("-")), None)


def _report_items(walk: Walk, words: Sequence[Spelled], texts: Sequence[str]) -> set[int]:
    """Report the members that HTTPie's items make a body of: `model=d`, `parameters:='{"num_ctx": 1}'`."""
    items = {index: item for index, text in enumerate(texts) if (item := _ITEM.match(text))}
    named = (words[index].cut(item.end()).value for index, item in items.items() if item["name"] == "model")
    model = next(named, None)
    for index, item in items.items():
        body = words[index].cut(item.end())
        if is_json_object(body.text):
            found = json_sites(body, walk.locate, walk.scope)
            walk.sites.extend(replace(site, model=site.model or model) for site in found)
        elif body.is_known:
            place = walk.locate(body.start)
            walk.sites.append(Site(item["name"], body.text, place, "json-body", scope=walk.scope, model=model))
    return set(items)


def _nested(walk: Walk, script: Spelled) -> None:
    """Walk a script that stands inside this one, at its own places."""
    inner = type(walk)(script.text, script.locator(walk.locate), walk.scope, waits=walk.waits)
    inner.run()
    walk.take(inner)


def _report_data(walk: Walk, word: Spelled) -> bool:
    """Report a request body given to curl or wget, also one glued to its option."""
    option = _DATA_OPTION.match(word.text)
    body = word.cut(option.end()) if option else word
    if not is_json_object(body.text):
        return False
    walk.sites.extend(json_sites(body, walk.locate, walk.scope))
    return True


def _lines(body: Spelled) -> Iterator[Spelled]:
    """Yield the lines of a spelled text."""
    begin = 0
    for line in body.text.splitlines(keepends=True):
        yield body.cut(begin, begin + len(line.rstrip("\r\n")))
        begin += len(line)


def _unquoted(value: Spelled) -> Spelled:
    """Return a value without the quotes around it."""
    quoted = len(value.text) > 1 and value.text[0] == value.text[-1] and value.text[0] in "'\""
    return value.cut(1, -1) if quoted else value


def _base(command: str) -> str:
    """Return the name of a command without its folder."""
    return command.rpartition("/")[2]
