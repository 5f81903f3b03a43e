#pragma once
#include <string>

/// Kernels with a fault planted in them, and the same kernels without it, run by the emulator.
namespace camber::testing {

enum class Fault {
    none,
    missing_barrier,        ///< a thread reads what another one wrote
    missing_barrier_reuse,  ///< a thread overwrites what another one reads
    shared_overrun,         ///< one element past a shared array
    global_overrun,         ///< one element past a tensor
    global_underrun,        ///< one element before it
    host_pointer,           ///< host memory handed to a kernel
    returned_memory,        ///< a tensor whose memory went back to the system
    divergent_barrier,      ///< half of the threads skip it
    different_barriers,     ///< the two halves wait at different ones
    early_exit,             ///< a thread returns before it
    unwritten_shared,       ///< nothing wrote what is read
    inactive_lane_exited,   ///< a shuffle whose mask names a lane that has returned
    inactive_lane_masked,   ///< a shuffle that reads from a lane outside its mask
    lonely_shuffle,         ///< a shuffle that half of its mask never reaches
    missing_copy_wait,      ///< an asynchronous copy read before it was waited for
    misaligned_matrix_row,  ///< ldmatrix on an address that is not a multiple of 16
    too_much_shared,        ///< arrays larger than a block's shared memory
};

/// Runs the kernel for `fault` over a few blocks; `planted` false runs it without. Returns the emulator's report, empty
/// when there was none.
std::string run_planted(Fault fault, bool planted);

}  // namespace camber::testing
