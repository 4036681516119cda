"""What Ollama makes of its environment variables: who reads a file is told where the server reads otherwise."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_newscreator.resolve.docker.base_images import KNOWN
from pytest_newscreator.sources.ollama.go_values import FOREVER, duration, duration_text, level_text
from pytest_newscreator.sources.ollama.settings import (
    FILE,
    LIBRARY_VARIABLES,
    dead,
    gpu_trouble,
    known,
    misread,
    reads_as,
    table_for,
    version_of_image,
)

TABLES = ("0.14.3", "0.24.0", "0.30.0")


@pytest.mark.parametrize(
    ("version", "table"),
    [
        ("0.14.3", "0.14.3"),
        ("0.5.0", "0.14.3"),
        ("0.23.9", "0.14.3"),
        ("v0.24.0-rc1", "0.24.0"),
        ("0.24.1", "0.24.0"),
        ("1.0.0", "0.30.0"),
        (None, "0.30.0"),
        ("latest", "0.30.0"),
    ],
)
def test_a_version_is_answered_from_the_nearest_lower_table(version: str | None, table: str) -> None:
    """The oldest table answers for what is older, the newest for what is not known."""
    assert table_for(version) == table


@pytest.mark.parametrize("table", TABLES)
def test_every_variable_of_a_table_can_be_read(table: str) -> None:
    """A kind in the data that no rule is for would end the check that asks."""
    for name, variable in known(table).items():
        assert variable.effect
        assert variable.reader in {"server", "runner", "cli", "app"}
        assert reads_as(name, "1", table).value
        assert (variable.kind == "cache-type") == bool(variable.values)


def test_no_name_is_both_read_and_replaced() -> None:
    """The data say one thing about a name."""
    facts = json.loads(FILE.read_text(encoding="utf-8"))
    named = [name for part in ("variables", "once", "instead") for name in facts[part]]
    assert len(named) == len(set(named))
    assert facts["tables"] == list(TABLES)


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("OLLAMA_FLASH_ATTENTION", ("1", "0", "true", "false", "TRUE", "F", "", "  ", "''", "'1'", "yes", "on")),
        ("OLLAMA_NUM_PARALLEL", ("1", "4", " 4 ", '"4"', "007", "0", "1.0", "default")),
        ("OLLAMA_CONTEXT_LENGTH", ("8192", "0", "")),
        ("OLLAMA_MAX_LOADED_MODELS", ("2", "0", "auto")),
        ("OLLAMA_MAX_QUEUE", ("0", "512")),
        ("OLLAMA_GPU_OVERHEAD", ("0", "1073741824", "0 MiB")),
        ("OLLAMA_KEEP_ALIVE", ("24h", "-1", "5m", "300", "0", "1h30m", "-1m", "1.5h", "500ms", "5 m")),
        ("OLLAMA_LOAD_TIMEOUT", ("0", "10m", "-1")),
        ("OLLAMA_KV_CACHE_TYPE", ("f16", "q8_0", "Q4_0", "")),
        ("OLLAMA_DEBUG", ("1", "0", "2", "true", "false", "off", "info")),
        ("OLLAMA_HOST", ("0.0.0.0", "0.0.0.0:11434", ":11434", "::", "[::]:80", "http://ollama:11434/", "localhost")),  # noqa: S104
        ("OLLAMA_HOST", ("https://ollama.example.com", "http://proxy.example.com", "ollama.com", "http://0.0.0.0:80")),
        ("OLLAMA_ORIGINS", ("*", "http://a,https://b:*", "chrome-extension://*", "moz-extension://x", "app://*")),
        ("OLLAMA_REMOTES", ("ollama.com", "a,b")),
        ("OLLAMA_MODELS", ("/models", "models")),
        ("OLLAMA_LLM_LIBRARY", ("cuda_v12",)),
        ("SOMETHING_ELSE", ("off", "8k", "")),
    ],
)
@pytest.mark.parametrize("version", TABLES)
def test_what_is_read_as_it_looks_is_not_told(name: str, texts: tuple[str, ...], version: str) -> None:
    """No false alarm over the texts that people write and that mean what they say."""
    assert [misread(name, text, version) for text in texts] == [None] * len(texts)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("OLLAMA_FLASH_ATTENTION", "off", "turns it on: Ollama takes every text that is no boolean for true"),
        ("OLLAMA_FLASH_ATTENTION", "auto", "turns it on: Ollama takes every text that is no boolean for true"),
        ("OLLAMA_NOPRUNE", "disabled", "turns it on: Ollama takes every text that is no boolean for true"),
        ("OLLAMA_SCHED_SPREAD", "fAlse", "turns it on: Ollama takes every text that is no boolean for true"),
        ("OLLAMA_SCHED_SPREAD", '" false "', "turns it on: Ollama takes every text that is no boolean for true"),
        ("OLLAMA_NUM_PARALLEL", "2.0", "becomes 1: it is no whole number"),
        ("OLLAMA_NUM_PARALLEL", "-1", "becomes 1: it is no whole number"),
        ("OLLAMA_NUM_PARALLEL", "auto", "becomes 1: it is no whole number"),
        ("OLLAMA_MAX_QUEUE", "1_024", "becomes 512: it is no whole number"),
        ("OLLAMA_MAX_LOADED_MODELS", "+3", "becomes 0: it is no whole number, and 0 is automatic"),
        ("OLLAMA_GPU_OVERHEAD", "1GiB", "becomes 0: it is no whole number of bytes, which takes no unit"),
        ("OLLAMA_HOST", "11434", "becomes http://11434:11434: a bare number is taken for a host's name"),
        (
            "OLLAMA_HOST",
            "http://0.0.0.0",
            "becomes http://0.0.0.0:80: a text with http:// has port 80 where it names none",
        ),
        ("OLLAMA_HOST", "[::]:99999", "becomes http://[::]:11434: '99999' is no port from 0 to 65535"),
        ("OLLAMA_REMOTES", "a, b", "becomes a, b: a blank beside a comma stays part of the name"),
        ("OLLAMA_MODELS", "~/models", "becomes ~/models: a folder named ~, since the server expands no tilde"),
        ("OLLAMA_DEBUG", "on", "becomes INFO: it is neither a boolean nor a whole number"),
        ("OLLAMA_DEBUG", "trace", "becomes INFO: it is neither a boolean nor a whole number"),
        ("OLLAMA_AGENT_DISABLE_BASH", "0", "turns it on: it is on by every text that is not empty"),
        (
            "OLLAMA_ORIGINS",
            "http://a, http://b",
            "keeps the server from starting: ' http://b' begins with neither http:// nor https:// and has no *",
        ),
        ("OLLAMA_ORIGINS", "http://*:*", "keeps the server from starting: 'http://*:*' has more than one *"),
    ],
)
@pytest.mark.parametrize("version", TABLES)
def test_a_text_that_is_read_otherwise_is_told(name: str, text: str, told: str, version: str) -> None:
    """The finding says what becomes of the text, and by which rule."""
    assert misread(name, text, version) == told


@pytest.mark.parametrize("text", ["1d", "24 h", "24H", "1 day", "forever", "1.5", "9999999h", "00:05:00", "5 min 30 s"])
def test_a_lifetime_that_go_does_not_read_is_five_minutes(text: str) -> None:
    """The classic: one day in Compose's or systemd's words unloads the model after five minutes, without a word."""
    assert str(misread("OLLAMA_KEEP_ALIVE", text, "0.24.0")).startswith("becomes 5m0s: it is neither a duration of Go")


@pytest.mark.parametrize(
    ("text", "value"),
    [("-1", "forever"), ("-5m", "forever"), ("300", "5m0s"), ("0", "0s"), ("1h30m", "1h30m0s"), ("24h", "24h0m0s")],
)
def test_a_lifetime_is_a_duration_or_seconds(text: str, value: str) -> None:
    """Negative is forever."""
    assert reads_as("OLLAMA_KEEP_ALIVE", text, "0.24.0").value == value


@pytest.mark.parametrize(
    ("version", "value", "told"),
    [
        ("0.14.3", "4096", "becomes 4096: it is no whole number"),
        ("0.24.0", "0", "becomes 0: it is no whole number, and 0 is automatic"),
    ],
)
def test_a_default_is_the_versions_own(version: str, value: str, told: str) -> None:
    """`8k` is 4096 in one release and chosen by VRAM in the next."""
    assert reads_as("OLLAMA_CONTEXT_LENGTH", "8k", version).value == value
    assert misread("OLLAMA_CONTEXT_LENGTH", "8k", version) == told


@pytest.mark.parametrize(
    ("version", "text", "told"),
    [
        ("0.14.3", "q5_1", "becomes f16: Ollama knows f16, q8_0, q4_0"),
        ("0.24.0", "bf16", "becomes f16: Ollama knows f16, q8_0, q4_0"),
        ("0.24.0", "q8", "becomes f16: Ollama knows f16, q8_0, q4_0"),
        ("0.30.0", "q5_1", None),
        ("0.30.0", "bf16", None),
    ],
)
def test_a_cache_type_is_known_to_the_version_or_not(version: str, text: str, told: str | None) -> None:
    """What Ollama's own engine does not know is f16; llama-server knows more."""
    assert misread("OLLAMA_KV_CACHE_TYPE", text, version) == told


