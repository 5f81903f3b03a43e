// Files that never end or never begin, and too little memory.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdlib>

#include "cli/check_error.h"
#include "cli/scenes.h"

using namespace camber::testing;
namespace fs = std::filesystem;

namespace {

struct Run {
    TemporaryFolder folder;
    fs::path data = folder / "data", out = folder / "run";
    std::string best = (out / "best.safetensors").string();

    Run() {
        write_scenes(data);
        REQUIRE(run_camber(train_arguments(data, out, {"--epochs", "2", "--schedule", "constant"})).exit_code == 0);
    }
};

/// A file that cannot be read as one is, and how a message calls it.
struct Special {
    const char *file, *what;
};

std::vector<Special> special_files(const TemporaryFolder& folder) {
    static std::string pipe, loop;
    pipe = (folder / "pipe").string();
    loop = (folder / "loop").string();
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    fs::create_symlink("loop", loop);
    return {{"/dev/zero", "it is a device"}, {pipe.c_str(), "it is a pipe"}, {loop.c_str(), "symbolic links"}};
}

void check_quick(const std::vector<std::string>& command, std::initializer_list<const char*> parts) {
    CommandLimits limits;
    limits.addresses = rlim_t{3} << 30;  // an endless file would fill it
    check_error(run_camber(command, limits), 1, parts);
}

}  // namespace

TEST_CASE("devices, pipes and links to themselves in the place of a file are one line at once") {
    const Run run;
    const std::string data = run.data.string(), out = run.out.string();
    for (const Special& special : special_files(run.folder)) {
        const char *file = special.file, *what = special.what;
        CAPTURE(file);
        check_quick({"predict", "--checkpoint", run.best, "--out", (run.folder / "p").string(), file}, {what});
        check_quick({"summary", "--audit", file}, {what});
        check_quick({"import", "--net", "unet", "--weights", file, "--out", (run.folder / "i.safetensors").string()},
                    {what});
        check_quick({"eval", "--checkpoint", file}, {what});
        for (const char* name : {"classes.json", "train.txt"}) {
            CAPTURE(name);
            const fs::path place = run.data / name, kept = run.folder / "kept";
            fs::rename(place, kept);
            fs::create_symlink(file, place);
            check_quick({"data", "info", data}, {name, what});
            fs::rename(kept, place);
        }
        for (const char* name : {"metrics.jsonl", "last.safetensors"}) {
            CAPTURE(name);
            const fs::path place = run.out / name, kept = run.folder / "kept";
            fs::rename(place, kept);
            fs::create_symlink(file, place);
            check_quick({"train", "--resume", "--out", out, "--epochs", "3"}, {name, what});
            fs::rename(kept, place);
        }
        // One that ended before its first checkpoint is read from its configuration.
        const fs::path begun = run.folder / "begun";
        fs::create_directory(begun);
        fs::create_symlink(file, begun / "config.json");
        check_quick({"train", "--resume", "--out", begun.string()}, {"config.json", what});
        fs::remove_all(begun);
    }
    check_error(run_camber({"data", "synth", "--out", ""}), 2, {"--out is empty"});
    CHECK(run_camber({"train", "--resume", "--out", out, "--epochs", "3"}).exit_code == 0);
}

TEST_CASE("a run that nobody sees any more is saved and ends") {
    const Run run;
    CommandLimits full;
    full.output = "/dev/full";
    const fs::path out = run.folder / "unseen";
    const std::vector<std::string> command = train_arguments(run.data, out, {"--epochs", "400"});
    SUBCASE("on a full disk") {
        check_error(run_camber(command, full), 1, {"the output cannot be written", "No space left", "--resume"});
    }
    SUBCASE("in a pipe whose reader has gone") {
        std::string line = CAMBER_COMMAND;
        for (const std::string& part : command) line += " " + part;
        const fs::path errors = run.folder / "errors";
        line =
            "{ " + line + " 2> " + errors.string() + "; echo $? >> " + errors.string() + "; } | head -n 1 > /dev/null";
        REQUIRE(std::system(line.c_str()) == 0);
        const std::string said = read_text(errors);
        CAPTURE(said);
        CHECK(said.starts_with("camber: error: the output cannot be written: Broken pipe; the run is saved"));
        CHECK(said.ends_with("\n1\n"));
    }
    CHECK(fs::exists(out / "last.safetensors"));
    CHECK(read_text(out / "metrics.jsonl").size() < 400 * 1000);
    CommandLimits soon;
    soon.signal = SIGINT;
    soon.delay = std::chrono::milliseconds(500);
    CHECK(run_camber({"train", "--resume", "--out", out.string()}, soon).exit_code == 130);
}

