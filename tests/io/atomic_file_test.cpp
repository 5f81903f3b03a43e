#include "io/atomic_file.h"

#include <camber/error.h>
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/errors.h"
#include "support/files.h"

using namespace camber;
using namespace camber::testing;

namespace {

/// For its lifetime no file may grow beyond `bytes`: write() then fails as it does on a full disk, after a part.
class FileSizeLimit {
  public:
    explicit FileSizeLimit(rlim_t bytes) : old_handler_(::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &old_limit_);
        const rlimit limit{bytes, old_limit_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~FileSizeLimit() {
        ::setrlimit(RLIMIT_FSIZE, &old_limit_);
        ::signal(SIGXFSZ, old_handler_);
    }

  private:
    rlimit old_limit_{};
    void (*old_handler_)(int);
};

}  // namespace

TEST_CASE("a committed file replaces the old one and leaves nothing beside it") {
    const TemporaryFolder folder;
    write_text(folder / "a.txt", "old");
    AtomicFile file(folder / "a.txt");
    file.write("new ");
    file.write("text");
    CHECK(read_text(folder / "a.txt") == "old");
    file.commit();
    CHECK(read_text(folder / "a.txt") == "new text");
    CHECK(folder.file_count() == 1);
}

TEST_CASE("an uncommitted file leaves no trace") {
    const TemporaryFolder folder;
    {
        AtomicFile file(folder / "a.txt");
        file.write("text");
        CHECK(folder.file_count() == 1);
    }
    CHECK(folder.file_count() == 0);
}

TEST_CASE("a failing write names the file and the reason and keeps the old file") {
    const TemporaryFolder folder;
    write_text(folder / "a.txt", "old");
    const std::string large(1 << 20, 'x');
    std::string message;
    {
        const FileSizeLimit limit(100'000);
        message = error_of([&] { write_file_atomically(folder / "a.txt", large); });
    }
    CHECK(message == "cannot write " + (folder / "a.txt").string() + ": File too large");
    CHECK(read_text(folder / "a.txt") == "old");
    CHECK(folder.file_count() == 1);
}

TEST_CASE("targets that cannot be written are refused at once") {
    const TemporaryFolder folder;
    const auto refusal = [](const std::filesystem::path& target) {
        return error_of([&] { write_file_atomically(target, "text"); });
    };
    CHECK(refusal(folder / "none/a.txt") ==
          "cannot write " + (folder / "none/a.txt").string() + ": there is no folder " + (folder / "none").string());
    CHECK(refusal(folder.path()) == "cannot write " + folder.path().string() + ": it exists and is not a regular file");
    CHECK(refusal("/dev/full").ends_with("not a regular file"));
    CHECK(refusal(folder / "").ends_with("it is not a file name"));
    if (::geteuid() != 0) {  // root may write anywhere
        ::chmod(folder.path().c_str(), 0500);
        CHECK(refusal(folder / "a.txt").ends_with("Permission denied"));
        ::chmod(folder.path().c_str(), 0700);
    }
    CHECK(folder.file_count() == 0);
}

TEST_CASE("what a killed writer left is removed by the next writer of that file, what a living one writes is not") {
    const TemporaryFolder folder;
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        AtomicFile file(folder / "a.txt");
        file.write("half");
        ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFSIGNALED(status));
    REQUIRE(folder.file_count() == 1);

    write_file_atomically(folder / "b.txt", "text");
    CHECK(folder.file_count() == 2);  // another target's leftover is left alone
    AtomicFile living(folder / "a.txt");
    living.write("living");
    CHECK(folder.file_count() == 2);
    write_file_atomically(folder / "a.txt", "second");
    CHECK(read_text(folder / "a.txt") == "second");
    living.commit();
    CHECK(read_text(folder / "a.txt") == "living");
    CHECK(folder.file_count() == 2);
}
