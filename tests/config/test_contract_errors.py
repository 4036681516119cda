"""A wrong contract is refused where it is wrong, with all that is wrong, and with what to write instead."""

# ruff: noqa: E501 - a row of these tables holds a sentence as users see it
from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_newscreator.contract.faults import ContractErrors, nearest
from pytest_newscreator.contract.load import MOST_BYTES, load, loads
from pytest_newscreator.contract.schema import METRICS
from pytest_newscreator.errors import ContractError
from pytest_newscreator.places import Place

HERE = Path("newscreator.yaml")
SHORT = "version: 1\nmodel: {base: gemma3:4b}\n"
RIGHT = """\
version: 1
models:
  news:
    service: backend
    base: gemma3:4b-it-qat
    switch: BASE_MODEL
    rollback: gemma3:4b
    retired: [gemma3:4b]
    parameters: {temperature: 0.15, num_batch: 1024}
    variants:
      news-16k: {modelfile: ollama/Modelfile, num_ctx: 16384}
      news-60k: {num_ctx: 61440}
services:
  backend: {kind: ollama, compose: ollama, port: 11434, gpu: rtx, ready_within: 10 min,
            settings: {BASE_MODEL: gemma3:4b-it-qat}}
  app: {kind: http, compose: app, port: 8001, health: /health,
        settings: {LLM_MODEL: gemma3:4b-it-qat, NUM_CTX: 16384},
        options: {num_ctx: NUM_CTX}, uses: {news: LLM_URL}}
gpus: {rtx: {memory: 8188 MiB, vram_budget: 7000 MiB, temperature_max: 85}}
compose:
  invocations:
    default: {files: [compose.yaml]}
    rollback: {environment: {BASE_MODEL: gemma3:4b}, base: {news: gemma3:4b}}
latency:
  load: {clients: 1}
  cases: {large: {model: news-16k, prompt_tokens: 14000}}
  targets: {ttft_p50: 2 s, decode_p50: 40 tok/s}
  rollback: {ttft_p50: 3 s, decode_p50: 30 tok/s, oom_rate: 5 %}
waivers:
  - {check: floating-tag, where: compose.yaml, reason: upstream, until: 2027-01-31}
"""


def refused(text: str) -> tuple[ContractError, ...]:
    """Return the faults of a text that is no contract."""
    with pytest.raises(ContractErrors) as caught:
        loads(text, HERE)
    return caught.value.errors


def messages(old: str, new: str, at: str) -> list[str]:
    """Return what is said of a change of the right contract, at the places where the text continues with `at`."""
    assert RIGHT.count(old) == 1, old
    text = RIGHT.replace(old, new)
    errors = refused(text)
    assert all(error.fix for error in errors)
    return [error.message for error in errors if _from(text, error.place).startswith(at)]


def _from(text: str, place: Place | None) -> str:
    assert place is not None
    return text.split("\n")[place.line - 1][place.column - 1 :]


def test_the_right_contract_is_right() -> None:
    """The contract that the tests of this file break is whole."""
    assert list(loads(RIGHT, HERE).models) == ["news"]


@pytest.mark.parametrize(
    ("old", "new", "at", "message"),
    [
        ("ttft_p50: 2 s", "ttft_p5: 2 s", "ttft_p5:", "unknown key 'ttft_p5' in latency.targets, did you mean 'ttft_p50'?"),
        ("    switch:", "    swich:", "swich:", "unknown key 'swich' in models.news, did you mean 'switch'?"),
        ("    base: g", "    Base: g", "Base:", "unknown key 'Base' in models.news, did you mean 'base'?"),
        ("compose: app", "container: app", "container:", "unknown key 'container' in services.app"),
        ("port: 8001", "num_ctx: 8001", "num_ctx:", "unknown key 'num_ctx' in services.app, it belongs in models.*.variants.*"),
        ("gpus:", "gpu:", "gpu:", "unknown key 'gpu' at the top level, did you mean 'gpus'?"),
        ("num_batch: 1024", "num_bach: 1", "num_bach:", "unknown parameter 'num_bach' in models.news.parameters, did you mean 'num_batch'?"),
        ("num_ctx: NUM_CTX", "num_cxt: NUM_CTX", "num_cxt:", "unknown parameter 'num_cxt' in services.app.options, did you mean 'num_ctx'?"),
    ],
)  # fmt: skip
def test_an_unknown_key_is_told_with_the_one_that_was_meant(old: str, new: str, at: str, message: str) -> None:
    """A typo is one fault, at the key, with the key that is nearest."""
    assert message in messages(old, new, at)


