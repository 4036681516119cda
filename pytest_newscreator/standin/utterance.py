"""What the tiny stand-in says: news that means nothing, in words that follow each other in slots, and plain JSON.

Each token leads to one state, and a state prefers the tokens that may come next. The weights are random but for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_newscreator.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

_SLOTS = (
    "本日、 昨日、 今朝、 今週、 先月、",
    "政府は 日銀は 都内の企業は 研究チームは 自治体は 大学は",
    "新しい 大規模な 独自の 地域向けの 次世代の",
    "計画を 調査を 技術を 制度を 実験を 装置を",
    "発表した。 公開した。 開始した。 承認した。 説明した。",
    "担当者は 専門家は 関係者は 広報は",
    "「今後も 「来年も 「当面は 「引き続き",
    "改善を 検証を 協力を 準備を",
    "続ける」と 進める」と 重ねる」と",
    "述べた。 語った。 話した。 強調した。",
    "費用は 予算は 投資額は 規模は",
    "約3億円で、 約5億円で、 約8億円で、 約12億円で、",
    "来年度から 来月から 秋から 春から",
    "順次 段階的に 本格的に 全国で",
    "導入される 実施される 運用される",
    "見込みだ。 見通しだ。 予定だ。",
    "一方で、 ただし、 また、 さらに、",
    "市場では 現場では 海外では 国会では",
    "影響を 効果を 課題を 費用対効果を",
    "懸念する 評価する 見極める 注視する",
    "声もあり、 動きもあり、 意見もあり、",
    "慎重な 丁寧な 早急な",
    "議論が 対応が 検討が",
    "求められている。 必要とされる。 続きそうだ。",
)
_ROUND_AGAIN = "続いて、"
_KEYS = "title summary topic text"
_STRINGS = "政府の計画 日銀の調査 企業の技術 大学の実験", "を発表 を公開 を開始 を承認"

# Logits. What follows is far above everything else, so that any usual temperature keeps to it; the end of an answer
# lies so little above another round that most temperatures take either, and 0 always ends.
_NEXT = 16.0
_AGAIN = 15.9
_START = 0


@frozen
class Grammar:
    """The state that each special token leads to, and each state's logits for the tokens that stand out there."""

    state_of: dict[str, int]
    logits: tuple[dict[str, float], ...]

    @property
    def words(self) -> tuple[str, ...]:
        """Return the tokens that are no single characters: those that the vocabulary must add."""
        return tuple(token for token in self.state_of if len(token) > 1 and not token.startswith("<"))


def grammar() -> Grammar:
    """Lay out the states: the start, one behind each slot, and six for JSON."""
    slots = [slot.split() for slot in _SLOTS]
    keys, (subjects, verbs) = _KEYS.split(), (part.split() for part in _STRINGS)
    before_key, behind_key, string, subject, verb, closed = range(len(slots) + 1, len(slots) + 7)
    state_of = {word: number for number, slot in enumerate(slots, 1) for word in slot} | {_ROUND_AGAIN: 1}
    state_of |= dict.fromkeys(keys, behind_key) | dict.fromkeys(subjects, subject) | dict.fromkeys(verbs, verb)
    state_of |= dict.fromkeys(('{"', '","'), before_key) | dict.fromkeys(('":"', '"'), string)
    state_of |= dict.fromkeys(('"}', "}"), closed)
    return Grammar(state_of, (*_news(slots), *_json(keys, subjects, verbs)))


def _news(slots: list[list[str]]) -> Iterator[dict[str, float]]:
    """Yield the logits of the start and of the states behind each slot."""
    yield dict.fromkeys(slots[_START], _NEXT) | {'{"': 9.0, '":"': 8.0, '"': 7.0, "}": 6.0, "]": 5.0, "0": 2.0}
    for following in slots[1:]:
        yield dict.fromkeys(following, _NEXT)
    yield {"<end_of_turn>": _NEXT, _ROUND_AGAIN: _AGAIN}


def _json(keys: list[str], subjects: list[str], verbs: list[str]) -> Iterator[dict[str, float]]:
    """Yield the logits of JSON's states; those below the first matter where the request's schema forbids it."""
    yield dict.fromkeys(keys, _NEXT) | {'"': 6.0}
    yield {'":"': _NEXT, '"}': 9.0, '"': 8.0}
    yield dict.fromkeys(subjects, _NEXT) | {'":"': 10.0, "}": 9.0, "]": 8.0, ",": 7.0, '"': 6.0}
    yield dict.fromkeys(verbs, _NEXT) | {'"': 6.0}
    yield {'"}': _NEXT, '"': 9.0, '","': 8.0}
    yield {"<end_of_turn>": _NEXT, "}": 9.0, "]": 8.0, '","': 7.0, ",": 6.0}
