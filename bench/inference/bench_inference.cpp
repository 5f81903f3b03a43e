#include <camber/autograd.h>
#include <camber/checkpoint.h>
#include <camber/nets.h>
#include <camber/parameter_buffer.h>
#include <camber/philox.h>
#include <camber/train.h>
#include <fmt/format.h>
#include <omp.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>

#include "inference/network.h"
#include "timing.h"

// Times the logits of one input, as bench/peers/inference_peers.py does those of ONNX Runtime, OpenVINO and PyTorch,
// and prints a JSON object; with --steps, what each step of it takes, beside its multiplications.
namespace {

using namespace camber;
using namespace camber::bench;
using nlohmann::json;

constexpr int classes = 11;

double status_mib(const std::string& wanted) {
    std::ifstream status("/proc/self/status");
    std::string key;
    while (status >> key) {
        double kib = 0;
        if (key == wanted && status >> kib) return kib / 1024;
    }
    return 0;
}

double wall_seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Of all threads: on a busy machine what the work takes, and not what the others do.
double cpu_seconds() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

struct Options {
    std::string net = "unet", dtype = "f32", path = "program", save;
    int batch = 1, height = 256, width = 256, runs = 20;
    bool steps = false;
};

/// A network in evaluation and an input for it.
struct Work {
    std::unique_ptr<nets::Net> net;
    std::unique_ptr<nn::ParameterBuffer> parameters;
    Tensor x;
    inference::Network programs;

