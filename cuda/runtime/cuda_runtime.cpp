#include <camber/error.h>
#include <cuda_runtime.h>
#include <fmt/format.h>
#include <nvtx3/nvToolsExt.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <tuple>
#include <unordered_map>

#include "core/local_process.h"
#include "cuda/runtime/checking.h"
#include "cuda/runtime/memory.h"
#include "cuda/runtime/requirements.h"
#include "cuda/runtime/runtime.h"

/// The runtime on NVIDIA's. Of the devices that CUDA_VISIBLE_DEVICES leaves the first or, of several processes on a
/// machine, each its own.
namespace camber::cuda {
namespace {

/// What a kernel that failed leaves behind: every later call returns it.
bool left_by_a_kernel(cudaError_t status) {
    switch (status) {
        case cudaErrorIllegalAddress:
        case cudaErrorMisalignedAddress:
        case cudaErrorInvalidAddressSpace:
        case cudaErrorIllegalInstruction:
        case cudaErrorInvalidPc:
        case cudaErrorHardwareStackError:
        case cudaErrorAssert:
        case cudaErrorLaunchTimeout:
        case cudaErrorLaunchFailure:
            return true;
        default:
            return false;
    }
}

std::string describe(cudaError_t status) {
    return fmt::format("{} ({})", cudaGetErrorString(status), cudaGetErrorName(status));
}

template <class... Args>
void check(cudaError_t status, const char* call, fmt::format_string<Args...> doing, Args&&... args) {
    if (status == cudaSuccess) return;
    cudaGetLastError();  // an error that is not of the sticky kind ends here
    fail(
        "{}: {} while {}{}", call, describe(status), fmt::format(doing, std::forward<Args>(args)...),
        left_by_a_kernel(status) && !checking() ? "; a kernel launched before it failed: CAMBER_CHECK=1 names it" : "");
}

/// For what cannot throw: an error that would otherwise be taken for the next launch's.
void drop(cudaError_t status) {
    if (status != cudaSuccess) cudaGetLastError();
}

/// What checking() remembers.
struct Launches {
    std::mutex mutex;
    std::string last;
    std::set<std::string>* recorded = nullptr;  ///< names in the step being recorded
};
Launches& launches() {
    static auto* const state = new Launches;
    return *state;
}

struct Found {
    DeviceProperties properties;
    std::string why;  ///< empty: usable
    int number = 0;
    std::string identity = {};
};

std::string version(int number) { return fmt::format("{}.{}", number / 1000, number % 1000 / 10); }

std::string no_gpu() {
    const char* const visible = std::getenv("CUDA_VISIBLE_DEVICES");
    return visible ? fmt::format("there is no NVIDIA GPU (CUDA_VISIBLE_DEVICES is '{}')", visible)
                   : "there is no NVIDIA GPU";
}

Found find_device() {
    int count = 0, driver = 0, runtime = 0;
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    if (driver == 0) return {{}, "no NVIDIA driver is installed"};
    if (const cudaError_t status = cudaGetDeviceCount(&count); status != cudaSuccess) {
        drop(status);
        if (status == cudaErrorInsufficientDriver)
            return {{},
                    fmt::format("the NVIDIA driver is for CUDA {}, older than the {} Camber was built with",
                                version(driver), version(runtime))};
        return {{}, status == cudaErrorNoDevice ? no_gpu() : "cudaGetDeviceCount: " + describe(status)};
    }
    if (count == 0) return {{}, no_gpu()};

    cudaDeviceProp p{};
    const int number = local_process.number % count;
    if (const cudaError_t status = cudaGetDeviceProperties(&p, number); status != cudaSuccess) {
        drop(status);
        return {{}, "cudaGetDeviceProperties: " + describe(status)};
    }
    Found found = {{p.name, p.major, p.minor, p.multiProcessorCount, p.maxThreadsPerMultiProcessor, p.totalGlobalMem,
                    static_cast<std::size_t>(p.l2CacheSize), p.sharedMemPerBlockOptin},
                   {},
                   number,
                   {}};
    for (const char byte : p.uuid.bytes) found.identity += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    found.why = why_unsupported(found.properties);
    if (!found.why.empty()) return found;
    if (const cudaError_t status = cudaSetDevice(number); status != cudaSuccess) {
        drop(status);
        found.why = fmt::format("{} cannot be used: {}", found.properties.name, describe(status));
        return found;
    }
    // Whether kernels can be loaded: opens the device, too.
    cudaFuncAttributes attributes{};
    if (const cudaError_t status = cudaFuncGetAttributes(&attributes, probe_kernel()); status != cudaSuccess) {
        drop(status);
        const bool no_code = status == cudaErrorNoKernelImageForDevice || status == cudaErrorInvalidDeviceFunction ||
                             status == cudaErrorUnsupportedPtxVersion;
        found.why = no_code ? why_no_code(found.properties, CAMBER_CUDA_ARCHITECTURES)
                            : fmt::format("{} cannot be used: {}", found.properties.name, describe(status));
    }
    return found;
}

/// Every thread that comes here computes on it from then on; CUDA has it choose the first otherwise.
const Found& device() {
    static const Found found = find_device();
    static thread_local bool chosen = false;
    if (!chosen && found.number > 0) drop(cudaSetDevice(found.number));
    chosen = true;
    return found;
}

cudaStream_t make_stream(const char* which) {
    if (!why_unavailable().empty()) fail("device 'cuda' cannot be used: {}", why_unavailable());
    cudaStream_t stream = nullptr;
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags",
          "making the {} stream", which);
    return stream;
}

cudaStream_t copy_stream() {
    static const cudaStream_t stream = make_stream("copy");
    return stream;
}

cudaStream_t sums_stream() {
    static const cudaStream_t stream = make_stream("sums");
    return stream;
}

cudaStream_t stream_of(StreamKind kind) {
    return kind == StreamKind::compute ? compute_stream() : kind == StreamKind::copy ? copy_stream() : sums_stream();
}

cudaEvent_t event_of(void* event) { return static_cast<cudaEvent_t>(event); }

/// This thread's, see watch_waits().
thread_local std::function<void(double)> wait_watch;

/// wait() or, where waits are watched, ready() until it says so, with watch(seconds) in between.
template <class Wait, class Ready>
cudaError_t watched(Wait&& wait, Ready&& ready) {
    if (!wait_watch) return wait();
    using Clock = std::chrono::steady_clock;
    const Clock::time_point start = Clock::now();
    double seen = 0;
    for (;;) {
        const cudaError_t status = ready();
        if (status != cudaErrorNotReady) return status;
        drop(status);
        const double waited = std::chrono::duration<double>(Clock::now() - start).count();
        if (waited < 0.02) {
            sched_yield();
            continue;
        }
        std::this_thread::sleep_for(std::chrono::microseconds(100));
        if (waited - seen < 0.05) continue;
        seen = waited;
        wait_watch(waited);
    }
}

cudaError_t wait_for_compute() {
    const cudaStream_t stream = compute_stream();
    return watched([&] { return cudaStreamSynchronize(stream); }, [&] { return cudaStreamQuery(stream); });
}

}  // namespace

