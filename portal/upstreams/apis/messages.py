"""How long a text message is, in the parts that carriers bill (3GPP TS 23.038)."""

from __future__ import annotations

from portal.upstreams.describing import Answer, Api, Asked, param, said

API = Api(
    "messages",
    "Message Length",
    "1.1.0",
    "How many parts a text message is billed as, and which letter makes it expensive.",
    """
    A text message has room for 160 letters of the GSM alphabet. One letter outside of it, a curly quote is enough, and only 70
    are left. This counts as carriers do, names the letters that cost you the room and suggests plain ones for some of them.
    """,
    {"Counting": "Parts and the room left in the last one."},
)
_BASIC = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPED = set("\f^{}\\[~]|€")  # these take the room of two
_PLAIN = {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "\u00a0": " "}


class Message(Asked):
    text: str = param("The message.", "Your table is ready – see you at 8", min_length=1, max_length=2_000)


class Suggestion(Answer):
    """A letter that could be written plainly."""

    letter: str
    instead: str


class Length(Answer):
    """What the message is billed as."""

    encoding: str = said("GSM-7 or UCS-2.")
    units: int = said("Room it takes, in letters of the encoding.")
    parts: int = said("How many messages are billed.")
    left: int = said("Room left in the last part.")
    outside: list[str] = said("Letters outside the GSM alphabet, each once, in order.")
    suggestions: list[Suggestion] = said("Plain writings of some of them.")


@API.post("/v1/length", "Counting")
def count_parts(asked: Message) -> Length:
    """Count the parts of a message."""
    outside = list(dict.fromkeys(letter for letter in asked.text if letter not in _BASIC | _ESCAPED))
    if outside:
        units, one, many = len(asked.text.encode("utf-16-be", "replace")) // 2, 70, 67
    else:
        units, one, many = sum(1 + (letter in _ESCAPED) for letter in asked.text), 160, 153
    parts, room = (1, one) if units <= one else (-(-units // many), many)
    return Length(
        encoding="UCS-2" if outside else "GSM-7",
        units=units,
        parts=parts,
        left=parts * room - units,
        outside=outside,
        suggestions=[Suggestion(letter=letter, instead=_PLAIN[letter]) for letter in outside if letter in _PLAIN],
    )
