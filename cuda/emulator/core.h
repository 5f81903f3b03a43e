#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "cuda/emulator/access_counter.h"
#include "cuda/emulator/collectives.h"
#include "cuda/emulator/fiber.h"
#include "cuda/emulator/launch.h"
#include "cuda/emulator/shared_memory.h"

namespace camber::emulator {

/// A CUDA thread of the block that a core runs.
struct Thread {
    enum class State { unborn, ready, at_barrier, in_warp_operation, finished };

    ThreadIndices indices;
    State state = State::unborn;
    int stack = -1;  ///< index among the core's stacks
    Context context;
    Location where;                         ///< of the barrier or warp operation it waits at
    std::array<std::uint32_t, 4> result{};  ///< of the warp operation it waited for
    struct PendingCopy {
        void* shared;
        const void* global;
        int valid;
    };
    std::vector<PendingCopy> copies;                   ///< cp.async issued and not committed
    std::deque<std::vector<PendingCopy>> copy_groups;  ///< committed and not waited for
    struct PendingProduct {
        float* sums;
        int count;
        bool add;
        struct Operand {
            SharedMatrix matrix;
            bool transposed;
        } a, b;
    };
    std::vector<PendingProduct> products;                    ///< wgmma issued and not committed
    std::deque<std::vector<PendingProduct>> product_groups;  ///< committed and not waited for
};

/// What a lane brings to a warp operation.
struct LaneInput {
    std::uint64_t value = 0;
    int operand = 0, width = 32;
    const void* row = nullptr;             ///< load_matrix
    std::array<std::uint32_t, 6> words{};  ///< mma: a, b
    std::array<float, 4> sum{};            ///< mma: c
};

/// Lanes that have come to the same operation with the same mask.
struct WarpGroup {
    WarpOp op;
    unsigned mask = 0, arrived = 0;
    std::array<LaneInput, 32> lanes;
};

struct Warp {
    std::vector<WarpGroup> groups;  ///< usually none or one; several where lanes have diverged
    std::uint16_t epoch = 0;        ///< operations completed since the last block-wide barrier
};

/// One OS thread running blocks one after another, their threads as fibers. A thread runs until it waits for others;
/// then the next one runs. The order is fixed, so every run of a kernel is the same.
class Core {
  public:
    /// The core of this OS thread.
    static Core& get();
    /// The core in which kernel code is running on this OS thread, else null.
    static Core* running();

    /// Returns the fault, empty when there was none. Adds the block to `total` unless that is null.
    std::string run_block(const BoundKernel& kernel, uint3 block, LaunchCounter* total = nullptr);

    Thread& thread() { return *current_; }
    const BoundKernel& kernel() const { return *kernel_; }
    SharedMemory& shared() { return shared_; }

    void sync_threads(const Location& where);
    /// Waits for the lanes of `mask`; the last to come works out every lane's `result`.
    const std::array<std::uint32_t, 4>& warp_operation(WarpOp op, unsigned mask, const LaneInput& input,
                                                       const Location& where);
    /// Checks an access by the running thread.
    void access(const void* p, std::size_t bytes, bool write, bool atomic = false);
    /// Whether accesses are counted.
    bool counts() const { return counting_; }
    /// Counts an access by the running thread; of global or shared memory, others are not.
    void count(const void* p, std::size_t bytes, AccessKind kind, const void* site);
    /// Counts what else there is, by f(counter), where it is wanted.
    template <class F>
    void count(F&& f) {
        if (counting_) f(counter_, index(*current_));
    }
    /// Ends the kernel with a report that names kernel, block and thread. `what` returns the rest of it.
    template <class What>
    [[noreturn]] void fault(What&& what) {
        stop_watching();
        report(what());
        abandon();
    }

  private:
    static void enter_thread();
    /// What runs from here on is the emulator's own, whatever the compiler put hooks into.
    static void stop_watching();
    void report(const std::string& what);
    /// Leaves the block in the middle; nothing of the running thread may need a destructor by then.
    [[noreturn]] void abandon();
    unsigned index(const Thread& thread) const { return static_cast<unsigned>(&thread - threads_.data()); }
    void resume(Thread& thread);
    void wait(Thread::State state, const Location& where);
    void wake(Thread& thread);
    void finish_thread();
    void finish_group(Warp& warp, WarpGroup& group, unsigned first_thread);
    std::string deadlock() const;
    Accessor accessor() const;

    std::vector<Thread> threads_;
    std::vector<Warp> warps_;
    std::vector<FiberStack> stacks_;
    std::vector<int> free_stacks_;
    std::deque<Thread*> ready_;
    Context scheduler_;
    Thread* current_ = nullptr;
    bool counting_ = false;
    const BoundKernel* kernel_ = nullptr;
    SharedMemory shared_;
    AccessCounter counter_;
    std::string fault_;
    unsigned waiting_at_barrier_ = 0, finished_ = 0;
};

/// The results of a complete group, a lane at a time (matrix.cpp for load_matrix and mma). Returns what is wrong with
/// it, or nothing.
std::string evaluate(const WarpGroup& group, std::array<std::array<std::uint32_t, 4>, 32>& results);
void evaluate_load_matrix(const WarpGroup& group, std::array<std::array<std::uint32_t, 4>, 32>& results);
void evaluate_mma(const WarpGroup& group, std::array<std::array<std::uint32_t, 4>, 32>& results);

}  // namespace camber::emulator
