"""Which model is asked, with what, and how long articles are put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

    from conftest import Serve
    from standin_ollama import StandInOllama

OPTIONS = {
    "num_ctx": 16384,
    "num_batch": 1024,
    "temperature": 0.15,
    "top_p": 0.85,
    "top_k": 40,
    "repeat_penalty": 1.15,
}


def article(characters: int) -> str:
    """Write an article of that many characters, in which every sentence is another."""
    sentences = (f"第{number}条について首相が会見した。" for number in range(characters))
    text = ""
    while len(text) < characters:
        text += next(sentences)
    return text[:characters]


def summarize(client: httpx.Client, content: str) -> dict[str, Any]:
    """Have `content` summarised whole."""
    answer = client.post("/api/v1/summarize", json={"article_id": "a-1", "content": content})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_an_article_that_fits_is_one_request_to_the_16k_variant(client: httpx.Client, ollama: StandInOllama) -> None:
    """The whole article is in one prompt, as it was written."""
    content = article(15_000)
    assert summarize(client, content)["strategy"] == "single"
    assert [content in prompt for prompt in ollama.prompts] == [True]


def test_a_request_forbids_ollama_to_shorten_anything(client: httpx.Client, ollama: StandInOllama) -> None:
    """The client library sends neither field; without them a long prompt is cut with status 200."""
    summarize(client, article(100))
    assert {name: ollama.requests[0][name] for name in ("truncate", "shift")} == {"truncate": False, "shift": False}


def test_every_request_has_the_options_of_the_modelfile(client: httpx.Client, ollama: StandInOllama) -> None:
    """Another num_ctx or num_batch restarts the runner; only the length of the answer differs."""
    summarize(client, article(40_000))
    sent = [{name: value for name, value in r["options"].items() if name != "num_predict"} for r in ollama.requests]
    assert sent == [OPTIONS] * len(sent)
    assert len(sent) > 2


def test_no_request_names_the_base(client: httpx.Client, ollama: StandInOllama) -> None:
    """A rollback of the backend alone reaches only what is asked by a variant's name."""
    summarize(client, article(40_000))
    client.get("/health/deep")
    assert {request["model"] for request in ollama.requests} == {"gemma3-4b-16k"}


@pytest.mark.parametrize(("text", "sent"), [("24h", "24h"), ("-1", -1), ("0", 0)])
def test_a_keep_alive_is_sent_as_ollama_reads_it(serve: Serve, ollama: StandInOllama, text: str, sent: object) -> None:
    """Ollama reads the text "-1" as a duration without unit and refuses the request."""
    summarize(serve(LLM_KEEP_ALIVE=text), article(100))
    assert ollama.requests[0]["keep_alive"] == sent


def test_a_150_000_character_article_takes_twelve_chunks_at_most(client: httpx.Client, ollama: StandInOllama) -> None:
    """The longest article of the record goes through Map-Reduce, in time on a small machine."""
    body = summarize(client, article(150_000))
    assert body["strategy"] == "map-reduce"
    assert 11 <= body["chunks"] <= 12
    assert len(ollama.requests) == body["chunks"] + 1


def test_every_sentence_of_a_long_article_reaches_the_model(client: httpx.Client, ollama: StandInOllama) -> None:
    """Nothing is cut: each sentence is whole in some prompt."""
    content = article(60_000)
    summarize(client, content)
    assert all(any(sentence in prompt for prompt in ollama.prompts) for sentence in content.split("。"))


def test_partial_summaries_are_reduced_in_order(client: httpx.Client, ollama: StandInOllama) -> None:
    """The last prompt holds every partial summary."""
    body = summarize(client, article(60_000))
    assert ollama.prompts[-1].count("".join(ollama.pieces)) == body["chunks"]


def test_chunks_are_asked_for_one_at_a_time(client: httpx.Client, ollama: StandInOllama) -> None:
    """One runner slot serves everybody; a caller of long articles must not fill the queue."""
    ollama.piece_delay_s = 0.01
    summarize(client, article(60_000))
    assert ollama.most_at_once == 1


def test_concurrency_asks_for_several_chunks_at_once(serve: Serve, ollama: StandInOllama) -> None:
    """Where the backend has slots to spare they are used, and no more than allowed."""
    ollama.piece_delay_s = 0.05
    summarize(serve(MAP_REDUCE_CONCURRENCY=2), article(60_000))
    assert ollama.most_at_once == 2


