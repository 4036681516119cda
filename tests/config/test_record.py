"""A table of recorded results is held to itself and to the contract: what cannot be true has its cell."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.measured.record import RECORD
from pytest_newscreator.contract.faults import ContractErrors
from pytest_newscreator.contract.load import loads
from pytest_newscreator.measure.record.audit import RULES
from pytest_newscreator.places import Place

if TYPE_CHECKING:
    from conftest import Stack
    from pytest_newscreator.verdicts import Finding

CONTRACT = """\
version: 1
model:
  service: backend
  base: gemma3:4b-it-qat
  rollback: gemma3:4b
  parameters: {num_batch: 1024}
  variants: {gemma3-4b-16k: {num_ctx: 16384}, gemma3-4b-60k: {num_ctx: 61440}}
services:
  backend: {kind: ollama, process: {command: [ollama, serve]}, gpu: rtx, settings: {OLLAMA_NUM_PARALLEL: 1}}
gpus: {rtx: {memory: 8188 MiB}}
latency:
  load: {clients: 1}
  cases:
    small: {model: gemma3-4b-16k, prompt_tokens: 950}
    xl: {model: gemma3-4b-60k, prompt_tokens: 50000}
  record: results/record.md
"""
RECORDED = "results/record.md"


@pytest.fixture
def repository(tmp_path: Path, stack_at: Callable[[Path], Stack]) -> Stack:
    """A repository with a contract and a folder for its results."""
    stack = stack_at(tmp_path)
    stack.write("newscreator.yaml", CONTRACT)
    stack.write("results/other.txt", "")
    return stack


def audit(stack: Stack, *lines: str) -> dict[str, Finding]:
    """Return the findings of a Markdown table, by the row and rule of their items."""
    head, *body = lines
    ruler = "|".join("---" for _ in head.split("|"))
    stack.write(RECORDED, "\n".join(["# Results", "", head, ruler, *body, ""]))
    return {item.removeprefix(f"record[{RECORDED} ")[:-1]: one for item, one in stack.found(RECORD).items()}


def test_the_migrations_own_table_does_not_add_up(repository: Stack) -> None:
    """Two rows cannot be true, three figures are doubtful; each at its cell of the record."""
    page = Path(__file__).parents[2].joinpath("news-creator/record.md").read_text(encoding="utf-8")
    repository.write(RECORDED, page)
    found = {item.removeprefix(f"record[{RECORDED} ")[:-1]: one for item, one in repository.found(RECORD).items()}
    severities = {name: one.severity for name, one in found.items()}
    assert severities == {
        "Host vram": "note",
        "medium text": "note",
        "large characters": "error",
        "large decode": "note",
        "xl waiting": "error",
    }
    assert found["large characters"].place == repository.behind(RECORDED, "| large | gemma3-4b-16k | ")
    assert found["xl waiting"].place == repository.behind(RECORDED, "| ~150,000 | ")
    assert found["Host vram"].place == repository.behind(RECORDED, "| VRAM after load | ")
    assert "5,163 tokens: 9.7 characters a token" in found["large characters"].message
    assert "96,709 tokens, and the window holds 61,440: 7.6 s are no prefill" in found["xl waiting"].message
    assert "5,403 MiB is forecast" in found["Host vram"].message
    assert "5,929 MiB for num_parallel 2 and num_batch 1024" in found["Host vram"].message
    assert all(one.fix for one in found.values())


def test_every_cell_of_the_migrations_table_is_read(repository: Stack) -> None:
    """Nothing of it is left unverified, and the explanations around it are taken for no figures."""
    pages = (Path(__file__).parents[2] / name for name in ("news-creator/record.md", "docs/record.md"))
    repository.write(RECORDED, "\n".join(page.read_text(encoding="utf-8") for page in pages))
    assert repository.unverified(RECORD) == {}


HEAD = "Case | Prompt tokens | TTFT | Prefill | Decode"
GOOD = "small | 950 | 0.31 s | 4,380 tok/s | 52.7 tok/s"

CONTRADICTIONS = [
    ("small prefill", HEAD, "small | 9,500 | 0.31 s | 4,380 tok/s | 52", "0.31 s"),
    ("small window", HEAD, "small | 20,000 | 5 s | 4,380 tok/s | 52", "20,000"),
    ("small waiting", HEAD, "small | 950 | 3.9 s | 4,380 tok/s | 52", "3.9 s"),
    ("xl waiting", "Case | TTFT (ms) | Prefill", "xl | 20960 | 4614", "20960"),
    ("small characters", "Case | Characters | TTFT | Prefill", "small | 10K | 0.31 s | 4380", "10K"),
    ("small characters", "Case | Characters | TTFT | Prefill", "small | 120,000 | 4.5 s | 4380", "120,000"),
    ("small reload", "Case | Prompt tokens | TTFT | Load", "small | 950 | 2.31 s | 1.9 s", "1.9 s"),
    ("small reload", "Case | Prompt tokens | TTFT | Load", "small | 950 | 310 ms | 400 ms", "400 ms"),
    ("small total", "Case | TTFT | Total", "small | 0.31 s | 0.30 s", "0.30 s"),
    ("small total", "Case | TTFT | Total | Answer tokens | Decode", "small | 0.3 s | 2 s | 400 | 50", "2 s"),
    ("small order", "Case | TTFT P50 | TTFT P99", "small | 0.31 s | 0.29 s", "0.29 s"),
    ("small cache", "Case | Cache hit rate | TTFT", "small | 140 % | 0.3 s", "140 %"),
    ("small requests", "Case | Requests | TTFT P99", "small | 100 | 0.3 s", "100"),
    ("small requests", "Case | n | TTFT", "small | 5 | 0.3 s", "5"),
    ("small vram", "Case | VRAM", "small | 3,700 MiB", "3,700 MiB"),
    ("small vram", "Case | VRAM", "small | 8.3 GiB", "8.3 GiB"),
    ("small vram", "Case | VRAM", "small | 5,935 MiB", "5,935 MiB"),
    ("qat size", "Name | Model | Size", "qat | gemma3:4b-it-qat | 2.6 GB", "2.6 GB"),
]


@pytest.mark.parametrize(("name", "head", "row", "cell"), CONTRADICTIONS)
def test_what_cannot_be_true_is_found_at_its_cell(repository: Stack, name: str, head: str, row: str, cell: str) -> None:
    """One contradiction, one finding, and what was written is told."""
    found = audit(repository, head, row)
    assert list(found) == [name]
    column = row.index(f"| {cell}") + 3
    assert found[name].place == Place(RECORDED, 5, column)
    assert found[name].observed == cell
    assert found[name].fix


@pytest.mark.parametrize(
    ("head", "rows"),
    [
        (HEAD, [GOOD]),
        (HEAD, ["small | 950 | 0.205 s | 4,380 | 52"]),  # a median time beside a median rate
        (HEAD, [GOOD, "medium | 4,700 | 1.20 s | 4,056 | 51", "large | 14,000 | 3.2 s | 4,569 | 49"]),
        ("Case | Prompt tokens | TTFT | Prefill | Cached", ["small | 9,500 | 0.31 s | 4,380 | 90 %"]),
        ("Case | Prompt tokens | TTFT | Prefill | Load", ["small | 950 | 0.9 s | 4,380 | 0.27 s"]),
        ("Case | Characters | TTFT | Prefill", ["small | ~5,500 | 0.31 s | 4,380 tok/s"]),
        ("Case | TTFT | Total | Answer tokens | Decode", ["small | 0.3 s | 8.3 s | 400 | 50"]),
        ("Case | Requests | TTFT P50 | TTFT P99", ["small | 500 | 0.31 s | 0.31 s"]),
        ("Case | n | TTFT", ["small | 7 | 0.3 s"]),
        ("Case | VRAM", ["small | 5,403 MiB", "xl | 6,467 MiB"]),
        ("Model | Size", ["gemma3:4b | 3.3 GB", "gemma3:4b-it-qat | 4.0 GB", "qwen2.5:7b | 4.7 GB"]),
        ("Name | Model | VRAM", ["old | gemma3:4b | 4,619 MiB", "foreign | llama3.2:3b | 3,000 MiB"]),
        ("Model | TTFT | Prefill", ["a | 0.3 s | 400", "b | 0.3 s | 9,000"]),
    ],
)
def test_what_can_be_true_is_silent(repository: Stack, head: str, rows: list[str]) -> None:
    """No false alarm: rounding, warm overhead, a cache that is told, models whose shapes are not known."""
    found = audit(repository, head, *rows)
    assert found == {}


def test_a_rate_from_the_prefix_cache_stands_out(repository: Stack) -> None:
    """403,806 tok/s beside 4,113: 301 tokens of which one was evaluated."""
    rows = ["a | 301 | 0.09 s | 4,113 | 52", "b | 301 | 0.1 s | 403,806 | 52", "c | 300 | 0.09 s | 4,020 | 52"]
    assert list(audit(repository, HEAD, *rows)) == ["b cache"]


def test_faster_decoding_behind_a_longer_prompt_is_a_note(repository: Stack) -> None:
    """It may be the answer that was short; the others of the table are the measure."""
    found = audit(repository, HEAD, GOOD, "large | 14,000 | 3.3 s | 4,569 tok/s | 57.5 tok/s")
    assert {name: one.severity for name, one in found.items()} == {"large decode": "note"}


def test_waiting_is_doubtful_where_requests_queue(repository: Stack) -> None:
    """With several clients a first token may wait for others."""
    repository.edit("newscreator.yaml", "clients: 1", "clients: 8")
    found = audit(repository, HEAD, "small | 950 | 3.9 s | 4,380 tok/s | 52")
    assert {name: one.severity for name, one in found.items()} == {"small waiting": "note"}


def test_a_number_without_a_unit_is_not_verified(repository: Stack) -> None:
    """Seconds or milliseconds: nobody knows, and it must not look like a pass."""
    assert audit(repository, HEAD, "small | 950 | 310 | 4,380 tok/s | 52") == {}
    ((item, reason),) = repository.unverified(RECORD).items()
    assert item == f"record[{RECORDED}]"
    assert f"310 ({RECORDED}:5:15)" in reason


def test_a_cell_without_a_figure_is_absent(repository: Stack) -> None:
    """A dash, a word and an empty cell are no figures, and nothing is missing."""
    assert audit(repository, HEAD, "small | - | 0.3 s | n/a |", "large | 950 | 0.3 s | timed out | 52", GOOD) == {}
    assert repository.unverified(RECORD) == {}


def test_a_table_in_code_and_an_escaped_pipe_are_no_rows(repository: Stack) -> None:
    """An example is not the record; a pipe in a cell does not end it."""
    example = "```\nCase | TTFT | Total\n---|---|---\nx | 9 s | 1 s\n```\n"
    table = "| Case | Note | TTFT | Total |\n| --- | :-: | --- | --- |\n| a\\|b | `x\\|y` | **9 s** | 1 s |\n"
    repository.write(RECORDED, f"{example}\n{table}")
    ((item, finding),) = repository.found(RECORD).items()
    assert item == f"record[{RECORDED} a|b total]"
    assert finding.place == repository.behind(RECORDED, "**9 s** | ")


@pytest.mark.parametrize(
    "row", ["small | 2,000 | 0 s | 0", "small | 0 | 0 s | 4,380", "small | 2,000 | 0.3 s | 0 tok/s"]
)
def test_nothing_at_all_is_no_crash(repository: Stack, row: str) -> None:
    """A run that failed is recorded as zeros; a prompt that took no time at all cannot be."""
    found = audit(repository, "Case | Characters | TTFT | Prefill | Context", f"{row} | 0")
    assert set(found) <= {"small characters", "small waiting"}


def test_a_line_without_an_end_costs_no_time(repository: Stack) -> None:
    """Backslashes, brackets and blanks by the hundred thousand are read once, not in every way they could be."""
    long = ["`a" * 50_000 + "\\", "<" * 100_000, "(" * 100_000, " " * 100_000, "-" * 100_000, "1," * 50_000]
    assert audit(repository, HEAD, *(f"small | {text} | {text}" for text in long)) == {}
    audit(repository, " | ".join(long), GOOD, *(f"| {text} | --- | {text}" for text in long))
    assert repository.only(RECORD)[0] == f"record[{RECORDED}]"


def test_json_is_read_with_its_places(repository: Stack) -> None:
    """A list of objects, or a mapping of them by name; units stand in the keys."""
    repository.edit("newscreator.yaml", "record: results/record.md", "record: [results/a.json, results/b.json]")
    wrong = {"case": "small", "prompt_tokens": 9500, "ttft_s": 0.31, "prefill_tok_s": 4380, "note": None}
    repository.write("results/a.json", json.dumps({"runs": [wrong]}, indent=2))
    repository.write("results/b.json", json.dumps({"small": {"ttft_ms": 310, "total_ms": 300}}, indent="\t"))
    found = repository.found(RECORD)
    assert list(found) == ["record[results/a.json small prefill]", "record[results/b.json small total]"]
    places = [one.place for one in found.values()]
    assert places == [
        repository.behind("results/a.json", '"ttft_s": '),
        repository.behind("results/b.json", '"total_ms": '),
    ]


def test_a_record_that_is_not_there_is_found(repository: Stack) -> None:
    """A path with a slip of the pen audits nothing for ever."""
    item, finding = repository.only(RECORD)
    assert item == f"record[{RECORDED}]"
    assert finding.place == repository.behind("newscreator.yaml", "record: ")


def test_without_its_folder_a_record_is_not_verified(repository: Stack) -> None:
    """A copy of the stack without its documentation has no record, and does not pass for one."""
    repository.edit("newscreator.yaml", RECORDED, "docs/record.md")
    assert list(repository.unverified(RECORD)) == ["record[docs/record.md]"]
    assert repository.found(RECORD) == {}


@pytest.mark.parametrize("text", ["# Nothing yet\n", "| a | b |\n| - | - |\n| 1 | 2 |\n"])
def test_a_file_without_figures_is_found(repository: Stack, text: str) -> None:
    """Headings that nobody understands would pass in silence."""
    repository.write(RECORDED, text)
    item, finding = repository.only(RECORD)
    assert item == f"record[{RECORDED}]"
    assert "no table with figures" in finding.message


def test_broken_json_is_found_at_its_file(repository: Stack) -> None:
    """What cannot be read is no pass."""
    repository.edit("newscreator.yaml", RECORDED, "results/a.json")
    repository.write("results/a.json", '{"ttft_s": 1,}')
    _, finding = repository.only(RECORD)
    assert finding.place == Place("results/a.json")
    assert "no JSON" in finding.message


def test_a_waiver_makes_a_note_of_a_row(repository: Stack) -> None:
    """History stays as it was written, with a reason and a day; the waiver is needed as long as the row stands."""
    audit(repository, HEAD, "small | 9,500 | 0.31 s | 4,380 tok/s | 52")
    waiver = f'{{check: record, where: "{RECORDED} small *", reason: history, until: 2999-12-31}}'
    repository.write("newscreator.yaml", f"{CONTRACT}waivers:\n  - {waiver}\n")
    said = {one.item: one.status for one in repository.judge(only=lambda item: item.startswith(("record", "waiver")))}
    assert said[f"record[{RECORDED} small prefill]"] == "note"
    assert "failed" not in said.values()


def test_every_rule_has_a_case_here_and_a_line_in_the_docs() -> None:
    """A rule that no test breaks may never find anything."""
    broken = {name.split()[1] for name, *_ in CONTRADICTIONS} | {"text", "decode"}
    assert broken == {rule.name for rule in RULES}
    page = Path(__file__).parents[2].joinpath("docs/record.md").read_text(encoding="utf-8")
    assert all(f"| `{rule.name}` |" in page for rule in RULES)


def test_a_record_outside_the_repository_is_refused() -> None:
    """The contract speaks of its own repository."""
    with pytest.raises(ContractErrors, match=r"latency.record is ../x.md, outside the repository"):
        loads("version: 1\nmodel: {base: x}\nlatency: {record: ../x.md}\n", Path("newscreator.yaml"))
