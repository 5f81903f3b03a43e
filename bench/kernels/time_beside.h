#pragma once
#include "kernels/time_call.h"

namespace camber::bench {

/// Of a call on the host and of another one, timed in turns: what disturbs one for long disturbs the other. Seconds are
/// of processor time, those of the thread that took most: what other programs take meanwhile is not in them.
struct Beside {
    Spread call, other;
};
Beside time_beside(const std::function<void()>& call, const std::function<void()>& other, const Rounds& rounds);

}  // namespace camber::bench