@pytest.mark.parametrize(
    ("old", "new", "at", "message"),
    [
        ("gpu: rtx,", "gpu: rtxx,", "rtxx", "services.backend.gpu names 'rtxx', which is no gpu of this contract, did you mean 'rtx'?"),
        ("service: backend", "service: bakend", "bakend", "models.news.service names 'bakend', which is no service of this contract, did you mean 'backend'?"),
        ("service: backend", "service: app", "app", "models.news.service is 'app' of kind http, should be one that serves models"),
        ("uses: {news:", "uses: {nwes:", "nwes:", "services.app.uses names 'nwes', which is no model of this contract, did you mean 'news'?"),
        ("uses: {news:", "uses: {backend:", "backend:", "services.app.uses names 'backend', which is a service, should be the key of a model: did you mean 'news'?"),
        ("uses: {news:", "uses: {news-16k:", "news-16k:", "services.app.uses names 'news-16k', which is the name of a model, should be the key of a model: did you mean 'news'?"),
        ("LLM_MODEL: gemma3:4b-it-qat", "LLM_MODEL: {model: nwes}", "nwes", "services.app.settings.LLM_MODEL.model names 'nwes', which is no model of this contract, did you mean 'news'?"),
        ("num_ctx: NUM_CTX", "num_ctx: NUM_CTC", "NUM_CTC", "services.app.options.num_ctx names 'NUM_CTC', which is no setting of services.app, did you mean 'NUM_CTX'?"),
        ("base: {news:", "base: {nwes:", "nwes:", "compose.invocations.rollback.base names 'nwes', which is no model of this contract, did you mean 'news'?"),
        ("model: news-16k", "model: news-16", "news-16", "latency.cases.large.model names 'news-16', which is no base or variant of this contract, did you mean 'news-16k'?"),
    ],
)  # fmt: skip
def test_a_name_that_leads_nowhere_is_told_with_the_one_that_was_meant(
    old: str, new: str, at: str, message: str
) -> None:
    """Every mention of a service, model, card or setting is held against what is declared."""
    assert messages(old, new, at) == [message]


