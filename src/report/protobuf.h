#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace camber::report {

/// A message in protobuf's wire format (protobuf.dev/programming-guides/encoding), which TensorBoard's files hold.
/// Fields are to be added in the order of their numbers, which makes the bytes those that protobuf writes.
class Message {
  public:
    /// Whether a field that is zero or empty is written: where it is one of several (oneof), it says which.
    enum class Zero { left_out, written };

    /// int32, int64, bool and enum. Not negative.
    Message& integer(int field, std::uint64_t value, Zero zero = Zero::left_out);
    Message& single(int field, float value, Zero zero = Zero::left_out);
    Message& real(int field, double value, Zero zero = Zero::left_out);
    /// string and bytes.
    Message& text(int field, std::string_view value, Zero zero = Zero::left_out);
    Message& message(int field, const Message& value) { return text(field, value.bytes_, Zero::written); }
    /// Repeated, packed.
    Message& reals(int field, const std::vector<double>& values);

    const std::string& bytes() const { return bytes_; }

  private:
    void varint(std::uint64_t value);
    void key(int field, unsigned type) { varint(static_cast<std::uint64_t>(field) << 3 | type); }
    void raw(const void* data, std::size_t bytes) { bytes_.append(static_cast<const char*>(data), bytes); }

    std::string bytes_;
};

}  // namespace camber::report
