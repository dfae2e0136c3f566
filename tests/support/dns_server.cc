#include "tests/support/dns_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include <gtest/gtest.h>

#include "tests/support/wire_socket.h"

namespace holdfast::support {
namespace {

constexpr size_t kHeaderBytes = 12;

std::string U16(uint32_t value) {
  return {static_cast<char>(value >> 8 & 0xff), static_cast<char>(value & 0xff)};
}

uint16_t ReadU16(std::string_view bytes, size_t at) {
  return static_cast<uint16_t>(static_cast<uint8_t>(bytes[at]) << 8 |
                               static_cast<uint8_t>(bytes[at + 1]));
}

struct Question {
  std::string name;
  uint16_t type = 0;
  std::string_view bytes;  // of the question section
};

// The first question; no name when there is none.
Question ParseQuestion(std::string_view query) {
  Question question;
  size_t at = kHeaderBytes;
  while (at < query.size() && query[at] != 0) {
    const auto length = static_cast<uint8_t>(query[at]);
    if (at + 1 + length > query.size()) return {};
    if (!question.name.empty()) question.name += '.';
    question.name += query.substr(at + 1, length);
    at += 1 + length;
  }
  constexpr size_t kEndTypeClass = 5;
  if (at + kEndTypeClass > query.size()) return {};
  question.type = ReadU16(query, at + 1);
  question.bytes = query.substr(kHeaderBytes, at + kEndTypeClass - kHeaderBytes);
  return question;
}

std::string WireName(std::string_view name) {
  std::string wire;
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    wire += static_cast<char>(label.size());
    wire += label;
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  return wire + '\0';
}

// RFC 1035 section 4.1.3; the name is a pointer to the question's.
std::string Record(uint16_t type, uint32_t ttl, const std::string& data) {
  return "\xc0\x0c" + U16(type) + U16(1) + U16(ttl >> 16) + U16(ttl) +
         U16(static_cast<uint32_t>(data.size())) + data;
}

}  // namespace

DnsServer::DnsServer() {
  Bind();
  EXPECT_EQ(pipe2(wake_, O_CLOEXEC), 0);
  thread_ = std::thread([this] { Serve(); });
}

DnsServer::~DnsServer() {
  close(wake_[1]);
  thread_.join();
  for (const int connection : connections_) close(connection);
  close(wake_[0]);
  close(listener_);
  close(fd_);
}

// A port that is free for TCP may be taken for UDP.
void DnsServer::Bind() {
  constexpr int kAttempts = 50;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    listener_ = Listen("127.0.0.1:0");
    address_ = LocalAddress(listener_);
    sockaddr_in local{};
    socklen_t length = sizeof(local);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&local), &length);
    fd_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind(fd_, reinterpret_cast<const sockaddr*>(&local), sizeof(local)) == 0) return;
    close(fd_);
    close(listener_);
  }
  ADD_FAILURE() << "no port is free";
}

void DnsServer::Set(const std::string& name, const std::vector<std::string>& addresses,
                    uint32_t ttl) {
  Records records{.ttl = ttl, .data = {}};
  for (const std::string& address : addresses) {
    const bool v6 = address.find(':') != address.npos;
    char binary[sizeof(in6_addr)];
    EXPECT_EQ(inet_pton(v6 ? AF_INET6 : AF_INET, address.c_str(), binary), 1) << address;
    records.data.emplace(v6 ? Type::kAaaa : Type::kA, std::string(binary, v6 ? 16 : 4));
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  records_[name] = std::move(records);
}

void DnsServer::SetServices(const std::string& name, const std::vector<Service>& services,
                            uint32_t ttl) {
  Records records{.ttl = ttl, .data = {}};
  for (const Service& service : services) {
    records.data.emplace(Type::kSrv, U16(service.priority) + U16(service.weight) +
                                         U16(service.port) + WireName(service.target));
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  records_[name] = std::move(records);
}

void DnsServer::SetMood(Mood mood) {
  for (const Type type : {Type::kA, Type::kAaaa, Type::kSrv}) SetMood(type, mood);
}

void DnsServer::SetMood(Type type, Mood mood) {
  const std::lock_guard<std::mutex> lock(mutex_);
  moods_[type] = mood;
}

DnsServer::Mood DnsServer::MoodFor(uint16_t type) const {
  const auto mood = moods_.find(static_cast<Type>(type));
  return mood == moods_.end() ? Mood::kAnswer : mood->second;
}

void DnsServer::Serve() {
  while (true) {
    std::vector<pollfd> entries = {{.fd = wake_[0], .events = POLLIN, .revents = 0},
                                   {.fd = fd_, .events = POLLIN, .revents = 0},
                                   {.fd = listener_, .events = POLLIN, .revents = 0}};
    const size_t fixed = entries.size();
    for (const int fd : connections_) entries.push_back({.fd = fd, .events = POLLIN, .revents = 0});
    poll(entries.data(), entries.size(), UntilNextDue());
    if (entries[0].revents != 0) return;
    if (entries[1].revents != 0) ReadDatagram();
    for (size_t i = fixed; i < entries.size(); ++i) {
      if (entries[i].revents == 0 || ReadConnection(entries[i].fd)) continue;
      std::erase_if(due_, [&](const auto& due) { return due.second.fd == entries[i].fd; });
      std::erase(connections_, entries[i].fd);
      close(entries[i].fd);
    }
    if (entries[2].revents != 0) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd >= 0) connections_.push_back(fd);
    }
    SendDue();
  }
}

