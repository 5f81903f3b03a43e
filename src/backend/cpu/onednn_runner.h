#pragma once
#include <sys/mman.h>

#include <dnnl.hpp>
#include <new>
#include <string_view>
#include <unordered_map>

#include "backend/cpu/parallel.h"

/// Running oneDNN's primitives with memory from the caching allocator. For onednn*.cpp only.
namespace camber::cpu {

using dnnl::memory;
using Tag = memory::format_tag;
using Arguments = std::unordered_map<int, memory>;

inline const dnnl::engine& engine() {
    static const dnnl::engine& instance = *new dnnl::engine(dnnl::engine::kind::cpu, 0);
    return instance;
}

inline dnnl::primitive_attr own_scratch() {
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    return attributes;
}

inline memory memory_at(const memory::desc& layout, void* address) { return memory(layout, engine(), address); }

[[noreturn]] inline void fail_in_onednn(const dnnl::error& error) {
    if (error.status == dnnl_out_of_memory) throw std::bad_alloc();
    fail("oneDNN failed: {}", error.what());
}

/// oneDNN does not look whether it got the memory in which it makes a primitive's code: throws std::bad_alloc where
/// there is not plenty.
inline void need_room() {
    constexpr std::size_t plenty = std::size_t{32} << 20;
    const auto map = [] {
        return mmap(nullptr, plenty, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    };
    void* room = map();
    if (room == MAP_FAILED) {
        device_memory(Device::cpu).trim();
        room = map();
    }
    if (room == MAP_FAILED) throw std::bad_alloc();
    munmap(room, plenty);
}

/// A primitive and the scratch it wants.
struct Runner {
    dnnl::primitive primitive;
    memory::desc scratch;

    template <class Description>
    explicit Runner(const Description& description)
        : primitive((need_room(), description.get())), scratch(description.scratchpad_desc()) {}

    void operator()(Arguments arguments) const {
        const Scratch space(scratch.get_size());
        run(std::move(arguments), space.as<void>());
    }
    /// With scratch.get_size() bytes of scratch.
    void run(Arguments arguments, void* space) const {
        try {
            arguments.emplace(DNNL_ARG_SCRATCHPAD, memory_at(scratch, space));
            dnnl::stream stream(engine());
            primitive.execute(stream, arguments);
            stream.wait();
        } catch (const dnnl::error& error) {
            fail_in_onednn(error);
        }
    }
};

/// oneDNN's generic loops are slower than ours.
template <class Description>
void refuse_reference(const Description& description) {
    if (std::string_view(description.impl_info_str()).starts_with("ref")) throw dnnl::error(dnnl_unimplemented, "ref");
}

}  // namespace camber::cpu
