#include <camber/error.h>
#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "backend/backend.h"
#include "cuda/backend/chosen_convolutions.h"
#include "cuda/convolutions/measured_convolutions.h"
#include "cuda/convolutions/operands.h"
#include "cuda/runtime/dry_run.h"
#include "support/environment.h"
#include "support/errors.h"
#include "support/files.h"

using namespace camber;
using namespace camber::emulated;

namespace {

/// What a plan does wrong.
enum class Fault {
    none,
    refuses,  ///< to run
    is_off,   ///< by ten percent
    writes_nothing,
    writes_part,  ///< the first half of the response
    writes_nan,   ///< at one place
    varies,       ///< by less than what rounding would excuse
    waits,        ///< for the device, which a recorded step cannot
    forgets_bias,
};

struct Offer {
    int number;    ///< of the plan
    int idle = 0;  ///< convolutions that it does besides
    Fault fault = Fault::none;
};

using Offers = std::vector<Offer>;

/// How often a library and its plans were asked.
struct Asked {
    int plans = 0, restored = 0;
    int served = 0;  ///< number of the plan that ran last
    std::map<int, int> runs;
};

class NumberPlan final : public ConvPlan {
  public:
    NumberPlan(const Offer& offer, Asked& asked) : offer_(offer), asked_(asked) {}
    std::string text() const override { return "number " + std::to_string(offer_.number); }
    std::string saved() const override { return std::to_string(offer_.number); }
    void run(const ConvCall& call) const override {
        asked_.served = offer_.number;
        ++asked_.runs[offer_.number];
        for (int i = 0; i < offer_.idle; ++i) own_convolution(call);
        Backend& device = backend(Device::emulated);
        const Tensor& y = call.response;
        switch (offer_.fault) {
            case Fault::none:
                if (call.filter.dim(1) > 1 || call.bias) break;
                return device.fill(y, 4);  // faster
            case Fault::refuses:
                fail("no kernel");
            case Fault::is_off:
                return device.fill(y, 4.4);
            case Fault::writes_nothing:
                return;
            case Fault::writes_part:
                return device.fill(y.slice(0, {y.numel() / 2}), 4);
            case Fault::writes_nan:
                own_convolution(call);
                return device.fill(y.slice(y.numel() - 1, {1}), std::nan(""));
            case Fault::varies:
                return device.fill(y, 4 + 1e-5 * asked_.runs[offer_.number]);
            case Fault::waits:
                device.synchronize();
                break;
            case Fault::forgets_bias: {
                ConvCall without = call;
                without.bias = {};
                return own_convolution(without);
            }
        }
        own_convolution(call);
    }

  private:
    Offer offer_;
    Asked& asked_;
};

class NumberLibrary final : public ConvLibrary {
  public:
    NumberLibrary(std::string name, Offers offers, Asked& asked, bool restores = true)
        : name_(std::move(name)), offers_(std::move(offers)), asked_(asked), restores_(restores) {}
    std::string name() const override { return name_; }
    std::vector<std::unique_ptr<ConvPlan>> plans(const ConvCall&) override {
        ++asked_.plans;
        if (name_ == "throws") fail("not accepted");
        std::vector<std::unique_ptr<ConvPlan>> plans;
        for (const Offer& offer : offers_) plans.push_back(std::make_unique<NumberPlan>(offer, asked_));
        return plans;
    }
    std::unique_ptr<ConvPlan> restore(const ConvCall&, const std::string& saved) override {
        ++asked_.restored;
        if (!restores_) fail("of another version");
        return std::make_unique<NumberPlan>(Offer{.number = std::stoi(saved)}, asked_);
    }

  private:
    std::string name_;
    Offers offers_;
    Asked& asked_;
    bool restores_;
};

std::vector<std::unique_ptr<ConvLibrary>> only(std::unique_ptr<ConvLibrary> library) {
    std::vector<std::unique_ptr<ConvLibrary>> libraries;
    libraries.push_back(std::move(library));
    return libraries;
}

constexpr ConvolutionSettings automatic = {}, from_library = {.choice = ConvolutionChoice::cudnn};
const ChoiceCache nowhere("");

Tensor full(const Shape& shape, double value, Dtype dtype = Dtype::f32) {
    const Tensor t = Tensor::empty(shape, dtype, Device::emulated);
    backend(t).fill(t, value);
    return t;
}

/// Every element of the response is 4 * image * 2, 4 at first.
ConvCall call_of(std::int64_t pixels, double image = 0.5) {
    return conv2d_call(full({1, pixels, 1, 4}, image), full({3, 1, 1, 4}, 2), {}, full({1, pixels, 1, 3}, 77), {});
}

/// A library that offers only what is in `offers`, with the choices in `cache` and what is reported in `report`.
struct Measured {
    Asked asked;
    std::vector<std::string> report;
    std::unique_ptr<MeasuredConvolutions> convolutions;

