"""Time zones, by the IANA database that Python reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from portal.kit.clock import isoformat_z
from portal.upstreams.answers import Fault
from portal.upstreams.describing import Answer, Api, Asked, param, said

API = Api(
    "time-zones",
    "Time Zones",
    "2.0.3",
    "What time it is elsewhere, when the clocks change, and when two offices are both awake.",
    """
    Every zone of the IANA time zone database, with its past and its rules for the coming years. Local times that happen twice
    or never, on the nights when clocks change, are said to be so instead of guessed.
    """,
    {"Time": "An instant in a zone.", "Zones": "Zones and their changes.", "Meetings": "Hours that suit everybody."},
)


class ZonesQuestion(Asked):
    region: str = param("Part of the world the names begin with.", "Europe", "", max_length=30)


class InstantQuestion(Asked):
    zone: str = param("IANA time zone.", "Australia/Lord_Howe", max_length=60)
    at: datetime = param("The instant, with Z or an offset.", "2026-03-10T09:00:00Z")


class LocalQuestion(Asked):
    zone: str = param("IANA time zone.", "Europe/Berlin", max_length=60)
    local: datetime = param("Date and time on the wall there, without offset.", "2026-10-25T02:30:00")


class ChangesQuestion(Asked):
    zone: str = param("IANA time zone.", "America/New_York", max_length=60)
    year: int = param("Year.", 2026, ge=1970, le=2037)


class MeetingQuestion(Asked):
    zones: list[str] = param("2 to 8 time zones.", ["Europe/Lisbon", "Asia/Tokyo"], min_length=2, max_length=8)
    day: str = param("UTC day.", "2026-03-10", pattern=r"^\d{4}-\d{2}-\d{2}$")
    first_hour: int = param("When work begins, local time.", 8, 9, ge=0, le=23)
    last_hour: int = param("When work ends, local time.", 18, 17, ge=1, le=24)


class Zones(Answer):
    """Names of zones."""

    zones: list[str]


class Local(Answer):
    """The time on the wall."""

    zone: str
    local: str
    offset: str = said("Ahead of UTC, as +10:30.")
    abbreviation: str
    is_summer_time: bool


class Instants(Answer):
    """The instants that a local time means: one, two when clocks go back, none when they skip it."""

    zone: str
    local: str
    instants: list[str]


class Change(Answer):
    """A night when clocks change."""

    at: str
    offset_before: str
    offset_after: str


class Changes(Answer):
    """The changes of a year."""

    zone: str
    changes: list[Change]


class Hours(Answer):
    """UTC hours at which everybody is at work."""

    day: str
    hours: list[int]


@API.get("/v1/zones", "Zones")
def list_zones(asked: ZonesQuestion) -> Zones:
    """Names of zones."""
    return Zones(zones=[name for name in _names() if name.startswith(asked.region)])


@API.get("/v1/time", "Time")
def local_time(asked: InstantQuestion) -> Local:
    """Time on the wall at an instant."""
    if asked.at.tzinfo is None:
        raise Fault("`at` needs Z or an offset.")
    local = _shifted(asked.at, _zone(asked.zone))
    return Local(
        zone=asked.zone,
        local=local.replace(tzinfo=None).isoformat(),
        offset=_offset(local),
        abbreviation=local.tzname() or "",
        is_summer_time=bool(local.dst()),
    )


@API.get("/v1/instants", "Time")
def instants(asked: LocalQuestion) -> Instants:
    """Instants that a local time means."""
    if asked.local.tzinfo is not None:
        raise Fault("`local` is a time on the wall, without Z or an offset.")
    zone = _zone(asked.zone)
    meant = {_shifted(asked.local.replace(tzinfo=zone, fold=fold), UTC) for fold in (0, 1)}
    real = sorted(each for each in meant if _shifted(each, zone).replace(tzinfo=None) == asked.local)
    return Instants(zone=asked.zone, local=asked.local.isoformat(), instants=[isoformat_z(each) for each in real])


@API.get("/v1/changes", "Zones")
def clock_changes(asked: ChangesQuestion) -> Changes:
    """When the clocks change in a year."""
    zone = _zone(asked.zone)
    start = datetime(asked.year, 1, 1, tzinfo=UTC)
    hours = [start + timedelta(hours=n) for n in range(366 * 24)]
    found = [
        Change(at=isoformat_z(after), offset_before=_offset(was), offset_after=_offset(now))
        for before, after in pairwise(hours)
        if (was := before.astimezone(zone)).utcoffset() != (now := after.astimezone(zone)).utcoffset()
    ]
    return Changes(zone=asked.zone, changes=found)


@API.post("/v1/meetings", "Meetings")
def find_meeting(asked: MeetingQuestion) -> Hours:
    """Hours that suit everybody.

    Returns the UTC hours of a day that lie within working hours in every zone.
    """
    try:
        start = datetime.fromisoformat(asked.day).replace(tzinfo=UTC)
    except ValueError:
        raise Fault("`day` must be a date such as 2026-03-10.") from None
    zones = [_zone(name) for name in asked.zones]
    suit = [
        hour
        for hour in range(24)
        if all(
            asked.first_hour <= _shifted(start + timedelta(hours=hour), zone).hour < asked.last_hour for zone in zones
        )
    ]
    return Hours(day=asked.day, hours=suit)


@cache
def _names() -> list[str]:
    return sorted(name for name in available_timezones() if "/" in name or name == "UTC")


def _zone(name: str) -> ZoneInfo:
    if name not in _names():
        raise Fault(f"There is no time zone {name}. `/v1/zones` lists them.", 404)
    return ZoneInfo(name)


def _shifted(instant: datetime, zone: tzinfo) -> datetime:
    try:
        return instant.astimezone(zone)
    except OverflowError:
        raise Fault("That is beyond the years 1 to 9999.") from None


def _offset(local: datetime) -> str:
    text = local.strftime("%z")
    return f"{text[:3]}:{text[3:5]}"
