"""Says what each request may carry, reads it, and refuses the rest the way Stripe does.

A route declares its parameters with these small types; ``read`` turns decoded form text into Python values. An unknown
parameter is 400 ``parameter_unknown``; one that Stripe took away says so; one that the simulator leaves out is refused
openly, so nobody builds on a silent no-op.
"""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from portal.simulator.errors import StripeError, invalid, missing_parameter, not_simulated

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,12})?")
REMOVED_CODES = {"payment_method_types": "payment_method_types_no_longer_supported"}


@dataclass(frozen=True)
class Kind:
    """A type of parameter. ``clearable`` accepts the empty string as "unset" and reads it as ``None``."""

    clearable: bool = field(default=False, kw_only=True)

    def read(self, value: Any, path: str) -> Any:
        """The Python value, or ``StripeError`` 400 naming ``path``."""
        if value == "":
            if self.clearable:
                return None
            raise _empty(path)
        return self.parse(value, path)

    def parse(self, value: Any, path: str) -> Any:
        """Read a value known not to be empty."""
        raise NotImplementedError


@dataclass(frozen=True)
class Text(Kind):
    """Text of at most ``limit`` characters."""

    limit: int = 5000

    def parse(self, value: Any, path: str) -> str:
        if not isinstance(value, str):
            raise invalid(f"Invalid string: {str(value)[:60]}", path, stored=False)
        if len(value) > self.limit:
            raise invalid(f"Invalid string: {value[:12]}…; must be at most {self.limit} characters", path, stored=False)
        return value


@dataclass(frozen=True)
class Address(Text):
    """An absolute http or https URL."""

    def parse(self, value: Any, path: str) -> str:
        text = super().parse(value, path)
        if not re.match(r"https?://[^/\s]+", text) or any(character.isspace() for character in text):
            raise invalid("Not a valid URL", path, "url_invalid", stored=False)
        return text


@dataclass(frozen=True)
class Integer(Kind):
    """A whole number within bounds."""

    least: int = -(10**14)
    most: int = 10**14

    def parse(self, value: Any, path: str) -> int:
        if not isinstance(value, str) or not _INTEGER.fullmatch(value):
            raise invalid(f"Invalid integer: {str(value)[:60]}", path, "parameter_invalid_integer", stored=False)
        number = int(value)
        if number < self.least:
            message = f"This value must be greater than or equal to {self.least}."
            raise invalid(message, path, "parameter_invalid_integer", stored=False)
        if number > self.most:
            message = f"This value must be less than or equal to {self.most}."
            raise invalid(message, path, "parameter_invalid_integer", stored=False)
        return number


@dataclass(frozen=True)
class Exact(Kind):
    """A decimal with at most 12 places, as Stripe's ``*_decimal`` parameters."""

    def parse(self, value: Any, path: str) -> Decimal:
        if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
            raise invalid(f"Invalid decimal: {str(value)[:60]}", path, stored=False)
        return Decimal(value)


@dataclass(frozen=True)
class Flag(Kind):
    """``true`` or ``false``."""

    def parse(self, value: Any, path: str) -> bool:
        if value not in ("true", "false"):
            raise invalid(f"Invalid boolean: {str(value)[:60]}", path, stored=False)
        return bool(value == "true")


@dataclass(frozen=True)
class Choice(Kind):
    """One of a few words."""

    options: tuple[str, ...] = ()

    def parse(self, value: Any, path: str) -> str:
        if value not in self.options:
            raise invalid(f"Invalid {path}: must be one of {', '.join(self.options)}", path, stored=False)
        return str(value)


def choice(*options: str, clearable: bool = False) -> Choice:
    """One of these words."""
    return Choice(options, clearable=clearable)


@dataclass(frozen=True)
class Many(Kind):
    """A list; on the wire an index dictionary."""

    of: Kind = field(default_factory=Text)
    most: int = 500

    def parse(self, value: Any, path: str) -> list[Any]:
        if not isinstance(value, dict) or not all(re.fullmatch(r"[0-9]{1,4}", key) for key in value):
            raise invalid("Invalid array", path, "parameter_invalid_array", stored=False)
        if len(value) > self.most:
            raise invalid(f"Array {path} exceeded maximum {self.most} allowed elements.", path, stored=False)
        ordered = sorted(value.items(), key=lambda entry: int(entry[0]))
        return [self.of.read(item, f"{path}[{key}]") for key, item in ordered]


