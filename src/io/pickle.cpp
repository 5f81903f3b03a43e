#include "io/pickle.h"

#include <camber/error.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "io/printable.h"

namespace camber::pickle {
namespace {

/// Python's pickletools documents each.
enum Opcode : std::uint8_t {
    op_mark = '(',
    op_stop = '.',
    op_pop = '0',
    op_pop_mark = '1',
    op_dup = '2',
    op_binfloat = 'G',
    op_binint = 'J',
    op_binint1 = 'K',
    op_binint2 = 'M',
    op_float = 'F',
    op_int = 'I',
    op_long = 'L',
    op_none = 'N',
    op_persid = 'P',
    op_binpersid = 'Q',
    op_reduce = 'R',
    op_string = 'S',
    op_binstring = 'T',
    op_short_binstring = 'U',
    op_binunicode = 'X',
    op_unicode = 'V',
    op_append = 'a',
    op_appends = 'e',
    op_build = 'b',
    op_binbytes = 'B',
    op_short_binbytes = 'C',
    op_global = 'c',
    op_dict = 'd',
    op_get = 'g',
    op_binget = 'h',
    op_inst = 'i',
    op_long_binget = 'j',
    op_list = 'l',
    op_obj = 'o',
    op_put = 'p',
    op_binput = 'q',
    op_long_binput = 'r',
    op_setitem = 's',
    op_setitems = 'u',
    op_tuple = 't',
    op_empty_tuple = ')',
    op_empty_list = ']',
    op_empty_dict = '}',
    op_proto = 0x80,
    op_newobj = 0x81,
    op_tuple1 = 0x85,
    op_tuple2 = 0x86,
    op_tuple3 = 0x87,
    op_newtrue = 0x88,
    op_newfalse = 0x89,
    op_long1 = 0x8a,
    op_long4 = 0x8b,
    op_short_binunicode = 0x8c,
    op_binunicode8 = 0x8d,
    op_binbytes8 = 0x8e,
    op_empty_set = 0x8f,
    op_additems = 0x90,
    op_frozenset = 0x91,
    op_newobj_ex = 0x92,
    op_stack_global = 0x93,
    op_memoize = 0x94,
    op_frame = 0x95,
    op_bytearray8 = 0x96,
};

constexpr std::size_t most_unknown_names = 64, longest_name = 4096;
constexpr std::int64_t nameless = -1;

class Reader {
  public:
    Reader(const InputFile& file, std::uint64_t begin, std::uint64_t end, std::span<const std::string_view> known,
           const Limits& limits)
        : file_(file), begin_(begin), end_(std::min(end, file.size())), known_(known), limits_(limits) {
        if (begin > end_) damaged("it begins outside the file");
    }

    Pickle run() {
        for (;;) {
            const std::uint8_t opcode = byte();
            if (opcode == op_stop) break;
            step(opcode);
        }
        if (stack_.size() != 1 || !marks_.empty()) damaged("it leaves something other than one value");
        Pickle result;
        result.root = stack_[0];
        result.end = begin_ + position_;
        check_tree(result.root);
        result.bytes = std::move(bytes_);
        result.values = std::move(values_);
        result.unknown = std::move(unknown_);
        return result;
    }

  private:
    [[noreturn]] void damaged(std::string_view what) const {
        fail("{}: a damaged pickle, or one cut short ({}, at byte {})", file_.name(), what, begin_ + position_);
    }

    // ---- bytes

    /// The position in bytes_ of the next `count` bytes, which are then behind us.
    std::size_t take(std::uint64_t count) {
        const std::uint64_t there = end_ - begin_;
        if (count > there - position_) damaged("it ends in the middle");
        if (position_ + count > limits_.bytes) {
            fail("{}: a pickle of more than {} MiB; no list of tensors is as long", file_.name(), limits_.bytes >> 20);
        }
        if (position_ + count > bytes_.size()) {
            constexpr std::uint64_t piece = 64 << 10;
            const std::uint64_t had = bytes_.size(), wanted = position_ + count,
                                grown = std::min(there, std::max(wanted, had + std::max(piece, had)));
            bytes_.resize(grown);
            file_.read(begin_ + had, bytes_.data() + had, grown - had);
        }
        return static_cast<std::size_t>(std::exchange(position_, position_ + count));
    }
    template <class T>
    T number() {
        T value;
        const std::size_t at = take(sizeof value);
        std::memcpy(&value, bytes_.data() + at, sizeof value);
        return value;
    }
    std::uint8_t byte() { return number<std::uint8_t>(); }
    /// The text up to the next line feed, which is skipped.
    std::string_view line() {
        const std::uint64_t begin = position_;
        constexpr std::uint64_t longest = 4096;
        while (byte() != '\n') {
            if (position_ - begin > longest) damaged("a line without end");
        }
        return std::string_view(bytes_).substr(begin, position_ - begin - 1);
    }
    template <class T>
    T parse(std::string_view text) const {
        T value{};
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc() || end != text.data() + text.size()) damaged("a number that is none");
        return value;
    }

