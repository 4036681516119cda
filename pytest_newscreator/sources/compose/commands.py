"""The commands of a Compose service, read as the shell or the container's first process would read them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import yaml

from pytest_newscreator.sources.compose.nodes import Nodes, interpolated
from pytest_newscreator.sources.lines import Spelled, joined
from pytest_newscreator.sources.ollama.commands import find_call
from pytest_newscreator.sources.order import in_order
from pytest_newscreator.sources.shell.commands import report_words
from pytest_newscreator.sources.shell.reader import read_script
from pytest_newscreator.sources.sites import Read, merge

if TYPE_CHECKING:
    from pytest_newscreator.sources.shell.walk import Walk

_HOOKS = ("pre_start", "post_start", "pre_stop")


def read_commands(service: yaml.Node, scope: str, nodes: Nodes) -> Read:
    """Report what every command of a service says: its own, its health check's, its hooks'."""
    main = _main(service, scope, nodes)
    others = [_one(node, scope, nodes) for node in _others(service, nodes)]
    return merge([*main, *others, _health(nodes.entry(service, "healthcheck", "test"), scope, nodes)])


def created(service: yaml.Node, nodes: Nodes) -> dict[str, str]:
    """Return the configs of a service that are Modelfiles, each with the model that a command makes of it."""
    commands = [nodes.entry(service, "command"), nodes.entry(service, "entrypoint"), *_others(service, nodes)]
    made: dict[str, str] = {}
    for words in (_words(command, nodes) or _split(command, nodes) for command in commands):
        texts = [word.text for word in words]
        call = find_call(texts)
        if call is not None and call.verb == "create" and call.names and call.modelfile is not None:
            made[texts[call.modelfile]] = texts[call.names[0]]
    return {source: made[target] for source, target in _configs(service, nodes) if target in made}


def _split(node: yaml.Node | None, nodes: Nodes) -> list[Spelled]:
    """Return the words of a command in a string, as far as blanks tell."""
    text = interpolated(nodes.spell(node), defaults=False) if isinstance(node, yaml.ScalarNode) else None
    return [text.cut(word.start(), word.end()) for word in re.finditer(r"\S+", text.text)] if text else []


def _configs(service: yaml.Node, nodes: Nodes) -> Iterator[tuple[str, str]]:
    """Yield the configs of a service, each with its path in the container."""
    for config in _elements(nodes.entry(service, "configs")):
        source, target = nodes.entry(config, "source"), nodes.entry(config, "target")
        if isinstance(config, yaml.ScalarNode):
            yield config.value, f"/{config.value}"
        elif isinstance(source, yaml.ScalarNode):
            yield source.value, target.value if isinstance(target, yaml.ScalarNode) else f"/{source.value}"


def _main(service: yaml.Node, scope: str, nodes: Nodes) -> Iterator[Read]:
    """Yield what entrypoint and command say; two lists are one command."""
    entrypoint, command = nodes.entry(service, "entrypoint"), nodes.entry(service, "command")
    image = nodes.entry(service, "image")
    bare = entrypoint is None and isinstance(image, yaml.ScalarNode) and "ollama" in image.value
    words = [*_words(entrypoint, nodes), *_words(command, nodes)]
    yield _listed(_behind_ollama(words) if bare else words, scope, nodes)
    for node in (entrypoint, command):
        if isinstance(node, yaml.ScalarNode):
            text = interpolated(nodes.spell(node), defaults=False)
            yield _script(_as_argument(text) if bare else text, scope, nodes)


def _others(service: yaml.Node, nodes: Nodes) -> Iterator[yaml.Node | None]:
    """Yield the commands of hooks and of `develop.watch`."""
    for key in _HOOKS:
        for hook in _elements(nodes.entry(service, key)):
            yield nodes.entry(hook, "command")
    for watch in _elements(nodes.entry(service, "develop", "watch")):
        yield nodes.entry(watch, "exec", "command")


def _elements(node: yaml.Node | None) -> list[yaml.Node]:
    """Return the elements of a sequence; anything else has none."""
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _one(node: yaml.Node | None, scope: str, nodes: Nodes) -> Read:
    """Report one command in either form."""
    if isinstance(node, yaml.ScalarNode):
        return _script(interpolated(nodes.spell(node), defaults=False), scope, nodes)
    return _listed(_words(node, nodes), scope, nodes)


def _health(node: yaml.Node | None, scope: str, nodes: Nodes) -> Read:
    """Report a health check: CMD is a list of words, CMD-SHELL and a string are scripts, NONE is neither."""
    words = _words(node, nodes)
    if words and words[0].text == "CMD-SHELL":
        return merge([_script(word, scope, nodes) for word in words[1:2]])
    if words:
        return _listed(words[1:] if words[0].text in {"CMD", "NONE"} else words, scope, nodes)
    return _one(node, scope, nodes)


def _words(node: yaml.Node | None, nodes: Nodes) -> list[Spelled]:
    """Return the words of a list; what Compose puts into them is unknown."""
    scalars = [element for element in _elements(node) if isinstance(element, yaml.ScalarNode)]
    return [interpolated(nodes.spell(element), defaults=False) for element in scalars]


def _listed(words: list[Spelled], scope: str, nodes: Nodes) -> Read:
    """Report words that no shell sees."""
    walk = read_script("", nodes.place, scope=scope)
    report_words(walk, words, set())
    return _as_compose(walk)


def _script(text: Spelled, scope: str, nodes: Nodes) -> Read:
    """Report a script; what cannot be parsed is no problem, since a command in a string need not be shell."""
    walk = read_script(text.text, text.locator(nodes.place), scope=scope)
    return replace(_as_compose(walk), problems=())


def _as_compose(walk: Walk) -> Read:
    """Return what a walk found; what a command is given is a value of its service."""
    sites = [
        replace(site, kind="compose-value") if site.kind == "shell-assignment" else site
        for site in in_order(walk.sites)
    ]
    return Read(tuple(sites), frozenset(walk.reads), tuple(walk.problems))


def _behind_ollama(words: list[Spelled]) -> list[Spelled]:
    """Return the words as the entrypoint of Ollama's image gets them."""
    if not words or words[0].text.rpartition("/")[2] == "ollama":
        return words
    return [_ollama(words[0], "ollama"), *words]


def _as_argument(text: Spelled) -> Spelled:
    """Return a command in a string as the entrypoint of Ollama's image gets it."""
    first = text.text.split(None, 1)[0] if text.text.strip() else "ollama"
    return text if first.rpartition("/")[2] == "ollama" else joined([_ollama(text, "ollama "), text], text.start)


def _ollama(before: Spelled, text: str) -> Spelled:
    """Return a text that stands before another in no file."""
    return Spelled(text, (before.start,) * len(text), before.start)