@pytest.mark.parametrize(
    ("old", "new", "at", "message"),
    [
        ("port: 8001", "port: web", "web", "services.app.port is 'web', should be a whole number from 1 to 65535"),
        ("port: 8001", "port: 80011", "80011", "services.app.port is '80011', should be a whole number from 1 to 65535"),
        ("port: 8001", "port: '8001'", "'8001'", "services.app.port is the text '8001', should be a whole number from 1 to 65535"),
        ("port: 8001", "port: 010", "010", "services.app.port is '010', should be a whole number from 1 to 65535"),
        ("port: 8001", "port: ", "port:", "services.app.port has no value, should be a whole number from 1 to 65535"),
        ("compose: app", "compose: true", "true", "services.app.compose is true without quotes, should be a text"),
        ("compose: app", "compose: [app]", "[", "services.app.compose is a list, should be a text"),
        ("kind: http", "kind: htp", "htp", "services.app.kind is 'htp', should be ollama, http or openai, did you mean 'http'?"),
        ("health: /health", "health: health", "health", "services.app.health is 'health', should be a path that begins with /"),
        ("[gemma3:4b]", "gemma3:4b", "gemma3:4b", "models.news.retired is 'gemma3:4b', should be a list"),
        ("{files: [compose.yaml]}", "compose.yaml", "compose.yaml", "compose.invocations.default is 'compose.yaml', should be a mapping"),
        ("10 min", "10", "10", "services.backend.ready_within is '10', which has no unit, should be a duration in ms, s, min or h"),
        ("8188 MiB", "8 GB", "8 GB", "gpus.rtx.memory is '8 GB', which has the unit 'GB', should be a memory size in MiB or GiB, did you mean 'GiB'?"),
        ("temperature_max: 85", "temperature_max: 85 C", "85 C", "gpus.rtx.temperature_max is '85 C', should be a number of degrees Celsius from 1 to 150, without a unit"),
        ("num_ctx: 61440", "num_ctx: 0", "0", "models.news.variants.news-60k.num_ctx is '0', should be a whole number from 1 up"),
        ("num_ctx: 61440", "num_ctx: -1", "-1", "models.news.variants.news-60k.num_ctx is '-1', should be a whole number from 1 up"),
        ("2027-01-31", "2027-02-30", "2027-02-30", "waivers[0].until is '2027-02-30', should be a day of the calendar, as YYYY-MM-DD"),
        ("2027-01-31", "next year", "next year", "waivers[0].until is 'next year', should be a day of the calendar, as YYYY-MM-DD"),
        ("NUM_CTX: 16384", "NUM_CTX: ", "NUM_CTX:", "services.app.settings.NUM_CTX has no value, should be a value, a list or a mapping"),
        ("NUM_CTX: 16384", "NUM CTX: 16384", "NUM CTX:", "'NUM CTX' in services.app.settings is no environment variable, should be the name of an environment variable"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_with_what_is_expected(old: str, new: str, at: str, message: str) -> None:
    """A value of another kind is refused where it stands, in one sentence."""
    assert message in messages(old, new, at)


@pytest.mark.parametrize(
    ("old", "new", "at", "message"),
    [
        ("reason: upstream, ", "", "{", "waivers[0] has no reason, should say the reason"),
        (", until: 2027-01-31", "", "{", "waivers[0] has no until, should say the last day"),
        ("prompt_tokens: 14000", "output_tokens: 1", "large:", "latency.cases.large has no prompt_tokens, should say the length of the prompt"),
        ("compose: app, ", "", "app:", "services.app has no compose, process or url, should have one of them"),
        ("compose: app, ", "compose: app, url: 'http://x:8001', ", "url:", "services.app has both compose and url, should have one of compose, process or url"),
        ("clients: 1", "clients: 1, rate: 1/s", "rate:", "latency.load has both clients and rate, should have one of clients or rate"),
        ("version: 1", "model: {base: x}\nversion: 1", "models:", "the contract has both model and models, should have one of models or model"),
    ],
)  # fmt: skip
def test_what_is_missing_or_too_much_is_told_at_its_owner(old: str, new: str, at: str, message: str) -> None:
    """A required key that is absent is a fault of the mapping that lacks it."""
    assert message in messages(old, new, at)


@pytest.mark.parametrize(
    ("old", "new", "at", "message"),
    [
        ("14000", "16300", "16300", "latency.cases.large needs 16300 + 256 tokens, news-16k holds num_ctx 16384, should fit"),
        ("LLM_MODEL: gemma3:4b-it-qat", "LLM_MODEL: gemma3:4b-it-qatt", "gemma3:4b-it-qatt", "services.app.settings.LLM_MODEL is 'gemma3:4b-it-qatt', which is neither a base nor a variant of this contract, did you mean 'gemma3:4b-it-qat'?"),
        ("LLM_MODEL: gemma3:4b-it-qat", "LLM_MODEL: gemma3:4b", "gemma3:4b", "services.app.settings.LLM_MODEL is 'gemma3:4b', a retired name of models.news, should be gemma3:4b-it-qat, news-16k or news-60k"),
        ("LLM_MODEL: gemma3:4b-it-qat", "LLM_MODEL: [news-16k, gemma3:1b]", "gemma3:1b", "services.app.settings.LLM_MODEL is 'gemma3:1b', which is neither a base nor a variant of this contract, did you mean 'gemma3:4b-it-qat'?"),
        ("{BASE_MODEL: gemma3:4b-it-qat}", "{BASE_MODEL: qwen3}", "qwen3", "services.backend.settings.BASE_MODEL is 'qwen3', it switches models.news and should name its base 'gemma3:4b-it-qat' or a variant"),
        ("rollback: gemma3:4b\n", "rollback: Gemma3:4B-it-qat\n", "Gemma3:4B-it-qat", "models.news.rollback is Gemma3:4B-it-qat, the base itself, should be the base to go back to"),
        ("retired: [gemma3:4b]", "retired: [a, gemma3:4b-it-qat]", "gemma3:4b-it-qat", "models.news.retired names gemma3:4b-it-qat, the base itself, should name only models that are gone"),
        ("retired: [gemma3:4b]", "retired: [news-16k]", "news-16k", "models.news.retired names news-16k, a variant, should name only models that are gone"),
        ("7000 MiB", "9 GiB", "9 GiB", "gpus.rtx.vram_budget is 9 GiB, the card has 8188 MiB, should be at most that"),
        ("modelfile: ollama/Modelfile", "modelfile: a/../../Modelfile", "a/../../Modelfile", "models.news.variants.news-16k.modelfile is a/../../Modelfile, outside the repository, should be a path inside it"),
        ("modelfile: ollama/Modelfile", "modelfile: /etc/Modelfile", "/etc/Modelfile", "models.news.variants.news-16k.modelfile is /etc/Modelfile, outside the repository, should be a path inside it"),
        ("rollback: {ttft_p50: 3 s", "rollback: {ttft_p50: 1 s", "1 s", "latency.rollback.ttft_p50 is 1 s, stricter than its target, should be at least 2 s"),
        ("decode_p50: 30", "decode_p50: 50", "50 tok/s", "latency.rollback.decode_p50 is 50 tok/s, stricter than its target, should be at most 40 tok/s"),
        ("compose: app, port: 8001", "url: 'http://x:99999', port: 8001", "'http://x:99999'", "services.app.url is http://x:99999, should have a port from 1 to 65535"),
        ("compose: app, port: 8001", "url: 'http://x:80', port: 8001", "8001", "services.app.port is 8001, the url has 80, should be the same"),
        ("compose: app, port", "compose: app, ca: ca.pem, port", "ca:", "services.app has a ca and no https address, should have both or neither"),
        ("news-60k: {num_ctx: 61440}", "gemma3:4b-it-qat: {}", "gemma3:4b-it-qat:", "variant 'gemma3:4b-it-qat' has the name of the base of models.news, should have one of its own"),
    ],
)  # fmt: skip
def test_an_impossible_contract_is_refused(old: str, new: str, at: str, message: str) -> None:
    """What no stack can keep is refused before a stack is blamed for it."""
    assert message in messages(old, new, at)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("models: {a: {base: x, variants: {v: {}}}}", "2:23: models.a has variants but no service of the contract serves models, should name the service that makes and serves them"),
        ("models: {a: {base: x, variants: {v: {}}}}\nservices: {s: {kind: ollama, compose: s}, t: {kind: ollama, compose: t}}", "2:23: models.a has variants but 2 services could serve it, should name the service that makes and serves them"),
        ("models: {a: {base: x, variants: {v: {}}}, b: {base: y, variants: {V: {}}}}\nservices: {s: {kind: ollama, compose: s}}", "2:67: variant 'V' of models.b has the name of one of models.a, at newscreator.yaml:2:34; should be a name of its own"),
        ("models: {a: {base: x}}\nservices: {s: {kind: http, compose: s, uses: {a: URL}}}", "3:47: services.s.uses names model 'a' which no service serves, should name a served one"),
        ("models: {a: {base: x}, b: {base: y}}\nlatency: {cases: {c: {prompt_tokens: 1}}}", "3:19: latency.cases.c names no model, should say which of x or y is asked"),
        ("models: {a: {base: x, parameters: {num_ctx: 512}}}\nlatency: {cases: {c: {prompt_tokens: 512}}}", "3:38: latency.cases.c needs 512 + 256 tokens, x holds num_ctx 512, should fit"),
        ("models: {}", "2:1: models is empty, should hold at least one entry"),
        ("models: {a b: {base: x}}", "2:10: 'a b' in models is no name, should be a name without spaces and brackets"),
        ("services: {}", "1:1: the contract has no models or model, should have one of them"),
    ],
)  # fmt: skip
def test_a_contract_that_lacks_what_it_speaks_of_is_refused(body: str, message: str) -> None:
    """Models, variants and cases need something that serves them."""
    (error,) = refused(f"version: 1\n{body}\n")
    assert str(error).split("\n")[0] == f"newscreator.yaml:{message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1:1: the contract is empty, should be a mapping"),
        ("# nothing yet\n", "1:1: the contract is empty, should be a mapping"),
        ("- 1\n", "1:1: the contract is a list, should be a mapping"),
        ("hello\n", "1:1: the contract is a single value, should be a mapping"),
        ("version: 2\nnew_key: 1\n", "1:10: version is 2, should be 1, the only one this release reads"),
        ("model: {base: x}\n", "1:1: the contract has no version, should say the version of this format"),
        ("version: '1'\nmodel: {base: x}\n", "1:10: version is the text '1', should be the number 1"),
        ("version: 1\nmodel:\n\tbase: x\n", "3:1: a tab stands here, YAML is indented with spaces only"),
        ("version: 1\nmodel: {base: @x}\n", "2:15: no value can begin with '@', should be a quoted one"),
        ("version: 1\nmodel: {base: x\n", "3:1: the '{' opened at newscreator.yaml:2:8 is not closed, should end before this"),
        ("version: 1\nmodel: a: b\n", "2:9: a ':' stands where no key can be, should be part of a quoted value or begin a line"),
        ("version: 1\nmodel: *x\n", "2:8: this alias has no anchor, should repeat a value that is marked with '&' above it"),
        ("version: 1\n---\nversion: 1\n", "2:1: a second document begins here, a contract is one"),
        ("version: 1\nmodel: 'x\n", "3:1: a quote is not closed, should end before the file does"),
        ("version: 1\nmodel:\n  base: x\n service: y\n", "4:2: this line fits no key above it, should be indented as its neighbours are"),
        ("version: 1\nmodel: {base: \x00}\n", "2:15: the character '\\x00' cannot stand in YAML, should be printable text"),
        (SHORT + "security: !!python/none baseline\n", "3:11: the tag !!python/none means nothing here, should be a plain value"),
        (SHORT + "? [a]\n: 1\n", "3:3: this key is not a name, should be a plain word"),
        (SHORT + "gpus: {<<: 1}\n", "3:12: '<<' merges a single value, should merge a mapping"),
    ],
)  # fmt: skip
def test_what_is_no_contract_at_all_is_told_in_one_sentence(text: str, message: str) -> None:
    """Syntax errors and wrong documents are told in plain words, at the place of the problem."""
    (error,) = refused(text)
    assert str(error).split("\n")[0] == f"newscreator.yaml:{message}"


