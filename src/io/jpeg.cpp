#include "io/jpeg.h"

#include <camber/error.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "io/exif.h"

namespace camber {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr int most_scans = 1000;  // encoders make ten or so; each is a pass over the whole picture

std::int64_t over(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
bool is_restart(std::uint8_t marker) { return marker >= 0xD0 && marker <= 0xD7; }

/// The bits of a scan between two markers; zeros after the last.
class Bits {
  public:
    explicit Bits(Bytes scan) : scan_(scan) {}

    /// The next 16 bits.
    unsigned peek() {
        fill();
        return static_cast<unsigned>(buffer_ >> 48);
    }
    void skip(int count) {  // of 16 at most
        fill();
        buffer_ <<= count;
        held_ -= count;
    }
    unsigned take(int count) {
        const unsigned value = count > 0 ? peek() >> (16 - count) : 0;
        skip(count);
        return value;
    }
    /// Whether more was taken than there is.
    bool past_end() const { return held_ < made_up_; }
    /// Whether fewer bits than the longest code has are left.
    bool near_end() const { return held_ - made_up_ < 16; }

    /// To what follows the next restart marker. False where that is not next.
    bool restart() {
        fill();
        if (held_ - made_up_ >= 8) return false;
        while (at_ + 1 < scan_.size() && scan_[at_ + 1] == 0xFF) ++at_;  // padding
        if (at_ + 1 >= scan_.size() || scan_[at_] != 0xFF || !is_restart(scan_[at_ + 1])) return false;
        at_ += 2;
        buffer_ = 0;
        held_ = made_up_ = 0;
        return true;
    }

  private:
    void fill() {
        while (held_ <= 48) {
            std::uint64_t byte = 0;
            const bool marker =
                at_ >= scan_.size() || (scan_[at_] == 0xFF && (at_ + 1 >= scan_.size() || scan_[at_ + 1]));
            if (marker) {
                made_up_ += 8;
            } else {
                byte = scan_[at_];
                at_ += byte == 0xFF ? 2 : 1;  // a stuffed zero follows
            }
            buffer_ |= byte << (56 - held_);
            held_ += 8;
        }
    }

    Bytes scan_;
    std::size_t at_ = 0;
    std::uint64_t buffer_ = 0;
    int held_ = 0, made_up_ = 0;  ///< bits in the buffer, and how many of them are no file's
};

/// A Huffman table (T.81, annex C).
class Codes {
  public:
    Codes() = default;
    Codes(Bytes counts, Bytes values) : values_(values.begin(), values.end()) {
        unsigned code = 0, index = 0;
        for (std::size_t length = 1; length <= 16; ++length) {
            first_[length] = static_cast<int>(index) - static_cast<int>(code);
            for (unsigned i = 0; i < counts[length - 1]; ++i, ++code, ++index) {
                if (length > fast_bits) continue;
                const unsigned shift = fast_bits - static_cast<unsigned>(length);
                for (unsigned low = 0; low < 1u << shift; ++low)
                    if (const unsigned at = code << shift | low; at < fast_.size())
                        fast_[at] = static_cast<std::uint16_t>(length << 8 | values_[index]);
            }
            end_[length] = code << (16 - length);
            code <<= 1;
        }
    }
    bool empty() const { return values_.empty(); }

    /// The next value; -1 where the bits are no code.
    int decode(Bits& bits) const {
        const unsigned next = bits.peek();
        if (const unsigned found = fast_[next >> (16 - fast_bits)]) {
            bits.skip(static_cast<int>(found >> 8));
            return static_cast<int>(found & 0xFF);
        }
        for (unsigned length = fast_bits + 1; length <= 16; ++length) {
            if (next >= end_[length]) continue;
            const int index = static_cast<int>(next >> (16 - length)) + first_[length];
            if (index < 0 || index >= static_cast<int>(values_.size())) return -1;
            bits.skip(static_cast<int>(length));
            return values_[static_cast<std::size_t>(index)];
        }
        return -1;
    }

  private:
    static constexpr unsigned fast_bits = 9;
    std::vector<std::uint8_t> values_;
    std::array<std::uint16_t, 1 << fast_bits> fast_{};  ///< length and value; 0: a longer code, or none
    std::array<unsigned, 17> end_{};                    ///< by length: behind its last code, in 16 bits
    std::array<int, 17> first_{};                       ///< by length: from a code to its value's index
};

class Checker {
  public:
    Checker(const std::string& name, Bytes bytes) : name_(name), bytes_(bytes) {}

    enum class To { frame_header, segments, codes };

    PictureHeader check(To to) {
        to_ = to;
        while (to != To::frame_header || components_.empty()) {
            need(2);
            if (bytes_[at_] != 0xFF) damaged(fmt::format("no JPEG marker at byte {}", at_));
            const std::uint8_t marker = bytes_[at_ + 1];
            if (marker == 0xFF) {  // padding
                ++at_;
                continue;
            }
            at_ += 2;
            if (marker == 0xD9) break;
            if (marker == 0x01 || marker == 0xD8 || is_restart(marker)) continue;
            segment(marker, length_given());
        }
        if (components_.empty()) cut_short();
        for (const Component& component : components_)
            if (!component.begun && to != To::frame_header) cut_short();
        if (components_.size() == 2) fail("{}: is a JPEG of neither 1, 3 nor 4 channels; save it as RGB", name_);
        if (components_.size() == 4 && !adobe_)
            fail("{}: is a JPEG of 4 channels that does not say which (Adobe's mark is missing); save it as RGB",
                 name_);
        return header_;
    }

  private:
    struct Component {
        int id = 0, across = 0, down = 0, quantization = 0;
        int ac = 0, dc = 0;                          ///< tables of the scan
        std::int64_t columns = 0, rows = 0;          ///< of blocks, whole units of the frame
        std::int64_t own_columns = 0, own_rows = 0;  ///< of blocks that a scan of this component alone has
        bool begun = false;
        std::vector<std::uint64_t> coefficients{};  ///< of each block of a progressive picture: which are not zero
    };
    struct Spectrum {
        int begin, end, high, low;
    };

    [[noreturn]] void cut_short() const { fail("{}: is cut short; fetch or copy the file again", name_); }
    [[noreturn]] void damaged(std::string_view what) const {
        fail("{}: is damaged ({}); fetch or copy the file again", name_, what);
    }
    void need(std::size_t count) const {
        if (bytes_.size() - at_ < count) cut_short();
    }
    Bytes length_given() {
        need(2);
        const std::size_t length = std::size_t{bytes_[at_]} << 8 | bytes_[at_ + 1];
        if (length < 2) damaged(fmt::format("a JPEG segment of length {}", length));
        need(length);
        const Bytes segment = bytes_.subspan(at_ + 2, length - 2);
        at_ += length;
        return segment;
    }

    void segment(std::uint8_t marker, Bytes data) {
        constexpr std::string_view exif("Exif\0\0", 6), adobe("Adobe");
        const auto same = [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; };
        switch (marker) {
            case 0xE1:
                if (data.size() > exif.size() && std::equal(exif.begin(), exif.end(), data.begin(), same))
                    header_.orientation = exif_orientation(data.subspan(exif.size()));
                break;
            case 0xEE:
                if (data.size() >= 12 && std::equal(adobe.begin(), adobe.end(), data.begin(), same)) adobe_ = true;
                break;
            case 0xC4:
                huffman_tables(data);
                break;
            case 0xDB:
                quantization_tables(data);
                break;
            case 0xDD:
                if (data.size() != 2) damaged("a restart interval of a wrong length");
                interval_ = data[0] << 8 | data[1];
                break;
            case 0xC0:
            case 0xC1:
            case 0xC2:
                progressive_ = marker == 0xC2;
                frame(data);
                break;
            case 0xDA:
                scan(data);
                break;
            default:
                if (marker > 0xC2 && marker <= 0xCF && marker != 0xC8)
                    fail(
                        "{}: is a JPEG of a kind that is not read ({}); save it as a baseline or progressive JPEG, or "
                        "as a PNG",
                        name_,
                        marker == 0xC3   ? "lossless"
                        : marker <= 0xC7 ? "hierarchical"
                                         : "arithmetic coding");
        }
    }

    void huffman_tables(Bytes data) {
        while (!data.empty()) {
            std::size_t count = 0;
            if (data.size() >= 17)
                for (const std::uint8_t of_length : data.subspan(1, 16)) count += of_length;
            const int type = data[0] >> 4, index = data[0] & 15;
            if (data.size() < 17 + count || count > 256 || type > 1 || index > 3)
                damaged("a Huffman table that is none");
            (type == 0 ? dc_ : ac_)[static_cast<std::size_t>(index)] =
                Codes(data.subspan(1, 16), data.subspan(17, count));
            data = data.subspan(17 + count);
        }
    }

    void quantization_tables(Bytes data) {
        while (!data.empty()) {
            const std::size_t size = data[0] >> 4 ? 129 : 65;
            if (data.size() < size || (data[0] & 15) > 3) damaged("a quantization table that is none");
            quantized_[data[0] & 3] = true;
            data = data.subspan(size);
        }
    }

    void frame(Bytes data) {
        if (!components_.empty()) damaged("two frame headers");
        if (data.size() < 6 || data[5] < 1 || data[5] > 4 || data.size() != 6 + std::size_t{3} * data[5])
            damaged("a frame header of a wrong length");
        if (data[0] != 8) fail("{}: is a JPEG of {} bits a channel; save it with 8, or as a PNG", name_, data[0]);
        header_.height = data[1] << 8 | data[2];
        header_.width = data[3] << 8 | data[4];
        check_pixels(name_, header_.height, header_.width);
        int most_across = 1, most_down = 1;
        for (std::size_t at = 6; at < data.size(); at += 3) {
            Component c{
                .id = data[at], .across = data[at + 1] >> 4, .down = data[at + 1] & 15, .quantization = data[at + 2]};
            if (c.across < 1 || c.across > 4 || c.down < 1 || c.down > 4 || c.quantization > 3)
                damaged("a component that is none");
            most_across = std::max(most_across, c.across);
            most_down = std::max(most_down, c.down);
            components_.push_back(std::move(c));
        }
        units_across_ = over(header_.width, 8 * most_across);
        units_down_ = over(header_.height, 8 * most_down);
        for (Component& c : components_) {
            c.columns = units_across_ * c.across;
            c.rows = units_down_ * c.down;
            c.own_columns = over(over(header_.width * c.across, most_across), 8);
            c.own_rows = over(over(header_.height * c.down, most_down), 8);
        }
    }

    void scan(Bytes data) {
        if (components_.empty()) damaged("a scan before the frame header");
        if (++scans_ > most_scans) damaged(fmt::format("more than {} scans", most_scans));
        const std::size_t count = data.empty() ? 0 : data[0];
        if (count < 1 || count > components_.size() || data.size() != 4 + 2 * count)
            damaged("a scan header of a wrong length");
        const Bytes last = data.subspan(1 + 2 * count);
        const Spectrum spectrum{last[0], last[1], last[2] >> 4, last[2] & 15};
        std::vector<Component*> in_scan;
        for (std::size_t i = 0; i < count; ++i) {
            const auto c = std::find_if(components_.begin(), components_.end(),
                                        [&](const Component& component) { return component.id == data[1 + 2 * i]; });
            if (c == components_.end()) damaged("a scan of a component that the picture does not have");
            c->dc = data[2 + 2 * i] >> 4;
            c->ac = data[2 + 2 * i] & 15;
            check_tables(*c, spectrum);
            c->begun = true;
            in_scan.push_back(&*c);
        }
        if (progressive_) {
            if (spectrum.begin > spectrum.end || spectrum.end > 63 || spectrum.high > 13 || spectrum.low > 13 ||
                (count > 1 && spectrum.end > 0) || (spectrum.begin == 0 && spectrum.end > 0))
                damaged("a scan of coefficients that no picture has");
            if (to_ == To::codes)
                for (Component* c : in_scan) c->coefficients.resize(static_cast<std::size_t>(c->columns * c->rows));
        }
        // To the next marker that is neither a stuffed zero nor a restart.
        const std::size_t begin = at_;
        for (;; ++at_) {
            need(2);
            const std::uint8_t next = bytes_[at_ + 1];
            if (bytes_[at_] == 0xFF && next != 0 && next != 0xFF && !is_restart(next)) break;
        }
        if (to_ == To::codes) walk(in_scan, spectrum, bytes_.subspan(begin, at_ - begin));
    }

    void check_tables(const Component& c, const Spectrum& spectrum) const {
        const bool dc = !progressive_ || spectrum.begin == 0, ac = !progressive_ || spectrum.begin > 0;
        const auto missing = [](const std::array<Codes, 4>& tables, int index) {
            return index > 3 || tables[static_cast<std::size_t>(index)].empty();
        };
        const bool coded = dc && !(progressive_ && spectrum.high > 0);
        if ((coded && missing(dc_, c.dc)) || (ac && missing(ac_, c.ac))) damaged("it lacks a Huffman table");
        if (!quantized_[static_cast<std::size_t>(c.quantization)]) damaged("it lacks a quantization table");
        if (progressive_ && !c.begun && !(dc && spectrum.high == 0)) damaged("a scan without the one before it");
    }

    void walk(const std::vector<Component*>& in_scan, const Spectrum& spectrum, Bytes data) {
        Bits bits(data);
        const bool alone = in_scan.size() == 1;
        const std::int64_t across = alone ? in_scan[0]->own_columns : units_across_;
        const std::int64_t down = alone ? in_scan[0]->own_rows : units_down_;
        std::int64_t to_restart = interval_;
        run_ = 0;
        for (std::int64_t y = 0; y < down; ++y) {
            for (std::int64_t x = 0; x < across; ++x) {
                if (interval_ > 0 && to_restart-- == 0) {
                    if (!bits.restart()) missing_rows(y, down);
                    to_restart = interval_ - 1;
                    run_ = 0;
                }
                bool good = true;
                if (alone) {
                    good = block(bits, *in_scan[0], spectrum, y, x);
                } else {
                    for (Component* c : in_scan)
                        for (int row = 0; row < c->down; ++row)
                            for (int column = 0; column < c->across; ++column)
                                good = good && block(bits, *c, spectrum, y * c->down + row, x * c->across + column);
                }
                if (bits.past_end() || (!good && bits.near_end())) missing_rows(y, down);
                if (!good) damaged(fmt::format("bits that are no code, after {}% of a scan", 100 * y / down));
            }
        }
    }
    [[noreturn]] void missing_rows(std::int64_t y, std::int64_t down) const {
        fail("{}: is cut short: a scan holds {}% of a picture of {}x{} (width x height); fetch or copy the file again",
             name_, 100 * y / down, header_.width, header_.height);
    }

    /// False where the bits are no code.
    bool block(Bits& bits, Component& c, const Spectrum& spectrum, std::int64_t row, std::int64_t column) {
        const Codes &dc = dc_[static_cast<std::size_t>(c.dc & 3)], &ac = ac_[static_cast<std::size_t>(c.ac & 3)];
        if (!progressive_) return first_coefficient(bits, dc) && others(bits, ac, nullptr, {1, 63, 0, 0});
        std::uint64_t& filled = c.coefficients[static_cast<std::size_t>(row * c.columns + column)];
        if (spectrum.begin > 0)
            return spectrum.high == 0 ? others(bits, ac, &filled, spectrum) : refined(bits, ac, filled, spectrum);
        if (spectrum.high == 0) return first_coefficient(bits, dc);
        bits.skip(1);
        return true;
    }
    static bool first_coefficient(Bits& bits, const Codes& codes) {
        const int size = codes.decode(bits);
        if (size < 0 || size > 15) return false;
        bits.skip(size);
        return true;
    }
    /// Those after the first, or a band of them for the first time.
    bool others(Bits& bits, const Codes& codes, std::uint64_t* filled, const Spectrum& spectrum) {
        if (run_ > 0) {
            --run_;
            return true;
        }
        for (int k = spectrum.begin; k <= spectrum.end; ++k) {
            const int code = codes.decode(bits);
            if (code < 0) return false;
            const int zeros = code >> 4, size = code & 15;
            if (size == 0 && zeros < 15) {
                if (filled) run_ = (1 << zeros) + static_cast<int>(bits.take(zeros)) - 1;
                return true;  // the rest is zero (and, sequential, `zeros` has no meaning)
            }
            k += zeros;
            if (size == 0) continue;
            bits.skip(size);
            if (filled && k < 64) *filled |= std::uint64_t{1} << k;
        }
        return true;
    }
    /// One bit more of a band (T.81, G.1.2.3): each coefficient that is not zero has a bit of its own between the
    /// codes.
    bool refined(Bits& bits, const Codes& codes, std::uint64_t& filled, const Spectrum& spectrum) {
        int k = spectrum.begin;
        const auto is_filled = [&] { return filled >> k & 1; };
        while (run_ == 0 && k <= spectrum.end) {
            const int code = codes.decode(bits);
            if (code < 0 || (code & 15) > 1) return false;
            int zeros = code >> 4;
            const bool fills = (code & 15) == 1;
            if (!fills && zeros < 15) {
                run_ = (1 << zeros) + static_cast<int>(bits.take(zeros));
                break;
            }
            if (fills) bits.skip(1);  // its sign
            for (; k <= spectrum.end; ++k) {
                if (is_filled()) {
                    bits.skip(1);
                } else if (zeros-- == 0) {
                    if (fills) filled |= std::uint64_t{1} << k;
                    ++k;
                    break;
                }
            }
        }
        if (run_ == 0) return true;
        --run_;
        for (; k <= spectrum.end; ++k)
            if (is_filled()) bits.skip(1);
        return true;
    }

    std::string name_;
    Bytes bytes_;
    std::size_t at_ = 2;
    PictureHeader header_;
    To to_ = To::codes;
    bool adobe_ = false;
    bool progressive_ = false;
    int interval_ = 0, scans_ = 0;
    int run_ = 0;  ///< blocks of a band that follow and have nothing new
    std::int64_t units_across_ = 0, units_down_ = 0;
    std::vector<Component> components_;
    std::array<Codes, 4> dc_, ac_;
    std::array<bool, 4> quantized_{};
};

}  // namespace

PictureHeader check_jpeg(const std::string& name, std::span<const std::uint8_t> bytes) {
    return Checker(name, bytes).check(Checker::To::codes);
}

PictureHeader check_jpeg_segments(const std::string& name, std::span<const std::uint8_t> bytes) {
    return Checker(name, bytes).check(Checker::To::segments);
}

PictureHeader jpeg_header(const std::string& name, std::span<const std::uint8_t> bytes) {
    return Checker(name, bytes).check(Checker::To::frame_header);
}

}  // namespace camber
