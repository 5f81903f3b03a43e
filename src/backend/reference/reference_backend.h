#pragma once
#include "backend/reference/reference.h"

namespace camber::reference {

/// Each family of methods is in the file of its name.
class ReferenceBackend final : public Backend {
  public:
    Device device() const override { return Device::reference; }
    std::string describe() const override { return "plain loops, double accumulators"; }

#define PRIMITIVE(name, parameters, ...) void name parameters override;
#include "backend/primitives.def"
};

}  // namespace camber::reference
