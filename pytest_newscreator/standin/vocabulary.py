"""The tokens of a stand-in: gemma's special ones, every byte, and Japanese by the character."""

from __future__ import annotations

from functools import cache
from itertools import chain, product
from typing import TYPE_CHECKING

from pytest_newscreator.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

NORMAL, UNKNOWN, CONTROL, UNUSED, BYTE = 1, 2, 3, 5, 6  # token types of the GGUF specification
PAD, EOS, BOS, UNK = 0, 1, 2, 3
SPACE = "\u2581"  # how SentencePiece writes a blank

# Frequent pairs, so that a Japanese text takes fewer tokens than it has characters.
_PAIRS = (
    "です ます した する して ない いる こと から など れる って この その ため もの まで より さん とい "
    "には では とは にも でも いた ある おり など これ それ られ せる ので ように よう れた なる いう たち"
)


@frozen
class Vocabulary:
    """Tokens, SentencePiece scores and types, by id."""

    tokens: tuple[str, ...]
    scores: tuple[float, ...]
    types: tuple[int, ...]

    def id_of(self, token: str) -> int:
        """Return the id of a token."""
        return self.tokens.index(token)

    @property
    def end_of_turn(self) -> int:
        """Return the id that ends an answer."""
        return self.id_of("<end_of_turn>")


def tiny(words: Iterable[str]) -> Vocabulary:
    """Make the small vocabulary, with whole `words` that only the model itself can utter."""
    return _build(("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"), _pairs(), words)


def sized(count: int) -> Vocabulary:
    """Make a vocabulary of exactly `count` tokens, with gemma's ids for the special ones (105 and 106)."""
    unused = (f"<unused{number}>" for number in range(100))
    special = ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *unused, "<start_of_turn>", "<end_of_turn>")
    kana = (*_row(4), *_row(5))
    pairs = chain(_pairs(), ("".join(pair) for pair in chain(product(kana, kana), product(_kanji(), _row(4)))))
    whole = _build(special, pairs)
    return Vocabulary(whole.tokens[:count], whole.scores[:count], whole.types[:count])


def _build(special: Iterable[str], pairs: Iterable[str], words: Iterable[str] = ()) -> Vocabulary:
    """Lay out a vocabulary; a pair is merged the sooner the earlier it stands, and a word never."""
    kinds = dict.fromkeys(special, CONTROL)
    kinds |= {token: UNUSED for token in kinds if token.startswith("<unused")}
    kinds["<unk>"] = UNKNOWN
    kinds |= {f"<0x{byte:02X}>": BYTE for byte in range(256)}
    plain = dict.fromkeys(chain(_characters(), pairs, words), NORMAL)
    tokens = (*kinds, *plain)
    scores = (*(0.0 for _ in kinds), *(-1.0 - rank for rank in range(len(plain))))
    return Vocabulary(tokens, scores, (*kinds.values(), *plain.values()))


def _pairs() -> Iterable[str]:
    """Return the frequent pairs."""
    return (pair for pair in _PAIRS.split() if len(pair) == 2)  # noqa: PLR2004 - a pair is two


@cache
def _characters() -> tuple[str, ...]:
    """Return the single characters: ASCII, the rows of JIS X 0208 for symbols and kana, the everyday kanji."""
    ascii_printable = (chr(code) for code in range(0x21, 0x7F))
    rows = chain.from_iterable(_row(row) for row in (1, 2, 3, 4, 5))
    return ("\n", SPACE, *ascii_printable, *rows, *_kanji())


@cache
def _kanji() -> tuple[str, ...]:
    """Return the kanji of JIS X 0208's first level."""
    return tuple(chain.from_iterable(_row(row) for row in range(16, 48)))


@cache
def _row(row: int) -> tuple[str, ...]:
    """Return the characters of one row of JIS X 0208, by way of the EUC-JP codec."""
    cells = (bytes((0xA0 + row, 0xA0 + cell)).decode("euc_jp", "ignore") for cell in range(1, 95))
    return tuple(cell for cell in cells if len(cell) == 1 and not cell.isspace())
