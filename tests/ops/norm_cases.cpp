#include "ops/operation_case.h"
#include "support/compare.h"

namespace camber::testing {

std::vector<OperationCase> norm_cases() {
    std::vector<OperationCase> cases;
    for (const Shape& shape : {Shape{2, 5, 7, 3}, Shape{1, 3, 4, 17}, Shape{3, 1, 1, 1}, Shape{4, 1, 2, 3}}) {
        for (const bool training : {true, false}) {
            for (const bool relu : {false, true}) {
                const Shape channels{shape.back()};
                const Tensor running_mean = uniform(channels, 4), running_var = uniform(channels, 5, 0.5f, 1.5f);
                cases.push_back(
                    {.name = std::string("batch_norm ") + (training ? "training " : "inference ") +
                             (relu ? "with ReLU " : "") + shape.str(),
                     .inputs = {uniform(shape, 1, -2, 3), uniform(channels, 2, 0.5f, 1.5f), uniform(channels, 3)},
                     .activations = 1,
                     .apply = [=](const std::vector<Tensor>& in) {
                         // Training changes the running statistics: every application has its own.
                         const Dtype dtype = parameter_dtype(in[0].dtype());
                         return ops::batch_norm(in[0],
                                                {in[1], in[2], converted(running_mean, dtype, in[0].device()),
                                                 converted(running_var, dtype, in[0].device())},
                                                training, {.eps = 1e-3, .relu = relu});
                     }});
                cases.push_back(
                    {.name = std::string("batch_norm with residual ") + (training ? "training " : "inference ") +
                             (relu ? "with ReLU " : "") + shape.str(),
                     .inputs = {uniform(shape, 1, -2, 3), uniform(shape, 6, -1, 1), uniform(channels, 2, 0.5f, 1.5f),
                                uniform(channels, 3)},
                     .activations = 2,
                     .apply = [=](const std::vector<Tensor>& in) {
                         const Dtype dtype = parameter_dtype(in[0].dtype());
                         return ops::batch_norm(in[0],
                                                {in[2], in[3], converted(running_mean, dtype, in[0].device()),
                                                 converted(running_var, dtype, in[0].device())},
                                                training, {.eps = 1e-3, .relu = relu}, in[1]);
                     }});
            }
        }
    }
    // The maxima of windows, used alone and together with what they are the maxima of.
    for (const Shape& shape : {Shape{2, 4, 6, 3}, Shape{1, 5, 7, 17}, Shape{2, 2, 2, 2}})
        for (const bool training : {true, false})
            for (const bool both : {true, false}) {
                const Shape channels{shape.back()};
                const Tensor running_mean = uniform(channels, 4), running_var = uniform(channels, 5, 0.5f, 1.5f);
                cases.push_back(
                    {.name = fmt::format("batch_norm_max_pool {} {} {}", training ? "training" : "inference",
                                         both ? "both" : "pooled", shape.str()),
                     .inputs = {clear_maxima(shape, 1), uniform(channels, 2, 0.5f, 1.5f), uniform(channels, 3)},
                     .activations = 1,
                     .apply = [=](const std::vector<Tensor>& in) {
                         const Dtype dtype = parameter_dtype(in[0].dtype());
                         const ops::NormalisedAndPooled out =
                             ops::batch_norm_max_pool(in[0],
                                                      {in[1], in[2], converted(running_mean, dtype, in[0].device()),
                                                       converted(running_var, dtype, in[0].device())},
                                                      training, {.eps = 1e-3, .relu = true});
                         if (!both) return out.pooled;
                         return ops::concat(
                             {out.y(), ops::resize(out.pooled, shape[1], shape[2], ResizeMode::nearest)});
                     }});
            }
    // Put into the features' own memory, with their maxima and without.
    for (const Shape& shape : {Shape{2, 4, 6, 3}, Shape{1, 5, 7, 16}})
        for (const bool both : {true, false}) {
            const Shape channels{shape.back()};
            const Tensor running_mean = uniform(channels, 4), running_var = uniform(channels, 5, 0.5f, 1.5f);
            cases.push_back(
                {.name = fmt::format("concat_into {} {}", both ? "and the maxima" : "alone", shape.str()),
                 .inputs = {clear_maxima(shape, 1), uniform({shape[0], shape[1], shape[2], 5}, 6),
                            uniform(channels, 2, 0.5f, 1.5f), uniform(channels, 3)},
                 .activations = 2,
                 .apply = [=](const std::vector<Tensor>& in) {
                     const Dtype dtype = parameter_dtype(in[0].dtype());
                     ops::NormalisedAndPooled features =
                         ops::batch_norm_max_pool(in[0],
                                                  {in[2], in[3], converted(running_mean, dtype, in[0].device()),
                                                   converted(running_var, dtype, in[0].device())},
                                                  true, {.eps = 1e-3, .relu = true}, 5);
                     const Tensor pooled = features.pooled;
                     const Tensor joined = ops::concat_into(in[1], std::move(features));
                     if (!both) return joined;
                     return ops::concat({joined, ops::resize(pooled, shape[1], shape[2], ResizeMode::nearest)});
                 }});
        }
    return cases;
}

}  // namespace camber::testing
