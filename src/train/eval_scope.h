#pragma once
#include <camber/autograd.h>
#include <camber/module.h>

namespace camber {

/// A network in evaluation, without gradients, for its lifetime.
class EvalScope {
  public:
    explicit EvalScope(nn::Module& net) : net_(net), was_training_(net.training()) { net_.eval(); }
    ~EvalScope() { net_.train(was_training_); }
    EvalScope(const EvalScope&) = delete;
    EvalScope& operator=(const EvalScope&) = delete;

    bool was_training() const { return was_training_; }

  private:
    nn::Module& net_;
    bool was_training_;
    NoGrad no_grad_;
};

}  // namespace camber
