#include "data/label_runs.h"

#include <algorithm>
#include <array>

namespace camber {

LabelRuns::LabelRuns(const Image& label) : height_(label.height), width_(label.width) {
    constexpr std::ptrdiff_t most = 256;
    const auto end = label.data.end();
    for (auto at = label.data.begin(); at != end;) {
        const auto next =
            std::find_if(at, at + std::min(end - at, most), [id = *at](std::uint8_t x) { return x != id; });
        const std::array run = {*at, static_cast<std::uint8_t>(next - at - 1)};
        runs_.insert(runs_.end(), run.begin(), run.end());
        at = next;
    }
    runs_.shrink_to_fit();
}

Image LabelRuns::image() const {
    Image label(height_, width_, 1);
    auto to = label.data.begin();
    for (std::size_t i = 0; i < runs_.size(); i += 2) to = std::fill_n(to, std::size_t{runs_[i + 1]} + 1, runs_[i]);
    return label;
}

}  // namespace camber
