#pragma once
#include <camber/autograd.h>

namespace camber {

/// One recorded operation. It holds its output's and inputs' gradient slots, not the tensors, so what the step did not
/// save is freed as soon as the forward pass has no use for it.
struct Node {
    std::shared_ptr<AutogradMeta> output;
    std::vector<std::shared_ptr<AutogradMeta>> inputs;
    BackwardStep step;
};

/// The operations recorded on one thread, in order of execution.
class Tape {
  public:
    static Tape& current();

    void push(Node node) { nodes_.push_back(std::move(node)); }
    void clear() { nodes_.clear(); }
    void backward(const Tensor& loss, double scale);

    bool enabled = true;

  private:
    std::vector<Node> nodes_;
};

}  // namespace camber
