#include "io/pickle.h"

#include <doctest/doctest.h>

#include "io/archive.h"
#include "support/errors.h"
#include "support/files.h"

using namespace camber;
using namespace camber::testing;
using pickle::Kind;

namespace {

constexpr std::string_view allowed[] = {"collections.OrderedDict", "torch.FloatStorage"};

pickle::Pickle parse(const std::string& contents, const pickle::Limits& limits = {}) {
    const TemporaryFolder folder;
    write_text(folder / "a.pkl", contents);
    const InputFile file(folder / "a.pkl");
    return pickle::read(file, 0, file.size(), allowed, limits);
}

std::string refusal(const std::string& contents, const pickle::Limits& limits = {}) {
    const std::string message = error_of([&] { parse(contents, limits); });
    CAPTURE(message);
    CHECK(message.find("a.pkl") != std::string::npos);
    CHECK(message.find('\n') == std::string::npos);
    return message;
}

/// `depth` tuples of two, each twice the one before: 2^depth leaves in a few bytes.
std::string doubling(int depth) {
    std::string text = "N";
    for (int i = 0; i < depth; ++i) text += "q" + little(0, 1) + "h" + little(0, 1) + "\x86";
    return text;
}

}  // namespace

TEST_CASE("values of every kind and protocol come back") {
    // {'a': [1, -2, 300, True, None, 2.5, b'xy', 2**40, u'\u00e9']} as protocol 4 writes it
    const std::string text = std::string("\x80\x04\x95") + little(60, 8) + "}\x94\x8c\x01" + "a\x94]\x94(" + "K\x01" +
                             "J" + little(static_cast<std::uint32_t>(-2), 4) + "M" + little(300, 2) + "\x88N" + "G" +
                             std::string("\x40\x04\0\0\0\0\0\0", 8) + "C\x02xy\x94" + "\x8a\x06" +
                             little(1ull << 40, 6) + "\x8c\x02\xc3\xa9\x94" + "es.";
    const pickle::Pickle p = parse(text);
    const auto& dict = p[p.root];
    REQUIRE(dict.kind == Kind::dict);
    REQUIRE(dict.items.size() == 2);
    CHECK(p.text(p[dict.items[0]]) == "a");
    const auto& list = p[dict.items[1]];
    REQUIRE(list.kind == Kind::list);
    REQUIRE(list.items.size() == 9);
    CHECK(p[list.items[0]].integer == 1);
    CHECK(p[list.items[1]].integer == -2);
    CHECK(p[list.items[2]].integer == 300);
    CHECK(p[list.items[3]].kind == Kind::boolean);
    CHECK(p[list.items[4]].kind == Kind::none);
    CHECK(p[list.items[5]].real == 2.5);
    CHECK(p.text(p[list.items[6]]) == "xy");
    CHECK(p[list.items[7]].integer == std::int64_t{1} << 40);
    CHECK(p.text(p[list.items[8]]) == "\xc3\xa9");
    CHECK(p.end == text.size());

    const pickle::Pickle old = parse("(I01\nI-5\nVabc\np3\nU\x02xyg3\nt.");  // protocols 0 and 1
    REQUIRE(old[old.root].items.size() == 5);
    CHECK(old[old[old.root].items[0]].kind == Kind::boolean);
    CHECK(old[old[old.root].items[1]].integer == -5);
    CHECK(old.text(old[old[old.root].items[4]]) == "abc");
    CHECK(parse("\x8a\x01\xff.").values[0].integer == -1);
    CHECK(parse("\x8a\x0a" + std::string(10, 'x') + ".").values[0].kind == Kind::large_integer);
}

TEST_CASE("calls of what is known become nodes, whatever else is named a leaf that keeps nothing") {
    const pickle::Pickle p = parse("ccollections\nOrderedDict\n)R" + pickled_text("k") + "K\x07s}b.");
    REQUIRE(p[p.root].kind == Kind::call);
    CHECK(p[p[p.root].items[0]].integer == 0);
    CHECK(p[p[p.root].items[3]].integer == 7);

    const auto leaf = [](const std::string& contents) {
        const pickle::Pickle tree = parse(contents);
        CHECK(tree[tree.root].kind == Kind::opaque);
        CHECK(tree[tree.root].items.empty());
        return tree.name(tree.root);
    };
    CHECK(leaf("cos\nsystem\n(S'id'\ntR.") == "os.system");
    CHECK(leaf("\x80\x02"
               "cposix\nsystem\nq\1(U\2idtR.") == "posix.system");
    CHECK(leaf("\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x85R.") == "os.system");
    CHECK(leaf("(ios\nsystem\n.") == "os.system");
    CHECK(leaf("(cos\nsystem\nK\1o.") == "os.system");
    CHECK(leaf("ca\nb\n)}\x92}(K\1K\2ub(K\1eK\1K\2s.") == "a.b");
    CHECK(leaf("\x8f(K\1\x90.") == "object");
    CHECK(leaf("(K\1\x91.") == "object");
    std::string many;
    for (int i = 0; i < 100; ++i) many += "cm\nc" + std::to_string(i) + "\n0";
    CHECK(leaf(many + "cm\nlast\n.") == "object");
    CHECK(mentions(refusal("}}R."), {"cannot be called"}));
    CHECK(mentions(refusal("\x82\x01."), {"opcode 0x82"}));
    CHECK(mentions(refusal("\x97."), {"opcode 0x97"}));
}

