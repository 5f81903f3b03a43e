#pragma once
#include <utility>

#include "backend/backend.h"

namespace camber {

/// The backend of Device::meta: tensors have shapes and no elements, so every primitive does nothing. A forward pass
/// of any size then costs nothing and yields shapes.
Backend& meta_backend();

/// The backend whose convolutions' scratch is counted on Device::meta, on this thread; null: none is.
inline thread_local const Backend* planned_backend = nullptr;

/// For its lifetime.
class PlannedBackend {
  public:
    explicit PlannedBackend(const Backend* backend) : before_(std::exchange(planned_backend, backend)) {}
    ~PlannedBackend() { planned_backend = before_; }
    PlannedBackend(const PlannedBackend&) = delete;
    PlannedBackend& operator=(const PlannedBackend&) = delete;

  private:
    const Backend* before_;
};

}  // namespace camber
