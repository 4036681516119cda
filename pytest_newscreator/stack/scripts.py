"""Start scripts on this machine: an address in their text is the container's own, and here it may be somebody else's.

The run's copy of a script is translated, and each line that changes is listed. What cannot be known before it runs
(`localhost:$PORT`) is refused with its line: it could reach the server that this user runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pytest_newscreator.errors import StackError
from pytest_newscreator.stack.model import Placement
from pytest_newscreator.stack.placement import Placing

MOST_SCRIPT_BYTES: Final = 1024 * 1024
SHELLS: Final = re.compile(rb"#!\s*\S*(?:/env\s+)?\S*?\b(?:ba|da|k|z|a)?sh\b")
ASSIGNED: Final = re.compile(r"\bOLLAMA_HOST=(\"[^\"]*\"|'[^']*'|[^\s;&|)]*)")
DEFAULTED: Final = re.compile(r"\$\{OLLAMA_HOST:?[-=?+][^}]*\}")
"""What it falls back to is never used: every process has an OLLAMA_HOST."""
COMPUTED: Final = re.compile(r"(?<![\w.-])(?:localhost|127\.0\.0\.1|0\.0\.0\.0):[\"']?\$")
FIX: Final = "take the address from OLLAMA_HOST or another variable, or use --newscreator-stack compose"


def place_scripts(key: str, root: Path, command: Sequence[str], placing: Placing) -> Iterator[Placement]:
    """Translate the copied scripts below `root`; raises `StackError` where an address cannot be known before."""
    named = {Path(word) for word in command}
    for file in sorted(root.rglob("*")):
        text = _text(file) if not file.is_symlink() or _is_below(file, root) else None
        if text is None or not (file in named or _is_shell(file)):
            continue
        lines = text.splitlines(keepends=True)
        placed = [_placed(key, f"/{file.relative_to(root)}", n, line, placing) for n, line in enumerate(lines, 1)]
        if placed != lines:
            mode = file.stat().st_mode
            file.chmod(mode | 0o200)
            file.write_text("".join(placed), encoding="utf-8", newline="")
            file.chmod(mode)
        for number, (before, after) in enumerate(zip(lines, placed, strict=True), 1):
            if before != after:
                where = f"/{file.relative_to(root)}:{number}"
                yield Placement(key, where, before.strip(), after.strip(), "placed in the run's own copy")


def refuse_scripts(key: str, folder: Path, command: Sequence[str], placing: Placing) -> None:
    """Raise `StackError` where a script that runs in place, in the checkout, names an address that is placed."""
    for word in command:
        file = folder / word
        text = _text(file)
        if text is None or not file.resolve().is_relative_to(folder.resolve()):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            placed = _placed(key, word, number, line, placing)
            if placed != line:
                said = f"{word}:{number}: {key} is told {line.strip()!r}, which is not where this run's server is"
                raise StackError(said, fix=FIX)


def _placed(key: str, file: str, number: int, line: str, placing: Placing) -> str:
    """Return a line of a script as it is here; raises `StackError` where that cannot be known."""
    if line.lstrip().startswith("#"):
        return line
    kept = DEFAULTED.findall(line)
    rest = ASSIGNED.sub(lambda match: _assigned(match, placing), DEFAULTED.sub("\0", line))
    if COMPUTED.search(rest) or any("$" in value and "OLLAMA_HOST" not in value for value in ASSIGNED.findall(rest)):
        said = f"{file}:{number}: {key} computes an address of this machine ({line.strip()[:80]})"
        raise StackError(f"{said}, which may be another server's", fix=FIX)
    rest = placing.addresses(rest)
    for one in kept:
        rest = rest.replace("\0", one, 1)
    return rest


def _assigned(match: re.Match[str], placing: Placing) -> str:
    """Return an assignment of OLLAMA_HOST as it is here."""
    value = match.group(1).strip("\"'")
    if "$" in value or "\0" in value or not value:
        return match.group(0)
    return f"OLLAMA_HOST={placing.ollama_host(value)}"


def _is_shell(file: Path) -> bool:
    """Return whether a file is a shell script, by its first line or its name."""
    with file.open("rb") as opened:
        return file.suffix in {".sh", ".bash"} or SHELLS.match(opened.readline(200)) is not None


def _is_below(file: Path, root: Path) -> bool:
    """Return whether a link stays in the run's folder."""
    return file.resolve().is_relative_to(root.resolve())


def _text(file: Path) -> str | None:
    """Return the text of a small file; None where it is none."""
    try:
        if not file.is_file() or file.stat().st_size > MOST_SCRIPT_BYTES:
            return None
        with file.open(encoding="utf-8", newline="") as opened:
            return opened.read()
    except (OSError, ValueError):
        return None
