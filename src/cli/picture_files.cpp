#include "cli/picture_files.h"

#include <camber/label_picture.h>
#include <camber/ops.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "io/npy_writer.h"
#include "io/png_writer.h"

namespace camber::cli {
namespace {

void set_entropy(const Tensor& probabilities, Image& entropy) {
    const std::int64_t classes = probabilities.dim(3);
    const auto pixels = static_cast<std::int64_t>(entropy.pixels());
    const float most = std::log(static_cast<float>(std::max<std::int64_t>(classes, 2)));
    const float* const values = probabilities.data<float>();
#pragma omp parallel for
    for (std::int64_t i = 0; i < pixels; ++i) {
        float nats = 0;
        for (const float* p = values + i * classes; p < values + (i + 1) * classes; ++p)
            if (*p > 0) nats -= *p * std::log(*p);
        entropy.data[static_cast<std::size_t>(i)] =
            static_cast<std::uint8_t>(std::lround(255 * std::clamp(nats / most, 0.0f, 1.0f)));
    }
}

std::vector<std::uint16_t> mask_of(const Tensor& probabilities, int class_id) {
    const std::int64_t classes = probabilities.dim(3);
    std::vector<std::uint16_t> mask(static_cast<std::size_t>(probabilities.numel() / classes));
    const float* p = probabilities.data<float>() + class_id;
    for (std::uint16_t& value : mask) {
        value = static_cast<std::uint16_t>(std::lround(65535 * std::clamp(*p, 0.0f, 1.0f)));
        p += classes;
    }
    return mask;
}

int channels_of(OutputKind kind) { return kind == OutputKind::colours || kind == OutputKind::overlay ? 3 : 1; }

}  // namespace

JudgedRows judged_rows(const LogitRows& rows, const std::vector<Output>& outputs, Image picture) {
    const auto height = static_cast<int>(rows.logits.dim(1)), width = static_cast<int>(rows.logits.dim(2));
    JudgedRows judged{Image(height, width, 1), std::move(picture), {}, {}};
    labels_of(rows, judged.labels.data.data());
    const bool entropy = has(outputs, OutputKind::entropy);
    if (!entropy && !has(outputs, OutputKind::probabilities) && !has(outputs, OutputKind::mask)) return judged;
    judged.probabilities = ops::softmax(rows.logits);
    if (entropy) {
        judged.entropy = Image(height, width, 1);
        set_entropy(judged.probabilities, judged.entropy);
    }
    return judged;
}

struct PictureFiles::File {
    Output output;
    std::filesystem::path path;
    std::unique_ptr<PngWriter> png;
    std::unique_ptr<NpyWriter> npy;  ///< begun with the first rows, which know how many channels there are
};

PictureFiles::PictureFiles(const std::vector<Output>& outputs, const ClassTable& classes, float alpha,
                           const std::filesystem::path& base, int height, int width)
    : classes_(classes),
      alpha_(alpha),
      pixels_(static_cast<std::size_t>(classes.count())),
      all_pixels_(std::int64_t{height} * width) {
    for (const Output& output : outputs) {
        auto file = std::make_unique<File>();
        file->output = output;
        const std::filesystem::path path = file_of(output, base);
        if (output.kind == OutputKind::probabilities)
            file->npy = std::make_unique<NpyWriter>(path, Shape{height, width, classes.count()});
        else
            file->png = std::make_unique<PngWriter>(path, height, width, channels_of(output.kind),
                                                    output.kind == OutputKind::mask ? 16 : 8);
        files_.push_back(std::move(file));
    }
}

PictureFiles::~PictureFiles() = default;

void PictureFiles::write(const JudgedRows& rows) {
    const int count = rows.labels.height;
    for (const std::uint8_t id : rows.labels.data)
        if (id < pixels_.size()) ++pixels_[id];
    for (const auto& file : files_) {
        switch (file->output.kind) {
            case OutputKind::labels:
                file->png->write(count, rows.labels.data.data());
                break;
            case OutputKind::colours:
                file->png->write(count, colour_labels(rows.labels, classes_).data.data());
                break;
            case OutputKind::overlay:
                file->png->write(count, overlay_labels(rows.picture, rows.labels, classes_, alpha_).data.data());
                break;
            case OutputKind::probabilities:
                file->npy->write(rows.probabilities.data<float>(),
                                 static_cast<std::size_t>(rows.probabilities.numel()));
                break;
            case OutputKind::entropy:
                file->png->write(count, rows.entropy.data.data());
                break;
            case OutputKind::mask:
                file->png->write(count, mask_of(rows.probabilities, file->output.class_id).data());
                break;
        }
    }
}

void PictureFiles::commit() {
    for (const auto& file : files_) file->png ? file->png->commit() : file->npy->commit();
}

std::vector<double> PictureFiles::shares() const {
    std::vector<double> shares;
    for (const std::int64_t pixels : pixels_)
        shares.push_back(static_cast<double>(pixels) / static_cast<double>(all_pixels_));
    return shares;
}

}  // namespace camber::cli
