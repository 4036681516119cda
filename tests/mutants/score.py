"""The detection score: drifts found at their file and line, harmless edits left alone (`make mutants`)."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import yaml
from mutants import structure
from mutants.edits import Edit, drifts, harmless
from mutants.occurrences import Occurrence, occurrences

from pytest_newscreator.checks.builtin import CHECKS
from pytest_newscreator.checks.findings import Findings
from pytest_newscreator.contract.load import load
from pytest_newscreator.errors import NewscreatorError
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources import registry

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "tests" / "corpus"
PARTS = ("newscreator.yaml", ".env.example", ".gitignore", "compose", "news-creator")
REFERENCE = "reference"
LEFT_OUT = shutil.ignore_patterns(
    "__pycache__", ".env", "*.gguf", ".*_cache", ".hypothesis", "expected.yaml", "inert.yaml"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one edit: `ok`, and else what was said instead; `extra` counts findings at other places."""

    repository: str
    edit: str
    is_drift: bool
    ok: bool
    said: tuple[str, ...] = ()
    extra: int = 0


def copied(name: str, folder: Path) -> Path:
    """Copy a repository to a folder of its own, with git where it has git."""
    root = folder / name
    if name == REFERENCE:
        root.mkdir()
        for part in PARTS:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, root / part, ignore=LEFT_OUT)
            else:
                shutil.copy(source, root / part)
    else:
        shutil.copytree(CORPUS / name, root, ignore=shutil.ignore_patterns("expected.yaml"))
    if _expected(name).get("git", True):
        subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    return root


def _expected(name: str) -> dict[str, object]:
    """Return what is written down about a repository."""
    path = CORPUS / name / "expected.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}


def inert(name: str) -> list[str]:
    """Return the places whose text equals a contract value and carries none, each with its reason in `inert.yaml`."""
    known = yaml.safe_load((Path(__file__).parent / "inert.yaml").read_text(encoding="utf-8"))
    return [one["at"] for one in known.get(name) or ()]


def said(root: Path) -> list[tuple[str, str, str, str]]:
    """Return what the config checks say: severity, check, path:line, message."""
    findings = Findings(CHECKS, Repository(load(root / "newscreator.yaml"), registry.readers()))
    found = []
    for judged in findings.said():
        finding = judged.finding
        if finding is not None:
            place = f"{finding.place.path}:{finding.place.line}" if finding.place else ""
            found.append((finding.severity, judged.check.name, place, finding.message))
    return found


def carriers(name: str, root: Path, baseline: Iterable[str]) -> Iterator[Occurrence]:
    """Yield the occurrences that carry a contract value: not those written down as inert, nor what is wrong already."""
    contract = load(root / "newscreator.yaml")
    without, wrong = inert(name), set(baseline)
    for found in occurrences(root, contract):
        line = f"{found.path}:{found.line}"
        places = (found.path, line, f"{line}:{found.column}")
        if places[1] not in wrong and not any(fnmatchcase(place, one) for one in without for place in places):
            yield found


def edits(name: str, root: Path) -> list[Edit]:
    """Return every edit of a repository."""
    contract = load(root / "newscreator.yaml")
    wrong = [place for _, _, place, _ in said(root)]
    found = [edit for one in carriers(name, root, wrong) for edit in drifts(root, contract, one)]
    found += harmless(root, contract)
    return found + (structure.edits(root) if name == REFERENCE else [])


def tried(root: Path, name: str, edit: Edit, before: list[tuple[str, str, str, str]]) -> Outcome:
    """Make one edit, ask what is said, take it back."""
    kept = {path: (root / path).read_bytes() if (root / path).exists() else None for path, _ in edit.files}
    try:
        for path, text in edit.files:
            _write(root / path, None if text is None else text.encode())
        try:
            after = said(root)
        except NewscreatorError as error:
            after = [("error", "unreadable", str(error.place), error.message)]
    finally:
        for path, data in kept.items():
            _write(root / path, data)
    return _judged(name, edit, before, after)


