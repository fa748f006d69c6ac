"""Who is let in: hosts, origins, tokens, cookies."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stereocast.runtime.web.access import COOKIE, SESSION_S, Access, OneTimeToken, Sessions

HERE = Access(["Stereo.local", "192.168.1.5"], scheme="https", sessions=None)


@pytest.mark.parametrize(
    "host", ["stereo.local:8443", "STEREO.LOCAL", "192.168.1.5:1", "localhost", "[::1]:8443"]
)
def test_known_hosts_are_served(host: str) -> None:
    assert HERE.refusal(host, None, "", "") == ""
    assert HERE.refusal(host, f"https://{host}", "same-origin", "cors") == ""


@pytest.mark.parametrize(
    "host",
    [
        "", "evil.example", "evil.example:8443", "192.168.1.6", "stereo.local.evil.example",
        "stereo.local@evil.example", "evil.example#stereo.local", "stereo.local:99999",
        "stereo.local:0", "[::1", "localhost/x",
    ],
)  # fmt: skip
def test_rebound_and_nonsense_hosts_are_refused(host: str) -> None:
    assert "Host is not served" in HERE.refusal(host, None, "", "")


@pytest.mark.parametrize(
    "origin",
    [
        "null", "", "https://evil.example", "http://stereo.local:8443", "https://stereo.local:8444",
        "https://stereo.local", "https://stereo.local:8443.evil.example",
    ],
)  # fmt: skip
def test_foreign_origins_are_refused(origin: str) -> None:
    assert "other sites" in HERE.refusal("stereo.local:8443", origin, "", "")


def test_other_sites_may_link_here_but_not_embed() -> None:
    assert HERE.refusal("localhost", None, "cross-site", "navigate") == ""
    assert HERE.refusal("localhost", None, "none", "navigate") == ""
    assert "embedded" in HERE.refusal("localhost", None, "cross-site", "no-cors")
    assert "embedded" in HERE.refusal("localhost", None, "same-site", "no-cors")


def test_a_token_makes_one_session_and_is_replaced() -> None:
    token = OneTimeToken()
    first = token.text
    assert not token.redeem("wrong")
    assert not token.redeem("")
    assert not token.redeem("é")
    assert token.text == first
    assert token.redeem(first)
    assert token.text != first
    assert not token.redeem(first)


def test_a_cookie_is_valid_until_its_time_and_only_with_its_secret() -> None:
    sessions = Sessions(b"a" * 32)
    access = Access([], scheme="https", sessions=sessions)
    value = sessions.issue(1000)
    assert access.is_session(f"other=1; {COOKIE}={value}", 1000 + SESSION_S - 1)
    assert not access.is_session(f"{COOKIE}={value}", 1000 + SESSION_S)
    assert not access.is_session("", 1000)
    assert not Sessions(b"b" * 32).accepts(value, 1000)
    assert Sessions(b"a" * 32).accepts(value, 1000)  # the gateway began anew
    name, expiry, signature = value.split(".")
    assert not sessions.accepts(f"{name}.{int(expiry) + 1}.{signature}", 1000)


@settings(max_examples=50, deadline=None)
@given(st.text())
def test_no_made_up_cookie_is_a_session(value: str) -> None:
    access = Access([], scheme="https", sessions=Sessions(b"a" * 32))
    assert not access.is_session(f"{COOKIE}={value}", 0)
    assert not access.is_session(value, 0)
