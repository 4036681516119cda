"""Stand-in models say what they are, read any text, speak visibly and end by themselves."""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pytest_newscreator.errors import NewscreatorError, SourceError
from pytest_newscreator.standin import vocabulary
from pytest_newscreator.standin.container import Architecture, Standin, seed_of
from pytest_newscreator.standin.shapes import SHAPES, write_shapes
from pytest_newscreator.standin.stamp import is_standin, read_stamp
from pytest_newscreator.standin.tiny import write_for, write_tiny
from pytest_newscreator.standin.utterance import grammar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

gguf = pytest.importorskip("gguf", reason="the extra `standin` is not installed")
np = pytest.importorskip("numpy")

SMALL = Architecture(layers=2, width=64, feed_forward=128, heads=2, kv_heads=1, head_width=64)


def digest(standin: Standin) -> str:
    """Return the SHA-256 of a stand-in, by which Ollama names its blob."""
    return hashlib.sha256(standin.path.read_bytes()).hexdigest()


def scalar(reader: Any, key: str) -> Any:
    """Return one value of a GGUF's header."""
    return reader.get_field(key).contents()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Standin:
    """Write one tiny stand-in for the tests of this module."""
    return write_for(tmp_path_factory.mktemp("tiny") / "tiny.gguf", "gemma3:4b-it-qat")


@pytest.fixture(scope="module")
def header(tiny: Standin) -> Any:
    """Read the tiny stand-in with the `gguf` package, which knows nothing of ours."""
    return gguf.GGUFReader(tiny.path)


@pytest.fixture
def small_twin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Standin]:
    """Write twins of a model with few and small layers, which has everything but the size."""
    monkeypatch.setitem(SHAPES, "small", SMALL)
    monkeypatch.setattr("pytest_newscreator.standin.shapes.VOCABULARY", 2000)

    def write(name: str = "twin.gguf", **options: Any) -> Standin:
        return write_shapes(tmp_path / name, model="small", **{"seed": 1, **options})

    return write


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """A stand-in can be made again, byte by byte."""
    one, two = (write_tiny(tmp_path / name, seed=7, name="a") for name in ("one.gguf", "two.gguf"))

    assert digest(one) == digest(two)


def test_every_seed_has_a_digest_of_its_own(tmp_path: Path) -> None:
    """Models that must differ do, under one name too."""
    assert len({digest(write_tiny(tmp_path / f"{seed}.gguf", seed=seed, name="a")) for seed in range(4)}) == 4


def test_the_base_and_its_qat_differ_in_digest(tiny: Standin, tmp_path: Path) -> None:
    """A rollback can be told from what it rolls back."""
    assert digest(write_for(tmp_path / "base.gguf", "gemma3:4b")) != digest(tiny)


def test_the_weights_differ_and_not_only_the_stamp(tmp_path: Path) -> None:
    """Two seeds give two models, not one model with two labels."""
    one, two = (gguf.GGUFReader(write_tiny(tmp_path / f"{s}.gguf", seed=s, name="a").path) for s in (1, 2))
    equal = [a.name for a, b in zip(one.tensors, two.tensors, strict=True) if np.array_equal(a.data, b.data)]

    assert equal == []


def test_a_qat_name_gives_a_file_of_q4_0(tiny: Standin, tmp_path: Path) -> None:
    """The stand-in has the quantization that its name promises."""
    assert tiny.quantization == "Q4_0"
    assert write_for(tmp_path / "base.gguf", "gemma3:4b").quantization == "Q8_0"


def test_a_stand_in_is_stamped(tiny: Standin, header: Any) -> None:
    """Stamp, seed and name stand in the header, from where Ollama takes its `model_info`."""
    assert scalar(header, "newscreator.standin") == tiny.stamp == "tiny"
    assert scalar(header, "newscreator.standin.seed") == tiny.seed == seed_of("gemma3:4b-it-qat")
    assert scalar(header, "general.name") == "gemma3:4b-it-qat"


def test_the_stamp_is_read_from_a_file(tiny: Standin) -> None:
    """The header alone tells a stand-in."""
    assert read_stamp(tiny.path) == "tiny"


def test_the_stamp_is_read_from_what_ollama_shows() -> None:
    """`/api/show` hands the stamp on; a real model has none."""
    assert is_standin({"general.architecture": "gemma3", "newscreator.standin": "tiny"}) == "tiny"
    assert is_standin({"general.architecture": "gemma3"}) is None


