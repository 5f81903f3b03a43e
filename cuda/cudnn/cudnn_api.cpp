#include "cuda/cudnn/cudnn_api.h"

#include <camber/error.h>
#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace camber::cudnn {
namespace {

namespace fs = std::filesystem;

constexpr const char* library_name = "libcudnn.so.9";

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

/// The sub-folders of `folder` whose name begins with `prefix`, the last in the alphabet first.
std::vector<fs::path> folders_like(const fs::path& folder, const std::string& prefix) {
    std::vector<fs::path> found;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
        if (entry->path().filename().string().starts_with(prefix)) found.push_back(entry->path());
    std::sort(found.rbegin(), found.rend());
    return found;
}

template <class Function>
void find_entry(void* library, const char* name, Function& function, const std::string& path) {
    function = reinterpret_cast<Function>(::dlsym(library, name));
    if (!function) fail("{} has no {}: it is not cuDNN, or a damaged copy", path, name);
}

/// Throws Error saying why `path` does not serve.
Api load(const std::string& path) {
    void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) fail("{}", ::dlerror());
    try {
        Api api{};
        decltype(&::cudnnGetVersion) get_version = nullptr;
        find_entry(library, "cudnnGetVersion", get_version, path);
        api.version = get_version();
        if (api.version < oldest_version)
            fail("{} is cuDNN {}, older than the {} that Camber needs", path, version_text(api.version),
                 version_text(oldest_version));
        find_entry(library, "cudnnGetErrorString", api.GetErrorString, path);
        find_entry(library, "cudnnGetLastErrorString", api.GetLastErrorString, path);
        find_entry(library, "cudnnCreate", api.Create, path);
        find_entry(library, "cudnnSetStream", api.SetStream, path);
        find_entry(library, "cudnnBackendCreateDescriptor", api.BackendCreateDescriptor, path);
        find_entry(library, "cudnnBackendDestroyDescriptor", api.BackendDestroyDescriptor, path);
        find_entry(library, "cudnnBackendSetAttribute", api.BackendSetAttribute, path);
        find_entry(library, "cudnnBackendGetAttribute", api.BackendGetAttribute, path);
        find_entry(library, "cudnnBackendFinalize", api.BackendFinalize, path);
        find_entry(library, "cudnnBackendExecute", api.BackendExecute, path);
        Dl_info info{};
        api.path = ::dladdr(reinterpret_cast<void*>(get_version), &info) && info.dli_fname ? info.dli_fname : path;
        return api;
    } catch (...) {
        ::dlclose(library);
        throw;
    }
}

}  // namespace

