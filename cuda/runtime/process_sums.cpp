#include "cuda/runtime/process_sums.h"

#include <camber/error.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

#include "core/thread.h"
#include "cuda/libraries/nccl_api.h"
#include "cuda/runtime/runtime.h"
#if defined(CAMBER_EMULATED)
#include "cuda/emulator/nccl.h"
#endif

namespace camber::CAMBER_GPU {
namespace {

const nccl::Api& api() {
#if defined(CAMBER_EMULATED)
    return emulator::nccl_api();
#else
    std::string why;
    const nccl::Api* const found = nccl::find_api(&why);
    if (!found) fail("processes that each have a GPU take NCCL: {}", why);
    return *found;
#endif
}

nccl::DataType type_of(Dtype dtype) {
    switch (dtype) {
        case Dtype::f32:
            return nccl::float32;
        case Dtype::f64:
            return nccl::float64;
        case Dtype::i32:
            return nccl::int32;
        default:
            fail("{} values are not summed over processes", name(dtype));
    }
}

/// One communicator, all of whose work is on one stream: the order of calls, which all processes have alike, is that of
/// the device. (Of two, neither may wait behind the other, which NCCL leaves to its caller.)
class ProcessSums final : public DeviceSums {
  public:
    explicit ProcessSums(const Meeting& meeting) : api_(api()) {
        if (const std::string same = shared_device(meeting.gather(device_identity())); !same.empty()) fail("{}", same);
        nccl::UniqueId id{};
        if (meeting.rank == 0) check(api_.GetUniqueId(&id), "ncclGetUniqueId");
        meeting.broadcast(std::as_writable_bytes(std::span(id.bytes)));
        start(meeting, id);
        watch_waits([this, waiting = meeting.waiting](double seconds) {
            nccl::Result error = nccl::success;
            check(api_.CommGetAsyncError(comm_, &error), "ncclCommGetAsyncError");
            check(error, "a sum over processes");
            waiting(seconds);
        });
    }

    ~ProcessSums() override {
        watch_waits(nullptr);
        api_.CommDestroy(comm_);
    }

    void sum(const Tensor& from, const Tensor& to) override {
        queue(from, to);
        order(StreamKind::sums, StreamKind::compute);
        queue_held();
    }

    void start_sum(const Tensor& from, const Tensor& to, bool after_next) override {
        queue_held();
        held_ = {from, to};
        if (!after_next) queue_held();
    }

    void join() override {
        queue_held();
        order(StreamKind::sums, StreamKind::compute);
    }

    void forget() override { held_ = {}; }

  private:
    void check(nccl::Result result, const char* call) const {
        if (result == nccl::success) return;
        const char* const more = api_.GetLastError(comm_);
        fail("{}: {}{}{}", call, api_.GetErrorString(result), more && *more ? ": " : "", more ? more : "");
    }

    /// In a thread, which is left to itself where others do not come.
    void start(const Meeting& meeting, const nccl::UniqueId& id) {
        struct Start {
            std::atomic<bool> done = false;
            nccl::Result result = nccl::success;
            nccl::Comm comm = nullptr;
        };
        const auto state = std::make_shared<Start>();
        start_thread([state, &nccl = api_, id, size = meeting.size, rank = meeting.rank] {
            device_properties();
            state->result = nccl.CommInitRank(&state->comm, size, id, rank);
            state->done = true;
        }).detach();
        const auto begin = std::chrono::steady_clock::now();
        while (!state->done) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            meeting.waiting(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
        }
        comm_ = state->comm;
        check(state->result, "ncclCommInitRank");
    }

    void queue(const Tensor& from, const Tensor& to) const {
        order(StreamKind::compute, StreamKind::sums);
        check(api_.AllReduce(from.raw(), to.raw(), static_cast<std::size_t>(from.numel()), type_of(from.dtype()),
                             nccl::sum, comm_, stream_handle(StreamKind::sums)),
              "ncclAllReduce");
    }

    void queue_held() {
        if (held_.first) queue(held_.first, held_.second);
        held_ = {};
    }

    const nccl::Api& api_;
    nccl::Comm comm_ = nullptr;
    std::pair<Tensor, Tensor> held_;
};

}  // namespace

std::string shared_device(const std::vector<std::string>& identities) {
    for (std::size_t later = 1; later < identities.size(); ++later)
        for (std::size_t earlier = 0; earlier < later; ++earlier)
            if (identities[earlier] == identities[later])
                return fmt::format("ranks {} and {} have the same GPU: start one process a GPU, or --device cpu",
                                   earlier, later);
    return {};
}

std::unique_ptr<DeviceSums> process_sums(const Meeting& meeting) { return std::make_unique<ProcessSums>(meeting); }

}  // namespace camber::CAMBER_GPU
