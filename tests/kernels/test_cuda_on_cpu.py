"""The emulator that proves CUDA kernels on the CPU: what it runs, and what it catches."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from stereocast.kernels.compiler import compile_kernel
from stereocast.kernels.sources import KERNELS, CudaSource
from tests.cuda_on_cpu import KernelFault, run_kernel

SOURCE = r"""
#include "portable.h"

STEREOCAST_BOTH float halved(float value) { return value * 0.5f; }

extern "C" __global__ void halve(const float* in, int count, float* out) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) out[i] = halved(in[i]);
}

// Sums 64 numbers per block; thread 0 writes the sum.
extern "C" __global__ void reduce(const unsigned* in, unsigned* out, int with_barrier) {
  __shared__ unsigned part[64];
  part[threadIdx.x] = in[blockIdx.x * 64 + threadIdx.x];
  for (int reach = 32; reach > 0; reach /= 2) {
    if (with_barrier) __syncthreads();
    if (threadIdx.x < reach) part[threadIdx.x] += part[threadIdx.x + reach];
  }
  if (threadIdx.x == 0) out[blockIdx.x] = part[0];
}

extern "C" __global__ void histogram(const unsigned char* in, int count, int* bins, int* highest) {
  __shared__ int own[4];
  if (threadIdx.x < 4) own[threadIdx.x] = 0;
  __syncthreads();
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) {
    atomicAdd(&own[in[i] % 4], 1);
    atomicMax(highest, in[i]);
  }
  __syncthreads();
  if (threadIdx.x < 4) atomicAdd(&bins[threadIdx.x], own[threadIdx.x]);
}

extern "C" __global__ void reverse(float* row, int width) {
  extern __shared__ float kept[];
  kept[threadIdx.x] = row[threadIdx.x];
  __syncthreads();
  row[threadIdx.x] = kept[width - 1 - threadIdx.x];
}

extern "C" __global__ void warp_sums(const int* in, int* sums, unsigned* votes) {
  int value = in[threadIdx.x];
  votes[threadIdx.x] = __ballot_sync(0xFFFFFFFFu, value > 0);
  for (int bit = 16; bit > 0; bit /= 2) value += __shfl_xor_sync(0xFFFFFFFFu, value, bit);
  sums[threadIdx.x] = value;
}

static __constant__ int weights[4] = {1, 10, 100, 1000};

namespace {
template <int kWidth>
__device__ int weighed(const uchar4* in) {
  __shared__ __align__(16) unsigned char row[4 * kWidth];
  reinterpret_cast<uchar4*>(row)[threadIdx.x] = in[threadIdx.x];
  __syncthreads();
  int sum = 0;
#pragma unroll
  for (int i = 0; i < 4; ++i) sum += weights[i] * row[(threadIdx.x + kWidth * i) % (4 * kWidth)];
  return sum;
}
}  // namespace

extern "C" __global__ void __launch_bounds__(64) weigh(const uchar4* in, int* out) {
  out[threadIdx.x] = weighed<8>(in);
}

extern "C" __global__ void scan(const int* in, int* sums, int* positive) {
  int value = in[threadIdx.x];
  for (unsigned reach = 1; reach < 32; reach *= 2) {
    const int before = __shfl_up_sync(~0u, value, reach);
    if (threadIdx.x % 32 >= reach) value += before;
  }
  sums[threadIdx.x] = value;
  positive[threadIdx.x] = __syncthreads_count(in[threadIdx.x] > 0);
}

extern "C" __global__ void leave_early(int* out, int from) {
  __shared__ int seen;
  if (threadIdx.x == 0) seen = 5;
  if (threadIdx.x >= from) return;
  __syncthreads();
  out[threadIdx.x] = seen;
}

extern "C" __global__ void diverge(int* out) {
  if (threadIdx.x % 2) {
    __syncthreads();
  } else {
    __syncthreads();
  }
  out[threadIdx.x] = 1;
}

