"""The header of a GGUF gives the same shapes as the server that has it, whatever else is in the file."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pytest_newscreator.errors import NewscreatorError
from pytest_newscreator.measure.vram.forecast import Runner, forecast
from pytest_newscreator.measure.vram.gguf import read
from pytest_newscreator.standin import tiny
from pytest_newscreator.standin.container import Standin

pytest.importorskip("gguf", reason="the extra `standin` is not installed")
pytest.importorskip("numpy")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Standin:
    """A tiny stand-in on disk."""
    return tiny.write_for(tmp_path_factory.mktemp("vram") / "tiny.gguf", "gemma3:4b-it-qat")


def test_the_shapes_are_those_that_were_written(written: Standin) -> None:
    """Its sizes, its tensors and that it is a stand-in."""
    found = read(written.path)
    sizes = (found.layers, found.width, found.feed_forward, found.heads, found.kv_heads, found.key_width, found.window)
    assert sizes == (6, 64, 128, 2, 1, 64, 1024)
    assert found.standin == "tiny"
    assert not found.has_vision
    names = [tensor.name for tensor in found.tensors]
    assert len(names) == 1 + 6 * 13 + 2
    assert names[0] == "token_embd.weight"


def test_the_weights_are_the_files_own(written: Standin) -> None:
    """All tensors end to end, as the header's offsets have them; the embedding is not tied here."""
    found = forecast(read(written.path), Runner(2048), on_card=False)
    weights = found.weights_size + found.input_weights
    assert 0 <= weights - (written.size_bytes - header_size(written.path)) <= 128 * 81


def header_size(path: Path) -> int:
    """Return where the weights begin, by the `gguf` package."""
    import gguf

    return int(gguf.GGUFReader(path).data_offset)


@pytest.mark.parametrize("size", [0, 3, 24, 200, 5000])
def test_a_file_that_is_cut_off_is_refused(written: Standin, tmp_path: Path, size: int) -> None:
    """With its name, and no traceback."""
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(written.path.read_bytes()[:size])
    with pytest.raises(NewscreatorError, match=r"cut\.gguf cannot be read as a GGUF"):
        read(cut)


@pytest.mark.parametrize(
    "content",
    [
        b"GGML" + bytes(40),
        struct.pack("<4sIQQ", b"GGUF", 9, 1, 1) + bytes(40),
        struct.pack("<4sIQQ", b"GGUF", 3, 2**60, 1) + bytes(40),
        struct.pack("<4sIQQQ", b"GGUF", 3, 1, 1, 2**62) + bytes(40),
    ],
    ids=["magic", "version", "tensors", "string"],
)
def test_what_is_no_gguf_is_refused(tmp_path: Path, content: bytes) -> None:
    """Whatever its numbers claim, nothing is allocated for them."""
    path = tmp_path / "no.gguf"
    path.write_bytes(content)
    with pytest.raises(NewscreatorError, match="cannot be read as a GGUF"):
        read(path)
