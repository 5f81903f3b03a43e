#include "report/event_file.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>
#include <thread>

#include "io/crc.h"
#include "support/files.h"

using namespace camber;
using namespace camber::report;
using camber::testing::TemporaryFolder;

namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& file) {
    std::ostringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    return text.str();
}

/// The records of a file, checksums and all. Fails where it is not whole records.
std::vector<std::string> records(const fs::path& file) {
    const std::string bytes = contents(file);
    std::vector<std::string> list;
    for (std::size_t at = 0; at < bytes.size();) {
        std::uint64_t length = 0;
        REQUIRE(bytes.size() >= at + sizeof length);
        std::memcpy(&length, bytes.data() + at, sizeof length);
        REQUIRE(bytes.size() >= at + length + 16);
        list.push_back(bytes.substr(at, length + 16));
        at += length + 16;
    }
    return list;
}

constexpr double begun = 1700000000.25, later = 1700000001.5;

}  // namespace

TEST_CASE("events are those of TensorBoard's own writer, byte for byte") {
    const TemporaryFolder folder;
    std::string png = "\x89PNG\r\n\x1a\n";
    png += std::string("\0\0\0\rIHDR\0\0\0\3\0\0\0\2\x08\2\0\0\0", 21) + std::string(20, '\0');
    const std::vector<float> values = {-3, -0.5, -0.5, -1e-3F, 0, 0, 0x1p-40F, 0.25, 0.25, 0.3F, 7, 1024};
    const fs::path path = [&] {
        EventFile file(folder.path(), begun, 7);
        const auto append = [&](const auto& fill) {
            EventSummary summary;
            fill(summary);
            file.append(summary, 300, later);
        };
        append([](EventSummary& s) { s.run_begins("one", {{"lr", 0.5}}, begun); });
        append([](EventSummary& s) { s.text("network/text_summary", "| a |\n| - |\n"); });
        append([](EventSummary& s) { s.scalar("train/loss", 0.1); });
        append([](EventSummary& s) { s.scalar("zero", 0); });
        append([&](EventSummary& s) { s.histogram("weights/a", histogram(values)); });
        append([&](EventSummary& s) { s.picture("a picture", png); });
        append([](EventSummary& s) { s.run_ends(true, 1700000009.5); });
        append([](EventSummary&) {});  // nothing: no record
        return file.path();
    }();
    CHECK(path.filename().string().starts_with("events.out.tfevents.1700000000."));
    const std::vector<std::string> ours = records(path), theirs = records(CAMBER_TEST_FIXTURES "/tensorboard.events");
    REQUIRE(ours.size() == theirs.size());
    REQUIRE(ours.size() == 9);
    for (std::size_t i = 0; i < ours.size(); ++i) {
        CAPTURE(i);
        CHECK(ours[i] == theirs[i]);
    }
}

TEST_CASE("a histogram leaves out what is no number, scales, and has room for every float") {
    constexpr float infinity = std::numeric_limits<float>::infinity(), most = std::numeric_limits<float>::max();
    CHECK(histogram({}).count == 0);
    CHECK(histogram(std::vector<float>{infinity, -infinity, std::numeric_limits<float>::quiet_NaN()}).limits.empty());
    const Histogram h = histogram(std::vector<float>{-most, -2, 0, 2, most, infinity});
    CHECK(h.count == 5);
    CHECK(h.min == -most);
    CHECK(h.max == most);
    CHECK(h.counts[1] == 1);
    CHECK(h.counts.back() == 1);
    const Histogram half = histogram(std::vector<float>{-2, 4}, 0.5F);
    CHECK(half.min == -1);
    CHECK(half.sum == 1);
    CHECK(half.sum_squares == 5);
}

TEST_CASE("every magnitude is in the bucket that its limits say") {
    std::vector<float> values;
    for (float v = 1e-13F; v < 1e21F; v *= 1.003F) values.insert(values.end(), {v, -v});
    const Histogram h = histogram(values);
    REQUIRE(h.limits.size() > 1500);
    std::vector<double> counts(h.limits.size());
    for (const float v : values) {
        const auto at = std::upper_bound(h.limits.begin(), h.limits.end() - 1, double{v}) - h.limits.begin();
        ++counts[static_cast<std::size_t>(std::max<std::ptrdiff_t>(at, 1))];
    }
    CHECK(counts == h.counts);
}

TEST_CASE("a later file of events sorts behind what is there, whatever the clock says") {
    const TemporaryFolder folder;
    const EventFile first(folder.path() / "tensorboard", 1700000000, {});
    CHECK(records(first.path()).size() == 1);
    const EventFile second(folder.path() / "tensorboard", 1600000000, 3);
    CHECK(second.path().filename().string() > first.path().filename().string());
    CHECK(records(second.path()).size() == 2);
    CHECK(EventFile::any_in(folder.path() / "tensorboard"));
    CHECK(!EventFile::any_in(folder.path() / "not there"));
}

TEST_CASE("threads append whole records") {
    const TemporaryFolder folder;
    EventFile file(folder.path(), begun, {});
    const auto append = [&](std::int64_t step) {
        EventSummary summary;
        summary.text("t", std::string(10000, 'x'));
        for (int i = 0; i < 20; ++i) file.append(summary, step, later);
    };
    std::thread other(append, 1);
    append(2);
    other.join();
    CHECK(records(file.path()).size() == 41);
}
