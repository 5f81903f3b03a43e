#include "distributed/communicator.h"

#include <camber/error.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <thread>

#include "backend/backend.h"
#include "core/batch_share.h"
#include "core/local_process.h"
#include "distributed/launch.h"
#include "distributed/spending.h"

namespace camber::distributed {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// What ranks tell each other outside the order of calls, in a note's first byte.
namespace note {
constexpr char asks = '?', answers = '!', failed = 'f';
}

constexpr double answer_seconds = 5;          // in which a rank that waits too answers
constexpr std::int64_t most_bytes = 1 << 30;  // of a call: MPI counts in int

class Mpi;
Mpi* joined = nullptr;

/// Ranks under MPI.
class Mpi : public Communicator {
  public:
    Mpi(const MpiFunctions& mpi, int rank, int size) : Communicator(rank, size), mpi_(mpi), timeout_(timeout()) {
        joined = this;
    }
    ~Mpi() override {
        joined = nullptr;
        mpi_.finish();
    }

    void check(int error) const {
        if (error == 0) return;
        char text[512] = "";
        mpi_.text(error, text, sizeof text);
        fail("MPI: {}", text);
    }

    void wait(void* request) {
        const Clock::time_point start = Clock::now();
        double seen = 0;
        for (int tries = 0;; ++tries) {
            bool done = false;
            check(mpi_.test(request, &done));
            if (done) return;
            if (tries < 64) continue;
            // Who waits leaves its processor to whom it waits for.
            sched_yield();
            const double waited = since(start);
            if (waited < 0.02) continue;
            std::this_thread::sleep_for(std::chrono::microseconds(100));
            if (waited - seen < 0.05) continue;
            seen = waited;
            waiting(waited);
        }
    }

    void waiting(double seconds) override {
        read_notes();
        if (seconds > timeout_) name_missing();
    }

    std::string words(const std::string& line, int code) {
        if (first()) return line;
        // Rank 0 says it, and ends everybody.
        std::string text{note::failed, static_cast<char>(code)};
        text += line;
        if (mpi_.send(0, text.data(), static_cast<std::int64_t>(text.size())) == 0) {
            const Clock::time_point start = Clock::now();
            while (since(start) < timeout_ + answer_seconds) {
                std::this_thread::sleep_for(std::chrono::milliseconds(20));
                try {
                    read_notes();
                } catch (const Error&) {
                    break;
                }
            }
        }
        return fmt::format("rank {}: {}", rank(), line);
    }

    void end(int code) {
        std::fflush(nullptr);
        mpi_.abort(code);
    }

  protected:
    void sum_all(std::span<double> values) override {
        void* request = nullptr;
        check(mpi_.sum(values.data(), static_cast<std::int64_t>(values.size()), MpiFunctions::f64, false, &request));
        wait(request);
    }

    void broadcast_all(std::span<std::byte> bytes) override {
        for (std::size_t begin = 0; begin < bytes.size(); begin += most_bytes) {
            void* request = nullptr;
            const std::size_t count = std::min<std::size_t>(most_bytes, bytes.size() - begin);
            check(mpi_.broadcast(bytes.data() + begin, static_cast<std::int64_t>(count), &request));
            wait(request);
        }
    }

    void gather_all(std::span<const std::byte> own, std::byte* all) override {
        void* request = nullptr;
        check(mpi_.gather(own.data(), static_cast<std::int64_t>(own.size()), all, &request));
        wait(request);
    }

    std::unique_ptr<Pending> start(const Tensor& values) override {
        void* request = nullptr;
        check(mpi_.sum(values.raw(), values.numel(),
                       values.dtype() == Dtype::f32 ? MpiFunctions::f32 : MpiFunctions::f64, true, &request));
        return std::make_unique<Sum>(*this, request, values);
    }

  private:
    class Sum : public Pending {
      public:
        Sum(Mpi& owner, void* request, Tensor values) : owner_(owner), request_(request), values_(std::move(values)) {}
        bool done() override {
            if (!request_) return true;
            bool done = false;
            owner_.check(owner_.mpi_.test(request_, &done));
            if (done) request_ = nullptr;
            return done;
        }
        void wait() override {
            if (request_) owner_.wait(std::exchange(request_, nullptr));
        }

      private:
        Mpi& owner_;
        void* request_;
        Tensor values_;  // its memory is MPI's until then
    };

    static double timeout() {
        const char* const text = std::getenv("CAMBER_RANK_TIMEOUT");
        if (!text) return 300;
        char* end = nullptr;
        const double seconds = std::strtod(text, &end);
        if (end == text || *end != '\0' || !(seconds > 0))
            fail_usage("CAMBER_RANK_TIMEOUT: seconds above 0, not '{}'", text);
        return seconds;
    }

    /// Answers those that ask, and throws what rank 0 is told.
    void read_notes() {
        char bytes[4096];
        for (;;) {
            std::int64_t count = -1;
            int from = 0;
            check(mpi_.receive(bytes, sizeof bytes, &count, &from));
            if (count <= 0) return;
            if (bytes[0] == note::asks) {
                check(mpi_.send(from, &note::answers, 1));
            } else if (bytes[0] == note::answers) {
                if (!answered_.empty()) answered_[static_cast<std::size_t>(from)] = true;
            } else if (bytes[0] == note::failed && count >= 2) {
                const std::string line = fmt::format("rank {}: {}", from, std::string(bytes + 2, bytes + count));
                if (bytes[1] == 2) throw UsageError(line);
                throw Error(line);
            }
        }
    }

