#include "core/caching_allocator.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <thread>
#include <vector>

#include "core/host_memory.h"
#include "support/errors.h"

using namespace camber;

namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

/// A system with so much memory.
struct System {
    std::size_t left = 64 * mib;
    std::map<void*, std::size_t> segments;

    void* take(std::size_t bytes) {
        if (bytes > left) return nullptr;
        left -= bytes;
        void* const segment = std::aligned_alloc(64, bytes);
        segments[segment] = bytes;
        return segment;
    }
    void give(void* segment, std::size_t bytes) {
        CHECK(segments.at(segment) == bytes);
        segments.erase(segment);
        left += bytes;
        std::free(segment);
    }
    CachingAllocator allocator() {
        return {[this](std::size_t bytes) { return take(bytes); },
                [this](void* segment, std::size_t bytes) { give(segment, bytes); }};
    }
};

}  // namespace

TEST_CASE("allocator: what was returned serves again, and the system is not asked") {
    System system;
    CachingAllocator allocator = system.allocator();
    const std::vector<std::size_t> sizes = {1, 64, 100, 3 * mib, 700000, 5 * mib + 1, 0};
    std::vector<std::vector<void*>> steps;
    for (int step = 0; step < 3; ++step) {
        std::vector<void*> blocks;
        for (const std::size_t size : sizes) {
            blocks.push_back(allocator.allocate(size));
            REQUIRE(blocks.back());
            CHECK(reinterpret_cast<std::uintptr_t>(blocks.back()) % 64 == 0);
        }
        for (void* block : blocks) allocator.release(block);
        steps.push_back(blocks);
        CHECK(allocator.stats().allocations == 2);  // the 3 MiB fit beside the small ones
    }
    CHECK(steps[1] == steps[2]);
    const MemoryStats stats = allocator.stats();
    CHECK(stats.requests == 3 * sizes.size());
    CHECK(stats.current == 0);
    CHECK(stats.reserved == (8 + 6) * mib);
    CHECK(stats.peak == 64 + 64 + 128 + 3 * mib + 700032 + 5 * mib + 64 + 64);
    allocator.reset_peak();
    CHECK(allocator.stats().peak == 0);
}

TEST_CASE("allocator: blocks do not overlap, and grow together when they return") {
    System system;
    CachingAllocator allocator = system.allocator();
    std::vector<char*> blocks;
    for (int i = 0; i < 8; ++i) blocks.push_back(static_cast<char*>(allocator.allocate(mib - 64)));
    for (std::size_t i = 1; i < blocks.size(); ++i) CHECK(blocks[i] == blocks[0] + i * (mib - 64));
    CHECK(allocator.stats().reserved == 8 * mib);
    // In an order in which each of the last has a free neighbour before it, after it, and on both sides.
    for (const std::size_t i : {1, 3, 6, 2, 7, 0, 5, 4}) allocator.release(blocks[i]);
    void* const whole = allocator.allocate(8 * mib);
    CHECK(whole == blocks[0]);
    CHECK(allocator.stats().allocations == 1);
    allocator.release(whole);
}

TEST_CASE("allocator: the smallest block that is large enough is taken") {
    System system;
    CachingAllocator allocator = system.allocator();
    void* const large = allocator.allocate(20 * mib);
    void* const fitting = allocator.allocate(4 * mib);
    allocator.release(large);
    allocator.release(fitting);
    CHECK(allocator.allocate(3 * mib) == fitting);
    // A small request leaves a large block whole, although it is free.
    void* const small = allocator.allocate(100);
    CHECK(small != large);
    CHECK(allocator.allocate(20 * mib) == large);
}

TEST_CASE("allocator: trim() gives back whole segments, and no others") {
    System system;
    CachingAllocator allocator = system.allocator();
    void* const kept = allocator.allocate(100);
    void* const beside = allocator.allocate(100);
    void* const large = allocator.allocate(10 * mib);
    allocator.release(beside);
    allocator.release(large);
    CHECK(system.segments.size() == 2);
    allocator.trim();
    CHECK(system.segments.size() == 1);
    CHECK(allocator.stats().reserved == 8 * mib);
    allocator.release(kept);
    allocator.trim();
    CHECK(system.segments.empty());
    CHECK(allocator.stats().reserved == 0);
    allocator.release(allocator.allocate(100));  // as good as new
}

TEST_CASE("allocator: null where the system has no more, until a trim()") {
    System system;
    CachingAllocator allocator = system.allocator();
    void* const first = allocator.allocate(40 * mib);
    CHECK(allocator.allocate(30 * mib) == nullptr);
    const MemoryStats stats = allocator.stats();
    CHECK(stats.current == 40 * mib);
    CHECK(stats.reserved == 40 * mib);
    CHECK(stats.requests == 1);
    allocator.release(first);
    CHECK(allocator.allocate(50 * mib) == nullptr);  // 40 are cached
    allocator.trim();
    void* const second = allocator.allocate(50 * mib);
    CHECK(second);
    allocator.release(second);
}

namespace {

/// A system whose segments are addresses, and each page of theirs memory once it is held.
struct PagedSystem {
    static constexpr std::size_t page = 4096;
    System addresses;
    std::size_t held = 0, most = 16 * mib, discarded = 0;

