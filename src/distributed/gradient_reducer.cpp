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
    std::size_t last = entries.size() + 1;  // that is in a bucket
    for (std::size_t i = entries.size(); i-- > 0;) {
        const nn::ParameterBuffer::Entry& entry = entries[i];
        if (!entry.trainable()) continue;
        // A head's room for more rows has gradients, which are zero.
        const std::int64_t end = entry.begin + entry.leaf().numel();
        if (i + 1 != last || (buckets_.back().end - entry.begin) * element > bytes)
            buckets_.push_back({entry.begin, end});
        buckets_.back().begin = entry.begin;
        last = i;
        bucket_of_[entry.leaf().autograd_meta().get()] = buckets_.size() - 1;
    }
}

void GradientReducer::backward(const Tensor& loss) {
    next_ = 0;
    pending_.clear();  // where the last pass failed
    {
        const Following following(this);
        camber::backward(loss);
    }
    {
        const Spending spending(times_.waited);
        start_ready();
        for (; !pending_.empty(); pending_.pop_front()) pending_.front()->wait();
    }
    // Of parameters that no step gave a gradient, as biases that a batch normalisation takes away, whatever lay there
    // has been summed: it is zeroed here.
    parameters_.complete_gradients();
}

void GradientReducer::begin(const std::vector<Node>& nodes) {
    uses_.clear();
    for (Bucket& bucket : buckets_) bucket.open = 0;
    for (const Node& node : nodes)
        for (const std::shared_ptr<AutogradMeta>& input : node.inputs)
            if (bucket_of_.contains(input.get())) ++uses_[input.get()];
    for (const auto& [parameter, bucket] : bucket_of_)
        if (uses_.contains(parameter)) ++buckets_[bucket].open;
}

void GradientReducer::passed(const Node& node) {
    for (const std::shared_ptr<AutogradMeta>& input : node.inputs) {
        const auto found = bucket_of_.find(input.get());
        if (found != bucket_of_.end() && --uses_[input.get()] == 0) --buckets_[found->second].open;
    }
    const Spending spending(times_.within);
    const std::size_t before = next_;
    start_ready();
    times_.early += next_ - before;
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
