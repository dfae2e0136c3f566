#include "tests/support/subprocess.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace holdfast::support {
namespace {

// As a shell says that it found no such program.
constexpr int kNotFound = 127;

struct Child {
  const char* const* arguments;
  int input;
  int output;
  int errors;
  int descriptor_limit;
  bool without_streams;
};

// Between fork and exec, where only async-signal-safe calls are allowed.
[[noreturn]] void Become(const Child& child) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(child.input, STDIN_FILENO);
  dup2(child.output, STDOUT_FILENO);
  dup2(child.errors, STDERR_FILENO);
  if (child.without_streams) {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) close(fd);
  }
  if (child.descriptor_limit > 0) {
    const auto limit = static_cast<rlim_t>(child.descriptor_limit);
    const rlimit limits{.rlim_cur = limit, .rlim_max = limit};
    setrlimit(RLIMIT_NOFILE, &limits);
  }
  execvp(child.arguments[0], const_cast<char* const*>(child.arguments));
  _exit(kNotFound);
}

int Create(const std::string& path) {
  return open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
}

}  // namespace

Subprocess::Subprocess(const std::vector<std::string>& arguments, const Options& options) {
  std::vector<const char*> pointers;
  for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
  pointers.push_back(nullptr);
  const Child child{.arguments = pointers.data(),
                    .input = open(options.stdin_path.c_str(), O_RDONLY | O_CLOEXEC),
                    .output = Create(files_.Path("stdout")),
                    .errors = Create(files_.Path("stderr")),
                    .descriptor_limit = options.descriptor_limit,
                    .without_streams = options.without_streams};
  EXPECT_GE(child.input, 0) << options.stdin_path;
  pid_ = fork();
  if (pid_ == 0) Become(child);
  if (pid_ < 0) ADD_FAILURE() << "fork failed";
  close(child.input);
  close(child.output);
  close(child.errors);
}

Subprocess::~Subprocess() {
  if (Poll().has_value() || pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void Subprocess::Signal(int signal) const {
  if (!result_.has_value() && pid_ > 0) kill(pid_, signal);
}

std::optional<int> Subprocess::Poll() {
  int status = 0;
  if (result_.has_value() || pid_ <= 0 || waitpid(pid_, &status, WNOHANG) != pid_) return result_;
  result_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return result_;
}

std::optional<int> Subprocess::Wait(std::chrono::milliseconds patience) {
  Eventually([this] { return Poll().has_value(); }, patience);
  return result_;
}

Finished RunProgram(const std::vector<std::string>& arguments, const Subprocess::Options& options,
                    std::chrono::milliseconds patience) {
  Subprocess process(arguments, options);
  const std::optional<int> code = process.Wait(patience);
  const Finished finished{
      .code = code.value_or(-1), .out = process.Stdout(), .err = process.Stderr()};
  if (!code.has_value()) {
    ADD_FAILURE() << arguments[0] << " did not end in time; stderr:\n" << finished.err;
  } else if (*code == kNotFound && finished.err.empty()) {
    ADD_FAILURE() << "cannot run " << arguments[0]
                  << ": install the packages of deploy/packages.list";
  }
  return finished;
}

Finished RunProgram(const std::vector<std::string>& arguments, std::chrono::milliseconds patience) {
  return RunProgram(arguments, Subprocess::Options{}, patience);
}

}  // namespace holdfast::support
