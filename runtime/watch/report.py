"""What a viewer says when it is done: sentences for a person, a map for a program.

Reads a finished session; prints nothing and writes no file.
"""

from __future__ import annotations

from stereocast.engine.layout import Layout
from stereocast.runtime.barcode import strip_size
from stereocast.runtime.clock import MAX_ERROR_SHARE, SAME_CLOCK
from stereocast.runtime.latency import StageAccount, report
from stereocast.runtime.machine import facts
from stereocast.runtime.watch.measure import StripCounts
from stereocast.runtime.watch.outputs import Measure
from stereocast.runtime.watch.session import WatchSession

SCHEMA = "stereocast.watch/1"


def drops(session: WatchSession) -> dict[str, int]:
    """Return the frames that were not shown, by cause; the four are disjoint.

    skipped  never sent by the server    damaged  broken on the way
    desync   built upon one that is missing here    decode  refused by the decoder
    """
    counts = session.counts
    return {
        "skipped": counts.skipped,
        "damaged": session.client.damaged,
        "desync": counts.desync,
        "decode": counts.decode,
    }


def honest_account(session: WatchSession) -> StageAccount:
    """Return the stages whose durations the clocks can tell.

    `receive` goes from one machine's clock to the other's; where the clocks' error exceeds a
    quarter of its median it is left out.
    """
    account = StageAccount()
    account.merge(session.account)
    clock = session.clock() or SAME_CLOCK
    receive = account.stages.get("receive")
    if receive and clock.error_ns > MAX_ERROR_SHARE * receive.percentile_ns(50):
        del account.stages["receive"]
    return account


def to_json(session: WatchSession, measure: Measure | None) -> dict[str, object]:
    """Return the machine-readable report."""
    welcome, clock = session.client.welcome, session.clock()
    values: dict[str, object] = {
        "schema": SCHEMA,
        "machine": facts(),
        "config": {
            "address": session.client.address.url,
            "codec": welcome.codec_string,
            "width": welcome.w,
            "height": welcome.h,
            "layout": welcome.layout,
            "stream_fps": welcome.fps,
        },
    }
    values |= report(
        honest_account(session),
        frames_in=session.counts.received + session.client.damaged,
        frames_out=session.counts.shown,
        drops=drops(session),
        fps=session.fps(),
    )
    values["clock_err_us"] = clock.error_ns / 1000 if clock else None
    values["frames_of_unknown_age"] = session.untold_ages
    values["key_requests"] = session.counts.key_requests
    if measure is not None:
        values["strips"] = measure.strips.report()
        values["sound"] = measure.sound.report() if welcome.audio else None
    return values


def summary(session: WatchSession) -> str:
    """Say in one line what was watched and what was lost."""
    lost = drops(session)
    return (
        f"{session.counts.shown} frames shown at {session.fps():.1f} fps; "
        f"{lost['skipped']} skipped by the server, {lost['damaged']} damaged, "
        f"{lost['desync']} without their reference, {lost['decode']} decode errors"
    )


def strip_sentence(session: WatchSession, strips: StripCounts) -> str:
    """Say what the latency strips proved, or what to do so that they can."""
    welcome = session.client.welcome
    layout = Layout(welcome.layout)
    if strips.total == 0:
        return "latency strip: no picture came"
    if not layout.keeps_both_eyes:
        return f"latency strip: none, because {layout} does not keep both eyes"
    eye = layout.eye_boxes(welcome.h, welcome.w)[0]
    height, width = strip_size(eye.height)
    if eye.height < height or eye.width < width:
        return (
            f"latency strip: it needs {width}×{height} pixels in each eye, these have "
            f"{eye.width}×{eye.height}; stream larger pictures"
        )
    if strips.unreadable == strips.total:
        return "latency strip: in no picture; start the server with --latency-strip"
    return (
        f"latency strip: {strips.proven} of {strips.total} pictures proven in both eyes; "
        f"{strips.unreadable} unreadable, {strips.wrong_picture} wrong pictures, "
        f"{strips.swapped_eyes} swapped eyes"
    )


def clock_sentence(session: WatchSession) -> str | None:
    """Say why an age is missing; None where all are known."""
    if not session.untold_ages:
        return None
    clock = session.clock()
    error = f"known to ±{clock.error_ns / 1e6:.2f} ms only" if clock else "not known yet"
    return (
        f"{session.untold_ages} frames have no one-way latency: the server's clock is {error}, "
        "more than a quarter of it"
    )
