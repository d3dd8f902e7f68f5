"""Words as pixels, in the site's own letters: every script the installed fonts know, either direction, cut to a width.

Pillow draws; it neither falls back from font to font nor joins Arabic letters where the system has no FriBidi, so both are
done here, and a picture looks the same on every machine.
"""

from __future__ import annotations

import json
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from arabic_reshaper.arabic_reshaper import reshape
from bidi import get_display
from bidi.algorithm import get_base_level
from PIL import ImageDraw, ImageFont

# A line may break behind each of these letters; other scripts break at spaces.
_UNSPACED = "\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef"
_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+|\s+")
_ELLIPSIS = "…"


class NoLetters(RuntimeError):
    """The fonts are not built; `make assets` does."""


@dataclass(frozen=True, slots=True)
class Face:
    """A size in pixels and a weight of the variable fonts."""

    size: int
    weight: int = 400


class Letters:
    """The fonts that `letters/letters.json` of the built files lists, opened when a text first needs one."""

    def __init__(self, built: Path) -> None:
        try:
            manifest = json.loads((built / "manifest.json").read_text())
            listed = json.loads((built / manifest["letters/letters.json"]["file"]).read_text())
        except (FileNotFoundError, KeyError) as missing:
            raise NoLetters(f"no fonts in {built}") from missing
        spans = sorted(
            (first, last, order, name) for order, (name, known) in enumerate(listed) for first, last in known
        )
        self._spans, self._starts = spans, [span[0] for span in spans]
        self._paths = {name: built / manifest[f"letters/{name}"]["file"] for name, _known in listed}
        self._font = lru_cache(64)(self._open)
        self.file_of = lru_cache(8192)(self._find)

    def _find(self, letter: str) -> str | None:
        code = ord(letter)
        known = [span[2:] for span in self._spans[: bisect_right(self._starts, code)] if span[1] >= code]
        return next((file for _order, file in sorted(known) if self._has(file, letter)), None)

    def _has(self, file: str, letter: str) -> bool:
        """A font may not hold all that its part of Unicode promises; what it lacks looks like what nobody has."""
        font = self._font(file, Face(16))
        return letter.isspace() or bytes(font.getmask(letter)) != bytes(font.getmask("\uffff"))

    def _open(self, file: str, face: Face) -> ImageFont.FreeTypeFont:
        font = ImageFont.truetype(self._paths[file], face.size, layout_engine=ImageFont.Layout.BASIC)
        font.set_variation_by_axes([face.weight])
        return font

    def clean(self, text: str) -> str:
        """Return a text in one line without what no font of ours can draw."""
        composed = unicodedata.normalize("NFC", " ".join(text.split()))
        return " ".join("".join(c for c in composed if c == " " or self.file_of(c)).split())

    def width(self, text: str, face: Face) -> float:
        """Return how wide a line is, in pixels."""
        return sum(font.getlength(run) for run, font in self._runs(text, face))

    def draw(self, on: ImageDraw.ImageDraw, at: tuple[float, float], text: str, face: Face, colour: str) -> None:
        """Draw one line with its left end on the base line at a point."""
        x, y = at
        for run, font in self._runs(text, face):
            on.text((x, y), run, font=font, fill=colour, anchor="ls")
            x += font.getlength(run)

    def _runs(self, text: str, face: Face) -> list[tuple[str, ImageFont.FreeTypeFont]]:
        runs: list[tuple[str, str]] = []
        for letter in _visual(text):
            # A space belongs to the run before it: words of one font stay one run.
            file = runs[-1][1] if letter == " " and runs else self.file_of(letter)
            if file is None:
                continue
            if runs and runs[-1][1] == file:
                runs[-1] = (runs[-1][0] + letter, file)
            else:
                runs.append((letter, file))
        return [(run, self._font(file, face)) for run, file in runs]

    def lines(self, text: str, face: Face, width: float, most: int) -> tuple[list[str], bool]:
        """Return a text in at most so many lines of a width, and whether all of it is there; a cut is shown by an ellipsis."""
        left = self.clean(text)[:400]
        made: list[str] = []
        while left and len(made) < most:
            taken = self._fitting(left, face, width)
            made.append(taken.strip())
            left = left[len(taken) :].lstrip()
        if left and made:
            made[-1] = self._cut(made[-1], face, width)
        return made, not left

    def _fitting(self, text: str, face: Face, width: float) -> str:
        taken = ""
        for token in _TOKEN.findall(text):
            if self.width((taken + token).rstrip(), face) > width:
                break
            taken += token
        return taken if taken.strip() else self._longest(text, face, width)

    def _longest(self, text: str, face: Face, width: float) -> str:
        """A word wider than a line is broken where the line ends."""
        end = 1
        while end < len(text) and self.width(text[: end + 1], face) <= width:
            end += 1
        return text[:end]

    def _cut(self, line: str, face: Face, width: float) -> str:
        while line and self.width(line + _ELLIPSIS, face) > width:
            line = line[:-1].rstrip()
        return line + _ELLIPSIS

    def fitted(self, text: str, faces: Iterable[Face], width: float, most: int) -> tuple[list[str], Face]:
        """Return lines and the first of the faces in which the whole text fits; cut in the last when it fits in none."""
        lines: list[str] = []
        chosen = Face(1)
        for chosen in faces:
            lines, is_whole = self.lines(text, chosen, width, most)
            if is_whole:
                break
        return lines, chosen


def reads_from_right(text: str) -> bool:
    """True when a text begins in a script that is written from right to left."""
    return bool(get_base_level(text))


@lru_cache(256)
def _visual(text: str) -> str:
    """Return the letters in the order and the form in which they stand on the page."""
    return str(get_display(reshape(text)))
