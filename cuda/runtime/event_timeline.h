#pragma once
#include <memory>
#include <vector>

#include "backend/timeline.h"
#include "cuda/runtime/runtime.h"

namespace camber::CAMBER_GPU {

/// By events on the compute stream, which are used again: as many are kept as there ever were marks at once.
class EventTimeline final : public Timeline {
  public:
    std::size_t mark() override;
    std::vector<double> seconds() override;

  private:
    std::vector<std::unique_ptr<Event>> events_;
    std::size_t marks_ = 0;
};

}  // namespace camber::CAMBER_GPU
