"""Who launches, with what: signatures read off the sources, and every launch held against them."""

from __future__ import annotations

import ctypes
import threading

import pytest
import torch

from stereocast.kernels import forward_warp, native
from stereocast.kernels.launch import launching, serving
from stereocast.kernels.loader import UnsupportedDevice, _value, architecture_for
from stereocast.kernels.signatures import Parameter, check, signatures
from stereocast.kernels.sources import KERNELS, cuda_ops, read_source
from tests.cuda_on_cpu.launcher import Recorder

TEXT = """
// extern "C" __global__ void commented(int a) {}
extern "C" __global__ void blur(const unsigned char* __restrict__ image, float* out,
                                unsigned long long size, float4* cells /* [n] */, int width) {}
extern "C" __global__ void __launch_bounds__(256, 2) second(const long long* counters) {}
"""


def test_signatures_are_read_as_they_are_written():
    assert signatures(TEXT) == {
        "blur": (
            Parameter("image", "u8", True, True),
            Parameter("out", "f32", True),
            Parameter("size", "u64", False),
            Parameter("cells", "", True),
            Parameter("width", "i32", False),
        ),
        "second": (Parameter("counters", "i64", True, True),),
    }


@pytest.mark.parametrize("op", cuda_ops())
def test_every_kernels_signature_is_understood(op):
    source = read_source(op)
    assert tuple(signatures(source.text)) == source.kernels


@pytest.mark.parametrize("text", ["half x", "int a[3]", "float** rows", "Struct s"])
def test_what_is_not_understood_is_refused(text):
    with pytest.raises(ValueError, match="is not understood"):
        signatures(f'extern "C" __global__ void f({text}) {{}}')


def test_arguments_that_do_not_fit_are_refused_by_name():
    blur = signatures(TEXT)["blur"]
    image, out = torch.zeros(4, dtype=torch.uint8), torch.zeros(4)
    good = [image, out, 4, torch.zeros(1, 4), 4]
    check("blur", blur, good)
    check("blur", blur, [None, *good[1:]])
    for place, wrong, why in (
        (0, out, "blur: image points to u8, got torch.float32"),
        (1, 3.0, "blur: out is memory, got 3.0"),
        (2, 2.5, "blur: size is a number u64, got 2.5"),
        (4, True, "blur: width is a number i32, got True"),
    ):
        with pytest.raises(TypeError, match=why):
            check("blur", blur, [*good[:place], wrong, *good[place + 1 :]])
    with pytest.raises(TypeError, match="takes 5 arguments, got 4"):
        check("blur", blur, good[:4])
    with pytest.raises(ValueError, match="out must be contiguous"):
        check("blur", blur, [image, torch.zeros(4, 4).T, *good[2:]])


def test_numbers_go_with_the_width_that_the_kernel_reads():
    assert isinstance(_value(Parameter("a", "f32", False), 0.5), ctypes.c_float)
    assert isinstance(_value(Parameter("a", "f32", False), 1), ctypes.c_float)
    assert isinstance(_value(Parameter("a", "i32", False), 7), ctypes.c_int32)
    memory = torch.zeros(3)
    assert _value(Parameter("a", "f32", True), memory) == memory.data_ptr()
    assert _value(Parameter("a", "f32", True), None) == 0


@pytest.mark.parametrize(
    ("capability", "arch"),
    [((7, 5), 75), ((8, 6), 86), ((8, 7), 86), ((8, 9), 89), ((9, 0), 90), ((12, 1), 120)],
)
def test_a_device_gets_the_newest_kernel_that_runs_on_it(capability, arch):
    assert architecture_for(capability) == arch


@pytest.mark.parametrize("capability", [(7, 0), (11, 0), (6, 1)])
def test_a_device_without_a_kernel_is_named(capability):
    with pytest.raises(UnsupportedDevice, match=f"this device has {capability[0]}"):
        architecture_for(capability)


def test_a_launcher_is_in_force_inside_its_block_and_thread_only():
    recorder, tensor = Recorder(), torch.zeros(1)
    elsewhere = []
    with launching(recorder):
        assert serving(tensor) is recorder
        thread = threading.Thread(target=lambda: elsewhere.append(serving(tensor)))
        thread.start()
        thread.join()
    assert serving(tensor) is None
    assert elsewhere == [None]


def test_without_a_launcher_cpu_tensors_go_their_own_way():
    image, disparity = torch.zeros(3, 4, 9, dtype=torch.uint8), torch.zeros(4, 9)
    recorder = Recorder()
    forward_warp(image, disparity)
    assert (native.serving(image) is None) or not recorder.launches
    with launching(recorder):
        forward_warp(image, disparity)
    assert recorder.kernels == {"stereocast_warp_eyes_u8"}


@pytest.mark.parametrize("op", [path.parent.name for path in KERNELS.glob("*/cuda.py")])
def test_no_launch_names_an_operation_without_a_source(op):
    assert op in cuda_ops()
