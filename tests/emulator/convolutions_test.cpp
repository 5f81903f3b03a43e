#include <camber/error.h>
#include <doctest/doctest.h>

#include <stdexcept>

#include "backend/backend.h"
#include "cuda/convolutions/convolutions.h"
#include "cuda/convolutions/measured_convolutions.h"
#include "support/environment.h"
#include "support/errors.h"
#include "support/files.h"

using namespace camber;
using namespace camber::emulated;

namespace {

/// "Computes" by writing its number everywhere, after some idle work.
class NumberPlan final : public ConvPlan {
  public:
    NumberPlan(double number, int idle) : number_(number), idle_(idle) {}
    std::string text() const override { return "number"; }
    std::string saved() const override { return std::to_string(static_cast<int>(number_)); }
    void run(const ConvCall& call) const override {
        if (number_ < 0) fail("refused");
        for (int i = 0; i < idle_; ++i) own_convolution(call);
        backend(Device::emulated).fill(call.response, number_);
    }

  private:
    double number_;
    int idle_;
};

/// How often a library was asked.
struct Asked {
    int plans = 0, restored = 0;
};

struct Offer {
    double number;  ///< negative: refuses to run
    int idle;       ///< convolutions that it does besides
};

class NumberLibrary final : public ConvLibrary {
  public:
    NumberLibrary(std::string name, std::vector<Offer> offers, Asked& asked, bool restores = true)
        : name_(std::move(name)), offers_(std::move(offers)), asked_(asked), restores_(restores) {}
    std::string name() const override { return name_; }
    std::vector<std::unique_ptr<ConvPlan>> plans(const ConvCall&) override {
        ++asked_.plans;
        if (name_ == "throws") fail("not accepted");
        std::vector<std::unique_ptr<ConvPlan>> plans;
        for (const Offer& offer : offers_) plans.push_back(std::make_unique<NumberPlan>(offer.number, offer.idle));
        return plans;
    }
    std::unique_ptr<ConvPlan> restore(const ConvCall&, const std::string& saved) override {
        ++asked_.restored;
        if (!restores_) fail("of another version");
        return std::make_unique<NumberPlan>(std::stoi(saved), 0);
    }

