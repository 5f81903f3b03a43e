#pragma once
#include <camber/tensor.h>

#include <cstdint>

namespace camber::cpu {

/// labels [height, width] u8: as Backend::count_predictions predicts them, of image n of logits [N, H, W, C] A on the
/// CPU.
void predicted_labels(const Tensor& logits, std::int64_t n, std::int64_t height, std::int64_t width,
                      std::uint8_t* labels);

/// rows [1, R, W2, C] f32: rows `top` to top + R of logits [1, H, W, C] resized to height x W2, as those labels are
/// taken from. Of the logits, f32 on the CPU, `part` [1, N, W, C] are the rows from `first` on that those need, and
/// in_height is H.
void resized_rows(const Tensor& part, std::int64_t first, std::int64_t in_height, std::int64_t height, std::int64_t top,
                  const Tensor& rows);

}  // namespace camber::cpu
