#include "backend/timeline.h"

#include <chrono>

namespace camber {
namespace {

class HostTimeline final : public Timeline {
  public:
    std::size_t mark() override {
        marks_.push_back(Clock::now());
        return marks_.size() - 1;
    }
    std::vector<double> seconds() override {
        std::vector<double> result;
        for (const Clock::time_point mark : marks_)
            result.push_back(std::chrono::duration<double>(mark - marks_.front()).count());
        marks_.clear();
        return result;
    }

  private:
    using Clock = std::chrono::steady_clock;
    std::vector<Clock::time_point> marks_;
};

}  // namespace

std::unique_ptr<Timeline> host_timeline() { return std::make_unique<HostTimeline>(); }

}  // namespace camber
