#pragma once
#include "backend/backend.h"

namespace camber {

/// The backend of Device::meta: tensors have shapes and no elements, so every primitive does nothing. A forward pass
/// of any size then costs nothing and yields shapes.
Backend& meta_backend();

}  // namespace camber
