"""What a contract says is what the checks get: values, defaults and places."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_newscreator.contract.load import load, loads
from pytest_newscreator.contract.model import Contract, Invocation, Load, Setting
from pytest_newscreator.places import Place

REPOSITORY = Path(__file__).parents[2]
EXAMPLES = REPOSITORY.parent / "shared" / "contracts"
HERE = Path("newscreator.yaml")

SHORT = "version: 1\nmodel: {base: qwen2.5:7b}\n"
STACK = """\
version: 1
models:
  chat:
    base: llama3.2:3b
    switch: CHAT_MODEL
    rollback: llama3.1:8b
    retired: [llama3.1:8b, llama2]
    parameters: {temperature: 0.15, top_k: 40, use_mmap: true, stop: ["<eot>", "###"]}
    variants: {support-bot: {modelfile: ollama/Modelfile, num_ctx: 8192}}
  embed: {base: bge-m3, task: embed, service: ollama}
services:
  ollama: {kind: ollama, compose: ollama, gpu: card, ready_within: 90 s, settings: {OLLAMA_NUM_PARALLEL: 4}}
  app:
    kind: http
    compose: rag
    port: 8080
    health: /healthz
    settings: {CHAT_MODEL: {model: chat}, CACHE: [q8_0, f16], NUM_CTX: 8192}
    options: {num_ctx: NUM_CTX}
    uses: {chat: CHAT_URL, embed: EMBED_URL}
gpus: {card: {memory: 8 GiB, vram_budget: 7000 MiB, temperature_max: 85}}
latency:
  cases:
    small: {prompt_tokens: 950}
    open: {model: llama3.2:3b, prompt_tokens: 4000, output_tokens: 64, targets: none}
  targets: {ttft_p50: 500 ms, decode_p50: 40 tok/s, oom_rate: 5 %}
"""


@pytest.fixture(scope="module")
def stack() -> Contract:
    """Give the contract of two models on one Ollama."""
    return loads(STACK, HERE)


def settings(body: str) -> dict[str, Setting]:
    """Read the settings of one service."""
    text = f"{SHORT}services: {{app: {{kind: http, compose: app, settings: {body}}}}}\n"
    return dict(loads(text, HERE).services["app"].settings)


@pytest.mark.parametrize(
    ("name", "models", "services", "invocations"),
    [
        ("foreign-short", ["default"], [], ["default"]),
        ("no-docker", ["summary", "big"], ["local", "lab"], []),
        ("reference", ["news"], ["backend", "app"], ["default", "host", "cpu", "rollback"]),
        ("two-hosts", ["chat", "embed"], ["chat-ollama", "embed-ollama", "rag"], ["default", "prod"]),
        ("vllm", ["default"], ["vllm"], ["default"]),
    ],
)
def test_every_example_contract_is_read(
    name: str, models: list[str], services: list[str], invocations: list[str]
) -> None:
    """The contracts of the documentation are contracts."""
    path = EXAMPLES / f"{name}.yaml"
    if not path.exists():
        pytest.skip(f"the example contract {name} is not beside this checkout")
    contract = load(path)
    assert [list(part) for part in (contract.models, contract.services, contract.invocations)] == [
        models,
        services,
        invocations,
    ]


def test_the_contract_of_this_repository_is_read() -> None:
    """The reference stack has a contract of its own at the root, and it names its base."""
    assert [model.base for model in load(REPOSITORY / "newscreator.yaml").models.values()] == ["gemma3:4b-it-qat"]


def test_a_contract_of_two_keys_is_enough() -> None:
    """A stranger starts with the version and one base; Compose's own names are how it is started."""
    contract = loads(SHORT, HERE)
    assert contract.models["default"].base == "qwen2.5:7b"
    assert contract.invocations == {"default": Invocation("default", Place("newscreator.yaml"))}


