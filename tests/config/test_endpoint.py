"""Every address that a service is given reaches the declared server, as the containers see it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.builtin import CHECKS
from pytest_newscreator.checks.findings import Findings, Judged
from pytest_newscreator.checks.resolved.endpoint import ENDPOINT
from pytest_newscreator.contract.load import load
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources import registry

if TYPE_CHECKING:
    from conftest import Stack
    from pytest_newscreator.verdicts import Finding

AI = "compose/ai.yaml"
RIGHT = "http://news-creator-backend:11434"
CONTRACT = """
version: 1
models:
  chat: {service: talk, base: "gemma3:4b-it-qat", retired: ["gemma3:4b"], variants: {chat-16k: {num_ctx: 16384}}}
  embed: {service: vectors, base: "bge-m3"}
services:
  talk: {kind: ollama, compose: ollama}
  vectors: {kind: ollama, compose: embedder, port: 11435}
  lab: {kind: ollama, url: "http://lab.example:8080"}
  gateway: {kind: http, compose: gateway, port: 4000, uses: {chat: OLLAMA_URL}}
  app: {kind: http, compose: app, port: 8000, uses: {chat: URL}}
compose:
  invocations: {default: {files: [compose.yaml]}}
"""
COMPOSE = """
services:
  ollama:
    image: ollama/ollama:0.24.0
    container_name: llm
    ports: ["127.0.0.1:21434:11434"]
  embedder:
    image: ollama/ollama:0.24.0
    environment: {OLLAMA_HOST: "0.0.0.0:11435"}
  gateway:
    image: gateway
    environment: {OLLAMA_URL: "http://ollama:11434"}
  proxy: {image: "nginx:1.29"}
  wrapper: {image: wrapper, environment: {UPSTREAM: "ollama:11434"}}
  queue: {image: "redis:7"}
  spare: {image: "ollama/ollama:0.24.0"}
  distant: {image: tool, networks: [elsewhere]}
  built: {build: built}
  app:
    image: app
    environment:
      URL: VALUE
networks: {elsewhere: {}}
"""


def at(text: str, part: str) -> Place:
    """Return the place of a part that stands once in compose.yaml."""
    assert text.count(part) == 1
    head = text[: text.index(part)]
    return Place("compose.yaml", head.count("\n") + 1, len(head) - head.rfind("\n"))


def judged(root: Path, url: str, *, compose: str = COMPOSE, contract: str = CONTRACT) -> dict[str, Judged]:
    """Write the small project with one address in it, and judge every address of it."""
    (root / "newscreator.yaml").write_text(contract, encoding="utf-8")
    (root / "compose.yaml").write_text(compose.replace("VALUE", url), encoding="utf-8")
    findings = Findings((ENDPOINT,), Repository(load(root / "newscreator.yaml"), registry.readers()))
    return {one.item: one for one in findings.all()}


def app(root: Path, url: str, *, compose: str = COMPOSE, contract: str = CONTRACT) -> Judged:
    """Return what is said of the app's address."""
    return judged(root, url, compose=compose, contract=contract)["endpoint[default app URL]"]


def found(judgement: Judged) -> Finding:
    """Return the finding that there must be."""
    assert judgement.finding is not None
    return judgement.finding


RIGHT_ONES = (
    "http://ollama:11434",
    "http://ollama:11434/v1",
    "ollama:11434",
    "ollama",
    "http://llm:11434",
    "http://host.docker.internal:21434",
    "http://gateway:4000",  # which itself uses the model
    "http://ollama:11434,http://embedder:11435",
    "http://embedder:11435 http://ollama:11434",
    "'[\"http://ollama:11434\"]'",
    "http://ollama:11434=gemma3:4b-it-qat,http://embedder:11435=bge-m3",
    "http://ollama:11434=chat-16k:latest",
    "chat=http://ollama:11434,embed=http://embedder:11435",
    "primary=http://ollama:11434",
    "http://ollama:11434=gemma3:4b-it-qat,http://ollama:11434=qwen3:8b",  # a model that the contract leaves open
    '\'{"gemma3:4b-it-qat": "http://ollama:11434", "retries": 3}\'',
    "http://ollama:11434,http://llm.example:11434",
)