def test_a_real_model_has_no_stamp(tmp_path: Path) -> None:
    """A GGUF with values of every kind and without a stamp is read to the end of its header."""
    writer = gguf.GGUFWriter(tmp_path / "real.gguf", "gemma3")
    writer.add_array("strings", ["a", "bc"])
    writer.add_array("numbers", [1.0, 2.0])
    writer.add_bool("flag", val=True)
    writer.add_uint64("big", 1)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()

    assert read_stamp(tmp_path / "real.gguf") is None


@pytest.mark.parametrize("cut", [0, 3, 10, 30, 60])
def test_a_broken_file_is_an_error_with_its_place(tiny: Standin, tmp_path: Path, cut: int) -> None:
    """A file that is cut off in its header is no stand-in and no real model either."""
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(tiny.path.read_bytes()[:cut])

    with pytest.raises(SourceError, match=r"broken\.gguf: "):
        read_stamp(broken)


def test_a_tiny_model_is_small_and_has_room_for_every_variant(tiny: Standin, header: Any) -> None:
    """About 1 MB, and a context that 61440 tokens fit in."""
    assert 500_000 < tiny.size_bytes == tiny.path.stat().st_size < 2_000_000
    assert scalar(header, "gemma3.context_length") == 131072


def test_every_byte_and_every_end_token_is_in_the_vocabulary(header: Any) -> None:
    """Any text can be read through its bytes, and the end of a turn is known as such."""
    tokens = scalar(header, "tokenizer.ggml.tokens")

    assert {f"<0x{byte:02X}>" for byte in range(256)} <= set(tokens)
    assert tokens[scalar(header, "tokenizer.ggml.eot_token_id")] == "<end_of_turn>"
    assert scalar(header, "tokenizer.ggml.model") == "llama"
    assert len(tokens) == len(set(tokens))


def test_everyday_japanese_takes_at_most_one_token_a_character() -> None:
    """A prompt of 15,000 characters fits into 16384 tokens: no character of a newspaper falls back to bytes."""
    known = set(vocabulary.tiny(()).tokens)

    assert set("日本銀行は金融政策決定会合で、政策金利を「据え置く」ことを決めた。5%増、3億円。") <= known


@pytest.mark.parametrize("seed", range(5))
def test_an_answer_is_visible_text_that_ends(tmp_path: Path, seed: int) -> None:
    """Following the strongest token from the end of a prompt gives printable text and then the end of the turn.

    What the blocks add is left out here: it is two orders of magnitude smaller than the embedding.
    """
    reader = gguf.GGUFReader(write_tiny(tmp_path / "tiny.gguf", seed=seed, name="a").path)
    tokens = scalar(reader, "tokenizer.ggml.tokens")
    tables = {tensor.name: np.array(tensor.data, dtype=np.float32) for tensor in reader.tensors}
    said: list[str] = []
    token = tokens.index("\n")
    while tokens[token] != "<end_of_turn>" and len(said) < 100:
        hidden = tables["token_embd.weight"][token]
        hidden = hidden / np.sqrt(np.mean(hidden**2)) * tables["output_norm.weight"]
        token = int(np.argmax(tables["output.weight"] @ hidden))
        said.append(tokens[token])

    assert said.pop() == "<end_of_turn>"
    assert len(said) > 16
    assert "".join(said).isprintable()


def test_a_word_leads_to_one_state_only() -> None:
    """No token stands in two slots: it could not say what comes next."""
    rules = grammar()

    assert set(rules.words) <= set(vocabulary.tiny(rules.words).tokens)
    assert max(rules.state_of.values()) == len(rules.logits) - 1
    assert all(logits for logits in rules.logits)


def test_another_round_is_always_less_likely_than_the_end() -> None:
    """At temperature 0 an answer ends after one round."""
    (turn,) = (logits for logits in grammar().logits if "続いて、" in logits)

    assert turn["<end_of_turn>"] > turn["続いて、"]


