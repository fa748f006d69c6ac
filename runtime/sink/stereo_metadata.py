"""Tell players how both eyes share a file's pictures: Matroska's StereoMode, MP4's st3d and sv3d.

FFmpeg writes the first from a metadata entry; the boxes it does not write for H.264, so they are
put into the finished file here. What is said of each layout is stereo_tags.py. Imports no torch.
Source: Matroska elements (StereoMode), Google's Spherical Video V2 RFC (st3d, sv3d: svhd, proj with
prhd and equi), ISO/IEC 14496-12.
"""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from stereocast.engine.errors import EncodeError
from stereocast.engine.layout import Layout
from stereocast.runtime.stereo_tags import tags

_WRITER = b"stereocast\0"
_QUARTER = 1 << 30  # of the whole panorama, as a fraction of 2³²
_VISUAL_ENTRIES = frozenset({b"avc1", b"avc3", b"hvc1", b"hev1", b"av01", b"mp4v"})
_VISUAL_ENTRY_FIELDS = 78  # bytes between a visual sample entry's header and its first child box
_LARGEST_MOOV = 1 << 30


@dataclass(frozen=True)
class _Box:
    """One box: data[start:end] with its header, of 8 or 16 bytes, and its content from `body`."""

    kind: bytes
    start: int
    body: int
    end: int


def matroska_stereo_mode(layout: Layout) -> dict[str, str]:
    """Return stream metadata from which FFmpeg's Matroska muxer writes StereoMode."""
    mode = tags(layout).matroska
    return {} if mode is None else {"stereo_mode": mode}


def mark_stereo(path: Path, layout: Layout) -> None:
    """Say in the video track of a finished MP4 or MOV file how its eyes are arranged.

    Layouts that MP4 has no word for leave the file as it is. It is changed in place, or replaced
    when the index stands before the pictures, and untouched when EncodeError is raised: when its
    structure is not one this function understands.
    """
    if tags(layout).st3d is None:
        return
    try:
        with path.open("r+b") as file:
            moov, end = _find_moov(file)
            pictures_follow = _find(file, moov.end, end, b"mdat") is not None
            file.seek(moov.start)
            index = file.read(moov.end - moov.start)
            grown = with_stereo_boxes(
                index, layout, shift_from=moov.end if pictures_follow else None
            )
            if pictures_follow:
                _replace(path, file, moov, grown)
            else:
                tail = file.read()
                file.seek(moov.start)
                file.write(grown + tail)
                file.truncate()
    except (OSError, ValueError) as error:
        raise EncodeError(f"{path.name}: cannot be marked as {layout} ({error}).") from error


def stereo_boxes(layout: Layout) -> dict[bytes, bytes]:
    """Return the boxes that a visual sample entry needs for this layout, by their kind."""
    said = tags(layout)
    if said.st3d is None:
        return {}
    boxes = {b"st3d": _box(b"st3d", struct.pack(">IB", 0, said.st3d))}
    if said.is_half_sphere:
        # The panorama is cropped to the middle half of its width, and level: 180° by 180°.
        bounds = _box(b"equi", struct.pack(">5I", 0, 0, 0, _QUARTER, _QUARTER))
        pose = _box(b"prhd", struct.pack(">I3i", 0, 0, 0, 0))
        writer = _box(b"svhd", struct.pack(">I", 0) + _WRITER)
        boxes[b"sv3d"] = _box(b"sv3d", writer + _box(b"proj", pose + bounds))
    return boxes


def with_stereo_boxes(moov: bytes, layout: Layout, *, shift_from: int | None) -> bytes:
    """Return a moov box whose video track carries the boxes of this layout.

    shift_from  chunk offsets from this one on grow with the box; None when no chunk moves
    Raises ValueError when there is not exactly one video track with one known sample entry.
    """
    box = next(_boxes(moov, 0, len(moov)), None)
    if box is None or box.kind != b"moov":
        raise ValueError("the index is not a moov box")
    if _child(moov, box, b"mvex"):
        raise ValueError("fragmented files are not supported")
    tracks = [track for track in _boxes(moov, box.body, box.end) if track.kind == b"trak"]
    videos = [track for track in tracks if _handler(moov, track) == b"vide"]
    if len(videos) != 1:
        raise ValueError(f"{len(videos)} video tracks where one was expected")
    parents = [box, videos[0]]
    for kind in (b"mdia", b"minf", b"stbl", b"stsd"):
        parents.append(_required(moov, parents[-1], kind))
    entries = list(_boxes(moov, parents[-1].body + 8, parents[-1].end))
    if len(entries) != 1 or entries[0].kind not in _VISUAL_ENTRIES:
        raise ValueError(f"unexpected sample entries {[entry.kind for entry in entries]}")
    parents.append(entries[0])
    first_child = entries[0].body + _VISUAL_ENTRY_FIELDS
    if first_child > entries[0].end:
        raise ValueError("the sample entry breaks off")
    result = bytearray(moov)
    children = list(_boxes(moov, first_child, entries[0].end))
    wanted = stereo_boxes(layout)
    for child in children:
        if child.kind in wanted:
            result[child.start : child.end] = _same_size(child, wanted.pop(child.kind))
    added = b"".join(wanted.values())
    if shift_from is not None and added:
        for track in tracks:
            _shift_chunks(result, track, shift_from, len(added))
    for parent in parents:
        _grow(result, parent, len(added))
    # After the last child: QuickTime may end the entry with four zero bytes that are no box.
    place = children[-1].end if children else first_child
    result[place:place] = added
    return bytes(result)


