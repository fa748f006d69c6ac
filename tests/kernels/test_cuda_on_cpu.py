"""The emulator that proves CUDA kernels on the CPU: what it runs, and what it catches."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.cuda_on_cpu import KernelFault, run_kernel

SOURCE = r"""
#include "portable.h"

STEREOCAST_BOTH float halved(float value) { return value * 0.5f; }

extern "C" __global__ void halve(const float* in, int count, float* out) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) out[i] = halved(in[i]);
}

// Sums 64 numbers per block; thread 0 writes the sum.
extern "C" __global__ void reduce(const int* in, int* out, int with_barrier) {
  __shared__ int part[64];
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
  extern __shared__ int kept[];
  kept[4] = 1;
  out[0] = kept[0];
}

extern "C" __global__ void read_unwritten(int* out) {
  __shared__ int kept[4];
  out[threadIdx.x] = kept[threadIdx.x];
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
