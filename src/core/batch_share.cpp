#include "core/batch_share.h"

#include <utility>

namespace camber {
namespace {

thread_local const BatchShare* current = nullptr;

}  // namespace

BatchShareScope::BatchShareScope(const BatchShare* share) : previous_(std::exchange(current, share)) {}
BatchShareScope::~BatchShareScope() { current = previous_; }

const BatchShare* batch_share() { return current; }
const BatchShare* batch_norm_share() { return current && !current->normalises_alone ? current : nullptr; }

std::int64_t first_element_of_share(std::int64_t own, std::int64_t elements) {
    return current && own > 0 ? current->first * (elements / own) : 0;
}

}  // namespace camber