def test_a_key_that_stands_twice_names_both_places() -> None:
    """YAML would take the last one in silence."""
    text = RIGHT.replace("    rollback: gemma3:4b\n", "    base: gemma3:4b\n")
    assert str(refused(text)[0]).split("\n")[0] == (
        "newscreator.yaml:7:5: the key 'base' stands here a second time, should stand once; "
        "the first is at newscreator.yaml:5:5"
    )


def test_all_faults_are_told_at_once_in_the_order_of_the_file() -> None:
    """Nobody mends a contract one run at a time."""
    text = RIGHT.replace("14000", "99999").replace("port: 8001", "prt: 8001").replace("gpu: rtx,", "gpu: rtxx,")
    assert [_from(text, error.place).split(":")[0].split(",")[0] for error in refused(text)] == [
        "rtxx",
        "prt",
        "99999}}",
    ]


def test_the_first_line_is_the_first_fault_and_the_next_is_what_to_do() -> None:
    """The first line is the short summary of a failed run."""
    with pytest.raises(ContractErrors) as caught:
        loads(RIGHT.replace("ttft_p50: 2 s", "ttft_p5: 2 s"), HERE)
    assert str(caught.value).split("\n") == [
        "newscreator.yaml:27:13: unknown key 'ttft_p5' in latency.targets, did you mean 'ttft_p50'?",
        "  do: write ttft_p50",
    ]