@dataclass(frozen=True)
class Metadata(Kind):
    """Up to 50 pairs of text; an empty value deletes its key, an empty whole clears all."""

    clearable: bool = field(default=True, kw_only=True)

    def parse(self, value: Any, path: str) -> dict[str, str]:
        if not isinstance(value, dict):
            raise invalid("Invalid object", path, stored=False)
        if len(value) > 50:
            raise invalid("Metadata can have at most 50 keys", path, stored=False)
        for key, text in value.items():
            if not isinstance(text, str):
                raise invalid("Metadata values must be strings", f"{path}[{key[:40]}]", stored=False)
            if len(key) > 40:
                raise invalid(f"Metadata keys can be up to 40 characters: {key[:20]}…", path, stored=False)
            if len(text) > 500:
                message = (
                    f"Metadata values can have up to 500 characters, but you passed in a value that is {len(text)}."
                )
                raise invalid(message, f"{path}[{key}]", stored=False)
        return dict(value)


@dataclass(frozen=True)
class Either(Kind):
    """The first alternative that fits."""

    alternatives: tuple[Kind, ...] = ()

    def parse(self, value: Any, path: str) -> Any:
        refusal: StripeError | None = None
        for alternative in self.alternatives:
            try:
                return alternative.read(value, path)
            except StripeError as error:
                refusal = refusal if refusal is not None and isinstance(value, str) else error
        raise refusal or invalid("Invalid value", path, stored=False)


@dataclass(frozen=True)
class Accepted(Kind):
    """Stripe's parameter, taken in any shape and without effect here: looks, languages, hints to a bank."""

    def read(self, value: Any, path: str) -> Any:
        return value


@dataclass(frozen=True)
class Absent(Kind):
    """Stripe's parameter the simulator leaves out; switching it off explicitly is fine."""

    def read(self, value: Any, path: str) -> None:
        if value in ("", "false", {"enabled": "false"}):
            return
        raise not_simulated(path)

    def parse(self, value: Any, path: str) -> None:
        self.read(value, path)


@dataclass(frozen=True)
class Fields(Kind):
    """A group of named parameters, some of them required."""

    names: dict[str, Kind] = field(default_factory=dict)
    required: tuple[str, ...] = ()

    def parse(self, value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise invalid("Invalid object", path, "parameter_invalid_object" if path else None, stored=False)
        for name in value:
            if name not in self.names:
                raise _unknown(_join(path, name), name)
        for name in self.required:
            if name not in value:
                error = missing_parameter(_join(path, name))
                error.stored = False
                raise error
        return {name: self.names[name].read(item, _join(path, name)) for name, item in value.items()}


def fields(*required: str, **names: Kind) -> Fields:
    """A group of named parameters; ``required`` names those that must be there."""
    return Fields(names, required)


def _join(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name


def _unknown(path: str, name: str) -> StripeError:
    code = REMOVED_CODES.get(name, "parameter_unknown")
    return invalid(f"Received unknown parameter: {path[:120]}", path[:120], code, stored=False)


def _empty(path: str) -> StripeError:
    message = (
        f"You passed an empty string for '{path}'. We assume empty values are an attempt to unset a parameter; however "
        f"'{path}' cannot be unset. You should remove '{path}' from your request or supply a non-empty value."
    )
    return invalid(message, path, "parameter_invalid_empty", stored=False)


TIMESTAMP = Integer(0, 99_999_999_999)
CREATED = Either((fields(gt=TIMESTAMP, gte=TIMESTAMP, lt=TIMESTAMP, lte=TIMESTAMP), TIMESTAMP))
EXPAND = {"expand": Many(Text(200), 20)}
PAGING: dict[str, Kind] = {"limit": Integer(1, 100), "starting_after": Text(), "ending_before": Text(), **EXPAND}
POSTAL_ADDRESS = fields(
    city=Text(clearable=True),
    country=Text(clearable=True),
    line1=Text(clearable=True),
    line2=Text(clearable=True),
    postal_code=Text(clearable=True),
    state=Text(clearable=True),
)
CURRENCY = Text(3)
INTERVAL = choice("day", "week", "month", "year")