def test_llama_server_refuses_a_cache_type_that_it_does_not_know() -> None:
    """From 0.30 on a wrong type is no longer f16."""
    assert str(misread("OLLAMA_KV_CACHE_TYPE", "q8", None)).startswith("keeps every model from loading: llama-server")


def test_a_quantized_cache_says_that_it_needs_flash_attention() -> None:
    """It is the condition that people forget."""
    assert reads_as("OLLAMA_KV_CACHE_TYPE", "q8_0", "0.24.0").why == "it needs flash attention"
    assert not reads_as("OLLAMA_KV_CACHE_TYPE", "f16", "0.24.0").why


@pytest.mark.parametrize(("text", "alarm"), [("0", True), ("", True), ("false", True), ("1", False), ("x", False)])
def test_what_llama_cpp_only_looks_for_is_on_by_zero_too(text: str, alarm: bool) -> None:
    """A variable that is on whenever it stands there cannot be switched off by its text."""
    assert bool(misread("GGML_CUDA_DISABLE_GRAPHS", text, "0.24.0")) is alarm


@pytest.mark.parametrize(
    ("name", "version", "advice"),
    [
        ("OLLAMA_NUM_BATCH", "0.14.3", "use PARAMETER num_batch in the Modelfile, or the request's option"),
        ("OLLAMA_NUM_BATCH", "0.5.0", "use PARAMETER num_batch in the Modelfile, or the request's option"),
        ("OLLAMA_NUM_CTX", None, "use OLLAMA_CONTEXT_LENGTH, or PARAMETER num_ctx in the Modelfile"),
        ("OLLAMA_NUM_PARALEL", "0.24.0", "did you mean OLLAMA_NUM_PARALLEL?"),
        ("OLLAMA_KEEPALIVE", "0.24.0", "did you mean OLLAMA_KEEP_ALIVE?"),
        ("OLLAMA_BASE_MODEL", "0.24.0", "nothing in Ollama 0.24.0 reads it"),
        ("OLLAMA_BASE_MODEL", "0.33.0", "nothing in Ollama up to 0.30.0 reads it"),
        ("OLLAMA_BASE_MODEL", None, "nothing in Ollama up to 0.30.0 reads it"),
        ("OLLAMA_NO_CLOUD", "0.14.3", "Ollama 0.14.3 does not read it yet, 0.24.0 does"),
        ("OLLAMA_NEW_ENGINE", "0.30.0", "Ollama 0.30.0 reads it no more, 0.24.0 did"),
        ("OLLAMA_TMPDIR", "0.24.0", "only releases older than 0.14.3 read it; TMPDIR moves temporary files"),
    ],
)
def test_a_name_that_nothing_reads_is_dead(name: str, version: str | None, advice: str) -> None:
    """The finding says what to do instead, or how far the knowledge goes."""
    assert dead(name, version) == advice


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("OLLAMA_HOST", "0.14.3"),
        ("OLLAMA_NO_CLOUD", "0.20.0"),
        ("OLLAMA_NEW_ENGINE", "0.27.0"),
        ("OLLAMA_TMPDIR", "0.3.0"),
        ("OLLAMA_BASE_MODEL", "0.3.0"),
        ("OLLAMA_LIBRARY_PATH", None),
        ("OLLAMA_NOHISTORY", None),
        ("SOME_BATCH", "0.24.0"),
        ("ollama_num_batch", "0.24.0"),
    ],
)
def test_a_name_that_may_be_read_is_not_called_dead(name: str, version: str) -> None:
    """No false alarm between two tables, before the first, or over somebody else's variable."""
    assert dead(name, version) is None