    explicit Work(const Options& o) : net(nets::make_net(o.net, {{"classes", classes}})) {
        net->eval();
        parameters = std::make_unique<nn::ParameterBuffer>(*net, nn::ParameterBufferOptions{.gradients = false});
        Philox random({1, Stream::synthesis, 0});
        const Shape shape = {o.batch, o.height, o.width, net->in_channels()};
        std::vector<float> pixels(static_cast<std::size_t>(shape.numel()));
        for (float& pixel : pixels) pixel = random.uniform();
        x = Tensor::empty(shape, parse_dtype(o.dtype), Device::cpu);
        backend(Device::cpu).cast(Tensor::from(pixels, shape, Device::cpu), x);
    }
    Tensor run(bool by_program) {
        const NoGrad no_grad;
        return by_program ? programs.forward(*net, x) : net->forward(x);
    }
};

/// A checkpoint of the network, as camber export takes it.
void save(const Work& work, const Options& o) {
    TrainConfig config;
    config.net = o.net;
    config.net_options = work.net->options();
    config.height = o.height, config.width = o.width;
    Checkpoint checkpoint;
    checkpoint.info.config = to_json(config);
    checkpoint.info.extra["classes"] = json::parse(class_table_json(camvid11()));
    for (const auto& list : {work.net->named_parameters(), work.net->named_buffers()})
        for (const nn::NamedParameter& named : list)
            checkpoint.tensors.push_back({"model." + named.name, named.parameter->tensor});
    save_checkpoint(o.save, checkpoint);
}

double multiplications(const inference::Convolution& step) {
    const ConvolutionLayer& layer = step.layer;
    const Tensor& t = layer.transposed() ? step.operands.x.tensor : step.operands.y.tensor;
    return static_cast<double>(t.dim(0) * t.dim(1) * t.dim(2)) * static_cast<double>(layer.w.numel());
}

std::string describe(const inference::Step& step) {
    const auto* convolution = std::get_if<inference::Convolution>(&step);
    if (!convolution) return std::get<inference::Call>(step).name;
    const ConvolutionLayer& layer = convolution->layer;
    const ConvolutionOperands& o = convolution->operands;
    const std::string shape = (o.coarse ? o.coarse : o.x).tensor.shape().str() + (o.coarse ? " repeated" : "");
    return fmt::format("{}{} {}x{} {} -> {}{}{}{}{}{}", layer.transposed() ? "transposed " : "", shape, layer.w.dim(1),
                       layer.w.dim(2), layer.in_channels(), layer.out_channels(),
                       layer.p.stride_h > 1 ? fmt::format(" stride {}", layer.p.stride_h) : "",
                       layer.p.dilation_h > 1 ? fmt::format(" dilation {}", layer.p.dilation_h) : "",
                       o.residual ? " + residual" : "", layer.relu ? ", ReLU" : "", o.pooled ? ", maxima" : "");
}

/// The fastest of some runs of each step.
void print_steps(Work& work, const Options& o) {
    KeptWeights kept;
    inference::Program program(*work.net, work.x.shape(), work.x.dtype(), Device::cpu, kept);
    std::vector<double> best(program.steps().size(), 1e30);
    for (int i = 0; i < o.runs; ++i) {
        const std::vector<double> seconds = program.time(work.x, wall_seconds);
        for (std::size_t s = 0; s < best.size(); ++s) best[s] = std::min(best[s], seconds[s]);
    }
    double sum = 0;
    for (std::size_t s = 0; s < best.size(); ++s) {
        const auto* convolution = std::get_if<inference::Convolution>(&program.steps()[s]);
        const double giga = convolution ? 1e-9 * multiplications(*convolution) : 0;
        fmt::print("{:8.3f} ms {:7.3f} G {:7.1f} G/s  {}\n", 1e3 * best[s], giga, giga / best[s],
                   describe(program.steps()[s]));
        sum += best[s];
    }
    const double element = static_cast<double>(size_of(work.x.dtype())) / (1 << 20);
    fmt::print(
        "{:8.3f} ms in all; activations {:.1f} MiB, at least {:.1f}, together {:.1f}; weights {:.1f} MiB\n", 1e3 * sum,
        static_cast<double>(program.arena().size) * element,
        static_cast<double>(inference::largest_sum(program.lifetimes())) * element,
        [&] {
            double all = 0;
            for (const auto& lifetime : program.lifetimes()) all += static_cast<double>(lifetime.size);
            return all * element;
        }(),
        static_cast<double>(kept.bytes()) / (1 << 20));
}

void time_runs(Work& work, const Options& o) {
    const bool both = o.path == "both";
    std::vector<double> times[2];
    double first = 0, cpu[2] = {1e30, 1e30};
    for (int i = -2; i < o.runs; ++i)
        for (const bool by_program : {true, false}) {
            if (!both && by_program != (o.path == "program")) continue;
            const int which = by_program ? 0 : 1;
            const double cpu_before = cpu_seconds();
            const double seconds = seconds_of([&] { work.run(by_program); });
            if (i >= 0) times[which].push_back(seconds);
            if (i >= 0) cpu[which] = std::min(cpu[which], cpu_seconds() - cpu_before);
            if (i == -2) first = seconds;
        }
    for (const bool by_program : {true, false}) {
        const std::vector<double>& of = times[by_program ? 0 : 1];
        if (of.empty()) continue;
        const Spread spread = spread_of(of);
        const json result = {{"system", "camber"},
                             {"path", by_program ? "program" : "layers"},
                             {"net", o.net},
                             {"dtype", o.dtype},
                             {"batch", o.batch},
                             {"size", fmt::format("{}x{}", o.height, o.width)},
                             {"threads", omp_get_max_threads()},
                             {"first_seconds", first},
                             {"seconds", spread.best},
                             {"median_seconds", spread.median},
                             {"p90_seconds", spread.p90},
                             {"cpu_seconds", cpu[by_program ? 0 : 1]},
                             {"peak_rss_mib", status_mib("VmHWM:")},
                             {"rss_mib", status_mib("VmRSS:")},
                             {"why_not", work.programs.why_not()}};
        fmt::print("{}\n", result.dump());
    }
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Times a network's logits on the CPU"};
    Options o;
    app.add_option("--net", o.net, "the network")->capture_default_str();
    app.add_option("--dtype", o.dtype, "of activations: f32 or bf16")->capture_default_str();
    app.add_option("--path", o.path, "what computes them: a program, the layers, or both in turns")
        ->capture_default_str()
        ->check(CLI::IsMember({"program", "layers", "both"}));
    const auto number = [&](const char* name, int& value, const char* what) {
        app.add_option(name, value, what)->capture_default_str()->check(CLI::Range(1, 1 << 16));
    };
    number("--batch", o.batch, "pictures");
    number("--height", o.height, "of them");
    number("--width", o.width, "of them");
    number("--runs", o.runs, "timed ones");
    app.add_option("--save", o.save, "writes the network as a checkpoint instead");
    app.add_flag("--steps", o.steps, "prints what each step takes");
    CLI11_PARSE(app, argc, argv);
    try {
        Work work(o);
        if (!o.save.empty())
            save(work, o);
        else
            o.steps ? print_steps(work, o) : time_runs(work, o);
    } catch (const Error& error) {
        fmt::print(stderr, "bench_inference: error: {}\n", error.what());
        return 1;
    }
    return 0;
}
