"""A run of a script on paper that keeps every text its words come to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_newscreator.sources.shell.evaluate import Evaluator
from pytest_newscreator.sources.shell.run import Run

if TYPE_CHECKING:
    from tree_sitter import Node

    from pytest_newscreator.sources.lines import Locate
    from pytest_newscreator.sources.shell.values import State, Values


class Noting(Evaluator):
    """An evaluator that keeps what it comes to in `texts`."""

    texts: set[str]

    def value(self, node: Node, state: State, *, quoted: bool = False) -> Values:
        """Return what a word may come to, and keep its texts."""
        values = super().value(node, state, quoted=quoted)
        self.texts.update(value.text for value in values if value.text)
        return values


def noting(text: str, locate: Locate) -> tuple[Run, set[str]]:
    """Return a run that has not begun, and the texts that it will come to."""
    followed = Run(text, locate)
    evaluator = Noting(followed.source, locate)
    evaluator.texts = set()
    followed.evaluator = evaluator
    return followed, evaluator.texts
