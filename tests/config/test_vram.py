"""The forecast of VRAM is what a real Ollama logged, and what it computed for the two bases of the case."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_newscreator.errors import NewscreatorError
from pytest_newscreator.measure.vram.forecast import GRAPH_ERROR_MIB, MIB, Forecast, Runner, forecast
from pytest_newscreator.measure.vram.layout import Card, assigned, layout
from pytest_newscreator.measure.vram.shapes import Shapes, Tensor, from_show, known
from pytest_newscreator.measure.vram.versions import has_flash_attention, unforecast

TRUTH = Path(__file__).parents[3] / "shared" / "truth" / "ollama-logs"
SHOWN = {"qat": "gemma3:4b-it-qat", "q4km": "gemma3:4b"}
RECORDED = {
    "qat_8k_x2_full": "qat",
    "q4km_16k_x1_full": "q4km",
    "qat_60k_x2_partial34of35": "qat",
    "tiny_gpu_full": "tinyr",
    "tiny_cpu_no_gpu": "tinyr",
    "tiny_runner_cuda_init_failed": "tinyr",
}
UNITS = {"B": 1, "KiB": 1024, "MiB": MIB, "GiB": 1024 * MIB}
COMMIT = re.compile(
    r"Operation:commit .*?Parallel:(\d+) BatchSize:(\d+) FlashAttention:(\w+) KvSize:(\d+) KvCacheType:(\w*)"
)
CARD = Card(8188 * MIB)


def shapes(base: str = "gemma3:4b-it-qat") -> Shapes:
    """Return the shapes that ship."""
    found = known(base)
    assert found is not None
    return found


def truth(name: str) -> str:
    """Return a recording; skip by its name where it is not beside this checkout."""
    path = TRUTH / name
    if not path.is_file():
        pytest.skip(f"shared/truth/ollama-logs/{name} is not beside this checkout")
    return path.read_text(encoding="utf-8")


def runner_of(log: str) -> Runner:
    """Return what the last committed runner of a log was started with."""
    slots, batch, flash, cells, kind = COMMIT.findall(log)[-1]
    return Runner(int(cells) // int(slots), int(slots), int(batch), kind or "f16", flash == "Enabled")


def logged(log: str, what: str, device: str) -> tuple[float, float]:
    """Return the bytes that a log prints for a part, and half of the last digit that it prints."""
    number, unit = re.findall(rf'msg="{what}" device={device} size="([\d.]+) (\w+)"', log)[-1]
    return float(number) * UNITS[unit], 0.0500001 * UNITS[unit]


def holds(size: int, log: str, what: str, device: str) -> None:
    """Hold a size to a log, to the digits that it prints."""
    wanted, half = logged(log, what, device)
    assert abs(size - wanted) <= half, (what, size, wanted)


def recorded(name: str) -> tuple[Forecast, str]:
    """Return the forecast for the runner of a recording, and its log."""
    log, shown = truth(f"serve_{name}.log"), json.loads(truth(f"show_{RECORDED[name]}.json"))
    on_card = "CUDA0 size" in log
    return forecast(from_show(shown), runner_of(log), on_card=on_card), log


@pytest.mark.parametrize("name", [name for name in RECORDED if "full" in name])
def test_what_is_whole_on_the_card_is_as_logged(name: str) -> None:
    """Weights and cache to the printed digit, the second copy of the embedding on the CPU."""
    found, log = recorded(name)
    holds(found.weights_size, log, "model weights", "CUDA0")
    holds(found.kv_size, log, "kv cache", "CUDA0")
    holds(found.input_weights, log, "model weights", "CPU")


@pytest.mark.parametrize("name", [name for name in RECORDED if "cpu" in name or "failed" in name])
def test_what_is_on_the_cpu_is_as_logged(name: str) -> None:
    """There the embedding is counted twice on one device."""
    found, log = recorded(name)
    holds(found.weights_size + found.input_weights, log, "model weights", "CPU")
    holds(found.kv_size, log, "kv cache", "CPU")


@pytest.mark.parametrize("name", [name for name in RECORDED if name.startswith("q")])
def test_the_graph_is_as_logged_within_its_error(name: str) -> None:
    """The error that the module states."""
    found, log = recorded(name)
    assert found.graph is not None
    assert abs(found.graph.size - logged(log, "compute graph", "CUDA0")[0]) <= (GRAPH_ERROR_MIB + 0.05) * MIB


@pytest.mark.parametrize("name", [name for name in RECORDED if name.startswith("q")])
def test_the_layers_on_the_card_are_as_logged(name: str) -> None:
    """34 of 35 at 60K x 2, all of them elsewhere."""
    found, log = recorded(name)
    placed = layout(found, CARD)
    assert placed is not None
    assert f'msg="offloaded {placed.on_card}/{placed.layers} layers to GPU"' in log


def test_what_falls_off_the_card_is_as_logged() -> None:
    """The weights that stay are the log's 1.7 GiB, the embedding and the output layer are its 3.3 on the CPU."""
    found, log = recorded("qat_60k_x2_partial34of35")
    holds(sum(found.weights[:-1]), log, "model weights", "CUDA0")
    holds(found.input_weights + found.weights[-1], log, "model weights", "CPU")
    holds(found.kv_size, log, "kv cache", "CUDA0")