extern "C" __global__ void overrun(int* out, int count) { out[count] = 1; }

extern "C" __global__ void overrun_shared(int* out) {
  extern __shared__ int few[];
  few[4] = 1;
  out[0] = few[0];
}

extern "C" __global__ void read_unwritten(int* out) {
  __shared__ int kept[4];
  out[threadIdx.x] = kept[threadIdx.x];
}

extern "C" __global__ void slip(int kind, int zero, float far, const unsigned char* in, int* out) {
  __shared__ int kept[4];
  kept[threadIdx.x] = 0;
  if (kind == 0) out[0] = kept[zero + 4];
  if (kind == 1) out[0] = 2147483647 + (zero + 1);
  if (kind == 2) out[0] = 1 / zero;
  if (kind == 3) out[0] = 1 << (zero + 32);
  if (kind == 4) out[0] = static_cast<int>(far);
  if (kind == 5) out[0] = reinterpret_cast<const uchar4*>(in + zero + 1)->x;
  if (kind == 6) out[0] = in[0];
}
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("cuda") / "kernel.cu"
    file.write_text(SOURCE)
    return file


def zeros(*shape: int) -> Tensor:
    return torch.zeros(shape, dtype=torch.int32)


def test_every_thread_of_every_block_runs(source):
    numbers, halves = torch.arange(77.0), torch.zeros(77)
    run_kernel(source, "halve", grid=[3], block=[32], args=[numbers, 77, halves])
    assert torch.equal(halves, numbers / 2)


def test_barriers_let_a_block_reduce(source):
    numbers, sums = torch.arange(192, dtype=torch.int32), zeros(3)
    run_kernel(source, "reduce", grid=[3], block=[64], args=[numbers, sums, 1])
    assert torch.equal(sums, numbers.reshape(3, 64).sum(1).int())


def test_a_missing_barrier_is_caught(source):
    numbers, sums = torch.arange(64, dtype=torch.int32), zeros(1)
    with pytest.raises(KernelFault, match="argument 1 depends on the order of threads"):
        run_kernel(source, "reduce", grid=[1], block=[64], args=[numbers, sums, 0])
    assert not sums.any(), "a kernel that failed leaves the tensors as they were"


def test_atomics_add_up_in_shared_and_global_memory(source, generator):
    numbers = torch.randint(0, 200, (100,), dtype=torch.uint8, generator=generator)
    bins, highest = zeros(4), zeros(1)
    run_kernel(source, "histogram", grid=[4], block=[32], args=[numbers, 100, bins, highest])
    assert torch.equal(bins, torch.bincount(numbers.int() % 4, minlength=4).int())
    assert int(highest) == int(numbers.max())


def test_dynamic_shared_memory_holds_a_row(source):
    row = torch.arange(17.0)
    run_kernel(source, "reverse", grid=[1], block=[17], args=[row, 17], shared_bytes=17 * 4)
    assert torch.equal(row, torch.arange(17.0).flip(0))


def test_lanes_of_a_warp_exchange_numbers(source):
    numbers, sums, votes = torch.arange(-20, 44, dtype=torch.int32), zeros(64), zeros(64)
    run_kernel(source, "warp_sums", grid=[1], block=[64], args=[numbers, sums, votes])
    first, second = int(numbers[:32].sum()), int(numbers[32:].sum())
    assert sums.tolist() == [first] * 32 + [second] * 32
    expected = sum(1 << lane for lane in range(32) if numbers[lane] > 0)
    assert int(votes[0]) & 0xFFFFFFFF == expected


def test_lanes_pass_numbers_on_and_blocks_count(source):
    numbers, sums, positive = torch.arange(-9, 55, dtype=torch.int32), zeros(64), zeros(64)
    run_kernel(source, "scan", grid=[1], block=[64], args=[numbers, sums, positive])
    assert torch.equal(sums.reshape(2, 32), numbers.reshape(2, 32).cumsum(1).int())
    assert positive.tolist() == [54] * 64


