#include "cuda/emulator/nccl.h"

#include <camber/error.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <thread>

#include "cuda/emulator/arena.h"
#include "cuda/emulator/queue.h"

namespace camber::nccl {

namespace {

using emulator::Arena;
using emulator::queue;

constexpr std::size_t chunk_bytes = std::size_t{64} << 10;

/// What a rank calls; each is known by the kernel before it.
struct Call {
    std::uint64_t count;
    DataType type;
    bool recorded;
    char after[64];

    bool operator==(const Call& other) const {
        return count == other.count && type == other.type && recorded == other.recorded &&
               std::strcmp(after, other.after) == 0;
    }
    std::string text() const {
        return fmt::format("{} {}{} after '{}'", count,
                           type == float64   ? "f64"
                           : type == float32 ? "f32"
                                             : "i32",
                           recorded ? ", recorded," : "", after);
    }
};

/// A rank's part of the shared memory.
struct Slot {
    std::atomic<std::uint64_t> phase;  ///< meetings that it has come to
    Call call;
    alignas(64) std::byte data[chunk_bytes];
};

/// Begins the shared memory, which is zeros at first; a slot a rank follows.
struct alignas(64) Head {
    std::atomic<int> attached;
};

std::string last_error;

Result refuse(Result result, std::string why) {
    last_error = std::move(why);
    return result;
}

std::size_t size_of(DataType type) { return type == float64 ? 8 : 4; }

template <class T>
void add(const std::byte* values, std::byte* sums, std::size_t bytes) {
    for (std::size_t at = 0; at < bytes; at += sizeof(T)) {
        T value, sum;
        std::memcpy(&value, values + at, sizeof(T));
        std::memcpy(&sum, sums + at, sizeof(T));
        sum += value;
        std::memcpy(sums + at, &sum, sizeof(T));
    }
}

}  // namespace

struct CommState {
    int rank, size;
    std::size_t bytes;
    Head* head;

    Slot& slot(int of) const { return reinterpret_cast<Slot*>(head + 1)[of]; }

    /// Until all ranks have come.
    void meet() {
        const std::uint64_t now = slot(rank).phase.load() + 1;
        slot(rank).phase.store(now);
        const auto start = std::chrono::steady_clock::now();
        double seen = 0;
        for (int other = 0; other < size;) {
            if (slot(other).phase.load() >= now) {
                ++other;
                continue;
            }
            sched_yield();
            const double waited = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
            if (waited < 0.02) continue;
            std::this_thread::sleep_for(std::chrono::microseconds(100));
            if (waited - seen < 0.05) continue;
            seen = waited;
            if (queue().watch) queue().watch(waited);
        }
    }

    void check_alike() const {
        for (int other = 0; other < size; ++other)
            if (!(slot(other).call == slot(0).call))
                fail("the ranks do not sum the same: rank 0 {}, rank {} {}", slot(0).call.text(), other,
                     slot(other).call.text());
    }

    void all_reduce(const void* from, void* to, const Call& call) {
        const std::size_t all = call.count * size_of(call.type);
        const Arena& arena = Arena::get();
        if (!arena.accessible(from, all) || !arena.accessible(to, all))
            fail("a sum over processes of {} bytes, {}", all, arena.describe(arena.accessible(from, all) ? to : from));
        for (std::size_t begin = 0; begin < all; begin += chunk_bytes) {
            const std::size_t part = std::min(chunk_bytes, all - begin);
            slot(rank).call = call;
            std::memcpy(slot(rank).data, static_cast<const char*>(from) + begin, part);
            meet();
            check_alike();
            std::byte* const sums = static_cast<std::byte*>(to) + begin;
            std::memcpy(sums, slot(0).data, part);
            const auto add_one = call.type == float64   ? add<double>
                                 : call.type == float32 ? add<float>
                                                        : add<std::int32_t>;
            for (int other = 1; other < size; ++other) add_one(slot(other).data, sums, part);
            meet();
        }
    }
};

namespace {

Result get_unique_id(UniqueId* id) {
    static std::atomic<int> made = 0;
    const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
    *id = {};
    fmt::format_to_n(id->bytes, sizeof id->bytes - 1, "/camber-nccl-{}-{}-{}", getpid(), made++, now);
    return success;
}

Result comm_init_rank(Comm* comm, int size, UniqueId id, int rank) {
    const std::size_t bytes = sizeof(Head) + static_cast<std::size_t>(size) * sizeof(Slot);
    const int file = shm_open(id.bytes, O_CREAT | O_RDWR, 0600);
    if (file < 0) return refuse(system_error, "no shared memory: " + error_text(errno));
    if (ftruncate(file, static_cast<off_t>(bytes)) != 0) {
        close(file);
        return refuse(system_error, "no shared memory: " + error_text(errno));
    }
    void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (memory == MAP_FAILED) return refuse(system_error, "no shared memory: " + error_text(errno));
    auto* const head = static_cast<Head*>(memory);
    ++head->attached;
    while (head->attached < size) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (rank == 0) shm_unlink(id.bytes);
    *comm = new CommState{rank, size, bytes, head};
    return success;
}

Result comm_destroy(Comm comm) {
    munmap(comm->head, comm->bytes);
    delete comm;
    return success;
}

Result comm_get_async_error(Comm, Result* error) {
    *error = success;
    return success;
}

Result all_reduce(const void* from, void* to, std::size_t count, DataType type, Operation operation, Comm comm,
                  void* stream) {
    if (!comm || operation != sum || (type != int32 && type != float32 && type != float64))
        return refuse(invalid_argument, "no communicator, or a type or operation that is not known");
    Call call{count, type, queue().recording != nullptr, {}};
    std::strncpy(call.after, queue().last, sizeof call.after - 1);
    if (emulator::counted_only("sum over processes")) return success;
    const std::size_t bytes = count * size_of(type);
    // What is recorded need not have its memory yet: how much of it there is shows when the sum is made.
    if (bytes == 0 || !Arena::get().contains(from) || !Arena::get().contains(to))
        return refuse(invalid_argument, fmt::format("{} bytes that are not the device's", bytes));
    if (stream != emulator::stream_handle(true)) return refuse(invalid_usage, "another stream than that of sums");
    if (!queue().beside_waits)
        return refuse(invalid_usage, "the stream of sums does not wait for what the compute stream was given");
    queue().beside.emplace_back([=] { comm->all_reduce(from, to, call); });
    return success;
}

const char* get_error_string(Result result) { return result == system_error ? "system error" : "invalid usage"; }
const char* get_last_error(Comm) { return last_error.c_str(); }

}  // namespace
}  // namespace camber::nccl

namespace camber::emulator {

const nccl::Api& nccl_api() {
    static const nccl::Api api = {nccl::get_unique_id,        nccl::comm_init_rank, nccl::comm_destroy,
                                  nccl::comm_get_async_error, nccl::all_reduce,     nccl::get_error_string,
                                  nccl::get_last_error,       nccl::oldest_version, "the emulator's"};
    return api;
}

void* stream_handle(bool sums) {
    static char streams[2];
    return &streams[sums ? 1 : 0];
}

}  // namespace camber::emulator
