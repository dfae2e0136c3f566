#include "gateway/server/upgrade.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include <absl/strings/str_cat.h>

#include "pool/net/check.h"

namespace holdfast::server {
namespace {

std::vector<std::string> EnvironmentWith(const Legacy& legacy, int ready) {
  const std::string begin = absl::StrCat(Inheritance::kVariable, "=");
  const std::string begin_tickets = absl::StrCat(Inheritance::kTicketsVariable, "=");
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (!text.starts_with(begin) && !text.starts_with(begin_tickets)) variables.emplace_back(text);
  }
  variables.push_back(begin + FormatInheritance(legacy, ready));
  if (legacy.tickets >= 0) variables.push_back(absl::StrCat(begin_tickets, legacy.tickets));
  return variables;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// posix_spawn's parameters: the child keeps `inherited` under the same numbers, and starts with
// default signals, as this process did.
class SpawnParameters {
 public:
  explicit SpawnParameters(const std::vector<int>& inherited) {
    HOLDFAST_CHECK(posix_spawn_file_actions_init(&actions_) == 0);
    HOLDFAST_CHECK(posix_spawnattr_init(&attributes_) == 0);
    for (const int fd : inherited) {
      // Onto itself: clears close-on-exec in the child alone.
      HOLDFAST_CHECK(posix_spawn_file_actions_adddup2(&actions_, fd, fd) == 0);
    }
    sigset_t set;
    sigemptyset(&set);
    HOLDFAST_CHECK(posix_spawnattr_setsigmask(&attributes_, &set) == 0);
    sigaddset(&set, SIGPIPE);
    HOLDFAST_CHECK(posix_spawnattr_setsigdefault(&attributes_, &set) == 0);
    HOLDFAST_CHECK(posix_spawnattr_setflags(&attributes_,
                                            POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) == 0);
  }
  ~SpawnParameters() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnParameters(const SpawnParameters&) = delete;
  SpawnParameters& operator=(const SpawnParameters&) = delete;

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

std::string DescribeEnd(int status) {
  if (WIFSIGNALED(status)) return absl::StrCat("ended by signal ", WTERMSIG(status));
  return absl::StrCat("ended with exit code ", WEXITSTATUS(status));
}

}  // namespace

std::string ProgramPath(std::string_view argv0) {
  if (argv0.find('/') != std::string_view::npos) return std::string(argv0);
  std::array<char, 4096> path;
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
  return length > 0 ? std::string(path.data(), static_cast<size_t>(length)) : std::string(argv0);
}

Upgrade::Upgrade(pool::EventLoop* loop, Callbacks callbacks)
    : loop_(loop), callbacks_(std::move(callbacks)) {}

Upgrade::~Upgrade() {
  if (pid_ < 0) return;
  kill(pid_, SIGTERM);
  StopListening();
}

absl::Status Upgrade::Start(const std::vector<std::string>& command, const Legacy& legacy) {
  HOLDFAST_CHECK(!ready_.valid() && !command.empty());
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    return absl::ErrnoToStatus(errno, "cannot make a pipe");
  }
  ready_ = pool::FileDescriptor(ends[0]);
  const pool::FileDescriptor theirs(ends[1]);

  std::vector<int> inherited = {theirs.get()};
  if (legacy.status >= 0) inherited.push_back(legacy.status);
  if (legacy.tickets >= 0) inherited.push_back(legacy.tickets);
  for (const auto& [key, sockets] : legacy.listeners) {
    inherited.insert(inherited.end(), sockets.begin(), sockets.end());
  }
  if (const int error = loop_->Register(ready_.get(), this, EPOLLIN); error != 0) {
    ready_.Reset();
    return absl::ErrnoToStatus(error, "cannot watch a pipe");
  }
  const SpawnParameters parameters(inherited);
  std::vector<std::string> arguments = command;
  std::vector<std::string> variables = EnvironmentWith(legacy, theirs.get());
  pid_t pid = -1;
  const int error =
      posix_spawn(&pid, command[0].c_str(), parameters.actions(), parameters.attributes(),
                  Pointers(arguments).data(), Pointers(variables).data());
  if (error != 0) {
    StopListening();
    return absl::ErrnoToStatus(error, absl::StrCat("cannot start ", command[0]));
  }
  pid_ = pid;
  loop_->timers().Arm(timeout_, loop_->now() + kReadyTimeout);
  return absl::OkStatus();
}

void Upgrade::OnEvents(uint32_t) {
  char byte;
  const ssize_t got = read(ready_.get(), &byte, 1);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got != 1) return Fail("before it was ready");
  StopListening();
  callbacks_.on_ready();
}

void Upgrade::OnTimeout(pool::TimePoint) { Fail("since it was not ready in time"); }

void Upgrade::Fail(std::string_view what) {
  const pid_t pid = pid_;
  StopListening();
  // A process that is ending by itself keeps its exit code; one that only closed the pipe is
  // useless.
  kill(pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  callbacks_.on_failed(
      absl::StrCat("process ", pid, " ", DescribeEnd(status), " ", std::string(what)));
}

void Upgrade::StopListening() {
  loop_->Unregister(ready_.get(), this);
  loop_->timers().Cancel(timeout_);
  ready_.Reset();
  pid_ = -1;
}

}  // namespace holdfast::server