#if !defined(__SANITIZE_ADDRESS__)
TEST_CASE("whatever the limit on memory is, a command does its work or says in one line that it cannot") {
    const Run run;
    const fs::path out = run.folder / "limited";
    const std::vector<std::vector<std::string>> commands = {
        train_arguments(run.data, out, {"--epochs", "1"}),
        // 31 million weights: tensors, oneDNN's kernels and threads run out in turn.
        {"train", "--data", run.data.string(), "--out", out.string(), "--size", "64x64", "--batch", "2", "--epochs",
         "1", "--epoch-batches", "1"},
        {"eval", "--checkpoint", run.best},
        {"predict", "--checkpoint", run.best, "--out", out.string(), (run.data / "val").string()},
        {"data", "synth", "--out", out.string(), "--train", "2", "--val", "1", "--size", "48x64"},
    };
    std::size_t refused = 0, done = 0;
    for (const std::vector<std::string>& command : commands) {
        for (rlim_t mb = 50; mb <= 3000; mb += mb < 300 ? 25 : mb < 1300 ? 100 : 850) {
            CAPTURE(command[0]);
            CAPTURE(mb);
            fs::remove_all(out);
            CommandLimits limits;
            limits.addresses = mb * 1'000'000;
            const CommandResult result = run_camber(command, limits);
            // 127: the system had no room for the program's libraries.
            if (result.exit_code == 0 || (result.exit_code == 127 && mb < 150)) {
                done += result.exit_code == 0;
                continue;
            }
            ++refused;
            check_error(result, 1, {});
            const bool named = result.errors.find("out of memory") != std::string::npos ||
                               result.errors.find("thread cannot be started") != std::string::npos;
            CHECK_MESSAGE(named, result.errors);
        }
    }
    CHECK(done > 20);
    CHECK(refused > 20);
}

TEST_CASE("--batch auto under a limit on memory runs, and what is more is told the batch that fits") {
    const TemporaryFolder folder;
    const std::string data = (folder / "data").string(), out = (folder / "run").string();
    REQUIRE(run_camber({"data", "synth", "--out", data, "--train", "200", "--val", "2", "--size", "64x96"}).exit_code ==
            0);
    CommandLimits limits;
    // Room for 20 to 50: oneDNN's kernels take some, and they depend on the processor.
    limits.addresses = 1'000'000'000;
    const auto train = [&](const std::string& batch) {
        fs::remove_all(out);
        return run_camber({"train", "--data", data, "--out", out, "--net", "smp-unet-resnet34", "--size", "64x96",
                           "--batch", batch, "--epochs", "2", "--epoch-batches", "1", "--device", "cpu"},
                          limits);
    };
    const CommandResult chosen = train("auto");
    CHECK_MESSAGE(chosen.exit_code == 0, chosen.errors);
    const std::string said = chosen.output + chosen.errors, words = "--batch auto: ";
    const std::size_t at = said.find(words);
    REQUIRE(at != std::string::npos);
    const int batch = std::stoi(said.substr(at + words.size()));
    CHECK(batch > 4);
    CHECK(batch < 150);
    check_error(train("200"), 1, {"out of memory", "a batch of 200 of 64x96 is planned to take ", "would fit"});
    check_error(run_camber({"lr-find", "--data", data, "--out", out, "--net", "smp-unet-resnet34", "--size", "64x96",
                            "--batch", "200", "--device", "cpu"},
                           limits),
                1, {"out of memory", "a batch of 200 of 64x96 is planned to take ", "would fit"});
}

TEST_CASE("--memory is what tensors take at most, and may change when a run goes on") {
    const Run run;
    const fs::path out = run.folder / "allowed";
    const auto train = [&](const std::string& batch, const std::string& memory) {
        fs::remove_all(out);
        return run_camber({"train", "--data", run.data.string(), "--out", out.string(), "--net", "smp-unet-resnet34",
                           "--size", "64x96", "--batch", batch, "--epochs", "1", "--device", "cpu", "--memory",
                           memory});
    };
    const CommandResult chosen = train("auto", "600");
    CHECK_MESSAGE(chosen.exit_code == 0, chosen.errors);
    CHECK(chosen.output.find(" that --memory allows") != std::string::npos);
    const CommandResult resumed = run_camber({"train", "--resume", "--out", out.string(), "--memory", "1000"});
    CHECK_MESSAGE(resumed.exit_code == 0, resumed.errors);
    check_error(train("1", "50"), 1, {"out of memory", "50.0 MB that --memory allows", "no smaller one fits"});
}

TEST_CASE("threads that cannot be started are one line") {
    const Run run;
    const std::string best = run.best;
    ::setenv("OMP_NUM_THREADS", "100000", 1);
    check_error(run_camber({"eval", "--checkpoint", best}), 2, {"OMP_NUM_THREADS", "100000", "1024"});
    ::setenv("OMP_NUM_THREADS", "1000", 1);
    CommandLimits limits;
    limits.addresses = rlim_t{2} << 30;  // 1,000 stacks of 8 MiB are more
    check_error(run_camber({"eval", "--checkpoint", best}, limits), 1, {"thread cannot be started"});
    ::unsetenv("OMP_NUM_THREADS");
}
#endif
