"""The readers that ship, and how a file finds its own."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from pytest_newscreator.errors import SourceError
from pytest_newscreator.places import Place
from pytest_newscreator.sources import dotenv, templates
from pytest_newscreator.sources.compose import reader as compose
from pytest_newscreator.sources.docker import dockerfile
from pytest_newscreator.sources.literals import reader as literals
from pytest_newscreator.sources.ollama import modelfile
from pytest_newscreator.sources.python import reader as python
from pytest_newscreator.sources.shell import reader as shell
from pytest_newscreator.sources.sites import Read, Reader, SourceFile, merge
from pytest_newscreator.sources.tree import is_left_out


def readers() -> tuple[Reader, ...]:
    """Return the readers of the file kinds that we know."""
    return (
        compose.READER,
        dotenv.READER,
        dockerfile.READER,
        shell.READER,
        python.READER,
        modelfile.READER,
        literals.READER,
    )


_OWN = frozenset(reader.name for reader in readers())


def read(source: SourceFile, readers_: Iterable[Reader]) -> Read:
    """Ask every reader that knows this path; a file that cannot be read is a problem, never a silence."""
    known, inner = _known(source.path, readers_)
    return _read_alone(known, source, inner)


def _known(path: str, readers_: Iterable[Reader]) -> tuple[list[Reader], str | None]:
    """Return the readers of a file, and as what they read it where it is a template: ours know only what it is of."""
    inner = templates.template_of(path)
    named = [reader for reader in readers_ if reader.matches(path)]
    if inner is None or any(reader.name not in _OWN for reader in named):
        return named, None
    return [reader for reader in readers_ if reader.matches(inner) and is_left_out(inner) is None], inner


def _read_alone(known: Sequence[Reader], source: SourceFile, inner: str | None) -> Read:
    """Ask several readers of one file, of a template as what it is a template of."""
    if inner is None:
        return _read(known[0], source) if len(known) == 1 else merge(_read(reader, source) for reader in known)
    return templates.read(source, inner, lambda covered: merge(_read(reader, covered) for reader in known))


def read_all(
    paths: Iterable[str], load: Callable[[str], SourceFile | None], readers_: Sequence[Reader]
) -> dict[str, Read]:
    """Read several files, those of a kind together where the kind wants that; return what each one says, in order.

    `load` gives the text of a path, None where there is none; it is asked only for what a reader knows.
    """
    found: dict[str, list[Read]] = {}
    waiting: dict[str, list[SourceFile]] = {}
    with _without_collector():
        for path in paths:
            known, inner = _known(path, readers_)
            source = load(path) if known else None
            if source is None:
                continue
            together = [reader for reader in known if reader.read_all is not None and inner is None]
            alone = [reader for reader in known if reader not in together]
            found[path] = [_read_alone(alone, source, inner)] if alone else []
            for reader in together:
                waiting.setdefault(reader.name, []).append(source)
        for reader in readers_:
            reads = _together(reader, waiting.get(reader.name, []))
            for source in waiting.get(reader.name, []):
                found[source.path].append(reads.get(source.path, Read()))
    return {path: reads[0] if len(reads) == 1 else merge(reads) for path, reads in found.items()}


@contextmanager
def _without_collector() -> Iterator[None]:
    """Keep the collector of cycles from walking trees, tokens and sites over and over: they have none.

    What is left at the end is made old at once, so that it is not taken for young and walked then.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            if not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()
            gc.enable()


def _together(reader: Reader, sources: Sequence[SourceFile]) -> Mapping[str, Read]:
    """Read the files of one kind together; where one of them cannot be read, each for itself."""
    if reader.read_all is None or not sources:
        return {}
    try:
        return reader.read_all(sources)
    except Exception:  # noqa: BLE001 - whatever it is, one of the files says it below
        return {source.path: _read(reader, source) for source in sources}


def _read(reader: Reader, source: SourceFile) -> Read:
    """Ask one reader; whatever it raises is a problem of this file alone."""
    try:
        return reader.read(source)
    except SourceError as error:
        return Read(problems=((error.place or Place(source.path), error.message),))
    except Exception as error:  # noqa: BLE001 - a reader may be anybody's
        message = f"the reader {reader.name} fails on it ({type(error).__name__}: {error}), its defaults are not known"
        return Read(problems=((Place(source.path, 1, 1), message),))
