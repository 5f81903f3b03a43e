#include "report/event_summary.h"

#include <camber/error.h>

namespace camber::report {
namespace {

using Zero = Message::Zero;

// Fields of Summary.Value.
constexpr int tag_field = 1, scalar_field = 2, picture_field = 4, histogram_field = 5, tensor_field = 8,
              metadata_field = 9;
// types.proto
constexpr std::uint64_t dt_float = 1, dt_string = 7;

/// SummaryMetadata: which plugin of TensorBoard shows the value, and what that wants to know.
Message metadata(std::string_view plugin, const Message& content = {}) {
    return Message().message(1, Message().text(1, plugin).text(2, content.bytes()));
}

std::uint64_t big_endian(std::string_view bytes) {
    std::uint64_t value = 0;
    for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
    return value;
}

/// google.protobuf.Value
Message value_of(const nlohmann::json& json) {
    Message value;
    if (json.is_number()) return value.real(2, json.get<double>(), Zero::written);
    if (json.is_string()) return value.text(3, json.get<std::string>(), Zero::written);
    if (json.is_boolean()) return value.integer(4, json.get<bool>() ? 1 : 0, Zero::written);
    return value.integer(1, 0, Zero::written);
}

}  // namespace

void EventSummary::scalar(const std::string& tag, double value) {
    add(Message().text(tag_field, tag).single(scalar_field, static_cast<float>(value), Zero::written));
}

void EventSummary::histogram(const std::string& tag, const Histogram& h) {
    Message proto;
    proto.real(1, h.min).real(2, h.max).real(3, static_cast<double>(h.count)).real(4, h.sum).real(5, h.sum_squares);
    proto.reals(6, h.limits).reals(7, h.counts);
    add(Message().text(tag_field, tag).message(histogram_field, proto));
}

void EventSummary::picture(const std::string& tag, std::string_view png) {
    // ISO/IEC 15948: the signature, then IHDR with width, height, depth and type of colour.
    constexpr std::size_t width_at = 16, height_at = 20, type_at = 25, header_bytes = 33;
    constexpr std::uint64_t channels[] = {1, 0, 3, 3, 2, 0, 4};
    if (png.size() < header_bytes || png.substr(1, 3) != "PNG") fail("a picture for TensorBoard is no PNG");
    const auto type = static_cast<unsigned char>(png[type_at]);
    Message image;
    image.integer(1, big_endian(png.substr(height_at, 4))).integer(2, big_endian(png.substr(width_at, 4)));
    image.integer(3, type < std::size(channels) ? channels[type] : 0).text(4, png);
    add(Message().text(tag_field, tag).message(picture_field, image));
}

void EventSummary::text(const std::string& tag, std::string_view markdown) {
    const Message shape = Message().message(2, Message().integer(1, 1));  // one text
    const Message tensor = Message().integer(1, dt_string).message(2, shape).text(8, markdown, Zero::written);
    add(Message().text(tag_field, tag).message(tensor_field, tensor).message(metadata_field, metadata("text")));
}

void EventSummary::run_begins(const std::string& group, const std::map<std::string, nlohmann::json>& options,
                              double start) {
    Message info;
    for (const auto& [name, value] : options)  // of a map<string, Value>
        info.message(1, Message().text(1, name, Zero::written).message(2, value_of(value)));
    info.text(4, group).real(5, start);
    add_options("_hparams_/session_start_info", 3, info);
}

void EventSummary::run_ends(bool well, double end) {
    add_options("_hparams_/session_end_info", 4, Message().integer(1, well ? 1 : 2).real(2, end));
}

void EventSummary::add_options(const std::string& tag, int field, const Message& data) {
    const Message nothing =
        Message().integer(1, dt_float).message(2, Message().message(2, {}));  // the plugin reads its metadata alone
    const Message content = Message().message(field, data);
    add(Message()
            .text(tag_field, tag)
            .message(tensor_field, nothing)
            .message(metadata_field, metadata("hparams", content)));
}

}  // namespace camber::report
