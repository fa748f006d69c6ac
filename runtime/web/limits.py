"""How much the gateway grants: viewers, connections, bytes, seconds. Nothing else."""

from __future__ import annotations

from dataclasses import dataclass

MAX_CREDIT = 8
"""What a viewer may have under way; the engine caps it likewise."""


@dataclass(frozen=True)
class GatewayLimits:
    """Bounds that keep a hostile or broken browser from disturbing the stream."""

    max_viewers: int = 8
    """WebSockets that may watch at once; the next one is closed with code 1013."""
    max_previews: int = 8
    """Open /preview.mjpeg answers; they share one decoder."""
    max_connections: int = 96
    """TCP connections of any kind; further ones are dropped before a byte is read."""
    max_message_bytes: int = 4096
    max_messages_per_s: float = 200.0
    max_body_bytes: int = 4096
    max_header_bytes: int = 16384
    request_within_s: float = 10.0
    """A connection that has not finished its request by then is dropped."""
    keep_alive_s: int = 10
    send_within_s: float = 10.0
    """A browser that takes nothing for so long is hung up on."""