const std::string& why_unavailable() { return device().why; }

const DeviceProperties& device_properties() {
    if (!why_unavailable().empty()) fail("device 'cuda' cannot be used: {}", why_unavailable());
    return device().properties;
}

std::string describe_runtime() {
    const DeviceProperties& d = device_properties();
    int driver = 0, runtime = 0;
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    constexpr double gib = 1024.0 * 1024.0 * 1024.0;
    return fmt::format("{}, compute capability {}.{}, {} multiprocessors, {:.0f} GiB; CUDA {}, driver for {}{}", d.name,
                       d.compute_major, d.compute_minor, d.multiprocessors, static_cast<double>(d.memory_bytes) / gib,
                       version(runtime), version(driver), computes_bf16(d) ? "" : "; no bf16");
}

int device_number() { return device().number; }
std::string device_identity() { return device().identity; }

cudaStream_t compute_stream() {
    device();
    static const cudaStream_t stream = make_stream("compute");
    return stream;
}

bool recording() {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    check(cudaStreamIsCapturing(compute_stream(), &status), "cudaStreamIsCapturing",
          "asking whether a step is recorded");
    return status != cudaStreamCaptureStatusNone;
}

void check_before_launch(const char* name) {
    if (!checking() || recording()) return;
    if (const cudaError_t status = wait_for_compute(); status != cudaSuccess) {
        drop(status);
        fail("a library's call or a copy before '{}' failed: {}", name, describe(status));
    }
}