def test_the_errors_of_a_contract_are_a_contract_error() -> None:
    """Whoever catches one fault catches all of them, and finds the place of the first."""
    with pytest.raises(ContractError) as caught:
        loads(SHORT + "x: 1\ny: 1\n", HERE)
    assert caught.value.place == Place("newscreator.yaml", 3, 1)


def test_a_malformed_part_is_not_told_twice() -> None:
    """Services that are no mapping make no further faults of the models that name them."""
    (error,) = refused(RIGHT.replace("  backend: {kind: ollama,", "  backend: {kind: olama,"))
    assert error.message == "services.backend.kind is 'olama', should be ollama, http or openai, did you mean 'ollama'?"


def test_an_alias_of_a_fault_is_told_once_at_its_anchor() -> None:
    """A value that is used twice is wrong once."""
    text = SHORT + "gpus: {a: &a {memory: 8}, b: *a}\n"
    places = [error.place for error in refused(text)]
    assert set(places) == {Place("newscreator.yaml", 3, 23)}


@pytest.mark.parametrize("width", [9, 200])
def test_an_alias_bomb_is_refused(width: int) -> None:
    """Nine lines that unfold to billions of values are refused at once."""
    levels = [f"  l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * width)}]" for level in range(1, 9)]
    text = "version: 1\nmodel:\n  l0: &l0 [x]\n" + "\n".join(levels)
    assert "unfold to more than" in refused(text)[0].message