@pytest.mark.parametrize("url", RIGHT_ONES)
def test_an_address_of_the_server_is_right_however_it_is_written(tmp_path: Path, url: str) -> None:
    """Every name that Docker gives it, alone, in a list or in a map."""
    judgement = app(tmp_path, url)
    assert (judgement.finding, judgement.unverified) == (None, None)


WRONG_ONES = {
    "http://localhost:11434": "which is app's own container; should reach talk at http://ollama:11434",
    "http://127.0.0.1:21434": "which is app's own container",
    "http://ollama:21434": "which asks talk at port 21434, it listens on 11434",
    "http://ollama": "which asks talk at port 80, it listens on 11434",
    "http://app:8000": "which is app itself",
    "https://ollama:11434": "which asks talk by https, which Ollama does not speak",
    "http://olama:11434": "which names olama, and no service of the project is called that",
    "http://embedder:11435": "which reaches vectors; should reach talk",
    "http://embedder:11434": "which asks vectors at port 11434, it listens on 11435",
    "http://queue:6379": "which reaches queue, which serves no model of the contract",
    "http://spare:11434": "which reaches spare, an Ollama that the contract does not know",
    "http://distant:11434": "which names distant, which shares no network with app",
    "http://host.docker.internal:11434": "which is port 11434 of the host, which no service of the project publishes",
    "http://gateway:4001": "which asks gateway at port 4001, it listens on 4000",
    "http://lab.example:9090": "which asks lab at port 9090, it listens on 8080",
}


@pytest.mark.parametrize(("url", "says"), WRONG_ONES.items(), ids=WRONG_ONES)
def test_an_address_that_misses_the_server_is_found_at_its_place(tmp_path: Path, url: str, says: str) -> None:
    """The message says where it leads and where it should."""
    finding = found(app(tmp_path, url))
    assert says in finding.message
    assert finding.message.endswith("(invocation default)")
    assert finding.place == at(COMPOSE, "VALUE")
    assert finding.expected == "http://ollama:11434"


UNKNOWN_ONES = {
    "http://llm.example:11434": "leads out of the project",
    "http://10.1.2.3:11434": "leads out of the project",
    "http://proxy:80": "reaches proxy, which may hand requests on",
    "http://wrapper:80": "reaches wrapper, which may hand requests on",
    "http://built:80": "reaches built, which may hand requests on",
    "unix:///run/ollama.sock": "cannot be read as an address",
}


@pytest.mark.parametrize(("url", "says"), UNKNOWN_ONES.items(), ids=UNKNOWN_ONES)
def test_what_files_cannot_tell_is_not_verified(tmp_path: Path, url: str, says: str) -> None:
    """Neither right nor wrong."""
    judgement = app(tmp_path, url)
    assert judgement.finding is None
    assert judgement.unverified is not None
    assert says in judgement.unverified.reason


ENTRIES = {
    "http://ollama:11434,http://localhost:11434": ("http://localhost", "is app's own container"),
    "http://localhost:11434 http://ollama:11434": ("http://localhost", "is app's own container"),
    "http://ollama:11434=gemma3:4b": ("gemma3:4b", "asks talk for gemma3:4b, which is retired by the contract"),
    "http://ollama:11434=gemma3-small": ("gemma3-small", "gemma3-small, which is none of its names; should name"),
    "http://ollama:11434=gemma3:4b-it-qat,http://ollama:11434=gemma3:4b": (
        "gemma3:4b",
        "gemma3:4b, which is retired",
    ),
    "http://embedder:11435=gemma3:4b-it-qat,http://ollama:11434=bge-m3": ("http://embedder", "reaches vectors"),
    "chat=http://embedder:11435,embed=http://ollama:11434": ("chat=", "reaches vectors; should reach talk"),
    '\'{"chat-16k": "http://ollama:11434", "bge-m3": "http://ollama:11434"}\'': ("http://ollama", "reaches talk"),
}


@pytest.mark.parametrize(("url", "part", "says"), [(u, *e) for u, e in ENTRIES.items()], ids=ENTRIES)
def test_the_entry_of_a_list_or_map_that_is_wrong_is_named(tmp_path: Path, url: str, part: str, says: str) -> None:
    """Its column is that of the entry, or of the model where that is what is wrong."""
    finding = found(app(tmp_path, url))
    assert says in finding.message
    value = at(COMPOSE, "VALUE")
    assert finding.place == Place(value.path, value.line, value.column + url.rindex(part))