@pytest.mark.parametrize("name", ["qat_8k_x2_full", "q4km_16k_x1_full"])
def test_weights_and_cache_leave_just_the_logged_graph_of_what_api_ps_counts(name: str) -> None:
    """Its size, exact to the byte, counts the CPU's part too: the embedding, and 4 bytes x width x batch."""
    found, log = recorded(name)
    (listed,) = json.loads(truth(f"ps_{name}.json"))["models"]
    cpu = found.input_weights + 4 * 2560 * found.runner.num_batch
    holds(listed["size"] - found.weights_size - found.kv_size - cpu, log, "compute graph", "CUDA0")


@pytest.mark.parametrize(("shown", "base"), SHOWN.items())
def test_the_shapes_that_ship_are_those_of_the_base(shown: str, base: str) -> None:
    """All 883 tensors."""
    told = from_show(json.loads(truth(f"show_{shown}.json")))
    ours = shapes(base)
    assert sorted(ours.tensors, key=repr) == sorted(told.tensors, key=repr)
    assert replace(ours, tensors=()) == replace(told, tensors=())


# num_ctx, slots, batch, KV cache, graph, all of it on the card; MiB, from real Ollama 0.14.3.
FACTS = [
    (8192, 2, 512, 639.0, 180.1, 4623.2),
    (8192, 2, 1024, 697.0, 278.0, 4779.2),
    (12288, 2, 1024, 857.0, 302.0, 4963.2),
    (16384, 1, 512, 494.0, 180.0, 4478.0),
    (16384, 1, 1024, 552.0, 272.5, 4629.0),
    (16384, 2, 1024, 1017.0, 334.0, 5155.2),
    (61440, 1, 1024, 1432.0, 456.5, 5692.7),
    (61440, 2, 512, 2719.0, 433.0, 6956.0),
    (61440, 2, 1024, 2777.0, 822.0, 7403.0),
]


@pytest.mark.parametrize(("size", "slots", "batch", "cache", "graph", "total"), FACTS)
def test_the_qat_base_takes_what_ollama_computed(  # noqa: PLR0913, PLR0917 - a row of figures
    size: int, slots: int, batch: int, cache: float, graph: float, total: float
) -> None:
    """Weights 3804.2 MiB, and the 1280 of the embedding again on the CPU."""
    found = forecast(shapes(), Runner(size, slots, batch))
    assert found.graph is not None
    assert found.size is not None
    assert round(found.weights_size / MIB, 1) == 3804.2
    assert found.input_weights == 1280 * MIB
    assert found.kv_size == cache * MIB
    assert found.graph.size / MIB == pytest.approx(graph, abs=GRAPH_ERROR_MIB + 0.05)
    assert found.size / MIB == pytest.approx(total, abs=GRAPH_ERROR_MIB + 0.5)