def test_a_bomb_of_merge_keys_is_refused() -> None:
    """Merge keys multiply as aliases do."""
    levels = [f"  l{level}: &l{level} {{<<: [{', '.join([f'*l{level - 1}'] * 9)}]}}" for level in range(1, 9)]
    text = "version: 1\nmodel:\n  l0: &l0 {x: 1}\n" + "\n".join(levels)
    assert "unfold to more than" in refused(text)[0].message


@pytest.mark.parametrize("text", ["[" * 5000, "- " * 5000, "a: &a [*a]\n", "a: &a {<<: *a}\n"])
def test_endless_nesting_is_refused(text: str) -> None:
    """Depth has a bound, and what contains itself has one too."""
    assert "nests deeper than" in refused(text)[0].message


@given(st.text(max_size=60) | st.text("{}[]:,-&*<#'\"\n ab1!|>?%@", max_size=60))
def test_any_text_is_a_contract_or_told_with_places(text: str) -> None:
    """Whatever is written, the answer is never a traceback."""
    for error in refused(text):
        assert error.place is not None
        assert (error.place.line > 0, error.message != "") == (True, True)


@given(
    st.integers(0, len(RIGHT) - 1),
    st.integers(1, 12),
    st.sampled_from(["", ":", "{", "x", "\n", "\t", "- ", "&a ", "'"]),
)
def test_a_damaged_contract_is_read_or_told_with_places(start: int, length: int, instead: str) -> None:
    """A slip anywhere in a right contract is a contract still, or a fault inside the file."""
    text = RIGHT[:start] + instead + RIGHT[start + length :]
    try:
        loads(text, HERE)
    except ContractErrors as error:
        lines = text.count("\n") + 1
        assert all(each.place is not None and 1 <= each.place.line <= lines for each in error.errors)  # noqa: PT017


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A missing contract is a sentence and a way to get one."""
    with pytest.raises(ContractErrors) as caught:
        load(tmp_path / "newscreator.yaml")
    assert str(caught.value).startswith("newscreator.yaml: there is no such file, should be the contract\n  do: ")


def test_a_folder_is_no_contract(tmp_path: Path) -> None:
    """What cannot be opened is told with the system's reason."""
    with pytest.raises(ContractErrors) as caught:
        load(tmp_path)
    assert "cannot be read: Is a directory" in caught.value.message


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    """A contract is a few pages; a dump of a database is none."""
    path = tmp_path / "newscreator.yaml"
    path.write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(ContractErrors) as caught:
        load(path)
    assert caught.value.message == "the contract is larger than 256 KiB, should be a few pages"


