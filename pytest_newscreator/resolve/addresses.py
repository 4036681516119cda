"""The addresses that the text of a setting holds: one, a list of them, or a map between them and models."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_newscreator.frozen import frozen

PORTS = {"http": 80, "https": 443}
"""The port of an address that names none, by its scheme."""

_HIGHEST_PORT = 65535
_ADDRESS = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?(?:[^@/?#\s]*@)?"
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[\w.-]+))(?::(?P<port>[0-9]*))?(?:[/?#]\S*)?"
)
_ENTRY = re.compile(r"[^\s,;]+")
_URL_FIRST = re.compile(r"(?P<url>[A-Za-z][A-Za-z0-9+.-]*://[^=|?#]+?)(?:=>|=|\|)(?P<label>.+)")
_URL_LAST = re.compile(r"(?P<label>[^=|@/]+?(?:/[^=|@/]+?)*)(?:=>|=|\||@)(?P<url>[A-Za-z][A-Za-z0-9+.-]*://.+)")
_BARE_PAIR = re.compile(r"(?P<one>[^=|]+?)(?:=>|=|\|)(?P<two>[^=|]+)")
_HOST_AND_PORT = re.compile(r"[A-Za-z0-9_.-]+:[0-9]{2,5}")
_URL_KEYS = ("url", "base_url", "api_base", "endpoint", "address", "server", "host")
_MODEL_KEYS = ("model", "models", "model_name", "name")
_CREDENTIALS = re.compile(r"(?<=://)[^@/\s]*(?=@)")


@frozen
class Address:
    """Where a request would go; `scheme` is "" and `port` None where they are not written."""

    scheme: str
    host: str
    port: int | None

    @property
    def wanted_port(self) -> int | None:
        """Return the port a request goes to: its own, else its scheme's; None where the program decides."""
        return self.port if self.port is not None else PORTS.get(self.scheme)


@frozen
class Entry:
    """One part of a setting: where it begins in the text, its address (None where it is none), what it is mapped to.

    `names_models` says that nothing but a model can stand on the other side: `http://gpu:11434=gemma3:4b`.
    """

    text: str
    start: int
    address: Address | None
    labels: tuple[str, ...] = ()
    names_models: bool = False


def entries(text: str) -> tuple[Entry, ...]:
    """Return what a text holds: one entry an address, in order; nothing where it is blank.

    It may be a URL or `host:port`, a list (commas, semicolons, blanks, JSON), a map `url=model` or `model=url`, or a
    JSON object of either direction, also one of objects with `url` and `model`.
    """
    if text.lstrip()[:1] in {"[", "{"}:
        try:
            return tuple(_Json(text).entries(json.loads(text), ()))
        except ValueError:  # an IPv6 address begins like a list
            pass
    return tuple(_plain(match.group(), match.start()) for match in _ENTRY.finditer(text))


def address(text: str) -> Address | None:
    """Return the address that a text is, None where it is none: no host, or a port that cannot be."""
    match = _ADDRESS.fullmatch(text)
    if match is None or (match["scheme"] is None and "://" in text):
        return None
    host, port = match["v6"] or match["host"], match["port"]
    if host.isdecimal() or (port and not 1 <= int(port) <= _HIGHEST_PORT):
        return None
    return Address((match["scheme"] or "").lower(), host.lower().rstrip("."), int(port) if port else None)


def masked(text: str) -> str:
    """Return a text without the credentials of its addresses."""
    return _CREDENTIALS.sub("***", text)


def _plain(text: str, start: int) -> Entry:
    """Return an entry that is written without JSON."""
    bare = text.strip("\"'")
    start += text.index(bare)
    mapped = _URL_FIRST.fullmatch(bare)
    if mapped:
        return Entry(bare, start, address(mapped["url"]), (mapped["label"],), names_models=True)
    mapped = _URL_LAST.fullmatch(bare)
    if mapped:
        return Entry(bare, start, address(mapped["url"]), (mapped["label"],))
    pair = None if "://" in bare else _BARE_PAIR.fullmatch(bare)
    if pair and _HOST_AND_PORT.fullmatch(pair["one"]):
        return Entry(bare, start, address(pair["one"]), (pair["two"],), names_models=True)
    if pair:
        found = address(pair["two"]) if _HOST_AND_PORT.fullmatch(pair["two"]) else None
        return Entry(bare, start, found, (pair["one"],))
    return Entry(bare, start, address(bare))


@dataclass(slots=True)
class _Json:
    """Walks a JSON value and remembers how far into the text it has come."""

    text: str
    at: int = 0

    def entries(self, value: object, labels: tuple[str, ...]) -> Iterator[Entry]:
        """Yield the entries of a value; `labels` are the keys that lead to it."""
        if isinstance(value, str):
            yield from self.found(value, labels)
        elif isinstance(value, list):
            for element in value:
                yield from self.entries(element, labels)
        elif isinstance(value, dict):
            yield from self.mapped(value, labels)

    def mapped(self, value: dict[str, object], labels: tuple[str, ...]) -> Iterator[Entry]:
        """Yield the entries of an object: one of its own where it has a key for an address, else one a member."""
        url = next((value[key] for key in _URL_KEYS if isinstance(value.get(key), str)), None)
        if isinstance(url, str):
            port = value.get("port")
            models = tuple(name for key in _MODEL_KEYS for name in _texts(value.get(key)))
            whole = f"{url}:{port}" if isinstance(port, int) and ":" not in url.partition("://")[2] else url
            yield Entry(url, self.find(url), address(whole), (*labels, *models), bool(models))
            return
        for key, member in value.items():
            if "://" in key:
                yield Entry(key, self.find(key), address(key), _texts(member), names_models=True)
            else:
                yield from self.entries(member, (*labels, key))

    def found(self, text: str, labels: tuple[str, ...]) -> Iterator[Entry]:
        """Yield a string; below a key only what is surely an address, since the others may say anything."""
        start = self.find(text)
        if not labels:
            yield _plain(text, start)
        elif "://" in text or _HOST_AND_PORT.fullmatch(text):
            yield Entry(text, start, address(text), labels)

    def find(self, text: str) -> int:
        """Return where a string stands, behind those before it; 0 where it is written with escapes."""
        start = self.text.find(json.dumps(text, ensure_ascii=False), self.at) + 1
        if not start:
            return 0
        self.at = start + len(text)
        return start


def _texts(value: object) -> tuple[str, ...]:
    """Return a string, or the strings of a list."""
    values = value if isinstance(value, list) else [value]
    return tuple(text for text in values if isinstance(text, str))
