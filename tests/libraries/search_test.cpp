// Where libraries are looked for, with stand-ins for them and for Python.
#include <dlfcn.h>
#include <doctest/doctest.h>

#include <chrono>

#include "cuda/libraries/dynamic_library.h"
#include "cuda/libraries/python_folders.h"
#include "support/environment.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/program.h"

using namespace camber;
using libraries::Description;
using testing::TemporaryFolder;
using testing::Variable;
namespace fs = std::filesystem;

namespace {

const std::string built = testing::beside_program("libtest_stand_in.so");
const std::string built_companion = testing::beside_program("libcompanion.so.7");

Description stand_in() {
    return {"a stand-in", {"libstand_in.so.3"}, "CAMBER_STAND_IN", {"STAND_IN_PATH"}, {"libcompanion.so.7"}};
}

std::string load(const Description& library, const std::vector<std::string>& files) {
    return libraries::load_first(library, files,
                                 [](const libraries::Loaded& loaded) { loaded.version("standInVersion", 30000); });
}

/// Puts a stand-in into `folder` and returns its path.
std::string install(const fs::path& folder, const std::string& file = "libstand_in.so.3") {
    fs::create_directories(folder);
    fs::copy_file(file == "libcompanion.so.7" ? built_companion : built, folder / file);
    return (folder / file).string();
}

/// A machine without any of the libraries, on whose PATH a `python3` may be put.
class Machine {
  public:
    TemporaryFolder folder;

    void python(const std::string& script) const {
        testing::write_text(folder / "bin/python3", "#!/bin/sh\n" + script + "\n");
        fs::permissions(folder / "bin/python3", fs::perms::owner_all);
    }

  private:
    bool made_ = fs::create_directories(folder / "bin");
    Variable path_{"PATH", (folder / "bin").string()}, none_{"CAMBER_STAND_IN", ""}, venv_{"VIRTUAL_ENV", ""},
        conda_{"CONDA_PREFIX", ""}, home_{"HOME", folder.path().string()};
};

std::chrono::milliseconds time_of(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
}

}  // namespace

TEST_CASE("the packages of the python3 on the PATH are found, which is run isolated") {
    const Machine machine;
    const fs::path packages = machine.folder / "venv/lib/python3.11/site-packages";
    const std::string file = install(packages / "nvidia/cudnn/lib");
    machine.python("echo $0 $1 $2 >" + (machine.folder / "asked").string() +
                   "; echo noise >&2; echo; echo nvidia; echo " + packages.string());
    CHECK(libraries::candidates(stand_in()) == std::vector<std::string>{"libstand_in.so.3"});
    CHECK(libraries::python_candidates(stand_in()) == std::vector<std::string>{file});
    CHECK(testing::read_text(machine.folder / "asked").find("/python3 -I -c") != std::string::npos);
    CHECK(load(stand_in(), {file}) == file);
    // A library that was named is looked for nowhere else.
    const Variable named("CAMBER_STAND_IN", "/nowhere");
    CHECK(libraries::python_candidates(stand_in()).empty());
}

TEST_CASE("the current folder is not taken for one of Python's") {
    const std::string path = ::getenv("PATH");
    const Machine machine;
    install(machine.folder / "nvidia/cudnn/lib");
    const fs::path before = fs::current_path();
    fs::current_path(machine.folder.path());
    machine.python("PATH=" + path + " exec python3 \"$@\"");  // the machine's own, where it has one
    CHECK(libraries::python_candidates(stand_in()).empty());
    machine.python("echo; echo .; echo nvidia/cudnn/lib");
    CHECK(libraries::python_candidates(stand_in()).empty());
    fs::current_path(before);
}

