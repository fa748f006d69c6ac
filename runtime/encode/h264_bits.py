"""What an H.264 byte stream says about itself: NAL units and the sequence parameter set.

Pure functions on bytes; no decoding of pictures. Garbage raises ValueError, never anything else.
Source: ITU-T H.264 (08/2021), clauses 7.3.1, 7.3.2.1.1, Annex B and Annex E.1.1.
"""

from __future__ import annotations

from dataclasses import dataclass

NAL_IDR = 5
NAL_SEI = 6
NAL_SPS = 7
NAL_PPS = 8

# Profiles whose parameter set carries chroma format, bit depth and scaling lists (7.3.2.1.1).
_HIGH_PROFILES = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244})
_EXTENDED_SAR = 255


@dataclass(frozen=True)
class SequenceParameters:
    """The fields of one sequence parameter set that a player's choices depend on.

    width, height             shown picture, after cropping
    full_range                False also when the stream does not say
    primaries, transfer, matrix   code points of H.273, None when absent (1 is BT.709)
    chroma_location           of the top field: 0 left, 1 center; None when absent
    max_num_reorder_frames    None when the stream does not promise anything
    """

    profile: int
    constraints: int
    level: int
    width: int
    height: int
    full_range: bool = False
    primaries: int | None = None
    transfer: int | None = None
    matrix: int | None = None
    chroma_location: int | None = None
    max_num_reorder_frames: int | None = None

    @property
    def codec_string(self) -> str:
        """The RFC 6381 name: avc1.PPCCLL."""
        return f"avc1.{self.profile:02x}{self.constraints:02x}{self.level:02x}"


def split_nal_units(stream: bytes) -> list[bytes]:
    """Cut an Annex-B byte stream at its start codes; the zero bytes around units are left out."""
    units = []
    start = stream.find(b"\0\0\1")
    while start >= 0:
        end = stream.find(b"\0\0\1", start + 3)
        unit = stream[start + 3 : end if end >= 0 else len(stream)].rstrip(b"\0")
        if unit:
            units.append(unit)
        start = end
    return units


def nal_types(stream: bytes) -> list[int]:
    """List the type of every NAL unit in an Annex-B byte stream, in order."""
    return [unit[0] & 31 for unit in split_nal_units(stream)]


def find_sps(stream: bytes) -> SequenceParameters:
    """Parse the first sequence parameter set of an Annex-B stream.

    Raises ValueError when there is none, or when it breaks off or contradicts itself.
    """
    for unit in split_nal_units(stream):
        if unit[0] & 31 == NAL_SPS:
            return parse_sps(unit)
    raise ValueError("no sequence parameter set in the stream")