    // ---- values

    Index add(Value value) {
        if (values_.size() >= limits_.values) {
            fail("{}: a pickle of more than {} values; no list of tensors has as many", file_.name(), limits_.values);
        }
        values_.push_back(std::move(value));
        return static_cast<Index>(values_.size() - 1);
    }
    Index add(Kind kind, std::vector<Index> items = {}) {
        Value value;
        value.kind = kind;
        value.items = std::move(items);
        return add(std::move(value));
    }
    void push(Index index) { stack_.push_back(index); }
    void push_integer(Kind kind, std::int64_t number) {
        Value value;
        value.kind = kind;
        value.integer = number;
        push(add(std::move(value)));
    }
    void push_text(Kind kind, std::uint64_t length) {
        Value value;
        value.kind = kind;
        value.begin = take(length);
        value.length = length;
        push(add(std::move(value)));
    }
    /// The text up to the next line feed, less `quotes` bytes at either end.
    void push_line(std::uint64_t quotes) {
        Value value;
        value.kind = Kind::text;
        value.begin = position_ + quotes;
        const std::uint64_t length = line().size();
        if (length < 2 * quotes) damaged("a text without quotes");
        value.length = length - 2 * quotes;
        push(add(std::move(value)));
    }
    /// Values above the last mark; the mark itself when there is none is the bottom.
    std::size_t above() const { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }
    Index pop() {
        if (above() == 0) damaged("a value is wanted where there is none");
        const Index index = stack_.back();
        stack_.pop_back();
        return index;
    }
    std::vector<Index> pop_to_mark() {
        if (marks_.empty()) damaged("a mark is missing");
        const auto from = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
        std::vector<Index> items(from, stack_.end());
        stack_.erase(from, stack_.end());
        marks_.pop_back();
        return items;
    }
    std::vector<Index> pop_many(std::size_t count) {
        std::vector<Index> items(count);
        for (std::size_t i = count; i-- > 0;) items[i] = pop();
        return items;
    }
    /// Puts items into the value on top.
    void extend(bool list, const std::vector<Index>& items) {
        if (above() == 0) damaged("something is put into nothing");
        Value& value = values_[stack_.back()];
        if (value.kind == Kind::opaque) return;
        if (list ? value.kind != Kind::list : value.kind != Kind::dict && value.kind != Kind::call) {
            damaged("something is put into what cannot hold it");
        }
        if (!list && items.size() % 2 != 0) damaged("a key without a value");
        value.items.insert(value.items.end(), items.begin(), items.end());
    }

    // ---- names and memo

    void push_global(std::string_view module, std::string_view name) {
        if (module.size() + name.size() > longest_name) damaged("a name without end");
        const std::string full = std::string(module) + "." + std::string(name);
        const auto found = std::find(known_.begin(), known_.end(), full);
        if (found != known_.end()) return push_integer(Kind::global, found - known_.begin());
        const auto before = std::find(unknown_.begin(), unknown_.end(), full);
        const bool is_new = before == unknown_.end();
        const auto place = before - unknown_.begin();
        if (is_new && unknown_.size() == most_unknown_names) return push_integer(Kind::opaque, nameless);
        if (is_new) unknown_.push_back(full);
        push_integer(Kind::opaque, place);
    }
    void push_call(Index callee, Index arguments) {
        const Kind kind = values_[callee].kind;
        if (kind == Kind::opaque) return push_integer(Kind::opaque, values_[callee].integer);
        if (kind != Kind::global || values_[arguments].kind != Kind::tuple) {
            damaged("a call of what cannot be called");
        }
        push(add(Kind::call, {callee, arguments}));
    }
    void remember(std::uint64_t key) {
        if (above() == 0) damaged("nothing to remember");
        memo_[key] = stack_.back();
    }
    void recall(std::uint64_t key) {
        const auto found = memo_.find(key);
        if (found == memo_.end()) damaged("it refers to a value that was not there");
        push(found->second);
    }

