#include "inference/arena.h"

#include <algorithm>
#include <numeric>

namespace camber::inference {

ArenaPlan place(const std::vector<Lifetime>& buffers, std::int64_t alignment) {
    std::vector<std::size_t> order(buffers.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return buffers[a].size > buffers[b].size; });
    const auto aligned = [&](std::int64_t size) { return (size + alignment - 1) / alignment * alignment; };
    ArenaPlan plan{std::vector<std::int64_t>(buffers.size()), 0};
    std::vector<std::size_t> placed;  // by offset
    for (const std::size_t i : order) {
        std::int64_t offset = 0;
        for (const std::size_t other : placed) {
            if (!buffers[i].meets(buffers[other])) continue;
            if (offset + buffers[i].size <= plan.offsets[other]) break;
            offset = std::max(offset, plan.offsets[other] + aligned(buffers[other].size));
        }
        plan.offsets[i] = offset;
        plan.size = std::max(plan.size, offset + aligned(buffers[i].size));
        placed.insert(std::upper_bound(placed.begin(), placed.end(), i,
                                       [&](std::size_t a, std::size_t b) { return plan.offsets[a] < plan.offsets[b]; }),
                      i);
    }
    return plan;
}

std::int64_t largest_sum(const std::vector<Lifetime>& buffers) {
    std::int64_t largest = 0;
    for (const Lifetime& at : buffers) {  // it is reached where some buffer begins
        std::int64_t sum = 0;
        for (const Lifetime& buffer : buffers)
            if (buffer.first <= at.first && at.first <= buffer.last) sum += buffer.size;
        largest = std::max(largest, sum);
    }
    return largest;
}

}  // namespace camber::inference
