#pragma once
#include <camber/class_table.h>

#include <string>

namespace camber {

/// "11 classes (camvid11)", or "2 classes" where the table's name says no more.
std::string described(const ClassTable& classes);

/// The first thing that keeps labels of `data` from being classes of `network`; empty where nothing does.
std::string class_difference(const ClassTable& data, const ClassTable& network);

}  // namespace camber
