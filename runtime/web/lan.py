"""Under which addresses and names other machines of the network find this one."""

from __future__ import annotations

import fcntl
import ipaddress
import re
import socket
import struct
from pathlib import Path

_SIOCGIFADDR = 0x8915
_REQUEST = struct.Struct("256s")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


_INTERFACES = Path("/proc/net/if_inet6")
_GLOBAL_SCOPE = 0
_PASSING = 0x01 | 0x20 | 0x40
"""Flags of addresses that come and go: temporary, deprecated, tentative (linux/if_addr.h)."""


def lan_addresses() -> list[str]:
    """Return this machine's addresses but loopback; the one of the default route comes first.

    Of IPv4 only the first address of each interface is found, of IPv6 those that stay.
    """
    return [*_ipv4_addresses(), *ipv6_addresses(_INTERFACES)]


def ipv6_addresses(listing: Path) -> list[str]:
    """Return the lasting IPv6 addresses in Linux's list of interfaces; none where there is none."""
    if not listing.exists():
        return []
    found = []
    for line in listing.read_text().splitlines():
        digits, _, _, scope, flags, _ = line.split()
        if int(scope, 16) == _GLOBAL_SCOPE and not int(flags, 16) & _PASSING:
            found.append(str(ipaddress.IPv6Address(int(digits, 16))))
    return found


def _ipv4_addresses() -> list[str]:
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Connecting a datagram socket sends nothing; it asks which address would be used.
            probe.connect(("192.0.2.1", 9))
            found.append(str(probe.getsockname()[0]))
        except OSError:
            found.clear()  # no default route: the interfaces below still count
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(probe, _SIOCGIFADDR, _REQUEST.pack(name.encode()[:15]))
            except OSError:
                continue  # an interface without an IPv4 address
            found.append(socket.inet_ntoa(answer[20:24]))
    outside = [address for address in found if not ipaddress.ip_address(address).is_loopback]
    return list(dict.fromkeys(outside))


def lan_names() -> list[str]:
    """Return this machine's host name and its name for multicast DNS, if it has a usable one."""
    name = socket.gethostname().lower().partition(".")[0]
    return [name, f"{name}.local"] if _LABEL.fullmatch(name) and name != "localhost" else []
