"""What an Ollama server has and has loaded, through its own API."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from pathlib import Path
from typing import Any

from pytest_newscreator.errors import NewscreatorError
from pytest_newscreator.frozen import frozen
from pytest_newscreator.sources.ollama import names
from pytest_newscreator.stack import probe
from pytest_newscreator.standin.stamp import is_standin

NOT_FOUND = 404
ALIVE = "/api/version"
LOOK = "see the server's log"
BLOB = re.compile(r"sha256[-:]([0-9a-f]{64})")
RUNNER_PARAMETERS = ("num_ctx", "num_batch", "num_gpu", "main_gpu", "num_thread", "use_mmap")
"""The parameters that a runner is started with: two requests of one blob that differ in one restart it."""


class ServerError(NewscreatorError):
    """An Ollama server did not answer, or answered with an error."""


@frozen
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

    def shares_runner_with(self, other: Shown) -> bool:
        """Return whether one runner serves both: the same blob, started with the same parameters."""
        mine, theirs = ([one.parameters.get(name, ()) for name in RUNNER_PARAMETERS] for one in (self, other))
        return self.weights is not None and self.weights == other.weights and mine == theirs


@frozen
class Loaded:
    """One runner as `/api/ps` tells it; sizes in bytes."""

    name: str
    digest: str
    size: int
    size_vram: int
    context_length: int | None


@frozen
class Ollama:
    """A server at `url`; every method is one request and raises `ServerError` where it is not answered well."""

    url: str
    timeout_s: float = 30.0
    ca: Path | None = None

    def version(self) -> str:
        """Return the version that the server says it is."""
        return str(self._field("/api/version", "version"))

    def digests(self) -> dict[str, str]:
        """Return the manifest digest of every model, by its full name."""
        return {model["name"]: model["digest"] for model in self._field("/api/tags", "models")}

    def made_at(self) -> dict[str, datetime]:
        """Return when each model was made or pulled, by its full name."""
        return {m["name"]: datetime.fromisoformat(m["modified_at"]) for m in self._field("/api/tags", "models")}

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
            for m in self._field("/api/ps", "models")
        ]

    def runner_of(self, name: str) -> Loaded | None:
        """Return the runner that serves this name now, whatever name `/api/ps` gives it.

        Ollama keeps one runner a blob and lists it under the name that loaded it: another name of the same blob and
        the same parameters is served by it. A runner under this very name that was loaded before the name was made
        again is returned too; its digest tells.
        """
        loaded = self.loaded()
        if not loaded:
            return None
        digests = self.digests()
        own = _of(digests, name)
        found = next((runner for runner in loaded if runner.digest == own), None) or self._shared(name, loaded, digests)
        return found or next((runner for runner in loaded if names.same(runner.name, name)), None)

    def _shared(self, name: str, loaded: list[Loaded], digests: Mapping[str, str]) -> Loaded | None:
        """Return the runner of another name that serves this one too."""
        mine = self.show(name)
        for runner in loaded if mine is not None else ():
            other = next((other for other, digest in digests.items() if digest == runner.digest), None)
            theirs = self.show(other) if other is not None else None
            if mine is not None and theirs is not None and mine.shares_runner_with(theirs):
                return runner
        return None

    def digest(self, name: str) -> str | None:
        """Return the manifest digest of a model; None where the server does not have it."""
        return _of(self.digests(), name)

    def load(self, name: str) -> None:
        """Load a model with the options of its Modelfile (a request without a prompt); waits until it is loaded."""
        answer = probe.request(
            self.url, "/api/generate", method="POST", body={"model": name}, timeout_s=600, ca=self.ca, lives=ALIVE
        )
        self._checked(answer)

    def unload(self, name: str) -> None:
        """End the runner of a model's blob."""
        body = {"model": name, "keep_alive": 0}
        self._hold(probe.request(self.url, "/api/generate", method="POST", body=body, timeout_s=60, ca=self.ca))

    def copy(self, name: str, to: str) -> None:
        """Give a model a second name; the manifest, and so the digest, is the same."""
        body = {"source": name, "destination": to}
        answer = probe.request(self.url, "/api/copy", method="POST", body=body, timeout_s=self.timeout_s, ca=self.ca)
        self._hold(answer)

    def delete(self, name: str) -> None:
        """Delete a name; blobs that another name has too stay. A name that is not there is no error."""
        body = {"model": name}
        answer = probe.request(
            self.url, "/api/delete", method="DELETE", body=body, timeout_s=self.timeout_s, ca=self.ca
        )
        if answer.status != NOT_FOUND:
            self._hold(answer)

    def _field(self, path: str, name: str) -> Any:  # noqa: ANN401
        """Return a field of what a GET answers."""
        answer = probe.request(self.url, path, timeout_s=self.timeout_s, ca=self.ca)
        found = self._checked(answer).get(name)
        if found is None:
            raise ServerError(f"{self.url}{path} answered what is not Ollama's: {answer}", fix=LOOK)
        return found

    def _checked(self, answer: probe.Answer) -> dict[str, Any]:
        """Return the JSON object of a good answer; anything else is a `ServerError` that quotes it."""
        self._hold(answer)
        try:
            told = answer.json()
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise ServerError(f"{self.url}{answer.path} answered what is no JSON object: {answer}", fix=LOOK)
        return told

    def _hold(self, answer: probe.Answer) -> None:
        """Raise `ServerError` unless the answer is a good one."""
        if not answer.is_ok:
            raise ServerError(f"{self.url}{answer.path} answered {answer}", fix=LOOK)


def _of(digests: Mapping[str, str], name: str) -> str | None:
    """Return the digest of a name, by Ollama's own rules of which names are one."""
    return next((digest for other, digest in digests.items() if names.same(other, name)), None)


def _from_line(modelfile: str) -> str:
    """Return the FROM line of what `/api/show` prints as a Modelfile: it names the blob of the weights."""
    return next((line for line in modelfile.splitlines() if line.startswith("FROM ")), "")


def _parameters(text: str) -> dict[str, tuple[str, ...]]:
    """Read the `name   value` lines of `/api/show`; a name that repeats (stop) has several values."""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if name:
            found[name] = (*found.get(name, ()), _plain(value.strip()))
    return found


def _plain(value: str) -> str:
    """Return a value as the model has it: texts are printed as Go writes them, whose escapes are Python's too."""
    if not (value.startswith('"') and value.endswith('"')):
        return value
    try:
        return str(ast.literal_eval(value))
    except (SyntaxError, ValueError):
        return value[1:-1]
