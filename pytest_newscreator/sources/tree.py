"""Which files of a repository are read: what its stack is made of, without tests, documentation and foreign code.

Git decides what belongs to a repository; where there is none, a walk does, and then `.gitignore` is not known.
"""

from __future__ import annotations

import os
import posixpath
import re
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from pytest_newscreator.errors import SourceError
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.sources.sites import SourceFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

MOST_BYTES: Final = 2_000_000
GIT_PATIENCE_S: Final = 60
CONTRACT: Final = "newscreator.yaml"

_TESTS: Final = "test code"
_DOCS: Final = "documentation"
_VENDORED: Final = "vendored"
_GENERATED: Final = "generated"

_FOLDERS: Final = {
    _TESTS: "test tests __tests__ testdata test-data fixtures __fixtures__ __mocks__ spec specs e2e",
    _DOCS: "docs doc documentation",
    _VENDORED: "vendor vendored third_party third-party 3rdparty node_modules bower_components site-packages "
    "dist-packages .venv venv virtualenv .tox .nox .eggs .yarn",
    _GENERATED: "dist generated __generated__ __pycache__ .mypy_cache .pytest_cache .ruff_cache .hypothesis .cache "
    ".benchmarks htmlcov .next .nuxt .svelte-kit .terraform .gradle",
    "version control": ".git .hg .svn",
}
_REASONS: Final = {folder: reason for reason, folders in _FOLDERS.items() for folder in folders.split()}
_TEST_FILE: Final = re.compile(
    r"conftest\.py|test_.*\.(py|sh|rb|ps1)|.*_test\.(py|go|rb|sh|dart|exs|rs|cc|cpp|c)|.*_spec\.(rb|lua)|.*\.bats|.*\.snap"
    r"|.*\.(test|spec|e2e|cy)\.[cm]?[jt]sx?|.*(Test|Tests|TestCase)\.(java|kt|cs|scala|swift|php)|.*\.feature"
)
_DOCS_FILE: Final = re.compile(
    r"(?!requirements|constraints).*\.txt|.*\.(md|mdx|markdown|rst|adoc|asciidoc|org|tex|man|pod)"
    r"|(readme|license|licence|copying|notice|authors|changelog|changes|contributing|codeowners)",
    re.IGNORECASE,
)
_GENERATED_FILE: Final = re.compile(
    r".*\.(lock|lockb|map|pyc|pyo)|package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.ya?ml|go\.sum"
    r"|verdicts\.json|newscreator\.schema\.json"
    r"|.*\.min\.(js|css|mjs)|.*\.pb(\.gw)?\.(go|cc|h)|.*_pb2(_grpc)?\.pyi?|.*_pb\.[jt]s|.*\.g\.(dart|cs)|zz_generated.*"
    r"|.*[._](gen|generated)\.[a-z]+"
)


@frozen
class Listing:
    """The files that count, sorted, relative to the root and with `/`; `oversized` are those too large to be read."""

    files: tuple[str, ...]
    oversized: tuple[str, ...] = ()


def files(root: Path, *, exclude: Sequence[str] = (), also: Iterable[str] = ()) -> tuple[str, ...]:
    """List the files to read, as `listing` has them."""
    return listing(root, exclude=exclude, also=also).files


def listing(root: Path, *, exclude: Sequence[str] = (), also: Iterable[str] = ()) -> Listing:
    """List the files that count.

    `exclude` are globs as in `.gitignore`. `also` are files that count in any case, ignored or left out, as
    long as they exist inside `root`: what an invocation reads, `.env` above all.
    """
    root = Path(os.path.realpath(root))
    known = _by_git(root)
    candidates = frozenset(_by_walk(root) if known is None else known)
    is_excluded = matcher(exclude)
    kept = {path for path in candidates if is_left_out(path) is None and not is_excluded(path)}
    kinds = {path: kind for path in kept if (kind := _kind(root, path)) is not None}
    # A tracked folder may have been replaced by a link; git still lists what it held.
    inside: dict[str, bool] = {"": True}
    kept = {path for path in kinds if _holds(root, posixpath.dirname(path), inside)}
    links = {path for path in kept if kinds[path].is_link and _is_second_name(root, path, candidates, kept)}
    wanted = {path for name in also if (path := _inside(root, name)) is not None and _is_readable(root, path)}
    large = {path for path in kept - links if kinds[path].is_large}
    return Listing(tuple(sorted((kept - links - large) | wanted)), tuple(sorted(large)))