@pytest.mark.parametrize(
    ("size", "kind", "cache", "graph"),
    [(16384, "q8_0", 293, 297), (61440, "q8_0", 761, 657), (61440, "q4_0", 403, 657)],
)
def test_a_quantised_cache_is_smaller_and_its_graph_larger(size: int, kind: str, cache: int, graph: int) -> None:
    """Flash attention converts a layer of it to f16."""
    found = forecast(shapes(), Runner(size, 1, 1024, kind))
    assert found.graph is not None
    assert round(found.kv_size / MIB) == cache
    assert found.graph.size / MIB == pytest.approx(graph, abs=GRAPH_ERROR_MIB)


@pytest.mark.parametrize(("kind", "block", "padding"), [("q8_0", 34, 384), ("q4_0", 18, 256)])
def test_a_card_pads_the_rows_of_a_quantised_cache(kind: str, block: int, padding: int) -> None:
    """To 512 elements, once a tensor, aligned to 128 bytes; the CPU pads nothing."""
    runner = Runner(16384, 1, 1024, kind)
    cells = 5 * 16384 + 29 * 2048
    assert forecast(shapes(), runner, on_card=False).kv_size == 2 * cells * 4 * 256 // 32 * block
    assert forecast(shapes(), runner).kv_size == 2 * cells * 4 * 256 // 32 * block + 2 * 34 * padding


def test_the_standard_base_takes_634_mib_less() -> None:
    """Its embedding is Q6_K; the last layer, which falls first, is 1326 MiB instead of 2081."""
    qat, standard = (forecast(shapes(base), Runner(16384)) for base in ("gemma3:4b-it-qat", "gemma3:4b"))
    assert round((qat.weights_size - standard.weights_size) / MIB, 1) == 634.5
    assert [int(found.layers[-1] / MIB) for found in (qat, standard)] == [2081, 1326]


@pytest.mark.parametrize(("slots", "measured"), [(8192, 5547), (16384, 5935)])
def test_the_two_measured_figures_come_out(slots: int, measured: int) -> None:
    """What nvidia-smi showed on the host, with two slots and a batch of 1024."""
    assert forecast(shapes(), Runner(slots, 2, 1024)).used_mib == pytest.approx(measured, abs=GRAPH_ERROR_MIB)


def test_a_window_as_long_as_the_context_slides_nothing() -> None:
    """Then every layer has the global cache; with several slots the window is one longer."""
    whole = 2 * 4 * 256 * 2 * 34
    assert forecast(shapes(), Runner(1024, 1)).kv_size == whole * 1024
    assert forecast(shapes(), Runner(1025, 2)).kv_size == whole * 2304
    assert forecast(shapes(), Runner(1280, 1)).kv_size == 2 * 4 * 256 * 2 * (5 * 1280 + 29 * 1536)


def test_a_context_beyond_the_models_own_and_a_batch_beyond_the_context_are_clamped() -> None:
    """As Ollama does."""
    sized = forecast(shapes(), Runner(999_999))
    assert sized.kv_size == forecast(shapes(), Runner(131_072)).kv_size
    assert forecast(shapes(), Runner(4096, 1, 9999)).kv_size == forecast(shapes(), Runner(4096, 1, 4096)).kv_size


def test_without_flash_attention_the_cache_is_f16_and_the_graph_a_lower_bound() -> None:
    """Ollama drops the type with a warning; the recorded graph is 1389 MiB at 16K and a batch of 1024."""
    found = forecast(shapes(), Runner(16384, 1, 1024, "q8_0", flash_attention=False))
    assert found.kv_size == 552 * MIB
    assert found.graph is not None
    assert found.graph.error is None
    assert found.graph.size <= 1389 * MIB


def test_a_graph_of_other_sizes_is_not_forecast() -> None:
    """The formula's coefficients are those of the 4B model."""
    found = forecast(replace(shapes(), width=1152), Runner(16384))
    assert (found.graph, found.size, found.used_mib, layout(found, CARD)) == (None, None, None, None)


def test_one_mib_too_much_puts_the_output_layer_on_the_cpu() -> None:
    """The cliff, at its edge; all others stay."""
    found = forecast(shapes(), Runner(16384, 1, 1024))
    assert found.size is not None
    edge = Card(found.size + (508 + 457) * MIB)
    whole, less = layout(found, edge), layout(found, replace(edge, overhead=1))
    assert whole is not None
    assert less is not None
    assert (whole.on_card, whole.fallen, whole.missing) == (35, 0, 0)
    assert (less.on_card, less.missing, less.fallen) == (34, 1, found.layers[-1])


