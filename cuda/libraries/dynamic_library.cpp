#include "cuda/libraries/dynamic_library.h"

#include <camber/error.h>
#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <filesystem>

#include "core/environment.h"
#include "cuda/libraries/python_folders.h"

namespace camber::libraries {
namespace {

namespace fs = std::filesystem;

/// The sub-folders of `folder` whose name begins with `prefix`, the last in the alphabet first.
std::vector<fs::path> folders_like(const fs::path& folder, const std::string& prefix) {
    std::vector<fs::path> found;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
        if (entry->path().filename().string().starts_with(prefix)) found.push_back(entry->path());
    std::sort(found.rbegin(), found.rend());
    return found;
}

/// Adds the library's files that `folder` has.
void add_files(std::vector<std::string>& found, const Description& library, const fs::path& folder) {
    std::error_code error;
    for (const std::string& file : library.files)
        if (fs::exists(folder / file, error)) found.push_back((folder / file).string());
}

/// Those of NVIDIA's packages in a folder of Python's: nvidia/cudnn/lib, nvidia/cublas/lib, nvidia/cu13/lib or
/// nvidia/nccl/lib.
void add_package_files(std::vector<std::string>& found, const Description& library, const fs::path& packages) {
    for (const fs::path& package : folders_like(packages / "nvidia", library.package))
        add_files(found, library, package / "lib");
}

/// Loads, for good, what `library` opens by name later on and the dynamic loader would not find: Python's packages lie
/// beside each other, and not every version of a library looks there.
void load_companions(const Description& library, const fs::path& file) {
    const fs::path folder = file.parent_path(), packages = folder.parent_path().parent_path();
    std::vector<fs::path> places = {folder};
    if (packages.filename() == "nvidia")
        for (const fs::path& package : folders_like(packages, "cu")) places.push_back(package / "lib");
    for (const std::string& companion : library.companions) {
        if (::dlopen(companion.c_str(), RTLD_LAZY | RTLD_NOLOAD)) continue;
        for (const fs::path& place : places) {
            std::error_code error;
            if (fs::exists(place / companion, error) && ::dlopen((place / companion).c_str(), RTLD_LAZY | RTLD_LOCAL))
                break;
        }
    }
}

/// The file that was loaded, where the dynamic loader chose it.
std::string path_of(void* handle, const std::string& otherwise) {
    link_map* map = nullptr;
    if (::dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 && map->l_name && *map->l_name) return map->l_name;
    return otherwise;
}

}  // namespace

std::vector<std::string> candidates(const Description& library) {
    std::vector<std::string> found;
    const auto add_folder = [&](const fs::path& folder) { add_files(found, library, folder); };
    if (const std::string given = environment_text(library.variable); !given.empty()) {
        std::error_code error;
        if (!fs::is_directory(given, error)) return {given};
        add_folder(given);
        if (found.empty()) found.push_back((fs::path(given) / library.files.front()).string());
        return found;
    }
    found = library.files;
    // Conda's packages keep it in lib.
    const auto add_python = [&](const fs::path& prefix) {
        for (const fs::path& python : folders_like(prefix / "lib", "python3"))
            for (const char* packages : {"site-packages", "dist-packages"})
                add_package_files(found, library, python / packages);
    };
    for (const char* variable : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
        if (const std::string prefix = environment_text(variable); !prefix.empty()) {
            add_folder(fs::path(prefix) / "lib");
            add_python(prefix);
        }
    }
    std::vector<fs::path> toolkits;
    std::vector<std::string> variables = library.folder_variables;
    variables.insert(variables.end(), {"CUDA_PATH", "CUDA_HOME"});
    for (const std::string& variable : variables)
        if (const std::string folder = environment_text(variable); !folder.empty()) toolkits.emplace_back(folder);
    toolkits.emplace_back("/usr/local/cuda");
    for (const fs::path& toolkit : folders_like("/usr/local", "cuda-")) toolkits.push_back(toolkit);
    for (const fs::path& toolkit : toolkits)
        for (const char* folder : {"lib64", "lib"}) add_folder(toolkit / folder);
    if (const std::string home = environment_text("HOME"); !home.empty()) add_python(fs::path(home) / ".local");
    add_python("/usr/local");
    add_python("/usr");
    return found;
}

std::vector<std::string> python_candidates(const Description& library) {
    std::vector<std::string> found;
    if (!environment_text(library.variable).empty()) return found;
    for (const fs::path& folder : python_folders()) add_package_files(found, library, folder);
    return found;
}

std::string load_first(const Description& library, const std::vector<std::string>& files,
                       const std::function<void(const Loaded&)>& use) {
    std::string why;
    for (const std::string& file : files) {
        void* const handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
        std::string refusal;
        if (handle) {
            const Loaded loaded(library, handle, path_of(handle, file));
            try {
                use(loaded);
                load_companions(library, loaded.path());
                return loaded.path();
            } catch (const Error& error) {
                refusal = error.what();
                ::dlclose(handle);
            }
        } else {
            refusal = ::dlerror();
        }
        // What is wrong with a file that was found says more than that another was not.
        std::error_code ignored;
        if (why.empty() || handle || fs::exists(file, ignored)) why = refusal;
    }
    fail("no {}: {} ({} may name the library or its folder)", library.title, why, library.variable);
}

std::string version_text(std::size_t version) {
    return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

std::size_t Loaded::version(const char* function, std::size_t oldest) const {
    std::size_t (*get)() = nullptr;
    find(function, get);
    const std::size_t version = get();
    check_version(version, oldest);
    return version;
}

void Loaded::check_version(std::size_t version, std::size_t oldest) const {
    if (version < oldest)
        fail("{} is {} {}, older than the {} that Camber needs", path_, library_.title, version_text(version),
             version_text(oldest));
}

void* Loaded::entry(const char* name) const {
    void* const found = ::dlsym(handle_, name);
    if (!found) fail("{} has no {}: it is not {}, or a damaged copy", path_, name, library_.title);
    return found;
}

}  // namespace camber::libraries
