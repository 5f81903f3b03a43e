#pragma once
#include <string>

#include "backend/backend.h"
#include "cuda/runtime/gpu.h"

namespace camber::CAMBER_GPU {

/// Each family of methods is in the .cu file of its name; convolutions are in backend/conv.cpp, which asks libraries
/// too.
class GpuBackend final : public Backend {
  public:
    // backend/backend.cpp
    Device device() const override { return this_device; }
    std::string describe() const override;
    void synchronize() override;
    std::unique_ptr<Recording> record(const std::function<void()>& work) override;
    std::unique_ptr<DeviceSums> join(const Meeting& meeting) override;
    std::unique_ptr<Timeline> timeline() override;
    std::string why_not_in(Dtype dtype) const override;

#define PRIMITIVE(name, parameters, ...) void name parameters override;
#include "backend/primitives.def"
};

}  // namespace camber::CAMBER_GPU
