"""The last links of a variant's chain: its Modelfile is the declared one, and lies where the script reads it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

from pytest_newscreator.contract.model import Model, Variant
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.docker.image import Copy
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.resolve.start.container_files import sources_of
from pytest_newscreator.resolve.start.scripts import Creation
from pytest_newscreator.resolve.start.startup import Script
from pytest_newscreator.sources.docker.words import split
from pytest_newscreator.verdicts import Finding, NotVerified

_PLAIN = re.compile(r"[\w-]+")
_BLANK = re.compile(r"[\s,;]")


def modelfile_finding(repository: Repository, model: Model, variant: Variant, creation: Creation) -> Finding | None:
    """Judge the Modelfile of a variant that is created: it is the declared one, and lies where the script reads it."""
    wanted = variant.modelfile
    is_read = wanted is not None and creation.call.verb == "create"
    if wanted is None or not is_read or not (repository.root / wanted).is_file():  # `modelfile` says so
        return None
    paths = _paths_read(creation, wanted)
    known = [path for path in paths if path.startswith("/")]
    found = [arrived.source.path for path in known if (arrived := creation.by.files.at(path)) is not None]
    if not paths or wanted in found:
        return _hidden(creation, wanted) if paths else None
    if found and creation.call.modelfile in known:
        return _of_another(creation, variant, found[0])
    brings = _brings(creation, wanted)
    if brings is not None:
        return _elsewhere(creation, wanted, brings, known) if known and not found else _hidden(creation, wanted)
    return None if not known and _is_mounted(creation, wanted) else _absent(creation, model, variant, known)


def _of_another(creation: Creation, variant: Variant, found: str) -> Finding:
    """Say that a variant is made of another Modelfile than the declared one."""
    return Finding(
        f"{variant.name} is made of {found}, the contract says {variant.modelfile}",
        place=creation.script.at(creation.call.place),
        expected=variant.modelfile,
        observed=found,
        fix=f"create it of {posixpath.basename(variant.modelfile or '')}, or declare the other Modelfile",
    )


def _paths_read(creation: Creation, wanted: str) -> list[str]:
    """Return the paths by which the script may read a Modelfile; a relative one begins where nobody knows."""
    name, call = posixpath.basename(wanted), creation.call
    texts = creation.by.ran(creation.script).texts
    found = sorted(text for text in texts if posixpath.basename(text) == name and not _BLANK.search(text))
    if call.modelfile and call.modelfile != "-" and not _is_made(creation.script, posixpath.basename(call.modelfile)):
        found.append(call.modelfile)
    return [path for path in found if not path.startswith("~")]


def _is_made(script: Script, name: str) -> bool:
    """Return whether a script may make a file itself: it names it elsewhere than behind `-f`."""
    named = re.escape(name)
    given = re.findall(rf"(?:-f|--file)[ \t=]+\S*{named}", script.source.text)
    return len(given) != len(re.findall(named, script.source.text))


def _brings(creation: Creation, wanted: str) -> tuple[Copy, str] | None:
    """Return the COPY that brings a file of the repository into the image, and the path it lies at."""
    context = creation.by.files.context
    if context is None:
        return None
    for copy in creation.by.files.copies():
        for source in copy.sources if copy.from_stage is None else ():
            below = posixpath.relpath(wanted, context.path(source))
            names_it = below == "." or not below.startswith("..")
            folder = copy.destination.rstrip("/")
            if names_it and below != ".":
                return copy, f"{folder}/{below}"
            is_folder = copy.destination.endswith("/") or len(copy.sources) > 1
            if names_it:
                return copy, f"{folder}/{posixpath.basename(wanted)}" if is_folder else copy.destination
        name = posixpath.join(copy.destination, posixpath.basename(wanted))
        for source, _ in sources_of(copy, name, context) if copy.from_stage is None else ():
            if context.path(source) == wanted:
                return copy, name
    return None


def _is_mounted(creation: Creation, wanted: str) -> bool:
    """Return whether a file of the repository lies in a folder that the container mounts."""
    binds = (mount.source for mount in creation.by.compose.volumes if mount.type == "bind" and mount.source)
    return any(source == "." or f"{wanted}/".startswith(f"{source.rstrip('/')}/") for source in binds)


def _hidden(creation: Creation, wanted: str) -> Finding | None:
    """Judge whether a Modelfile that is copied reaches the build."""
    context, brings = creation.by.files.context, _brings(creation, wanted)
    if context is None or brings is None:
        return None
    hidden = context.hidden_by(posixpath.relpath(wanted, context.folder))
    if hidden is None:
        return None
    return Finding(
        f"the build does not see {wanted}: this line of {context.ignore_path} hides it",
        place=hidden,
        chain=(f"{brings[0].place}: copies it",),
        fix=f"remove the line, or bring the file back with `!{context.inside(posixpath.basename(wanted))}`",
    )


def _elsewhere(creation: Creation, wanted: str, brings: tuple[Copy, str], known: Sequence[str]) -> Finding:
    """Say that a Modelfile lies in one folder and is read from another."""
    copy, lies = brings
    read_from = posixpath.dirname(known[0])
    given = (value for value in creation.by.given.environment.values() if value.text and value.origin)
    origin = next((v.origin for v in given if posixpath.normpath(v.text or "") == read_from), None)
    return Finding(
        f"{posixpath.basename(wanted)} lies in {posixpath.dirname(lies)}, and is read from {read_from}",
        place=origin or _destination_place(creation, copy),
        expected=posixpath.dirname(lies),
        observed=read_from,
        chain=(f"{copy.place}: copies it", f"{creation.script.at(creation.call.place)}: creates a model of it"),
        fix="copy it to where it is read from, or let the variable name the folder",
    )


def _destination_place(creation: Creation, copy: Copy) -> Place:
    """Return where the destination of a COPY is written."""
    parsed = creation.by.files.dockerfile
    lines = [line for stage in parsed.stages for line in stage.instructions] if parsed else []
    for line in lines:
        words = split(line.rest, parsed.escape) if parsed and line.place == copy.place else []
        if parsed and words and line.words is None:
            return parsed.lines.place(words[-1].start)
    return copy.place


def _absent(creation: Creation, model: Model, variant: Variant, known: Sequence[str]) -> Finding | None:
    """Say that a Modelfile is not in the container; nothing is known of an image that is not built here."""
    parsed = creation.by.files.dockerfile
    wanted = variant.modelfile or ""
    if parsed is None or not parsed.stages or creation.by.files.context is None:
        raise NotVerified(f"what is in the image of {creation.by.compose.name} is not known", needs="", fix="")
    missed = _missed(creation, wanted, known)
    why = f"this source does not bring: {missed[0]}" if missed else "nothing brings into the container"
    return Finding(
        f"{variant.name} is created of {posixpath.basename(wanted)}, which {why}",
        place=(missed[1] if missed else _copy_place(creation, model)) or parsed.stages[-1].place,
        expected=wanted,
        observed="not copied, not mounted",
        chain=(f"{creation.script.at(creation.call.place)}: creates {variant.name}",),
        fix=f"correct the source, or copy {wanted} too" if missed else f"copy {wanted} too",
        lacks=wanted,
    )


def _missed(creation: Creation, wanted: str, known: Sequence[str]) -> tuple[str, Place] | None:
    """Return the source of a COPY that should bring a Modelfile, with the reason why it does not.

    It names the file in another stage or image, or nothing matches it and it goes to where the file is read.
    """
    context, name = creation.by.files.context, posixpath.basename(wanted)
    folders = {posixpath.dirname(path) for path in known}
    for copy in creation.by.files.copies():
        for source, place in zip(copy.sources, copy.source_places, strict=True):
            if copy.from_stage is not None and posixpath.basename(source) == name:
                return f"{_described(creation, copy.from_stage, place)} {source}", place
            goes_there = posixpath.normpath(copy.destination) in folders
            if copy.from_stage is None and goes_there and context and not context.matches(source):
                return f"nothing in {context.folder} matches {source}", place
    return None


def _described(creation: Creation, stage: str, place: Place) -> str:
    """Return why `--from` does not bring a file; raise NotVerified where it names an image, or another context."""
    parsed, build = creation.by.files.dockerfile, creation.by.compose.build
    if parsed is not None and parsed.stage(stage) is not None:
        return f"the stage {stage} does not have"
    contexts = creation.by.compose.get("build.additional_contexts")
    if build is None or not _PLAIN.fullmatch(stage) or (contexts is not None and stage in contexts.children):
        raise NotVerified(f"{place}: what {stage} has is not known", needs="", fix="")
    return f"no stage is called {stage}, which should have"


def _copy_place(creation: Creation, model: Model) -> Place | None:
    """Return where the Modelfile of another variant is copied."""
    context = creation.by.files.context
    others = {other.modelfile for other in model.variants.values() if other.modelfile}
    for copy in creation.by.files.copies() if context else ():
        for source, place in zip(copy.sources, copy.source_places, strict=True):
            if context and copy.from_stage is None and context.path(source) in others:
                return place
    return None
