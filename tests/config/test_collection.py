"""What a session collects, how its items are chosen, and how it ends where the contract or an option is wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pytest_newscreator.checks.builtin import CHECKS

CONTRACT = "newscreator.yaml"
FOUR_LINES = "version: 1\nmodel:\n  base: gemma3:4b-it-qat\n  retired: [gemma3:4b]\n"
ITEM = "default[compose/ai.yaml OLLAMA_BASE_MODEL]"


@pytest.fixture
def small(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Make a repository of a four-line contract, two application files and one ordinary test."""
    monkeypatch.delenv("NEWSCREATOR_REQUIRE", raising=False)
    pytester.makefile(".ini", pytest="[pytest]\naddopts = -p no:cacheprovider\ntestpaths = checks\n")
    write(pytester.path / CONTRACT, FOUR_LINES)
    write(pytester.path / "app.py", 'import os\nA = os.getenv("A_MODEL", "gemma3:4b-it-qat")\nB = "gemma3:4b"\n')
    write(pytester.path / "checks/test_own.py", "def test_own():\n    pass\n")
    return pytester


@pytest.fixture
def whole(pytester: pytest.Pytester, reference_copy: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Make a repository of the reference stack, with one default left behind."""
    monkeypatch.delenv("NEWSCREATOR_REQUIRE", raising=False)
    shutil.copytree(reference_copy, pytester.path, dirs_exist_ok=True)
    file = pytester.path / "compose/ai.yaml"
    write(file, file.read_text().replace("${OLLAMA_BASE_MODEL:-gemma3:4b-it-qat}", "${OLLAMA_BASE_MODEL:-gemma3:4b}"))
    return pytester


def write(path: Path, text: str) -> None:
    """Write a file, its folders included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def ids(result: pytest.RunResult) -> list[str]:
    """Return the node ids that `--collect-only -q` printed."""
    return [line for line in result.outlines if "::" in line]


def statuses(folder: Path) -> dict[str, tuple[str, str]]:
    """Return status and message of each item in a `verdicts.json`."""
    document: dict[str, Any] = json.loads((folder / "verdicts.json").read_text(encoding="utf-8"))
    return {verdict["id"]: (verdict["status"], verdict["message"]) for verdict in document["verdicts"]}


def test_a_plain_run_collects_the_contract_beside_the_tests(small: pytest.Pytester) -> None:
    """The contract is added to `testpaths`."""
    found = ids(small.runpytest("--collect-only", "-q"))
    assert found == ["checks/test_own.py::test_own", f"{CONTRACT}::default[app.py literal gemma3:4b]"]


def test_a_given_path_collects_that_path_alone(small: pytest.Pytester) -> None:
    """Who names paths gets those paths."""
    assert ids(small.runpytest("--collect-only", "-q", "checks")) == ["checks/test_own.py::test_own"]


def test_a_named_contract_is_collected_alone(small: pytest.Pytester) -> None:
    """The contract is a path like any other."""
    found = ids(small.runpytest("--collect-only", "-q", CONTRACT))
    assert found == [f"{CONTRACT}::default[app.py literal gemma3:4b]"]


def test_the_contract_is_collected_once_where_the_root_is_collected(small: pytest.Pytester) -> None:
    """Without `testpaths` pytest finds it by itself."""
    write(small.path / "pytest.ini", "[pytest]\naddopts = -p no:cacheprovider\n")
    found = ids(small.runpytest("--collect-only", "-q"))
    assert sorted(found) == ["checks/test_own.py::test_own", f"{CONTRACT}::default[app.py literal gemma3:4b]"]


def test_a_run_in_a_subfolder_collects_the_contract_of_the_root(
    small: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The contract is that of pytest's root folder, wherever one stands."""
    monkeypatch.chdir(small.path / "checks")
    result = small.runpytest("--collect-only", "-q")
    assert any(line.endswith(f"{CONTRACT}::default[app.py literal gemma3:4b]") for line in result.outlines)


def test_a_contract_of_a_parent_folder_can_be_named(small: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files are relative to itself, not to where pytest was started."""
    monkeypatch.chdir(small.path / "checks")
    result = small.runpytest(f"../{CONTRACT}")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["app.py:3:6: gemma3:4b is retired by the contract, the base is gemma3:4b-it-qat"])


def test_a_repository_without_compose_needs_four_lines(small: pytest.Pytester) -> None:
    """Nothing fails for a Compose file that nobody spoke of, and the summary says what was not applicable."""
    write(small.path / "app.py", 'B = "gemma3:4b-it-qat"\n')
    result = small.runpytest(CONTRACT)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["not applicable (no subject in this contract): modelfile, *resolved*"])


def test_a_marker_chooses_the_checks_that_need_no_stack(whole: pytest.Pytester) -> None:
    """`-m config` is every check of the files, and no other."""
    found = ids(whole.runpytest("--collect-only", "-q", "-m", "config"))
    checks = {name.partition("::")[2].partition("[")[0] for name in found}
    assert checks <= {check.name for check in CHECKS if check.marker == "config"}
    assert {"default", "modelfile", "context-agreement", "resolved", "variant-chain", "exposed-port"} <= checks


def test_a_marker_chooses_the_checks_that_need_one(whole: pytest.Pytester) -> None:
    """`-m infra` and `-m gpu` are the rest, without overlap."""
    parts = [set(ids(whole.runpytest("--collect-only", "-q", "-m", name))) for name in ("config", "infra", "gpu")]
    everything = ids(whole.runpytest("--collect-only", "-q"))
    assert sum(map(len, parts)) == len(everything)
    assert set().union(*parts) == set(everything)


def test_a_keyword_chooses_by_check_and_setting(whole: pytest.Pytester) -> None:
    """`-k` sees the name with its brackets."""
    found = ids(whole.runpytest("--collect-only", "-q", "-k", "default and OLLAMA_BASE_MODEL and ai.yaml"))
    assert found == [f"{CONTRACT}::{ITEM}"]


@pytest.mark.parametrize("name", [ITEM, "resolved[default app LLM_NUM_CTX]", "default[app.py LLM_NUM_CTX #2]"])
def test_an_item_is_selected_by_its_id(whole: pytest.Pytester, name: str) -> None:
    """Slashes, blanks and `#2` in brackets need quoting in a shell, and nothing else."""
    write(whole.path / "app.py", "import os\n" + 'N = os.getenv("LLM_NUM_CTX", "16384")\n' * 2)
    assert ids(whole.runpytest("--collect-only", "-q", f"{CONTRACT}::{name}")) == [f"{CONTRACT}::{name}"]


def test_ids_do_not_change_with_lines(whole: pytest.Pytester) -> None:
    """Whatever moves inside a file keeps its id."""
    before = ids(whole.runpytest("--collect-only", "-q"))
    for path in ("compose/ai.yaml", "news-creator/entrypoint-backend.sh", CONTRACT, ".env.example"):
        file = whole.path / path
        write(file, file.read_text(encoding="utf-8").replace("\n", "\n\n# moved\n", 1))
    assert ids(whole.runpytest("--collect-only", "-q")) == before


def test_a_typo_in_a_key_is_one_error_with_its_place(small: pytest.Pytester) -> None:
    """Exit code 2, the place, what was meant, and no traceback."""
    write(small.path / CONTRACT, FOUR_LINES.replace("retired", "retierd"))
    result = small.runpytest()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert result.parseoutcomes() == {"errors": 1}
    result.stdout.fnmatch_lines([f"{CONTRACT}:4:3: *retierd*did you mean 'retired'*"])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*.py:*")


def test_a_contract_that_is_no_yaml_is_one_error(small: pytest.Pytester) -> None:
    """A broken file ends the collection in the same way."""
    write(small.path / CONTRACT, "version: 1\nmodel: [\n")
    result = small.runpytest()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines([f"{CONTRACT}:*"])
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize(
    "option", ["--newscreator-report=out", "--newscreator-stack=none", "--newscreator-invocation=x"]
)
def test_an_option_without_a_contract_is_a_usage_error(pytester: pytest.Pytester, option: str) -> None:
    """Exit code 4 and one message: who asked for a verdict must not get silence."""
    result = pytester.runpytest(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {option.partition('=')[0]} is given, and there is no {CONTRACT} in *"])
    assert "Traceback" not in result.stdout.str() + result.stderr.str()


def test_a_missing_compose_file_is_one_finding(whole: pytest.Pytester) -> None:
    """The invocation that names it fails; the others are judged."""
    write(whole.path / CONTRACT, (whole.path / CONTRACT).read_text().replace("compose/cpu.yaml]", "compose/cpus.yaml]"))
    result = whole.runpytest("-m", "config", "-k", "resolved and cpu")
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(["newscreator.yaml:*:*: invocation cpu does not resolve: *should exist"])


def test_an_unknown_requirement_is_a_usage_error(small: pytest.Pytester) -> None:
    """A misspelt name must not require nothing."""
    result = small.runpytest("--newscreator-require", "docer")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --newscreator-require knows docker, ollama, gpu and stack, not docer"])


def test_an_unknown_invocation_is_a_usage_error(whole: pytest.Pytester) -> None:
    """Exit code 4, and the names that would do."""
    result = whole.runpytest("--newscreator-invocation", "hots", "-k", "healthy", "--newscreator-stack", "none")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = result.stdout.str() + result.stderr.str()
    assert "--newscreator-invocation hots is not declared" in said
    assert "default, host, cpu, rollback" in said
    assert "Traceback" not in said


def test_without_a_stack_its_checks_are_not_verified_by_name(whole: pytest.Pytester) -> None:
    """`--newscreator-stack none` skips them; the run is as red as its files are."""
    result = whole.runpytest("--newscreator-stack", "none", "-m", "infra", "--newscreator-report", "out")
    assert result.ret == pytest.ExitCode.OK
    said = set(statuses(whole.path / "out").values())
    assert said == {("not_verified", "no stack was wanted (--newscreator-stack none)")}


def test_a_required_stack_that_is_not_wanted_is_an_error(whole: pytest.Pytester) -> None:
    """The requirement wins, and says so in the report too."""
    options = ("--newscreator-stack", "none", "--newscreator-require", "stack", "--newscreator-report", "out")
    result = whole.runpytest(*options, "-k", "healthy and backend")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    said = "stack is required, and not verified: no stack was wanted (--newscreator-stack none)"
    assert statuses(whole.path / "out") == {f"{CONTRACT}::healthy[backend]": ("failed", said)}


def test_two_workers_say_what_one_process_says(whole: pytest.Pytester) -> None:
    """One `verdicts.json`, written by the controller, with the same verdicts and the same lists."""
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    whole.runpytest("-m", "config", "--newscreator-report", "one")
    result = whole.runpytest_subprocess("-m", "config", "--newscreator-report", "two", "-n", "2")
    assert statuses(whole.path / "one") == statuses(whole.path / "two")
    one, two = (json.loads((whole.path / name / "verdicts.json").read_text()) for name in ("one", "two"))
    assert {key: one[key] for key in one if key != "verdicts"} == {key: two[key] for key in two if key != "verdicts"}
    assert one["not_checked"]
    result.stdout.fnmatch_lines(["declared, and not checked by this version: *"])


@pytest.mark.parametrize("plugin", ["terminal", "cacheprovider"])
def test_a_run_without_a_plugin_of_pytest_writes_its_report(small: pytest.Pytester, plugin: str) -> None:
    """Neither the terminal nor the cache is needed for verdicts."""
    result = small.runpytest("-p", f"no:{plugin}", "--newscreator-report", "out")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert [status for status, _ in statuses(small.path / "out").values()] == ["failed"]


def test_two_contracts_of_one_run_do_not_mix(whole: pytest.Pytester, reference_copy: Path) -> None:
    """Each item is judged by its own contract and its own files."""
    shutil.copytree(reference_copy, whole.path / "second")
    result = whole.runpytest(f"second/{CONTRACT}", CONTRACT, "-m", "config", "--newscreator-report", "out")
    assert result.parseoutcomes()["failed"] == 1
    failed = [name for name, (status, _) in statuses(whole.path / "out").items() if status == "failed"]
    assert failed == [f"{CONTRACT}::{ITEM}"]


def test_the_stack_of_a_run_is_that_of_its_first_contract(whole: pytest.Pytester, reference_copy: Path) -> None:
    """A second contract is not compared with containers that are not its own."""
    shutil.copytree(reference_copy, whole.path / "second")
    options = ("-k", "healthy and backend", "--newscreator-stack", "none", "--newscreator-report", "out")
    whole.runpytest(CONTRACT, f"second/{CONTRACT}", *options)
    assert statuses(whole.path / "out")[f"second/{CONTRACT}::healthy[backend]"] == (
        "not_verified",
        f"the stack of this run is that of {CONTRACT}",
    )
