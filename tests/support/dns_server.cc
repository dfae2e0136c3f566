#include "tests/support/dns_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include <gtest/gtest.h>

#include "tests/support/wire_socket.h"

namespace holdfast::support {
namespace {

constexpr size_t kHeaderBytes = 12;
constexpr uint16_t kTypeA = 1;

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

// RFC 1035 section 4.1.3; the name is a pointer to the question's.
std::string ARecord(const std::string& address, uint32_t ttl) {
  in_addr binary{};
  EXPECT_EQ(inet_pton(AF_INET, address.c_str(), &binary), 1) << address;
  return "\xc0\x0c" + U16(kTypeA) + U16(1) + U16(ttl >> 16) + U16(ttl) + U16(4) +
         std::string(reinterpret_cast<const char*>(&binary), 4);
}

}  // namespace

DnsServer::DnsServer() : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&local), sizeof(local)), 0);
  address_ = LocalAddress(fd_);
  EXPECT_EQ(pipe2(wake_, O_CLOEXEC), 0);
  thread_ = std::thread([this] { Serve(); });
}

DnsServer::~DnsServer() {
  close(wake_[1]);
  thread_.join();
  close(wake_[0]);
  close(fd_);
}

void DnsServer::Set(const std::string& name, std::vector<std::string> addresses, uint32_t ttl) {
  const std::lock_guard<std::mutex> lock(mutex_);
  records_[name] = {std::move(addresses), ttl};
}

void DnsServer::Serve() {
  while (true) {
    pollfd entries[] = {{.fd = fd_, .events = POLLIN, .revents = 0},
                        {.fd = wake_[0], .events = POLLIN, .revents = 0}};
    poll(entries, 2, -1);
    if (entries[1].revents != 0) return;
    char query[512];
    sockaddr_in peer{};
    socklen_t length = sizeof(peer);
    auto* address = reinterpret_cast<sockaddr*>(&peer);
    const ssize_t received = recvfrom(fd_, query, sizeof(query), 0, address, &length);
    if (received < static_cast<ssize_t>(kHeaderBytes)) continue;
    ++queries_;
    if (mood_ == Mood::kSilent) continue;
    const std::string answer = Answer({query, static_cast<size_t>(received)});
    sendto(fd_, answer.data(), answer.size(), 0, address, length);
  }
}

std::string DnsServer::Answer(std::string_view query) {
  constexpr uint32_t kResponse = 0x8580;  // QR, AA, RD, RA
  constexpr uint32_t kServerFailure = 2;
  constexpr uint32_t kNoSuchName = 3;
  const Question question = ParseQuestion(query);
  std::string answers;
  uint32_t count = 0;
  uint32_t code = 0;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto known = records_.find(question.name);
  if (mood_ == Mood::kFailure) {
    code = kServerFailure;
  } else if (known == records_.end()) {
    code = kNoSuchName;
  } else if (question.type == kTypeA) {
    for (const std::string& address : known->second.addresses) {
      answers += ARecord(address, known->second.ttl);
      ++count;
    }
  }
  return std::string(query.substr(0, 2)) + U16(kResponse | code) + U16(1) + U16(count) + U16(0) +
         U16(0) + std::string(question.bytes) + answers;
}

}  // namespace holdfast::support
