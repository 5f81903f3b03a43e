#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace camber::inference {

/// A buffer, and the steps between whose begin and end it is needed.
struct Lifetime {
    std::int64_t size = 0;  ///< in any unit
    std::size_t first = 0, last = 0;

    bool meets(const Lifetime& other) const { return first <= other.last && other.first <= last; }
};

struct ArenaPlan {
    std::vector<std::int64_t> offsets;  ///< of every buffer, multiples of `alignment`
    std::int64_t size = 0;
};

/// Places in one block of memory: buffers that are needed at the same time do not overlap. The largest come first, each
/// in the first gap that holds it (Pisarchyk and Lee 2020, arXiv 2001.03288, "greedy by size").
ArenaPlan place(const std::vector<Lifetime>& buffers, std::int64_t alignment);

/// The most that is needed at a time: no plan has less.
std::int64_t largest_sum(const std::vector<Lifetime>& buffers);

}  // namespace camber::inference
