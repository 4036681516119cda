"""What a server's models are made of, held to the contract: digests first, then parameters and template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_newscreator.checks.facts.claims import agrees
from pytest_newscreator.checks.served.names import Served, short
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.sources.ollama import names
from pytest_newscreator.verdicts import Finding, NotVerified

if TYPE_CHECKING:
    from pytest_newscreator.observe.ollama import Shown

AGAIN = "make it again from its Modelfile"


@frozen
class Holding:
    """What a server has: its models as it shows them, their manifests' digests, and the names it lists."""

    shown: Mapping[str, Shown]
    digests: Mapping[str, str]
    listed: tuple[str, ...] = ()

    def named(self, weights: str | None, besides: Served) -> str | None:
        """Return a model that has these weights and is no variant of the same model: what they are called."""
        variants = besides.model.variants
        found = (name for name, one in self.shown.items() if one.weights == weights and not _is_one(name, variants))
        return next(found, None) if weights else None


def judge(served: Served, held: Holding, base: str) -> Finding | None:
    """Return what is wrong with one model that the server has; `base` is the one decided for the way it runs."""
    if served.variant is None:
        findings = (*_digest(served, held, base), *_stop(served, held, base), *_details(served, held, base))
    else:
        name = served.variant.name
        findings = (*_made_of(served, held, base), *_parameters(served, held), *_details(served, held, name))
    return next(iter(findings), None)


def hold_unverified(served: Served, held: Holding, base: str) -> None:
    """Raise `NotVerified` for what nothing could be said of: a stand-in's digest, weights that have no blob or base."""
    name = served.variant.name if served.variant else base
    shown = held.shown[name]
    if shown.standin is not None and (unlike := sorted(_unlike(served, held, name, base))):
        reason = f"{name} is a {shown.standin} model of random weights: its {', '.join(unlike)} cannot be the declared"
        raise NotVerified(reason, needs="", fix="verify it with the real model")
    if served.variant is None:
        return
    parent = held.shown.get(base)
    if parent is None:
        reason = f"{name} names {base} as its parent; the server does not have it, so that weights cannot be compared"
        raise NotVerified(reason, needs="", fix=f"see models[{served.model.key} base]")
    if shown.weights is None or parent.weights is None:
        raise NotVerified(f"the server does not tell which blob {name} is made of", needs="", fix="")


def at(finding: Finding, place: Place | None) -> Finding:
    """Return a finding at the place of its subject."""
    return replace(finding, place=place)


def _made_of(served: Served, held: Holding, base: str) -> Iterator[Finding]:
    """Hold a variant to its base: by the digest of the weights, and by the parent's name."""
    name = served.variant.name if served.variant else base
    shown, parent = held.shown[name], held.shown.get(base)
    is_named = "/sha256" not in shown.parent and not shown.parent.startswith("/")
    misnamed = is_named and not names.same(shown.parent, base)
    same = parent is not None and parent.weights is not None and parent.weights == shown.weights
    if misnamed:
        others = _others(served, held, base)
        yield Finding(
            f"{name} is made of {shown.parent or 'nothing named'}{others}, the contract says {base}"
            + ("; the weights are the same" if same else ""),
            expected=base,
            observed=shown.parent,
            fix=AGAIN,
            # A second name of the same weights harms nobody.
            severity="note" if same else "error",
        )
    elif parent is not None and shown.weights and parent.weights and not same:
        yield _other_weights(served, held, base)


def _others(served: Served, held: Holding, base: str) -> str:
    """Return, in brackets, the variants of the same volume that are made of the decided base."""
    sound = [n for n in served.model.variants if n in held.shown and names.same(held.shown[n].parent, base)]
    return f" (and {', '.join(sound)} of {base}: one volume, two bases)" if sound else ""


def _other_weights(served: Served, held: Holding, base: str) -> Finding:
    """Say whose weights a variant carries under its base's name: another model's, or those of an older pull."""
    name = served.variant.name if served.variant else base
    carried, has = held.shown[name].weights, held.shown[base].weights
    owner = held.named(carried, served)
    whose = f"the weights of {owner}" if owner else "weights that no other name here has"
    return Finding(
        f"{name} names {base} as its parent and carries {whose} (sha256 {short(carried)}, {base} has {short(has)})",
        expected=has,
        observed=carried,
        fix=AGAIN if owner else f"{base} changed after the variant was made (pulled again?): make it again",
    )


