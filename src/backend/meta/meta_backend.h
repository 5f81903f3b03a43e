#pragma once
#include <tuple>

#include "backend/backend.h"

namespace camber {

/// Does nothing: tensors on Device::meta have shapes and no elements.
class MetaBackend : public Backend {
  public:
    Device device() const override { return Device::meta; }
    std::string describe() const override { return "shapes only"; }

#define PRIMITIVE(name, parameters, arguments, bytes) \
    void name parameters override { std::ignore = std::tie arguments; }
#include "backend/primitives.def"
};

}  // namespace camber