    explicit Measured(Offers offers, const ConvolutionSettings& settings = from_library,
                      const ChoiceCache& cache = nowhere, const std::string& library = "cudnn", bool restores = true,
                      double seconds = 1000)
        : convolutions(std::make_unique<MeasuredConvolutions>(
              only(std::make_unique<NumberLibrary>(library, std::move(offers), asked, restores)), settings, cache,
              [this](const std::string& line) { report.push_back(line); },
              MeasuringLimits{.operations = 0, .seconds = seconds})) {}

    /// The number of the plan that serves a call, 0 for Camber's kernels; the result must be right.
    int server(const ConvCall& call = call_of(5), float wanted = 4) {
        asked.served = 0;
        convolutions->run(call);
        if (asked.plans > 0 && choosing(call)) {
            asked.served = 0;
            convolutions->run(call);
        }
        for (const float value : call.response.to_vector<float>()) REQUIRE(value == wanted);
        return asked.served;
    }

  private:
    /// Plans have run for the first time: they all did, whichever serves.
    bool choosing(const ConvCall& call) { return met_.insert(describe_call(call)).second; }

    std::set<std::string> met_;
};

}  // namespace

TEST_CASE("convolutions: the fastest of all plans and Camber's kernels serves") {
    const auto fastest = [](Offers offers) { return Measured(std::move(offers), automatic).server(call_of(2000)); };
    CHECK(fastest({{7, 4}, {8}, {9, 4}}) == 8);
    CHECK(fastest({{7, 4}, {9, 4}}) == 0);  // Camber's
    CHECK(fastest({{.number = 1, .fault = Fault::refuses}}) == 0);
    CHECK(fastest({}) == 0);
}

TEST_CASE("convolutions: a plan is timed over several calls, one that is much slower over one") {
    Measured measured(Offers{{.number = 1}, {.number = 2, .idle = 6}});
    const ConvCall call = call_of(1000);
    measured.convolutions->run(call);
    // Compared, loaded, looked at, recorded at least three times; the one that serves has run the call itself.
    CHECK(measured.asked.runs[1] >= 3 + 3 + 1);
    CHECK(measured.asked.runs[2] == 3);
}

TEST_CASE("convolutions: measuring a shape ends in time, but not before a library that is asked for has a plan") {
    const auto runs = [](const ConvolutionSettings& settings, Fault fault) {
        Measured measured({{.number = 1, .fault = fault}, {.number = 2}, {.number = 3}}, settings, nowhere, "cudnn",
                          true, 0);
        measured.convolutions->run(call_of(5));
        return measured.asked.runs;
    };
    CHECK(runs(automatic, Fault::none).size() == 1);
    CHECK(runs(from_library, Fault::none).size() == 1);
    CHECK(runs(from_library, Fault::is_off).size() == 2);
}

TEST_CASE("convolutions: a plan whose result is not Camber's is passed over and named") {
    const auto passed_over = [](Fault fault, const ConvCall& call = call_of(50), float wanted = 4) {
        Measured measured(Offers{{.number = 1, .fault = fault}, {.number = 2}});
        CHECK(measured.server(call, wanted) == 2);
        REQUIRE(measured.report.size() == 1);
        const std::string& line = measured.report[0];
        CHECK(line.find("convolution response f32 image [1, 50, 1, 4]") == 0);
        CHECK(line.find(": cudnn number 2, ") != std::string::npos);
        const std::size_t at = line.find("; passed over: cudnn number 1, ");
        REQUIRE(at != std::string::npos);
        return line.substr(line.find(',', at) + 2);
    };
    CHECK(passed_over(Fault::is_off) == "differs by 1.0e-01");
    CHECK(passed_over(Fault::writes_part) == "differs, not finite");
    CHECK(passed_over(Fault::writes_nan) == "differs, not finite");
    CHECK(passed_over(Fault::refuses) == "refused: no kernel");
    CHECK(passed_over(Fault::varies).find("differs by ") == 0);
    CHECK(passed_over(Fault::waits).find("refused: synchronize: not possible while a step is recorded") == 0);
    // Also while all biases are zeros, as they are at first.
    for (const double bias : {0.0, 1.0}) {
        ConvCall call = call_of(50);
        call.bias = full({3}, bias);
        CHECK(passed_over(Fault::forgets_bias, call, static_cast<float>(4 + bias)).find("differs by ") == 0);
    }
    CHECK(Measured(Offers{{.number = 1, .fault = Fault::is_off}}).server() == 0);  // although a library was asked for
    ConvolutionSettings any_bits = from_library;
    any_bits.deterministic = false;
    Measured varying({{.number = 1, .fault = Fault::varies}}, any_bits);
    varying.convolutions->run(call_of(50));
    CHECK(varying.asked.served == 1);
}

