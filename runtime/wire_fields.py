"""What a field of an SCST/1 message may hold, and the bounded msgpack map that carries the fields.

The messages are in runtime/wire_messages.py. Pure: no sockets, no clock.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any, ClassVar, Self

import msgpack

from stereocast.engine.errors import TransportError

Check = Callable[[object], Any]
Rule = Mapping[str, Check]
"""Metadata of a dataclass field: how its value is checked, and brought to its own type."""

_LARGEST = sys.float_info.max


class WireError(TransportError):
    """A message that SCST/1 does not allow; `code` is the word the peer is told."""

    def __init__(self, text: str, code: str = "malformed") -> None:
        super().__init__(text)
        self.code = code


def whole(low: int, high: int) -> Rule:
    """Allow integers in [low, high]; True and False are not integers here."""

    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"wants an integer in [{low}, {high}]")
        return int(value)

    return {"check": check}


def real(low: float, high: float) -> Rule:
    """Allow finite numbers in [low, high]."""

    def check(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError("wants a number")
        # A NaN fails this too: it compares false with everything.
        if not low <= value <= high:
            raise ValueError(f"wants a number in [{low:g}, {high:g}]")
        return float(value)

    return {"check": check}


def text(max_length: int) -> Rule:
    """Allow printable text of at most max_length characters.

    Control characters are refused because names and notices end up on terminals.
    """

    def check(value: object) -> str:
        if not isinstance(value, str) or len(value) > max_length or not value.isprintable():
            raise ValueError(f"wants printable text of at most {max_length} characters")
        return value

    return {"check": check}


def blob(max_length: int) -> Rule:
    """Allow at most max_length bytes."""

    def check(value: object) -> bytes:
        if not isinstance(value, bytes) or len(value) > max_length:
            raise ValueError(f"wants at most {max_length} bytes")
        return value

    return {"check": check}


def truth() -> Rule:
    """Allow True and False."""

    def check(value: object) -> bool:
        if not isinstance(value, bool):
            raise ValueError("wants true or false")
        return value

    return {"check": check}


def sequence(item: Rule, max_count: int, min_count: int = 0) -> Rule:
    """Allow min_count to max_count items that each pass `item`; the value becomes a tuple."""

    def check(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple) or not min_count <= len(value) <= max_count:
            raise ValueError(f"wants a list of {min_count} to {max_count} items")
        return tuple(item["check"](entry) for entry in value)

    return {"check": check}


def mapping(item: Rule, max_count: int) -> Rule:
    """Allow a map of at most max_count short names to values that each pass `item`."""
    name = text(32)["check"]

    def check(value: object) -> dict[str, Any]:
        if not isinstance(value, Mapping) or len(value) > max_count:
            raise ValueError(f"wants a map of at most {max_count} entries")
        return {name(key): item["check"](entry) for key, entry in value.items()}

    return {"check": check}


def optional(rule: Rule) -> Rule:
    """Allow None too, which is how an absent field reads."""
    return {"check": lambda value: None if value is None else rule["check"](value)}


def pair() -> Rule:
    """Allow two finite numbers, the lower one first; the value becomes a tuple."""
    ends = sequence(real(-_LARGEST, _LARGEST), 2, 2)["check"]

    def check(value: object) -> tuple[float, float]:
        low, high = ends(value)
        if low > high:
            raise ValueError("wants the lower number first")
        return low, high

    return {"check": check}


def part(kind: type[Message]) -> Rule:
    """Allow a map that is itself a message of `kind`, or one that is built already."""

    def check(value: object) -> Message:
        if isinstance(value, kind):
            return value
        if not isinstance(value, Mapping):
            raise ValueError(f"wants a map, the fields of {kind.__name__.upper()}")
        return kind.from_map(value)

    return {"check": check}


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message that is one msgpack map; its dataclass fields are the map's fields.

    Raises WireError on construction if a value has the wrong type or range, so what can be built
    can be sent.
    """

    TYPE: ClassVar[bytes]

    def __post_init__(self) -> None:
        for entry in fields(self):
            try:
                value = entry.metadata["check"](getattr(self, entry.name))
            except ValueError as wrong:
                got = repr(getattr(self, entry.name))[:60]
                raise WireError(f"{_title(self)}: {entry.name} {wrong}, got {got}") from None
            object.__setattr__(self, entry.name, value)

    @classmethod
    def from_map(cls, values: Mapping[str, object]) -> Self:
        """Build the message from a received map; fields it does not know are ignored."""
        known: dict[str, Any] = {}
        for entry in fields(cls):
            if entry.name in values:
                known[entry.name] = values[entry.name]
            elif _is_required(entry):
                raise WireError(f"{cls.__name__.upper()}: {entry.name} is missing")
        return cls(**known)

    def to_map(self) -> dict[str, object]:
        """Return the fields as they travel; those that are None stay out."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


def pack_map(values: Mapping[str, object]) -> bytes:
    """Return the msgpack form of a map."""
    packed: bytes = msgpack.packb(values, use_bin_type=True)
    return packed


def unpack_map(data: bytes, max_bytes: int) -> dict[str, object]:
    """Read one msgpack map of at most max_bytes; raise WireError for anything else."""
    if len(data) > max_bytes:
        raise WireError(f"a map of {len(data)} bytes; at most {max_bytes} are allowed")
    try:
        values = msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=True,
            max_str_len=max_bytes,
            max_bin_len=max_bytes,
            max_array_len=1024,
            max_map_len=256,
            max_ext_len=0,
        )
    except (ValueError, msgpack.UnpackException) as wrong:
        raise WireError(f"not a msgpack map: {str(wrong)[:80] or type(wrong).__name__}") from None
    if not isinstance(values, dict):
        raise WireError(f"wanted a msgpack map, got {type(values).__name__}")
    return values


def _title(message: Message) -> str:
    return type(message).__name__.upper()


def _is_required(entry: Field[Any]) -> bool:
    return entry.default is MISSING and entry.default_factory is MISSING
