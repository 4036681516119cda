"""What the checks of the level `served` conclude from what a server tells: no stack, plain data."""

from __future__ import annotations

import io
import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pytest_newscreator.checks.registry import Subject
from pytest_newscreator.checks.served import generates, health, loaded, longest, made, options, rollback, runners
from pytest_newscreator.checks.served.made import Holding
from pytest_newscreator.checks.served.names import Served
from pytest_newscreator.checks.unchecked import unchecked
from pytest_newscreator.contract.faults import ContractErrors
from pytest_newscreator.contract.load import load
from pytest_newscreator.contract.model import Contract, Invocation, Model, Service
from pytest_newscreator.measure.streaming import Streamed
from pytest_newscreator.observe import recorder
from pytest_newscreator.observe.ollama import Loaded, Shown, _parameters
from pytest_newscreator.observe.runner_log import Start, starts
from pytest_newscreator.places import Place
from pytest_newscreator.stack import again
from pytest_newscreator.verdicts import NotVerified

HERE = Place("newscreator.yaml", 3, 1)
SUBJECT = Subject("v16", HERE)
NEW, OLD = "b" * 64, "a" * 64
CONTRACT = """
version: 1
models:
  news:
    service: backend
    base: base:new
    rollback: base:old
    switch: BASE
    parameters: {temperature: 0.15, num_batch: 1024}
    stop: ["<end>"]
    variants: {v16: {num_ctx: 16384}, v60: {num_ctx: 61440}}
  plain: {service: backend, base: other:1, stop: ["<end>"]}
services:
  backend: {kind: ollama, process: {command: [ollama, serve], environment: {BASE: base:new}}}
  app: {kind: http, process: {command: [app]}, uses: {news: BACKEND_URL}, request: {path: /ask, body: {content: text}}}
latency:
  cases:
    small: {model: v16, prompt_tokens: 900}
    large: {model: v16, prompt_tokens: 14000, output_tokens: 64}
"""
PARAMETERS = {"temperature": ("0.15",), "num_batch": ("1024",), "stop": ("<end>",), "num_ctx": ("16384",)}


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    """A contract with a model of two variants, one without any, and a service that asks."""
    file = tmp_path / "newscreator.yaml"
    file.write_text(CONTRACT)
    return load(file)


@pytest.fixture
def news(contract: Contract) -> Model:
    """The model with variants."""
    return contract.models["news"]


def shown(name: str, parent: str = "", weights: str | None = NEW, **more: Any) -> Shown:
    """A model as a server shows it."""
    usual = {"parameters": PARAMETERS, "template": "{{ .Prompt }}", "quantization": "Q4_0", "model_info": {}}
    return Shown(name=name, parent=parent, weights=weights, **{**usual, **more})


def held(*models: Shown, **digests: str) -> Holding:
    """What a server has."""
    return Holding({one.name: one for one in models}, digests, tuple(one.name for one in models))


def served(contract: Contract, model: str, variant: str | None = None) -> Served:
    """One name that a server must have."""
    one = contract.models[model]
    return Served(contract.services["backend"], one, one.variants[variant] if variant else None)


BASES = (shown("base:new"), shown("base:old", weights=OLD))


def judged(contract: Contract, *models: Shown, base: str = "base:new") -> str:
    """Return what is said of v16, "" where nothing is."""
    finding = made.judge(served(contract, "news", "v16"), held(*BASES, *models), base)
    return f"{finding.severity}: {finding.message}" if finding else ""


def test_a_variant_of_the_decided_base_is_right(contract: Contract) -> None:
    """Parent, weights and parameters as declared."""
    assert not judged(contract, shown("v16", "base:new"))


def test_a_volume_with_variants_of_two_bases_names_both(contract: Contract) -> None:
    """The one of the old base is told, with the other that is of the new one."""
    said = judged(contract, shown("v16", "base:old", OLD), shown("v60", "base:new"))
    expected = "error: v16 is made of base:old (and v60 of base:new: one volume, two bases), the contract says base:new"
    assert said == expected


def test_weights_of_another_base_under_the_right_name_are_told_by_whose_they_are(contract: Contract) -> None:
    """A name of one base, the weights of another."""
    assert "names base:new as its parent and carries the weights of base:old" in judged(
        contract, shown("v16", "base:new", OLD)
    )


