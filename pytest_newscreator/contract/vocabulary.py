"""The small words of the contract: names, variables, paths and parameters."""

from __future__ import annotations

from typing import Final

from pytest_newscreator.contract.shapes import Named, Text, Value

NAME: Final = Text(
    title="name",
    about="A name of your choice.",
    example="news",
    pattern=r"^[^\s\[\]]+$",
    says="a name without spaces and brackets",
)
VARIABLE: Final = Text(
    title="environment variable",
    about="The name of an environment variable.",
    example="OLLAMA_BASE_MODEL",
    pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$",
    says="the name of an environment variable",
)
PATH: Final = Text(title="path", about="A path, relative to the contract.", example="compose.yaml")
ANY_VALUE: Final = Value(title="value", about="A value, compared as the text that is written here.", example="16384")


def model_name(title: str, about: str, example: str) -> Text:
    """Shape the name of a model."""
    return Text(title=title, about=about, example=example, pattern=r"^\S+$", says="the name of a model")


def variable(title: str, about: str, example: str) -> Text:
    """Shape the name of an environment variable."""
    return Text(title=title, about=about, example=example, pattern=VARIABLE.pattern, says=VARIABLE.says)


def environment(about: str, example: str) -> Named:
    """Shape a mapping of environment variables to their values."""
    return Named(title="Environment", about=about, example=example, of=ANY_VALUE, name=VARIABLE)


# fmt: off
PARAMETERS: Final = (
    "num_keep", "seed", "num_predict", "top_k", "top_p", "min_p", "typical_p", "repeat_last_n",
    "temperature", "repeat_penalty", "presence_penalty", "frequency_penalty", "stop", "num_ctx",
    "num_batch", "num_gpu", "main_gpu", "num_thread", "use_mmap", "use_mlock", "low_vram", "f16_kv",
    "logits_all", "vocab_only", "penalize_newline", "mirostat", "mirostat_tau", "mirostat_eta",
    "draft_num_predict",
)
# fmt: on
"""Ollama's parameters, those of older and of newer versions among them."""
PARAMETER_NAME: Final = Text(
    title="parameter",
    about="The name of a parameter, as Ollama spells it.",
    example="num_ctx",
    pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
    says="a parameter as Ollama spells it",
)