def test_a_map_without_the_model_says_where_it_should_be(tmp_path: Path) -> None:
    """The other models' entries are right, and of no help."""
    finding = found(app(tmp_path, "http://embedder:11435=bge-m3"))
    assert "should reach talk" in finding.message


def test_the_port_that_compose_tells_ollama_is_the_one_it_listens_on(tmp_path: Path) -> None:
    """Whatever the contract says: the address of the old port reaches nothing."""
    compose = COMPOSE.replace("container_name: llm", "environment: {OLLAMA_HOST: ':11500'}")
    assert app(tmp_path, "http://ollama:11500", compose=compose).finding is None
    assert "it listens on 11500" in found(app(tmp_path, "http://ollama:11434", compose=compose)).message


def test_a_command_that_sets_the_port_itself_leaves_both_open(tmp_path: Path) -> None:
    """Which of the two holds, only a run can tell."""
    start = "environment: {OLLAMA_HOST: ':11500'}\n    entrypoint: [sh, -c, 'OLLAMA_HOST=:11434 ollama serve']"
    compose = COMPOSE.replace("container_name: llm", start)
    assert app(tmp_path, "http://ollama:11434", compose=compose).finding is None
    assert app(tmp_path, "http://ollama:11500", compose=compose).finding is None
    assert app(tmp_path, "http://ollama:11600", compose=compose).finding is not None


def test_a_server_that_listens_to_itself_alone_is_found_at_its_own_setting(tmp_path: Path) -> None:
    """The address is right, and no packet arrives."""
    compose = COMPOSE.replace("container_name: llm", "environment: {OLLAMA_HOST: '127.0.0.1:11434'}")
    finding = found(app(tmp_path, "http://ollama:11434", compose=compose))
    assert finding.place == at(compose, "127.0.0.1:11434'}")
    assert "which only its own container reaches" in finding.message


def test_a_shared_namespace_makes_localhost_right(tmp_path: Path) -> None:
    """The sidecar's loopback is the server's."""
    compose = COMPOSE.replace("    image: app\n", '    image: app\n    network_mode: "service:ollama"\n')
    assert app(tmp_path, "http://localhost:11434", compose=compose).finding is None
    assert "asks talk at port 8080" in found(app(tmp_path, "http://localhost:8080", compose=compose)).message


def test_on_the_hosts_own_network_the_published_port_counts(tmp_path: Path) -> None:
    """Docker's names are not known there."""
    compose = COMPOSE.replace("    image: app\n", "    image: app\n    network_mode: host\n")
    assert app(tmp_path, "http://localhost:21434", compose=compose).finding is None
    finding = found(app(tmp_path, "http://ollama:11434", compose=compose))
    assert "shares no network with app; should reach talk at http://localhost:21434" in finding.message


def test_a_server_beyond_the_project_is_known_by_its_address(tmp_path: Path) -> None:
    """The contract says where it runs."""
    contract = CONTRACT.replace("{service: talk,", "{service: lab,")
    assert app(tmp_path, "http://lab.example:8080/api", contract=contract).finding is None
    finding = found(app(tmp_path, "http://ollama:11434", contract=contract))
    assert "should reach lab at http://lab.example:8080" in finding.message


def test_an_address_put_together_is_blamed_on_the_piece_that_is_wrong(tmp_path: Path) -> None:
    """Host and port may have defaults of their own."""
    url = "http://${HOST:-ollama}:${PORT:-11400}"
    assert found(app(tmp_path, url)).place == at(COMPOSE.replace("VALUE", url), "11400")
    url = "http://${HOST:-ollamas}:${PORT:-11434}"
    assert found(app(tmp_path, url)).place == at(COMPOSE.replace("VALUE", url), "ollamas")
    url = "http://localhost:${PORT:-11434}"
    assert found(app(tmp_path, url)).place == at(COMPOSE.replace("VALUE", url), url)


def test_credentials_of_an_address_are_not_repeated(tmp_path: Path) -> None:
    """Neither in the message nor in the chain of places."""
    finding = found(app(tmp_path, "http://me:hunter2@localhost:11434"))
    assert "hunter2" not in "\n".join((*finding.lines(), str(finding.observed)))