def test_a_base_that_was_pulled_again_is_told_as_such(contract: Contract) -> None:
    """The variant's blob is no longer that of any name."""
    finding = made.judge(served(contract, "news", "v16"), held(*BASES, shown("v16", "base:new", "c" * 64)), "base:new")
    assert finding is not None
    assert "weights that no other name here has (sha256 cccccccccccc, base:new has bbbbbbbbbbbb)" in finding.message
    assert "pulled again" in finding.fix


def test_another_variant_of_the_same_old_pull_is_not_taken_for_the_owner(contract: Contract) -> None:
    """Variants are made of weights; they are not what weights are called."""
    old = (shown("v16", "base:new", "c" * 64), shown("v60", "base:new", "c" * 64))
    assert "weights that no other name here has" in judged(contract, *old)


def test_a_second_name_of_the_same_weights_is_a_note(contract: Contract) -> None:
    """Digests decide, not names."""
    assert judged(contract, shown("v16", "base:copy")).startswith("note: v16 is made of base:copy")


def test_a_variant_made_of_a_file_is_held_by_its_weights_alone(contract: Contract) -> None:
    """A path is no name of a base."""
    path = f"/models/blobs/sha256-{NEW}"
    assert not judged(contract, shown("v16", path))
    assert "carries the weights of base:old" in judged(contract, shown("v16", path, OLD))


def test_a_rolled_back_stack_is_held_to_the_rollback_base(contract: Contract) -> None:
    """Under the rollback's invocation the old base is the right one."""
    assert not judged(contract, shown("v16", "base:old", OLD), base="base:old")
    assert "is made of base:new" in judged(contract, shown("v16", "base:new"), base="base:old")


@pytest.mark.parametrize(
    ("name", "values", "says"),
    [
        ("num_ctx", ("8192",), "v16 serves num_ctx 8192, the contract says 16384"),
        ("stop", (), "v16 serves stop unset, the contract says <end>"),
        ("stop", ("<end>", "\n"), "v16 serves stop <end>, '\\n', the contract says <end>"),
        ("temperature", ("0.150",), ""),
    ],
)
def test_a_parameter_is_held_to_the_contract(contract: Contract, name: str, values: tuple[str, ...], says: str) -> None:
    """Numbers by value, texts as a set."""
    said = judged(contract, shown("v16", "base:new", parameters={**PARAMETERS, name: values}))
    assert said.removeprefix("error: ") == says


def test_a_base_without_variants_is_held_to_the_stop_texts(contract: Contract) -> None:
    """Requests name the base itself; every other parameter is the variants'."""
    bare = shown("other:1", parameters={})
    finding = made.judge(served(contract, "plain"), held(bare), "other:1")
    assert finding is not None
    assert finding.message == "other:1 serves stop unset, the contract says <end>"


@pytest.mark.parametrize(
    ("declared", "is_right"),
    [("sha256:1234567890ab", True), ("1234567890ab", True), ("sha256-" + NEW, True), ("sha256:ffffffffffff", False)],
)
def test_a_declared_digest_is_the_manifests_or_the_blobs(contract: Contract, declared: str, is_right: bool) -> None:
    """As `ollama list` shows it, or as the blob is called."""
    one = served(contract, "news")
    one = replace(one, model=replace(one.model, digest=declared))
    finding = made.judge(one, held(*BASES, **{"base:new": "1234567890ab" + "0" * 52}), "base:new")
    assert (finding is None) is is_right
    assert made.judge(one, held(*BASES), "base:old") is None, "a rollback base has no declared digest"


def test_template_and_quantization_are_held_and_a_stand_in_is_not_judged(contract: Contract) -> None:
    """What a stand-in cannot have is not verified, never passed."""
    one = served(contract, "news", "v16")
    one = replace(one, model=replace(one.model, template="{{ .System }}\n", quantization="Q8_0"))
    wrong = shown("v16", "base:new")
    finding = made.judge(one, held(*BASES, wrong), "base:new")
    assert finding is not None
    assert finding.message == "v16 is quantised Q4_0, the contract says Q8_0"
    finding = made.judge(one, held(*BASES, replace(wrong, quantization="Q8_0")), "base:new")
    assert finding is not None
    assert finding.message == "v16 serves another template: '{{ .Prompt }}', the contract says '{{ .System }}'"
    stamped = held(*BASES, replace(wrong, model_info={"newscreator.standin": "tiny"}))
    assert made.judge(one, stamped, "base:new") is None
    with pytest.raises(NotVerified, match="its quantization, template cannot be the declared"):
        made.hold_unverified(one, stamped, "base:new")


