#pragma once
#include <functional>
#include <memory>

#include "backend/backend.h"
#include "cuda/runtime/gpu.h"

namespace camber::CAMBER_GPU {

/// Backend::record: what `work` queues, with memory of its own.
std::unique_ptr<Recording> record_graph(const std::function<void()>& work);

}  // namespace camber::CAMBER_GPU
