#include <camber/synth.h>
#include <doctest/doctest.h>

#include <sys/inotify.h>
#include <unistd.h>

#include <array>

#include "support/files.h"
#include "train/plan.h"

using namespace camber;
using namespace camber::testing;

namespace {

/// How often a file has been opened since.
class Opens {
  public:
    explicit Opens(const std::filesystem::path& file) : descriptor_(inotify_init1(IN_NONBLOCK)) {
        REQUIRE(descriptor_ >= 0);
        REQUIRE(inotify_add_watch(descriptor_, file.c_str(), IN_OPEN) >= 0);
    }
    ~Opens() { close(descriptor_); }
    Opens(const Opens&) = delete;
    Opens& operator=(const Opens&) = delete;
    std::size_t count() {
        alignas(inotify_event) std::array<char, 4096> events{};
        const ssize_t bytes = read(descriptor_, events.data(), events.size());  // of a file itself none has a name
        return bytes < 0 ? 0 : static_cast<std::size_t>(bytes) / sizeof(inotify_event);
    }

  private:
    int descriptor_;
};

}  // namespace

TEST_CASE("frames of a dataset that does not fit in memory are looked at once, and share it with validation") {
    const TemporaryFolder folder;
    // A frame and its ids are 1.4 MB.
    write_synthetic_dataset(folder.path(), {.train_count = 3, .val_count = 3, .height = 500, .width = 700, .seed = 5});
    TrainConfig config;
    config.data = folder.path().string();
    config.cache_memory = 4;
    const std::filesystem::path frame = DataFolder::look(folder.path()).samples("train")[0].image;
    TrainObserver observer;
    Opens opens(frame);
    const RunData data(config, observer);
    CHECK(opens.count() == 1);
    // Of 4 MB each has 2, of which a quarter is kept for label maps: one frame is kept.
    for (const Dataset* split : {&data.train(), data.val()}) {
        REQUIRE(split->size() == 3);
        std::size_t kept = 0;
        for (std::size_t i = 0; i < 3; ++i) {
            const auto first = split->sample(i);
            kept += first == split->sample(i);
        }
        CHECK(kept == 1);
    }
}