    /// Throws naming the ranks that do not answer. Of those that do, the first one speaks.
    [[noreturn]] void name_missing() {
        answered_.assign(static_cast<std::size_t>(size()), false);
        answered_[static_cast<std::size_t>(rank())] = true;
        for (int other = 0; other < size(); ++other)
            if (other != rank()) static_cast<void>(mpi_.send(other, &note::asks, 1));
        const Clock::time_point start = Clock::now();
        while (since(start) < answer_seconds) {
            read_notes();
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        std::vector<int> missing;
        for (int other = 0; other < size(); ++other)
            if (!answered_[static_cast<std::size_t>(other)]) missing.push_back(other);
        const auto speaker = std::find(answered_.begin(), answered_.end(), true) - answered_.begin();
        if (speaker != rank()) std::this_thread::sleep_for(std::chrono::duration<double>(2 * answer_seconds));
        if (missing.empty())
            fail("the ranks have waited {:g} s for each other, and none is missing: does the network work?", timeout_);
        fail(
            "rank{} {} of {} did not come within {:g} s, and {} not answer: dead, stopped, or at something else "
            "(CAMBER_RANK_TIMEOUT)",
            missing.size() > 1 ? "s" : "", fmt::join(missing, ", "), size(), timeout_,
            missing.size() > 1 ? "do" : "does");
    }

    const MpiFunctions& mpi_;
    const double timeout_;
    std::vector<bool> answered_;
};

/// A sum on a device, beside its other work.
class Queued : public Communicator::Pending {
  public:
    explicit Queued(DeviceSums& sums) : sums_(sums) {}
    ~Queued() override {
        if (!joined_) sums_.forget();
    }
    bool done() override { return false; }  // nothing here waits for the device
    void wait() override {
        sums_.join();
        joined_ = true;
    }

  private:
    DeviceSums& sums_;
    bool joined_ = false;
};

/// This process by itself.
class Alone : public Communicator {
  public:
    Alone() : Communicator(0, 1) {}
};

bool silent = false;  // another rank says what is to be said

std::unique_ptr<Communicator> join() {
    const Launch launched = launch();
    if (launched.size == 1) return std::make_unique<Alone>();
    const std::string started = fmt::format("started as one of {} processes ({})", launched.size, launched.variable);
    if (launched.by_slurm) {
        fail_usage("{}, but not under MPI: give srun --mpi=pmix or --mpi=pmi2, as its MPI has it, or one task",
                   started);
    }
    const MpiFunctions* functions = nullptr;
    try {
        functions = &mpi();
    } catch (const Error& error) {
        silent = launched.rank > 0;
        fail("{}, but {}: start one process", started, error.what());
    }
    int rank = 0, size = 0;
    if (const int error = functions->start(&rank, &size); error != 0)
        fail("{}, but MPI fails: error {}", started, error);
    if (size != launched.size) {
        char library[256] = "";
        functions->describe(library, sizeof library);
        silent = launched.rank > 0;
        functions->finish();
        fail("{}, but MPI finds {}: Camber was built with {}, and another MPI's mpirun started it", started, size,
             library);
    }
    if (const int error = functions->local(&local_process.number); error != 0)
        fail("{}, but MPI fails: error {}", started, error);
    return std::make_unique<Mpi>(*functions, rank, size);
}

}  // namespace

Communicator& Communicator::world() {
    static const std::unique_ptr<Communicator> world = join();
    return *world;
}

void Communicator::sum(std::span<double> values) {
    if (alone() || values.empty()) return;
    const Spending spending(seconds_);
    sum_all(values);
}

bool Communicator::any(bool holds) {
    if (alone()) return holds;
    double count = holds ? 1 : 0;
    sum({&count, 1});
    return count > 0;
}

void Communicator::broadcast(std::span<std::byte> bytes) {
    if (alone() || bytes.empty()) return;
    const Spending spending(seconds_);
    broadcast_all(bytes);
}

std::vector<std::string> Communicator::gather(const std::string& text) {
    if (alone()) return {text};
    const Spending spending(seconds_);
    const auto ranks = static_cast<std::size_t>(size_);
    const std::uint64_t own = text.size();
    std::vector<std::uint64_t> sizes(ranks);
    gather_all(std::as_bytes(std::span(&own, 1)), std::as_writable_bytes(std::span(sizes)).data());
    std::string padded = text;
    padded.resize(*std::max_element(sizes.begin(), sizes.end()) + 1);
    std::string all(padded.size() * ranks, '\0');
    gather_all(std::as_bytes(std::span(padded)), std::as_writable_bytes(std::span(all)).data());
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < ranks; ++i) texts.push_back(all.substr(i * padded.size(), sizes[i]));
    return texts;
}

std::unique_ptr<Communicator::Pending> Communicator::start_sum(const Tensor& values) {
    if (alone()) return nullptr;
    const Spending spending(seconds_);
    if (is_host(values.device())) return start(values);
    DeviceSums& sums = on(values.device());
    // Batch normalisation's next sums are soon wanted, and would wait for this one.
    sums.start_sum(values, values, batch_norm_share() != nullptr);
    return std::make_unique<Queued>(sums);
}

DeviceSums& Communicator::on(Device device) {
    if (!device_sums_) {
        const Meeting meeting = {.rank = rank_,
                                 .size = size_,
                                 .broadcast = [this](std::span<std::byte> bytes) { broadcast(bytes); },
                                 .gather = [this](const std::string& text) { return gather(text); },
                                 .waiting = [this](double seconds) { waiting(seconds); }};
        device_sums_ = backend(device).join(meeting).release();
    }
    return *device_sums_;
}

std::string words_of_job(const std::string& line, int code) {
    if (silent) return {};
    return joined ? joined->words(line, code) : line;
}

void end_job(int code) {
    if (joined) joined->end(code);
}

}  // namespace camber::distributed
