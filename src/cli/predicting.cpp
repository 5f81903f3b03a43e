#include "cli/predicting.h"

#include <algorithm>

#include "cli/commands.h"
#include "core/thread.h"
#include "data/sample_files.h"

namespace camber::cli {
namespace {

namespace fs = std::filesystem;

void make_folder(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) fail("{}: the folder cannot be made: {}", folder.string(), error.message());
}

/// Whether the disk has no room for more results, so that those of other pictures will not be written either.
bool is_full(const fs::path& folder) {
    constexpr std::uintmax_t least_bytes = 1 << 20;
    std::error_code none;
    const fs::space_info space = fs::space(folder, none);
    return !none && space.available < least_bytes;
}

/// Smaller ones are decoded whole, while the one before is computed.
constexpr std::int64_t large_pixels = std::int64_t{1} << 22;

}  // namespace

/// What is written of a picture, by one thread after the other.
struct Predicting::Job {
    Job(const fs::path& of, const PredictingOptions& options, const ClassTable& classes, const PictureRows& rows)
        : name(of), files(options.outputs, classes, options.alpha, options.out / of, rows.height(), rows.width()) {}
    fs::path name;
    PictureFiles files;
    bool failed = false;
};

Predicting::Predicting(Model& model, PredictingOptions options)
    : model_(model),
      options_(std::move(options)),
      channels_(std::max(3, picture_channels(*model.net))) {  // overlays of grey networks are in colour
    if (!options_.shares.empty()) shares_.emplace(options_.shares, model.classes.names, options_.goes_on);
}

void Predicting::run(const std::vector<const Picture*>& pictures, const std::atomic<bool>& stop) {
    std::vector<const Picture*> left;
    for (const Picture* picture : pictures)
        if (!passes(picture->name)) left.push_back(picture);
    for (std::size_t i = 0; i < left.size() && !stop; ++i) {
        const Picture& picture = *left[i];
        std::future<std::unique_ptr<PictureRows>> opening = next_.valid() ? std::move(next_) : open(picture);
        if (i + 1 < left.size()) next_ = open(*left[i + 1]);
        add(
            picture.name, [&] { return opening.get(); }, stop);
        line_.update(static_cast<double>(i + 1), static_cast<double>(left.size()), picture.file.filename().string());
    }
    finish();
    if (next_.valid()) next_.wait();
}

void Predicting::add(const fs::path& name, const Opened& open, const std::atomic<bool>& stop) {
    try {
        attempt([&] { predict(name, open(), stop); });
    } catch (const Stopped&) {  // as its caller sees by `stop`
    }
}

void Predicting::finish() { settle(nullptr); }

bool Predicting::passes(const fs::path& name) {
    if (!options_.goes_on || (shares_ && !shares_->has(name.generic_string()))) return false;
    const auto is_there = [&](const Output& output) { return fs::exists(file_of(output, options_.out / name)); };
    if (!std::all_of(options_.outputs.begin(), options_.outputs.end(), is_there)) return false;
    ++passed_;
    return true;
}

std::future<std::unique_ptr<PictureRows>> Predicting::open(const Picture& picture) const {
    return in_thread([&picture, this]() -> std::unique_ptr<PictureRows> {
        const FrameSize size = frame_size(picture.file, picture.label);
        const std::int64_t pixels = std::int64_t{size.extent.height} * size.extent.width;
        if (model_.inference.tile_height == 0 || pixels < large_pixels)
            return std::make_unique<ImageRows>(read_frame(picture.file, picture.label, channels_));
        auto rows = open_picture_rows(picture.file, channels_, size.as_stored);
        return rows->image() ? std::move(rows) : std::make_unique<RowsAhead>(std::move(rows));
    });
}

void Predicting::predict(const fs::path& name, std::unique_ptr<PictureRows> opened, const std::atomic<bool>& stop) {
    make_folder((options_.out / name).parent_path());
    const bool paints_over = has(options_.outputs, OutputKind::overlay);
    KeptRows rows(std::move(opened), paints_over);
    const auto job = std::make_shared<Job>(name, options_, model_.classes, rows);
    try {
        predict_rows(model_, rows, [&](const LogitRows& judged) {
            if (stop) throw Stopped();
            Image under = paints_over ? rows.take(static_cast<int>(judged.logits.dim(1))) : Image();
            write(job, judged_rows(judged, options_.outputs, std::move(under)));
        });
        write(job, {});
    } catch (...) {
        job->failed = true;
        throw;
    }
}

/// Some of the picture's rows or, without any, its end, once those before are written.
void Predicting::write(std::shared_ptr<Job> job, std::optional<JudgedRows> rows) {
    settle(job.get());
    written_ = job;
    ends_ = !rows;
    writing_ = in_thread([this, job, rows = std::move(rows)] {
        if (rows) {
            job->files.write(*rows);
            return;
        }
        job->files.commit();
        if (shares_) shares_->add(job->name.generic_string(), job->files.shares());
    });
}

/// Waits for what is being written. What fails is thrown where it is the picture at hand's, else reported.
void Predicting::settle(const Job* current) {
    if (!writing_.valid()) return;
    const std::shared_ptr<Job> job = std::move(written_);
    if (job.get() == current) {
        writing_.get();
    } else if (job->failed) {
        writing_.wait();
        writing_ = {};
    } else if (attempt([&] { writing_.get(); }) && ends_) {
        ++done_;
    }
}

/// The others are done all the same.
template <class Work>
bool Predicting::attempt(const Work& work) {
    try {
        work();
        return true;
    } catch (const Error& error) {
        if (is_full(options_.out)) throw;
        line_.clear();
        report(error.what(), 1);
        ++bad_;
        return false;
    }
}

}  // namespace camber::cli
