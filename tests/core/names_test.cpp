#include <camber/names.h>
#include <doctest/doctest.h>

using namespace camber;

TEST_CASE("a name that is much like one of a list is told from one that is not") {
    const std::vector<std::string> names = {"lr", "width", "optimizer", "weight_decay"};
    CHECK(did_you_mean("widht", names) == " (did you mean 'width'?)");   // two letters exchanged
    CHECK(did_you_mean("wdth", names) == " (did you mean 'width'?)");    // one left out
    CHECK(did_you_mean("widthh", names) == " (did you mean 'width'?)");  // one too many
    CHECK(did_you_mean("optimiser", names) == " (did you mean 'optimizer'?)");
    CHECK(did_you_mean("rl", names) == " (did you mean 'lr'?)");
    CHECK(did_you_mean("x", names).empty());
    CHECK(did_you_mean("momentum", names).empty());
    CHECK(did_you_mean(std::string(1 << 20, 'w'), names).empty());
    CHECK(did_you_mean("", names).empty());
    CHECK(did_you_mean("lr", {}).empty());
}

TEST_CASE("a list of choices reads as a sentence") {
    CHECK(one_of({}) == "");
    CHECK(one_of({"sgd"}) == "sgd");
    CHECK(one_of({"sgd", "adam"}) == "sgd or adam");
    CHECK(one_of({"sgd", "adam", "adamw"}) == "sgd, adam or adamw");
}