def test_weights_that_cannot_be_compared_are_not_verified(contract: Contract) -> None:
    """The base is gone, or the server tells no blob."""
    one = served(contract, "news", "v16")
    with pytest.raises(NotVerified, match="weights cannot be compared"):
        made.hold_unverified(one, held(shown("v16", "base:new")), "base:new")
    with pytest.raises(NotVerified, match="does not tell which blob"):
        made.hold_unverified(one, held(*BASES, shown("v16", "base:new", None)), "base:new")


def test_a_model_without_variants_is_asked_by_the_invocations_base(contract: Contract) -> None:
    """For every check of the level: a rollback replaces the name."""
    from pytest_newscreator.stack.model import Stack

    rolled = Invocation("rollback", HERE, base={"plain": "other:0", "news": "base:old"})
    stack = Stack("process", True, rolled, {})
    assert served(contract, "plain").name(contract, stack) == "other:0"
    assert served(contract, "plain").name(contract, replace(stack, invocation=None)) == "other:1"
    assert served(contract, "news", "v16").name(contract, stack) == "v16"


def test_stop_texts_are_read_as_go_prints_them() -> None:
    """A line break in a stop text is one character, not two."""
    text = 'num_ctx    16384\nstop       "\\n\\n"\nstop       "<end \\"x\\">"'
    assert _parameters(text) == {"num_ctx": ("16384",), "stop": ("\n\n", '<end "x">')}


def test_names_of_one_blob_share_a_runner_only_with_the_same_parameters() -> None:
    """Another window of the same blob is another runner."""
    one, same = shown("v16"), shown("alias", parameters={**PARAMETERS, "temperature": ("1",)})
    assert one.shares_runner_with(same)
    assert not one.shares_runner_with(shown("v60", parameters={**PARAMETERS, "num_ctx": ("61440",)}))
    assert not one.shares_runner_with(shown("old", weights=OLD))
    assert not shown("x", weights=None).shares_runner_with(shown("y", weights=None))


def running(**more: Any) -> loaded.Running:
    """A runner of v16 as it should be, with differences."""
    runner = Loaded("v16:latest", "d1", 100, 100, 16384)
    fields = {name: more.pop(name) for name in ("name", "digest", "size_vram", "context_length") if name in more}
    return replace(loaded.Running("v16", replace(runner, **fields), "d1"), **more)


def test_a_runner_is_held_by_digest_and_window(contract: Contract) -> None:
    """The listed name does not matter, what it was started for does."""
    one = served(contract, "news", "v16")
    assert loaded.judge(running(), one, SUBJECT) is None
    assert loaded.judge(running(name="alias:latest", digest="d2"), one, SUBJECT) is None
    stale = loaded.judge(running(digest="d2"), one, SUBJECT)
    assert stale is not None
    assert stale.message == "v16 runs from digest d2, the name means d1"
    other = loaded.judge(running(context_length=4096), one, SUBJECT)
    assert other is not None
    assert other.message == "v16 runs with a context of 4096, the contract says 16384"
    gone = loaded.judge(running(runner=None), one, SUBJECT)
    assert gone is not None


def test_a_model_partly_on_the_cpu_is_told_by_ratio_and_by_log(contract: Contract) -> None:
    """Either witness is enough; both are asked."""
    one = served(contract, "news", "v16")
    assert loaded.judge_gpu(running(offloaded=(35, 35)), one, SUBJECT) is None
    by_ratio = loaded.judge_gpu(running(size_vram=60), one, SUBJECT)
    by_log = loaded.judge_gpu(running(offloaded=(34, 35)), one, SUBJECT)
    assert by_ratio is not None
    assert "60% of it is in VRAM" in by_ratio.message
    assert by_log is not None
    assert "34/35 layers on the GPU" in by_log.message


