#include "cuda/libraries/nccl_api.h"

#include <camber/error.h>

namespace camber::nccl {

const libraries::Description& library() {
    static const libraries::Description description = {.title = "NCCL",
                                                       .files = {"libnccl.so.2"},
                                                       .variable = "CAMBER_NCCL",
                                                       .folder_variables = {"NCCL_HOME"},
                                                       .package = "nccl"};
    return description;
}

Api load_api(const std::vector<std::string>& candidates) {
    Api api{};
    api.path = libraries::load_first(library(), candidates, [&](const libraries::Loaded& loaded) {
        Result (*get_version)(int*) = nullptr;
        loaded.find("ncclGetVersion", get_version);
        int version = 0;
        get_version(&version);
        api.version = static_cast<std::size_t>(version);
        loaded.check_version(api.version, oldest_version);
        loaded.find("ncclGetUniqueId", api.GetUniqueId);
        loaded.find("ncclCommInitRank", api.CommInitRank);
        loaded.find("ncclCommDestroy", api.CommDestroy);
        loaded.find("ncclCommGetAsyncError", api.CommGetAsyncError);
        loaded.find("ncclAllReduce", api.AllReduce);
        loaded.find("ncclGetErrorString", api.GetErrorString);
        loaded.find("ncclGetLastError", api.GetLastError);
    });
    return api;
}

const Api* find_api(std::string* why) { return libraries::find_once(library(), load_api, why); }

}  // namespace camber::nccl