TEST_CASE("convolutions: results of every kind and dtype are compared") {
    const Conv2dParams params = {.stride_h = 2, .stride_w = 2, .padding = {1, 1, 1, 1}};
    for (const Dtype dtype : {Dtype::f32, Dtype::bf16}) {
        const Tensor image = full({2, 8, 8, 8}, 0.5, dtype), response = full({2, 4, 4, 8}, -0.25, dtype),
                     filter = full({8, 3, 3, 8}, 0.125);
        for (const ConvCall& call : {conv2d_call(image, filter, {}, response, params),
                                     conv2d_backward_data_call(response, filter, {}, image, params),
                                     conv2d_backward_filter_call(image, response, filter, params)}) {
            Measured measured({{.number = 1, .fault = Fault::writes_nothing}, {.number = 2}, {.number = 3}});
            measured.convolutions->run(call);
            CHECK(measured.report[0].find("passed over: cudnn number 1, differs, not finite") != std::string::npos);
            CHECK(measured.report[0].find("cudnn number 3, differs") == std::string::npos);
        }
    }
}

TEST_CASE("convolutions: memory that a plan takes is poisoned where it is compared") {
    // On the emulated device all memory begins as NaNs; whether it is filled with them is counted.
    emulator::DryRun dry;
    const auto memsets = [&] {
        dry.reset();
        const ConvOperands padded(call_of(5), 8, 8, Dtype::f32, Dtype::f32);
        const Workspace workspace(100);
        return dry.launches().count("memset") ? dry.launches().at("memset") : 0;
    };
    CHECK(memsets() == 0);
    {
        const Poison poison;
        CHECK(memsets() == 4);
    }
    CHECK(memsets() == 0);
}

TEST_CASE("convolutions: operands that tell nothing choose nothing, three times") {
    const testing::TemporaryFolder folder;
    const ChoiceCache cache(folder / "choices");
    Measured measured({{.number = 1, .fault = Fault::writes_part}, {.number = 2}}, from_library, cache);
    const auto served = [&](double image) {
        measured.asked.served = 0;
        measured.convolutions->run(call_of(5, image));
        return measured.asked.served;
    };
    CHECK(served(0) == 0);
    CHECK(served(INFINITY) == 0);
    CHECK(served(std::nan("")) == 0);
    CHECK(measured.asked.plans == 0);
    CHECK(served(0.5) == 2);

    Measured patient({{.number = 2}}, from_library, ChoiceCache(folder / "others"));
    for (int i = 0; i < 4; ++i) patient.convolutions->run(call_of(6, 0));
    CHECK(patient.server(call_of(6)) == 0);
    CHECK(patient.asked.plans == 0);
    CHECK(!std::filesystem::exists(folder / "others"));  // another run may tell
}

TEST_CASE("convolutions: a library that is asked for serves wherever it can; what it does not accept is Camber's") {
    CHECK(Measured(Offers{{7, 9}}).server() == 7);
    CHECK(Measured({{7, 0}}, from_library, nowhere, "throws").server() == 0);
}

TEST_CASE("convolutions: small and unaligned calls ask nobody") {
    Asked asked;
    MeasuredConvolutions small(only(std::make_unique<NumberLibrary>("cudnn", Offers{{7}}, asked)), automatic, nowhere);
    small.run(call_of(5));
    CHECK(asked.plans == 0);
    Measured all(Offers{{7}});
    ConvCall call = call_of(5);
    const Tensor whole = Tensor::empty({1 + call.response.numel()}, Dtype::f32, Device::emulated);
    call.response = whole.slice(1, call.response.shape());
    CHECK(all.server(call) == 0);
    CHECK(all.asked.plans == 0);
}

