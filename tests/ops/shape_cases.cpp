#include "ops/operation_case.h"

namespace camber::testing {

std::vector<OperationCase> shape_cases() {
    std::vector<OperationCase> cases;
    for (const Padding& padding : {Padding{1, 2, 3, 0}, Padding{-1, -2, 0, -3}, Padding{-2, 3, 1, -4}, Padding{}}) {
        cases.push_back(
            {.name = fmt::format("pad2d by {} {} {} {}", padding.top, padding.bottom, padding.left, padding.right),
             .inputs = {uniform({2, 5, 7, 3}, 1)},
             .activations = 1,
             .apply = [padding](const std::vector<Tensor>& in) { return ops::pad2d(in[0], padding); }});
    }
    const auto concat = [&](const char* name, std::vector<Tensor> parts) {
        const std::size_t count = parts.size();
        cases.push_back({.name = std::string("concat ") + name,
                         .inputs = std::move(parts),
                         .activations = count,
                         .apply = [](const std::vector<Tensor>& in) { return ops::concat(in); }});
    };
    concat("of one", {uniform({1, 2, 3, 3}, 1)});
    concat("of 3, 1 and 17 channels", {uniform({2, 5, 7, 3}, 1), uniform({2, 5, 7, 1}, 2), uniform({2, 5, 7, 17}, 3)});
    concat("of two equal halves", {uniform({1, 1, 1, 4}, 1), uniform({1, 1, 1, 4}, 2)});
    for (const int factor : {1, 2, 3}) {
        cases.push_back(
            {.name = fmt::format("pixel_shuffle by {}", factor),
             .inputs = {uniform({2, 3, 5, 2 * factor * factor}, 1)},
             .activations = 1,
             .apply = [factor](const std::vector<Tensor>& in) { return ops::pixel_shuffle(in[0], factor); }});
    }
    cases.push_back({.name = "reshape",
                     .inputs = {uniform({2, 3, 5, 4}, 1)},
                     .activations = 1,
                     .apply = [](const std::vector<Tensor>& in) {
                         return ops::reshape(in[0], {6, 20});
                     }});
    return cases;
}

}  // namespace camber::testing
