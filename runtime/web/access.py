"""Who may talk to the gateway: allowed hosts and origins, the one-time token, session cookies.

Pure but for randomness: the time is passed in. What is refused how is runtime/web/gate.py.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

COOKIE = "__Host-stereocast"
"""The prefix makes browsers insist on https, this host and the path /."""
SESSION_S = 7 * 24 * 3600
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_TOKEN_BYTES = 24


class Sessions:
    """Cookies that prove that a token was redeemed; they outlive the gateway, not their time.

    secret  32 random bytes that only this user can read; new ones end all sessions
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def issue(self, now_s: float) -> str:
        """Return the value of a new cookie."""
        body = f"{secrets.token_urlsafe(12)}.{int(now_s) + SESSION_S}"
        return f"{body}.{self._sign(body)}"

    def accepts(self, value: str, now_s: float) -> bool:
        """Return whether this cookie was issued here and is still valid."""
        body, _, signature = value.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(body).encode()):
            return False
        return now_s < int(body.rpartition(".")[2])

    def _sign(self, body: str) -> str:
        return hmac.new(self._secret, body.encode(), hashlib.sha256).hexdigest()


class OneTimeToken:
    """The token of the address that is shown in the terminal; each makes one session."""

    def __init__(self) -> None:
        self.text = secrets.token_urlsafe(_TOKEN_BYTES)

    def redeem(self, text: str) -> bool:
        """Return whether this is the token; if so, another one takes its place."""
        if not hmac.compare_digest(text.encode(), self.text.encode()):
            return False
        self.text = secrets.token_urlsafe(_TOKEN_BYTES)
        return True


class Access:
    """Says what is wrong with a request, if anything.

    hosts     names and addresses under which browsers may ask for this gateway
    scheme    http or https
    sessions  None where nobody needs a cookie: on loopback
    """

    def __init__(self, hosts: Iterable[str], *, scheme: str, sessions: Sessions | None) -> None:
        self.hosts = frozenset(host.lower() for host in hosts) | LOOPBACK_HOSTS
        self.scheme = scheme
        self.sessions = sessions

    def refusal(self, host: str, origin: str | None, fetch_site: str, fetch_mode: str) -> str:
        """Return why a request must not be answered, "" if it may be.

        host, origin, fetch_site, fetch_mode  headers Host, Origin, Sec-Fetch-Site and -Mode

        A foreign Host is DNS rebinding, a foreign Origin another site's script. Programs that are
        no browsers send no Origin.
        """
        if _host_name(host) not in self.hosts:
            return "this Host is not served here; use an address from the terminal"
        if origin is not None and origin.lower() != f"{self.scheme}://{host.lower()}":
            return "requests from other sites are not answered"
        if fetch_site in ("cross-site", "same-site") and fetch_mode != "navigate":
            return "nothing here may be embedded by other sites"
        return ""

    def is_session(self, cookies: str, now_s: float) -> bool:
        """Return whether the Cookie header holds a valid session, or none is needed."""
        if self.sessions is None:
            return True
        try:
            crumb = SimpleCookie(cookies).get(COOKIE)
        except CookieError:
            return False
        return crumb is not None and self.sessions.accepts(crumb.value, now_s)


def _host_name(host: str) -> str:
    """Return the name of a Host header, without port and brackets; "" for nonsense."""
    if any(letter in host for letter in "/@?#\\ "):
        return ""
    try:
        parts = urlsplit(f"//{host}")
        return (parts.hostname or "") if parts.port is None or parts.port else ""
    except ValueError:
        return ""
