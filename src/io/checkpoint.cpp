#include <camber/checkpoint.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "io/file_kind.h"
#include "io/text_file.h"

namespace camber {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr const char* metadata_key = "camber.checkpoint";

json to_json(const CheckpointInfo& info) {
    const bool has_best = info.best_metric && std::isfinite(*info.best_metric);
    return {{"format", info.format_version},
            {"camber", CAMBER_VERSION},
            {"checksums", true},  // so that a file whose checksums cannot be found is known to be damaged
            {"config", info.config},
            {"position", {{"epoch", info.epoch}, {"batch", info.batch}, {"step", info.step}}},
            {"generator", {{"seed", info.seed}, {"counters", info.counters}}},
            {"best",
             {{"metric", info.best_metric_name},
              {"value", has_best ? json(*info.best_metric) : json()},
              {"epoch", info.best_epoch}}},
            {"extra", info.extra}};
}

CheckpointInfo parse_info(const std::string& text, const SafetensorsFile& tensors) {
    const std::string file = tensors.file().string();
    CheckpointInfo info;
    const json j = parse_json(text, file, "a Camber checkpoint, or a damaged one");
    if (j.is_object() && j.contains("checksums") && !tensors.has_checksums())
        fail("{}: a damaged checkpoint (its checksums are not where they were written)", file);
    try {
        info.format_version = j.at("format").get<int>();
        info.camber_version = j.at("camber").get<std::string>();
        if (info.format_version > CheckpointInfo::current_format) {
            fail("{} was written by Camber {} in checkpoint format {}; this is Camber {}, which reads formats up to {}",
                 file, info.camber_version, info.format_version, CAMBER_VERSION, CheckpointInfo::current_format);
        }
        info.config = j.at("config");
        const json &position = j.at("position"), &generator = j.at("generator"), &best = j.at("best");
        info.epoch = position.at("epoch").get<std::int64_t>();
        info.batch = position.at("batch").get<std::int64_t>();
        info.step = position.at("step").get<std::int64_t>();
        info.seed = generator.at("seed").get<std::uint64_t>();
        info.counters = generator.at("counters").get<std::map<std::string, std::uint64_t>>();
        info.best_metric_name = best.at("metric").get<std::string>();
        if (!best.at("value").is_null()) info.best_metric = best.at("value").get<double>();
        info.best_epoch = best.at("epoch").get<std::int64_t>();
        info.extra = j.at("extra");
    } catch (const json::exception&) {
        fail_damaged(file);
    }
    return info;
}

std::string how_to_import(const std::filesystem::path& path) {
    return fmt::format("`camber import --net NET --weights {} --out CHECKPOINT.safetensors` makes one of it",
                       path.string());
}

/// Refuses what is not even a safetensors file, saying what it is.
void check_is_safetensors(const std::filesystem::path& path) {
    const InputFile file(path);
    if (looks_like_safetensors(file)) return;
    if (const std::string whose = other_library(file); !whose.empty()) {
        fail("{}: not a Camber checkpoint ({}): {}", path.string(), whose, how_to_import(path));
    }
    if (const std::string what = mistaken_for_weights(file); !what.empty()) fail("{}: {}", path.string(), what);
}

/// A tensor of the file and where its elements go.
struct Transfer {
    std::string name;  ///< in the network or the optimizer
    std::string source;
    Tensor target;
};

/// The likely reason why shapes differ, as a question.
std::string likely_cause(const SafetensorsFile& file, const std::vector<const Transfer*>& mismatched) {
    // Classes show in the first extent of the last layer only, input channels in the last extent of the first layer.
    const auto only_axis = [&](auto axis_of) {
        std::set<std::pair<std::int64_t, std::int64_t>> pairs;
        for (const Transfer* transfer : mismatched) {
            const Shape there = file.shape_of(*file.find(transfer->source)), here = transfer->target.shape();
            if (there.rank() != here.rank() || here.rank() == 0) return false;
            const int axis = axis_of(here);
            for (int i = 0; i < here.rank(); ++i) {
                if (i != axis && there[i] != here[i]) return false;
            }
            pairs.emplace(there[axis], here[axis]);
        }
        return pairs.size() == 1;
    };
    if (only_axis([](const Shape&) { return 0; })) return "was it trained with another --classes?";
    if (mismatched.size() == 1 && only_axis([](const Shape& shape) { return shape.rank() - 1; })) {
        return "was it trained with another number of input channels?";
    }
    return fmt::format("was it trained with another network or another width? ({} shapes differ)", mismatched.size());
}

/// Checks everything, then reads: a file that does not fit leaves the targets as they were.
void transfer(const SafetensorsFile& file, const std::vector<Transfer>& transfers) {
    const std::string path = file.file().string();
    std::vector<const Transfer*> missing, mismatched;
    for (const Transfer& t : transfers) {
        const SafetensorsFile::Entry* entry = file.find(t.source);
        if (!entry) {
            missing.push_back(&t);
        } else if (file.shape_of(*entry) != t.target.shape()) {
            mismatched.push_back(&t);
        } else if (!readable_as(entry->dtype, t.target.dtype())) {
            fail("{} is {} in {}, but {} is needed", t.name, name(entry->dtype), path, name(t.target.dtype()));
        }
    }
    if (!missing.empty()) {
        fail("{} has no tensor '{}' ({} of {} are missing): is it of another network, or trained otherwise?", path,
             missing[0]->source, missing.size(), transfers.size());
    }
    if (!mismatched.empty()) {
        const Transfer& first = *mismatched[0];
        fail("{} is {} in {}, but the network needs {}: {}", first.name, file.shape_of(*file.find(first.source)).str(),
             path, first.target.shape().str(), likely_cause(file, mismatched));
    }
    for (const Transfer& t : transfers) file.read_into(t.source, t.target);
}

/// Throws when the file has a tensor for which belongs(name) and which is not among the transfers.
template <class Belongs>
void refuse_extra(const SafetensorsFile& file, const std::vector<Transfer>& transfers, Belongs belongs) {
    std::set<std::string> wanted;
    for (const Transfer& t : transfers) wanted.insert(t.source);
    for (const SafetensorsFile::Entry& entry : file.entries()) {
        if (!wanted.contains(entry.name) && belongs(entry.name)) {
            fail(
                "{} has a tensor '{}' for which there is no place here: is it of another network, or trained "
                "otherwise?",
                file.file().string(), entry.name);
        }
    }
}

std::string first_component(const std::string& name) { return name.substr(0, name.find('.')); }

}  // namespace

