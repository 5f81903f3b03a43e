#pragma once
#include <camber/parameter_buffer.h>

#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "autograd/tape.h"
#include "distributed/communicator.h"

namespace camber::distributed {

/// Sums the gradients of all ranks while a backward pass makes them: the flat buffer is cut into buckets, and from its
/// end, where the pass begins, each bucket's sum starts once no step can add to its gradients any more. The pass
/// moves the sums on as it goes.
class GradientReducer : private BackwardFollower {
  public:
    static constexpr std::int64_t bucket_bytes = std::int64_t{25} << 20;

    /// Of the parameters that are trainable now; they outlive it.
    GradientReducer(Communicator& world, nn::ParameterBuffer& parameters, std::int64_t bytes = bucket_bytes);

    /// backward(loss), with the gradients summed over all ranks; ends with complete_gradients().
    void backward(const Tensor& loss);

    struct Times {
        double waited = 0;      ///< after the backward pass, for what was not done
        double within = 0;      ///< in starting and moving on, during it
        std::size_t early = 0;  ///< sums that started before its end
    };
    const Times& times() const { return times_; }
    std::size_t buckets() const { return buckets_.size(); }

  private:
    struct Bucket {
        std::int64_t begin, end;  ///< elements of the flat buffer
        std::size_t open = 0;     ///< parameters that a step of the pass may still add to
    };

    void begin(const std::vector<Node>& nodes) override;
    void passed(const Node& node) override;
    /// Starts what is ready, in the one order that all ranks have.
    void start_ready();
    void start(const Bucket& bucket);

    Communicator& world_;
    nn::ParameterBuffer& parameters_;
    std::vector<Bucket> buckets_;  ///< from the end of the flat buffer
    std::unordered_map<const AutogradMeta*, std::size_t> bucket_of_;
    std::unordered_map<const AutogradMeta*, int> uses_;  ///< by steps that the pass has before it
    std::size_t next_ = 0;                               ///< bucket to start
    std::deque<std::unique_ptr<Communicator::Pending>> pending_;
    Times times_;
};

}  // namespace camber::distributed
