#pragma once
#include <camber/nets.h>
#include <camber/optim.h>
#include <camber/parameter_buffer.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "backend/backend.h"

/// What bench_step measures.
namespace camber::bench {

struct StepSize {
    Device device = Device::cpu;
    Dtype dtype = Dtype::f32;  ///< of activations
    int batch = 4;
    int size = 256;  ///< height and width
    std::string net = "unet";
    /// Of the network, over its defaults but these: 11 classes, and no dropout in the plain U-Net.
    nlohmann::json options = nlohmann::json::object();
};

/// The network of a step.
std::unique_ptr<nets::Net> make_net(const StepSize& size);

/// Training steps (cross-entropy, of auxiliary heads too, Adam) on one batch of random pixels whose labels follow from
/// them. Each object starts from the same weights and pixels.
class TrainingStep {
  public:
    explicit TrainingStep(const StepSize& size);

    /// Queues a step: an operation at a time, or once record() has succeeded as it was recorded.
    void run();
    /// Empty, or one line that says why the device cannot record the step, which then is queued as before. To be called
    /// after two steps, so that plans are made and memory is known.
    std::string record();
    void synchronize() const { backend(size_.device).synchronize(); }

    /// Of the last step; waits for it.
    double loss() const { return loss_.item(); }
    /// FNV-1a of the parameters' bits; waits for the steps queued.
    std::uint64_t checksum() const;

  private:
    /// All of a step but the numbers that change from one to the next.
    void work();

    const StepSize size_;
    const std::unique_ptr<nets::Net> net_;
    nn::ParameterBuffer parameters_;
    Optimizer optimizer_;
    Tensor images_, labels_, loss_;
    std::unique_ptr<Recording> recording_;
};

}  // namespace camber::bench
