"""What a person needs to get in: the address and its QR code. Owns segno."""

from __future__ import annotations

import io

import segno


def url_of(scheme: str, host: str, port: int, token: str | None) -> str:
    """Return the page's address; the token travels in the fragment, which browsers never send."""
    place = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/"
    return f"{place}#token={token}" if token else place


def qr_lines(text: str) -> list[str]:
    """Draw a QR code with half blocks, for terminals with light letters on dark ground."""
    drawn = io.StringIO()
    segno.make(text, error="l", micro=False).terminal(drawn, border=2, compact=True)
    return drawn.getvalue().rstrip("\n").split("\n")
