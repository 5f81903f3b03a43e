#pragma once
#include <camber/layers.h>
#include <camber/nets.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace camber::nets {

inline const std::vector<std::pair<std::string, SizePolicy>> size_policies = {{"error", SizePolicy::error},
                                                                              {"pad", SizePolicy::pad}};

/// Runs `body` on x [N, H, W, C], whose height and width must be multiples of `multiple` for it. Sizes that are not
/// are refused, or padded with zeros at the bottom and right and what `body` returns is cropped back.
template <class Body>
Tensor with_size_policy(const char* net, const Tensor& x, std::int64_t multiple, SizePolicy policy, Body body) {
    const std::int64_t height = x.dim(1), width = x.dim(2);
    const auto up = [multiple](std::int64_t extent) { return (extent + multiple - 1) / multiple * multiple; };
    const int below = static_cast<int>(up(height) - height), right = static_cast<int>(up(width) - width);
    if (below == 0 && right == 0) return body(x);
    if (policy == SizePolicy::error) {
        const auto nearest = [multiple, up](std::int64_t extent) {
            const std::int64_t lower = extent / multiple * multiple;
            if (lower == extent) return std::to_string(extent);
            return lower > 0 ? fmt::format("{} or {}", lower, up(extent)) : std::to_string(up(extent));
        };
        fail_usage(
            "{}: an input {} high and {} wide does not fit: both must be multiples of {} (height {}, width {}); "
            "a network with --size-policy pad takes any size",
            net, height, width, multiple, nearest(height), nearest(width));
    }
    return nn::pad2d(body(nn::pad2d(x, {0, below, 0, right})), {0, -below, 0, -right});
}

}  // namespace camber::nets
