#pragma once
#include "cuda/libraries/nccl_api.h"

namespace camber::emulator {

/// A stand-in for NCCL between processes of one machine, through shared memory. It checks what it is given: that memory
/// is the device's, that the stream is that of sums and waits for what the compute stream was given, and that all ranks
/// make the same calls in the same order, recorded or not; else the sum throws Error naming the ranks. Sums are made in
/// the order of ranks, so that all have the same bits.
const nccl::Api& nccl_api();

/// What stands for a stream: that of sums, or the compute stream.
void* stream_handle(bool sums);

}  // namespace camber::emulator