void check_launch(const char* name) {
    check(cudaGetLastError(), "kernel launch", "launching '{}'", name);
    if (!checking()) return;
    if (recording()) {
        const std::lock_guard lock(launches().mutex);
        if (launches().recorded) launches().recorded->insert(name);
        return;
    }
    {
        const std::lock_guard lock(launches().mutex);
        launches().last = name;
    }
    if (const cudaError_t status = wait_for_compute(); status != cudaSuccess) {
        drop(status);
        fail("'{}' failed: {}", name, describe(status));
    }
    check_memory();
}

std::string last_launch() {
    const std::lock_guard lock(launches().mutex);
    return launches().last;
}

void allow_shared_memory(const char* name, const void* kernel, std::size_t bytes) {
    static std::mutex mutex;
    static std::unordered_map<const void*, std::size_t> allowed;
    const std::lock_guard lock(mutex);
    const auto [known, first] = allowed.try_emplace(kernel, 0);
    std::size_t& most = known->second;
    if (first) {  // what a block has unasked is for the kernel's own arrays as well
        cudaFuncAttributes attributes = {};
        check(cudaFuncGetAttributes(&attributes, kernel), "cudaFuncGetAttributes", "launching '{}'", name);
        most = shared_bytes_unasked - std::min(shared_bytes_unasked, attributes.sharedSizeBytes);
    }
    if (bytes <= most) return;
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)),
          "cudaFuncSetAttribute", "giving '{}' {} bytes of shared memory", name, bytes);
    most = bytes;
}

int blocks_per_multiprocessor(const void* kernel, int threads, std::size_t shared_bytes) {
    static std::mutex mutex;
    static std::map<std::tuple<const void*, int, std::size_t>, int> known;
    const std::lock_guard lock(mutex);
    int& blocks = known[{kernel, threads, shared_bytes}];
    if (blocks == 0) {
        check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, threads, shared_bytes),
              "cudaOccupancyMaxActiveBlocksPerMultiprocessor", "fitting a grid to the device");
        blocks = std::max(1, blocks);
    }
    return blocks;
}

void* take_device_memory(std::size_t bytes) {
    device_properties();
    void* memory = nullptr;
    const cudaError_t status = cudaMalloc(&memory, bytes);
    if (status == cudaErrorMemoryAllocation) {
        drop(status);
        return nullptr;
    }
    check(status, "cudaMalloc", "taking {} bytes of device memory", bytes);
    return memory;
}

void give_device_memory(void* memory, std::size_t) noexcept { drop(cudaFree(memory)); }

MemoryInfo device_memory_info() {
    MemoryInfo info;
    check(cudaMemGetInfo(&info.free, &info.total), "cudaMemGetInfo", "asking for the free memory");
    return info;
}

void* take_pinned_memory(std::size_t bytes) {
    device_properties();
    void* memory = nullptr;
    const cudaError_t status = cudaMallocHost(&memory, bytes);
    if (status == cudaErrorMemoryAllocation) {
        drop(status);
        return nullptr;
    }
    check(status, "cudaMallocHost", "taking {} bytes of page-locked memory", bytes);
    return memory;
}

void give_pinned_memory(void* memory) noexcept { drop(cudaFreeHost(memory)); }

void copy_to_device(void* to, const void* host, std::size_t bytes, StreamKind stream) {
    if (stream == StreamKind::compute) refuse_while_recording("copy_to_device");
    check(cudaMemcpyAsync(to, host, bytes, cudaMemcpyHostToDevice, stream_of(stream)), "cudaMemcpyAsync",
          "copying {} bytes to the device", bytes);
}

void copy_to_host(void* host, const void* from, std::size_t bytes) {
    refuse_while_recording("copy_to_host");
    check(cudaMemcpyAsync(host, from, bytes, cudaMemcpyDeviceToHost, compute_stream()), "cudaMemcpyAsync",
          "copying {} bytes to the host", bytes);
    synchronize();
}

void copy_on_device(void* to, const void* from, std::size_t bytes) {
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, compute_stream()), "cudaMemcpyAsync",
          "copying {} bytes on the device", bytes);
}

void set_bytes(void* to, int value, std::size_t bytes) {
    check(cudaMemsetAsync(to, value, bytes, compute_stream()), "cudaMemsetAsync", "setting {} bytes", bytes);
}

void synchronize() {
    refuse_while_recording("synchronize");
    check(wait_for_compute(), "cudaStreamSynchronize", "waiting for the device");
}

void watch_waits(std::function<void(double)> watch) { wait_watch = std::move(watch); }

void* stream_handle(StreamKind kind) { return stream_of(kind); }

