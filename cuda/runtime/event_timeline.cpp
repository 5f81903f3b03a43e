#include "cuda/runtime/event_timeline.h"

namespace camber::CAMBER_GPU {

std::size_t EventTimeline::mark() {
    refuse_while_recording("Timeline::mark");  // an event of a graph has no time
    if (marks_ == events_.size()) events_.push_back(std::make_unique<Event>(EventUse::timing));
    events_[marks_]->record(StreamKind::compute);
    return marks_++;
}

std::vector<double> EventTimeline::seconds() {
    std::vector<double> result(marks_);
    if (marks_ > 0) events_[marks_ - 1]->wait();
    // From mark to mark: the milliseconds of a long time, in single precision, would say little of a short one.
    for (std::size_t i = 1; i < marks_; ++i)
        result[i] = result[i - 1] + 1e-3 * static_cast<double>(events_[i]->milliseconds_since(*events_[i - 1]));
    marks_ = 0;
    return result;
}

}  // namespace camber::CAMBER_GPU
