#include "cuda/emulator/access_counter.h"

#include <algorithm>
#include <bit>

#include "cuda/emulator/queue.h"

namespace camber::emulator {
namespace {

constexpr std::uintptr_t sector = 32, line = 128;

void sort_out(std::vector<std::uintptr_t>& values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
}

void append(std::vector<std::uintptr_t>& all, const std::vector<std::uintptr_t>& more) {
    all.insert(all.end(), more.begin(), more.end());
}

void add(SiteCounts& total, const SiteCounts& more) {
    total.address = total.requests == 0 ? more.address : std::min(total.address, more.address);
    for (const auto member :
         {&SiteCounts::requests, &SiteCounts::lanes, &SiteCounts::wanted_bytes, &SiteCounts::sectors,
          &SiteCounts::least_sectors, &SiteCounts::lines, &SiteCounts::wavefronts, &SiteCounts::least_wavefronts})
        total.*member += more.*member;
}

/// Sectors, or turns of the banks, that requests take.
std::int64_t cost(const std::map<std::uint32_t, Request>& requests, bool shared) {
    std::int64_t sum = 0;
    for (const auto& [when, request] : requests)
        sum += shared ? wavefronts(request).taken : distinct_pieces(request, sector);
    return sum;
}

}  // namespace

const char* name_of(AccessKind kind) {
    switch (kind) {
        case AccessKind::load:
            return "load";
        case AccessKind::store:
            return "store";
        case AccessKind::atomic:
            return "atomic";
        case AccessKind::copy_async:
            return "cp.async";
        case AccessKind::load_matrix:
            return "ldmatrix";
    }
    return "";
}

void AccessCounter::start_block(std::size_t threads) {
    block_ = {};
    index_.clear();
    warps_.assign((threads + 31) / 32, {});
    places_.assign(threads, {});
    in_flight_.assign(threads, 0);
    read_.clear();
    written_.clear();
}

void AccessCounter::access(unsigned thread, const Access& access) {
    const bool shared = access.array != nullptr;
    const auto [known, is_new] = index_.try_emplace({access.site, shared}, block_.sites.size());
    if (is_new) {
        SiteCounts site;
        site.site = access.site;
        site.kind = access.kind;
        site.shared = shared;
        site.address = access.address;
        if (shared) site.array = access.array;
        block_.sites.push_back(site);
    }
    SiteCounts& site = block_.sites[known->second];
    site.bytes = std::max(site.bytes, access.bytes);
    site.address = std::min(site.address, access.address);

    auto& open_sites = warps_[thread / 32];
    if (open_sites.size() <= known->second) open_sites.resize(known->second + 1);
    Open& open = open_sites[known->second];
    const unsigned lane = thread % 32;
    Place& place = places_[thread];
    const bool copies = access.kind == AccessKind::copy_async;
    if (!(copies && shared && place.copying)) {  // a copy's second half is where the first was
        if (access.site <= place.site) ++place.turn;
        place.site = access.site;
    }
    place.copying = copies && !shared;
    for (Request* request : {&open.by_execution[open.executions[lane]++], &open.by_turn[place.turn]}) {
        request->mask |= 1u << lane;
        request->bytes = std::max(request->bytes, access.bytes);
        request->address[lane] = access.offset;
    }

    std::int64_t& in_flight = in_flight_[thread];
    const bool asks = !shared && (access.kind == AccessKind::load || access.kind == AccessKind::copy_async);
    if (asks) in_flight += static_cast<std::int64_t>(access.bytes);
    block_.bytes_in_flight = std::max(block_.bytes_in_flight, in_flight);
    if (access.kind == AccessKind::store || access.kind == AccessKind::atomic) in_flight = 0;
}

void AccessCounter::close(SiteCounts& site, const Request& request) {
    ++site.requests;
    site.lanes += std::popcount(request.mask);
    const int wanted = distinct_pieces(request, 1);
    site.wanted_bytes += wanted;
    if (site.shared) {
        const Wavefronts turns = wavefronts(request);
        site.wavefronts += turns.taken;
        site.least_wavefronts += turns.least;
        return;
    }
    site.sectors += distinct_pieces(request, sector);
    site.least_sectors += (wanted + static_cast<int>(sector) - 1) / static_cast<int>(sector);
    site.lines += distinct_pieces(request, line);
    const bool reads = site.kind != AccessKind::store;
    const bool writes = !reads || site.kind == AccessKind::atomic;
    for (unsigned lane = 0; lane < 32; ++lane) {
        if (!(request.mask >> lane & 1u)) continue;
        const std::uintptr_t last = (request.address[lane] + request.bytes - 1) / sector;
        for (std::uintptr_t piece = request.address[lane] / sector; piece <= last; ++piece) {
            if (reads) read_.push_back(piece);
            if (writes) written_.push_back(piece);
        }
    }
}

void AccessCounter::meet(std::size_t warp) {
    auto& open_sites = warps_[warp];
    for (std::size_t i = 0; i < open_sites.size(); ++i) {
        SiteCounts& site = block_.sites[i];
        Open& open = open_sites[i];
        const bool by_turn = cost(open.by_turn, site.shared) <= cost(open.by_execution, site.shared);
        for (const auto& [when, request] : by_turn ? open.by_turn : open.by_execution) close(site, request);
        open = {};
    }
    const std::size_t end = std::min(32 * (warp + 1), places_.size());
    for (std::size_t thread = 32 * warp; thread < end; ++thread) places_[thread] = {};
}

void AccessCounter::barrier() {
    ++block_.barriers;
    for (std::size_t warp = 0; warp < warps_.size(); ++warp) meet(warp);
}

void AccessCounter::warp_operation(WarpOp op) {
    ++block_.warp_operations[static_cast<std::size_t>(op)];
    if (op == WarpOp::mma) block_.tensor_operations += 2 * 16 * 8 * 16;
}

void AccessCounter::finish_block(LaunchCounts& total, std::vector<std::uintptr_t>& read,
                                 std::vector<std::uintptr_t>& written) {
    for (std::size_t warp = 0; warp < warps_.size(); ++warp) meet(warp);
    for (const SiteCounts& site : block_.sites) {
        const auto same = std::find_if(total.sites.begin(), total.sites.end(), [&](const SiteCounts& other) {
            return other.site == site.site && other.shared == site.shared;
        });
        if (same != total.sites.end()) {
            add(*same, site);
        } else {
            total.sites.push_back(site);
        }
    }
    total.barriers += block_.barriers;
    for (std::size_t i = 0; i < total.warp_operations.size(); ++i)
        total.warp_operations[i] += block_.warp_operations[i];
    total.tensor_operations += block_.tensor_operations;
    total.bytes_in_flight = std::max(total.bytes_in_flight, block_.bytes_in_flight);
    sort_out(read_), sort_out(written_);
    append(read, read_), append(written, written_);
}

LaunchCounter::LaunchCounter(const BoundKernel& kernel) {
    total_.name = kernel.name;
    total_.code = kernel.code;
    total_.shape = kernel.shape;
}

void LaunchCounter::add(AccessCounter& block, std::size_t static_shared_bytes) {
    const std::lock_guard lock(mutex_);
    block.finish_block(total_, read_, written_);
    total_.static_shared_bytes = std::max(total_.static_shared_bytes, static_shared_bytes);
}

LaunchCounts LaunchCounter::finish() {
    sort_out(read_), sort_out(written_);
    total_.sectors_read = static_cast<std::int64_t>(read_.size());
    total_.sectors_written = static_cast<std::int64_t>(written_.size());
    std::sort(total_.sites.begin(), total_.sites.end(), [](const SiteCounts& a, const SiteCounts& b) {
        return std::pair(a.site, a.shared) < std::pair(b.site, b.shared);
    });
    return std::move(total_);
}

Counting::Counting() : outer_(queue().launches) { queue().launches = &launches_; }
Counting::~Counting() { queue().launches = outer_; }

}  // namespace camber::emulator
