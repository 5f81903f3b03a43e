#pragma once
#include <camber/error.h>

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

/// NVIDIA's libraries, loaded at run time so that the command starts where there are none.
namespace camber::libraries {

/// A library and where to look for it.
struct Description {
    std::string title;                          ///< "cuDNN"
    std::vector<std::string> files;             ///< names of the file, the preferred one first
    std::string variable;                       ///< environment variable that names the library or its folder
    std::vector<std::string> folder_variables;  ///< those that name the folder of an installation
    std::vector<std::string> companions = {};   ///< libraries that it opens by name while it works
    std::string package = "cu";                 ///< what the names of NVIDIA's Python packages with it begin with
};

/// Files to try, in order: what `variable` names and nothing else, or the dynamic loader's own folders, the active
/// Python environment, CUDA's folders and the machine's Python packages.
std::vector<std::string> candidates(const Description& library);
/// Files in the packages of the `python3` on the PATH, which is run to ask: an environment that is not active. None
/// where `variable` says.
std::vector<std::string> python_candidates(const Description& library);

/// A library that has been opened.
class Loaded {
  public:
    Loaded(const Description& library, void* handle, std::string path)
        : library_(library), handle_(handle), path_(std::move(path)) {}
    const std::string& path() const { return path_; }
    /// Points `function` at the entry `name`; throws Error where there is none.
    template <class Function>
    void find(const char* name, Function& function) const {
        function = reinterpret_cast<Function>(entry(name));
    }
    /// What the entry `function` gives, a std::size_t; throws Error where it is less than `oldest`.
    std::size_t version(const char* function, std::size_t oldest) const;
    /// Throws Error where `version` is less than `oldest`.
    void check_version(std::size_t version, std::size_t oldest) const;

  private:
    void* entry(const char* name) const;

    const Description& library_;
    void* handle_;
    std::string path_;
};

/// The path of the first of `files` that loads and that `use` does not refuse by an Error; its companions that lie
/// beside it, or in Python's other packages, are then loaded too. Throws Error with one line that says what was found
/// instead.
std::string load_first(const Description& library, const std::vector<std::string>& files,
                       const std::function<void(const Loaded&)>& use);

/// load(candidates(library)) or, where that throws, load(python_candidates(library)); once a process and never
/// unloaded: plans in static objects outlive any order of destruction. Null where both throw; `why`, unless null, then
/// says so.
template <class Api>
const Api* find_once(const Description& library, Api (*load)(const std::vector<std::string>&), std::string* why) {
    struct Found {
        Api api{};
        std::string why;
    };
    static const Found* const found = [&] {
        auto* result = new Found;
        const auto try_files = [&](const std::vector<std::string>& files) {
            try {
                result->api = load(files);
                result->why.clear();
            } catch (const Error& error) {
                result->why = error.what();
            }
        };
        try_files(candidates(library));
        if (result->why.empty()) return result;
        if (const std::vector<std::string> files = python_candidates(library); !files.empty()) try_files(files);
        return result;
    }();
    if (why) *why = found->why;
    return found->why.empty() ? &found->api : nullptr;
}

/// "9.19.0" for 91900, as cuDNN and cuBLAS number their versions.
std::string version_text(std::size_t version);

}  // namespace camber::libraries
