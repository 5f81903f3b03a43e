#include <camber/error.h>
#include <camber/loader.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <tuple>

#include "core/number_range.h"
#include "timing.h"

namespace {

rusage usage_so_far() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage;
}

double cpu_seconds(const rusage& usage) {
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

/// The loader alone: augmented pictures a second of a dataset in memory, and of one that is decoded for every batch.
/// Prints a line of JSON a run.
int main(int argc, char** argv) {
    CLI::App app("How fast batches are made, when nothing waits for them");
    std::string folder, split = "train", size = "360x480";
    int threads = 2, batch = 8, pictures = 2000;
    double megabytes = -1;
    app.add_option("--data", folder, "Folder of the dataset")->required();
    app.add_option("--split", split)->capture_default_str();
    app.add_option("--size", size, "HEIGHTxWIDTH of a batch's pictures")->capture_default_str();
    app.add_option("--threads", threads)->capture_default_str();
    app.add_option("--batch", batch)->capture_default_str();
    app.add_option("--pictures", pictures, "To be made, after a tenth of that")->capture_default_str();
    app.add_option("--cache-memory", megabytes, "Megabytes of decoded frames to keep [all]");
    CLI11_PARSE(app, argc, argv);
    try {
        camber::LoaderConfig config;
        std::tie(config.height, config.width) = camber::parse_size(size);
        config.batch_size = batch;
        config.threads = threads;
        config.shuffle = true;
        camber::DatasetOptions options;
        if (megabytes >= 0) options.cache_bytes = static_cast<std::int64_t>(megabytes * 1e6);
        std::optional<camber::Dataset> dataset;
        const double open_seconds =
            camber::bench::seconds_of([&] { dataset.emplace(camber::Dataset::open(folder, split, options)); });
        camber::Loader loader(*dataset, config);
        const auto make = [&](int count) {
            for (int made = 0; made < count;) made += static_cast<int>(loader.next().indices.size());
        };
        make(pictures / 10);
        const double cpu_before = cpu_seconds(usage_so_far());
        const double seconds = camber::bench::seconds_of([&] { make(pictures); });
        const rusage usage = usage_so_far();
        fmt::print(
            "{{\"system\": \"camber\", \"variant\": \"{}\", \"threads\": {}, \"pictures_per_second\": {:.1f}, "
            "\"pictures_per_cpu_second\": {:.1f}, "
            "\"open_seconds\": {:.3f}, \"frames\": {}, \"decoded_mb\": {:.1f}, \"peak_rss_mb\": {:.1f}}}\n",
            megabytes < 0 ? "from memory" : fmt::format("{:g} MB kept", megabytes), threads, pictures / seconds,
            pictures / (cpu_seconds(usage) - cpu_before), open_seconds, dataset->size(),
            static_cast<double>(dataset->bytes()) / 1e6, static_cast<double>(usage.ru_maxrss) * 1024 / 1e6);
        return 0;
    } catch (const camber::Error& error) {
        fmt::print(stderr, "bench_loader: {}\n", error.what());
        return 1;
    }
}