def test_the_root_is_the_folder_of_the_contract(tmp_path: Path) -> None:
    """Paths in a contract are relative to the folder it stands in."""
    (tmp_path / "newscreator.yaml").write_text(SHORT, encoding="utf-8")
    contract = load(tmp_path / "newscreator.yaml")
    assert (contract.root, contract.path) == (tmp_path, tmp_path / "newscreator.yaml")


def test_a_model_without_a_service_takes_the_only_one_that_serves() -> None:
    """Where one service can serve models, nobody has to say so."""
    contract = loads(f"{SHORT}services: {{a: {{kind: http, compose: a}}, b: {{kind: openai, url: 'http://b'}}}}", HERE)
    assert contract.models["default"].service == "b"


def test_a_model_without_a_service_takes_none_of_two() -> None:
    """Where two services could serve it, a model without variants stays without one."""
    services = "{a: {kind: ollama, compose: a}, b: {kind: ollama, compose: b}}"
    assert loads(f"{SHORT}services: {services}", HERE).models["default"].service is None


def test_a_model_has_its_names(stack: Contract) -> None:
    """Base, switch, rollback and retired names arrive as they are written."""
    chat = stack.models["chat"]
    assert (chat.base, chat.switch, chat.rollback, chat.retired) == (
        "llama3.2:3b",
        "CHAT_MODEL",
        "llama3.1:8b",
        ("llama3.1:8b", "llama2"),
    )


def test_parameters_have_the_types_of_a_modelfile(stack: Contract) -> None:
    """Numbers, truth values and lists of texts are told apart."""
    assert stack.models["chat"].parameters == {
        "temperature": 0.15,
        "top_k": 40,
        "use_mmap": True,
        "stop": ("<eot>", "###"),
    }


def test_a_variant_has_its_modelfile_and_context(stack: Contract) -> None:
    """A variant says what it is made from and how long its context is."""
    variant = stack.models["chat"].variants["support-bot"]
    assert (variant.modelfile, variant.num_ctx) == ("ollama/Modelfile", 8192)


def test_the_task_of_a_model_is_chat_unless_it_embeds(stack: Contract) -> None:
    """Only a model that says so embeds."""
    assert [model.task for model in stack.models.values()] == ["chat", "embed"]


def test_a_place_is_that_of_the_key_and_of_the_base(stack: Contract) -> None:
    """Findings point at the line and column in the contract, both counted from 1."""
    chat = stack.models["chat"]
    assert [str(place) for place in (chat.place, chat.base_place, chat.variants["support-bot"].place)] == [
        "newscreator.yaml:3:3",
        "newscreator.yaml:4:11",
        "newscreator.yaml:9:16",
    ]


def test_columns_count_characters_and_not_bytes() -> None:
    """Japanese in front of a value moves it by its characters."""
    contract = loads("version: 1\nmodels: {要約: {base: gemma3:4b}}\n", HERE)
    assert contract.models["要約"].base_place == Place("newscreator.yaml", 2, 21)


def test_ollama_listens_on_its_own_port_unless_it_is_told(stack: Contract) -> None:
    """Only Ollama has a port that can be taken for granted."""
    assert [service.port for service in stack.services.values()] == [11434, 8080]


@pytest.mark.parametrize(("url", "port"), [("https://x.example", 443), ("http://x", 80), ("http://x:11435/v1", 11435)])
def test_a_url_says_the_port(url: str, port: int) -> None:
    """An address decides the port, by its scheme where it names none."""
    contract = loads(f"{SHORT}services: {{a: {{kind: ollama, url: '{url}'}}}}", HERE)
    assert contract.services["a"].port == port


def test_a_process_has_a_command_and_an_environment() -> None:
    """A service without Docker is a command with texts for its variables."""
    process = "{command: [ollama, serve, --n, 1], environment: {OLLAMA_NUM_PARALLEL: 1}}"
    found = loads(f"{SHORT}services: {{a: {{kind: ollama, process: {process}}}}}", HERE).services["a"].process
    assert found is not None
    assert (found.command, found.environment) == (("ollama", "serve", "--n", "1"), {"OLLAMA_NUM_PARALLEL": "1"})


