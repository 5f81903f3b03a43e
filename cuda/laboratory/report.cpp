#include "cuda/laboratory/report.h"

#include <fmt/format.h>

#include <algorithm>

namespace camber::laboratory {
namespace {

using emulator::LaunchCounts;
using emulator::SiteCounts;
using nlohmann::json;

double ratio(std::int64_t a, std::int64_t b) { return b == 0 ? 0 : static_cast<double>(a) / static_cast<double>(b); }

std::string ways(std::int64_t wavefronts, std::int64_t least) {
    return least == 0 ? "-" : fmt::format("{:.1f}", ratio(wavefronts, least));
}

/// Of the launch that has the least.
double least_occupancy(const Bound& bound) {
    double least = 1;
    for (const Occupancy& occupancy : bound.occupancy) least = std::min(least, occupancy.share);
    return least;
}

std::string at_most(const Bound& bound) {
    return bound.runs ? fmt::format("{:.0f}% {}", 100 * bound.share, bound.needs.largest()) : "does not run";
}

std::string extent(const dim3& d) {
    if (d.z > 1) return fmt::format("{}x{}x{}", d.x, d.y, d.z);
    return d.y > 1 ? fmt::format("{}x{}", d.x, d.y) : fmt::format("{}", d.x);
}

/// "48 shuffles, 2 mma.sync": warp operations by kind.
std::string operations_text(const LaunchCounts& launch) {
    std::vector<std::string> parts;
    if (launch.barriers > 0) parts.push_back(fmt::format("{} barriers", launch.barriers));
    for (std::size_t i = 0; i < launch.warp_operations.size(); ++i)
        if (launch.warp_operations[i] > 0)
            parts.push_back(
                fmt::format("{} {}", launch.warp_operations[i], emulator::name_of(static_cast<emulator::WarpOp>(i))));
    if (launch.tensor_operations > 0)
        parts.push_back(fmt::format("{} operations of tensor cores", launch.tensor_operations));
    return parts.empty() ? std::string() : fmt::format("   {}\n", fmt::join(parts, ", "));
}

}  // namespace

Totals totals(const std::vector<LaunchCounts>& launches) {
    Totals t;
    for (const LaunchCounts& launch : launches) {
        for (const SiteCounts& site : launch.sites) {
            (site.shared ? t.shared_requests : t.requests) += site.requests;
            if (!site.shared) t.lanes += site.lanes;
            t.sectors += site.sectors;
            t.least_sectors += site.least_sectors;
            t.wavefronts += site.wavefronts;
            t.least_wavefronts += site.least_wavefronts;
        }
        t.barriers += launch.barriers;
        t.bytes_touched += 32 * (launch.sectors_read + launch.sectors_written);
    }
    return t;
}

Result examine(Trial& trial, int version, Device device, const Gpu& gpu) {
    Result result;
    result.version = version;
    result.what = trial.what(version);
    result.error = trial.error(version);
    if (device == Device::emulated) {
        result.launches = trial.count_accesses(version);
        result.bound = bound(result.launches, trial.problem(), gpu);
    } else {
        result.seconds = trial.time(version, 9);
    }
    return result;
}

std::string heading(const Trial& trial, const std::vector<std::int64_t>& shape, Device device, const Gpu& gpu) {
    const Problem& problem = trial.problem();
    std::string text = fmt::format("{}: {}\n{} = {} on the device {}; {} bytes must be moved", trial.experiment().name,
                                   trial.experiment().what, trial.experiment().axes, fmt::join(shape, ","),
                                   name(device), problem.bytes);
    if (problem.operations > 0) text += fmt::format(", {:.0f} operations done", problem.operations);
    return text + fmt::format("; bounds for {}\n", gpu.name);
}

std::string table(const Trial& trial, const std::vector<Result>& results, const Gpu& gpu) {
    constexpr std::size_t width = 42;  // of a version's words
    const bool timed = !results.empty() && !results.front().seconds.empty();
    std::string text =
        timed ? fmt::format("\n{:<42} {:>5} {:>10} {:>10} {:>10} {:>9}\n", "version", "error", "best us", "median us",
                            "worst us", "of roof")
              : fmt::format("\n{:<42} {:>5} {:>8} {:>12} {:>7} {:>5} {:>4} {:>5} {:>6}  at most\n", "version", "error",
                            "requests", "sectors each", "touched", "lanes", "ways", "warps", "flight");
    for (const Result& r : results) {
        const std::string mark = r.error <= trial.problem().tolerance ? fmt::format("{:.1g}", r.error) : "WRONG";
        std::string what = fmt::format("{} {}", r.version, r.what);
        if (what.size() > width) what = what.substr(0, width - 3) + "...";
        text += fmt::format("{:<42} {:>5} ", what, mark);
        if (timed) {
            const double median = r.seconds[r.seconds.size() / 2];
            text += fmt::format("{:>10.2f} {:>10.2f} {:>10.2f} {:>8.0f}%\n", r.seconds.front() * 1e6, median * 1e6,
                                r.seconds.back() * 1e6, 100 * roof_seconds(trial.problem(), gpu) / median);
            continue;
        }
        const Totals t = totals(r.launches);
        std::int64_t flight = 0;
        for (const LaunchCounts& launch : r.launches) flight = std::max(flight, launch.bytes_in_flight);
        text += fmt::format("{:>8} {:>4.1f} of {:>4.1f} {:>6.2f}x {:>5.1f} {:>4} {:>4.0f}% {:>6}  {}\n", t.requests,
                            ratio(t.sectors, t.requests), ratio(t.least_sectors, t.requests),
                            ratio(t.bytes_touched, trial.problem().bytes), ratio(t.lanes, t.requests),
                            ways(t.wavefronts, t.least_wavefronts), 100 * least_occupancy(r.bound), flight,
                            at_most(r.bound));
    }
    return text;
}

std::string sweep_heading(const Trial& trial, const std::vector<Result>& results, Device device, const Gpu& gpu) {
    std::string text = fmt::format(
        "{}: {}\non the device {}; {} of {}\n", trial.experiment().name, trial.experiment().what, name(device),
        results.front().seconds.empty() ? "at most this share of the roof" : "times, share", gpu.name);
    for (const Result& r : results) text += fmt::format("    {} {}\n", r.version, r.what);
    text += fmt::format("\n{:<24} {:>12}", trial.experiment().axes, "bytes");
    for (const Result& r : results) text += fmt::format(" {:>16}", r.version);
    return text + "\n";
}

std::string sweep_row(const Trial& trial, const std::vector<Result>& results, const std::vector<std::int64_t>& shape,
                      const Gpu& gpu) {
    std::string text = fmt::format("{:<24} {:>12}", fmt::format("{}", fmt::join(shape, ",")), trial.problem().bytes);
    for (const Result& r : results) {
        if (!(r.error <= trial.problem().tolerance)) {
            text += fmt::format(" {:>16}", "WRONG");
        } else if (r.seconds.empty()) {
            text += fmt::format(" {:>16}", at_most(r.bound));
        } else {
            const double median = r.seconds[r.seconds.size() / 2];
            text +=
                fmt::format(" {:>8.1f} us {:>3.0f}%", median * 1e6, 100 * roof_seconds(trial.problem(), gpu) / median);
        }
    }
    return text + "\n";
}

std::string details(const Trial& trial, const Result& result) {
    std::string text;
    for (std::size_t i = 0; i < result.launches.size(); ++i) {
        const LaunchCounts& launch = result.launches[i];
        const Occupancy& occupancy = result.bound.occupancy[i];
        const auto& registers = result.bound.registers[i];
        text += fmt::format("\n{}: {}\n", launch.name, emulator::kernel_name(launch.code));
        text += fmt::format("   {} blocks of {} threads, {} registers, {} bytes of shared memory\n",
                            extent(launch.shape.grid), extent(launch.shape.block),
                            registers ? std::to_string(*registers) : "unknown",
                            launch.static_shared_bytes + launch.shape.shared_bytes);
        text += fmt::format("   {} warps a multiprocessor, {:.0f}%, limited by {}\n", occupancy.warps,
                            100 * occupancy.share, occupancy.limit);
        text += operations_text(launch);
        text += fmt::format("   {:<16} {:<9} {:>5} {:>9} {:>6} {:>15} {:>15} {:>5}\n", "memory", "access", "bytes",
                            "requests", "lanes", "sectors each", "turns each", "ways");
        for (const SiteCounts& site : launch.sites) {
            const auto each = [&](std::int64_t n, std::int64_t least) {
                return fmt::format("{:.1f} of {:.1f}", ratio(n, site.requests), ratio(least, site.requests));
            };
            const std::string line =
                fmt::format("   {:<16} {:<9} {:>5} {:>9} {:>6.1f} {:>15} {:>15} {:>5}",
                            site.shared ? site.array.substr(site.array.rfind(' ') + 1) + " (shared)"
                                        : trial.operand_at(site.address),
                            emulator::name_of(site.kind), site.bytes, site.requests, ratio(site.lanes, site.requests),
                            site.shared ? "" : each(site.sectors, site.least_sectors),
                            site.shared ? each(site.wavefronts, site.least_wavefronts) : "",
                            site.shared ? ways(site.wavefronts, site.least_wavefronts) : "");
            text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
        }
    }
    return text;
}

json to_json(const Trial& trial, const Result& result, const std::vector<std::int64_t>& shape, Device device,
             const Gpu& gpu) {
    json object = {{"kernel", trial.experiment().name},
                   {"shape", shape},
                   {"device", name(device)},
                   {"version", result.version},
                   {"what", result.what},
                   {"error", result.error},
                   {"correct", result.error <= trial.problem().tolerance},
                   {"bytes", trial.problem().bytes},
                   {"operations", trial.problem().operations}};
    if (!result.seconds.empty()) object["seconds"] = result.seconds;
    if (result.launches.empty()) return object;
    json launches = json::array();
    for (std::size_t i = 0; i < result.launches.size(); ++i) {
        const LaunchCounts& launch = result.launches[i];
        json sites = json::array();
        for (const SiteCounts& site : launch.sites) {
            json s = {{"memory", site.shared ? "shared" : "global"},
                      {"of", site.shared ? site.array : trial.operand_at(site.address)},
                      {"access", emulator::name_of(site.kind)},
                      {"bytes", site.bytes},
                      {"requests", site.requests},
                      {"lanes", site.lanes},
                      {"wanted_bytes", site.wanted_bytes}};
            if (site.shared) {
                s.update({{"wavefronts", site.wavefronts}, {"least_wavefronts", site.least_wavefronts}});
            } else {
                s.update({{"sectors", site.sectors}, {"least_sectors", site.least_sectors}, {"lines", site.lines}});
            }
            sites.push_back(s);
        }
        json operations = json::object();
        for (std::size_t op = 0; op < launch.warp_operations.size(); ++op)
            if (launch.warp_operations[op] > 0)
                operations[emulator::name_of(static_cast<emulator::WarpOp>(op))] = launch.warp_operations[op];
        const auto& registers = result.bound.registers[i];
        launches.push_back({{"name", launch.name},
                            {"kernel", emulator::kernel_name(launch.code)},
                            {"registers", registers ? json(*registers) : json()},
                            {"shared_bytes", launch.static_shared_bytes + launch.shape.shared_bytes},
                            {"occupancy", result.bound.occupancy[i].share},
                            {"occupancy_limit", result.bound.occupancy[i].limit},
                            {"barriers", launch.barriers},
                            {"warp_operations", operations},
                            {"tensor_operations", launch.tensor_operations},
                            {"sectors_read", launch.sectors_read},
                            {"sectors_written", launch.sectors_written},
                            {"bytes_in_flight", launch.bytes_in_flight},
                            {"sites", sites}});
    }
    object["gpu"] = gpu.name;
    object["runs"] = result.bound.runs;
    object["at_most"] = result.bound.share;
    object["bound_by"] = result.bound.needs.largest();
    object["launches"] = launches;
    return object;
}

}  // namespace camber::laboratory
