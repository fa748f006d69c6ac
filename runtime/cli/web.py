"""`stereocast web`: a page for headsets and browsers, beside a running stream."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stereocast.engine.errors import ConfigError
from stereocast.runtime.cli.cache import web_folder
from stereocast.runtime.cli.options import CurveOption, SuperviseOption
from stereocast.runtime.cli.signals import stopping_gently
from stereocast.runtime.cli.supervise import Supervisor, without_flag

if TYPE_CHECKING:
    from stereocast.runtime.web.access import OneTimeToken
    from stereocast.runtime.web.certificate import Certificate

DEFAULT_PORT = 8443

PortOption = Annotated[
    int, typer.Option("--port", min=0, max=65535, metavar="PORT", help="0 takes any free one.")
]


def web(
    address: Annotated[
        str,
        typer.Argument(
            metavar="ADDRESS", help="NAME, ipc:///PATH or tcp://HOST:PORT; default: this machine's."
        ),
    ] = "",
    *,
    port: PortOption = DEFAULT_PORT,
    lan: Annotated[
        bool, typer.Option("--lan", help="Let other machines in, with a one-time link.")
    ] = False,
    https: Annotated[
        bool | None,
        typer.Option("--https/--http", help="Default: https with --lan, http without."),
    ] = None,
    cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A certificate of yours, PEM.")
    ] = None,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its key, PEM.")] = None,
    curve: CurveOption = None,
    supervise: SuperviseOption = False,
    until_eof: Annotated[bool, typer.Option("--until-eof", hidden=True)] = False,
) -> None:
    """Show a running stream in headsets and browsers.

    It waits for the stream and comes back when the stream does. Without --lan only this machine
    gets in, over http: browsers treat localhost as safe, also through `adb reverse`. With --lan
    every device needs a link of its own; the terminal shows a fresh one after each use.

    \b
    Examples:
      stereocast web                         the default stream, on this machine
      stereocast web --lan                   for a headset in the same network
      stereocast web --lan --cert c.pem --key k.pem
      stereocast web tcp://10.0.0.5:5570 --curve keys/client
    """
    if supervise:
        raise typer.Exit(Supervisor(without_flag(sys.argv[1:])).run())
    from stereocast.runtime.address import default_folder, parse_address
    from stereocast.runtime.web.access import Access, OneTimeToken, Sessions
    from stereocast.runtime.web.app import GatewayOptions, build
    from stereocast.runtime.web.engine_line import EnginePlace
    from stereocast.runtime.web.lan import lan_addresses, lan_names
    from stereocast.runtime.web.limits import GatewayLimits
    from stereocast.runtime.web.secret import kept_secret
    from stereocast.runtime.web.server import EVERYWHERE, LOOPBACK, GatewayServer, listen

    place = EnginePlace(parse_address(address, folder=default_folder(os.environ)), curve)
    reached = [*lan_addresses(), *lan_names()] if lan else []
    certificate = _certificate(https, lan=lan, pair=(cert, key), names=reached)
    scheme = "https" if certificate else "http"
    if certificate is not None:
        reached += [name for name in certificate.names if name not in reached]
    token = OneTimeToken() if lan else None
    sessions = Sessions(kept_secret(web_folder())) if lan else None
    opened = listen(EVERYWHERE if lan else LOOPBACK, port)
    host = reached[0] if lan and reached else "localhost"
    invite = _Invitation(scheme, host, opened[0].getsockname()[1])
    limits = GatewayLimits()
    options = GatewayOptions(
        place,
        Access(reached, scheme=scheme, sessions=sessions),
        token=token,
        on_redeemed=invite.show_again,
        limits=limits,
    )
    server = GatewayServer(build(options), certificate=certificate, limits=limits)

    def stop() -> None:
        server.should_exit = True

    if until_eof:
        _stop_at_eof(stop)
    invite.show(token, certificate)
    if not until_eof:
        typer.echo(f"shows {place.address.url}, and waits while nobody streams there")
        sys.stdout.flush()
    with stopping_gently(stop):
        server.serve_on(opened)


class _Invitation:
    """Prints how to get in, and again when a link was used."""

    def __init__(self, scheme: str, host: str, port: int) -> None:
        self._scheme, self._host, self._port = scheme, host, port

    def show(self, token: OneTimeToken | None, certificate: Certificate | None) -> None:
        if certificate is not None:
            new = " (new)" if certificate.is_new else ""
            typer.echo(f"certificate SHA-256{new}: {certificate.fingerprint}")
        self._show_link(token, "page at")

    def show_again(self, token: OneTimeToken) -> None:
        self._show_link(token, "that link is used up; the next one is")

    def _show_link(self, token: OneTimeToken | None, words: str) -> None:
        from stereocast.runtime.web.invitation import qr_lines, url_of

        url = url_of(self._scheme, self._host, self._port, token.text if token else None)
        typer.echo(f"{words} {url}")
        if token is not None and sys.stdout.isatty():
            typer.echo("\n".join(qr_lines(url)))
        sys.stdout.flush()


def _certificate(
    https: bool | None, *, lan: bool, pair: tuple[Path | None, Path | None], names: Iterable[str]
) -> Certificate | None:
    """Return the certificate to serve with, None for plain http."""
    from stereocast.runtime.web import certificate
    from stereocast.runtime.web.access import LOOPBACK_HOSTS

    mine, key = pair
    if (mine is None) != (key is None):
        raise ConfigError("--cert and --key belong together; give both or neither")
    if https is False and (lan or mine):
        raise ConfigError(
            "--http would send pictures and links readably, and headsets show no 3D without "
            "https; leave it out, or leave out --lan, --cert and --key"
        )
    if mine is not None and key is not None:
        return certificate.given_certificate(mine, key)
    if not (https or lan):
        return None
    return certificate.own_certificate(
        web_folder(), (*names, *sorted(LOOPBACK_HOSTS)), certificate.now()
    )


def _stop_at_eof(stop: Callable[[], None]) -> None:
    """Stop when whoever holds the other end of standard input is gone."""

    def wait() -> None:
        while sys.stdin.buffer.read(1):
            continue
        stop()

    threading.Thread(target=wait, name="parent", daemon=True).start()
