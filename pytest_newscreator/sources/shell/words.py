"""Words of a shell syntax tree, spelled out as the shell would pass them on with nothing set outside."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from pytest_newscreator.sources.lines import UNKNOWN, Spelled, joined

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

DEFAULTING = frozenset({":-", "-", ":=", "="})
_ENDS = re.compile(r"\b(?:exit|return|false|die|fail\w*|abort)\b")
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

EXPANDED = frozenset(
    {
        "expansion",
        "simple_expansion",
        "command_substitution",
        "arithmetic_expansion",
        "process_substitution",
        "brace_expression",
    }
)
_QUOTED_ESCAPE = re.compile(r'\\([$`"\\\n])')
_HEREDOC_ESCAPE = re.compile(r"\\([$`\\\n])")
_WORD_ESCAPE = re.compile(r"\\(.|\n)")
# The grammar loses a lone `-` before `<<`: an option that wants a file and ends the command has had one.
STDIN = re.compile(r"(?:^|\s)(?:-f|--file)(?:[\s=]+-(?=\s|\Z)|\s*\Z)")
_LOST = re.compile(r"(?<!\\)(?:\\\\)*\$[A-Za-z0-9_{(]")
_ANSI_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ANSI = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}


@cache
def parser() -> Parser:
    """Return the one parser of this process; the grammar is loaded here, on the first script, and not before."""
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_bash.language()))


class Source:
    """The text of one script and the way from tree-sitter's byte offsets to characters."""

    __slots__ = ("_chars", "constants", "data", "text")

    def __init__(self, text: str) -> None:
        """Encode once; pure ASCII needs no table. `constants` are the variables that have one known value."""
        self.text = text
        self.constants: dict[str, Spelled] = {}
        self.data = text.encode()
        self._chars: list[int] | None = None
        if len(self.data) != len(text):
            self._chars = [index for index, char in enumerate(text) for _ in char.encode()]
            self._chars.append(len(text))

    def char(self, byte: int) -> int:
        """Return the character offset of a byte offset."""
        return byte if self._chars is None else self._chars[byte]

    def slice(self, begin: int, end: int) -> Spelled:
        """Return the characters between two byte offsets as they stand."""
        begin, end = self.char(begin), self.char(end)
        return Spelled(self.text[begin:end], range(begin, end), begin)

    def of(self, node: Node) -> str:
        """Return the text of a node."""
        return self.text[self.char(node.start_byte) : self.char(node.end_byte)]


def unescaped(piece: Spelled, escape: re.Pattern[str], table: dict[str, str] | None = None) -> Spelled:
    """Return a piece with its backslash escapes undone; an escaped line end vanishes."""
    if "\\" not in piece.text:
        return piece
    pieces, last = [], 0
    for found in escape.finditer(piece.text):
        pieces.append(piece.cut(last, found.start()))
        char = (table or {}).get(found[1], UNKNOWN) if table else found[1]
        if char != "\n" or table:
            pieces.append(Spelled(char, (piece.at[found.start(1)],), piece.at[found.start(1)]))
        last = found.end()
    pieces.append(piece.cut(last))
    return joined(pieces, piece.start)


def without_escapes(piece: Spelled) -> Spelled:
    """Return a piece of a string in double quotes with its escapes undone."""
    return unescaped(piece, _QUOTED_ESCAPE)


def spell(node: Node, source: Source, *, quoted: bool = False) -> Spelled:
    """Return what a word amounts to; `quoted` says that it stands inside double quotes or a here-document."""
    kind = node.type
    if kind in EXPANDED:
        return _spell_expansion(node, source, quoted=quoted)
    if kind == "string":
        opening = node.children[0].end_byte if node.children else node.start_byte + 1
        closing = node.end_byte - (1 if source.data[node.end_byte - 1 : node.end_byte] == b'"' else 0)
        return _spell_gaps(node, source, (opening, max(opening, closing)), _QUOTED_ESCAPE)
    if kind == "raw_string" and not quoted:
        return source.slice(node.start_byte + 1, node.end_byte - 1)
    if kind == "ansi_c_string" and not quoted:
        return unescaped(source.slice(node.start_byte + 2, node.end_byte - 1), _ANSI_ESCAPE, _ANSI)
    if kind in {"concatenation", "command_name", "translated_string"}:
        parts = [spell(child, source, quoted=quoted) for child in node.children if child.type != "$"]
        return joined(parts, source.char(node.start_byte))
    return unescaped(source.slice(node.start_byte, node.end_byte), _QUOTED_ESCAPE if quoted else _WORD_ESCAPE)


def spell_heredoc(body: Node, source: Source, *, literal: bool) -> Spelled:
    """Return the text of a here-document; `literal` says that its delimiter is quoted, so nothing expands."""
    if literal:
        return source.slice(body.start_byte, body.end_byte)
    return _spell_gaps(body, source, (body.start_byte, body.end_byte), _HEREDOC_ESCAPE)


def is_lossy(body: Node, source: Source) -> bool:
    """Tell whether the tree has lost expansions of a here-document, as the grammar does behind some escapes."""
    last, gaps = body.start_byte, []
    for child in body.children:
        if child.type in EXPANDED:
            gaps.append(source.data[last : child.start_byte])
            last = child.end_byte
    gaps.append(source.data[last : body.end_byte])
    return any(_LOST.search(gap.decode(errors="replace")) for gap in gaps)


def as_string(body: Spelled) -> str:
    """Return a here-document as a string in double quotes, one character longer at each end, to be parsed again."""
    inside = body.text.replace('"', "'")
    return f'"{inside}"'