    void step(std::uint8_t opcode) {
        switch (opcode) {
            case op_proto:
                if (const int protocol = byte(); protocol > 5) {
                    fail("{}: a pickle of protocol {}; protocols up to 5 are known", file_.name(), protocol);
                }
                return;
            case op_frame:
                take(8);
                return;
            case op_mark:
                if (marks_.size() >= limits_.values) damaged("too many marks");
                return marks_.push_back(stack_.size());
            case op_pop:
                pop();
                return;
            case op_pop_mark:
                pop_to_mark();
                return;
            case op_dup:
                if (above() == 0) damaged("nothing to repeat");
                return push(stack_.back());
            case op_none:
                return push(add(Kind::none));
            case op_newtrue:
            case op_newfalse:
                return push_integer(Kind::boolean, opcode == op_newtrue);
            case op_binint:
                return push_integer(Kind::integer, number<std::int32_t>());
            case op_binint1:
                return push_integer(Kind::integer, byte());
            case op_binint2:
                return push_integer(Kind::integer, number<std::uint16_t>());
            case op_int: {
                const std::string_view text = line();
                const bool boolean = text == "00" || text == "01";
                return push_integer(boolean ? Kind::boolean : Kind::integer, parse<std::int64_t>(text));
            }
            case op_long: {
                std::string_view text = line();
                if (text.ends_with('L')) text.remove_suffix(1);
                std::int64_t value = 0;
                const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
                if (error != std::errc::result_out_of_range) value = parse<std::int64_t>(text);
                return push_integer(error == std::errc() ? Kind::integer : Kind::large_integer, value);
            }
            case op_long1:
                return push_long(byte());
            case op_long4:
                return push_long(number<std::uint32_t>());
            case op_float: {
                Value value;
                value.kind = Kind::real;
                value.real = parse<double>(line());
                return push(add(std::move(value)));
            }
            case op_binfloat: {
                Value value;
                value.kind = Kind::real;
                value.real = std::bit_cast<double>(__builtin_bswap64(number<std::uint64_t>()));
                return push(add(std::move(value)));
            }
            case op_short_binstring:  // Python 2's str: text in practice
            case op_short_binunicode:
                return push_text(Kind::text, byte());
            case op_binstring:
            case op_binunicode:
                return push_text(Kind::text, number<std::uint32_t>());
            case op_binunicode8:
                return push_text(Kind::text, number<std::uint64_t>());
            case op_unicode:
                return push_line(0);
            case op_string:
                return push_line(1);  // within quotes
            case op_short_binbytes:
                return push_text(Kind::bytes, byte());
            case op_binbytes:
                return push_text(Kind::bytes, number<std::uint32_t>());
            case op_binbytes8:
            case op_bytearray8:
                return push_text(Kind::bytes, number<std::uint64_t>());
            case op_empty_tuple:
                return push(add(Kind::tuple));
            case op_tuple1:
            case op_tuple2:
            case op_tuple3:
                return push(add(Kind::tuple, pop_many(opcode - op_tuple1 + 1u)));
            case op_tuple:
                return push(add(Kind::tuple, pop_to_mark()));
            case op_list:
                return push(add(Kind::list, pop_to_mark()));
            case op_dict: {
                std::vector<Index> items = pop_to_mark();
                if (items.size() % 2 != 0) damaged("a key without a value");
                return push(add(Kind::dict, std::move(items)));
            }
            case op_empty_list:
                return push(add(Kind::list));
            case op_empty_dict:
                return push(add(Kind::dict));
            case op_append:
                return extend(true, pop_many(1));
            case op_appends:
                return extend(true, pop_to_mark());
            case op_setitem:
                return extend(false, pop_many(2));
            case op_setitems:
                return extend(false, pop_to_mark());
            case op_empty_set:
                return push_integer(Kind::opaque, nameless);
            case op_frozenset:
                pop_to_mark();
                return push_integer(Kind::opaque, nameless);
            case op_additems:
                pop_to_mark();
                if (above() == 0 || values_[stack_.back()].kind != Kind::opaque) damaged("no set to add to");
                return;
            case op_global: {
                const std::string module(line());
                return push_global(module, line());
            }
            case op_inst: {
                const std::string module(line());
                const Index arguments = add(Kind::tuple, pop_to_mark());
                push_global(module, line());
                return push_call(pop(), arguments);
            }
            case op_obj: {
                std::vector<Index> items = pop_to_mark();
                if (items.empty()) damaged("an instance of nothing");
                const Index callee = items[0];
                items.erase(items.begin());
                return push_call(callee, add(Kind::tuple, std::move(items)));
            }
            case op_stack_global: {
                const Value name = values_[pop()], module = values_[pop()];
                if (name.kind != Kind::text || module.kind != Kind::text) damaged("a name that is not text");
                const std::string_view all = bytes_;
                return push_global(all.substr(module.begin, module.length), all.substr(name.begin, name.length));
            }
            case op_newobj_ex:  // with arguments by name, which nothing known has
                pop();
                [[fallthrough]];
            case op_reduce:
            case op_newobj: {
                const Index arguments = pop(), callee = pop();
                return push_call(callee, arguments);
            }
            case op_build:  // attributes, such as an OrderedDict's _metadata: of no use here
                pop();
                if (above() == 0 ||
                    (values_[stack_.back()].kind != Kind::call && values_[stack_.back()].kind != Kind::opaque)) {
                    damaged("attributes of nothing");
                }
                return;
            case op_persid:
                push_line(0);
                [[fallthrough]];
            case op_binpersid:
                return push(add(Kind::persistent, pop_many(1)));
            case op_memoize:
                return remember(memo_.size());
            case op_put:
                return remember(parse<std::uint64_t>(line()));
            case op_binput:
                return remember(byte());
            case op_long_binput:
                return remember(number<std::uint32_t>());
            case op_get:
                return recall(parse<std::uint64_t>(line()));
            case op_binget:
                return recall(byte());
            case op_long_binget:
                return recall(number<std::uint32_t>());
            default:
                fail("{}: the pickle has opcode 0x{:02x} at byte {}, which no list of tensors needs", file_.name(),
                     opcode, begin_ + position_ - 1);
        }
    }

