#include "ops/operation_case.h"

namespace camber::testing {

std::vector<OperationCase> pool_cases() {
    struct Pooling {
        const char* name;
        Shape input;
        Pool2dParams params;
    };
    const std::vector<Pooling> poolings = {
        {"2x2", {2, 4, 6, 3}, {}},
        {"2x2 that leaves a row and a column", {1, 5, 7, 17}, {}},
        {"2x2 of one window", {1, 2, 2, 1}, {}},
        {"3x3, stride 2, padded", {2, 5, 7, 3}, {3, 3, 2, 2, {1, 1, 1, 1}}},
        {"3x3, stride 2, padded on two sides", {1, 6, 8, 3}, {3, 3, 2, 2, {0, 1, 0, 1}}},
        {"3x3, stride 1, padded", {1, 5, 4, 1}, {3, 3, 1, 1, {1, 1, 1, 1}}},
        {"3x3 on 1x1", {1, 1, 1, 3}, {3, 3, 2, 2, {1, 1, 1, 1}}},
        {"2x3, stride 3 by 1", {1, 7, 5, 2}, {2, 3, 3, 1, {0, 0, 2, 1}}},
    };
    std::vector<OperationCase> cases;
    const auto add = [&](const std::string& name, const Tensor& input, auto operation) {
        cases.push_back(
            {.name = name, .inputs = {input}, .activations = 1, .apply = [operation](const std::vector<Tensor>& in) {
                 return operation(in[0]);
             }});
    };
    for (const Pooling& pooling : poolings) {
        const std::string name = pooling.name;
        Pool2dParams p = pooling.params;
        add("max_pool2d " + name, distinct(pooling.input, 1), [p](const Tensor& x) { return ops::max_pool2d(x, p); });
        add("avg_pool2d " + name, uniform(pooling.input, 2), [p](const Tensor& x) { return ops::avg_pool2d(x, p); });
        p.count_include_pad = true;
        add("avg_pool2d counting padding " + name, uniform(pooling.input, 3),
            [p](const Tensor& x) { return ops::avg_pool2d(x, p); });
    }
    for (const Shape& shape : {Shape{2, 5, 7, 3}, Shape{1, 1, 1, 1}, Shape{1, 4, 3, 17}})
        add("global_avg_pool " + shape.str(), uniform(shape, 4), ops::global_avg_pool);
    return cases;
}

}  // namespace camber::testing
