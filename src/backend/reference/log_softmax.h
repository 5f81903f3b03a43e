#pragma once
#include <cmath>
#include <cstdint>

namespace camber::reference {

/// out[c] = log of softmax(logits)[c], safe for logits of any size: log q keeps its digits where q itself underflows.
template <class A>
void log_softmax(const A* logits, std::int64_t channels, double* out) {
    double largest = static_cast<double>(logits[0]);
    for (std::int64_t c = 1; c < channels; ++c) largest = std::fmax(largest, static_cast<double>(logits[c]));
    double total = 0;
    for (std::int64_t c = 0; c < channels; ++c) total += std::exp(static_cast<double>(logits[c]) - largest);
    const double shift = largest + std::log(total);
    for (std::int64_t c = 0; c < channels; ++c) out[c] = static_cast<double>(logits[c]) - shift;
}

}  // namespace camber::reference
