"""What a checked contract declares by name: the common ground of its rules and of building it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_newscreator.contract.checked import Section
from pytest_newscreator.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORT_FORM_KEY: Final = "default"
"""The key of the model that `model:`, the short form of `models:`, declares."""

SERVING_KINDS: Final = ("ollama", "openai")
OUTPUT_TOKENS: Final = 256


@frozen
class Document:
    """The contract with its defaults applied to references; asks nothing of the parts that are malformed."""

    root: Section

    @property
    def models(self) -> dict[str, Section]:
        """The models by key, that of the short form under `default`."""
        short = self.root.entries.get("model")
        named = dict(self.root.section("models").sections())
        return {SHORT_FORM_KEY: short, **named} if isinstance(short, Section) else named

    @property
    def services(self) -> dict[str, Section]:
        """The services by key."""
        return dict(self.root.section("services").sections())

    @property
    def invocations(self) -> dict[str, Section]:
        """The invocations by name."""
        return dict(self.root.section("compose").section("invocations").sections())

    @property
    def cases(self) -> dict[str, Section]:
        """The latency cases by name."""
        return dict(self.root.section("latency").section("cases").sections())

    def keys(self, kind: str) -> tuple[str, ...] | None:
        """Return the names declared under `kind`, or `None` where a fault hides them."""
        if kind == "models" and "model" in self.root.keys:
            return (SHORT_FORM_KEY, *self.root.section("models").keys)
        return None if self.root.is_broken(kind) else tuple(self.root.section(kind).keys)

    def serving(self) -> tuple[str, ...] | None:
        """Return the services that can serve a model, or `None` where a fault hides them."""
        services = self.root.section("services")
        if self.root.is_broken("services") or any(services.is_broken(key) for key in services.keys):
            return None
        if any(service.text("kind") is None for service in self.services.values()):
            return None
        return tuple(key for key, service in self.services.items() if service.text("kind") in SERVING_KINDS)

    def service_of(self, model: Section) -> str | None:
        """Return the service of a model: the one it names, else the only one that can serve it."""
        if "service" in model.keys:
            return model.text("service")
        serving = self.serving() or ()
        return serving[0] if len(serving) == 1 else None

    def requestable(self) -> Iterator[tuple[str, Section]]:
        """Yield every name that a request may use, with the model it belongs to."""
        for model in self.models.values():
            base = model.text("base")
            if base is not None:
                yield base, model
            yield from ((variant, model) for variant in model.section("variants").keys)

    def asked_by_default(self) -> tuple[str, ...]:
        """Return the names that a latency case without a model could mean."""
        chats = [model for model in self.models.values() if model.text("task") != "embed"]
        names = [tuple(model.section("variants").keys) or (model.text("base"),) for model in chats]
        return tuple(name for group in names for name in group if name is not None)

    def context_of(self, name: str) -> int | None:
        """Return the context length of a base or variant in tokens, `None` where it is not declared."""
        for known, model in self.requestable():
            if known == name:
                own = model.section("variants").section(name).whole("num_ctx")
                return own if own is not None else model.section("parameters").whole("num_ctx")
        return None


def canonical(name: str) -> str:
    """Return a model's name as Ollama compares it: without regard to case, and with its tag."""
    folded = name.casefold()
    return folded if ":" in folded.rpartition("/")[2] else f"{folded}:latest"


def family(name: str) -> str | None:
    """Return the repository part of a name that has a tag: `gemma3` of `gemma3:4b`."""
    path, _, last = name.casefold().rpartition("/")
    repository, colon, tag = last.partition(":")
    return f"{path}/{repository}" if colon and repository and tag else None
