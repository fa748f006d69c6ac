"""What both ends of a stream do alike with a ZeroMQ socket: notice dead peers, read with bounds."""

from __future__ import annotations

import zmq

HEARTBEAT_INTERVAL_MS = 500
HEARTBEAT_TIMEOUT_MS = 2000
HEARTBEAT_TTL_MS = 3000
HANDSHAKE_TIMEOUT_MS = 3000


def set_common_options(socket: zmq.Socket[bytes], *, max_part_bytes: int) -> None:
    """Make a socket notice dead peers, refuse long parts and never wait when it closes.

    IMMEDIATE stays off: with it a socket that loses its peer throws away what it has not read yet,
    and that is the end of the stream.
    """
    options = {
        zmq.LINGER: 0,
        zmq.HEARTBEAT_IVL: HEARTBEAT_INTERVAL_MS,
        zmq.HEARTBEAT_TIMEOUT: HEARTBEAT_TIMEOUT_MS,
        zmq.HEARTBEAT_TTL: HEARTBEAT_TTL_MS,
        zmq.HANDSHAKE_IVL: HANDSHAKE_TIMEOUT_MS,
        zmq.TCP_KEEPALIVE: 1,
        zmq.MAXMSGSIZE: max_part_bytes,
        zmq.IPV6: 1,
    }
    for option, value in options.items():
        socket.setsockopt(option, value)


def receive_parts(socket: zmq.Socket[bytes], max_parts: int) -> list[bytes]:
    """Take one waiting message without blocking; parts beyond max_parts are thrown away.

    The result then still has max_parts + 1 parts, so that its reader sees there were too many.
    Raises zmq.Again if nothing waits.
    """
    parts = [socket.recv(zmq.NOBLOCK)]
    while socket.getsockopt(zmq.RCVMORE):
        part = socket.recv(zmq.NOBLOCK)
        if len(parts) <= max_parts:
            parts.append(part)
    return parts
