#include "report/protobuf.h"

#include <bit>

namespace camber::report {
namespace {

// Of the wire format; numbers of 8 and 4 bytes are little-endian.
enum : unsigned { as_varint = 0, as_8_bytes = 1, with_length = 2, as_4_bytes = 5 };
static_assert(std::endian::native == std::endian::little);

}  // namespace

void Message::varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
}

Message& Message::integer(int field, std::uint64_t value, Zero zero) {
    if (value == 0 && zero == Zero::left_out) return *this;
    key(field, as_varint);
    varint(value);
    return *this;
}

Message& Message::single(int field, float value, Zero zero) {
    if (std::bit_cast<std::uint32_t>(value) == 0 && zero == Zero::left_out) return *this;
    key(field, as_4_bytes);
    raw(&value, sizeof value);
    return *this;
}

Message& Message::real(int field, double value, Zero zero) {
    if (std::bit_cast<std::uint64_t>(value) == 0 && zero == Zero::left_out) return *this;
    key(field, as_8_bytes);
    raw(&value, sizeof value);
    return *this;
}

Message& Message::text(int field, std::string_view value, Zero zero) {
    if (value.empty() && zero == Zero::left_out) return *this;
    key(field, with_length);
    varint(value.size());
    bytes_ += value;
    return *this;
}

Message& Message::reals(int field, const std::vector<double>& values) {
    if (values.empty()) return *this;
    key(field, with_length);
    varint(values.size() * sizeof(double));
    raw(values.data(), values.size() * sizeof(double));
    return *this;
}

}  // namespace camber::report
