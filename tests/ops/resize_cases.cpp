#include "ops/operation_case.h"

namespace camber::testing {

std::vector<OperationCase> resize_cases() {
    struct Resizing {
        Shape input;
        std::int64_t height, width;
    };
    const std::vector<Resizing> resizings = {
        {{2, 3, 4, 3}, 6, 8},   // twice as large, as a decoder does
        {{1, 5, 7, 1}, 8, 9},   // slightly larger
        {{1, 9, 8, 3}, 4, 3},   // smaller
        {{1, 5, 4, 17}, 1, 7},  // to a single row
        {{1, 1, 1, 3}, 4, 5},   // from a single pixel
        {{1, 5, 7, 3}, 5, 7},   // nothing to do
    };
    const std::pair<const char*, ResizeMode> modes[] = {{"nearest", ResizeMode::nearest},
                                                        {"nearest_half_pixel", ResizeMode::nearest_half_pixel},
                                                        {"bilinear", ResizeMode::bilinear},
                                                        {"bilinear_align_corners", ResizeMode::bilinear_align_corners}};
    std::vector<OperationCase> cases;
    for (const auto& [name, mode] : modes) {
        for (const Resizing& r : resizings) {
            cases.push_back({.name = fmt::format("resize {} {} to {}x{}", name, r.input.str(), r.height, r.width),
                             .inputs = {uniform(r.input, 1)},
                             .activations = 1,
                             .apply = [mode = mode, h = r.height, w = r.width](const std::vector<Tensor>& in) {
                                 return ops::resize(in[0], h, w, mode);
                             }});
        }
    }
    return cases;
}

}  // namespace camber::testing
