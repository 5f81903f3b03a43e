#include <camber/import.h>
#include <camber/nets.h>
#include <camber/parameter_buffer.h>
#include <camber/safetensors.h>
#include <doctest/doctest.h>

#include "support/errors.h"
#include "support/files.h"

using namespace camber;
using namespace camber::testing;

namespace {

const nlohmann::json options = {{"width", 2}, {"depth", 1}, {"classes", 3}};

/// A file of the same network several times, each under a prefix and from its own seed: 1, 2, ...
std::filesystem::path write_sets(const std::filesystem::path& folder, const std::vector<std::string>& prefixes,
                                 bool last_is_part = false) {
    std::vector<NamedTensor> tensors;
    for (std::size_t i = 0; i < prefixes.size(); ++i) {
        const auto net = nets::make_net("unet", options);
        const nn::ParameterBuffer memory(*net, {.seed = i + 1, .gradients = false});
        for (const NamedTensor& named : export_weights(*net)) {
            const bool kept =
                !last_is_part || i + 1 < prefixes.size() || named.name.find("running") == std::string::npos;
            if (kept) tensors.push_back({prefixes[i] + named.name, named.tensor});
        }
    }
    write_safetensors(folder / "sets.safetensors", tensors);
    return folder / "sets.safetensors";
}

/// The number of the set that is taken.
int taken(const std::filesystem::path& file, ImportReport& report, const std::string& prefix = "") {
    const auto net = nets::make_net("unet", options);
    report = import_weights(*WeightFile::open(file), *net, {.prefix = prefix});
    for (int seed = 1; seed < 4; ++seed) {
        const auto other = nets::make_net("unet", options);
        const nn::ParameterBuffer memory(*other, {.seed = static_cast<std::uint64_t>(seed), .gradients = false});
        const auto values = [](nets::Net& of) { return of.named_parameters()[0].parameter->tensor.to_vector<float>(); };
        if (values(*net) == values(*other)) return seed;
    }
    return 0;
}

}  // namespace

TEST_CASE("of the weights and their average in one file the average is taken, where it is whole, and that is said") {
    const TemporaryFolder folder;
    using Prefixes = std::vector<std::string>;
    for (const Prefixes& prefixes :
         {Prefixes{"model.", "ema."}, Prefixes{"params.", "params_ema."},
          Prefixes{"state_dict.", "state_dict_ema.module."}, Prefixes{"", "ema_model."},
          Prefixes{"net.", "averaged_net."}, Prefixes{"state_dict.", "swa_state_dict."},
          Prefixes{"model_state_dict.", "ema_model_state_dict."}, Prefixes{"state_dict.", "callbacks.EMACallback.net."},
          Prefixes{"state_dict.model.", "callbacks.EMA.ema_state_dict.model."}}) {
        CAPTURE(prefixes[1]);
        const auto file = write_sets(folder / ".", prefixes);
        ImportReport report;
        CHECK(taken(file, report) == 2);
        CHECK(report.passed_over == Prefixes{prefixes[0]});
        CHECK(mentions(report.text(), {"2 whole sets of weights", "the average over training", "passed over"}));
        if (prefixes[0].empty()) continue;
        CHECK(taken(file, report, prefixes[0]) == 1);
        CHECK(report.passed_over.empty());
        CHECK(taken(file, report, prefixes[0].substr(0, prefixes[0].size() - 1)) == 1);
    }
    ImportReport report;
    CHECK(taken(write_sets(folder / ".", {"model.", "ema."}, true), report) == 1);
    CHECK(report.averages == Prefixes{"ema."});
    CHECK(mentions(report.text(), {"it has an average over training (ema)", "not whole, and so not taken"}));
    CHECK(taken(write_sets(folder / ".", {"net."}), report) == 1);
    CHECK(report.passed_over.empty());
    CHECK(report.averages.empty());
}

TEST_CASE("sets of weights that no rule tells apart are refused by name until one is picked") {
    const TemporaryFolder folder;
    ImportReport report;
    auto file = write_sets(folder / ".", {"student.", "teacher."});
    CHECK(mentions(error_of([&] { taken(file, report); }),
                   {file.c_str(), "2 sets of weights", "student, teacher", "--prefix student"}));
    CHECK(taken(file, report, "teacher") == 2);
    CHECK(mentions(error_of([&] { taken(file, report, "judge"); }), {file.c_str(), "begin with 'judge.'"}));
    file = write_sets(folder / ".", {"fold0.", "fold1.", "fold2."});
    CHECK(mentions(error_of([&] { taken(file, report); }), {"3 sets of weights", "fold0, fold1, fold2"}));
    CHECK(taken(file, report, "fold2") == 3);
}

TEST_CASE("a set under a name that scripts give the weights hides no other") {
    const TemporaryFolder folder;
    ImportReport report;
    using Prefixes = std::vector<std::string>;
    for (const Prefixes& prefixes :
         {Prefixes{"state_dict.", "best_state_dict."}, Prefixes{"model.", "best_model."}, Prefixes{"A.", "state_dict."},
          Prefixes{"module.", "model."}, Prefixes{"state_dict.", "other.state_dict."}, Prefixes{"", "model."},
          Prefixes{"", "module."}, Prefixes{"history.0.net.", "state_dict.module."}}) {
        CAPTURE(prefixes[0]);
        CAPTURE(prefixes[1]);
        const auto file = write_sets(folder / ".", prefixes);
        CHECK(mentions(error_of([&] { taken(file, report); }), {"2 sets of weights that fit", "--prefix"}));
        CHECK(taken(file, report, prefixes[0].empty() ? "." : prefixes[0]) == 1);
        CHECK(taken(file, report, prefixes[1]) == 2);
    }
}

TEST_CASE("--prefix finds a set by what holds it and by a part of its name") {
    const TemporaryFolder folder;
    ImportReport report;
    const auto file = write_sets(folder / ".", {"state_dict.student.", "state_dict.teacher.", "other.net."});
    CHECK(taken(file, report, "teacher") == 2);
    CHECK(taken(file, report, "other") == 3);
    CHECK(mentions(error_of([&] { taken(file, report, "state_dict"); }), {"2 sets", "state_dict.student"}));
}
