#include "cuda_runtime/stand_in/cudart.h"

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace camber::stand_in {
namespace {

using Work = std::function<cudaError_t()>;

std::recursive_mutex mutex;
Counts count;
std::map<char*, std::size_t> device_memory;
std::map<void*, std::size_t> pinned_memory;
cudaError_t sticky = cudaSuccess;  ///< what a kernel left behind
thread_local cudaError_t last = cudaSuccess;
double clock_milliseconds = 0;

struct Stream {
    std::vector<Work> work;
    std::size_t done = 0;
    std::vector<Work>* captured = nullptr;  ///< while it is recorded
    bool invalidated = false;
};
std::vector<Stream*> streams;

struct Event {
    Stream* stream = nullptr;  ///< that it was recorded on
    std::size_t position = 0;  ///< its work that comes before
    double time = 0;
    bool timing, captured = false;
};

Stream* of(cudaStream_t stream) { return reinterpret_cast<Stream*>(stream); }
Event* of(cudaEvent_t event) { return reinterpret_cast<Event*>(event); }

/// What a call returns: a sticky error before its own.
cudaError_t result(cudaError_t status) {
    if (sticky != cudaSuccess) status = sticky;
    if (status != cudaSuccess) last = status;
    return status;
}

void run(Stream* stream, std::size_t up_to) {
    while (stream->done < up_to && sticky == cudaSuccess) {
        const Work work = stream->work[stream->done++];
        if (const cudaError_t status = work(); status != cudaSuccess) sticky = status;
    }
}

cudaError_t queue(Stream* stream, Work work) {
    (stream->captured ? *stream->captured : stream->work).push_back(std::move(work));
    return result(cudaSuccess);
}

/// Refused, and the end of the recording, where the stream is being recorded.
bool wait(Stream* stream, std::size_t up_to) {
    if (stream->captured) {
        stream->invalidated = true;
        return false;
    }
    ++count.waits;
    run(stream, up_to);
    return true;
}

bool pinned(const void* memory) {
    const auto after = pinned_memory.upper_bound(const_cast<void*>(memory));
    if (after == pinned_memory.begin()) return false;
    const auto& [begin, bytes] = *std::prev(after);
    return static_cast<std::size_t>(static_cast<const char*>(memory) - static_cast<const char*>(begin)) < bytes;
}

}  // namespace

Machine& machine() {
    static Machine described;
    return described;
}

const Counts& counts() { return count; }

void launch(std::function<cudaError_t()> work, double milliseconds) {
    const std::lock_guard lock(mutex);
    queue(streams.front(), [work = std::move(work), milliseconds] {
        clock_milliseconds += milliseconds;
        return work();
    });
}

void refuse_launch(cudaError_t why) { last = why; }

bool allocated(const void* memory, std::size_t bytes) {
    const std::lock_guard lock(mutex);
    const auto after = device_memory.upper_bound(static_cast<char*>(const_cast<void*>(memory)));
    if (after == device_memory.begin()) return false;
    const auto& [begin, size] = *std::prev(after);
    const auto at = static_cast<std::size_t>(static_cast<const char*>(memory) - begin);
    return at <= size && bytes <= size - at;
}

}  // namespace camber::stand_in

using namespace camber::stand_in;
using Lock = std::lock_guard<std::recursive_mutex>;