@pytest.mark.parametrize(
    ("reference", "version"),
    [
        ("ollama/ollama:0.24.0", "0.24.0"),
        ("ollama/ollama:0.24.0-rocm", "0.24.0"),
        ("docker.io/ollama/ollama:v0.14.3@sha256:00", "0.14.3"),
        ("localhost:5000/ollama/ollama:0.14.3", "0.14.3"),
        ("ollama/ollama:latest", None),
        ("ollama/ollama", None),
        ("ollama/ollama@sha256:00", None),
        ("ollama/ollama:rocm", None),
        ("mine/ollama:0.24.0", None),
        ("localhost:5000/ollama", None),
        ("", None),
    ],
)
def test_the_tag_of_an_official_image_names_the_version(reference: str, version: str | None) -> None:
    """Anybody else's tag says nothing about Ollama's version."""
    assert version_of_image(reference) == version


@pytest.mark.parametrize(
    ("name", "text", "trouble"),
    [
        (
            "CUDA_VISIBLE_DEVICES",
            "-1",
            "hides every GPU: '-1' is neither a number nor a UUID of a device, and",
        ),
        ("CUDA_VISIBLE_DEVICES", "", "hides every GPU: an empty list of devices is none"),
        ("CUDA_VISIBLE_DEVICES", "all", "hides every GPU: 'all' is neither"),
        ("CUDA_VISIBLE_DEVICES", "0,0", "hides every GPU: it names one device twice"),
        ("HIP_VISIBLE_DEVICES", "-1", "hides every AMD GPU"),
        ("ROCR_VISIBLE_DEVICES", "-1", "hides every AMD GPU"),
        ("GGML_VK_VISIBLE_DEVICES", "-1", "hides every Vulkan device"),
        ("NVIDIA_VISIBLE_DEVICES", "none", "gives the container no GPU"),
        ("NVIDIA_VISIBLE_DEVICES", "void", "gives the container no GPU"),
        ("NVIDIA_VISIBLE_DEVICES", "", "gives the container no GPU"),
        ("NVIDIA_DRIVER_CAPABILITIES", "utility", "lacks compute"),
        ("NVIDIA_DRIVER_CAPABILITIES", "video,graphics", "lacks compute"),
        ("OLLAMA_LLM_LIBRARY", "cpu_avx2", "keeps the server to the CPU"),
        ("OLLAMA_LLM_LIBRARY", "cuda", "keeps the server to the CPU: no folder of GPU libraries is named cuda"),
    ],
)
def test_a_value_that_keeps_the_server_from_its_gpu_is_told(name: str, text: str, trouble: str) -> None:
    """The server starts all the same, and answers at the speed of the CPU."""
    assert str(gpu_trouble(name, text, None)).startswith(trouble)


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("CUDA_VISIBLE_DEVICES", ("0", "1,0", "0,-1", "GPU-1b2c", "MIG-3d", " 0")),
        ("HIP_VISIBLE_DEVICES", ("0", "")),
        ("GGML_VK_VISIBLE_DEVICES", ("0", "1,0")),
        ("NVIDIA_VISIBLE_DEVICES", ("all", "0", "GPU-1b2c")),
        ("NVIDIA_DRIVER_CAPABILITIES", ("compute,utility", "all", "compute", "")),
        ("OLLAMA_LLM_LIBRARY", ("cuda_v12", "cuda_v13", "rocm", "rocm_v7_2", "vulkan", "", "'cuda_v12'")),
        ("OLLAMA_VULKAN", ("0", "1")),
        ("PATH", ("/opt/bin",)),
        ("SOMETHING_ELSE", ("-1",)),
    ],
)
def test_a_value_that_leaves_the_gpu_is_not_told(name: str, texts: tuple[str, ...]) -> None:
    """No false alarm over what people write to choose a device."""
    assert [gpu_trouble(name, text, "/usr/local/nvidia/lib") for text in texts] == [None] * len(texts)


