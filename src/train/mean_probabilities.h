#pragma once
#include <camber/tensor.h>

namespace camber {

/// The mean of the probabilities that several logits of the same pixels give.
class MeanProbabilities {
  public:
    /// Of logits of a shape [..., classes].
    explicit MeanProbabilities(const Shape& shape);
    /// F32 on the CPU.
    void add(const Tensor& logits);
    /// Logits whose softmax is the mean, its logarithms; f32 on the CPU. Call once, last.
    Tensor logits();

  private:
    Tensor sums_;
    int count_ = 0;
};

}  // namespace camber
