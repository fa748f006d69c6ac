"""Requests made up from the gateway's own description, sane and insane: never a server error."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

from stereocast.runtime.address import Address
from tests.strip_stream import StripServer
from tests.web_gateway.conftest import Serve

ENDLESS = "/preview.mjpeg"
UNAVAILABLE = 503
"""Said where there is no picture; an answer, not a failure."""


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
def test_no_made_up_request_is_a_server_error(
    serve: Serve, address: Address, mode: schemathesis.GenerationMode
) -> None:
    with StripServer(address, frames=1_000_000):
        gateway = serve()
        schema = schemathesis.openapi.from_dict(gateway.http.get("/openapi.json").json())
        is_negative, tried = mode is schemathesis.GenerationMode.NEGATIVE, 0
        for found in schema.get_all_operations():
            operation = found.ok()
            takes_anything = operation.query or operation.body
            if operation.path == ENDLESS or (
                mode is schemathesis.GenerationMode.NEGATIVE and not takes_anything
            ):
                continue

            @given(case=operation.as_strategy(generation_mode=mode))
            @settings(
                max_examples=60,
                deadline=None,
                database=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            )
            def ask(case: schemathesis.Case) -> None:
                answer = case.call(base_url=gateway.origin, timeout=15)
                assert answer.status_code < 500 or answer.status_code == UNAVAILABLE, answer.text

            ask()
            tried += 1
        assert tried >= (4 if is_negative else 8)


@pytest.mark.slow
@pytest.mark.parametrize(
    "query",
    ["view=", "view=left&view=depth", "view=%00", "fps=nan", "fps=inf", "fps=-1", "fps=1e9"],
)
def test_nonsense_for_the_moving_preview_is_refused(
    serve: Serve, address: Address, query: str
) -> None:
    with (
        StripServer(address, frames=1_000_000),
        serve().http.stream("GET", f"{ENDLESS}?{query}") as answer,
    ):
        assert answer.status_code in (200, 422)
        assert answer.status_code == 422 or query == "view=left&view=depth"
