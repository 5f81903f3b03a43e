#include "distributed/gradient_reducer.h"

#include <camber/autograd.h>

#include "distributed/spending.h"

namespace camber::distributed {
namespace {

/// Has the tape's follower be `follower` for its lifetime.
class Following {
  public:
    explicit Following(BackwardFollower* follower) { Tape::current().follower = follower; }
    ~Following() { Tape::current().follower = nullptr; }
    Following(const Following&) = delete;
    Following& operator=(const Following&) = delete;
};

}  // namespace

GradientReducer::GradientReducer(Communicator& world, nn::ParameterBuffer& parameters, std::int64_t bytes)
    : world_(world), parameters_(parameters) {
    const std::vector<nn::ParameterBuffer::Entry>& entries = parameters.parameters();
    const auto element = static_cast<std::int64_t>(size_of(parameters.gradients().dtype()));
    for (std::size_t i = entries.size(); i-- > 0;) {
        const nn::ParameterBuffer::Entry& entry = entries[i];
        if (!entry.trainable()) continue;
        // A head's room for more rows has gradients, which are zero.
        const std::int64_t end = entry.begin + entry.leaf().numel();
        const bool follows = !buckets_.empty() && i + 1 < entries.size() && buckets_.back().parameters.back() == i + 1;
        if (!follows || (buckets_.back().end - entry.begin) * element > bytes)
            buckets_.push_back({entry.begin, end, {}});
        buckets_.back().begin = entry.begin;
        buckets_.back().parameters.push_back(i);
        bucket_of_[entry.leaf().autograd_meta().get()] = buckets_.size() - 1;
    }
}

void GradientReducer::backward(const Tensor& loss) {
    next_ = 0;
    {
        const Following following(this);
        camber::backward(loss);
    }
    parameters_.complete_gradients();
    const Spending spending(times_.waited);
    while (next_ < buckets_.size()) start(buckets_[next_++]);
    for (; !pending_.empty(); pending_.pop_front()) pending_.front()->wait();
}

void GradientReducer::begin(const std::vector<Node>& nodes) {
    uses_.clear();
    for (const Node& node : nodes)
        for (const std::shared_ptr<AutogradMeta>& input : node.inputs)
            if (bucket_of_.contains(input.get())) ++uses_[input.get()];
    // What no step uses is complete after the pass.
    for (Bucket& bucket : buckets_) bucket.open = bucket.parameters.size();
}

void GradientReducer::passed(const Node& node) {
    for (const std::shared_ptr<AutogradMeta>& input : node.inputs) {
        const auto found = bucket_of_.find(input.get());
        if (found == bucket_of_.end() || --uses_[input.get()] > 0) continue;
        if (input->has_grad) --buckets_[found->second].open;
    }
    const Spending spending(times_.within);
    start_ready();
    while (!pending_.empty() && pending_.front()->done()) pending_.pop_front();
}

void GradientReducer::start_ready() {
    while (next_ < buckets_.size() && buckets_[next_].open == 0) start(buckets_[next_++]);
}

void GradientReducer::start(const Bucket& bucket) {
    const Tensor& flat = parameters_.gradients();
    pending_.push_back(world_.start_sum(flat.slice(bucket.begin, {bucket.end - bucket.begin})));
}

}  // namespace camber::distributed
