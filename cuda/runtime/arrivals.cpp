#include "cuda/runtime/arrivals.h"

#include <camber/tensor.h>

namespace camber::CAMBER_GPU {

unsigned* arrival_counters() {
    // Never destroyed, as the device's memory.
    static const auto* const counters = new Tensor(Tensor::zeros({arrival_counter_count}, Dtype::i32, this_device));
    return static_cast<unsigned*>(counters->raw());
}

}  // namespace camber::CAMBER_GPU
