"""What the words of one shell command say: a call of `ollama`, a request body, a setting handed over."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from pytest_newscreator.sources._bodies import is_json_object, is_modelfile, json_sites, modelfile_sites
from pytest_newscreator.sources._ollama import OllamaCall, find_call
from pytest_newscreator.sources.lines import Spelled

if TYPE_CHECKING:
    from pytest_newscreator.sources._shell_walk import Walk

_SHELLS = frozenset({"sh", "bash", "ash", "dash", "zsh"})
_FETCHERS = frozenset({"curl", "wget"})
_ASSIGNING = frozenset({"read", "mapfile", "readarray", "getopts"})
_COMMAND_OPTION = re.compile(r"-[a-z]*c\Z")
_SETTING = re.compile(r"(?:--?[A-Za-z][\w-]*=)?([A-Z_][A-Z0-9_]*)=")
_OPTION = re.compile(r"--?[A-Za-z][\w.-]*=")
_DATA_OPTION = re.compile(r"-d|--?[a-z][a-z-]*=")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*\Z")
_TELLING = re.compile(r"[^\W\d_]")
_BLANK = re.compile(r"\s")


def report_words(walk: Walk, words: Sequence[Spelled], known: Collection[str]) -> set[str]:
    """Report what the words of a command say; return the variables that it assigns (`read X`)."""
    texts = [word.text for word in words]
    if not texts:
        return set()
    name = _base(texts[0])
    consumed = {0} | _report_call(walk, words, texts) | _report_script(walk, words, texts)
    fetches = any(_base(text) in _FETCHERS for text in texts)
    for index, word in enumerate(words):
        if index not in consumed and not (fetches and _report_data(walk, word)):
            report_text(walk, word, literal=True)
    if name == "printenv":
        walk.reads.update(text for text in texts[1:] if _IDENTIFIER.match(text) and text not in known)
    return {text for text in texts[1:] if _IDENTIFIER.match(text)} if name in _ASSIGNING else set()


def report_text(walk: Walk, text: Spelled, *, literal: bool) -> None:
    """Report a word or string for what it looks like: a JSON object, `NAME=value`, or one word of its own."""
    if is_json_object(text.text):
        walk.sites.extend(json_sites(text, walk.locate, walk.scope))
        return
    if not literal:
        return
    setting = _SETTING.match(text.text)
    if setting:
        walk.add(setting[1], text.cut(setting.end()), "shell-assignment")
        return
    option = _OPTION.match(text.text)
    word = text.cut(option.end()) if option else text
    if word.is_known and not word.text.startswith("-") and _TELLING.search(word.text) and not _BLANK.search(word.text):
        walk.add(None, word, "literal")


def report_heredoc(walk: Walk, body: Spelled, goes_to: str) -> None:
    """Report a here-document that is a request body or a Modelfile; `goes_to` is its command and target."""
    if is_json_object(body.text):
        walk.sites.extend(json_sites(body, walk.locate, walk.scope))
    elif is_modelfile(body.text, goes_to):
        walk.sites.extend(modelfile_sites(body, walk.locate, walk.scope))
    elif _base(goes_to.split(" ", 1)[0]) in _SHELLS:
        _nested(walk, body)
    else:
        for line in _lines(body):
            setting = _SETTING.match(line.text)
            if setting and not line.text.startswith("-"):
                walk.add(setting[1], _unquoted(line.cut(setting.end())), "shell-assignment")


def _report_call(walk: Walk, words: Sequence[Spelled], texts: Sequence[str]) -> set[int]:
    """Report a call of `ollama`; return the indexes of its words."""
    call = find_call(texts)
    if call is None:
        return set()
    place = walk.locate(words[call.command].start)
    names = tuple(words[index].value for index in call.names)
    modelfile = words[call.modelfile].value if call.modelfile is not None else None
    walk.calls.append(OllamaCall(call.verb, names, place, modelfile, walk.scope))
    for index in call.names:
        if words[index].is_known:
            walk.add(None, words[index], "ollama-argument")
    return set(range(call.command, len(words)))


def _report_script(walk: Walk, words: Sequence[Spelled], texts: Sequence[str]) -> set[int]:
    """Read the script that `sh -c` is given; return the indexes of the words it takes."""
    for index, text in enumerate(texts[:-2]):
        if _base(text) in _SHELLS and _COMMAND_OPTION.match(texts[index + 1]):
            _nested(walk, words[index + 2])
            return {index, index + 1, index + 2}
    return set()


def _nested(walk: Walk, script: Spelled) -> None:
    """Walk a script that stands inside this one, at its own places."""
    inner = type(walk)(script.text, script.locator(walk.locate), walk.scope)
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