def test_a_chunk_that_ollama_finds_too_long_is_halved(client: httpx.Client, ollama: StandInOllama) -> None:
    """A tokenizer that needs three tokens a character breaks the estimate, not the service."""
    ollama.tokens_per_char = 3.0
    content = article(60_000)
    assert summarize(client, content)["chunks"] >= 12
    assert all(any(sentence in prompt for prompt in ollama.prompts) for sentence in content.split("。"))


def test_a_refused_length_is_not_tried_again(client: httpx.Client, ollama: StandInOllama) -> None:
    """Each refusal costs a tokenization of the whole prompt; two teach enough for a round."""
    ollama.tokens_per_char = 3.0
    summarize(client, article(60_000))
    assert ollama.refused <= 3


def test_an_article_that_fits_by_estimate_but_is_refused_goes_through_map_reduce(
    client: httpx.Client, ollama: StandInOllama
) -> None:
    """Ollama's count decides, not ours."""
    ollama.tokens_per_char = 3.0
    assert summarize(client, article(12_000))["strategy"] == "map-reduce"


def test_a_server_that_cuts_prompts_is_found_out(client: httpx.Client, ollama: StandInOllama) -> None:
    """A server too old for `truncate` reads a full window: such an answer is not used."""
    ollama.tokens_per_char, ollama.honours_truncate = 3.0, False
    answer = client.post("/api/v1/summarize", json={"article_id": "a-1", "content": article(12_000)})
    assert (answer.status_code, answer.json()["error"]) == (413, "prompt_too_long")
    assert "was cut" in answer.json()["detail"]


def test_partial_summaries_that_do_not_fit_are_reduced_again(serve: Serve, ollama: StandInOllama) -> None:
    """A second round summarises the first round's summaries."""
    ollama.pieces = ["要点は" * 100 + "。"]
    body = summarize(serve(LLM_NUM_CTX=2048, MAP_REDUCE_CHUNK_TOKENS=1024), article(20_000))
    assert body["chunks"] < len(ollama.requests) - 1


def test_partial_summaries_that_never_get_short_are_an_error(serve: Serve, ollama: StandInOllama) -> None:
    """A model that only repeats itself is stopped after the allowed rounds."""
    ollama.pieces = ["長い要点が続く。" * 120]
    client = serve(LLM_NUM_CTX=2048, MAP_REDUCE_CHUNK_TOKENS=1024, MAP_REDUCE_MAX_ROUNDS=2)
    answer = client.post("/api/v1/summarize", json={"article_id": "a-1", "content": article(20_000)})
    assert (answer.status_code, answer.json()["error"]) == (413, "not_converging")
    assert "after 2 rounds (MAP_REDUCE_MAX_ROUNDS)" in answer.json()["detail"]


def test_an_article_of_too_many_chunks_is_refused_before_any_request(serve: Serve, ollama: StandInOllama) -> None:
    """What cannot be read in full is not read in part."""
    client = serve(MAP_REDUCE_MAX_CHUNKS=2)
    answer = client.post("/api/v1/summarize", json={"article_id": "a-1", "content": article(60_000)})
    assert (answer.status_code, answer.json()["error"]) == (413, "prompt_too_long")
    assert "60000 characters" in answer.json()["detail"]
    assert not ollama.requests


def test_a_chunk_the_model_says_nothing_about_is_carried_over(serve: Serve, ollama: StandInOllama) -> None:
    """An empty partial summary must not drop what its chunk holds; the next prompt has the text itself."""
    ollama.pieces = [" "]
    client = serve(MAP_REDUCE_MAX_ROUNDS=1)
    answer = client.post("/api/v1/summarize", json={"article_id": "a-1", "content": article(40_000)})
    assert answer.json()["error"] == "not_converging"
    assert "have 4" in answer.json()["detail"]


def test_a_long_article_goes_to_the_60k_variant_only_where_routing_is_on(serve: Serve, ollama: StandInOllama) -> None:
    """With routing one prompt of the larger window takes the place of Map-Reduce."""
    body = summarize(serve(MODEL_ROUTING_ENABLED=True), article(50_000))
    assert (body["strategy"], body["model"]) == ("single", "gemma3-4b-60k")
    assert ollama.requests[0]["options"]["num_ctx"] == 61440


def test_a_short_article_stays_with_the_16k_variant_where_routing_is_on(serve: Serve) -> None:
    """The larger window costs memory; it is for what needs it."""
    assert summarize(serve(MODEL_ROUTING_ENABLED=True), article(1000))["model"] == "gemma3-4b-16k"


def test_an_article_beyond_the_60k_window_goes_through_map_reduce(serve: Serve) -> None:
    """Routing does not change what cannot fit."""
    assert summarize(serve(MODEL_ROUTING_ENABLED=True), article(90_000))["strategy"] == "map-reduce"
