#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "cuda/libraries/dynamic_library.h"

/// NCCL, loaded at run time. What Camber uses of it is declared here, as its documentation has it
/// (docs.nvidia.com/deeplearning/nccl/user-guide/docs/api.html): a build needs no header, and the emulated device has a
/// stand-in.
namespace camber::nccl {

struct CommState;
using Comm = CommState*;

struct UniqueId {
    char bytes[128];
};

enum Result : int { success = 0, unhandled_cuda_error, system_error, internal_error, invalid_argument, invalid_usage };
enum DataType : int { int32 = 2, float32 = 7, float64 = 8 };
enum Operation : int { sum = 0 };

/// The entry points in use, each named as the function that it points at, less the `nccl`. A stream is a cudaStream_t.
struct Api {
    Result (*GetUniqueId)(UniqueId* id);
    Result (*CommInitRank)(Comm* comm, int size, UniqueId id, int rank);
    Result (*CommDestroy)(Comm comm);
    Result (*CommGetAsyncError)(Comm comm, Result* error);
    Result (*AllReduce)(const void* from, void* to, std::size_t count, DataType type, Operation operation, Comm comm,
                        void* stream);
    const char* (*GetErrorString)(Result result);
    const char* (*GetLastError)(Comm comm);
    std::size_t version;  ///< 22703 for 2.27.3
    std::string path;     ///< of the library
};

/// The oldest version that serves: the first with GetLastError. Sums can be captured since 2.9.
inline constexpr std::size_t oldest_version = 21300;

/// What it is called and where it is looked for; CAMBER_NCCL may name it.
const libraries::Description& library();

/// The first of `candidates` that loads and is new enough; throws Error with one line that says what was found instead.
Api load_api(const std::vector<std::string>& candidates);

/// load_api(libraries::candidates(library())), once a process. Null where there is none; `why` then says so.
const Api* find_api(std::string* why = nullptr);

}  // namespace camber::nccl