std::string version_text(std::size_t version) {
    return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

std::vector<std::string> library_candidates() {
    std::vector<std::string> candidates;
    const auto add_folder = [&](const fs::path& folder) {
        std::error_code error;
        const fs::path file = folder / library_name;
        if (fs::exists(file, error)) candidates.push_back(file.string());
    };
    if (const std::string given = environment("CAMBER_CUDNN"); !given.empty()) {
        std::error_code error;
        candidates.push_back(fs::is_directory(given, error) ? (fs::path(given) / library_name).string() : given);
        return candidates;
    }
    candidates.push_back(library_name);
    // Python's packages keep it in nvidia/cudnn/lib, conda's in lib.
    const auto add_python = [&](const fs::path& prefix) {
        for (const fs::path& python : folders_like(prefix / "lib", "python3"))
            for (const char* packages : {"site-packages", "dist-packages"})
                add_folder(python / packages / "nvidia/cudnn/lib");
    };
    for (const char* variable : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
        if (const std::string prefix = environment(variable); !prefix.empty()) {
            add_folder(fs::path(prefix) / "lib");
            add_python(prefix);
        }
    }
    std::vector<fs::path> toolkits;
    for (const char* variable : {"CUDNN_PATH", "CUDNN_HOME", "CUDA_PATH", "CUDA_HOME"})
        if (const std::string folder = environment(variable); !folder.empty()) toolkits.emplace_back(folder);
    toolkits.emplace_back("/usr/local/cuda");
    for (const fs::path& toolkit : folders_like("/usr/local", "cuda-")) toolkits.push_back(toolkit);
    for (const fs::path& toolkit : toolkits)
        for (const char* folder : {"lib64", "lib"}) add_folder(toolkit / folder);
    if (const std::string home = environment("HOME"); !home.empty()) add_python(fs::path(home) / ".local");
    add_python("/usr/local");
    add_python("/usr");
    return candidates;
}

Api load_api(const std::vector<std::string>& candidates) {
    std::string why;
    for (const std::string& path : candidates) {
        try {
            return load(path);
        } catch (const Error& error) {
            // What is wrong with a file that was found says more than that another was not.
            std::error_code ignored;
            if (why.empty() || fs::exists(path, ignored)) why = error.what();
        }
    }
    fail("no cuDNN: {} (CAMBER_CUDNN may name the library or its folder)", why);
}

const Api* find_api(std::string* why) {
    struct Found {
        Api api{};
        std::string why;
    };
    static const Found* const found = [] {
        auto* result = new Found;  // never unloaded: plans in static objects outlive any order of destruction
        try {
            result->api = load_api(library_candidates());
        } catch (const Error& error) {
            result->why = error.what();
        }
        return result;
    }();
    if (why) *why = found->why;
    return found->why.empty() ? &found->api : nullptr;
}

void check(const Api& api, cudnnStatus_t status, const char* call, const std::string& doing) {
    if (status == CUDNN_STATUS_SUCCESS) return;
    char detail[1024] = "";
    api.GetLastErrorString(detail, sizeof detail);
    fail("{}: {}{}{} while {}", call, api.GetErrorString(status), *detail ? ": " : "", detail, doing);
}

Descriptor::Descriptor(const Api& api, cudnnBackendDescriptorType_t type, std::string what)
    : api_(&api), what_(std::move(what)) {
    check(api, api.BackendCreateDescriptor(type, &raw_), "cudnnBackendCreateDescriptor", "making " + what_);
}

Descriptor::~Descriptor() {
    if (raw_) api_->BackendDestroyDescriptor(raw_);
}

void Descriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
                     const void* values) {
    check(*api_, api_->BackendSetAttribute(raw_, name, type, count, values), "cudnnBackendSetAttribute",
          fmt::format("setting attribute {} of {}", static_cast<int>(name), what_));
}

void Descriptor::set_int64(cudnnBackendAttributeName_t name, const std::vector<std::int64_t>& values) {
    set(name, CUDNN_TYPE_INT64, static_cast<std::int64_t>(values.size()), values.data());
}

void Descriptor::set_descriptor(cudnnBackendAttributeName_t name, const Descriptor& value) {
    set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value.raw_);
}

void Descriptor::set_text(cudnnBackendAttributeName_t name, const std::string& text) {
    set(name, CUDNN_TYPE_CHAR, static_cast<std::int64_t>(text.size() + 1), text.c_str());
}

std::int64_t Descriptor::get_raw(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t room,
                                 void* values) const {
    std::int64_t count = 0;
    check(*api_, api_->BackendGetAttribute(raw_, name, type, room, &count, values), "cudnnBackendGetAttribute",
          fmt::format("reading attribute {} of {}", static_cast<int>(name), what_));
    return count;
}

std::int64_t Descriptor::get_int64(cudnnBackendAttributeName_t name) const {
    std::int64_t value = 0;
    get_raw(name, CUDNN_TYPE_INT64, 1, &value);
    return value;
}

std::string Descriptor::get_text(cudnnBackendAttributeName_t name) const {
    std::string text(static_cast<std::size_t>(get_raw(name, CUDNN_TYPE_CHAR, 0, nullptr)), '\0');
    get_raw(name, CUDNN_TYPE_CHAR, static_cast<std::int64_t>(text.size()), text.data());
    while (!text.empty() && text.back() == '\0') text.pop_back();
    return text;
}

std::int64_t Descriptor::get_descriptors(cudnnBackendAttributeName_t name, std::vector<Descriptor>& into) const {
    std::vector<cudnnBackendDescriptor_t> raw;
    for (const Descriptor& descriptor : into) raw.push_back(descriptor.raw_);
    return get_raw(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<std::int64_t>(raw.size()),
                   raw.empty() ? nullptr : raw.data());
}

void Descriptor::finalize() { check(*api_, api_->BackendFinalize(raw_), "cudnnBackendFinalize", "finishing " + what_); }

std::string Descriptor::try_finalize() {
    const cudnnStatus_t status = api_->BackendFinalize(raw_);
    if (status == CUDNN_STATUS_SUCCESS) return {};
    char detail[1024] = "";
    api_->GetLastErrorString(detail, sizeof detail);
    return fmt::format("{}{}{}", api_->GetErrorString(status), *detail ? ": " : "", detail);
}

}  // namespace camber::cudnn
