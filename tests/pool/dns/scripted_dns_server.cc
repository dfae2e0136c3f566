#include "tests/pool/dns/scripted_dns_server.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <optional>

#include "pool/net/check.h"

namespace holdfast::pool {
namespace {

constexpr int kBindAttempts = 50;
constexpr size_t kHeaderBytes = 12;
constexpr uint16_t kClassInternet = 1;
constexpr uint16_t kResponse = 0x8580;  // an answer, authoritative, recursion asked for and there
constexpr uint16_t kTruncated = 0x0200;

void Put16(std::string& out, uint16_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value & 0xFF);
}

uint16_t Get16(std::string_view in, size_t at) {
  return static_cast<uint16_t>(static_cast<uint8_t>(in[at]) << 8 |
                               static_cast<uint8_t>(in[at + 1]));
}

std::string EncodeName(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    out += static_cast<char>(label.size());
    out += label;
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  out += '\0';
  return out;
}

std::string EncodeIp(int family, std::string_view ip) {
  std::array<char, sizeof(in6_addr)> bytes;
  HOLDFAST_CHECK(inet_pton(family, std::string(ip).c_str(), bytes.data()) == 1);
  return std::string(bytes.data(), family == AF_INET ? sizeof(in_addr) : sizeof(in6_addr));
}

// `*end` is where the question ends in the message.
std::optional<DnsQuestion> ParseQuestion(std::string_view message, bool tcp, size_t* end) {
  DnsQuestion question{.name = "", .type = 0, .tcp = tcp};
  size_t at = kHeaderBytes;
  while (at < message.size() && message[at] != 0) {
    const size_t length = static_cast<uint8_t>(message[at]);
    if (at + 1 + length > message.size()) return std::nullopt;
    if (!question.name.empty()) question.name += '.';
    for (const char c : message.substr(at + 1, length)) {
      question.name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    at += 1 + length;
  }
  *end = at + 5;
  if (*end > message.size()) return std::nullopt;
  question.type = Get16(message, at + 1);
  // An OPT record has the root's name, its type and then the size in place of a class.
  constexpr size_t kAdditionalCount = 10;
  if (Get16(message, kAdditionalCount) == 1 && message.size() >= *end + 5) {
    question.edns_bytes = Get16(message, *end + 3);
  }
  return question;
}

std::string Encode(std::string_view query, size_t question_end, const DnsReply& reply,
                   bool truncate) {
  if (!reply.raw.empty()) return reply.raw;
  std::string out;
  Put16(out, Get16(query, 0) ^ (reply.wrong_id ? 1 : 0));
  Put16(out, kResponse | reply.code | (truncate ? kTruncated : 0));
  Put16(out, 1);
  Put16(out, truncate ? 0 : static_cast<uint16_t>(reply.records.size()));
  Put16(out, 0);
  Put16(out, 0);
  out += query.substr(kHeaderBytes, question_end - kHeaderBytes);
  if (truncate) return out;
  for (const DnsRecord& record : reply.records) {
    out += EncodeName(record.name);
    Put16(out, record.type);
    Put16(out, kClassInternet);
    Put16(out, static_cast<uint16_t>(record.ttl >> 16));
    Put16(out, static_cast<uint16_t>(record.ttl & 0xFFFF));
    Put16(out, static_cast<uint16_t>(record.data.size()));
    out += record.data;
  }
  if (reply.cut) out.pop_back();
  return out;
}

}  // namespace

DnsRecord A(std::string name, uint32_t ttl, std::string_view ip) {
  return {std::move(name), kTypeA, ttl, EncodeIp(AF_INET, ip)};
}

DnsRecord Aaaa(std::string name, uint32_t ttl, std::string_view ip) {
  return {std::move(name), kTypeAaaa, ttl, EncodeIp(AF_INET6, ip)};
}

DnsRecord Cname(std::string name, uint32_t ttl, std::string_view target) {
  return {std::move(name), kTypeCname, ttl, EncodeName(target)};
}

DnsRecord Srv(std::string name, uint32_t ttl, const SrvRecord& service) {
  std::string data;
  for (const uint16_t field : {service.priority, service.weight, service.port}) Put16(data, field);
  return {std::move(name), kTypeSrv, ttl, data + EncodeName(service.target)};
}

std::string DnsMessage(std::string_view name, uint16_t type, const DnsReply& reply, bool truncate) {
  std::string query(kHeaderBytes, '\0');
  query += EncodeName(name);
  Put16(query, type);
  Put16(query, kClassInternet);
  return Encode(query, query.size(), reply, truncate);
}

class ScriptedDnsServer::Udp final : public EventHandler {
 public:
  Udp(ScriptedDnsServer* server, FileDescriptor socket)
      : server_(server), socket_(std::move(socket)) {
    HOLDFAST_CHECK(server_->loop_->Register(socket_.get(), this, EPOLLIN) == 0);
  }
  ~Udp() { server_->loop_->Unregister(socket_.get(), this); }

 private:
  void OnEvents(uint32_t) override {
    std::array<char, 4096> bytes;
    sockaddr_storage from;
    socklen_t length = sizeof(from);
    const ssize_t size = recvfrom(socket_.get(), bytes.data(), bytes.size(), 0,
                                  reinterpret_cast<sockaddr*>(&from), &length);
    if (size < 0) return;
    const std::string_view message(bytes.data(), static_cast<size_t>(size));
    for (const std::string& reply : server_->Answer(message, false)) {
      sendto(socket_.get(), reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from),
             length);
    }
  }