TEST_CASE("a python3 that is missing, fails, prints garbage or hangs is no more than a place without libraries") {
    const Machine machine;
    CHECK(libraries::python_folders().empty());
    machine.python("exit 3");
    CHECK(libraries::python_folders().empty());
    machine.python("while :; do echo '\\0 garbage /\\377'; done");
    CHECK(libraries::python_folders().empty());
    testing::write_text(machine.folder / "bin/python3",
                        "\x7f"
                        "ELF, not really");
    CHECK(libraries::python_folders().empty());
    // As pyenv's, which start the real one.
    machine.python("echo /; (while :; do :; done)");
    const auto limit = std::chrono::milliseconds(300);
    CHECK(time_of([&] { CHECK(libraries::python_folders(limit).empty()); }) < std::chrono::seconds(5));
}

namespace {
struct Found {
    std::string path;
};
struct FoundEarlier : Found {};
struct FoundByPython : Found {};
struct NotFound : Found {};

template <class Api>
const Api* find(const Description& library, std::string* why) {
    static const Description* wanted;
    wanted = &library;
    return libraries::find_once<Api>(
        library, [](const std::vector<std::string>& files) { return Api{{load(*wanted, files)}}; }, why);
}
}  // namespace

TEST_CASE("Python is asked only where everything else has failed") {
    const Machine machine;
    const fs::path packages = machine.folder / "venv/lib/python3.11/site-packages", asked = machine.folder / "asked";
    const std::string in_python = install(packages / "nvidia/cu13/lib");
    machine.python("echo >" + asked.string() + "; echo " + packages.string());
    const Description library = stand_in();
    std::string why;
    {
        const std::string in_toolkit = install(machine.folder / "toolkit/lib64");
        const Variable toolkit("STAND_IN_PATH", (machine.folder / "toolkit").string());
        const FoundEarlier* const found = find<FoundEarlier>(library, &why);
        REQUIRE(found);
        CHECK(found->path == in_toolkit);
        CHECK(!fs::exists(asked));
    }
    const FoundByPython* const found = find<FoundByPython>(library, &why);
    REQUIRE(found);
    CHECK(found->path == in_python);
    CHECK(why.empty());
    CHECK(fs::exists(asked));
    machine.python("exit 1");
    CHECK(!find<NotFound>(library, &why));
    CHECK(why.find("no a stand-in: libstand_in.so.3: ") == 0);
}

TEST_CASE("the file that was loaded is named, wherever it was found") {
    const Machine machine;
    const std::string in_venv = install(machine.folder / "venv/lib/python3.12/site-packages/nvidia/cu12/lib"),
                      in_folder = install(machine.folder / "given");
    {
        const Variable venv("VIRTUAL_ENV", (machine.folder / "venv").string());
        CHECK(load(stand_in(), libraries::candidates(stand_in())) == in_venv);
    }
    for (const std::string& given : {in_folder, (machine.folder / "given").string()}) {
        const Variable named("CAMBER_STAND_IN", given);
        CHECK(load(stand_in(), libraries::candidates(stand_in())) == in_folder);
    }
    // By the dynamic loader, which knows the C library's folder.
    const std::string path = libraries::load_first(stand_in(), {"libm.so.6"}, [](const libraries::Loaded&) {});
    CHECK(path.starts_with('/'));
    CHECK(path.ends_with("/libm.so.6"));
}

TEST_CASE("what a library opens while it works is loaded from the package beside it") {
    const Machine machine;
    const fs::path nvidia = machine.folder / "venv/lib/python3.11/site-packages/nvidia";
    const std::string file = install(nvidia / "cudnn/lib");
    const auto loaded = [] { return ::dlopen("libcompanion.so.7", RTLD_LAZY | RTLD_NOLOAD) != nullptr; };
    CHECK(load(stand_in(), {file}) == file);  // none is there
    CHECK(!loaded());
    install(nvidia / "cuda_nvrtc/lib", "libcompanion.so.7");
    CHECK(load(stand_in(), {file}) == file);
    CHECK(loaded());
    // The dynamic loader finds it by name now, as the library will.
    CHECK(::dlopen("libcompanion.so.7", RTLD_LAZY) != nullptr);
}
