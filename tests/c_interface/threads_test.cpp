// Handles in threads: what sanitizers look at.
#include <doctest/doctest.h>

#include <atomic>
#include <barrier>
#include <thread>

#include "c_interface/checkpoints.h"
#include "support/files.h"

using namespace camber;
using namespace camber::testing;

namespace {

/// Runs work(i) in `count` threads, which begin together.
void in_threads(int count, const std::function<void(int)>& work) {
    std::barrier begin(count);
    std::vector<std::jthread> threads;
    for (int i = 0; i < count; ++i)
        threads.emplace_back([&, i] {
            begin.arrive_and_wait();
            work(i);
        });
}

}  // namespace

TEST_CASE("two handles in two threads, opened, run and closed at once, give what each gives alone") {
    const TemporaryFolder folder;
    const std::string files[] = {write_checkpoint(folder / "a", {.seed = 1}),
                                 write_checkpoint(folder / "b", {.seed = 2, .classes = 3, .channels = 1})};
    const int classes[] = {5, 3};
    const std::vector<Image> frames = {noise(40, 60), noise(64, 96, 3, 2), noise(33, 17, 3, 3)};
    for (const char* const dtype : {"f32", "bf16"}) {
        camber_options wanted = options();
        wanted.dtype = dtype;
        wanted.threads = 2;
        std::vector<Result> alone[2], together[2];
        const auto use = [&](int i, std::vector<Result>* results) {
            const Handle handle(files[i], &wanted);
            for (int round = 0; round < 3; ++round)
                for (const Image& frame : frames) results[i].push_back(run_all(handle.model, frame, classes[i]));
        };
        in_threads(2, [&](int i) { use(i, together); });
        for (int i = 0; i < 2; ++i) {
            use(i, alone);
            CHECK(together[i] == alone[i]);
            CHECK(together[i].front().status == CAMBER_OK);
        }
        CHECK(together[0].front().labels != together[1].front().labels);
    }
}

TEST_CASE("two handles of one checkpoint in two threads") {
    const TemporaryFolder folder;
    const std::string file = write_checkpoint(folder / "a");
    const Image frame = noise(64, 96);
    Result results[2];
    in_threads(2, [&](int i) {
        const Handle handle(file);
        for (int round = 0; round < 4; ++round) results[i] = run_all(handle.model, frame, 5);
    });
    CHECK(results[0] == results[1]);
}

TEST_CASE("one handle in two threads: calls wait for each other") {
    const TemporaryFolder folder;
    const Handle handle(write_checkpoint(folder / "a"));
    const Image frames[] = {noise(40, 60), noise(64, 96)};
    const Result alone[] = {run_all(handle.model, frames[0], 5), run_all(handle.model, frames[1], 5)};
    std::atomic<int> same = 0;
    in_threads(2, [&](int i) {
        for (int round = 0; round < 4; ++round) same += run_all(handle.model, frames[i], 5) == alone[i];
    });
    CHECK(same == 8);
}

TEST_CASE("opened in one thread, run in a second, closed in a third, with other numbers of threads") {
    const TemporaryFolder folder;
    const std::string file = write_checkpoint(folder / "a");
    const Image frame = noise(40, 60);
    for (const int threads : {1, 2, 3}) {
        camber_options wanted = options();
        wanted.threads = threads;
        camber_model* model = nullptr;
        std::thread([&] { camber_open(file.c_str(), &wanted, &model); }).join();
        REQUIRE(model != nullptr);
        Result there;
        std::thread([&] { there = run_all(model, frame, 5); }).join();
        CHECK(there == run_all(model, frame, 5));
        std::thread([&] { camber_close(model); }).join();
    }
}

TEST_CASE("each thread has its own error") {
    const TemporaryFolder folder;
    camber_model* model = nullptr;
    CHECK(camber_open((folder / "here").c_str(), nullptr, &model) == CAMBER_BAD_FILE);
    const std::string here = camber_error_text();
    std::string before, there;
    std::thread([&] {
        before = camber_error_text();
        camber_open((folder / "there").c_str(), nullptr, &model);
        there = camber_error_text();
    }).join();
    CHECK(before.empty());
    CHECK(there.find("there") != there.npos);
    CHECK(here == camber_error_text());
}

TEST_CASE("handles on a device whose work goes through one queue take turns") {
    if (!has_backend(Device::emulated)) return;
    const TemporaryFolder folder;
    const std::string file = write_checkpoint(folder / "a");
    const Image frame = noise(16, 24);
    camber_options wanted = options();
    wanted.device = "emulated";
    wanted.height = 16, wanted.width = 24;
    Result results[2];
    in_threads(2, [&](int i) {
        const Handle handle(file, &wanted);
        results[i] = run_all(handle.model, frame, 5);
    });
    CHECK(results[0].status == CAMBER_OK);
    CHECK(results[0] == results[1]);
}