def is_left_out(path: str) -> str | None:
    """Return why a file is never read (`test code`, `vendored`, …), or `None` where it is read."""
    *folders, name = path.split("/")
    for folder in folders:
        reason = _REASONS.get(folder.lower()) or (_GENERATED if folder.endswith(".egg-info") else None)
        if reason is not None:
            return reason
    if name == CONTRACT:
        return "the contract itself"
    if _TEST_FILE.fullmatch(name):
        return _TESTS
    if _GENERATED_FILE.fullmatch(name):
        return _GENERATED
    return _DOCS if _DOCS_FILE.fullmatch(name) else None


def read_text(root: Path, path: str) -> SourceFile | None:
    """Read one file as text: `None` where it is missing, binary, larger than 2 MB or outside `root`.

    A byte-order mark is taken off, UTF-16 is decoded, bytes that are no UTF-8 become U+FFFD, and line ends stay
    as they are. Raises `SourceError` where the file is there and may not be read.
    """
    name = _inside(root, path)
    return None if name is None or not _is_readable(root, name) else read_listed(root, name)


def read_listed(root: Path, path: str) -> SourceFile | None:
    """Read, as `read_text` does, one of the files that `listing` has found fit to be read just before."""
    try:
        with open(f"{root}/{path}", "rb", buffering=0) as file:  # noqa: PTH123 - as in _kind
            data = file.readall()
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"cannot be read: {error.strerror}, should be readable"
        raise SourceError(message, place=Place(path), fix="mend its permissions, or exclude it") from None
    text = _decode(data)
    return None if text is None else SourceFile(path, text)


def matcher(globs: Iterable[str]) -> Callable[[str], bool]:
    """Return a test of paths against globs: `*`, `?`, `[a-z]` and `**`, as in `.gitignore`.

    A glob with a `/` before its end, or `./`, begins at the root, one without matches at any depth; a folder that
    matches takes everything below it along. `!` has no meaning here.
    """
    rules = [_as_expression(glob) for glob in globs]
    if not rules:
        return lambda _path: False
    whole = re.compile("|".join(rules))
    return lambda path: whole.match(path) is not None


def _as_expression(glob: str) -> str:
    pattern = glob.strip().removeprefix("./").rstrip("/")
    anchored = "/" in pattern or glob.lstrip().startswith("./")
    parts = pattern.removeprefix("/").split("/")
    start = "" if anchored else "(?:.*/)?"
    return f"(?:{start}{''.join(_segments(parts))}(?:/.*)?$)"


def _segments(parts: Sequence[str]) -> Iterator[str]:
    for index, part in enumerate(parts):
        is_last = index == len(parts) - 1
        if part == "**":
            yield ".+" if is_last else "(?:[^/]+/)*"
        else:
            yield _segment(part) + ("" if is_last else "/")


def _segment(part: str) -> str:
    pieces = re.findall(r"\\.|\[[!^]?\]?[^\]]*\]|\*+|\?|.", part, re.DOTALL)
    return "".join(_piece(piece) for piece in pieces)


def _piece(piece: str) -> str:
    if piece.startswith("*"):
        return "[^/]*"
    if piece == "?":
        return "[^/]"
    if piece.startswith("[") and len(piece) > 1:
        return _character_class(piece)
    return re.escape(piece[1:] if piece.startswith("\\") and len(piece) > 1 else piece)


