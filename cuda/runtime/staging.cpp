#include "cuda/runtime/staging.h"

#include <algorithm>
#include <cstring>
#include <mutex>

namespace camber::CAMBER_GPU {
namespace {
std::mutex& mutex() {
    static std::mutex m;
    return m;
}
}  // namespace

Staging::Staging(std::size_t buffer_bytes, int buffers)
    : bytes_(buffer_bytes), buffers_(static_cast<std::size_t>(buffers)) {
    for (Buffer& buffer : buffers_) {
        buffer.memory = take_pinned_memory(bytes_);
        buffer.copied = std::make_unique<Event>();
    }
}

Staging::~Staging() {
    for (Buffer& buffer : buffers_) {
        if (buffer.pending) buffer.copied->wait();
        give_pinned_memory(buffer.memory);
    }
}

void Staging::upload(void* device, const void* host, std::size_t bytes, StreamKind stream) {
    const std::lock_guard lock(mutex());
    for (std::size_t done = 0; done < bytes;) {
        Buffer& buffer = buffers_[next_];
        next_ = (next_ + 1) % buffers_.size();
        if (buffer.pending) buffer.copied->wait();
        const std::size_t part = std::min(bytes_, bytes - done);
        std::memcpy(buffer.memory, static_cast<const char*>(host) + done, part);
        copy_to_device(static_cast<char*>(device) + done, buffer.memory, part, stream);
        buffer.copied->record(stream);
        buffer.pending = true;
        done += part;
    }
}

Staging& staging() {
    static auto* ring = new Staging(std::size_t{4} << 20, 4);  // never destroyed, as the device's memory
    return *ring;
}

}  // namespace camber::CAMBER_GPU
