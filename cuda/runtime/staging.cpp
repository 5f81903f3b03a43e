#include "cuda/runtime/staging.h"

#include <algorithm>
#include <cstring>

namespace camber::CAMBER_GPU {

Staging::Staging(std::size_t buffer_bytes, int buffers) : bytes_(buffer_bytes) {
    for (int i = 0; i < buffers; ++i) {
        void* const memory = take_pinned_memory(bytes_);
        if (!memory) break;
        buffers_.emplace_back(memory);
    }
}

Staging::~Staging() {
    try {
        for (const Buffer& buffer : buffers_)
            if (buffer.pending) buffer.copied.wait();
    } catch (const Error&) {
        // A device that has failed copies nothing any more.
    }
}

void Staging::upload(void* device, const void* host, std::size_t bytes, StreamKind stream) {
    if (stream == StreamKind::compute) refuse_while_recording("copy_to_device");
    if (buffers_.empty()) return copy_to_device(device, host, bytes, stream);
    const std::lock_guard lock(mutex_);
    for (std::size_t done = 0; done < bytes;) {
        Buffer& buffer = buffers_[next_];
        next_ = (next_ + 1) % buffers_.size();
        if (buffer.pending) buffer.copied.wait();
        const std::size_t part = std::min(bytes_, bytes - done);
        std::memcpy(buffer.memory.get(), static_cast<const char*>(host) + done, part);
        copy_to_device(static_cast<char*>(device) + done, buffer.memory.get(), part, stream);
        buffer.copied.record(stream);
        buffer.pending = true;
        done += part;
    }
}

Staging& staging() {
    static auto* ring = new Staging(std::size_t{4} << 20, 4);  // never destroyed, as the device's memory
    return *ring;
}

}  // namespace camber::CAMBER_GPU