    CachingAllocator allocator() {
        return {[this](std::size_t bytes) {
                    auto* const segment = static_cast<char*>(std::aligned_alloc(page, bytes));
                    addresses.segments[segment] = bytes;
                    return segment;
                },
                [this](void* segment, std::size_t bytes) { addresses.give(segment, bytes); },
                {.size = page,
                 .hold =
                     [this](std::size_t bytes) {
                         if (held + bytes > most) return false;
                         held += bytes;
                         return true;
                     },
                 .discard =
                     [this](void* pages, std::size_t bytes) {
                         CHECK(reinterpret_cast<std::uintptr_t>(pages) % page == 0);
                         CHECK(bytes % page == 0);
                         std::memset(pages, 0xAA, bytes);  // a block in use would show it
                         discarded += bytes;
                     },
                 .count_given = [this](std::size_t bytes) { held -= bytes; }}};
    }
};

}  // namespace

TEST_CASE("allocator: of a segment the pages that blocks lie on are held") {
    PagedSystem system;
    CachingAllocator allocator = system.allocator();
    void* const small = allocator.allocate(100);
    CHECK(system.held == PagedSystem::page);
    void* const large = allocator.allocate(3 * mib + 5000);
    CHECK(system.held == 3 * mib + 2 * PagedSystem::page);  // the first page has room for the large one's beginning
    CHECK(allocator.stats().reserved == system.held);
    allocator.release(small);
    allocator.release(large);
    allocator.trim();
    CHECK(system.held == 0);
    CHECK(allocator.stats().reserved == 0);
}

TEST_CASE("allocator: the pages of gaps are given back, and then bytes fit however they lie") {
    PagedSystem system;
    CachingAllocator allocator = system.allocator();
    std::vector<char*> blocks;
    for (int i = 0; i < 8; ++i) {
        blocks.push_back(static_cast<char*>(allocator.allocate(2 * mib)));
        std::memset(blocks.back(), i, 2 * mib);
    }
    CHECK(allocator.allocate(64) == nullptr);
    for (const int i : {1, 3, 4, 6}) allocator.release(blocks[static_cast<std::size_t>(i)]);
    CHECK(allocator.allocate(5 * mib) == nullptr);
    allocator.give_back(5 * mib);
    CHECK(system.held >= 8 * mib);
    CHECK(system.held <= 11 * mib);
    void* const five = allocator.allocate(5 * mib);
    REQUIRE(five);
    CHECK(allocator.allocate(4 * mib) == nullptr);
    allocator.trim();
    void* const three = allocator.allocate(3 * mib);
    REQUIRE(three);
    CHECK(system.held == 16 * mib);
    for (const int i : {0, 2, 5, 7}) {
        const char* const block = blocks[static_cast<std::size_t>(i)];
        CHECK(std::count(block, block + 2 * mib, static_cast<char>(i)) == 2 * mib);
        allocator.release(blocks[static_cast<std::size_t>(i)]);
    }
    allocator.release(five);
    allocator.release(three);
    allocator.trim();
    CHECK(system.held == 0);
    CHECK(system.addresses.segments.empty());
}

TEST_CASE("allocator: what is held is counted to the byte, whatever comes and goes") {
    PagedSystem system;
    system.most = 40 * mib;
    {
        CachingAllocator allocator = system.allocator();
        std::mt19937 random(1);
        std::vector<void*> blocks;
        std::size_t full = 0;
        for (int i = 0; i < 20000; ++i) {
            if (const auto at = random() % 64; at < blocks.size()) {
                allocator.release(blocks[at]);
                blocks[at] = blocks.back();
                blocks.pop_back();
            } else if (void* const block = allocator.allocate(random() % (random() % 4 ? 100000 : 4 * mib))) {
                blocks.push_back(block);
            } else {
                ++full;
                allocator.give_back(mib);
                if (full % 7 == 0) allocator.trim();
            }
            const MemoryStats stats = allocator.stats();
            if (stats.reserved != system.held || stats.current > stats.reserved) {
                FAIL("after " << i << ": " << stats.reserved << " counted, " << system.held << " held");
            }
        }
        CHECK(full > 20);
        CHECK(system.discarded > 0);
        allocator.trim();
        const MemoryStats stats = allocator.stats();
        CHECK(stats.reserved >= stats.current);
        CHECK(stats.reserved <= stats.current + blocks.size() * 2 * PagedSystem::page);
        for (void* block : blocks) allocator.release(block);
    }
    CHECK(system.held == 0);
    CHECK(system.addresses.segments.empty());
}

TEST_CASE("allocator: everything goes back in the end") {
    System system;
    {
        CachingAllocator allocator = system.allocator();
        allocator.release(allocator.allocate(100));
        allocator.release(allocator.allocate(30 * mib));
        allocator.release(nullptr);
    }
    CHECK(system.segments.empty());
}

TEST_CASE("allocator: threads have blocks of their own") {
    System system;
    CachingAllocator allocator = system.allocator();
    std::vector<int> faults(4);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 2000; ++i) {
                const std::size_t words = static_cast<std::size_t>(1 + i * 37 % 500);
                auto* const block = static_cast<int*>(allocator.allocate(words * sizeof(int)));
                std::fill_n(block, words, t);
                for (std::size_t k = 0; k < words; ++k) faults[static_cast<std::size_t>(t)] += block[k] != t;
                allocator.release(block);
            }
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(faults == std::vector<int>(4));
    CHECK(allocator.stats().current == 0);
    CHECK(allocator.stats().requests == 8000);
}

TEST_CASE("host memory: a tensor that does not fit is an error of one line") {
    const std::string error = testing::error_of([] { host_memory().allocate(std::size_t{1} << 50); });
    CHECK(error.find("out of memory: a tensor of 1125899.91 GB does not fit beside ") == 0);
    CHECK(error.find("available); use a smaller batch, image size or width") != std::string::npos);
    CHECK(error.find('\n') == std::string::npos);
}
