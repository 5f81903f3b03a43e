#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "report/histogram.h"
#include "report/protobuf.h"

namespace camber::report {

/// Tagged values of one step of a run, as TensorBoard's files hold them (its compat/proto/summary.proto): a `Summary`.
class EventSummary {
  public:
    /// Rounded to f32, as every scalar there is.
    void scalar(const std::string& tag, double value);
    void histogram(const std::string& tag, const Histogram& histogram);
    /// The bytes of a PNG file.
    void picture(const std::string& tag, std::string_view png);
    /// Markdown.
    void text(const std::string& tag, std::string_view markdown);
    /// Options that a run begins with: null, a number, a truth value or a text each. `start`: seconds since 1970.
    void run_begins(const std::string& group, const std::map<std::string, nlohmann::json>& options, double start);
    void run_ends(bool well, double end);

    bool empty() const { return summary_.bytes().empty(); }
    const Message& message() const { return summary_; }

  private:
    void add(const Message& value) { summary_.message(1, value); }
    void add_options(const std::string& tag, int field, const Message& data);

    Message summary_;
};

}  // namespace camber::report
