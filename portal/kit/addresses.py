"""Which network addresses a request on behalf of a stranger may reach."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """True for an address of the public internet.

    False for loopback, private, link-local (cloud metadata), shared, multicast, reserved and unspecified ones, also
    when they hide inside an IPv6 form that carries an IPv4 address (mapped, 6to4, NAT64, Teredo), and for text that
    is no address.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    carried = _carried(found) if isinstance(found, IPv6Address) else []
    return all(_is_plain_public(each) for each in (found, *carried))


def _is_plain_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and (address.ipv4_mapped or address in _NAT64):
        return True  # judged by the IPv4 address inside
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _carried(address: IPv6Address) -> list[IPv4Address]:
    if address in _NAT64:
        return [IPv4Address(int(address) & 0xFFFFFFFF)]
    return [inner for inner in (address.ipv4_mapped, address.sixtofour, *(address.teredo or ())) if inner]
