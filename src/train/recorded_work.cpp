#include "train/recorded_work.h"

#include <camber/autograd.h>
#include <camber/error.h>

namespace camber {

void RecordedWork::run(Backend& device, const std::function<void()>& work, std::string& why_not) {
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
        if (!recording_) return work();
    }
    recording_->replay();
}

}  // namespace camber