void order(StreamKind earlier, StreamKind later) {
    // A wait is for what the event stands for when it begins, so one event serves all of them; never destroyed.
    static const cudaEvent_t event = [] {
        cudaEvent_t made = nullptr;
        check(cudaEventCreateWithFlags(&made, cudaEventDisableTiming), "cudaEventCreateWithFlags", "making an event");
        return made;
    }();
    check(cudaEventRecord(event, stream_of(earlier)), "cudaEventRecord", "ordering two streams");
    check(cudaStreamWaitEvent(stream_of(later), event), "cudaStreamWaitEvent", "ordering two streams");
}

Event::Event(EventUse use) {
    device_properties();
    cudaEvent_t event = nullptr;
    check(cudaEventCreateWithFlags(&event, use == EventUse::timing ? cudaEventDefault : cudaEventDisableTiming),
          "cudaEventCreateWithFlags", "making an event");
    event_ = event;
}
Event::~Event() { drop(cudaEventDestroy(event_of(event_))); }
void Event::record(StreamKind stream) {
    if (stream == StreamKind::compute) refuse_while_recording("Event::record");
    check(cudaEventRecord(event_of(event_), stream_of(stream)), "cudaEventRecord", "recording an event");
}
void Event::hold(StreamKind stream) const {
    if (stream == StreamKind::compute) refuse_while_recording("Event::hold");
    check(cudaStreamWaitEvent(stream_of(stream), event_of(event_)), "cudaStreamWaitEvent", "ordering two streams");
}
void Event::wait() const {
    refuse_while_recording("Event::wait");
    check(watched([&] { return cudaEventSynchronize(event_of(event_)); },
                  [&] { return cudaEventQuery(event_of(event_)); }),
          "cudaEventSynchronize", "waiting for an event");
}
float Event::milliseconds_since(const Event& earlier) const {
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, event_of(earlier.event_), event_of(event_)), "cudaEventElapsedTime",
          "timing");
    return milliseconds;
}

struct Graph::State {
    cudaGraphExec_t executable = nullptr;
    std::set<std::string> launches;  ///< their names, where checking()
    ~State() {
        if (executable) drop(cudaGraphExecDestroy(executable));
    }
};

namespace {

/// Ends a recording, also one that failed, and gives what it holds.
cudaError_t end_recording(cudaGraph_t& graph) {
    {
        const std::lock_guard lock(launches().mutex);
        launches().recorded = nullptr;
    }
    return cudaStreamEndCapture(compute_stream(), &graph);
}

}  // namespace

Graph::Graph(const std::function<void()>& work) : state_(std::make_unique<State>()) {
    refuse_while_recording("Graph");
    // Relaxed: the allocator may ask for memory while the step is recorded.
    check(cudaStreamBeginCapture(compute_stream(), cudaStreamCaptureModeRelaxed), "cudaStreamBeginCapture",
          "beginning to record a step");
    {
        const std::lock_guard lock(launches().mutex);
        launches().recorded = &state_->launches;
    }
    cudaGraph_t graph = nullptr;
    try {
        work();
    } catch (...) {
        drop(end_recording(graph));
        if (graph) drop(cudaGraphDestroy(graph));
        throw;
    }
    check(end_recording(graph), "cudaStreamEndCapture", "recording a step");
    const cudaError_t status = cudaGraphInstantiate(&state_->executable, graph, 0);
    drop(cudaGraphDestroy(graph));
    check(status, "cudaGraphInstantiate", "recording a step");
    // Now rather than in the first replay.
    check(cudaGraphUpload(state_->executable, compute_stream()), "cudaGraphUpload", "recording a step");
}

Graph::~Graph() = default;

void Graph::replay() {
    refuse_while_recording("Graph::replay");
    check(cudaGraphLaunch(state_->executable, compute_stream()), "cudaGraphLaunch", "replaying a step");
    if (!checking()) return;
    {
        const std::lock_guard lock(launches().mutex);
        launches().last = "a replayed step";
    }
    if (const cudaError_t status = wait_for_compute(); status != cudaSuccess) {
        drop(status);
        fail("a replayed step failed: {}; it launches {}", describe(status), fmt::join(state_->launches, ", "));
    }
}

ProfilerRange::ProfilerRange(const char* name) { nvtxRangePushA(name); }
ProfilerRange::~ProfilerRange() { nvtxRangePop(); }

}  // namespace camber::cuda