LOG = f"""\
msg="starting runner" cmd="/usr/bin/ollama runner --ollama-engine --port 46843"
msg="starting runner" cmd="/usr/bin/ollama runner --ollama-engine --model /m/blobs/sha256-{NEW} --port 1"
msg=load request="{{Operation:fit LoraPath:[] Parallel:2 BatchSize:512 FlashAttention:Enabled KvSize:1 KvCacheType: }}"
msg=load request="{{Operation:commit LoraPath:[] Parallel:2 BatchSize:1024 FlashAttention:Enabled KvSize:16384 K: }}"
msg="offloaded 34/35 layers to GPU"
[GIN] 2026/11/24 - 02:59:47 | 200 |  583.510218ms |       172.18.0.3 | POST     "/api/chat"
[GIN] 2026/11/24 - 02:59:47 | 404 |  583.510218ms |       172.18.0.4 | POST     "/api/chat"
[GIN] 2026/11/24 - 02:59:47 | 200 |     164.715µs |       172.18.0.5 | GET      "/api/ps"
\x1b[?2026htime=x msg="starting runner" cmd="/o runner --ollama-engine --model /m/blobs/sha256-{OLD} --port 2"
"""


def test_a_log_tells_each_start_with_its_window_its_layers_and_who_asked() -> None:
    """A server looking for GPUs starts runners without a model: they are none."""
    first = Start(NEW, 8192, 1024, (34, 35), frozenset({"172.18.0.3"}))
    assert starts(LOG) == (first, Start(OLD))


def test_a_start_with_a_window_that_no_modelfile_says_is_found() -> None:
    """Two variants of one blob may take turns; nobody else may."""
    both = {"v16": shown("v16"), "v60": shown("v60", parameters={**PARAMETERS, "num_ctx": ("61440",)})}
    assert runners.judge([Start(NEW, 16384, 1024), Start(NEW, 61440, 1024), Start(NEW)], both, SUBJECT) is None
    for wrong in (Start(NEW, 8192, 1024), Start(NEW, 16384, 512)):
        finding = runners.judge([Start(NEW, 16384, 1024), wrong], both, SUBJECT)
        assert finding is not None
        assert f"num_ctx {wrong.window} and num_batch {wrong.batch}" in finding.message


def test_a_window_beyond_the_model_and_one_too_small_for_images_are_what_ollama_makes_of_them() -> None:
    """Ollama clamps the one and raises the other; neither is a drift."""
    small = {"v16": shown("v16", parameters={"num_ctx": ("1024",), "num_batch": ("1024",)})}
    assert runners.judge([Start(NEW, 2048, 1024)], small, SUBJECT) is None
    beyond = {"v16": shown("v16", model_info={"gemma3.context_length": 8192})}
    assert runners.judge([Start(NEW, 8192, 1024)], beyond, SUBJECT) is None


def streamed(text: str = "ok", error: str | None = None, **last: Any) -> Streamed:
    """An answer of one piece."""
    chunk = {"response": text, "done": True, "done_reason": "stop", **last}
    return Streamed((0.1,), () if error else (chunk,), error)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (streamed(), ""),
        (streamed(error="500: out of memory"), "v16 answered with an error: 500: out of memory"),
        (streamed(done=False), "v16 broke off: the stream ended without `done`"),
        (streamed(" \n"), "v16 answered without visible text (2 characters)"),
        (
            streamed(done_reason="length"),
            "v16 did not end its answer by itself within 512 tokens (done_reason length)",
        ),
    ],
)
def test_an_answer_is_whole_visible_and_ended_by_the_model(answer: Streamed, says: str) -> None:
    """Each of the ways to be mute has its own sentence."""
    finding = generates.judge(answer, "v16", SUBJECT)
    assert (finding.message if finding else "") == says


def test_the_longest_prompt_is_the_largest_case_or_what_the_window_leaves(contract: Contract) -> None:
    """Declared where a case names the variant."""
    assert longest.of(served(contract, "news", "v16"), contract) == longest.Longest(
        14000, 64, contract.latency.cases["large"].place if contract.latency else None
    )
    assert longest.of(served(contract, "news", "v60"), contract) == longest.Longest(61440 - 256, 256)
    assert longest.of(served(contract, "plain"), contract) is None


