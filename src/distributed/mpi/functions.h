#pragma once
#include <cstdint>

namespace camber::distributed {

/// What Camber takes of MPI. It is compiled against the MPI that a build finds into a library of its own
/// (libcamber_mpi.so), which is loaded by a process that was started under MPI: Open MPI and MPICH are not each other's
/// ABI, and everything else runs without either. Each function gives 0 or MPI's error code; one thread calls them.
struct MpiFunctions {
    enum Kind : int { f32, f64 };

    /// Of a build: a library of another is refused.
    const char* version;
    int (*start)(int* rank, int* size);
    /// This rank's number among those of its machine.
    int (*local)(int* number);
    /// In place over all ranks. `beside`: in the order of those sums alone, so that others can be made meanwhile.
    int (*sum)(void* values, std::int64_t count, Kind kind, bool beside, void** request);
    /// From rank 0.
    int (*broadcast)(void* bytes, std::int64_t count, void** request);
    /// all: `count` bytes a rank, in their order.
    int (*gather)(const void* own, std::int64_t count, void* all, void** request);
    /// Looks, without waiting, whether it is done; then the request is gone.
    int (*test)(void* request, bool* done);
    /// A note to another rank, outside all order. The bytes are copied.
    int (*send)(int to, const void* bytes, std::int64_t count);
    /// A note that has come, of up to `room` bytes. count -1: none has.
    int (*receive)(void* bytes, std::int64_t room, std::int64_t* count, int* from);
    void (*text)(int error, char* into, int room);
    /// The library's name and version.
    void (*describe)(char* into, int room);
    /// Ends all ranks.
    void (*abort)(int code);
    void (*finish)();
};

/// The one symbol of the library.
using GetMpiFunctions = const MpiFunctions* (*)();
inline constexpr const char* get_mpi_functions = "camber_mpi_functions";

}  // namespace camber::distributed
