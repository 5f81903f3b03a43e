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

/// Is told how a backward pass goes.
class BackwardFollower {
  public:
    virtual ~BackwardFollower() = default;
    /// Before `nodes` are walked from their end.
    virtual void begin(const std::vector<Node>& nodes) = 0;
    /// After a node gave its inputs' gradients, or was found not to be on the way to the loss.
    virtual void passed(const Node& node) = 0;
};

/// The operations recorded on one thread, in order of execution.
class Tape {
  public:
    static Tape& current();

    void push(Node node) { nodes_.push_back(std::move(node)); }
    void clear() { nodes_.clear(); }
    void backward(const Tensor& loss, double scale);

    bool enabled = true;
    BackwardFollower* follower = nullptr;

  private:
    std::vector<Node> nodes_;
};

}  // namespace camber
