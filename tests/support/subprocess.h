#ifndef HOLDFAST_TESTS_SUPPORT_SUBPROCESS_H_
#define HOLDFAST_TESTS_SUPPORT_SUBPROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/deadline.h"
#include "tests/support/temp_dir.h"

namespace holdfast::support {

// Another program with its output in files, so that it never waits for the test to read it.
// Killed with the test, whatever happens to that, and by the destructor.
class Subprocess {
 public:
  struct Options {
    int descriptor_limit = 0;  // RLIMIT_NOFILE; 0: as it is
    std::string stdin_path = "/dev/null";
    bool without_streams = false;  // started with descriptors 0 to 2 closed
  };

  explicit Subprocess(std::vector<std::string> arguments) : Subprocess(arguments, Options{}) {}
  Subprocess(const std::vector<std::string>& arguments, const Options& options);
  ~Subprocess();
  Subprocess(const Subprocess&) = delete;
  Subprocess& operator=(const Subprocess&) = delete;

  pid_t pid() const { return pid_; }
  void Signal(int signal) const;
  // The exit code, or the negated signal that ended it; nullopt while it runs on.
  std::optional<int> Poll();
  std::optional<int> Wait(std::chrono::milliseconds patience = kPatience);

  std::string Stdout() const { return ReadFile(files_.Path("stdout")); }
  std::string Stderr() const { return ReadFile(files_.Path("stderr")); }

 private:
  TempDir files_;
  pid_t pid_ = -1;
  std::optional<int> result_;
};

// What a program that ended by itself left.
struct Finished {
  int code = -1;
  std::string out;
  std::string err;
};

// Runs a program to its end. One that is not installed, or does not end, fails the test: nothing
// is skipped for want of a tool.
Finished RunProgram(const std::vector<std::string>& arguments,
                    std::chrono::milliseconds patience = kPatience);
Finished RunProgram(const std::vector<std::string>& arguments, const Subprocess::Options& options,
                    std::chrono::milliseconds patience = kPatience);

}  // namespace holdfast::support

#endif  // HOLDFAST_TESTS_SUPPORT_SUBPROCESS_H_