def _same_size(old: _Box, new: bytes) -> bytes:
    if old.end - old.start != len(new):
        raise ValueError(f"its {old.kind.decode()} box has an unknown form")
    return new


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _boxes(data: bytes | bytearray, start: int, end: int) -> Iterator[_Box]:
    while end - start >= 8:
        size, kind = struct.unpack_from(">I4s", data, start)
        if size == 0 and kind == b"\0\0\0\0":
            return  # QuickTime's terminator
        body = start + 8
        if size == 1:
            if end - start < 16:
                raise ValueError("a box header breaks off")
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        elif size == 0:
            size = end - start
        if size < body - start or start + size > end:
            raise ValueError(f"box {kind!r} does not fit into the one around it")
        yield _Box(kind, start, body, start + size)
        start += size


def _child(data: bytes | bytearray, parent: _Box, kind: bytes) -> _Box | None:
    return next((box for box in _boxes(data, parent.body, parent.end) if box.kind == kind), None)


def _required(data: bytes | bytearray, parent: _Box, kind: bytes) -> _Box:
    child = _child(data, parent, kind)
    if child is None:
        raise ValueError(f"no {kind.decode()} box")
    return child


def _handler(data: bytes, track: _Box) -> bytes:
    box = _required(data, _required(data, track, b"mdia"), b"hdlr")
    return bytes(data[box.body + 8 : box.body + 12])


def _grow(data: bytearray, box: _Box, by: int) -> None:
    (size,) = struct.unpack_from(">I", data, box.start)
    if size == 1:
        struct.pack_into(">Q", data, box.start + 8, box.end - box.start + by)
    elif size:  # zero means up to the end, which grows by itself
        if size + by >= 1 << 32:
            raise ValueError(f"box {box.kind!r} would outgrow its size field")
        struct.pack_into(">I", data, box.start, size + by)


def _shift_chunks(data: bytearray, track: _Box, shift_from: int, by: int) -> None:
    table = _required(data, _required(data, track, b"mdia"), b"minf")
    table = _required(data, table, b"stbl")
    for box in _boxes(data, table.body, table.end):
        if box.kind not in (b"stco", b"co64"):
            continue
        if box.end - box.body < 8:
            raise ValueError("the chunk table breaks off")
        (count,) = struct.unpack_from(">I", data, box.body + 4)
        letter, width = ("I", 4) if box.kind == b"stco" else ("Q", 8)
        if box.body + 8 + count * width > box.end:
            raise ValueError("the chunk table breaks off")
        form = f">{count}{letter}"
        offsets = struct.unpack_from(form, data, box.body + 8)
        moved = [at + by if at >= shift_from else at for at in offsets]
        if box.kind == b"stco" and max(moved, default=0) >= 1 << 32:
            raise ValueError("a chunk would lie beyond its 32-bit offset")
        struct.pack_into(form, data, box.body + 8, *moved)


def _top_level(file: BinaryIO, start: int, end: int) -> Iterator[_Box]:
    while end - start >= 8:
        file.seek(start)
        head = file.read(16)
        size, kind = struct.unpack_from(">I4s", head)
        body = start + 8
        if size == 1 and len(head) == 16:
            (size,) = struct.unpack_from(">Q", head, 8)
            body += 8
        elif size == 0:
            size = end - start
        if size < body - start or start + size > end:
            raise ValueError(f"box {kind!r} does not fit into the file")
        yield _Box(kind, start, body, start + size)
        start += size


def _find(file: BinaryIO, start: int, end: int, kind: bytes) -> _Box | None:
    return next((box for box in _top_level(file, start, end) if box.kind == kind), None)


def _find_moov(file: BinaryIO) -> tuple[_Box, int]:
    end = file.seek(0, os.SEEK_END)
    moov = _find(file, 0, end, b"moov")
    if moov is None:
        raise ValueError("no moov box")
    if moov.end - moov.start > _LARGEST_MOOV:
        raise ValueError("the index is larger than 1 GiB")
    return moov, end


def _replace(path: Path, file: BinaryIO, moov: _Box, grown: bytes) -> None:
    copy = path.with_name(f"{path.name}.st3d")
    try:
        with copy.open("wb") as target:
            file.seek(0)
            target.write(file.read(moov.start))
            target.write(grown)
            file.seek(moov.end)
            shutil.copyfileobj(file, target, 1 << 20)
        os.replace(copy, path)
    finally:
        copy.unlink(missing_ok=True)