class _Bits:
    """Reads fixed-length and exponential-Golomb codes, first bit first."""

    def __init__(self, payload: bytes) -> None:
        self._value = int.from_bytes(payload, "big")
        self._left = 8 * len(payload)

    def u(self, count: int) -> int:
        if count > self._left:
            raise ValueError("the parameter set breaks off")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def flag(self) -> bool:
        return self.u(1) == 1

    def ue(self) -> int:
        zeros = 0
        while not self.flag():
            zeros += 1
            if zeros > 32:
                raise ValueError("an exponential-Golomb code is longer than any legal one")
        return (1 << zeros) - 1 + self.u(zeros)

    def se(self) -> int:
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -(code // 2)


def parse_sps(unit: bytes) -> SequenceParameters:
    """Parse one NAL unit of type 7, header byte included.

    Raises ValueError for another type, a cut-off unit or an impossible picture size.
    """
    if len(unit) < 4 or unit[0] & 31 != NAL_SPS:
        raise ValueError("not a sequence parameter set")
    # A 3 after two zero bytes was put there so that no start code can appear (7.4.1).
    bits = _Bits(unit[1:].replace(b"\0\0\3", b"\0\0"))
    profile, constraints, level = bits.u(8), bits.u(8), bits.u(8)
    bits.ue()  # seq_parameter_set_id
    chroma_format = _read_chroma_format(bits) if profile in _HIGH_PROFILES else 1
    _skip_picture_order(bits)
    width, height = _read_size(bits, chroma_format)
    vui = _read_vui(bits) if bits.flag() else {}
    return SequenceParameters(
        profile=profile,
        constraints=constraints,
        level=level,
        width=width,
        height=height,
        full_range=bool(vui.pop("full_range", 0)),
        **vui,
    )


def _read_chroma_format(bits: _Bits) -> int:
    chroma_format = bits.ue()
    if chroma_format > 3:
        raise ValueError(f"chroma format {chroma_format} does not exist")
    if chroma_format == 3 and bits.flag():  # separate planes are coded like monochrome
        chroma_format = 0
    bits.ue()  # bit_depth_luma_minus8
    bits.ue()  # bit_depth_chroma_minus8
    bits.u(1)  # qpprime_y_zero_transform_bypass_flag
    if bits.flag():
        for index in range(12 if chroma_format == 3 else 8):
            if bits.flag():
                _skip_scaling_list(bits, 16 if index < 6 else 64)
    return chroma_format


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _skip_picture_order(bits: _Bits) -> None:
    bits.ue()  # log2_max_frame_num_minus4
    kind = bits.ue()
    if kind == 0:
        bits.ue()
    elif kind == 1:
        bits.u(1)
        bits.se()
        bits.se()
        for _ in range(bits.ue()):
            bits.se()
    elif kind > 2:
        raise ValueError(f"picture order count type {kind} does not exist")
    bits.ue()  # max_num_ref_frames
    bits.u(1)  # gaps_in_frame_num_value_allowed_flag


def _read_size(bits: _Bits, chroma_format: int) -> tuple[int, int]:
    width = 16 * (bits.ue() + 1)
    map_units = bits.ue() + 1
    fields = 1 if bits.flag() else 2
    height = 16 * map_units * fields
    if fields == 2:
        bits.u(1)  # mb_adaptive_frame_field_flag
    bits.u(1)  # direct_8x8_inference_flag
    if bits.flag():
        unit_x = 2 if chroma_format in (1, 2) else 1
        unit_y = (2 if chroma_format == 1 else 1) * fields
        left, right, top, bottom = bits.ue(), bits.ue(), bits.ue(), bits.ue()
        width -= unit_x * (left + right)
        height -= unit_y * (top + bottom)
    if width <= 0 or height <= 0:
        raise ValueError("the cropping leaves no picture")
    return width, height


def _read_vui(bits: _Bits) -> dict[str, int]:
    vui: dict[str, int] = {}
    if bits.flag() and bits.u(8) == _EXTENDED_SAR:
        bits.u(32)
    if bits.flag():
        bits.u(1)  # overscan_appropriate_flag
    if bits.flag():
        bits.u(3)  # video_format
        vui["full_range"] = bits.u(1)
        if bits.flag():
            vui["primaries"], vui["transfer"], vui["matrix"] = bits.u(8), bits.u(8), bits.u(8)
    if bits.flag():
        vui["chroma_location"] = bits.ue()
        bits.ue()  # of the bottom field
    if bits.flag():
        bits.u(65)  # num_units_in_tick, time_scale, fixed_frame_rate_flag
    nal_hrd = bits.flag()
    if nal_hrd:
        _skip_hrd(bits)
    vcl_hrd = bits.flag()
    if vcl_hrd:
        _skip_hrd(bits)
    if nal_hrd or vcl_hrd:
        bits.u(1)  # low_delay_hrd_flag
    bits.u(1)  # pic_struct_present_flag
    if bits.flag():
        bits.u(1)  # motion_vectors_over_pic_boundaries_flag
        for _ in range(4):  # bytes per picture, bits per macroblock, two vector lengths
            bits.ue()
        vui["max_num_reorder_frames"] = bits.ue()
    return vui


def _skip_hrd(bits: _Bits) -> None:
    count = bits.ue() + 1
    bits.u(8)
    for _ in range(count):
        bits.ue()
        bits.ue()
        bits.u(1)
    bits.u(20)