def test_a_search_path_that_loses_the_images_folders_is_told() -> None:
    """Setting it anew drops where the official image looks for the driver; adding to it does not."""
    image = KNOWN["ollama/ollama"]["LD_LIBRARY_PATH"]
    lost = "loses the image's own /usr/local/nvidia/lib and /usr/local/nvidia/lib64: a driver that is mounted there is"
    assert str(gpu_trouble("LD_LIBRARY_PATH", "/opt/lib", image)).startswith(lost)
    assert gpu_trouble("LD_LIBRARY_PATH", f"/opt/lib:{image}/", image) is None
    assert gpu_trouble("LD_LIBRARY_PATH", "/opt/lib", None) is None
    assert set(KNOWN["ollama/ollama"]) - {"PATH", "OLLAMA_HOST"} <= set(LIBRARY_VARIABLES)


@given(st.integers(-FOREVER, FOREVER))
def test_a_printed_duration_is_read_as_itself(nanoseconds: int) -> None:
    """Go promises the same of its own."""
    assert duration(duration_text(nanoseconds)) == nanoseconds


@pytest.mark.parametrize(("level", "text"), [(0, "INFO"), (-4, "DEBUG"), (-8, "DEBUG-4"), (4, "WARN"), (12, "ERROR+4")])
def test_a_level_is_printed_by_its_distance(level: int, text: str) -> None:
    """Trace is two steps below INFO."""
    assert level_text(level) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", "DEBUG"), ("true", "DEBUG"), ("2", "DEBUG-4"), ("0", "INFO"), ("false", "INFO"), ("-1", "WARN")],
)
def test_a_log_level_is_a_boolean_or_a_number(text: str, value: str) -> None:
    """Two is trace, a negative number hides more."""
    assert reads_as("OLLAMA_DEBUG", text, "0.24.0").value == value


