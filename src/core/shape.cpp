#include <camber/error.h>
#include <camber/shape.h>

#include <limits>

namespace camber {

Shape::Shape(std::initializer_list<std::int64_t> extents) {
    if (extents.size() > max_rank) fail("a shape has at most {} dimensions, not {}", max_rank, extents.size());
    for (const std::int64_t extent : extents) {
        if (extent < 0) fail("a shape cannot have the negative extent {}", extent);
        extents_[static_cast<std::size_t>(rank_++)] = extent;
        if (extent != 0 && numel_ > std::numeric_limits<std::int64_t>::max() / extent) {
            fail("a tensor of more than 2^63 elements was asked for");
        }
        numel_ *= extent;
    }
}

std::string Shape::str() const {
    std::string text = "[";
    for (int i = 0; i < rank_; ++i) text += fmt::format("{}{}", i ? ", " : "", (*this)[i]);
    return text + "]";
}

}  // namespace camber
