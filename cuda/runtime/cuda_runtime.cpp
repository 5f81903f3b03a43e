#include <camber/error.h>
#include <cuda_runtime.h>
#include <nvtx3/nvToolsExt.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <tuple>
#include <unordered_map>

#include "cuda/runtime/requirements.h"
#include "cuda/runtime/runtime.h"

/// The runtime on NVIDIA's. Device 0 of those that CUDA_VISIBLE_DEVICES leaves.
namespace camber::cuda {
namespace {

template <class... Args>
void check(cudaError_t status, const char* call, fmt::format_string<Args...> doing, Args&&... args) {
    if (status == cudaSuccess) return;
    cudaGetLastError();  // an error that is not of the sticky kind ends here
    fail("{}: {} ({}) while {}", call, cudaGetErrorString(status), cudaGetErrorName(status),
         fmt::format(doing, std::forward<Args>(args)...));
}

struct Found {
    DeviceProperties properties;
    std::string why;  ///< empty: usable
};

Found find_device() {
    int count = 0, driver = 0, runtime = 0;
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    if (driver == 0) return {{}, "no NVIDIA driver is installed"};
    if (const cudaError_t status = cudaGetDeviceCount(&count); status != cudaSuccess) {
        cudaGetLastError();
        if (status == cudaErrorInsufficientDriver)
            return {{},
                    fmt::format("the NVIDIA driver is for CUDA {}.{}, older than the {}.{} Camber was built with",
                                driver / 1000, driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10)};
        return {{}, status == cudaErrorNoDevice ? "there is no NVIDIA GPU" : cudaGetErrorString(status)};
    }
    if (count == 0) return {{}, "there is no NVIDIA GPU"};

    cudaDeviceProp p{};
    if (const cudaError_t status = cudaGetDeviceProperties(&p, 0); status != cudaSuccess)
        return {{}, fmt::format("cudaGetDeviceProperties: {}", cudaGetErrorString(status))};
    Found found = {{p.name, p.major, p.minor, p.multiProcessorCount, p.maxThreadsPerMultiProcessor, p.totalGlobalMem,
                    static_cast<std::size_t>(p.l2CacheSize), p.sharedMemPerBlockOptin},
                   {}};
    found.why = why_unsupported(found.properties);
    return found;
}

const Found& device() {
    static const Found found = find_device();
    return found;
}

cudaStream_t make_stream(const char* which) {
    if (!why_unavailable().empty()) fail("device 'cuda' cannot be used: {}", why_unavailable());
    cudaStream_t stream = nullptr;
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags",
          "making the {} stream", which);
    return stream;
}

cudaStream_t stream_of(StreamKind kind) {
    static const cudaStream_t copy = make_stream("copy");
    return kind == StreamKind::compute ? compute_stream() : copy;
}

cudaEvent_t event_of(void* event) { return static_cast<cudaEvent_t>(event); }

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
    return fmt::format("{}, compute capability {}.{}, {} multiprocessors, {:.0f} GiB; CUDA {}.{}, driver for {}.{}",
                       d.name, d.compute_major, d.compute_minor, d.multiprocessors,
                       static_cast<double>(d.memory_bytes) / gib, runtime / 1000, runtime % 1000 / 10, driver / 1000,
                       driver % 1000 / 10);
}

cudaStream_t compute_stream() {
    static const cudaStream_t stream = make_stream("compute");
    return stream;
}

bool recording() {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    check(cudaStreamIsCapturing(compute_stream(), &status), "cudaStreamIsCapturing",
          "asking whether a step is recorded");
    return status != cudaStreamCaptureStatusNone;
}

void check_launch(const char* name) { check(cudaGetLastError(), "kernel launch", "launching '{}'", name); }

void allow_shared_memory(const char* name, const void* kernel, std::size_t bytes) {
    static std::mutex mutex;
    static std::unordered_map<const void*, std::size_t> allowed;
    const std::lock_guard lock(mutex);
    std::size_t& most = allowed[kernel];
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
        cudaGetLastError();
        return nullptr;
    }
    check(status, "cudaMalloc", "taking {} bytes of device memory", bytes);
    return memory;
}

void give_device_memory(void* memory, std::size_t) noexcept { cudaFree(memory); }

MemoryInfo device_memory_info() {
    MemoryInfo info;
    check(cudaMemGetInfo(&info.free, &info.total), "cudaMemGetInfo", "asking for the free memory");
    return info;
}

void* take_pinned_memory(std::size_t bytes) {
    void* memory = nullptr;
    check(cudaMallocHost(&memory, bytes), "cudaMallocHost", "taking {} bytes of page-locked memory", bytes);
    return memory;
}

void give_pinned_memory(void* memory) noexcept { cudaFreeHost(memory); }

void copy_to_device(void* to, const void* host, std::size_t bytes, StreamKind stream) {
    check(cudaMemcpyAsync(to, host, bytes, cudaMemcpyHostToDevice, stream_of(stream)), "cudaMemcpyAsync",
          "copying {} bytes to the device", bytes);
}

void copy_to_host(void* host, const void* from, std::size_t bytes) {
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
    check(cudaStreamSynchronize(compute_stream()), "cudaStreamSynchronize", "waiting for the device");
}

Event::Event() {
    device_properties();
    cudaEvent_t event = nullptr;
    check(cudaEventCreate(&event), "cudaEventCreate", "making an event");
    event_ = event;
}
Event::~Event() { cudaEventDestroy(event_of(event_)); }
void Event::record(StreamKind stream) {
    check(cudaEventRecord(event_of(event_), stream_of(stream)), "cudaEventRecord", "recording an event");
}
void Event::hold(StreamKind stream) const {
    check(cudaStreamWaitEvent(stream_of(stream), event_of(event_)), "cudaStreamWaitEvent", "ordering two streams");
}
void Event::wait() const {
    check(cudaEventSynchronize(event_of(event_)), "cudaEventSynchronize", "waiting for an event");
}
float Event::milliseconds_since(const Event& earlier) const {
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, event_of(earlier.event_), event_of(event_)), "cudaEventElapsedTime",
          "timing");
    return milliseconds;
}

struct Graph::State {
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t executable = nullptr;
    ~State() {
        if (executable) cudaGraphExecDestroy(executable);
        if (graph) cudaGraphDestroy(graph);
    }
};

Graph::Graph(const std::function<void()>& work) : state_(std::make_unique<State>()) {
    // Relaxed: the allocator may ask for memory while the step is recorded.
    check(cudaStreamBeginCapture(compute_stream(), cudaStreamCaptureModeRelaxed), "cudaStreamBeginCapture",
          "beginning to record a step");
    try {
        work();
    } catch (...) {
        cudaStreamEndCapture(compute_stream(), &state_->graph);
        cudaGetLastError();
        throw;
    }
    check(cudaStreamEndCapture(compute_stream(), &state_->graph), "cudaStreamEndCapture", "recording a step");
    check(cudaGraphInstantiate(&state_->executable, state_->graph, 0), "cudaGraphInstantiate", "recording a step");
}

Graph::~Graph() = default;

void Graph::replay() {
    check(cudaGraphLaunch(state_->executable, compute_stream()), "cudaGraphLaunch", "replaying a step");
}

ProfilerRange::ProfilerRange(const char* name) { nvtxRangePushA(name); }
ProfilerRange::~ProfilerRange() { nvtxRangePop(); }

}  // namespace camber::cuda
