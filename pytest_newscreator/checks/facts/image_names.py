"""What an image's name tells: whether it stays the same image, its version, and what is known of the image."""

from __future__ import annotations

import re

from pytest_newscreator.frozen import frozen

# Words that a registry moves from image to image; `rocm` is Ollama's newest for AMD cards.
_MOVING = (
    "latest main master edge nightly stable dev devel rolling canary beta alpha next current head snapshot lts rocm"
)
# Official images, which bring no HEALTHCHECK by their own rules, those of them that run as root; then two others.
_PLAIN = """
almalinux alpine amazoncorretto amazonlinux archlinux busybox clojure debian eclipse-temurin elixir erlang fedora gcc
golang haskell julia maven node openjdk oraclelinux perl php pypy python r-base rockylinux ruby rust scratch swift
ubuntu nvidia/cuda ollama/ollama
"""
MOVING = frozenset(_MOVING.split())
PLAIN = frozenset(_PLAIN.split())
_PINNED = re.compile(r"v?\d.*|[0-9a-f]{7,}")
_NUMBERS = re.compile(r"v?(\d+(?:\.\d+)+(?:-rc\d+)?)")
_HUBS = ("docker.io/", "index.docker.io/", "library/")


@frozen
class Reference:
    """An image's name in its parts, as `[repository][:tag][@digest]`; the default registry is left out."""

    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def is_complete(self) -> bool:
        """Tell whether no part that its separators promise is empty: `${UNSET}` leaves such a gap."""
        return bool(self.repository) and self.tag != "" and self.digest != ""

    @property
    def is_floating(self) -> bool:
        """Tell whether the name may mean another image tomorrow: neither a digest nor a version stands in it."""
        if self.digest is not None:
            return False
        words = re.split(r"[-_.]", (self.tag or "latest").lower())
        return any(word in MOVING for word in words) and not any(_PINNED.fullmatch(word) for word in words)

    @property
    def version(self) -> str | None:
        """Return the version, without the flavour behind it; None where only a digest tells it."""
        if self.tag is None:
            return "latest" if self.digest is None else None
        numbers = _NUMBERS.match(self.tag)
        return numbers[1] if numbers else self.tag


def parse_reference(text: str) -> Reference:
    """Take an image's name apart; a colon before the last slash belongs to a registry's port."""
    name, at, digest = text.partition("@")
    head, slash, last = name.rpartition("/")
    stem, colon, tag = last.partition(":")
    repository = f"{head}{slash}{stem}"
    for hub in _HUBS:
        repository = repository.removeprefix(hub)
    return Reference(repository, tag if colon else None, digest if at else None)


def is_plain(text: str | None) -> bool:
    """Tell whether an image is known to run as root and to bring no HEALTHCHECK."""
    return parse_reference(text or "").repository in PLAIN