def test_quantities_arrive_in_base_units(stack: Contract) -> None:
    """Durations are seconds, memory is MiB, whatever unit they are written in."""
    card = stack.gpus["card"]
    assert (stack.services["ollama"].ready_within_s, card.memory_mib, card.vram_budget_mib, card.temperature_max_c) == (
        90.0,
        8192,
        7000,
        85.0,
    )


def test_options_and_uses_are_names(stack: Contract) -> None:
    """A client says which setting is which option, and which variable holds whose address."""
    app = stack.services["app"]
    assert (app.options, app.uses) == ({"num_ctx": "NUM_CTX"}, {"chat": "CHAT_URL", "embed": "EMBED_URL"})


@pytest.mark.parametrize(
    "text",
    [
        "16384",
        "1.50",
        "true",
        "True",
        "yes",
        "022",
        "12:30",
        "1e3",
        "1_000",
        "2027-01-31",
        "0x10",
        ".5",
        "a b",
        "n",
        "-1",
    ],
)
def test_a_setting_is_the_text_that_is_written(text: str) -> None:
    """No YAML version has a say in what a setting must hold."""
    assert settings(f"{{X: {text}}}")["X"].allowed == (text,)


PRINTABLE = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="\ufffe\uffff")


@given(st.text(PRINTABLE, max_size=20))
def test_a_quoted_setting_is_any_text(text: str) -> None:
    """Every text can be a declared value, the empty one too."""
    quoted = text.replace("'", "''")
    assert settings(f"{{X: '{quoted}'}}")["X"].allowed == (text,)


def test_a_setting_can_be_a_list() -> None:
    """Each item of a list is an allowed text."""
    assert settings("{X: [q8_0, 16, yes]}")["X"].allowed == ("q8_0", "16", "yes")


def test_a_setting_can_be_the_names_of_a_model(stack: Contract) -> None:
    """`{model: chat}` allows the base and every variant of that model."""
    setting = stack.services["app"].settings["CHAT_MODEL"]
    assert stack.allowed(setting) == ("llama3.2:3b", "support-bot")


def test_the_model_of_the_short_form_can_be_named() -> None:
    """The model that `model:` declares has the key `default`."""
    assert settings("{X: {model: default}}")["X"].model == "default"


def test_a_setting_stands_where_its_name_stands(stack: Contract) -> None:
    """The place of a setting is that of its key."""
    assert stack.services["app"].settings["CACHE"].place == Place("newscreator.yaml", 18, 43)


def test_a_compose_service_alone_gives_a_default_invocation(stack: Contract) -> None:
    """Where no invocation is declared, Compose is started as Compose is."""
    assert list(stack.invocations) == ["default"]


def test_an_invocation_has_all_that_a_command_line_has() -> None:
    """Files, env files, variables, profiles and the project directory arrive as texts, in order."""
    body = (
        "{files: [a.yaml, b.yaml], env_files: [.env], environment: {N: 1}, profiles: [gpu], project_directory: deploy}"
    )
    found = loads(f"{SHORT}compose: {{invocations: {{prod: {body}}}}}", HERE).invocations["prod"]
    assert (found.files, found.env_files, found.environment, found.profiles, found.project_directory) == (
        ("a.yaml", "b.yaml"),
        (".env",),
        {"N": "1"},
        ("gpu",),
        "deploy",
    )


def test_a_case_without_a_model_asks_the_only_variant(stack: Contract) -> None:
    """Where one chat model has one variant, a case can only mean that; embedding models answer no prompt."""
    assert stack.latency is not None
    assert stack.latency.cases["small"].model == "support-bot"


def test_a_case_has_lengths_and_may_have_no_targets(stack: Contract) -> None:
    """`targets: none` leaves the figures of a case without a verdict."""
    assert stack.latency is not None
    case = stack.latency.cases["open"]
    assert (case.prompt_tokens, case.output_tokens, case.targets) == (4000, 64, False)