void Checkpoint::add(const std::string& prefix, std::span<const NamedTensor> list) {
    for (const NamedTensor& named : list) tensors.push_back({prefix + named.name, named.tensor});
}

Checkpoint Checkpoint::copy(CopyTo to) const {
    Checkpoint result{info, {}};
    std::map<const Storage*, Tensor> copies;
    for (const auto& [name, tensor] : tensors) {
        const Storage& storage = tensor.storage();
        const auto element = static_cast<std::int64_t>(size_of(tensor.dtype()));
        Tensor& block = copies[&storage];
        if (!block) {
            const Device from = storage.device(), there = to == CopyTo::host ? Device::cpu : from;
            block = Tensor::empty({static_cast<std::int64_t>(storage.bytes()) / element}, tensor.dtype(), there);
            if (is_host(there) && !is_host(from)) {
                device_memory(from).copy_to_host(block.raw(), storage.data(), block.bytes());
            } else {
                device_memory(there).copy_within(block.raw(), storage.data(), block.bytes());
            }
        }
        const auto offset = static_cast<const char*>(tensor.raw()) - static_cast<const char*>(storage.data());
        result.tensors.push_back({name, block.slice(offset / element, tensor.shape())});
    }
    return result;
}

void save_checkpoint(const fs::path& file, const Checkpoint& checkpoint) {
    std::string info;
    try {
        info = to_json(checkpoint.info).dump();
    } catch (const json::exception&) {
        fail("cannot write {}: a text in the run's configuration is not UTF-8", file.string());
    }
    write_safetensors(file, checkpoint.tensors, {{metadata_key, std::move(info)}});
}

void fail_damaged(const fs::path& checkpoint) {
    fail("{}: a damaged checkpoint (what it says of its training run cannot be read)", checkpoint.string());
}

CheckpointFile CheckpointFile::open(const fs::path& path) {
    check_is_safetensors(path);
    SafetensorsFile tensors = SafetensorsFile::open(path);
    const auto info = tensors.metadata().find(metadata_key);
    if (info == tensors.metadata().end()) {
        fail("{}: not a Camber checkpoint ({}): {}", path.string(),
             tensors.metadata().contains("camber") ? "weights that camber export wrote"
                                                   : "a safetensors file of someone else's",
             how_to_import(path));
    }
    CheckpointInfo parsed = parse_info(info->second, tensors);
    return CheckpointFile(std::move(tensors), std::move(parsed));
}

bool CheckpointFile::has(const std::string& prefix) const {
    const auto& entries = tensors_.entries();
    return std::any_of(entries.begin(), entries.end(),
                       [&](const SafetensorsFile::Entry& entry) { return entry.name.starts_with(prefix); });
}

void CheckpointFile::load(const std::string& prefix, std::span<const NamedTensor> targets) const {
    std::vector<Transfer> transfers;
    std::set<std::string> families;
    for (const NamedTensor& target : targets) {
        transfers.push_back({target.name, prefix + target.name, target.tensor});
        families.insert(first_component(transfers.back().source));
    }
    refuse_extra(tensors_, transfers,
                 [&](const std::string& name) { return families.contains(first_component(name)); });
    transfer(tensors_, transfers);
}

Checkpoint load_checkpoint(const fs::path& path, Device device) {
    const CheckpointFile file = CheckpointFile::open(path);
    Checkpoint checkpoint{file.info(), {}};
    for (const SafetensorsFile::Entry& entry : file.tensors().entries()) {
        checkpoint.tensors.push_back({entry.name, file.tensors().read(entry.name, device)});
    }
    return checkpoint;
}

void load_weights(const fs::path& path, std::span<const NamedTensor> targets, WeightsFrom from) {
    const SafetensorsFile file = SafetensorsFile::open(path);
    const bool camber = file.metadata().contains(metadata_key);
    if (camber) parse_info(file.metadata().at(metadata_key), file);  // refuses newer formats
    const bool prefixed = camber || std::any_of(targets.begin(), targets.end(), [&](const NamedTensor& target) {
                              return file.find("model." + target.name) != nullptr;
                          });
    std::vector<Transfer> transfers;
    for (const NamedTensor& target : targets) {
        transfers.push_back({target.name, (prefixed ? "model." : "") + target.name, target.tensor});
    }
    refuse_extra(file, transfers, [&](const std::string& name) { return !prefixed || name.starts_with("model."); });
    if (camber && from == WeightsFrom::best_available) {
        for (Transfer& t : transfers) {
            if (file.find("ema." + t.name)) t.source = "ema." + t.name;
        }
    }
    transfer(file, transfers);
}

}  // namespace camber