def _spell_gaps(node: Node, source: Source, span: tuple[int, int], escape: re.Pattern[str]) -> Spelled:
    """Spell the expansions within `span`; the text between them is literal (the tree leaves some of it out)."""
    pieces, last = [], span[0]
    for child in node.children:
        if child.type in EXPANDED and child.start_byte >= last:
            pieces.append(unescaped(source.slice(last, child.start_byte), escape))
            pieces.append(_spell_expansion(child, source, quoted=True))
            last = child.end_byte
    pieces.append(unescaped(source.slice(last, max(last, span[1])), escape))
    pieces = [piece for piece in pieces if piece.text] or pieces[-1:]
    return joined(pieces, source.char(span[0]))


def _spell_expansion(node: Node, source: Source, *, quoted: bool) -> Spelled:
    """Return the default of a `${X:-d}`; every other expansion is unknown."""
    default = default_of(node, source, quoted=quoted) if node.type == "expansion" else None
    start = source.char(node.start_byte)
    return default if default is not None else Spelled(UNKNOWN, (start,), start)


def operator_of(node: Node) -> str | None:
    """Return what decides the meaning of an expansion: `:-` and its like, `#` and `!` before the name, or none."""
    found = _operator(node)
    return found.type if found is not None else None


def _operator(node: Node) -> Node | None:
    """Return the first operator of an expansion, before or behind the name."""
    marks = {"${", "}", "$"}
    return next((child for child in node.children if not child.is_named and child.type not in marks), None)


def operands_of(node: Node) -> list[Node]:
    """Return the nodes behind the operator of an expansion: its default, message or pattern."""
    operator = _operator(node)
    named = node.named_children
    if operator is None or not named or operator.start_byte < named[0].start_byte:
        return []
    return [child for child in node.children if child.is_named and child.start_byte >= operator.end_byte]


def is_quoted(node: Node) -> bool:
    """Tell whether an expansion stands inside double quotes or a here-document."""
    parent = node.parent
    while parent is not None and parent.type in {"expansion", "concatenation"}:
        parent = parent.parent
    return parent is not None and parent.type in {"string", "heredoc_body"}


def default_of(node: Node, source: Source, *, quoted: bool = False) -> Spelled | None:
    """Return the spelled default of an expansion, or `None` where it has none."""
    operator = _operator(node)
    if operator is None or operator.type not in DEFAULTING:
        return None
    end = node.end_byte - 1
    pieces, last = [], operator.end_byte
    for child in operands_of(node):
        pieces.append(_without_line_ends(source.slice(last, child.start_byte)))
        pieces.append(_constant(child, source) or spell(child, source, quoted=quoted))
        last = child.end_byte
    pieces.append(_without_line_ends(source.slice(last, max(last, end))))
    pieces = [piece for piece in pieces if piece.text] or pieces[-1:]
    return joined(pieces, source.char(operator.end_byte))


def _constant(node: Node, source: Source) -> Spelled | None:
    """Return the constant that a default consists of (`${X:-$DEFAULT}`), at the place where it is assigned."""
    alone = sole_expansion(node)
    is_plain = alone is not None and operator_of(alone) is None
    name = name_of(alone, source) if alone is not None and is_plain else None
    return source.constants.get(name) if name is not None else None


def _without_line_ends(piece: Spelled) -> Spelled:
    """Return a piece of a default without the line ends that a backslash takes away."""
    pieces, last = [], 0
    for found in re.finditer(r"\\\n", piece.text):
        pieces.append(piece.cut(last, found.start()))
        last = found.end()
    rest = piece.cut(last)
    pieces = [one for one in [*pieces, rest] if one.text] or [rest]
    return joined(pieces, piece.start)


def name_of(node: Node, source: Source) -> str | None:
    """Return the variable that an expansion expands; `None` for positional and special parameters."""
    for child in node.children:
        if child.type == "subscript":
            return name_of(child, source)
        if child.type == "variable_name":
            name = source.of(child)
            return name if IDENTIFIER.match(name) else None
    return None


def first(node: Node, kind: str) -> Node | None:
    """Return the first node of a kind on the way down from `node`."""
    while node.type != kind and node.children:
        node = node.children[0]
    return node if node.type == kind else None


def sole_expansion(node: Node) -> Node | None:
    """Return the expansion that is the whole of a word, quoted or not."""
    if node.type in {"expansion", "simple_expansion"}:
        return node
    if node.type == "string":
        inner = [child for child in node.children if child.is_named]
        if len(inner) == 1 and inner[0].type in {"expansion", "simple_expansion"}:
            whole = inner[0].start_byte == node.start_byte + 1 and inner[0].end_byte == node.end_byte - 1
            return inner[0] if whole else None
    return None


def is_compared(node: Node) -> bool:
    """Tell whether a word is only held against something: in `[ a = b ]`, in `[[ ]]`, as a pattern of `case`."""
    around = node.parent
    if around is None:
        return False
    if around.type == "case_item":
        return node in around.children_by_field_name("value")
    return around.type == "binary_expression"


def is_required(node: Node) -> bool:
    """Tell whether a script ends where a command fails: `grep -q d || exit 1`."""
    around = node.parent
    while around is not None and around.type in {"pipeline", "redirected_statement", "negated_command"}:
        node, around = around, around.parent
    if around is None or around.type != "list" or around.children[0] != node:
        return False
    is_otherwise = any(child.type == "||" for child in around.children)
    return is_otherwise and _ENDS.search((around.children[-1].text or b"").decode(errors="replace")) is not None


def told(node: Node, source: Source) -> str:
    """Return the words of a command on one line as they are written, without quotes."""
    return re.sub(r"[\"'\s]+", " ", source.of(node)).strip()