def test_targets_are_seconds_rates_and_fractions(stack: Contract) -> None:
    """Objectives are compared in base units."""
    assert stack.latency is not None
    assert stack.latency.targets == {"ttft_p50": 0.5, "decode_p50": 40.0, "oom_rate": 0.05}


@pytest.mark.parametrize(
    ("load", "expected"),
    [("{clients: 4}", Load(4)), ("{rate: 0.5/s}", Load(None, 0.5)), ("{rate: 30/min}", Load(None, 0.5))],
)
def test_a_load_is_closed_or_open(load: str, expected: Load) -> None:
    """Clients wait for their answers, a rate does not."""
    latency = loads(f"{SHORT}latency: {{load: {load}}}", HERE).latency
    assert latency is not None
    assert latency.load == expected


def test_a_waiver_has_a_day_even_one_that_is_over() -> None:
    """An expired waiver is a finding later, not a fault of the contract."""
    body = "[{check: floating-tag, where: a.yaml, reason: 'why: so', until: 2020-02-29}]"
    waiver = loads(f"{SHORT}waivers: {body}", HERE).waivers[0]
    assert (waiver.check, waiver.where, waiver.reason, waiver.until) == (
        "floating-tag",
        "a.yaml",
        "why: so",
        date(2020, 2, 29),
    )


def test_security_and_exclusions_are_optional() -> None:
    """Both are off until they are written."""
    contract = loads(f"{SHORT}security: baseline\nsources: {{exclude: ['legacy/**']}}", HERE)
    assert (contract.security, contract.exclude) == ("baseline", ("legacy/**",))


def test_anchors_and_merge_keys_save_repetition() -> None:
    """A merged mapping fills in what is not written, and what is written wins."""
    text = (
        "version: 1\nmodel: {base: x}\nservices:\n"
        "  a: &a {kind: http, compose: a, port: 80, settings: &s {X: 1}}\n"
        "  b: {<<: *a, compose: b, settings: *s}\n"
    )
    b = loads(text, HERE).services["b"]
    assert (b.kind, b.compose, b.port, b.settings["X"].allowed) == ("http", "b", 80, ("1",))


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    """What an editor on Windows adds is no part of the contract, and moves no place."""
    path = tmp_path / "newscreator.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + STACK.replace("\n", "\r\n").encode())
    contract, expected = load(path), loads(STACK, path)
    assert contract == expected


def test_the_loader_costs_no_yaml_until_it_is_used() -> None:
    """Importing the loader imports nothing of a third party."""
    code = "import sys, pytest_newscreator.contract.load; print([m for m in ('yaml', 'pytest') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert done.stdout.strip() == "[]"


def test_a_contract_is_read_without_the_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PyYAML came without libyaml its own parser gives the same contract."""
    expected = loads(STACK, HERE)
    monkeypatch.delattr("yaml.CSafeLoader", raising=False)
    assert loads(STACK, HERE) == expected


def test_a_variant_must_state_parameters_as_a_modelfile_writes_them() -> None:
    """Files and servers are held to one table: truth values in small letters, num_ctx and stop words among them."""
    model = loads(
        "version: 1\nmodel:\n  service: a\n  base: gemma3:1b\n  parameters: {use_mmap: true, top_k: 40}\n"
        '  stop: ["<end_of_turn>"]\n  variants: {v: {modelfile: Modelfile, num_ctx: 8192}}\n'
        "services: {a: {kind: ollama, url: 'http://127.0.0.1:11434'}}\n",
        Path("newscreator.yaml"),
    ).models["default"]
    wanted = {"num_ctx": ("8192",), "use_mmap": ("true",), "top_k": ("40",), "stop": ("<end_of_turn>",)}
    assert model.stated(model.variants["v"]) == wanted