def test_bytes_that_are_no_utf_8_have_a_place(tmp_path: Path) -> None:
    """An old encoding is told at the first byte that gives it away."""
    path = tmp_path / "newscreator.yaml"
    path.write_bytes("version: 1\n# 要約 ".encode() + "要約".encode("shift_jis"))
    with pytest.raises(ContractErrors) as caught:
        load(path)
    assert (caught.value.place, caught.value.message) == (
        Place("newscreator.yaml", 2, 6),
        "the byte 0x97 is not UTF-8, should be UTF-8 text",
    )


@pytest.mark.parametrize("text", ["gemma3", "gemma3n", "q8_0", "unrelated:tag", "news-16"])
def test_a_setting_of_no_declared_family_is_not_judged(text: str) -> None:
    """Only a model name with the repository of a declared base can be a slip of the pen."""
    contract = loads(RIGHT.replace("LLM_MODEL: gemma3:4b-it-qat", f"LLM_MODEL: {text}"), HERE)
    assert contract.services["app"].settings["LLM_MODEL"].allowed == (text,)


def test_a_prompt_may_fill_the_context_to_the_last_token() -> None:
    """Prompt and answer together may be as long as the context."""
    contract = loads(RIGHT.replace("14000", str(16384 - 256)), HERE)
    assert contract.latency is not None
    assert contract.latency.cases["large"].prompt_tokens == 16128


def test_a_budget_may_be_the_whole_memory() -> None:
    """A budget is refused only beyond the memory."""
    assert loads(RIGHT.replace("7000 MiB", "8188 MiB"), HERE).gpus["rtx"].vram_budget_mib == 8188


def test_a_parameter_of_a_newer_ollama_is_accepted() -> None:
    """A name that is near no known one may be one that this release does not know yet."""
    contract = loads(RIGHT.replace("num_batch: 1024", "xtc_threshold: 0.1"), HERE)
    assert contract.models["news"].parameters["xtc_threshold"] == 0.1


def test_a_day_that_is_over_is_no_fault() -> None:
    """An expired waiver is a finding of a check, with its own place."""
    assert loads(RIGHT.replace("2027-01-31", "2001-01-31"), HERE).waivers[0].until == date(2001, 1, 31)


@given(st.sampled_from(sorted(METRICS)), st.data())
def test_a_lost_letter_is_found_again(metric: str, data: st.DataObject) -> None:
    """A key that lost one letter leads to a key that differs from it in little."""
    index = data.draw(st.integers(0, len(metric) - 1))
    found = nearest(metric[:index] + metric[index + 1 :], METRICS)
    assert found is not None
    assert len(found) - 1 <= len(metric) <= len(found) + 1
