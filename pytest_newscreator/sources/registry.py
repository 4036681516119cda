"""The readers that ship, and how a file finds its own."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_newscreator.errors import SourceError
from pytest_newscreator.places import Place
from pytest_newscreator.sources import compose, dockerfile, dotenv, modelfile, python, shell
from pytest_newscreator.sources.sites import Read, Reader, SourceFile, merge


def readers() -> tuple[Reader, ...]:
    """Return the readers of the file kinds that we know."""
    return (compose.READER, dotenv.READER, dockerfile.READER, shell.READER, python.READER, modelfile.READER)


def read(source: SourceFile, readers_: Iterable[Reader]) -> Read:
    """Ask every reader that knows this path; a file that cannot be read is a problem, never a silence."""
    reads: list[Read] = []
    for reader in readers_:
        if not reader.matches(source.path):
            continue
        try:
            reads.append(reader.read(source))
        except SourceError as error:
            reads.append(Read(problems=((error.place or Place(source.path), error.message),)))
    return merge(reads)
