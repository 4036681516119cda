"""Hold `data/ollama.json` against the sources of an Ollama release; says what differs and ends with 1 if anything does.

    scripts/ollama-settings.py VERSION FOLDER      FOLDER is the release's Go module or checkout

To add a release: append its version to `tables`, run this, then write `since`, `last` and `then` for what it names.
What kind a variable is of, its default and its effect are read by a person, in `envconfig/config.go`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from pytest_newscreator.sources.ollama.settings import PREFIX, dead, known, table_for

QUOTED = re.compile(r'"([A-Za-z][A-Za-z0-9_]*)"')
SUFFIXES = {".go", ".c", ".cpp", ".h", ".cu", ".m"}
# What is set there is for other programs, or read by Ollama's own tests and tools alone.
ASIDE = ("integration/", "cmd/launch/", "cmd/bench/", "llama/llama.cpp/tools/")


def quoted(folder: Path) -> frozenset[str]:
    """Return every name that stands between quotes in the sources, tests and comments left out."""
    lines = (line for path in sources(folder) for line in path.read_text(errors="replace").splitlines())
    return frozenset(name for line in lines if not line.lstrip().startswith("//") for name in QUOTED.findall(line))


def sources(folder: Path) -> Iterator[Path]:
    """Yield the source files of a release."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).as_posix()
        if (
            path.suffix in SUFFIXES
            and path.is_file()
            and not inside.endswith("_test.go")
            and not inside.startswith(ASIDE)
        ):
            yield path


def differences(version: str, names: frozenset[str]) -> Iterator[str]:
    """Yield what the table of a version and the names in its sources do not agree about."""
    table = known(version)
    yield from (f"{name}: in the table, not in the sources" for name in sorted(table.keys() - names))
    for name in sorted(name for name in names - table.keys() - {PREFIX} if name.startswith(PREFIX)):
        yield f"{name}: in the sources, not in the table ({dead(name, version)})"


def main(version: str, folder: str) -> int:
    """Print the differences."""
    if table_for(version) != version:
        sys.stdout.write(f"no table is for {version}, the nearest lower one is {table_for(version)}\n")
        return 1
    found = list(differences(version, quoted(Path(folder))))
    agreed = f"{version}: {len(known(version))} variables agree with the sources"
    sys.stdout.write(("\n".join(found) or agreed) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:  # noqa: PLR2004
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