def _character_class(piece: str) -> str:
    negated = piece[1] in "!^"
    inside = re.sub(r"([\\\[\]&~|])", r"\\\1", piece[2 if negated else 1 : -1])
    expression = f"[{'^' if negated else ''}{inside}]"
    try:
        re.compile(expression)
    except re.error:  # such as [z-a]: no class, so it stands for itself
        return re.escape(piece)
    return f"(?!/){expression}"


def _by_git(root: Path) -> tuple[str, ...] | None:
    """List tracked files and untracked ones that are not ignored; `None` where git cannot tell.

    A root inside a larger repository lists its own part. One that the larger repository ignores would list
    nothing, and then git does not decide.
    """
    command = ("git", "-c", "safe.directory=*", "-c", "core.fsmonitor=false", "ls-files", "-z")
    # A hook of git runs with GIT_DIR and GIT_INDEX_FILE set: they would name another repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        listed = subprocess.run(
            (*command, "--cached", "--others", "--exclude-standard"),
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_PATIENCE_S,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    names = (name.decode("utf-8", "replace") for name in listed.split(b"\0") if name)
    known = tuple(name for name in names if "\ufffd" not in name)
    return known if known or (root / ".git").exists() else None


def _by_walk(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        here = posixpath.join(*Path(folder).relative_to(root).parts, "")
        folders[:] = [name for name in folders if is_left_out(f"{name}/") is None]
        yield from (here + name for name in names if name.isprintable())


class _Kind(NamedTuple):
    """What a regular file is beside its name."""

    is_link: bool
    is_large: bool


def _kind(root: Path, path: str) -> _Kind | None:
    """Return what a path is, `None` where it is no regular file."""
    full = f"{root}/{path}"
    try:
        found = own = os.lstat(full)
        if stat.S_ISLNK(own.st_mode):
            found = os.stat(full)  # noqa: PTH116 - thousands of files: Path costs more than the call
    except (OSError, ValueError):
        return None
    return _Kind(found is not own, found.st_size > MOST_BYTES) if stat.S_ISREG(found.st_mode) else None


def _is_readable(root: Path, path: str) -> bool:
    kind = _kind(root, path)
    return kind is not None and not kind.is_large and _stays_inside(root, path)


def _holds(root: Path, folder: str, known: dict[str, bool]) -> bool:
    """Tell whether a folder is inside the root, after all links; `known` is what was found out before."""
    if folder not in known:
        is_plain = not os.path.islink(f"{root}/{folder}") and _holds(root, posixpath.dirname(folder), known)  # noqa: PTH114
        known[folder] = is_plain or _stays_inside(root, folder)
    return known[folder]


def _stays_inside(root: Path, path: str) -> bool:
    steps = path.split("/")
    links = (os.path.islink(f"{root}/{'/'.join(steps[: end + 1])}") for end in range(len(steps)))  # noqa: PTH114
    if not any(links):
        return True
    return Path(os.path.realpath(root / path)).is_relative_to(os.path.realpath(root))


def _is_second_name(root: Path, path: str, candidates: frozenset[str], kept: set[str]) -> bool:
    """Tell whether a link leads out of the root, to a file that is listed itself, or to one that git ignores."""
    target = Path(os.path.realpath(root / path))
    if not target.is_relative_to(root):
        return True
    name = target.relative_to(root).as_posix()
    return name in kept or name not in candidates


def _inside(root: Path, name: str) -> str | None:
    """Return a path relative to the root, or `None` where it leads out of it."""
    path = name.replace("\\", "/") if os.sep == "\\" else name
    if posixpath.isabs(path):
        path = posixpath.relpath(path, Path(root).as_posix())
    path = posixpath.normpath(path)
    return None if path in {".", ".."} or path.startswith("../") or "\0" in path else path


def _decode(data: bytes) -> str | None:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if b"\0" in data:
        return None
    return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