def _write(path: Path, data: bytes | None) -> None:
    """Write a file, or remove it."""
    if data is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _judged(
    name: str, edit: Edit, before: list[tuple[str, str, str, str]], after: list[tuple[str, str, str, str]]
) -> Outcome:
    """Hold what is said after an edit against what should be."""
    if edit.at is None:
        was, now = (Counter((s, c, p.rpartition(":")[0], m) for s, c, p, m in found) for found in (before, after))
        lines = tuple(f"{'+' if n > 0 else '-'} {key}" for key, n in _difference(was, now).items())
        return Outcome(name, edit.name, is_drift=False, ok=not lines, said=lines)
    news = [one for one in after if one not in before]
    hits = [one for one in news if one[0] == "error" and fnmatchcase(one[2], edit.at)]
    shown = tuple(f"{severity} {check} {place} {message}" for severity, check, place, message in news)
    return Outcome(name, edit.name, is_drift=True, ok=bool(hits), said=shown, extra=len(news) - len(hits[:1]))


def _difference(was: Counter[tuple[str, str, str, str]], now: Counter[tuple[str, str, str, str]]) -> dict[object, int]:
    """Return what is more (+) or less (-) than before."""
    return {key: now[key] - was[key] for key in (*was, *now) if now[key] != was[key]}


def of_repository(name: str, share: tuple[int, int]) -> list[Outcome]:
    """Try one share of the edits of a repository, in a copy."""
    with tempfile.TemporaryDirectory(prefix="newscreator-mutants-") as folder:
        root = copied(name, Path(folder))
        before = said(root)
        mine = edits(name, root)[share[0] :: share[1]]
        return [tried(root, name, edit, before) for edit in mine]


def main() -> None:
    """Print the score; exit with 1 where a drift is missed or a harmless edit is heard of."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repositories", nargs="*", help="the reference stack and every repository of the corpus")
    parser.add_argument("--verbose", action="store_true", help="show findings beside the one that was sought")
    options = parser.parse_args()
    names = options.repositories or [REFERENCE, *sorted(path.parent.name for path in CORPUS.glob("*/expected.yaml"))]
    began = time.monotonic()
    with ProcessPoolExecutor(2) as pool:
        jobs = {name: [pool.submit(of_repository, name, (part, 2)) for part in range(2)] for name in names}
        outcomes = {name: [one for job in parts for one in job.result()] for name, parts in jobs.items()}
    failed = report(outcomes, verbose=options.verbose)
    print(f"{time.monotonic() - began:.0f} s")
    sys.exit(failed)


def report(outcomes: dict[str, list[Outcome]], *, verbose: bool) -> bool:
    """Print a line a repository and what went wrong; return whether anything did."""
    width = max(len(name) for name in outcomes)
    everything = [one for found in outcomes.values() for one in found]
    for name, found in (*outcomes.items(), ("total", everything)):
        drifted, calm = ([one for one in found if one.is_drift is kind] for kind in (True, False))
        caught, quiet = (sum(one.ok for one in kind) for kind in (drifted, calm))
        share = f"{100 * caught / len(drifted):.1f} %" if drifted else "-"
        beside = sum(one.extra for one in drifted)
        print(
            f"{name:{width}}  drifts caught at their file and line {caught:4d} of {len(drifted):4d} ({share});"
            f" harmless edits left alone {quiet:4d} of {len(calm):4d}; findings beside the one sought {beside}"
        )
    for one in everything:
        if not one.ok or (verbose and one.extra):
            what = "MISSED" if one.is_drift else "FALSE ALARM"
            print(f"{what if not one.ok else 'beside'}: {one.repository}: {one.edit}")
            for line in one.said[:6]:
                print(f"    {line}")
    return not all(one.ok for one in everything)


if __name__ == "__main__":
    main()
