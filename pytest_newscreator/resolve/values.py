"""A value with its provenance: the text a setting has, and every place that had a say in it."""

from __future__ import annotations

from typing import Literal

from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place

HopKind = Literal[
    "environment",  # services.X.environment
    "env_file",  # services.X.env_file
    "default",  # the inline default of ${X:-d}
    "interpolation",  # ${X} taking its value from the hops below it
    "dotenv",  # .env or --env-file
    "shell",  # the environment declared by the invocation
    "build-arg",  # services.X.build.args
    "image-env",  # ENV of the Dockerfile or of a known base image
    "source",  # the default in the program that reads it
]


@frozen
class Hop:
    """One place that had a say: what it offered for `name`, whether that won, and why."""

    kind: HopKind
    name: str
    value: str | None
    place: Place | None
    won: bool
    why: str = ""


@frozen
class Value:
    """The value of a setting: `text` None is unset, "" is set and empty; `chain` runs from the winner down.

    `chain[0]` is where the value is written into the setting (an `environment:` entry, say); the hops that
    won below it lead to the literal it comes from. `origin` is that literal's place: the one to blame.
    """

    name: str
    text: str | None
    chain: tuple[Hop, ...] = ()

    @property
    def origin(self) -> Place | None:
        """Return the place of the literal that the value comes from."""
        places = [hop.place for hop in self.chain if hop.won and hop.place is not None]
        return places[-1] if places else None