def test_templates_vectors_and_constant_tables_work(source, generator):
    row = torch.randint(0, 256, (32,), dtype=torch.uint8, generator=generator)
    out = zeros(8)
    run_kernel(source, "weigh", grid=[1], block=[8], args=[row, out])
    weights = torch.tensor([1, 10, 100, 1000])
    assert torch.equal(out, (row.reshape(4, 8).T.int() * weights).sum(1).int())


def test_a_barrier_does_not_wait_for_threads_that_have_ended(source):
    out = zeros(64)
    run_kernel(source, "leave_early", grid=[1], block=[64], args=[out, 40])
    assert out.tolist() == [5] * 40 + [0] * 24


def test_barriers_in_two_branches_are_a_fault(source):
    with pytest.raises(KernelFault, match=r"waits in vain: thread \(1, 0, 0\)"):
        run_kernel(source, "diverge", grid=[1], block=[4], args=[zeros(4)])


def test_writes_outside_a_tensor_are_caught(source):
    with pytest.raises(KernelFault, match="writes outside a tensor of 20 bytes"):
        run_kernel(source, "overrun", grid=[1], block=[1], args=[zeros(5), 5])


def test_writes_outside_dynamic_shared_memory_are_caught(source):
    with pytest.raises(KernelFault, match="behind its dynamic shared memory"):
        run_kernel(source, "overrun_shared", grid=[1], block=[1], args=[zeros(1)], shared_bytes=16)


def test_shared_memory_read_before_it_is_written_is_caught(source):
    with pytest.raises(KernelFault, match="read before it is written"):
        run_kernel(source, "read_unwritten", grid=[1], block=[4], args=[zeros(4)])


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (0, "indexes an array outside its bounds, in kernel.cu"),
        (1, "a signed (sum|difference) overflows"),
        (2, "divides an integer by zero"),
        (3, "shifts by more than the bits"),
        (4, "converts a float that no such integer can hold"),
        (5, "uses a null or misaligned pointer"),
        (6, "uses a null or misaligned pointer"),
    ],
)
def test_what_cpus_and_gpus_answer_differently_is_a_fault(source, kind, words):
    bytes_in = None if kind == 6 else torch.zeros(8, dtype=torch.uint8)
    with pytest.raises(KernelFault, match=words):
        run_kernel(
            source, "slip", grid=[1], block=[1], args=[kind, 0, float("inf"), bytes_in, zeros(1)]
        )


def test_a_launch_after_a_fault_is_as_good_as_before(source):
    with pytest.raises(KernelFault):
        run_kernel(source, "diverge", grid=[1], block=[4], args=[zeros(4)])
    test_barriers_let_a_block_reduce(source)


def test_tensors_that_share_memory_share_it_in_the_kernel(source):
    numbers = torch.arange(10.0)
    run_kernel(source, "halve", grid=[1], block=[5], args=[numbers[:5], 5, numbers[5:]])
    assert torch.equal(numbers[5:], numbers[:5] / 2)


def test_arguments_of_another_type_are_refused(source):
    with pytest.raises(AssertionError, match=r"argument 0 of halve is f32\*, got torch\.float64"):
        doubles = torch.zeros(4, dtype=torch.float64)
        run_kernel(source, "halve", grid=[1], block=[4], args=[doubles, 4, torch.zeros(4)])
    with pytest.raises(AssertionError, match="takes 3 arguments, got 2"):
        run_kernel(source, "halve", grid=[1], block=[4], args=[torch.zeros(4), 4])


@pytest.mark.slow
def test_what_runs_here_is_what_nvrtc_compiles():
    headers = {"portable.h": (KERNELS / "portable.h").read_text()}
    source = CudaSource("emulated", SOURCE, headers)
    cubin = compile_kernel(source, 75)
    assert sorted(kernel.name for kernel in cubin.kernels) == sorted(source.kernels)
