#include "cli/output_file.h"

#include <camber/data_folder.h>
#include <camber/error.h>

#include <set>

namespace camber::cli {
namespace {

namespace fs = std::filesystem;

/// The folders below `root` that hold frames or label maps, or folders of such; of files elsewhere the folder itself.
std::set<fs::path> frame_folders(const fs::path& root) {
    std::set<fs::path> folders;
    std::set<fs::path> seen;
    std::vector<std::vector<SamplePaths>> splits;
    try {
        const DataFolder data = DataFolder::look(root);
        for (const std::string& split : data.splits()) splits.push_back(data.samples(split));
    } catch (const Error&) {  // what reads the dataset says so
    }
    for (const std::vector<SamplePaths>& samples : splits) {
        for (const SamplePaths& sample : samples) {
            for (const fs::path& file : {sample.image, sample.label}) {
                if (file.empty() || !seen.insert(file.parent_path()).second) continue;
                fs::path folder = resolved(file.parent_path());
                const bool inside = is_within(folder, root);
                folders.insert(folder);
                while (inside && folder != root && folders.insert(folder = folder.parent_path()).second) continue;
            }
        }
    }
    folders.erase(root);
    return folders;
}

}  // namespace

fs::path resolved(const fs::path& path) {
    std::error_code error;
    fs::path found = fs::weakly_canonical(fs::absolute(path), error);
    if (error) return path;
    return found.has_filename() ? found : found.parent_path();
}

bool is_within(const fs::path& path, const fs::path& folder) {
    const fs::path relative = path.lexically_relative(folder);
    return !relative.empty() && *relative.begin() != "..";
}

void refuse_among_frames(const fs::path& folder, const std::string& out) {
    const fs::path to = resolved(folder);
    constexpr int deepest = 6;
    fs::path root = to;
    for (int up = 0; up < deepest && root.has_relative_path(); ++up, root = root.parent_path()) {
        if (!DataFolder::recognises(root)) continue;
        for (const fs::path& held : frame_folders(root)) {
            if (is_within(to, held))
                fail_usage("--out {} is among the dataset's frames or label maps ({}): choose a folder of its own", out,
                           held.string());
        }
    }
}

void refuse_to_replace(const std::string& read, const std::string& out) {
    std::error_code error;
    const fs::path file = out, run = file.parent_path();
    const bool is_checkpoint = file.filename() == "last.safetensors" || file.filename() == "best.safetensors";
    if (is_checkpoint && fs::exists(run / "metrics.jsonl", error))
        fail_usage("{} is a run's own checkpoint: give --out another name", out);
    if (read.empty() || !std::filesystem::equivalent(read, out, error)) return;
    const std::string what = read == out ? out : out + ", which is " + read + ",";
    fail_usage("{} is itself what is read: writing there would destroy it; give --out another name", what);
}

}  // namespace camber::cli