void DnsServer::ReadDatagram() {
  char query[512];
  Pending answer{.fd = fd_, .peer = {}, .bytes = ""};
  socklen_t length = sizeof(answer.peer);
  const ssize_t received =
      recvfrom(fd_, query, sizeof(query), 0, reinterpret_cast<sockaddr*>(&answer.peer), &length);
  if (received < static_cast<ssize_t>(kHeaderBytes)) return;
  ++queries_;
  answer.bytes = Answer({query, static_cast<size_t>(received)}, false);
  if (!answer.bytes.empty()) due_.emplace(Clock::now() + delay_.load(), std::move(answer));
}

// RFC 1035 section 4.2.2: a message comes after its length. Clients send them whole.
bool DnsServer::ReadConnection(int fd) {
  char size[2];
  if (recv(fd, size, sizeof(size), MSG_WAITALL) != sizeof(size)) return false;
  std::string query(ReadU16({size, sizeof(size)}, 0), '\0');
  if (recv(fd, query.data(), query.size(), MSG_WAITALL) != static_cast<ssize_t>(query.size()) ||
      query.size() < kHeaderBytes) {
    return false;
  }
  ++queries_;
  ++tcp_queries_;
  const std::string answer = Answer(query, true);
  if (answer.empty()) return true;
  due_.emplace(
      Clock::now() + delay_.load(),
      Pending{.fd = fd, .peer = {}, .bytes = U16(static_cast<uint32_t>(answer.size())) + answer});
  return true;
}

void DnsServer::SendDue() {
  while (!due_.empty() && due_.begin()->first <= Clock::now()) {
    const Pending answer = std::move(due_.begin()->second);
    due_.erase(due_.begin());
    const bool datagram = answer.fd == fd_;
    sendto(answer.fd, answer.bytes.data(), answer.bytes.size(), MSG_NOSIGNAL,
           datagram ? reinterpret_cast<const sockaddr*>(&answer.peer) : nullptr,
           datagram ? sizeof(answer.peer) : 0);
  }
}

int DnsServer::UntilNextDue() const {
  if (due_.empty()) return -1;
  const auto wait =
      std::chrono::ceil<std::chrono::milliseconds>(due_.begin()->first - Clock::now());
  return static_cast<int>(std::max<std::chrono::milliseconds::rep>(wait.count(), 0));
}

std::string DnsServer::Answer(std::string_view query, bool tcp) {
  constexpr uint32_t kResponse = 0x8580;  // QR, AA, RD, RA
  constexpr uint32_t kTruncated = 0x0200;
  constexpr uint32_t kServerFailure = 2;
  constexpr uint32_t kNoSuchName = 3;
  const Question question = ParseQuestion(query);
  std::string answers;
  uint32_t count = 0;
  uint32_t flags = kResponse;
  const std::lock_guard<std::mutex> lock(mutex_);
  const Mood mood = MoodFor(question.type);
  const auto known = records_.find(question.name);
  if (mood == Mood::kSilent) return "";
  if (mood == Mood::kFailure) {
    flags |= kServerFailure;
  } else if (mood == Mood::kNoSuchName || known == records_.end()) {
    flags |= kNoSuchName;
  } else if (mood == Mood::kTruncated && !tcp) {
    flags |= kTruncated;
  } else {
    const auto [begin, end] = known->second.data.equal_range(static_cast<Type>(question.type));
    for (auto record = begin; record != end; ++record, ++count) {
      answers += Record(question.type, known->second.ttl, record->second);
    }
  }
  return std::string(query.substr(0, 2)) + U16(flags) + U16(1) + U16(count) + U16(0) + U16(0) +
         std::string(question.bytes) + answers;
}

}  // namespace holdfast::support