def test_an_empty_address_is_found(tmp_path: Path) -> None:
    """It is set, and reaches nothing."""
    finding = found(app(tmp_path, '""'))
    assert finding.message == "app's URL is empty, should be http://ollama:11434 (invocation default)"


def test_an_address_that_nothing_gives_is_found_at_the_service(tmp_path: Path) -> None:
    """It lacks the setting, and says which value it needs."""
    compose = COMPOSE.replace("    environment:\n      URL: VALUE\n", "")
    finding = found(app(tmp_path, "", compose=compose))
    assert finding.message == "nothing gives URL to app, should be http://ollama:11434 (invocation default)"
    assert finding.place == at(compose, "app:")
    assert finding.lacks == "URL"


def test_without_the_server_only_a_name_that_nobody_has_is_wrong(tmp_path: Path) -> None:
    """What stands in for a server is meant so; a name that is left behind is not."""
    compose = COMPOSE.replace("  ollama:\n    image", "  stub:\n    image")
    judgement = app(tmp_path, "http://spare:11434", compose=compose)
    assert judgement.finding is None
    assert judgement.unverified is not None
    assert "talk is not started (invocation default)" in judgement.unverified.reason
    finding = found(app(tmp_path, "http://ollama:11434", compose=compose))
    assert "no service of the project is called that; talk is not started" in finding.message


def test_two_models_by_one_setting_are_one_subject(tmp_path: Path) -> None:
    """A list must hold the server of each."""
    contract = CONTRACT.replace("uses: {chat: URL}", "uses: {chat: URL, embed: URL}")
    assert app(tmp_path, "http://ollama:11434,http://embedder:11435", contract=contract).finding is None
    finding = found(app(tmp_path, "http://ollama:11434", contract=contract))
    assert "should reach vectors at http://embedder:11435" in finding.message


def test_a_process_of_the_host_reaches_what_is_published(tmp_path: Path) -> None:
    """Its environment stands in the contract."""
    own = 'process: {command: [run], environment: {URL: "http://localhost:21434"}}'
    contract = CONTRACT.replace("compose: app", own)
    assert app(tmp_path, "x", contract=contract).finding is None
    contract = contract.replace('"http://localhost:21434"', '"http://ollama:11434"')
    assert "shares no network with app" in found(app(tmp_path, "x", contract=contract)).message


def test_a_repository_without_compose_is_judged_too(tmp_path: Path) -> None:
    """Processes and addresses alone."""
    (tmp_path / "newscreator.yaml").write_text(
        'version: 1\nmodel: {service: llm, base: "gemma3:4b"}\nservices:\n'
        "  llm: {kind: ollama, process: {command: [ollama, serve]}}\n"
        '  app: {kind: http, process: {command: [run], environment: {URL: "http://localhost:11435"}}, '
        "uses: {default: URL}}\n",
        encoding="utf-8",
    )
    findings = Findings((ENDPOINT,), Repository(load(tmp_path / "newscreator.yaml"), registry.readers()))
    (judgement,) = findings.all()
    assert judgement.item == "endpoint[app URL]"
    assert "port 11435 of the host" in found(judgement).message


def test_a_process_without_the_setting_is_held_to_its_own_default(tmp_path: Path) -> None:
    """It is started from somebody's shell: without a default in the sources, nobody can know."""
    (tmp_path / "newscreator.yaml").write_text(
        'version: 1\nmodel: {service: llm, base: "gemma3:4b"}\nservices:\n'
        "  llm: {kind: ollama, process: {command: [ollama, serve]}}\n"
        "  app: {kind: http, process: {command: [run]}, uses: {default: URL}}\n",
        encoding="utf-8",
    )

    def said() -> Judged:
        findings = Findings((ENDPOINT,), Repository(load(tmp_path / "newscreator.yaml"), registry.readers()))
        return next(iter(findings.all()))

    assert said().unverified is not None
    (tmp_path / "main.py").write_text('import os\nU = os.getenv("URL", "http://localhost:11434")\n', encoding="utf-8")
    assert (said().finding, said().unverified) == (None, None)
    (tmp_path / "main.py").write_text('import os\nU = os.getenv("URL", "http://localhost:11400")\n', encoding="utf-8")
    assert found(said()).place == Place("main.py", 2, 23)


