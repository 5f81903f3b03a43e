#include "cli/predict_outputs.h"

#include <camber/label_picture.h>
#include <camber/prediction.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "cli/predict_inputs.h"
#include "io/npy_writer.h"

namespace camber::cli {
namespace {

bool has(const std::vector<Output>& outputs, Output output) {
    return std::find(outputs.begin(), outputs.end(), output) != outputs.end();
}

std::filesystem::path file_of(Output output, const std::filesystem::path& base) {
    return base.string() + ending_of(output);
}

/// In place of the logits of a pixel, probabilities; returns their entropy in nats.
float softmax(float* values, std::int64_t classes) {
    const float most = *std::max_element(values, values + classes);
    float sum = 0;
    for (std::int64_t c = 0; c < classes; ++c) sum += values[c] = std::exp(values[c] - most);
    float entropy = 0;
    for (std::int64_t c = 0; c < classes; ++c) {
        values[c] /= sum;
        if (values[c] > 0) entropy -= values[c] * std::log(values[c]);
    }
    return entropy;
}

/// Entropies as a picture: black is certain, white that all classes are as likely.
Image entropy_picture(const std::vector<float>& entropy, const Image& labels, int classes) {
    Image result(labels.height, labels.width, 1);
    const float most = std::log(static_cast<float>(std::max(classes, 2)));
    for (std::size_t i = 0; i < entropy.size(); ++i)
        result.data[i] = static_cast<std::uint8_t>(std::lround(255 * std::clamp(entropy[i] / most, 0.0f, 1.0f)));
    return result;
}

}  // namespace

const char* ending_of(Output output) {
    switch (output) {
        case Output::labels:
            return labels_end;
        case Output::colours:
            return colours_end;
        case Output::overlay:
            return overlay_end;
        case Output::probabilities:
            return probabilities_end;
        case Output::entropy:
            return entropy_end;
    }
    return "";
}

std::vector<Output> parse_outputs(const std::string& text) {
    std::vector<Output> outputs;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find(',', begin), text.size());
        const std::string word = text.substr(begin, end - begin);
        const std::vector<std::string> names = names_of<Output>();
        const auto found = std::find(names.begin(), names.end(), word);
        if (found == names.end())
            fail_usage("--write {}: '{}'{} is none of {}", text, word, did_you_mean(word, names), one_of(names));
        const auto output = static_cast<Output>(found - names.begin());
        if (!has(outputs, output)) outputs.push_back(output);
        begin = end + 1;
    }
    return outputs;
}

std::vector<std::filesystem::path> output_files(const std::vector<Output>& outputs, const std::filesystem::path& base) {
    std::vector<std::filesystem::path> files;
    for (const Output output : outputs) files.push_back(file_of(output, base));
    return files;
}

Predicted predict_picture(Model& model, Image picture, const std::vector<Output>& outputs,
                          const std::filesystem::path& base) {
    Predicted result{std::move(picture), {}, {}, base};
    if (!has(outputs, Output::probabilities) && !has(outputs, Output::entropy)) {
        result.labels = predict(model, result.picture);
        return result;
    }
    result.labels = Image(result.picture.height, result.picture.width, 1);
    if (has(outputs, Output::entropy)) result.entropy.resize(result.picture.pixels());
    std::optional<NpyWriter> npy;
    predict_rows(model, result.picture, [&](const LogitRows& rows) {
        labels_of(rows, result.labels.at(rows.top, 0));
        const std::int64_t classes = rows.logits.dim(3), pixels = rows.logits.numel() / classes;
        Tensor probabilities = Tensor::empty(rows.logits.shape(), Dtype::f32, Device::cpu);
        probabilities.copy_from(rows.logits);
        float* values = probabilities.data<float>();
        const std::size_t first = static_cast<std::size_t>(rows.top) * static_cast<std::size_t>(result.labels.width);
        for (std::int64_t i = 0; i < pixels; ++i) {
            const float entropy = softmax(values + i * classes, classes);
            if (!result.entropy.empty()) result.entropy[first + static_cast<std::size_t>(i)] = entropy;
        }
        if (!has(outputs, Output::probabilities)) return;
        if (!npy)
            npy.emplace(file_of(Output::probabilities, base),
                        Shape{result.labels.height, result.labels.width, classes});
        npy->write(values, static_cast<std::size_t>(probabilities.numel()));
    });
    if (npy) npy->commit();
    return result;
}

void write_outputs(const Predicted& predicted, const std::vector<Output>& outputs, const ClassTable& classes,
                   float alpha) {
    for (const Output output : outputs) {
        const std::filesystem::path file = file_of(output, predicted.base);
        if (output == Output::labels) write_png(file, predicted.labels);
        if (output == Output::colours) write_png(file, colour_labels(predicted.labels, classes));
        if (output == Output::overlay)
            write_png(file, overlay_labels(predicted.picture, predicted.labels, classes, alpha));
        if (output == Output::entropy)
            write_png(file, entropy_picture(predicted.entropy, predicted.labels, classes.count()));
    }
}

std::vector<double> class_shares(const Image& labels, const ClassTable& classes) {
    std::vector<double> shares(static_cast<std::size_t>(classes.count()));
    for (const std::uint8_t id : labels.data)
        if (id < shares.size()) shares[id] += 1;
    for (double& share : shares) share /= static_cast<double>(labels.data.size());
    return shares;
}

}  // namespace camber::cli