def test_a_twin_has_the_tensors_of_its_architecture(small_twin: Callable[..., Standin]) -> None:
    """Names, shapes and types are those of gemma3, the output being tied to the embedding."""
    reader = gguf.GGUFReader(small_twin().path)
    tensors = {tensor.name: (tensor.shape.tolist(), tensor.tensor_type.name) for tensor in reader.tensors}

    assert len(tensors) == 2 + 13 * SMALL.layers
    assert tensors["token_embd.weight"] == ([64, 2000], "Q4_0")
    assert tensors["blk.1.ffn_down.weight"] == ([128, 64], "Q4_0")
    assert tensors["blk.0.attn_q.weight"] == ([64, 128], "Q4_0")
    assert tensors["blk.0.attn_q_norm.weight"] == ([64], "F32")


@pytest.mark.parametrize("kind", ["Q4_0", "Q8_0", "F16"])
def test_the_weights_of_a_twin_are_small_and_finite(small_twin: Callable[..., Standin], kind: str) -> None:
    """Raw random blocks never hold infinities, which would void every measurement."""
    reader = gguf.GGUFReader(small_twin(quantization=kind).path)

    for tensor in reader.tensors:
        weights = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        assert np.isfinite(weights).all()
        assert 0 < np.abs(weights).max() < 2


def test_no_two_tokens_of_a_twin_are_equal(small_twin: Callable[..., Standin]) -> None:
    """The random blocks repeat, the rows of the embedding do not."""
    (table,) = (t.data for t in gguf.GGUFReader(small_twin().path).tensors if t.name == "token_embd.weight")

    assert len(np.unique(np.array(table), axis=0)) == 2000


def test_a_twin_may_have_an_embedding_of_another_type(small_twin: Callable[..., Standin]) -> None:
    """Google's QAT files keep the embedding in F16, and so memory can be measured as it is there."""
    reader = gguf.GGUFReader(small_twin(embedding="F16").path)
    types = {tensor.name: tensor.tensor_type.name for tensor in reader.tensors}

    assert (types["token_embd.weight"], types["blk.0.ffn_up.weight"]) == ("F16", "Q4_0")


def test_twins_of_two_seeds_differ(small_twin: Callable[..., Standin]) -> None:
    """Each seed has its digest, and the same one again."""
    digests = [digest(small_twin(f"{number}.gguf", seed=seed)) for number, seed in enumerate((1, 2, 1))]

    assert digests[0] == digests[2] != digests[1]


def test_a_twin_is_stamped_with_what_it_has_the_shapes_of(small_twin: Callable[..., Standin]) -> None:
    """Verdicts can name the model that it stands in for."""
    assert read_stamp(small_twin().path) == "small shapes"


def test_the_shapes_of_gemma3_4b_are_those_of_the_model() -> None:
    """34 layers, 2560 and 10240 wide, 8 and 4 heads of 256, a window of 1024, and 3.88 billion weights in all."""
    shape = SHAPES["gemma3-4b"]
    attention = 2 * shape.width * shape.head_width * (shape.heads + shape.kv_heads)
    weights = shape.layers * (attention + 3 * shape.width * shape.feed_forward) + 262144 * shape.width

    assert (shape.layers, shape.sliding_window) == (34, 1024)
    assert weights == pytest.approx(3.88e9, rel=0.001)


def test_the_vocabulary_of_a_twin_has_its_special_tokens_where_gemma_has_them() -> None:
    """262,144 different tokens, with the turns at 105 and 106."""
    words = vocabulary.sized(262144)

    assert len(set(words.tokens)) == len(words.scores) == len(words.types) == 262144
    assert words.tokens[105:107] == ("<start_of_turn>", "<end_of_turn>")


def test_unknown_shapes_are_refused_with_the_known_ones(tmp_path: Path) -> None:
    """A wrong model name says what there is."""
    with pytest.raises(NewscreatorError, match="gemma3-4b"):
        write_shapes(tmp_path / "x.gguf", model="gemma3-5b", seed=1)


def test_a_missing_gguf_package_is_one_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the extra, the error says what to install, and no file is left behind."""
    monkeypatch.setitem(sys.modules, "gguf", None)

    with pytest.raises(NewscreatorError, match=r"pip install 'pytest-newscreator\[standin\]'"):
        write_tiny(tmp_path / "x.gguf", seed=1, name="a")
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_leaves_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file appears only when it is whole, and half of one does not stay behind."""

    def fail(*_: object) -> bytes:
        raise OSError

    monkeypatch.setattr("pytest_newscreator.standin.tiny._packed", fail)

    with pytest.raises(OSError, match=r"^$"):
        write_tiny(tmp_path / "x.gguf", seed=1, name="a")
    assert list(tmp_path.iterdir()) == []