  private:
    std::string name_;
    std::vector<Offer> offers_;
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

/// Every element of the response is 4 * 0.5 * 2 = 4.
ConvCall call_of(std::int64_t pixels) {
    const auto full = [](const Shape& shape, double value) {
        const Tensor t = Tensor::empty(shape, Dtype::f32, Device::emulated);
        backend(t).fill(t, value);
        return t;
    };
    return conv2d_call(full({1, pixels, 1, 4}, 0.5), full({3, 1, 1, 4}, 2), {}, full({1, pixels, 1, 3}, 77), {});
}

/// What `convolutions` makes of a call.
float result(MeasuredConvolutions& convolutions, const ConvCall& call = call_of(5)) {
    convolutions.run(call);
    const std::vector<float> values = call.response.to_vector<float>();
    for (const float value : values) REQUIRE(value == values[0]);
    return values[0];
}

}  // namespace

TEST_CASE("convolutions: the fastest of all plans and Camber's kernels serves") {
    Asked asked;
    const auto measured = [&](std::vector<Offer> offers) {
        MeasuredConvolutions convolutions(only(std::make_unique<NumberLibrary>("cudnn", std::move(offers), asked)),
                                          automatic, nowhere, 0);
        return result(convolutions, call_of(500));
    };
    CHECK(measured({{7, 8}, {8, 0}, {9, 4}}) == 8.0f);
    CHECK(measured({{7, 8}, {9, 4}}) == 4.0f);  // Camber's
    CHECK(measured({{-1, 0}}) == 4.0f);         // planned, but refused
    CHECK(measured({}) == 4.0f);
}

TEST_CASE("convolutions: a library that is asked for serves wherever it can; what it does not accept is Camber's") {
    Asked asked;
    MeasuredConvolutions slow(only(std::make_unique<NumberLibrary>("cudnn", std::vector<Offer>{{7, 9}}, asked)),
                              from_library, nowhere);
    CHECK(result(slow) == 7.0f);
    MeasuredConvolutions refuses(only(std::make_unique<NumberLibrary>("throws", std::vector<Offer>{{7, 0}}, asked)),
                                 from_library, nowhere);
    CHECK(result(refuses) == 4.0f);
}

TEST_CASE("convolutions: small and unaligned calls ask nobody") {
    Asked asked;
    MeasuredConvolutions convolutions(only(std::make_unique<NumberLibrary>("cudnn", std::vector<Offer>{{7, 0}}, asked)),
                                      automatic, nowhere);
    CHECK(result(convolutions) == 4.0f);
    MeasuredConvolutions all(only(std::make_unique<NumberLibrary>("cudnn", std::vector<Offer>{{7, 0}}, asked)),
                             from_library, nowhere);
    ConvCall call = call_of(5);
    const Tensor whole = Tensor::empty({1 + call.response.numel()}, Dtype::f32, Device::emulated);
    call.response = whole.slice(1, call.response.shape());
    CHECK(result(all, call) == 4.0f);
    CHECK(asked.plans == 0);
}

TEST_CASE("convolutions: a shape is measured once, and not again in another process") {
    const testing::TemporaryFolder folder;
    const ChoiceCache cache(folder / "choices");
    Asked asked;
    const auto make = [&](std::string name, double number, bool restores) {
        return std::make_unique<MeasuredConvolutions>(
            only(std::make_unique<NumberLibrary>(std::move(name), std::vector<Offer>{{number, 0}}, asked, restores)),
            from_library, cache);
    };
    const auto first = make("cudnn", 7, true);
    CHECK(result(*first) == 7.0f);
    CHECK(result(*first) == 7.0f);
    CHECK(asked.plans == 1);
    CHECK(result(*first, call_of(6)) == 7.0f);
    CHECK(asked.plans == 2);

    const auto second = make("cudnn", 8, true);
    CHECK(result(*second) == 7.0f);  // the plan that was kept, not the one that it would choose
    CHECK(asked.plans == 2);
    CHECK(asked.restored == 1);

    CHECK(result(*make("cudnn", 9, false)) == 9.0f);  // no longer to be restored
    CHECK(result(*make("cublas", 6, true)) == 6.0f);  // kept by a library that is not there
    CHECK(asked.plans == 4);
    CHECK(result(*make("cublas", 5, true)) == 6.0f);

    CHECK(result(*make("cublas", -1, true), call_of(9)) == 4.0f);
    CHECK(asked.plans == 5);
    CHECK(result(*make("cublas", 6, true), call_of(9)) == 4.0f);  // that Camber's kernels serve is kept too
    CHECK(asked.plans == 5);
}

TEST_CASE("convolutions: a shape first met while a step is recorded is Camber's, one known before is the plan's") {
    Asked asked;
    MeasuredConvolutions convolutions(only(std::make_unique<NumberLibrary>("cudnn", std::vector<Offer>{{7, 0}}, asked)),
                                      from_library, nowhere);
    const ConvCall known = call_of(5), unknown = call_of(6);
    CHECK(result(convolutions, known) == 7.0f);
    backend(Device::emulated).fill(known.response, 0);
    const auto recording = backend(Device::emulated).record([&] {
        convolutions.run(known);
        convolutions.run(unknown);
    });
    CHECK(asked.plans == 1);
    recording->replay();
    CHECK(known.response.to_vector<float>()[0] == 7.0f);
    CHECK(unknown.response.to_vector<float>()[0] == 4.0f);
    CHECK(result(convolutions, unknown) == 7.0f);
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
    CHECK(name != describe_call(conv2d_backward_data_call(y, w, x, same)));
    CHECK(name != describe_call(conv2d_backward_filter_call(x, y, w, same)));
    CHECK(name != describe_call(conv2d_call(meta({2, 8, 8, 4}, Dtype::bf16), w, {}, y, same)));
}

TEST_CASE("convolutions: choices are kept on disk") {
    const testing::TemporaryFolder folder;
    const ChoiceCache cache(folder / "choices");
    CHECK(!cache.find("a call"));
    cache.keep("a call", {.library = "own", .plan = "", .saved = "", .milliseconds = 0.25});
    REQUIRE(cache.find("a call"));
    CHECK(cache.find("a call")->library == "own");
    CHECK(cache.find("a call")->milliseconds == 0.25);
    CHECK(!cache.find("another call"));
    cache.keep("a call", {"cublas", "algorithm 3", "0123\n\"x\"", 2});
    CHECK(cache.find("a call")->saved == "0123\n\"x\"");

    const std::filesystem::path file = *std::filesystem::directory_iterator(folder / "choices");
    const std::string kept = testing::read_text(file);
    testing::write_text(file, kept.substr(0, kept.size() / 2));
    CHECK(!cache.find("a call"));
    testing::write_text(file, R"({"call": "a call", "library": 3})");
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
