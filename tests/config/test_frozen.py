"""Plain data: what `frozen` makes is a dataclass to everyone, and cannot be changed."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, asdict, field, fields, is_dataclass, replace

import pytest

from pytest_newscreator.frozen import frozen


@frozen
class Card:
    """A value with every kind of field."""

    name: str
    memory: int = 8
    labels: list[str] = field(default_factory=list)
    seen: int = field(default=0, compare=False, repr=False)


@frozen(order=True)
class Size:
    """A value that sorts."""

    major: int
    minor: int = 0


@frozen(kw_only=True)
class Named:
    """A value whose fields are named."""

    first: str = "a"
    second: str


@frozen
class Empty:
    """A value without fields."""


@frozen
class Loud:
    """A value with methods of its own."""

    text: str

    def __repr__(self) -> str:
        """Render louder."""
        return self.text.upper()


def test_fields_are_filled_by_position_by_name_and_by_default() -> None:
    """As the standard library's are."""
    assert Card("rtx", labels=["a"]) == Card(name="rtx", memory=8, labels=["a"])
    assert Card("rtx").labels is not Card("rtx").labels
    assert Named(second="b").first == "a"


@pytest.mark.parametrize("wrong", [Card, lambda: Card("a", size=1), lambda: Named("a", "b")])
def test_a_call_that_does_not_fit_is_refused(wrong: object) -> None:
    """A missing, an unknown and a nameless argument."""
    with pytest.raises(TypeError):
        wrong()  # type: ignore[operator]


def test_nothing_can_be_changed_removed_or_added() -> None:
    """What many hold at once has to stay what it is."""
    card = Card("rtx")
    with pytest.raises(FrozenInstanceError):
        card.memory = 12  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del card.memory
    with pytest.raises(FrozenInstanceError):
        card.price = 1  # type: ignore[attr-defined]
    assert card == Card("rtx")
    assert not hasattr(card, "__dict__")


def test_values_compare_by_their_compared_fields_within_their_class() -> None:
    """Two classes of equal fields are two things."""
    assert Card("a", seen=1) == Card("a", seen=2)
    assert Card("a") != Card("b")
    assert Size(1) != (1, 0)
    assert hash(Size(1, 2)) == hash(Size(1, 2))
    assert len({Size(1), Size(1), Size(2), Empty(), Empty()}) == 3


def test_values_sort_where_they_are_asked_to() -> None:
    """All four relations, and none without `order`."""
    assert sorted([Size(2), Size(1, 5), Size(1)]) == [Size(1), Size(1, 5), Size(2)]
    assert (Size(1) < Size(2), Size(1) <= Size(1), Size(2) > Size(1), Size(2) >= Size(3)) == (True, True, True, False)
    with pytest.raises(TypeError):
        sorted([Loud("b"), Loud("a")])  # type: ignore[type-var]


def test_the_standard_library_takes_them_for_dataclasses() -> None:
    """Reports and copies are made with its functions."""
    card = Card("rtx", 12, ["a"], seen=3)
    assert is_dataclass(card)
    assert [one.name for one in fields(card)] == ["name", "memory", "labels", "seen"]
    assert asdict(card) == {"name": "rtx", "memory": 12, "labels": ["a"], "seen": 3}
    assert replace(card, memory=6) == Card("rtx", 6, ["a"])
    match card:
        case Card(name, memory):
            assert (name, memory) == ("rtx", 12)


@pytest.mark.parametrize("value", [Card("rtx", 12, ["a"], seen=3), Size(1), Named(second="b"), Empty()], ids=repr)
def test_values_survive_copying_and_pickling(value: object) -> None:
    """Workers of xdist and `copy.deepcopy` make an instance without calling it."""
    for twin in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):  # noqa: S301 - our own
        assert twin == value
        assert repr(twin) == repr(value)


def test_a_value_shows_how_it_is_made() -> None:
    """Without the fields that say so; a class's own way has precedence."""
    assert repr(Card("rtx", seen=3)) == "Card(name='rtx', memory=8, labels=[])"
    assert repr(Loud("a")) == "A"
