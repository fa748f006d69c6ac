"""Under which addresses and names other machines of the network find this one."""

from __future__ import annotations

import fcntl
import ipaddress
import re
import socket
import struct

_SIOCGIFADDR = 0x8915
_REQUEST = struct.Struct("256s")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def lan_addresses() -> list[str]:
    """Return this machine's IPv4 addresses but loopback; the one of the default route comes first.

    Only the first address of each interface is found.
    """
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