  ScriptedDnsServer* server_;
  FileDescriptor socket_;
};

// RFC 1035 section 4.2.2: each message comes after its length.
class ScriptedDnsServer::TcpPeer final : public EventHandler {
 public:
  TcpPeer(ScriptedDnsServer* server, FileDescriptor socket)
      : server_(server), socket_(std::move(socket)) {
    HOLDFAST_CHECK(server_->loop_->Register(socket_.get(), this, EPOLLIN) == 0);
  }
  ~TcpPeer() { server_->loop_->Unregister(socket_.get(), this); }

 private:
  void OnEvents(uint32_t) override {
    std::array<char, 4096> bytes;
    const ssize_t size = recv(socket_.get(), bytes.data(), bytes.size(), 0);
    if (size <= 0) {
      server_->loop_->Modify(socket_.get(), this, 0);
      return;
    }
    input_.append(bytes.data(), static_cast<size_t>(size));
    while (input_.size() >= 2 && input_.size() >= 2u + Get16(input_, 0)) {
      const std::string message = input_.substr(2, Get16(input_, 0));
      input_.erase(0, 2 + message.size());
      for (const std::string& reply : server_->Answer(message, true)) {
        std::string framed;
        Put16(framed, static_cast<uint16_t>(reply.size()));
        framed += reply;
        HOLDFAST_CHECK(send(socket_.get(), framed.data(), framed.size(), MSG_NOSIGNAL) ==
                       static_cast<ssize_t>(framed.size()));
      }
    }
  }

  ScriptedDnsServer* server_;
  FileDescriptor socket_;
  std::string input_;
};

class ScriptedDnsServer::Tcp final : public EventHandler {
 public:
  Tcp(ScriptedDnsServer* server, FileDescriptor listener)
      : server_(server), listener_(std::move(listener)) {
    HOLDFAST_CHECK(server_->loop_->Register(listener_.get(), this, EPOLLIN) == 0);
  }
  ~Tcp() { server_->loop_->Unregister(listener_.get(), this); }

 private:
  void OnEvents(uint32_t) override {
    FileDescriptor socket(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket.valid()) peers_.push_back(std::make_unique<TcpPeer>(server_, std::move(socket)));
  }

  ScriptedDnsServer* server_;
  FileDescriptor listener_;
  std::vector<std::unique_ptr<TcpPeer>> peers_;
};

ScriptedDnsServer::ScriptedDnsServer(EventLoop* loop, std::string_view ip, uint16_t port)
    : loop_(loop) {
  // A port that is free for UDP may be taken for TCP.
  for (int attempt = 0; attempt < kBindAttempts; ++attempt) {
    FileDescriptor udp(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const SocketAddress wanted = *SocketAddress::FromIp(ip, port);
    HOLDFAST_CHECK(bind(udp.get(), wanted.get(), wanted.length()) == 0);
    address_ = LocalAddress(udp.get()).value();
    auto tcp = Listen(address_, /*reuse_port=*/false);
    if (!tcp.ok()) continue;
    udp_ = std::make_unique<Udp>(this, std::move(udp));
    tcp_ = std::make_unique<Tcp>(this, std::move(*tcp));
    return;
  }
  HOLDFAST_CHECK(false);
}

ScriptedDnsServer::~ScriptedDnsServer() = default;

void ScriptedDnsServer::RefuseTcp() { tcp_.reset(); }

std::vector<std::string> ScriptedDnsServer::NamesAsked() const {
  std::vector<std::string> names;
  for (const DnsQuestion& question : questions_) {
    if (names.empty() || names.back() != question.name) names.push_back(question.name);
  }
  return names;
}

std::vector<std::string> ScriptedDnsServer::Answer(std::string_view message, bool tcp) {
  size_t end = 0;
  const auto question = ParseQuestion(message, tcp, &end);
  if (!question) return {};
  questions_.push_back(*question);
  std::vector<std::string> messages;
  for (const DnsReply& reply : RepliesTo(*question)) {
    std::string whole = Encode(message, end, reply, false);
    const size_t room = std::max<size_t>(kMaxUdpBytes, question->edns_bytes);
    const bool fits = tcp || whole.size() <= room;
    messages.push_back(fits ? std::move(whole) : Encode(message, end, reply, true));
  }
  return messages;
}

std::vector<DnsReply> ScriptedDnsServer::RepliesTo(const DnsQuestion& question) const {
  if (question.edns_bytes > 0 && edns_ == EdnsMood::kSilent) return {};
  if (question.edns_bytes > 0 && edns_ == EdnsMood::kFormErr) {
    return {DnsReply{.code = kFormErr, .records = {}}};
  }
  if (const auto it = script_.find({question.name, question.type}); it != script_.end()) {
    return it->second;
  }
  const auto other = script_.lower_bound({question.name, 0});
  const bool exists = other != script_.end() && other->first.first == question.name;
  return {DnsReply{.code = exists ? uint16_t{0} : kNxDomain, .records = {}}};
}

}  // namespace holdfast::pool