def test_a_prompt_is_made_to_measure() -> None:
    """Two short prompts tell what a long one comes to; no two begin alike, so that no cache answers."""
    seen = []

    def ask(text: str) -> Streamed:
        seen.append(text)
        return streamed(prompt_eval_count=30 + 7 * text.count(longest.PARAGRAPH))

    scale = longest.Scale.measured(ask)
    assert scale == longest.Scale(30, 7)
    text = scale.text(14000)
    assert 14000 - 7 < scale.tokens(text) <= 14000
    assert len({one[:8] for one in (*seen, text)}) == 3
    assert longest.Scale.measured(lambda _: streamed()) is None


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (streamed(prompt_eval_count=13990), ""),
        (streamed(prompt_eval_count=13990, done_reason="length"), ""),
        (
            streamed(prompt_eval_count=8192),
            "v16 read 8192 of about 14000 prompt tokens: the prompt was truncated (num_ctx 16384)",
        ),
        (
            streamed(error='400: {"error":"the input length exceeds the context length"}'),
            "v16 refuses its longest declared prompt of 14000 tokens: it has num_ctx 16384",
        ),
    ],
)
def test_a_longest_prompt_is_read_whole(answer: Streamed, says: str) -> None:
    """The server's own count decides; a failure names num_ctx."""
    prompt = longest.Longest(14000, 64)
    finding = longest.judge(answer, "v16", prompt, 14000.0, shown("v16"), SUBJECT)
    assert (finding.message if finding else "") == says


def asked(contract: Contract, model: str = "v16", **sent: Any) -> str:
    """Return what is said of a request that arrived."""
    services = contract.services
    asking = options.Asking(services["app"], services["backend"], contract.models["news"], "BACKEND_URL")
    one = {"path": "/api/chat", "model": model, "options": sent}
    finding = options.judge(one, {"v16": shown("v16")}, asking, SUBJECT)
    return finding.message if finding else ""


def test_options_that_the_modelfile_says_and_free_ones_are_right(contract: Contract) -> None:
    """So is what is not sent, and what no decision was made about."""
    assert not asked(contract, num_ctx=16384, num_batch=1024, temperature=0.15, num_predict=7, seed=1, min_p=0.1)
    assert not asked(contract, "V16:latest")


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"num_ctx": 8192}, "with num_ctx 8192, its Modelfile says 16384: each such request restarts the runner"),
        ({"num_thread": 4}, "with num_thread 4, its Modelfile says unset: each such request restarts the runner"),
        ({"temperature": 0.8}, "with temperature 0.8, its Modelfile says 0.15: the decided value is not in effect"),
    ],
)
def test_an_option_that_the_modelfile_does_not_say_is_found(
    contract: Contract, sent: dict[str, Any], says: str
) -> None:
    """With what it does: a restart, or another answer."""
    assert asked(contract, **sent) == f"app asks v16 {says}"


def test_a_request_for_an_unknown_model_is_found(contract: Contract) -> None:
    """What the contract does not know cannot be right."""
    assert asked(contract, "llama3") == "app asks backend for llama3, which the contract does not know"


def state(**weights: str) -> rollback.State:
    """What names are made of, by their weights."""
    return {name.replace("_", ":"): rollback.Made("parent", one) for name, one in weights.items()}


THROWN = Invocation("rollback", HERE, environment={"BASE": "base:old"}, base={"news": "base:old"})


@pytest.mark.parametrize(
    ("there", "says"),
    [
        (state(base_new=NEW, base_old=OLD, v16=OLD, v60=OLD), ""),
        (state(base_old=OLD, v16=OLD, v60=OLD), ""),
        (state(base_new=NEW, v16=NEW, v60=NEW), "does not bring base:old"),
        (state(base_new=NEW, base_old=NEW, v16=NEW, v60=NEW), "are one digest"),
        (state(base_new=NEW, base_old=OLD, v16=OLD, v60=NEW), "BASE=base:old leaves v60 as it was"),
        (state(base_new=NEW, base_old=OLD, v16=OLD), "v60 as it was: it is gone"),
    ],
)
def test_a_rollback_is_judged_by_digests(news: Model, there: rollback.State, says: str) -> None:
    """A switch that switches nothing, or not all, is none."""
    finding = rollback.judge(there, news, THROWN)
    assert says in (finding.message if finding else "")
    assert (finding is None) is (not says)


