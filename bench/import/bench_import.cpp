#include <camber/error.h>
#include <camber/import.h>
#include <camber/nets.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

/// Reading a file of weights against `cat` reading it, in turn and each in a process of its own: medians, and the peak
/// of resident memory beside the tensors' bytes.
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Most bytes resident so far.
long peak_resident() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss * 1024;
}

double mega(long bytes) { return static_cast<double>(bytes) / 1e6; }

/// In the child: seconds, and what the import added to resident memory.
int read_once(const std::string& file, const std::string& network) {
    const auto net = camber::nets::make_net(network, nlohmann::json::object());
    const long before = peak_resident();
    const auto start = Clock::now();
    const auto weights = camber::WeightFile::open(file);
    const camber::ImportReport report = camber::import_weights(*weights, *net);
    const double seconds = seconds_since(start);
    long bytes = 0;
    for (const auto& list : {net->named_parameters(), net->named_buffers()}) {
        for (const auto& named : list) {
            if (named.parameter->tensor.device() != camber::Device::meta) {
                bytes += static_cast<long>(named.parameter->tensor.bytes());
            }
        }
    }
    fmt::print("{} {} {} {}\n", seconds, bytes, peak_resident() - before, report.complete());
    return 0;
}

/// Runs a command to its end. Returns what it printed.
std::string output_of(const std::vector<std::string>& command) {
    int ends[2];
    if (pipe(ends) != 0) camber::fail("no pipe");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    pid_t child = 0;
    if (posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ) != 0) {
        camber::fail("cannot run {}", command[0]);
    }
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    std::string text;
    char buffer[4096];
    for (ssize_t got; (got = read(ends[0], buffer, sizeof buffer)) > 0;) text.append(buffer, got);
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    if (status != 0) camber::fail("{} failed", command[0]);
    return text;
}

/// In a child: takes fresh memory.
int touch(std::size_t bytes) {
    const auto start = Clock::now();
    const auto memory =
        camber::Tensor::zeros({static_cast<std::int64_t>(bytes)}, camber::Dtype::u8, camber::Device::cpu);
    fmt::print("{} {}\n", seconds_since(start), memory.bytes());
    return 0;
}

/// The file in or out of the page cache, and free memory for it and for its tensors that is this machine's: a virtual
/// machine's free pages may have gone back to its host, and getting them again takes longer than any reading.
void prepare(const std::string& file, bool cold) {
    output_of({"/proc/self/exe", file, "--touch", fmt::to_string(2 * std::filesystem::file_size(file))});
    const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) camber::fail("cannot read {}", file);
    if (cold) {
        fdatasync(descriptor);
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
    }
    close(descriptor);
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}
double fastest(const std::vector<double>& values) { return *std::min_element(values.begin(), values.end()); }
std::string both(const std::vector<double>& values) {
    return fmt::format("{:.3f} s, fastest {:.3f}", median(values), fastest(values));
}

int run(const std::string& file, const std::string& network, int rounds, bool cold) {
    std::vector<double> cat, cat_pipe, reading, process, memory;
    long bytes = 0, resident = 0;
    for (int round = cold ? 0 : -1; round < rounds; ++round) {  // warm: the first only fills the cache
        const auto timed = [&](const std::vector<std::string>& command, std::string* text = nullptr) {
            prepare(file, cold);
            const auto start = Clock::now();
            std::string printed = output_of(command);
            const double seconds = seconds_since(start);
            if (text) *text = std::move(printed);
            return seconds;
        };
        std::string text;
        const double times[] = {timed({"sh", "-c", "exec cat \"$0\" > /dev/null", file}),
                                timed({"sh", "-c", "cat \"$0\" | wc -c", file}),
                                timed({"/proc/self/exe", file, "--net", network, "--once"}, &text)};
        if (round < 0) continue;
        double seconds = 0;
        char complete[8] = {};
        if (std::sscanf(text.c_str(), "%lf %ld %ld %7s", &seconds, &bytes, &resident, complete) != 4 ||
            std::string(complete) != "true") {
            camber::fail("{} does not fill all of {}", file, network);
        }
        memory.push_back(std::stod(output_of({"/proc/self/exe", file, "--touch", fmt::to_string(bytes)})));
        cat.push_back(times[0]);
        cat_pipe.push_back(times[1]);
        process.push_back(times[2]);
        reading.push_back(seconds);
    }
    fmt::print("{} ({}, {} rounds, medians)\n", file, cold ? "cold" : "warm", rounds);
    fmt::print("  cat > /dev/null   {}\n", both(cat));
    fmt::print("  cat | wc -c       {}\n", both(cat_pipe));
    fmt::print("  import            {}: {:.2f} times cat, fastest {:.2f}\n", both(reading),
               median(reading) / median(cat), fastest(reading) / fastest(cat));
    fmt::print("  its process       {}: {:.2f} times cat, fastest {:.2f}\n", both(process),
               median(process) / median(cat), fastest(process) / fastest(cat));
    fmt::print("  fresh memory      {}, to zero as much on one core, without any reading\n", both(memory));
    fmt::print("  memory            {:.1f} MB resident at most, {:.1f} MB of tensors\n", mega(resident), mega(bytes));
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Reads a file of weights against cat");
    std::string file, network = "vgg16";
    int rounds = 7;
    std::size_t touched = 0;
    bool cold = false, once = false;
    app.add_option("file", file)->required();
    app.add_option("--net", network, "Network that the file fills")->capture_default_str();
    app.add_option("--rounds", rounds)->capture_default_str()->check(CLI::PositiveNumber);
    app.add_flag("--cold", cold, "Put the file out of the page cache before each reading");
    app.add_flag("--once", once, "One import, figures alone");
    app.add_option("--touch", touched, "Only take this many bytes of fresh memory");
    CLI11_PARSE(app, argc, argv);
    try {
        if (touched > 0) return touch(touched);
        return once ? read_once(file, network) : run(file, network, rounds, cold);
    } catch (const camber::Error& error) {
        fmt::print(stderr, "{}\n", error.what());
        return 1;
    }
}
