#include "gateway/server/inheritance.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

namespace holdfast::server {
namespace {

constexpr char kHexDigits[] = "0123456789ABCDEF";

// The operator chooses the listeners' names, so bytes that mean something in the variable are
// escaped.
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

// What the variable says, before any of it is believed.
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

// Checks that every descriptor is there once and of its kind.
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
  // The old process may be gone already, which is fine.
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
  if (const char* tickets = getenv(Inheritance::kTicketsVariable); tickets != nullptr) {
    const std::vector<int> numbers = ParseNumbers(tickets);
    if (numbers.size() == 1 && fcntl(numbers[0], F_GET_SEALS) >= 0) {
      inheritance->tickets = Possess(numbers[0]);
    }
    unsetenv(Inheritance::kTicketsVariable);
  }
  return inheritance;
}

}  // namespace holdfast::server
