"""What an Ollama server has and has loaded, through its own API."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_newscreator.errors import NewscreatorError
from pytest_newscreator.sources.ollama import names
from pytest_newscreator.stack import probe
from pytest_newscreator.standin.stamp import is_standin

NOT_FOUND = 404
BLOB = re.compile(r"sha256[-:]([0-9a-f]{64})")


class ServerError(NewscreatorError):
    """An Ollama server did not answer, or answered with an error."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One model as `/api/show` tells it; `weights` is the digest of the blob that its weights come from."""

    name: str
    parent: str
    parameters: Mapping[str, tuple[str, ...]]
    template: str
    quantization: str
    weights: str | None
    model_info: Mapping[str, Any] = field(repr=False)

    @property
    def standin(self) -> str | None:
        """Return which stand-in the weights are, or None for a real model."""
        return is_standin(self.model_info)


@dataclass(frozen=True, slots=True)
class Loaded:
    """One runner as `/api/ps` tells it; sizes in bytes."""

    name: str
    digest: str
    size: int
    size_vram: int
    context_length: int | None


@dataclass(frozen=True, slots=True)
class Ollama:
    """A server at `url`; every method is one request and raises `ServerError` where it is not answered well."""

    url: str
    timeout_s: float = 30.0
    ca: Path | None = None

    def version(self) -> str:
        """Return the version that the server says it is."""
        return str(self._json("/api/version")["version"])

    def digests(self) -> dict[str, str]:
        """Return the manifest digest of every model, by its full name."""
        return {model["name"]: model["digest"] for model in self._json("/api/tags")["models"]}

    def show(self, name: str) -> Shown | None:
        """Return what the server knows of a model; None where it does not have it."""
        answer = probe.request(
            self.url, "/api/show", method="POST", body={"model": name}, timeout_s=self.timeout_s, ca=self.ca
        )
        if answer.status == NOT_FOUND:
            return None
        raw = self._checked(answer)
        details = raw.get("details") or {}
        blob = BLOB.search(_from_line(raw.get("modelfile", "")))
        return Shown(
            name=name,
            parent=details.get("parent_model", ""),
            parameters=_parameters(raw.get("parameters", "")),
            template=raw.get("template", ""),
            quantization=details.get("quantization_level", ""),
            weights=blob.group(1) if blob else None,
            model_info=raw.get("model_info") or {},
        )

    def loaded(self) -> list[Loaded]:
        """Return the models that have a runner now."""
        return [
            Loaded(m["name"], m["digest"], m["size"], m["size_vram"], m.get("context_length"))
            for m in self._json("/api/ps")["models"]
        ]

    def runner_of(self, name: str) -> Loaded | None:
        """Return the runner that serves this name now."""
        return next((loaded for loaded in self.loaded() if names.same(loaded.name, name)), None)

    def digest(self, name: str) -> str | None:
        """Return the manifest digest of a model; None where the server does not have it."""
        return next((digest for other, digest in self.digests().items() if names.same(other, name)), None)

    def load(self, name: str) -> None:
        """Load a model with the options of its Modelfile (a request without a prompt); waits until it is loaded."""
        answer = probe.request(
            self.url, "/api/generate", method="POST", body={"model": name}, timeout_s=600, ca=self.ca
        )
        self._checked(answer)

    def _json(self, path: str) -> Any:  # noqa: ANN401
        """Return the JSON of a GET."""
        return self._checked(probe.request(self.url, path, timeout_s=self.timeout_s, ca=self.ca))

    def _checked(self, answer: probe.Answer) -> Any:  # noqa: ANN401
        """Return the JSON of a good answer; anything else is a `ServerError` that quotes it."""
        if not answer.is_ok:
            raise ServerError(f"{self.url} answered {answer}", fix="see the server's log")
        return answer.json()


def _from_line(modelfile: str) -> str:
    """Return the FROM line of what `/api/show` prints as a Modelfile: it names the blob of the weights."""
    return next((line for line in modelfile.splitlines() if line.startswith("FROM ")), "")


def _parameters(text: str) -> dict[str, tuple[str, ...]]:
    """Read the `name   value` lines of `/api/show`; a name that repeats (stop) has several values."""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        value = value.strip()
        if name:
            plain = shlex.split(value)[0] if value.startswith('"') and value.endswith('"') else value
            found[name] = (*found.get(name, ()), plain)
    return found
