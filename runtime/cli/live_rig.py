"""Builds what `stereocast live` makes packets with: for the first frame, and for every new size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from weakref import WeakKeyDictionary

from stereocast.engine.layout import Layout
from stereocast.engine.session import Session
from stereocast.engine.stereo import controls
from stereocast.runtime import wire
from stereocast.runtime.cli.outcome import say
from stereocast.runtime.cli.sessions import depth_files, open_session
from stereocast.runtime.config import Config
from stereocast.runtime.depth import open_depth
from stereocast.runtime.encode.probe import (
    GPU_LADDER,
    LADDER,
    EncoderChoice,
    EncoderSettings,
    choose_encoder,
)
from stereocast.runtime.ladder import RUNGS, Rung
from stereocast.runtime.rig import Rig
from stereocast.runtime.source import SourceInfo

_PATCH = 14  # pixels of a grid that transformers see as one


def lightened(config: Config, rung: Rung) -> Config:
    """Return the settings with what a rung gives up left out."""
    stereo = config.stereo
    if rung.simple_fill:
        stereo = replace(stereo, fill_level=1, memory=False)
    depth = config.depth
    height, width = (_on_grid(side * rung.grid_share) for side in (depth.height, depth.width))
    if rung.grid_share < 1:
        depth = replace(depth, height=height, width=width)
    return replace(config, stereo=stereo, depth=depth)


def _on_grid(side: float) -> int:
    """Return the nearest side that every network takes."""
    return max(_PATCH, _PATCH * round(side / _PATCH))


class SessionShop:
    """Builds sessions for one stream, on any rung of the ladder.

    rung, stages_report  of the newest session
    """

    def __init__(self, config: Config, layout: Layout) -> None:
        self.stages_report: dict[str, object] = {}
        self.rung = RUNGS[0]
        self._config = config
        self._layout = layout
        self._rungs: WeakKeyDictionary[Session, Rung] = WeakKeyDictionary()

    def session(self, frame_size: tuple[int, int], rung: Rung) -> Session:
        """Build a session that does as much as a rung of the ladder allows."""
        self.rung = rung
        config = lightened(self._config, rung)
        opened = open_session(frame_size, config, self._layout, keyed=rung.depth_every > 1)
        self.stages_report = opened.report()
        self._rungs[opened.session] = rung
        return opened.session

    def foresee(self, session: Session, rungs: Sequence[Rung]) -> None:
        """Export now what the networks of these rungs are run from, where the CPU runs them.

        An export takes seconds of whole cores: a stream that asks for it to keep up would stall.
        """
        if session.on_gpu:
            return
        grids = {lightened(self._config, rung).depth for rung in rungs} - {self._config.depth}
        for depth in grids:
            open_depth(depth, session.frame_size, depth_files(self._config.threads.networks))

    def rung_of(self, session: Session) -> Rung:
        """Return the rung that one of its sessions was built for."""
        return self._rungs[session]


class Workshop(SessionShop):
    """Builds rigs for one stream.

    encoder_description  of the newest rig, for people
    """

    def __init__(
        self, info: SourceInfo, config: Config, layout: Layout, audio: wire.Audio | None = None
    ) -> None:
        super().__init__(config, layout)
        self.encoder_description = ""
        self._info = info
        self._left_out: tuple[str, ...] = ()
        self._tried: tuple[str, ...] = ()
        self._audio = audio

    def build(
        self, frame_size: tuple[int, int], *, session: Session | None = None, lower: bool = False
    ) -> Rig:
        """Build the session, and the first encoder that really works here; see `RigBuilder`."""
        if lower:
            self._left_out += self._tried
            say([f"{self._tried[-1]} failed again and is left out: {self.encoder_description}"])
        config, layout = self._config, self._layout
        session = session or self.session(frame_size, self.rung)
        height, width = layout.packed_size(*frame_size)
        ladder = GPU_LADDER if session.on_gpu else LADDER
        wanted = ladder if config.live.codec == "auto" else (config.live.codec,)
        names = [name for name in wanted if name not in self._left_out]
        choice = choose_encoder(
            names,
            width=width,
            height=height,
            fps=self._info.fps,
            settings=EncoderSettings(
                config.x264, config.jpeg, config.threads.encode, layout, config.nvenc
            ),
        )
        say(f"{result.name} does not work here: {result.detail}" for result in choice.refused)
        self.encoder_description = choice.encoder.description
        self._tried = (*(result.name for result in choice.refused), choice.name)
        return Rig(session, choice.encoder, self._describe(session, choice, (height, width)))

    def _describe(
        self, session: Session, choice: EncoderChoice, packed: tuple[int, int]
    ) -> wire.Stream:
        """Return what viewers must know to decode, show and steer the stream."""
        info = self._info
        return wire.Stream(
            codec=choice.encoder.codec,
            codec_string=choice.encoder.codec_string,
            w=packed[1],
            h=packed[0],
            layout=str(session.layout),
            fps=info.fps,
            can_seek=info.seekable_ns is not None,
            duration_s=None if info.seekable_ns is None else info.seekable_ns / 1e9,
            live=info.live,
            controls=asdict(session.controls),
            ranges=controls.ranges(),
            audio=self._audio,
        )
