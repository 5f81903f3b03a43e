#pragma once
#include <cstddef>
#include <memory>
#include <vector>

namespace camber {

/// Takes the time on a device, whose work need not be waited for in between.
class Timeline {
  public:
    virtual ~Timeline() = default;
    /// Marks the moment at which all that was queued so far is done. Returns how many marks came before it.
    virtual std::size_t mark() = 0;
    /// Waits for the marks; seconds from the first to each. They are then forgotten.
    virtual std::vector<double> seconds() = 0;
};

/// For a device that has done what it was asked for when it returns: the host's clock.
std::unique_ptr<Timeline> host_timeline();

}  // namespace camber
