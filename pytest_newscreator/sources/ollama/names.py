"""Ollama's model names: `[host/][namespace/]model[:tag]`, their defaults, and which names are one model."""

from __future__ import annotations

import re

from pytest_newscreator.frozen import frozen

DEFAULT_HOST = "registry.ollama.ai"
DEFAULT_NAMESPACE = "library"
DEFAULT_TAG = "latest"

# Ollama's own mark for a part that a separator promised and nobody wrote: `gemma3:`; no valid part can hold it.
MISSING = "!MISSING!"

# What other programs write in front of an Ollama name: LiteLLM, LangChain's `init_chat_model`, pydantic-ai, promptfoo.
_PROVIDER = re.compile(
    r"(?:litellm[/:])?(?:ollama_chat|ollama(?::(?:chat|completion|embeddings?)(?=:))?|openai)(?:://|[/:])(?=[^/:])"
)

_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349}")
_NAMESPACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,79}")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}")


@frozen
class ModelName:
    """A name in its four parts; they mean something only where `is_valid` holds."""

    host: str
    namespace: str
    model: str
    tag: str

    @property
    def is_valid(self) -> bool:
        """Tell whether Ollama accepts the name: every part present, made of its letters and not too long."""
        return bool(
            _HOST.fullmatch(self.host)
            and _NAMESPACE.fullmatch(self.namespace)
            and _PART.fullmatch(self.model)
            and _PART.fullmatch(self.tag),
        )

    @property
    def full(self) -> str:
        """Return the name with every part it has: `registry.ollama.ai/library/gemma3:4b`."""
        path = "/".join(part for part in (self.host, self.namespace) if part)
        tag = f":{self.tag}" if self.tag else ""
        return f"{path}/{self.model}{tag}" if path else f"{self.model}{tag}"

    @property
    def short(self) -> str:
        """Return the name as `ollama list` prints it: without default host and namespace, always with the tag."""
        prefix = ""
        if self.host.lower() != DEFAULT_HOST:
            prefix = f"{self.host}/{self.namespace}/"
        elif self.namespace.lower() != DEFAULT_NAMESPACE:
            prefix = f"{self.namespace}/"
        return f"{prefix}{self.model}:{self.tag}"


def parse(text: str) -> ModelName:
    """Read a name as Ollama's server does, with its defaults filled in (rules: Ollama's `types/model`)."""
    bare = split(text)
    return ModelName(
        host=bare.host or DEFAULT_HOST,
        namespace=bare.namespace or DEFAULT_NAMESPACE,
        model=bare.model,
        tag=bare.tag or DEFAULT_TAG,
    )


def split(text: str) -> ModelName:
    """Take a name apart without filling in anything; what is not written is empty."""
    rest, tag = text, ""
    if text.rfind(":") > text.rfind("/"):
        rest, tag = _cut(text, ":")
    rest, model = _cut(rest, "/")
    rest, namespace = _cut(rest, "/")
    _, scheme_ends, host = rest.partition("://")
    return ModelName(host=host if scheme_ends else rest, namespace=namespace, model=model, tag=tag)


def same(a: str, b: str) -> bool:
    """Tell whether two names mean one model: equal after defaults, whatever their case; invalid ones only as texts.

    Case is ignored because `run`, `pull`, `show` and `rm` find an installed model whatever the case of the name.
    """
    if a == b:
        return True
    one, two = parse(a), parse(b)
    return one.is_valid and two.is_valid and one.full.lower() == two.full.lower()


def provider(text: str) -> str:
    """Return the provider in front of a name as other programs write it (`ollama/`, `ollama_chat/`, `ollama:`), or "".

    To Ollama itself `ollama/gemma3:4b` has the namespace `ollama`: only who knows that no Ollama reads it may ask.
    """
    match = _PROVIDER.match(text)
    return match[0] if match else ""


def _cut(text: str, separator: str) -> tuple[str, str]:
    """Cut at the last separator; a side that the separator promises and that is empty becomes MISSING."""
    before, found, after = text.rpartition(separator)
    return (before or MISSING, after or MISSING) if found else ("", text)
