#include "cuda/runtime/runtime.h"

#include <camber/error.h>

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "cuda/emulator/arena.h"
#include "cuda/emulator/core.h"
#include "cuda/emulator/nccl.h"
#include "cuda/emulator/queue.h"
#include "cuda/runtime/arrivals.h"

namespace camber::emulated {

using emulator::Arena;

const std::string& why_unavailable() {
    static const std::string why =
        Arena::get().capacity() > 0 ? "" : "the emulated device could not reserve its range of addresses";
    return why;
}

const DeviceProperties& device_properties() {
    if (!why_unavailable().empty()) throw Error(why_unavailable());
    // Few multiprocessors, so that grids sized by them are small and loops over what is left are exercised.
    static const DeviceProperties properties = {"emulated device",
                                                9,
                                                0,
                                                2,
                                                2048,
                                                Arena::get().capacity(),
                                                std::size_t{1} << 20,
                                                emulator::SharedMemory::capacity};
    return properties;
}

std::string describe_runtime() {
#if defined(__SANITIZE_ADDRESS__)
    return "the CUDA kernels on the host, under AddressSanitizer";
#else
    return "the CUDA kernels on the host, every memory access checked";
#endif
}

// Every process has its own.
int device_number() { return 0; }
std::string device_identity() { return fmt::format("emulated device of process {}", getpid()); }

void* take_device_memory(std::size_t bytes) { return Arena::get().take(bytes); }
void give_device_memory(void* memory, std::size_t bytes) noexcept { Arena::get().give(memory, bytes); }
MemoryInfo device_memory_info() {
    const Arena& arena = Arena::get();
    return {arena.capacity() - arena.in_use(), arena.capacity()};
}

void* take_pinned_memory(std::size_t bytes) {
    return std::aligned_alloc(64, (std::max<std::size_t>(bytes, 1) + 63) / 64 * 64);
}
void give_pinned_memory(void* memory) noexcept { std::free(memory); }

namespace {
void check_range(const char* call, const void* p, std::size_t bytes) {
    const Arena& arena = Arena::get();
    if (arena.accessible(p, bytes)) return;
    fail("{}: {} bytes of device memory, {}", call, bytes,
         arena.contains(p) ? arena.describe(p) : fmt::format("at {}, where there is none", p));
}
}  // namespace

void copy_to_device(void* device, const void* host, std::size_t bytes, StreamKind stream) {
    if (stream == StreamKind::compute) refuse_while_recording("copy_to_device");
    if (bytes == 0 || emulator::queue().counts) return;
    check_range("copy_to_device", device, bytes);
    std::memcpy(device, host, bytes);
}
void copy_to_host(void* host, const void* device, std::size_t bytes) {
    refuse_while_recording("copy_to_host");
    if (bytes == 0) return;
    if (emulator::queue().counts) {
        std::memset(host, 0, bytes);
        return;
    }
    check_range("copy_to_host", device, bytes);
    std::memcpy(host, device, bytes);
}
void copy_on_device(void* to, const void* from, std::size_t bytes) {
    if (emulator::counted_only("copy")) return;
    emulator::submit([=] {
        if (bytes == 0) return;
        check_range("copy_on_device", from, bytes);
        check_range("copy_on_device", to, bytes);
        std::memmove(to, from, bytes);
    });
}
void set_bytes(void* device, int value, std::size_t bytes) {
    if (emulator::counted_only("memset")) return;
    emulator::submit([=] {
        if (bytes == 0) return;
        check_range("set_bytes", device, bytes);
        std::memset(device, value, bytes);
    });
}
void synchronize() { refuse_while_recording("synchronize"); }
void watch_waits(std::function<void(double)> watch) { emulator::queue().watch = std::move(watch); }

void* stream_handle(StreamKind kind) { return emulator::stream_handle(kind == StreamKind::sums); }
void order(StreamKind earlier, StreamKind later) {
    if (later == StreamKind::sums)
        emulator::queue().beside_waits = true;
    else if (earlier == StreamKind::sums)
        emulator::submit_beside();
}

struct Graph::State {
    std::vector<std::function<void()>> steps;
};

Graph::Graph(const std::function<void()>& work) : state_(std::make_unique<State>()) {
    refuse_while_recording("Graph");
    emulator::queue().recording = &state_->steps;
    try {
        work();
    } catch (...) {
        emulator::queue().recording = nullptr;
        emulator::queue().beside.clear();
        throw;
    }
    emulator::queue().recording = nullptr;
    if (!std::exchange(emulator::queue().beside, {}).empty())
        fail("recording a step: its end does not wait for the stream of sums");
}

Graph::~Graph() = default;

bool recording() { return emulator::queue().recording != nullptr; }

void Graph::replay() {
    refuse_while_recording("Graph::replay");
    for (const std::function<void()>& step : state_->steps) step();
}

// Everything runs at once and in order, so an event is the time at which it was recorded.
namespace {
using Clock = std::chrono::steady_clock;
}
Event::Event(EventUse) : event_(new Clock::time_point) {}
Event::~Event() { delete static_cast<Clock::time_point*>(event_); }
void Event::record(StreamKind stream) {
    if (stream == StreamKind::compute) refuse_while_recording("Event::record");
    *static_cast<Clock::time_point*>(event_) = Clock::now();
}
void Event::hold(StreamKind stream) const {
    if (stream == StreamKind::compute) refuse_while_recording("Event::hold");
}
void Event::wait() const { refuse_while_recording("Event::wait"); }
float Event::milliseconds_since(const Event& earlier) const {
    return std::chrono::duration<float, std::milli>(*static_cast<Clock::time_point*>(event_) -
                                                    *static_cast<Clock::time_point*>(earlier.event_))
        .count();
}

// Every launch is run and checked at once.
void check_launch(const char*) {}
std::string last_launch() { return {}; }

ProfilerRange::ProfilerRange(const char*) {}
ProfilerRange::~ProfilerRange() = default;

}  // namespace camber::emulated