def test_the_reference_stack_reaches_its_backend(stack: Stack) -> None:
    """Under each way of starting it, the rollback too."""
    said = stack.judged(ENDPOINT)
    assert list(said) == [f"endpoint[{name} app LLM_SERVICE_URL]" for name in ("default", "cpu", "rollback")]
    assert all(one.finding is None and one.unverified is None for one in said.values())


def test_a_dotenv_that_names_the_developers_own_machine_is_the_place(stack: Stack) -> None:
    """The default behind it is right, and not to blame."""
    stack.write(".env", "LLM_SERVICE_URL=http://localhost:11434\n")
    said = stack.judged(ENDPOINT)
    assert found(said["endpoint[host app LLM_SERVICE_URL]"]).place == Place(".env", 1, 17)
    assert said["endpoint[default app LLM_SERVICE_URL]"].finding is None


def test_one_wrong_default_is_told_once(stack: Stack) -> None:
    """Three invocations read it, the first speaks."""
    stack.edit(AI, f"${{LLM_SERVICE_URL:-{RIGHT}}}", "${LLM_SERVICE_URL:-http://news-creator:8001}")
    findings = Findings((ENDPOINT,), stack.repository())
    broken = [one for one in findings.all() if one.finding]
    assert {one.finding.place for one in broken if one.finding} == {stack.behind(AI, "${LLM_SERVICE_URL:-")}
    assert [one.item for one in broken if findings.speaker(one, lambda _: True) is None] == [broken[0].item]


def test_a_default_of_the_program_counts_where_compose_gives_nothing(stack: Stack) -> None:
    """It reaches nothing from inside a container."""
    stack.edit(AI, f"      LLM_SERVICE_URL: ${{LLM_SERVICE_URL:-{RIGHT}}}\n", "")
    stack.write("news-creator/app/added.py", 'import os\nU = os.getenv("LLM_SERVICE_URL", "http://127.0.0.1:11434")\n')
    finding = found(stack.judged(ENDPOINT)["endpoint[default app LLM_SERVICE_URL]"])
    assert finding.place is not None
    assert finding.place.path.endswith(".py")
    assert "is app's own container" in finding.message


def test_a_declared_address_that_drifts_is_told_by_the_default(stack: Stack) -> None:
    """Where the contract declares the text itself, the earlier check speaks of it."""
    stack.edit("newscreator.yaml", "settings: {LLM_MODEL:", f'settings: {{LLM_SERVICE_URL: "{RIGHT}", LLM_MODEL:')
    stack.edit(AI, f"${{LLM_SERVICE_URL:-{RIGHT}}}", "${LLM_SERVICE_URL:-http://localhost:11434}")
    checks = (*(check for check in CHECKS if check.name != "endpoint"), ENDPOINT)
    findings = Findings(checks, stack.repository())
    broken = [one for one in findings.all() if one.check.name == "endpoint" and one.finding]
    assert broken
    assert {findings.speaker(one, lambda _: True) for one in broken} == {"default[compose/ai.yaml LLM_SERVICE_URL]"}


def test_a_later_entry_of_a_declared_list_is_told_by_the_default_too(stack: Stack) -> None:
    """Its column differs from the value's; the drift is the same one."""
    stack.edit("newscreator.yaml", "settings: {LLM_MODEL:", f'settings: {{LLM_SERVICE_URL: "{RIGHT}", LLM_MODEL:')
    stack.edit(AI, f"${{LLM_SERVICE_URL:-{RIGHT}}}", f"${{LLM_SERVICE_URL:-{RIGHT},http://localhost:11434}}")
    findings = Findings((*(check for check in CHECKS if check.name != "endpoint"), ENDPOINT), stack.repository())
    judgement = findings.judged("endpoint[default app LLM_SERVICE_URL]")
    assert found(judgement).place == stack.behind(AI, f"${{LLM_SERVICE_URL:-{RIGHT},")
    assert findings.speaker(judgement, lambda _: True) == "default[compose/ai.yaml LLM_SERVICE_URL]"


def test_the_network_of_a_container_that_is_not_ours_is_not_known(tmp_path: Path) -> None:
    """What answers there is that container's affair."""
    compose = COMPOSE.replace("    image: app\n", "    image: app\n    network_mode: container:vpn\n")
    judgement = app(tmp_path, "http://ollama:11434", compose=compose)
    assert judgement.finding is None
    assert judgement.unverified is not None
