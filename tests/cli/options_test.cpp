// Numbers that options take, of every command: which they are is read from its help, so that a new one is tried too.
#include <doctest/doctest.h>

#include <regex>

#include "cli/check_error.h"

using namespace camber;
using namespace camber::testing;

namespace {

using Words = std::vector<std::string>;

Words with(Words words, std::initializer_list<std::string> more) {
    words.insert(words.end(), more);
    return words;
}

Words numeric_options(const Words& command) {
    const std::string help = run_camber(with(command, {"--help"})).output;
    const std::regex option("(--[a-z0-9-]+) (INT|UINT|FLOAT)");
    Words found;
    for (std::sregex_iterator it(help.begin(), help.end(), option), end; it != end; ++it) found.push_back((*it)[1]);
    return found;
}

}  // namespace

TEST_CASE("every option with a number refuses one that is not finite, out of range or none, in a line that names it") {
    std::size_t tried = 0;
    for (const Words& command : {Words{"train"}, Words{"predict"}, Words{"import"}, Words{"data", "synth"}}) {
        for (const std::string& option : numeric_options(command)) {
            ++tried;
            for (const char* value : {"nan", "inf", "-inf", "-1", "1e999", "99999999999999999999999x", "0x10", ""}) {
                CAPTURE(option);
                CAPTURE(value);
                check_error(run_camber(with(command, {option, value})), 2, {option.c_str(), "must be", "number"});
            }
        }
    }
    CHECK(tried > 25);
    check_error(run_camber({"train", "--loss", "dice:nan", "--data", "x"}), 2, {"--loss", "dice", "above 0"});
    check_error(run_camber({"train", "--loss", "dice:inf", "--data", "x"}), 2, {"--loss", "dice", "above 0"});
    check_error(run_camber({"train", "--encoder-lr", "0.1,nan", "--data", "x"}), 2, {"--encoder-lr", "'nan'"});
    check_error(run_camber({"train", "--momentum", "1", "--data", "x"}), 2, {"--momentum", "below 1"});
    check_error(run_camber({"train", "--batch", "3000000000", "--data", "x"}), 2, {"--batch", "3000000000"});
}
