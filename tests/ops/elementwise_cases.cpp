#include "ops/operation_case.h"

namespace camber::testing {

std::vector<OperationCase> elementwise_cases() {
    std::vector<OperationCase> cases;
    for (const Shape& shape :
         {Shape{1, 1, 1, 1}, Shape{2, 5, 7, 3}, Shape{1, 1, 1, 17}, Shape{1, 3, 2, 17}, Shape{7}, Shape{3, 11}}) {
        const auto unary = [&](const char* name, const Tensor& input, auto operation) {
            cases.push_back({.name = std::string(name) + " " + shape.str(),
                             .inputs = {input},
                             .activations = 1,
                             .apply = [operation](const std::vector<Tensor>& in) { return operation(in[0]); }});
        };
        unary("relu", away_from_zero(shape, 1), ops::relu);
        unary("softmax", uniform(shape, 2, -3, 3), ops::softmax);
        unary("scale", uniform(shape, 3), [](const Tensor& x) { return ops::scale(x, -2.5); });
        unary("dropout", uniform(shape, 4), [](const Tensor& x) {
            return ops::dropout(x, 0.4, {.seed = 7, .stream = Stream::dropout, .sequence = 3});
        });
        unary("sum", uniform(shape, 5), ops::sum);
        unary("mean", uniform(shape, 6), ops::mean);
        cases.push_back({.name = "add " + shape.str(),
                         .inputs = {uniform(shape, 7), uniform(shape, 8)},
                         .activations = 2,
                         .apply = [](const std::vector<Tensor>& in) { return ops::add(in[0], in[1]); }});
    }
    return cases;
}

}  // namespace camber::testing
