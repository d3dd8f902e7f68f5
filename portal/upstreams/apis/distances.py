"""Distances on the earth and geohashes: pure arithmetic."""

from __future__ import annotations

from math import asin, atan2, cos, degrees, radians, sin, sqrt
from typing import Any

from portal.upstreams.describing import Answer, Api, Asked, param, said

API = Api(
    "distances",
    "Distances",
    "1.2.0",
    "How far apart two places are, which way to go, and which of many is nearest.",
    """
    Great-circle distances on a sphere of the earth's mean radius, right to about half a percent, and geohashes for
    grouping and looking up places. Roads and hills are not considered.
    """,
    {"Places": "Two places or many.", "Geohash": "Cells that stand for places."},
)
_RADIUS_KM = 6_371.0088
_ALPHABET = "0123456789bcdefghjkmnpqrstuvwxyz"


def _latitude(name: str, example: float) -> Any:
    return param(f"{name}, degrees north.", example, ge=-90, le=90)


def _longitude(name: str, example: float) -> Any:
    return param(f"{name}, degrees east.", example, ge=-180, le=180)


class Place(Asked):
    latitude: float = _latitude("Latitude", 53.5503)
    longitude: float = _longitude("Longitude", 9.992)


class Named(Place):
    name: str = param("What the place is called.", "Hamburg", max_length=80)


class Pair(Asked):
    from_latitude: float = _latitude("Latitude of the start", 53.5503)
    from_longitude: float = _longitude("Longitude of the start", 9.992)
    to_latitude: float = _latitude("Latitude of the end", 38.7078)
    to_longitude: float = _longitude("Longitude of the end", -9.1366)


class Distance(Answer):
    """How far and which way."""

    kilometres: float
    miles: float
    nautical_miles: float
    bearing: float = said("Direction at the start, degrees clockwise from north.")


class NearestQuestion(Asked):
    latitude: float = _latitude("Latitude of the customer", 52.52)
    longitude: float = _longitude("Longitude of the customer", 13.405)
    places: list[Named] = param(
        "Up to 1,000 places.",
        [
            {"name": "Hamburg", "latitude": 53.5503, "longitude": 9.992},
            {"name": "Leipzig", "latitude": 51.3397, "longitude": 12.3731},
        ],
        min_length=1,
        max_length=1_000,
    )


class Ranked(Answer):
    """A place and how far it is."""

    name: str
    kilometres: float


class Nearest(Answer):
    """The places, the nearest first."""

    places: list[Ranked]


class CellQuestion(Place):
    length: int = param("Letters of the geohash: 5 is a town, 9 a house.", 7, 9, ge=1, le=12)


class Cell(Answer):
    """A cell and its size."""

    geohash: str
    height_metres: float
    width_metres: float


@API.get("/v1/distance", "Places")
def distance(asked: Pair) -> Distance:
    """Distance between two places."""
    start, end = (asked.from_latitude, asked.from_longitude), (asked.to_latitude, asked.to_longitude)
    far = _kilometres(start, end)
    return Distance(
        kilometres=round(far, 3),
        miles=round(far / 1.609344, 3),
        nautical_miles=round(far / 1.852, 3),
        bearing=round(_bearing(start, end), 1),
    )


@API.post("/v1/nearest", "Places")
def nearest(asked: NearestQuestion) -> Nearest:
    """Order places by distance.

    For "which shop is nearest": one call for the whole list.
    """
    here = (asked.latitude, asked.longitude)
    far = [(_kilometres(here, (each.latitude, each.longitude)), each.name) for each in asked.places]
    return Nearest(places=[Ranked(name=name, kilometres=round(km, 3)) for km, name in sorted(far)])


@API.get("/v1/geohash", "Geohash")
def geohash(asked: CellQuestion) -> Cell:
    """Geohash of a place."""
    spans = [[-180.0, 180.0], [-90.0, 90.0]]
    values = (asked.longitude, asked.latitude)
    number = 0
    for bit in range(asked.length * 5):
        low, high = spans[bit % 2]
        middle = (low + high) / 2
        is_upper = values[bit % 2] >= middle
        spans[bit % 2][not is_upper] = middle
        number = number << 1 | is_upper
    letters = (_ALPHABET[number >> 5 * n & 31] for n in reversed(range(asked.length)))
    metres = [radians(high - low) * _RADIUS_KM * 1_000 for low, high in spans]
    return Cell(
        geohash="".join(letters),
        height_metres=round(metres[1], 2),
        width_metres=round(metres[0] * cos(radians(asked.latitude)), 2),
    )


def _kilometres(start: tuple[float, float], end: tuple[float, float]) -> float:
    """Return the great-circle distance (the haversine formula)."""
    north, south = radians(start[0]), radians(end[0])
    half = sin((south - north) / 2) ** 2 + cos(north) * cos(south) * sin(radians(end[1] - start[1]) / 2) ** 2
    return 2 * _RADIUS_KM * asin(sqrt(min(1.0, half)))


def _bearing(start: tuple[float, float], end: tuple[float, float]) -> float:
    north, south, east = radians(start[0]), radians(end[0]), radians(end[1] - start[1])
    over = cos(north) * sin(south) - sin(north) * cos(south) * cos(east)
    return degrees(atan2(sin(east) * cos(south), over)) % 360
