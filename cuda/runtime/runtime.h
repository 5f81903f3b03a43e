#pragma once
#include <camber/device.h>
#include <camber/error.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "cuda/runtime/gpu.h"

/// What Camber asks of a GPU's runtime: one device, one compute stream on which all kernels and copies run in order,
/// one copy stream for batches on their way, one for sums over processes. Implemented by cuda_runtime.cpp on NVIDIA's,
/// by emulated_runtime.cpp on the host's. Every call checks its result and throws Error naming it and what was being
/// done.
namespace camber::CAMBER_GPU {

struct DeviceProperties {
    std::string name;
    int compute_major = 0, compute_minor = 0;
    int multiprocessors = 0;
    int threads_per_multiprocessor = 0;
    std::size_t memory_bytes = 0;
    std::size_t l2_bytes = 0;
    std::size_t shared_bytes_per_block = 0;  ///< the most a block can ask for
};

/// Empty when this process can compute on the device, else one line that says why not. Never throws.
const std::string& why_unavailable();
/// Throws Error with why_unavailable().
const DeviceProperties& device_properties();
/// Versions of driver, runtime and libraries, for `camber info`.
std::string describe_runtime();
/// Its number among those that this process sees, and what no other device anywhere is called.
int device_number();
std::string device_identity();

/// Null when the device has no more.
void* take_device_memory(std::size_t bytes);
void give_device_memory(void* memory, std::size_t bytes) noexcept;
/// Free and total bytes of the device.
struct MemoryInfo {
    std::size_t free = 0, total = 0;
};
MemoryInfo device_memory_info();

/// Page-locked host memory, which the device copies from without the host's help. Null when there is no more.
void* take_pinned_memory(std::size_t bytes);
void give_pinned_memory(void* memory) noexcept;

enum class StreamKind { compute, copy, sums };
/// For a library: a cudaStream_t.
void* stream_handle(StreamKind kind);
/// What is queued on `later` from now on starts after what `earlier` has been given so far; part of what is recorded.
void order(StreamKind earlier, StreamKind later);

/// Whether the compute stream is being recorded.
bool recording();
/// Throws Error where it is: a recording holds device work alone. A copy from the host would be repeated with the
/// host's bytes of today, and a wait would be for nothing.
inline void refuse_while_recording(const char* call) {
    if (recording()) fail("{}: not possible while a step is recorded", call);
}

/// Queued on `stream`; host memory must stay valid until it is done (pinned) or is read before the call returns
/// (pageable). Refused on the compute stream while that is recorded, as what waits is.
void copy_to_device(void* device, const void* host, std::size_t bytes, StreamKind stream = StreamKind::compute);
/// Waits until the bytes have arrived.
void copy_to_host(void* host, const void* device, std::size_t bytes);
void copy_on_device(void* to, const void* from, std::size_t bytes);
void set_bytes(void* device, int value, std::size_t bytes);
/// Waits for everything queued; a kernel's fault is thrown here.
void synchronize();
/// Has watch(seconds) be called now and then while this thread waits for the device, for so many seconds already; it
/// may throw. Null: no longer.
void watch_waits(std::function<void(double)> watch);

/// What an event is for: one that takes no time costs the stream less.
enum class EventUse { timing, ordering };

/// A point in a stream.
class Event {
  public:
    explicit Event(EventUse use = EventUse::timing);
    ~Event();
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    void record(StreamKind stream);
    /// What is queued on `stream` from now on starts after this point.
    void hold(StreamKind stream) const;
    /// The host waits for this point.
    void wait() const;
    /// Milliseconds from `earlier` to this; both have passed, and are for timing.
    float milliseconds_since(const Event& earlier) const;

  private:
    void* event_;
};

/// What was queued on the compute stream while `work` ran, recorded instead of run.
class Graph {
  public:
    /// Throws Error naming the call when `work` waits for the device or copies from the host.
    explicit Graph(const std::function<void()>& work);
    ~Graph();
    Graph(const Graph&) = delete;
    Graph& operator=(const Graph&) = delete;
    void replay();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Names a stretch of host code in profilers (NVTX); nothing where that is absent.
class ProfilerRange {
  public:
    explicit ProfilerRange(const char* name);
    ~ProfilerRange();
    ProfilerRange(const ProfilerRange&) = delete;
    ProfilerRange& operator=(const ProfilerRange&) = delete;
};

/// Throws Error when the launch just made, of a kernel or by a library, was refused; `name` says which. Where
/// checking() (checking.h) also waits for it, and names it when it failed; what is being recorded is waited for at each
/// replay.
void check_launch(const char* name);
/// The newest one, where checking(); else empty.
std::string last_launch();

#if !defined(CAMBER_EMULATED)
cudaStream_t compute_stream();
/// Where checking(): throws Error when what was queued without check_launch(), by a library, has failed.
void check_before_launch(const char* name);
/// Dynamic and a kernel's own shared memory of a block, together, that needs no asking for.
inline constexpr std::size_t shared_bytes_unasked = 48 * 1024;
/// To be called before `kernel` is launched with `bytes` of dynamic shared memory.
void allow_shared_memory(const char* name, const void* kernel, std::size_t bytes);
int blocks_per_multiprocessor(const void* kernel, int threads, std::size_t shared_bytes);
/// A kernel that does nothing, compiled as all others are (probe.cu).
const void* probe_kernel();
#endif

}  // namespace camber::CAMBER_GPU