TEST_CASE("what only the older protocols write comes back too") {
    const pickle::Pickle p = parse("((I1\nF2.5\nL3L\nL99999999999999999999L\nS'ab'\nlI7\nd.");
    CHECK(p[p.root].kind == Kind::dict);
    const auto& list = p[p[p.root].items[0]];
    REQUIRE(list.items.size() == 5);
    CHECK(p[list.items[1]].real == 2.5);
    CHECK(p[list.items[2]].integer == 3);
    CHECK(p[list.items[3]].kind == Kind::large_integer);
    CHECK(p.text(p[list.items[4]]) == "ab");
}

TEST_CASE("pickles that are cut short are refused wherever the cut is") {
    const std::string good = pickled("}" + pickled_text("x") + pickled_tensor(4, 0, {2, 2}, {2, 1}) + "s");
    const std::string cut_here = "X" + little(0xffffffff, 4) + "abc.";
    CHECK(mentions(refusal(cut_here), {"cut short"}));
    const pickle::Limits limits;
    constexpr std::string_view names[] = {"torch._utils._rebuild_tensor_v2", "torch.FloatStorage"};
    const TemporaryFolder folder;
    for (std::size_t bytes = 0; bytes < good.size(); ++bytes) {
        write_text(folder / "a.pkl", good.substr(0, bytes));
        const InputFile file(folder / "a.pkl");
        CHECK(mentions(error_of([&] { pickle::read(file, 0, file.size(), names, limits); }), {"cut short"}));
    }
}

TEST_CASE("structures without end or measure are refused") {
    CHECK(mentions(refusal("]q\1h\1a."), {"contains itself"}));
    CHECK(mentions(refusal("}q\1" + pickled_text("x") + "h\1s."), {"contains itself"}));
    CHECK(mentions(refusal("]q\1]q\2h\1ah\2a."), {"damaged"}));
    CHECK(mentions(refusal("]q\1]h\1aa."), {"contains itself"}));
    CHECK(mentions(refusal(std::string(100, ']') + std::string(99, 'a') + "."), {"nested more than 64 deep"}));
    CHECK(mentions(refusal("N" + std::string(1'000'000, '\x85') + "."), {"nested more than 64 deep"}));
    CHECK(mentions(refusal(doubling(200) + "."), {"nested more than 64 deep"}));
    CHECK_NOTHROW(parse(doubling(40) + "."));  // a million million leaves, each value looked at once
    CHECK(mentions(refusal("(" + std::string(3'000'000, 'N') + "t."), {"more than 2000000 values"}));
    CHECK(mentions(refusal("B" + little(1000, 4) + std::string(1000, 'x') + ".", {.bytes = 100}), {"more than 0 MiB"}));
    CHECK(mentions(refusal("NN."), {"other than one value"}));
    CHECK(mentions(refusal("."), {"other than one value"}));
    CHECK(mentions(refusal("(."), {"other than one value"}));
    CHECK(mentions(refusal("a."), {"wanted where there is none"}));
    CHECK(mentions(refusal("t."), {"mark is missing"}));
    CHECK(mentions(refusal("h\7."), {"was not there"}));
    CHECK(mentions(refusal("q\7."), {"nothing to remember"}));
    CHECK(mentions(refusal("NNa."), {"cannot hold it"}));
    CHECK(mentions(refusal("}(NNNu."), {"key without a value"}));
    CHECK(mentions(refusal("Ix\n."), {"number that is none"}));
    CHECK(mentions(refusal("V" + std::string(10'000, 'x')), {"line without end"}));
    CHECK(mentions(refusal("\x80\x07."), {"protocol 7"}));
}
