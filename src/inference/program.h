#pragma once
#include <memory>

#include "inference/arena.h"
#include "inference/fuse.h"

namespace camber::inference {

/// A network in evaluation, made ready for inputs of one shape: traced, fused and its convolutions prepared (on the
/// host), and its activations placed in one block of memory.
class Program {
  public:
    /// The network's parameters are on `device`. Throws Error as trace() does.
    Program(nn::Module& net, const Shape& input, Dtype dtype, Device device, KeptWeights& kept);

    /// net.forward(x), in memory of its own. Not by two threads at a time.
    Tensor run(const Tensor& x);

    const std::vector<Step>& steps() const { return steps_; }
    /// Of the activations that are in the block, in elements.
    const std::vector<Lifetime>& lifetimes() const { return lifetimes_; }
    const ArenaPlan& arena() const { return plan_; }
    /// run(x), and what each step took by a clock in seconds.
    std::vector<double> time(const Tensor& x, const std::function<double()>& clock);

  private:
    void plan();
    Tensor placed(const Tensor& activation) const;
    Tensor run(const Tensor& x, const std::function<void()>& before_step);
    void do_step(std::size_t i);

    Backend& device_;
    Trace trace_;
    std::vector<Step> steps_;
    std::vector<std::unique_ptr<PreparedConvolution>> convolutions_;  ///< of each step; null for others
    std::map<const Storage*, std::size_t> buffers_;                   ///< activations in the block
    std::vector<Lifetime> lifetimes_;
    ArenaPlan plan_;
    Tensor block_, input_, output_;
};

}  // namespace camber::inference
