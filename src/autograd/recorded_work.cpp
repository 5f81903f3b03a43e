#include "autograd/recorded_work.h"

#include <camber/autograd.h>
#include <camber/error.h>

namespace camber {
namespace {

thread_local int running = 0;

struct Running {
    Running() { ++running; }
    ~Running() { --running; }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
};

}  // namespace

bool RecordedWork::is_running() { return running > 0; }

void RecordedWork::run(Backend& device, const std::function<void()>& work, std::string& why_not,
                       const std::function<bool(bool)>& any) {
    const Running scope;
    if (!warm_ || !why_not.empty()) {
        warm_ = true;
        return work();
    }
    if (!recording_) {
        try {
            recording_ = device.record(work);
            if (!recording_) why_not = "the device does not record steps";
        } catch (const Error& error) {
            clear_tape();
            why_not = error.what();
        }
        if (any && any(!recording_) && recording_) {
            recording_.reset();
            why_not = "another process cannot record it";
        }
        if (!recording_) return work();
    }
    recording_->replay();
}

}  // namespace camber