    /// A whole number of `length` bytes, two's complement.
    void push_long(std::size_t length) {
        if (length > 8) return push_text(Kind::large_integer, length);
        const std::size_t at = take(length);
        std::int64_t value = 0;
        std::memcpy(&value, bytes_.data() + at, length);
        if (length > 0 && length < 8) {
            const auto unused = static_cast<int>(64 - 8 * length);
            value = static_cast<std::int64_t>(static_cast<std::uint64_t>(value) << unused) >> unused;
        }
        push_integer(Kind::integer, value);
    }

    /// Refuses a value that contains itself, and nesting beyond the limit. Every value is entered once.
    void check_tree(Index root) const {
        enum : std::uint8_t { unseen, open, done };
        std::vector<std::uint8_t> state(values_.size(), unseen);
        std::vector<int> height(values_.size(), 1);
        std::vector<std::pair<Index, std::size_t>> path = {{root, 0}};  // a value, and which of its items is next
        state[root] = open;
        while (!path.empty()) {
            const Index index = path.back().first;
            const auto& items = values_[index].items;
            if (path.back().second == items.size()) {
                state[index] = done;
                path.pop_back();
                if (!path.empty()) raise(height[path.back().first], height[index]);
                continue;
            }
            const Index item = items[path.back().second++];
            if (state[item] == open) fail("{}: the pickle holds a value that contains itself", file_.name());
            if (state[item] == done) {
                raise(height[index], height[item]);
                continue;
            }
            state[item] = open;
            path.emplace_back(item, 0);
            if (path.size() > static_cast<std::size_t>(limits_.depth)) too_deep();
        }
    }
    void raise(int& height, int of_item) const {
        height = std::max(height, of_item + 1);
        if (height > limits_.depth) too_deep();
    }
    [[noreturn]] void too_deep() const {
        fail("{}: the pickle is nested more than {} deep", file_.name(), limits_.depth);
    }

    const InputFile& file_;
    std::uint64_t begin_, end_;
    std::span<const std::string_view> known_;
    Limits limits_;
    std::string bytes_;
    std::uint64_t position_ = 0;  ///< in bytes_
    std::vector<Value> values_;
    std::vector<std::string> unknown_;
    std::vector<Index> stack_;
    std::vector<std::size_t> marks_;  ///< sizes of the stack
    std::unordered_map<std::uint64_t, Index> memo_;
};

}  // namespace

Pickle read(const InputFile& file, std::uint64_t begin, std::uint64_t end, std::span<const std::string_view> known,
            const Limits& limits) {
    return Reader(file, begin, end, known, limits).run();
}

}  // namespace camber::pickle