extern "C" {

cudaError_t cudaDriverGetVersion(int* version) {
    *version = machine().driver;
    return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
    *version = CUDART_VERSION;
    return cudaSuccess;
}
const char* cudaGetErrorName(cudaError_t error) {
    switch (error) {
        case cudaErrorMemoryAllocation:
            return "cudaErrorMemoryAllocation";
        case cudaErrorIllegalAddress:
            return "cudaErrorIllegalAddress";
        case cudaErrorInvalidConfiguration:
            return "cudaErrorInvalidConfiguration";
        case cudaErrorDevicesUnavailable:
            return "cudaErrorDevicesUnavailable";
        default:
            return "cudaErrorOther";
    }
}
const char* cudaGetErrorString(cudaError_t) { return "what NVIDIA says"; }
cudaError_t cudaGetLastError() {
    const cudaError_t status = last;
    last = cudaSuccess;
    return status;
}

cudaError_t cudaGetDeviceCount(int* devices) {
    *devices = machine().devices;
    return result(machine().device_count);
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int number) {
    *properties = {};
    properties->uuid.bytes[15] = static_cast<char>(number);
    machine().name.copy(properties->name, sizeof properties->name - 1);
    properties->major = machine().compute_major;
    properties->minor = machine().compute_minor;
    properties->multiProcessorCount = 8;
    properties->maxThreadsPerMultiProcessor = 2048;
    properties->totalGlobalMem = machine().memory;
    return result(cudaSuccess);
}
cudaError_t cudaSetDevice(int device) {
    count.device = device;
    return result(cudaSuccess);
}
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void*) {
    *attributes = {};
    attributes->sharedSizeBytes = machine().kernel_shared_bytes;
    return result(machine().load_kernel);
}
cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute, int value) {
    count.shared_bytes = value;
    return result(cudaSuccess);
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void*, int, std::size_t) {
    *blocks = 2;
    return result(cudaSuccess);
}

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
    const Lock lock(mutex);
    if (count.in_use + bytes > machine().memory) return result(cudaErrorMemoryAllocation);
    auto* const block = static_cast<char*>(std::aligned_alloc(256, (bytes + 255) / 256 * 256));
    device_memory[block] = bytes;
    count.in_use += bytes;
    ++count.allocations;
    *memory = block;
    return result(cudaSuccess);
}
cudaError_t cudaFree(void* memory) {
    const Lock lock(mutex);
    // Waits for all that is queued.
    for (Stream* stream : streams)
        if (!stream->captured) run(stream, stream->work.size());
    const auto found = device_memory.find(static_cast<char*>(memory));
    if (found == device_memory.end()) return result(cudaErrorInvalidValue);
    count.in_use -= found->second;
    ++count.frees;
    device_memory.erase(found);
    std::free(memory);
    return result(cudaSuccess);
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
    const Lock lock(mutex);
    *total = machine().memory;
    *free = machine().memory - count.in_use;
    return result(cudaSuccess);
}
cudaError_t cudaMallocHost(void** memory, std::size_t bytes) {
    const Lock lock(mutex);
    if (bytes > machine().pinned) return result(cudaErrorMemoryAllocation);
    machine().pinned -= bytes;
    pinned_memory[*memory = std::malloc(bytes)] = bytes;
    return result(cudaSuccess);
}
cudaError_t cudaFreeHost(void* memory) {
    const Lock lock(mutex);
    machine().pinned += pinned_memory[memory];
    pinned_memory.erase(memory);
    std::free(memory);
    return result(cudaSuccess);
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
    const Lock lock(mutex);
    std::vector<char> read_now;
    const bool pageable = kind == cudaMemcpyHostToDevice && !pinned(from);
    if (pageable) read_now.assign(static_cast<const char*>(from), static_cast<const char*>(from) + bytes);
    return queue(of(stream), [=, read_now = std::move(read_now)] {
        if (kind != cudaMemcpyDeviceToHost && !allocated(to, bytes)) return cudaErrorIllegalAddress;
        if (kind != cudaMemcpyHostToDevice && !allocated(from, bytes)) return cudaErrorIllegalAddress;
        std::memmove(to, pageable ? read_now.data() : from, bytes);
        return cudaSuccess;
    });
}
cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
    const Lock lock(mutex);
    return queue(of(stream), [=] {
        if (!allocated(to, bytes)) return cudaErrorIllegalAddress;
        std::memset(to, value, bytes);
        return cudaSuccess;
    });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
    const Lock lock(mutex);
    streams.push_back(new Stream);
    *stream = reinterpret_cast<cudaStream_t>(streams.back());
    return result(cudaSuccess);
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    const Lock lock(mutex);
    if (!wait(of(stream), of(stream)->work.size())) return result(cudaErrorStreamCaptureUnsupported);
    return result(cudaSuccess);
}
cudaError_t cudaStreamQuery(cudaStream_t stream) {
    if (machine().queries_before_ready-- > 0) return cudaErrorNotReady;
    return cudaStreamSynchronize(stream);
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
    const Lock lock(mutex);
    return queue(of(stream), [other = of(event)->stream, position = of(event)->position] {
        run(other, position);
        return cudaSuccess;
    });
}
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
    const Lock lock(mutex);
    *status = of(stream)->captured ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
    return result(cudaSuccess);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
    const Lock lock(mutex);
    auto* const made = new Event;
    made->timing = !(flags & cudaEventDisableTiming);
    ++count.events;
    if (made->timing) ++count.timing_events;
    *event = reinterpret_cast<cudaEvent_t>(made);
    return result(cudaSuccess);
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
    const Lock lock(mutex);
    // Its stream may still be on the way to it.
    if (of(event)->stream) run(of(event)->stream, of(event)->position + 1);
    delete of(event);
    return result(cudaSuccess);
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    const Lock lock(mutex);
    Event* const e = of(event);
    e->captured = of(stream)->captured != nullptr;
    e->stream = of(stream);
    e->position = of(stream)->work.size();
    return queue(of(stream), [e] {
        e->time = clock_milliseconds;
        return cudaSuccess;
    });
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    const Lock lock(mutex);
    if (of(event)->captured || !wait(of(event)->stream, of(event)->position + 1))
        return result(cudaErrorStreamCaptureUnsupported);
    return result(cudaSuccess);
}
cudaError_t cudaEventQuery(cudaEvent_t event) { return cudaEventSynchronize(event); }
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
    const Lock lock(mutex);
    if (!of(begin)->timing || !of(end)->timing) return result(cudaErrorInvalidResourceHandle);
    if (of(end)->stream->done <= of(end)->position) return result(cudaErrorNotReady);
    *milliseconds = static_cast<float>(of(end)->time - of(begin)->time);
    return result(cudaSuccess);
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
    const Lock lock(mutex);
    of(stream)->captured = new std::vector<Work>;
    of(stream)->invalidated = false;
    return result(cudaSuccess);
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
    const Lock lock(mutex);
    std::vector<Work>* const captured = std::exchange(of(stream)->captured, nullptr);
    *graph = nullptr;
    if (of(stream)->invalidated) {
        delete captured;
        return result(cudaErrorStreamCaptureInvalidated);
    }
    *graph = reinterpret_cast<cudaGraph_t>(captured);
    return result(cudaSuccess);
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
    *executable =
        reinterpret_cast<cudaGraphExec_t>(new std::vector<Work>(*reinterpret_cast<std::vector<Work>*>(graph)));
    return result(cudaSuccess);
}
cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) {
    ++count.uploads;
    return result(cudaSuccess);
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
    const Lock lock(mutex);
    for (const Work& work : *reinterpret_cast<std::vector<Work>*>(executable)) queue(of(stream), work);
    return result(cudaSuccess);
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    delete reinterpret_cast<std::vector<Work>*>(graph);
    return result(cudaSuccess);
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
    delete reinterpret_cast<std::vector<Work>*>(executable);
    return result(cudaSuccess);
}
}
