#include "distributed/launch.h"

#include <camber/error.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <omp.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

namespace camber::distributed {
namespace {

namespace fs = std::filesystem;

int number_in(const char* variable) {
    const char* const text = std::getenv(variable);
    return text ? std::atoi(text) : 0;
}

std::vector<fs::path> candidates() {
    if (const char* const named = std::getenv("CAMBER_MPI_LIBRARY")) return {named};
    constexpr const char* file = "libcamber_mpi.so";
    std::error_code error;
    const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
    return {folder / file, folder.parent_path() / CAMBER_LIBRARY_FOLDER / "camber" / file};
}

}  // namespace

Launch launch() {
    struct Names {
        const char *size, *rank;
    };
    // Open MPI's, those of MPICH and what is made of it, Slurm's own.
    for (const Names& names :
         {Names{"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"}, Names{"PMI_SIZE", "PMI_RANK"},
          Names{"MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK"}, Names{"SLURM_STEP_NUM_TASKS", "SLURM_PROCID"}})
        if (const int size = number_in(names.size); size > 0)
            return {size, number_in(names.rank), names.size,
                    std::strncmp(names.size, "SLURM", 5) == 0 && !std::getenv("PMIX_RANK")};
    return {};
}

void share_processors() {
    // Open MPI's, that of MPICH and what is made of it; Slurm gives its tasks processors itself.
    const int here = std::max(number_in("OMPI_COMM_WORLD_LOCAL_SIZE"), number_in("MPI_LOCALNRANKS"));
    if (here < 2 || std::getenv("OMP_NUM_THREADS")) return;
    const int all = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
    omp_set_num_threads(std::max(1, std::min(all / here, omp_get_num_procs())));
}

const MpiFunctions& mpi() {
    static const MpiFunctions* const functions = [] {
        std::string why = "this build of Camber has no MPI (build it where MPI is installed)";
        for (const fs::path& file : candidates()) {
            std::error_code error;
            if (!fs::exists(file, error)) continue;
            // Open MPI's components look its symbols up among the global ones.
            void* const handle = dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL);
            void* const entry = handle ? dlsym(handle, get_mpi_functions) : nullptr;
            if (!entry) {
                why = fmt::format("MPI cannot be loaded: {}", dlerror());
                continue;
            }
            const MpiFunctions* const found = reinterpret_cast<GetMpiFunctions>(entry)();
            if (std::strcmp(found->version, CAMBER_VERSION) == 0) return found;
            why = fmt::format("{} is of Camber {}, not {}", file.string(), found->version, CAMBER_VERSION);
        }
        throw Error(why);
    }();
    return *functions;
}

}  // namespace camber::distributed