@given(st.text(max_size=12), st.sampled_from(sorted(known(None))), st.sampled_from([*TABLES, None, "0.1.0"]))
def test_no_text_ends_the_reading(text: str, name: str, version: str | None) -> None:
    """Whatever stands in a file, the checks get an answer."""
    told = misread(name, text, version)
    assert told is None or ": " in told
    gpu_trouble(name, text, None)


def test_the_script_names_what_a_release_reads_otherwise(tmp_path: Path, reference: Path) -> None:
    """A new variable and a lost one are told, what a test or a comment names is not."""
    script = [sys.executable, str(reference / "scripts" / "ollama-settings.py"), "0.24.0", str(tmp_path)]
    (tmp_path / "config.go").write_text("\n".join(f'"{name}"' for name in known("0.24.0") if name != "OLLAMA_REMOTES"))
    (tmp_path / "new.go").write_text('// "OLLAMA_OLD"\nos.Getenv("OLLAMA_SAIL")\n')
    (tmp_path / "new_test.go").write_text('"OLLAMA_TEST"')
    done = subprocess.run(script, check=False, capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "OLLAMA_REMOTES: in the table, not in the sources",
        "OLLAMA_SAIL: in the sources, not in the table (nothing in Ollama 0.24.0 reads it)",
    ]
    assert done.returncode == 1
