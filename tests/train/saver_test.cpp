#include "train/saver.h"

#include <camber/autograd.h>
#include <doctest/doctest.h>
#include <time.h>

#include <atomic>
#include <thread>

#include "backend/backend.h"
#include "support/errors.h"
#include "support/files.h"

using namespace camber;
using namespace camber::testing;
namespace fs = std::filesystem;

namespace {

/// A run's folder, and tensors of it on some device: two that lie in one block, and one in host memory.
struct Fixture {
    explicit Fixture(Device device = Device::cpu) : block(Tensor::empty({40}, Dtype::f32, device)) {
        fs::create_directories(run.pictures());
        fill(0);
    }
    void fill(float value) const {
        backend(block).fill(block, value);
        *step.data<std::int32_t>() = static_cast<std::int32_t>(value);
    }
    Checkpoint checkpoint() const {
        Checkpoint c;
        c.tensors = {{"model.a", block.slice(0, {2, 4})}, {"model.b", block.slice(16, {3})}, {"optim.step", step}};
        return c;
    }
    /// The value that all tensors of a file have.
    static float value_in(const fs::path& file) {
        const Checkpoint c = load_checkpoint(file);
        REQUIRE(c.tensors.size() == 3);
        float value = 0;
        for (const NamedTensor& t : c.tensors)
            value = t.tensor.dtype() == Dtype::i32 ? static_cast<float>(t.tensor.data<std::int32_t>()[0])
                                                   : t.tensor.data<float>()[0];
        for (const NamedTensor& t : c.tensors)
            for (std::int64_t i = 0; i < t.tensor.numel(); ++i)
                CHECK((t.tensor.dtype() == Dtype::i32 ? static_cast<float>(t.tensor.data<std::int32_t>()[i])
                                                      : t.tensor.data<float>()[i]) == value);
        return value;
    }

    TemporaryFolder folder;
    RunFolder run{folder / "run"};
    Tensor block, step = Tensor::zeros({1}, Dtype::i32, Device::cpu);
};

std::vector<Device> computing() {
    std::vector<Device> found;
    for (const Device device : {Device::cpu, Device::cuda, Device::emulated})
        if (has_backend(device)) found.push_back(device);
    return found;
}

void burn(double seconds) {
    const auto now = [] {
        timespec t{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
    };
    for (const double start = now(); now() - start < seconds;) {
    }
}

}  // namespace

TEST_CASE("the budget allows a first save, and one more while the time is fifty times what they cost") {
    SaveBudget budget;
    CHECK(budget.allows(0));
    budget.spend(0.1);
    budget.count_save();
    CHECK_FALSE(budget.allows(9.9));
    CHECK(budget.allows(10.1));  // two of them
    budget.spend(0.3);
    budget.count_save();
    CHECK_FALSE(budget.allows(29));
    CHECK(budget.allows(31));  // 0.4 s so far, and 0.2 s a save
}

TEST_CASE("a save holds what the tensors held when it was begun") {
    for (const Device device : computing()) {
        CAPTURE(std::string(name(device)));
        const Fixture f(device);
        Saver saver(f.run, true);
        f.fill(1);
        saver.keep_best(f.checkpoint(), nullptr);
        f.fill(2);
        saver.save(f.checkpoint());
        f.fill(3);
        saver.wait();
        CHECK(Fixture::value_in(f.run.best()) == 1);
        CHECK(Fixture::value_in(f.run.last()) == 2);
    }
}

TEST_CASE("the newest best is written before the last that refers to it, its pictures first, and no sooner") {
    const Fixture f;
    Saver saver(f.run, true);
    std::atomic<int> painted = 0;
    f.fill(1);
    saver.keep_best(f.checkpoint(), [&] { painted = 1; });
    f.fill(2);
    saver.keep_best(f.checkpoint(), [&] {
        painted = painted * 10 + 2;
        CHECK_FALSE(fs::exists(f.run.best()));
    });
    saver.check();
    CHECK_FALSE(fs::exists(f.run.best()));
    saver.save(f.checkpoint());
    saver.wait();
    CHECK(painted == 2);
    CHECK(Fixture::value_in(f.run.best()) == 2);
    // Without a newer one neither is written again.
    f.fill(3);
    saver.save(f.checkpoint());
    saver.wait();
    CHECK(Fixture::value_in(f.run.best()) == 2);
    CHECK(Fixture::value_in(f.run.last()) == 3);
    CHECK(painted == 2);
    // Alone, when training failed.
    f.fill(4);
    saver.keep_best(f.checkpoint(), nullptr);
    saver.save_best();
    saver.wait();
    CHECK(Fixture::value_in(f.run.best()) == 4);
    CHECK(Fixture::value_in(f.run.last()) == 3);
}

TEST_CASE("training goes on while a save is written, and the next one waits for it") {
    const Fixture f;
    Saver saver(f.run, true);
    std::atomic<bool> go_on = false;
    saver.keep_best(f.checkpoint(), [&] {
        while (!go_on) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    });
    f.fill(1);
    saver.save(f.checkpoint());
    CHECK_FALSE(saver.has_time(1e9));
    saver.check();
    CHECK_FALSE(fs::exists(f.run.last()));
    std::thread later([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        go_on = true;
    });
    f.fill(2);
    saver.save(f.checkpoint());
    later.join();
    CHECK(fs::exists(f.run.best()));
    saver.wait();
    CHECK(Fixture::value_in(f.run.last()) == 2);
    CHECK(saver.has_time(1e9));
}

TEST_CASE("the thread's processor time is part of the cost where it is taken from training") {
    for (const bool shared : {true, false}) {
        const Fixture f;
        Saver saver(f.run, shared);
        CHECK(saver.has_time(0));
        saver.keep_best(f.checkpoint(), [] { burn(0.3); });
        saver.save(f.checkpoint());
        saver.wait();
        CHECK(saver.has_time(25) == !shared);  // 2% are 0.5 s, two saves cost 0.6 s
        CHECK(saver.has_time(60));
    }
}

TEST_CASE("what the thread fails with is thrown at the next opportunity, in one line, and nothing is half-written") {
    const Fixture f;
    Saver saver(f.run, true);
    f.fill(1);
    saver.save(f.checkpoint());
    saver.wait();
    SUBCASE("the folder is gone") {
        fs::remove_all(f.folder / "run");
        saver.save(f.checkpoint());
        CHECK(error_of([&] { saver.wait(); }).find("metrics.jsonl: cannot be written: No such file") !=
              std::string::npos);
    }
    SUBCASE("a picture cannot be written: what refers to it is not written either") {
        f.fill(2);
        saver.keep_best(f.checkpoint(), [] { throw Error("a picture cannot be written"); });
        saver.save(f.checkpoint());
        std::string error;
        while (error.empty()) error = error_of([&] { saver.check(); });
        CHECK(error == "a picture cannot be written");
        CHECK_FALSE(fs::exists(f.run.best()));
        CHECK(Fixture::value_in(f.run.last()) == 1);
        saver.check();  // said once
    }
}