TEST_CASE("convolutions: a shape is measured once, and not again in another process") {
    const testing::TemporaryFolder folder;
    const ChoiceCache cache(folder / "choices");
    Measured first({{7}}, from_library, cache);
    CHECK(first.server() == 7);
    CHECK(first.asked.plans == 1);
    CHECK(first.server(call_of(6)) == 7);
    CHECK(first.asked.plans == 2);

    Measured second({{8}}, from_library, cache);
    CHECK(second.server() == 7);  // the plan that was kept, not the one that it would choose
    CHECK(second.asked.plans == 0);
    CHECK(second.asked.restored == 1);
    REQUIRE(second.report.size() == 1);
    CHECK(second.report[0].find("kept convolution ") == 0);

    Measured other_version({{9}}, from_library, cache, "cudnn", false);  // no longer to be restored
    CHECK(other_version.server() == 9);
    CHECK(other_version.asked.plans == 1);
    CHECK(Measured({{6}}, from_library, cache, "cublas").server() == 6);  // kept by a library that is not there
    CHECK(Measured({{5}}, from_library, cache, "cublas").server() == 6);

    Measured none({{.number = 1, .fault = Fault::refuses}}, from_library, cache);
    CHECK(none.server(call_of(9)) == 0);
    Measured kept({{6}}, from_library, cache);
    CHECK(kept.server(call_of(9)) == 0);  // that Camber's kernels serve is kept too
    CHECK(kept.asked.plans == 0);
}

TEST_CASE("convolutions: what was tried is kept with the choice") {
    const testing::TemporaryFolder folder;
    Measured measured({{7, 3}, {.number = 1, .fault = Fault::is_off}, {8}, {9, 6}}, from_library,
                      ChoiceCache(folder / "choices"));
    CHECK(measured.server(call_of(1000)) == 8);
    const auto kept =
        nlohmann::json::parse(testing::read_text(*std::filesystem::directory_iterator(folder / "choices")));
    CHECK(kept["call"].get<std::string>().find("response f32") == 0);
    CHECK(kept["library"] == "cudnn");
    CHECK(kept["plan"] == "number 8");
    CHECK(kept["saved"] == "8");
    CHECK(kept["error"] == 0.0);
    CHECK(kept["milliseconds"].get<double>() > 0);
    CHECK(kept["own_milliseconds"].get<double>() > 0);
    CHECK(kept["planning_seconds"].get<double>() > 1e-3 * kept["milliseconds"].get<double>());
    REQUIRE(kept["tried"].size() == 4);
    const char* const outcomes[] = {"slower", "differs", "chosen", "slower"};
    for (std::size_t i = 0; i < 4; ++i) {
        CHECK(kept["tried"][i]["library"] == "cudnn");
        CHECK(kept["tried"][i]["outcome"] == outcomes[i]);
        CHECK(kept["tried"][i]["milliseconds"].is_null() == (i == 1));
    }
    CHECK(kept["tried"][1]["error"].get<double>() == doctest::Approx(0.1));
    CHECK(kept["tried"][2]["milliseconds"] == kept["milliseconds"]);
}

TEST_CASE("convolutions: a shape first met while a step is recorded is Camber's, one known before is the plan's") {
    Measured measured(Offers{{7}});
    const ConvCall known = call_of(5), unknown = call_of(6);
    CHECK(measured.server(known) == 7);
    const int runs = measured.asked.runs[7];
    backend(Device::emulated).fill(known.response, 0);
    const auto recording = backend(Device::emulated).record([&] {
        measured.convolutions->run(known);
        measured.convolutions->run(unknown);
    });
    CHECK(measured.asked.plans == 1);
    CHECK(measured.asked.runs[7] == runs + 1);
    recording->replay();
    CHECK(known.response.to_vector<float>()[0] == 4.0f);
    CHECK(unknown.response.to_vector<float>()[0] == 4.0f);
    CHECK(measured.server(unknown) == 7);
}

