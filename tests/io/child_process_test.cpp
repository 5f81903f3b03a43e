#include "io/child_process.h"

#include <camber/error.h>
#include <doctest/doctest.h>

#include <csignal>
#include <cstring>

#include "support/errors.h"

using namespace camber;
using namespace camber::testing;

TEST_CASE("what is done in a child process comes back, and what becomes of the child is one line") {
    int changed = 1;
    const std::string large(1 << 20, 'x');
    CHECK(in_child_process("a", "died", 0, [&] {
              changed = 2;
              return large;
          }) == large);
    CHECK(changed == 1);
    CHECK(in_child_process("a", "died", 0, [] { return std::string(); }).empty());
    CHECK(error_of([] { in_child_process("a", "died", 0, []() -> std::string { fail("b is wrong"); }); }) ==
          "b is wrong");
    for (const int signal : {SIGSEGV, SIGABRT, SIGKILL}) {
        CHECK(error_of([&] {
                  in_child_process("a", "died", 0, [&] {
                      std::raise(signal);
                      return std::string("x");
                  });
              }) == "a: died");
    }
    CHECK(error_of([&] {
              in_child_process("a", "died", 0, [] {
                  return std::string(std::size_t{3} << 30, 'x');  // more memory than it may have
              });
          }) == "a: died");
    const SharedMemory shared(100);
    in_child_process("a", "died", 0, [&] {
        std::memset(shared.data(), 7, 100);
        return std::string();
    });
    CHECK(static_cast<char*>(shared.data())[99] == 7);
}
