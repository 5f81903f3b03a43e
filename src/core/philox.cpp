#include <camber/philox.h>

#include <cmath>
#include <numbers>

namespace camber {

float Philox::normal() {
    const float u = 1.0f - uniform();  // (0, 1]: log is finite
    const float v = uniform();
    return std::sqrt(-2.0f * std::log(u)) * std::cos(2.0f * std::numbers::pi_v<float> * v);
}

}  // namespace camber
