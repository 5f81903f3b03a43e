#include "emulator/planted.h"

#include <doctest/doctest.h>

#include <vector>

namespace camber::testing {
namespace {

struct Case {
    Fault fault;
    std::vector<const char*> report;  ///< what it must say
};

void check(const Case& c) {
    CAPTURE(static_cast<int>(c.fault));
    CHECK(run_planted(c.fault, false) == "");
    const std::string report = run_planted(c.fault, true);
    CAPTURE(report);
    for (const std::string part : c.report) CHECK_MESSAGE(report.find(part) != std::string::npos, "missing: ", part);
    CHECK(run_planted(c.fault, false) == "");  // a fault leaves nothing behind
}

}  // namespace

TEST_CASE("the emulator reports barriers and warp operations that not all threads reach") {
    check({Fault::divergent_barrier,
           {"kernel 'barrier', block (", "thread (0,0,0)", "divergent barrier", "planted.cu:"}});
    check({Fault::different_barriers, {"kernel 'barrier'", "divergent barrier", "thread (0,0,0)"}});
    check({Fault::early_exit, {"kernel 'barrier'", "divergent barrier", "thread (7,0,0) has left the kernel"}});
    check({Fault::inactive_lane_exited, {"kernel 'shuffle'", "__shfl_xor_sync", "lane 3"}});
    check({Fault::inactive_lane_masked, {"kernel 'shuffle'", "reads from lane 20, which is inactive"}});
    check({Fault::lonely_shuffle, {"kernel 'shuffle'", "0xffffffff"}});
    check({Fault::misaligned_matrix_row, {"kernel 'matrix'", "not aligned to 16 bytes"}});
    check({Fault::too_much_shared, {"kernel 'large'", "second", "131072 bytes"}});
}

// Under AddressSanitizer kernels have its checks in place of the emulator's own, and it ends the process.
#if !defined(__SANITIZE_ADDRESS__)

TEST_CASE("the emulator reports races between barriers") {
    check({Fault::missing_barrier,
           {"kernel 'reverse', block (", "thread (", "shared memory, byte 252 of tile", "missing barrier"}});
    check({Fault::missing_barrier_reuse, {"kernel 'reverse'", "race on shared memory", "no barrier between"}});
}

TEST_CASE("the emulator reports reads of what nothing wrote") {
    check({Fault::unwritten_shared,
           {"kernel 'reverse'", "thread (58,0,0)", "read of unwritten shared memory, byte 20 of tile"}});
    check({Fault::missing_copy_wait, {"kernel 'copy'", "read of unwritten shared memory"}});
}

TEST_CASE("the emulator reports accesses out of bounds") {
    check({Fault::shared_overrun,
           {"kernel 'overrun', block (2,0,0), thread (63,0,0)",
            "out-of-bounds write of shared memory, 0 bytes past the end of tile"}});
    check({Fault::global_overrun,
           {"kernel 'overrun', block (2,0,0), thread (63,0,0)",
            "out-of-bounds read of 4 bytes of global memory, 0 bytes past the end"}});
    check(
        {Fault::global_underrun, {"kernel 'overrun', block (0,0,0), thread (0,0,0)", "out-of-bounds read of 4 bytes"}});
    check({Fault::host_pointer, {"kernel 'overrun'", "which is not device memory"}});
    check({Fault::returned_memory,
           {"kernel 'overrun'", "out-of-bounds read of 4 bytes of global memory, which was given back to the system"}});
}

#endif

}  // namespace camber::testing
