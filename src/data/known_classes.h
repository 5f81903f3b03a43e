#pragma once
#include <camber/class_table.h>

#include <string>
#include <vector>

namespace camber {

/// The colour of a class in PASCAL VOC: the bits of its id, three at a time, from the highest bit of each channel down.
Rgb voc_colour(int id);

/// Position in camvid11() of each class of camvid32(), void where it has none: the mapping that the 11-class figures
/// are published for (Sturgess et al. 2009; MathWorks' example of SegNet spells it out).
std::vector<int> camvid11_of_32();

/// The stored id of each class of cityscapes19() in files ending _labelIds.png (helpers/labels.py).
extern const int cityscapes_label_ids[19];

}  // namespace camber
