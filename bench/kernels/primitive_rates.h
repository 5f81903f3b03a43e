#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "backend/cases.h"
#include "kernels/time_call.h"

/// Times every primitive of a device at the sizes of a U-Net's largest level and sets the memory-bound ones beside the
/// device's own copy bandwidth, on the CPU also what multiplies beside its rate of multiply-adds.
namespace camber::bench {

struct PrimitiveOptions {
    std::vector<std::string> names;  ///< parts of the cases' names; all without one
    std::string device;              ///< cpu, cuda or emulated; empty: cuda where there is a GPU, else cpu
    testing::Level level;
    Rounds rounds;
    bool rates_only = false, as_json = false;
    std::int64_t matrix = 8192;
};

/// Prints a table, or an object a line, each row as soon as it is known. Throws Error where there is no such device.
void print_primitive_rates(const PrimitiveOptions& options);

}  // namespace camber::bench
