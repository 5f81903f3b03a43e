#include <camber/prediction.h>

#include <algorithm>
#include <cmath>

namespace camber {

void softmax(float* logits, std::int64_t classes) {
    const float most = *std::max_element(logits, logits + classes);
    float sum = 0;
    for (std::int64_t c = 0; c < classes; ++c) sum += logits[c] = std::exp(logits[c] - most);
    for (std::int64_t c = 0; c < classes; ++c) logits[c] /= sum;
}

}  // namespace camber
