#pragma once
#include <filesystem>
#include <string>

#include "data/convert.h"

/// Label maps drawn from what annotation tools export.
namespace camber {

/// Whether the path is such an export: a .json or .xml file, or a folder that holds such and is no dataset.
bool is_annotations(const std::filesystem::path& path);

/// COCO's JSON (polygons and run lengths; crowds are void), LabelMe's JSON (a file or a folder of them: polygons,
/// rectangles, circles) or CVAT's XML ("CVAT for images": polygons, boxes, ellipses and masks, by z order). Class 0 is
/// the background, what nothing was drawn on; the others are in the export's order, or LabelMe's by name. Pictures are
/// looked for in `images`, beside the export where that is empty. A part of the frames, a fifth where `val_fraction` is
/// 0, is for validation. Throws Error naming the file and what it lacks, and for what was drawn and has no inside.
DrawnDataset read_annotations(const std::filesystem::path& path, const std::filesystem::path& images,
                              double val_fraction);

}  // namespace camber