@pytest.mark.parametrize(
    ("told", "kind", "says"),
    [
        (health.Told(20, 3.0, 2.0), "ollama", ""),
        (health.Told(20, None, 2.0), "ollama", "error: s stays healthy although v16 is gone (20 s)"),
        (health.Told(20, None, 2.0), "http", "note: s stays healthy although v16 is gone (20 s)"),
        (health.Told(20, 3.0, None, "x"), "http", "error: s does not become healthy again when its models are back: x"),
    ],
)
def test_health_is_judged_by_how_it_follows(told: health.Told, kind: Any, says: str) -> None:
    """A server's health must tell; an application may only live."""
    finding = health.judge(told, Service("s", kind, HERE), ("v16",), SUBJECT)
    assert (f"{finding.severity}: {finding.message}" if finding else "") == says


def test_docker_has_as_long_as_its_health_check_takes() -> None:
    """Interval, timeout and retries as declared, else Docker's own."""
    assert health.bound_s({"Interval": 5 * 10**9, "Timeout": 10**10, "Retries": 3}) == pytest.approx(33)
    assert health.bound_s({}) == pytest.approx(153)


def test_what_another_invocation_gives_otherwise_is_the_difference_alone(contract: Contract) -> None:
    """Of a process of the contract it is what its environment names."""
    from pytest_newscreator.resolve.repository import Repository
    from pytest_newscreator.sources import registry

    repository = Repository(contract, registry.readers())
    more = replace(THROWN, environment={"BASE": "base:old", "ELSE": "x"})
    assert again.changes(repository, contract.services["backend"], None, more) == {"BASE": "base:old"}
    assert again.changes(repository, contract.services["app"], None, more) == {}
    assert again.changed({"A": "1", "B": "2"}, {"A": None, "C": "3"}) == {"B": "2", "C": "3"}


def test_a_probe_request_is_part_of_the_contract(contract: Contract, tmp_path: Path) -> None:
    """Its body is a mapping, or a text of JSON; another text is refused at its place."""
    request = contract.services["app"].request
    assert request is not None
    assert (request.path, request.method, request.body) == ("/ask", "POST", {"content": "text"})
    file = tmp_path / "newscreator.yaml"
    file.write_text(CONTRACT.replace("{content: text}", '\'{"a": [1, {"b": true}]}\''))
    other = load(file).services["app"].request
    assert other is not None
    assert other.body == {"a": [1, {"b": True}]}
    file.write_text(CONTRACT.replace("{content: text}", "'{a'"))
    with pytest.raises(ContractErrors, match=r"request\.body is no JSON"):
        load(file)


def test_what_is_held_now_is_no_longer_listed_as_unchecked(contract: Contract) -> None:
    """Digest, template and rollback are checks of an Ollama; of another server they are still open."""
    assert unchecked(contract) == ("latency",)
    elsewhere = replace(contract.models["news"], service="cloud", digest="sha256:1234567890ab")
    assert unchecked(replace(contract, models={"news": elsewhere}))[:2] == (
        "models.news.rollback, performed",
        "models.news.digest",
    )


class Echo(BaseHTTPRequestHandler):
    """A server that answers with what it was sent, in two pieces."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer with the length and the body."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Content-Length", str(len(body) + 1))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.write(b"\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("chunked", [False, True])
def test_the_recorder_passes_on_and_keeps_no_prompt(chunked: bool) -> None:
    """Status, type and body arrive as they are; of the request only what decides how it is served is kept."""
    import http.client

    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    between = recorder.Recorder(f"127.0.0.1:{server.server_address[1]}")
    body = json.dumps({"model": "v16", "prompt": "secret", "options": {"num_ctx": 1}}).encode()
    try:
        connection = http.client.HTTPConnection(between.address, timeout=10)
        sent: Any = iter([body[:9], body[9:]]) if chunked else io.BytesIO(body)
        headers = {} if chunked else {"Content-Length": str(len(body))}
        connection.request("POST", "/api/chat", sent, headers, encode_chunked=chunked)
        response = connection.getresponse()
        assert (response.status, response.getheader("Content-Type")) == (201, "application/x-ndjson")
        assert response.read() == body + b"\n"
    finally:
        between.close()
        server.shutdown()
        server.server_close()
    assert between.seen == [{"path": "/api/chat", "model": "v16", "options": {"num_ctx": 1}}]


def test_a_recorder_in_a_container_is_read_from_its_log() -> None:
    """Only its own lines count."""
    log = f'Traceback\n{recorder.MARK}{{"path": "/api/chat"}}\nx'
    assert recorder.read(log) == [{"path": "/api/chat"}]
