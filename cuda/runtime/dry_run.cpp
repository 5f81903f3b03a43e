#include "cuda/runtime/dry_run.h"

#include <camber/error.h>

#include "cuda/emulator/arena.h"
#include "cuda/emulator/queue.h"
#include "cuda/runtime/arrivals.h"

namespace camber::emulator {

DryRun::DryRun() {
    if (queue().counts) fail("a dry run is going on already");
    emulated::arrival_counters();  // made now and zeroed: they outlive the dry run
    queue().counts = &launches_;
    Arena::get().set_unlimited(true);
}

DryRun::~DryRun() {
    queue().counts = nullptr;
    Arena::get().set_unlimited(false);
}

}  // namespace camber::emulator
