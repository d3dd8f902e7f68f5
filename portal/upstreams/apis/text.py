"""Text: how hard it is to read, what changed, how it looks as HTML, how it goes into an address."""

from __future__ import annotations

import difflib
import re
from itertools import pairwise
from typing import Literal

import nh3
from anyascii import anyascii
from markdown_it import MarkdownIt

from portal.upstreams.answers import Fault
from portal.upstreams.describing import Answer, Api, Asked, param, said

READABILITY = Api(
    "readability",
    "Readability",
    "1.5.1",
    "Words, sentences, reading time, and how many years of school an English text asks for.",
    "Counts what editors count and works out the two best known formulas for English, Flesch and Flesch-Kincaid.",
    {"Reading": "One text at a time."},
)
MARKDOWN = Api(
    "markdown",
    "Markdown",
    "3.0.0",
    "CommonMark with tables into HTML that is safe to put on a page.",
    """
    Turns CommonMark into HTML and cleans it: no scripts, no styles, no event handlers, links only to http, https and mailto.
    Headings come back as an outline for a table of contents.
    """,
    {"Rendering": "From Markdown to HTML."},
)
DIFF = Api(
    "text-diff",
    "Text Diff",
    "1.0.1",
    "What changed between two texts, line by line, as people and programs read it.",
    "Compares two texts of up to 1,000 lines each and returns counts, changed blocks and a unified diff.",
    {"Comparing": "Two texts."},
)
SLUGS = Api(
    "slugs",
    "Slugs & Transliteration",
    "2.2.0",
    "Any script into plain letters: addresses, file names and search keys from Αθήνα, Łódź or São Tomé.",
    "Writes text of any script in ASCII letters and makes slugs that are the same every time.",
    {"Slugs": "For addresses and file names.", "Letters": "Other scripts in plain letters."},
)
_MARKDOWN = MarkdownIt("commonmark").enable("table")
_TEXT = "The market opens at eight. Whoever comes early finds the best apples, and nobody has to wait."


class Text(Asked):
    text: str = param("The text.", _TEXT, min_length=1, max_length=50_000)


class Readability(Answer):
    """What was counted, and how hard it is to read."""

    words: int
    sentences: int
    syllables: int = said("Estimated from groups of vowels.")
    reading_seconds: int = said("At 230 words a minute.")
    flesch_reading_ease: float = said("100 is very easy, 30 is for specialists.")
    flesch_kincaid_grade: float = said("Years of school.")
    longest_sentence_words: int


class MarkdownText(Asked):
    markdown: str = param(
        "The text.", "# Apples\n\nFresh **today**, see [prices](https://example.com).", max_length=50_000
    )


class Heading(Answer):
    """A heading."""

    level: int
    text: str


class Html(Answer):
    """Clean HTML and its outline."""

    html: str
    outline: list[Heading]


class TwoTexts(Asked):
    before: str = param("The text as it was.", "apples\npears\nplums\n", max_length=50_000)
    after: str = param("The text as it is.", "apples\nquinces\nplums\n", max_length=50_000)


class Block(Answer):
    """Lines that changed; numbers count from one."""

    change: Literal["added", "removed", "replaced"]
    before_line: int
    after_line: int
    before: list[str]
    after: list[str]


class Difference(Answer):
    """What changed."""

    added: int = said("Lines that are new.")
    removed: int = said("Lines that are gone.")
    blocks: list[Block]
    unified: str = said("The same as a unified diff.")


class SlugQuestion(Asked):
    text: str = param("The text.", "Łódź, 北京 & Αθήνα", max_length=500)
    separator: Literal["-", "_", "."] = param("What stands between words.", "-", "-")
    longest: int = param("Most characters; words stay whole.", 60, 80, ge=5, le=200)


class Slug(Answer):
    """The slug."""

    slug: str


class LettersQuestion(Asked):
    text: str = param("The text, in any script.", "Москва", max_length=500)


class Letters(Answer):
    """The text in ASCII letters."""

    text: str


@READABILITY.post("/v1/readability", "Reading")
def readability(asked: Text) -> Readability:
    """How hard a text is to read."""
    sentences = [found for part in re.split(r"[.!?]+(?:\s|$)", asked.text) if (found := re.findall(r"[\w'’-]+", part))]
    if not sentences:
        raise Fault("`text` has no words.")
    words = [word for sentence in sentences for word in sentence]
    syllables = sum(_syllables(word) for word in words)
    per_sentence, per_word = len(words) / len(sentences), syllables / len(words)
    return Readability(
        words=len(words),
        sentences=len(sentences),
        syllables=syllables,
        reading_seconds=-(-len(words) * 60 // 230),
        flesch_reading_ease=round(206.835 - 1.015 * per_sentence - 84.6 * per_word, 1),
        flesch_kincaid_grade=round(0.39 * per_sentence + 11.8 * per_word - 15.59, 1),
        longest_sentence_words=max(map(len, sentences)),
    )


@MARKDOWN.post("/v3/render", "Rendering")
def render_markdown(asked: MarkdownText) -> Html:
    """Markdown to HTML."""
    tokens = _MARKDOWN.parse(asked.markdown)
    outline = [
        Heading(level=int(token.tag[1]), text=inline.content)
        for token, inline in pairwise(tokens)
        if token.type == "heading_open"
    ]
    html = nh3.clean(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}), url_schemes={"http", "https", "mailto"})
    return Html(html=html, outline=outline)


@DIFF.post("/v1/diff", "Comparing")
def compare_texts(asked: TwoTexts) -> Difference:
    """Compare two texts."""
    before, after = asked.before.splitlines(), asked.after.splitlines()
    if max(len(before), len(after)) > 1_000:
        raise Fault("Each text may have 1,000 lines.")
    names: dict[str, Literal["added", "removed", "replaced"]] = {
        "insert": "added",
        "delete": "removed",
        "replace": "replaced",
    }
    blocks = [
        Block(change=names[tag], before_line=a + 1, after_line=c + 1, before=before[a:b], after=after[c:d])
        for tag, a, b, c, d in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
        if tag != "equal"
    ]
    return Difference(
        added=sum(len(each.after) for each in blocks),
        removed=sum(len(each.before) for each in blocks),
        blocks=blocks,
        unified="\n".join(difflib.unified_diff(before, after, "before", "after", lineterm="")),
    )


@SLUGS.get("/v1/slug", "Slugs")
def slug(asked: SlugQuestion) -> Slug:
    """Make a slug."""
    kept = ""
    for word in re.findall(r"[a-z0-9]+", anyascii(asked.text).lower()):
        longer = f"{kept}{asked.separator}{word}" if kept else word[: asked.longest]
        if len(longer) > asked.longest:
            break
        kept = longer
    return Slug(slug=kept)


@SLUGS.get("/v1/ascii", "Letters")
def plain_letters(asked: LettersQuestion) -> Letters:
    """Write text in plain letters."""
    return Letters(text=anyascii(asked.text))


def _syllables(word: str) -> int:
    """Estimate the syllables of an English word: groups of vowels, without a silent e."""
    letters = word.lower()
    groups = len(re.findall(r"[aeiouy]+", letters))
    return max(1, groups - (letters.endswith("e") and not letters.endswith("le") and groups > 1))
