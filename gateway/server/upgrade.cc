#include "gateway/server/upgrade.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include "pool/net/check.h"

namespace holdfast::server {
namespace {

constexpr char kHexDigits[] = "0123456789ABCDEF";

// Listeners' names are the operator's: whatever has a meaning in the variable is escaped.
std::string Escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '/') {
      escaped += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      escaped += {'%', kHexDigits[byte >> 4], kHexDigits[byte & 15]};
    }
  }
  return escaped;
}

std::string Unescape(std::string_view escaped) {
  std::string text;
  for (size_t i = 0; i < escaped.size(); ++i) {
    unsigned value = 0;
    const char* const digits = escaped.data() + i + 1;
    if (escaped[i] != '%' || i + 2 >= escaped.size() ||
        std::from_chars(digits, digits + 2, value, 16).ec != std::errc()) {
      text += escaped[i];
      continue;
    }
    text += static_cast<char>(value);
    i += 2;
  }
  return text;
}

bool IsListening(int fd) {
  int accepts = 0;
  socklen_t length = sizeof(accepts);
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &length) == 0 && accepts == 1;
}

// The numbers in "5" and "7,8"; empty when it is something else.
std::vector<int> ParseNumbers(std::string_view text) {
  std::vector<int> numbers;
  const char* next = text.data();
  const char* const end = text.data() + text.size();
  while (true) {
    int number = -1;
    const std::from_chars_result result = std::from_chars(next, end, number);
    if (result.ec != std::errc() || number < 0) return {};
    numbers.push_back(number);
    if (result.ptr == end) return numbers;
    if (*result.ptr != ',') return {};
    next = result.ptr + 1;
  }
}

// What the variable says, before anything is believed.
absl::StatusOr<std::pair<Legacy, int>> ParseWords(std::string_view text) {
  Legacy legacy;
  int ready = -1;
  const std::vector<std::string> all = absl::StrSplit(std::string(text), ' ');
  for (const std::string& word : all) {
    const std::vector<std::string> parts = absl::StrSplit(word, ':');
    const std::vector<int> numbers = ParseNumbers(parts.back());
    if (parts.size() == 2 && parts[0] == "ready" && numbers.size() == 1) {
      ready = numbers[0];
    } else if (parts.size() == 2 && parts[0] == "status" && numbers.size() == 1) {
      legacy.status = numbers[0];
    } else if (parts.size() == 3 && parts[0] == "listener" && !numbers.empty()) {
      legacy.listeners[Unescape(parts[1])] = numbers;
    } else {
      return absl::InvalidArgumentError(absl::StrCat("cannot read \"", word, "\""));
    }
  }
  return std::make_pair(std::move(legacy), ready);
}

// Every descriptor once, each of its kind.
absl::Status CheckDescriptors(const Legacy& legacy, int ready) {
  std::vector<int> sockets;
  for (const auto& [key, numbers] : legacy.listeners) {
    sockets.insert(sockets.end(), numbers.begin(), numbers.end());
  }
  if (legacy.status >= 0) sockets.push_back(legacy.status);
  for (const int fd : sockets) {
    if (!IsListening(fd)) {
      return absl::InvalidArgumentError(absl::StrCat("descriptor ", fd, " is no listening socket"));
    }
  }
  if (fcntl(ready, F_GETFD) < 0) {
    return absl::InvalidArgumentError(absl::StrCat("descriptor ", ready, " is not open"));
  }
  sockets.push_back(ready);
  std::ranges::sort(sockets);
  if (std::ranges::adjacent_find(sockets) != sockets.end()) {
    return absl::InvalidArgumentError("a descriptor is named twice");
  }
  return absl::OkStatus();
}

pool::FileDescriptor Possess(int fd) {
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  return pool::FileDescriptor(fd);
}

std::vector<std::string> EnvironmentWith(const std::string& inheritance) {
  const std::string begin = absl::StrCat(Inheritance::kVariable, "=");
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (std::string_view(*variable).substr(0, begin.size()) != begin) {
      variables.emplace_back(*variable);
    }
  }
  variables.push_back(begin + inheritance);
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

std::vector<pool::FileDescriptor> Inheritance::TakeListener(const std::string& key,
                                                            const pool::SocketAddress& address) {
  auto found = listeners.find(key);
  if (found == listeners.end()) {
    found = std::ranges::find_if(listeners, [&](const auto& listener) {
      const absl::StatusOr<pool::SocketAddress> bound =
          pool::LocalAddress(listener.second.front().get());
      return bound.ok() && *bound == address;
    });
  }
  if (found == listeners.end()) return {};
  std::vector<pool::FileDescriptor> sockets = std::move(found->second);
  listeners.erase(found);
  return sockets;
}

pool::FileDescriptor Inheritance::TakeStatus(const pool::SocketAddress& address) {
  if (!status.valid()) return {};
  absl::StatusOr<pool::SocketAddress> bound = pool::LocalAddress(status.get());
  if (!bound.ok()) return {};
  const bool any_port = address.is_ip() && address.port() == 0;
  const bool same = any_port ? bound->Ip() == address.Ip() : *bound == address;
  return same ? std::move(status) : pool::FileDescriptor();
}

void Inheritance::TellReady() {
  if (empty()) return;
  // The old process may be gone already, which is as well.
  [[maybe_unused]] const ssize_t written = write(ready, "1", 1);
  close(std::exchange(ready, -1));
}

std::string FormatInheritance(const Legacy& legacy, int ready) {
  std::string text = absl::StrCat("ready:", ready);
  if (legacy.status >= 0) absl::StrAppend(&text, " status:", legacy.status);
  for (const auto& [key, sockets] : legacy.listeners) {
    absl::StrAppend(&text, " listener:", Escape(key), ":", absl::StrJoin(sockets, ","));
  }
  return text;
}

absl::StatusOr<Inheritance> ParseInheritance(std::string_view text) {
  const absl::StatusOr<std::pair<Legacy, int>> words = ParseWords(text);
  if (!words.ok()) return words.status();
  const auto& [legacy, ready] = *words;
  if (absl::Status status = CheckDescriptors(legacy, ready); !status.ok()) return status;
  Inheritance inheritance;
  for (const auto& [key, numbers] : legacy.listeners) {
    for (const int fd : numbers) inheritance.listeners[key].push_back(Possess(fd));
  }
  if (legacy.status >= 0) inheritance.status = Possess(legacy.status);
  inheritance.ready = Possess(ready).Release();
  return inheritance;
}

absl::StatusOr<Inheritance> TakeInheritance() {
  const char* value = getenv(Inheritance::kVariable);
  if (value == nullptr) return Inheritance();
  absl::StatusOr<Inheritance> inheritance = ParseInheritance(value);
  if (!inheritance.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(Inheritance::kVariable, ": ", inheritance.status().message()));
  }
  unsetenv(Inheritance::kVariable);
  return inheritance;
}

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
  for (const auto& [key, sockets] : legacy.listeners) {
    inherited.insert(inherited.end(), sockets.begin(), sockets.end());
  }
  if (const int error = loop_->Register(ready_.get(), this, EPOLLIN); error != 0) {
    ready_.Reset();
    return absl::ErrnoToStatus(error, "cannot watch a pipe");
  }
  const SpawnParameters parameters(inherited);
  std::vector<std::string> arguments = command;
  std::vector<std::string> variables = EnvironmentWith(FormatInheritance(legacy, theirs.get()));
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
  // One that is ending by itself keeps its exit code; one that only closed the pipe is of no use.
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
