#pragma once
#include <camber/image.h>
#include <camber/prediction.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "cli/predict_outputs.h"

namespace camber::cli {

/// Some rows of a picture, judged: what its files are written from.
struct JudgedRows {
    Image labels;
    Image picture;         ///< under an overlay; else empty
    Image entropy;         ///< black is certain, white that all classes are as likely; where it is wanted
    Tensor probabilities;  ///< [1, rows, width, classes] f32 on the CPU; where probabilities or masks are wanted
};
JudgedRows judged_rows(const LogitRows& rows, const std::vector<Output>& outputs, Image picture);

/// The files of one picture, which grow as it is judged and appear when they are whole.
class PictureFiles {
  public:
    /// Throws Error where one cannot be written.
    PictureFiles(const std::vector<Output>& outputs, const ClassTable& classes, float alpha,
                 const std::filesystem::path& base, int height, int width);
    ~PictureFiles();
    void write(const JudgedRows& rows);
    void commit();
    /// Of the classes among the pixels, in their order.
    std::vector<double> shares() const;

  private:
    struct File;

    const ClassTable& classes_;
    float alpha_;
    std::vector<std::unique_ptr<File>> files_;
    std::vector<std::int64_t> pixels_;  ///< of each class
    std::int64_t all_pixels_;
};

}  // namespace camber::cli
