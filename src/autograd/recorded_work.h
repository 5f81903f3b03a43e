#pragma once
#include <functional>
#include <memory>
#include <string>

#include "backend/backend.h"

namespace camber {

/// Work that a device is given again and again: queued as it is the first time, so that plans are made and memory
/// becomes known, recorded the second time, and replayed from then on.
class RecordedWork {
  public:
    /// Once `why_not` says why it cannot be recorded, it is queued an operation at a time. Several works that go
    /// together share theirs. any(holds): of processes that do the same work together, whether it holds for one; what
    /// one cannot record, none does.
    void run(Backend& device, const std::function<void()>& work, std::string& why_not,
             const std::function<bool(bool)>& any = {});

    bool recorded() const { return recording_ != nullptr; }
    /// Whether this thread is in some run(): what is called there is part of what is recorded.
    static bool is_running();

  private:
    bool warm_ = false;
    std::unique_ptr<Recording> recording_;
};

}  // namespace camber