def _parameters(served: Served, held: Holding) -> Iterator[Finding]:
    """Hold a variant to its declared parameters."""
    if served.variant is not None:
        for key, values in served.model.stated(served.variant).items():
            yield from _parameter(held.shown[served.variant.name], key, values)


def _stop(served: Served, held: Holding, base: str) -> Iterator[Finding]:
    """Hold a base that is asked itself to the declared stop texts; every other parameter is the variants'."""
    if not served.model.variants and served.model.stop is not None:
        yield from _parameter(held.shown[base], "stop", served.model.stop)


def _parameter(shown: Shown, key: str, values: tuple[str, ...]) -> Iterator[Finding]:
    """Hold one parameter; several values are a set."""
    observed = shown.parameters.get(key, ())
    if len(observed) != len(values) or not all(any(agrees(one, value) for one in observed) for value in values):
        yield Finding(
            f"{shown.name} serves {key} {_listed(observed)}, the contract says {_listed(values)}",
            expected=", ".join(values),
            observed=", ".join(observed) or None,
            fix=AGAIN,
        )


def _listed(values: tuple[str, ...]) -> str:
    """Return values as a message shows them, one that is not visible quoted."""
    return ", ".join(value if value.isprintable() and value.strip() else repr(value) for value in values) or "unset"


def _digest(served: Served, held: Holding, base: str) -> Iterator[Finding]:
    """Hold the decided base to its declared digest: that of its manifest, as `ollama list` shows it, or of its blob."""
    if names.same(base, served.model.base) and not _is_declared_digest(served, held, base) and _is_real(held, base):
        observed = held.digests.get(base)
        yield Finding(
            f"{base} has digest {short(observed)}, the contract says {short(_bare(served.model.digest))}",
            expected=served.model.digest,
            observed=observed,
            fix=f"ollama pull {base}, or declare the digest that was verified",
        )


def _details(served: Served, held: Holding, name: str) -> Iterator[Finding]:
    """Hold a model to the declared quantization and template."""
    shown = held.shown[name]
    wanted = served.model.quantization
    if wanted and shown.quantization != wanted and shown.standin is None:
        message = f"{name} is quantised {shown.quantization}, the contract says {wanted}"
        yield Finding(message, expected=wanted, observed=shown.quantization, fix="see which base it is made of")
    if not _has_template(served, shown) and shown.standin is None:
        found, said = _first_difference(shown.template, served.model.template or "")
        message = f"{name} serves another template: {found!r}, the contract says {said!r}"
        yield Finding(message, expected=served.model.template, observed=shown.template, fix=AGAIN)


def _unlike(served: Served, held: Holding, name: str, base: str) -> Iterator[str]:
    """Yield what is declared of the real model and differs in a stand-in of it."""
    if served.variant is None and names.same(base, served.model.base) and not _is_declared_digest(served, held, base):
        yield "digest"
    if served.model.quantization and held.shown[name].quantization != served.model.quantization:
        yield "quantization"
    if not _has_template(served, held.shown[name]):
        yield "template"


def _is_declared_digest(served: Served, held: Holding, base: str) -> bool:
    """Return whether a base has the declared digest, or none is declared."""
    wanted = _bare(served.model.digest)
    found = (held.digests.get(base), held.shown[base].weights)
    return wanted is None or any(one.startswith(wanted) for one in found if one)


def _bare(digest: str | None) -> str | None:
    """Return a digest without the name of its algorithm."""
    return digest.removeprefix("sha256:").removeprefix("sha256-") if digest else None


def _is_real(held: Holding, name: str) -> bool:
    """Return whether a model is no stand-in."""
    return held.shown[name].standin is None


def _is_one(name: str, variants: Mapping[str, object]) -> bool:
    """Return whether a name is one of these, by Ollama's own rules."""
    return any(names.same(name, variant) for variant in variants)


def _has_template(served: Served, shown: Shown) -> bool:
    """Return whether a model has the declared template, or none is declared; how lines end does not count."""
    wanted = served.model.template
    return wanted is None or _lines(wanted) == _lines(shown.template)


def _lines(text: str) -> list[str]:
    """Return the lines of a template without blank ones around it."""
    return text.replace("\r\n", "\n").strip("\n").split("\n")


def _first_difference(one: str, other: str) -> tuple[str, str]:
    """Return the first line in which two templates differ, of each."""
    mine, theirs = _lines(one), _lines(other)
    length = max(len(mine), len(theirs))
    pairs = zip(mine + [""] * (length - len(mine)), theirs + [""] * (length - len(theirs)), strict=True)
    return next((pair for pair in pairs if pair[0] != pair[1]), ("", ""))
