#pragma once
#include <memory>
#include <string>
#include <vector>

#include "cuda/kernels/conv.h"

namespace camber::CAMBER_GPU {

/// One way in which a library computes calls of one shape.
class ConvPlan {
  public:
    virtual ~ConvPlan() = default;
    /// For people: "engine 51, knobs 2=3 13=64".
    virtual std::string text() const = 0;
    /// What ConvLibrary::restore() makes the same plan of, in another process too.
    virtual std::string saved() const = 0;
    /// Queues `call`, which has the shape that the plan was made for, on the compute stream. Throws Error where the
    /// library refuses.
    virtual void run(const ConvCall& call) const = 0;
};

/// A library that computes convolutions. Image and response are aligned to 16 bytes.
class ConvLibrary {
  public:
    virtual ~ConvLibrary() = default;
    /// In the choices on disk: "cudnn".
    virtual std::string name() const = 0;
    /// Plans for the call's shape, those that the library expects to be fastest first; empty where it has
    /// none. Throws Error where it does not accept the shape.
    virtual std::vector<std::unique_ptr<ConvPlan>> plans(const ConvCall& call) = 0;
    /// Throws Error where `saved` is not of this library's version and device.
    virtual std::unique_ptr<ConvPlan> restore(const ConvCall& call, const std::string& saved) = 0;
};

}  // namespace camber::CAMBER_GPU
