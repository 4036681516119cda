"""What the model is asked to do; Ollama puts each text into the model's own chat template."""

from __future__ import annotations

import re
from dataclasses import dataclass

# An article must not speak for the template: `<end_of_turn>` would end the user's turn, and the runner of a
# vision model refuses a prompt with `[img-3]` in it ("invalid image index"). Full-width twins keep the length.
_TURN_MARK = re.compile(r"<(?=/?(?:start_of_turn|end_of_turn|start_of_image|end_of_image|bos|eos|pad|unk)>)")
_IMAGE_MARK = re.compile(r"\[(?=img(?:-\d+)?\])")


@dataclass(frozen=True, slots=True)
class Prompt:
    """An instruction around a text; one user turn, since Gemma knows no system role."""

    before: str
    after: str

    def render(self, text: str) -> str:
        """Return the whole user turn for `text`, as long as the instruction and `text` together."""
        return f"{self.before}{plain(text)}{self.after}"

    @property
    def overhead(self) -> str:
        """Return what is sent beside the text."""
        return self.before + self.after


def plain(text: str) -> str:
    """Return `text` with the marks that a chat template or an image placeholder would react to made inert."""
    return _IMAGE_MARK.sub("\N{FULLWIDTH LEFT SQUARE BRACKET}", _TURN_MARK.sub("\N{FULLWIDTH LESS-THAN SIGN}", text))


ARTICLE = Prompt(
    before=(
        "あなたは日本語ニュースの編集者です。次の記事を日本語で要約してください。\n"
        "・記事に書かれている事実だけを使い、人名、地名、数字、日付を正確に残すこと\n"
        "・最も重要な事実から始め、経緯と影響を続けること\n"
        "・前置きや見出しを付けず、要約の本文だけを書くこと\n\n"
        "【記事】\n"
    ),
    after="\n【記事ここまで】\n\n要約:",
)

PARTIAL = Prompt(
    before=(
        "次の文章は、長い日本語ニュース記事の一部です。この部分の要点を日本語で短くまとめてください。\n"
        "・人名、地名、数字、日付を正確に残すこと\n"
        "・書かれていないことを補わず、要点の本文だけを書くこと\n\n"
        "【記事の一部】\n"
    ),
    after="\n【ここまで】\n\n要点:",
)

REDUCE = Prompt(
    before=(
        "次の文章は、一つの日本語ニュース記事の各部分の要点を順に並べたものです。\n"
        "重複を除いて、記事全体の一つの要約を日本語で書いてください。\n"
        "・書かれている事実だけを使い、人名、地名、数字、日付を正確に残すこと\n"
        "・前置きや見出しを付けず、要約の本文だけを書くこと\n\n"
        "【要点】\n"
    ),
    after="\n【要点ここまで】\n\n要約:",
)

PROMPTS = (ARTICLE, PARTIAL, REDUCE)