def test_half_the_batch_saves_the_cliff() -> None:
    """60K x 2 fits whole with num_batch 512."""
    placed = layout(forecast(shapes(), Runner(61440, 2, 512)), CARD)
    assert placed is not None
    assert placed.is_full


@pytest.mark.parametrize(
    ("layers", "space", "placed"),
    [
        ([2, 2, 2, 9], 15, range(4)),
        ([2, 2, 2, 9], 14, range(3)),
        ([2, 2, 2, 9], 5, range(1, 3)),
        ([2, 9, 2, 1], 6, range(2, 3)),
        ([2, 2, 2, 9], 1, range(3, 3)),
    ],
)
def test_layers_are_filled_from_the_last_without_the_output_layer(layers: list[int], space: int, placed: range) -> None:
    """The output layer is given up first, and the first that is too large ends it."""
    assert assigned(layers, space) == placed


def test_two_of_thirteen_layers_are_placed_as_recorded() -> None:
    """A card with 10 MiB to use: the last two blocks, numbers 10 and 11."""
    log = truth("serve_small_partial_2of13.log")
    weights, cache = (logged(log, what, "CUDA0")[0] / 2 for what in ("model weights", "kv cache"))
    graph = logged(log, "compute graph", "CUDA0")[0]
    others = logged(log, "model weights", "CPU")[0] - 10 * weights
    found = assigned([round(weights + cache)] * 12 + [round(others)], round(10 * MIB - graph))
    assert f"Layers:2({found[0]}..{found[-1]})" in commits(log)


def commits(log: str) -> str:
    """Return the lines of the commits."""
    return "\n".join(line for line in log.splitlines() if "Operation:commit" in line)


def test_what_is_no_gemma3_is_refused() -> None:
    """Nothing is forecast by another model's rules."""
    with pytest.raises(NewscreatorError, match="the architecture llama is not forecast"):
        from_show({"model_info": {"general.architecture": "llama"}, "tensors": []})


@pytest.mark.parametrize("answer", [{}, {"model_info": {}}, {"model_info": {}, "tensors": None}, {"tensors": [{}]}])
def test_an_answer_without_shapes_is_refused(answer: dict[str, Any]) -> None:
    """As that of a model in the cloud."""
    with pytest.raises(NewscreatorError):
        from_show(answer)


def test_an_unknown_type_of_tensor_is_refused() -> None:
    """Its bytes would be a guess."""
    attention = [
        f"attention.{key}" for key in ["head_count", "head_count_kv", "key_length", "value_length", "sliding_window"]
    ]
    sizes = [f"{key}_length" for key in ("context", "embedding", "feed_forward")]
    info = {f"gemma3.{key}": 1 for key in ("block_count", *sizes, *attention)} | {"general.architecture": "gemma3"}
    tensor = {"name": "blk.0.ffn_up.weight", "type": "IQ9_X", "shape": [256, 2]}
    with pytest.raises(NewscreatorError, match="IQ9_X"):
        from_show({"model_info": info, "tensors": [tensor]})
    assert from_show({"model_info": info, "tensors": [tensor | {"type": "Q4_K"}]}).tensors == (
        Tensor("blk.0.ffn_up.weight", "Q4_K", (256, 2)),
    )


@pytest.mark.parametrize(
    ("version", "is_forecast"),
    [("0.11.9", False), ("0.12.0", True), ("0.14.3", True), ("0.24.0", True), ("0.30.0", False), (None, False)],
)
def test_only_the_releases_whose_rules_were_read_are_forecast(version: str | None, is_forecast: bool) -> None:
    """From 0.30 on the runner is llama-server, and it is said."""
    assert (unforecast(version) is None) is is_forecast
    if version == "0.30.0":
        assert "llama-server" in (unforecast(version) or "")


def test_flash_attention_is_on_for_gemma3_unless_it_is_told_off() -> None:
    """Before 0.14 the release's own list is not known."""
    assert [has_flash_attention(text, "0.14.3") for text in ("unset", "true", "false")] == [True, True, False]
    assert [has_flash_attention(text, "0.12.5") for text in ("unset", "true", "false")] == [None, True, False]
