#include "backend/cases.h"

#include "backend/augment_cases.h"
#include "backend/conv_cases.h"
#include "backend/dropout_cases.h"
#include "backend/elementwise_cases.h"
#include "backend/loss_cases.h"
#include "backend/metrics_cases.h"
#include "backend/norm_cases.h"
#include "backend/optimizer_cases.h"
#include "backend/pool_cases.h"
#include "backend/reduce_cases.h"
#include "backend/resize_cases.h"
#include "backend/shape_cases.h"
#include "backend/softmax_cases.h"

namespace camber::testing {

Cases primitive_cases(const Level& s) {
    const std::int64_t n = s.batch, hw = s.pixels, c = s.channels, k = s.classes;
    const int extent = static_cast<int>(hw), last_class = static_cast<int>(k) - 1;
    const Shape image{n, hw, hw}, full{n, hw, hw, c}, half{n, hw / 2, hw / 2, c}, logits{n, hw, hw, k};
    const Conv2dParams same{.padding = {1, 1, 1, 1}}, stride2{.stride_h = 2, .stride_w = 2, .padding = {}};
    const BatchNormParams relu{.relu = true};
    const Segments all = {{0, s.parameters, 0}};
    Cases cases;
    const auto add = [&](const Cases& more) { cases.insert(cases.end(), more.begin(), more.end()); };

    add(elementwise(full));
    add({dropout(full, 0.2, {1, Stream::dropout, 0})});
    add(batch_norm(full, relu));
    add(batch_norm_residual(full, relu));
    // As a U-Net's encoder has it: y and its gradient are half of a concatenation.
    add(batch_norm_pooled(full, relu, c, 2 * c));
    add({batch_norm_pooled_backward(full, relu, c, 2 * c)});
    add(max_pooling(full, {}));
    add(max_pooling(full, {.kernel_h = 3, .kernel_w = 3, .padding = {1, 0, 1, 0}}));
    add(average_pooling(full, {extent, extent, 1, 1, {}, false}));
    add(resizing(half, full, ResizeMode::nearest));
    add(resizing(half, full, ResizeMode::bilinear));
    add({padding(full, {1, 1, 1, 1}), channel_copy(image, {c, 0, 2 * c, c, c})});
    add(pixel_shuffling({n, hw / 2, hw / 2}, c, 2));
    add({sum(full), channel_sums(full)});

    add(segmentation_loss({logits, {.cross_entropy = 1, .ignore_index = last_class}, false, 3, false}));
    add(segmentation_loss({logits, {.cross_entropy = 1, .dice = 1, .focal = 1, .ignore_index = last_class}}));
    add({softmax(logits, 3), softmax_backward(logits), largest(logits)});
    // Maps of twice the logits' size.
    add({counted_predictions(logits, {static_cast<std::size_t>(n), {2 * extent, 2 * extent}}, last_class)});
    add({augmented_batch(image, {image, 3 * extent, 4 * extent})});
    add({gradient_norm(s.parameters, all), optimizer_step("AdamW", s.parameters, all, {.kind = OptimizerKind::adamw})});

    add(convolution({n, hw, hw, c, c, 3, 3, same}, Bias::without));
    // The decoder's transposed convolution to this level.
    add(convolution({n, hw, hw, c, 2 * c, 2, 2, stride2}, Bias::without));
    return cases;
}

}  // namespace camber::testing