TEST_CASE("convolutions: calls of different shapes, kinds and dtypes have different names") {
    const auto meta = [](const Shape& shape, Dtype dtype) { return Tensor::empty(shape, dtype, Device::meta); };
    const Tensor x = meta({2, 8, 8, 4}, Dtype::f32), w = meta({6, 3, 3, 4}, Dtype::f32),
                 y = meta({2, 8, 8, 6}, Dtype::f32), b = meta({6}, Dtype::f32);
    const Conv2dParams same = {.padding = {1, 1, 1, 1}};
    const std::string name = describe_call(conv2d_call(x, w, {}, y, same));
    CHECK(name == describe_call(conv2d_call(x, w, {}, y, same)));
    CHECK(name != describe_call(conv2d_call(x, w, b, y, same)));
    CHECK(name != describe_call(conv2d_call(x, w, {}, y, {.padding = {2, 0, 1, 1}})));
    CHECK(name != describe_call(conv2d_backward_data_call(y, w, {}, x, same)));
    CHECK(name != describe_call(conv2d_backward_filter_call(x, y, w, same)));
    CHECK(name != describe_call(conv2d_call(meta({2, 8, 8, 4}, Dtype::bf16), w, {}, y, same)));
}

TEST_CASE("convolutions: choices are kept on disk") {
    const testing::TemporaryFolder folder;
    const ChoiceCache cache(folder / "choices");
    CHECK(!cache.find("a call"));
    Choice choice;
    choice.milliseconds = choice.own_milliseconds = 0.25;
    cache.keep("a call", choice);
    REQUIRE(cache.find("a call"));
    CHECK(cache.find("a call")->library == "own");
    CHECK(cache.find("a call")->milliseconds == 0.25);
    CHECK(!cache.find("a call")->error);
    CHECK(!cache.find("another call"));
    choice.library = "cublas";
    choice.plan = "products: algorithm 3";
    choice.saved = "0123\n\"x\"";
    choice.error = 0.001;
    choice.planning_seconds = 1.5;
    choice.tried = {{"cudnn", "plain: engine 3", {}, {}, "refused: \xff"},
                    {"cublas", "products: algorithm 3", 0.25, 0.001, "chosen"}};
    cache.keep("a call", choice);
    const std::optional<Choice> found = cache.find("a call");
    REQUIRE(found);
    CHECK(found->saved == choice.saved);
    CHECK(found->error == choice.error);
    CHECK(found->planning_seconds == 1.5);
    REQUIRE(found->tried.size() == 2);
    CHECK(!found->tried[0].milliseconds);
    CHECK(found->tried[1].error == choice.error);
    CHECK(found->tried[1].outcome == "chosen");

    const std::filesystem::path file = *std::filesystem::directory_iterator(folder / "choices");
    const std::string kept = testing::read_text(file);
    testing::write_text(file, kept.substr(0, kept.size() / 2));
    CHECK(!cache.find("a call"));
    testing::write_text(file, R"({"format": 3, "call": "a call", "library": 3})");
    CHECK(!cache.find("a call"));
    // Of Camber's first format.
    testing::write_text(file, R"({"call": "a call", "library": "own", "plan": "", "saved": "", "milliseconds": 1})");
    CHECK(!cache.find("a call"));
    testing::write_text(folder / "file", "");
    ChoiceCache(folder / "file" / "below").keep("a call", {});  // cannot be written: not an error
    nowhere.keep("a call", {});

    cache.keep_once("device.json", "1");
    cache.keep_once("device.json", "2");
    CHECK(testing::read_text(folder / "choices" / "device.json") == "1");
}

TEST_CASE("convolutions: the folder of choices is of one device and the libraries chosen between") {
    const testing::Variable root("CAMBER_CACHE", "/somewhere");
    CHECK(choice_folder("NVIDIA H100 80GB HBM3-sm90-132", "cudnn-9.19.0-cublas-13.1.0") ==
          "/somewhere/convolutions/NVIDIA-H100-80GB-HBM3-sm90-132-cudnn-9.19.0-cublas-13.1.0");
}

TEST_CASE("convolution settings: names and mistakes") {
    for (const auto choice :
         {ConvolutionChoice::automatic, ConvolutionChoice::own, ConvolutionChoice::cudnn, ConvolutionChoice::cublas})
        CHECK(parse_convolution_choice(name(choice)) == choice);
    CHECK(testing::error_of([] { parse_convolution_choice("fast"); }).find("auto, own, cudnn or cublas") !=
          std::string::npos);
}
