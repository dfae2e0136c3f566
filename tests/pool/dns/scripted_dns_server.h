#ifndef HOLDFAST_TESTS_POOL_DNS_SCRIPTED_DNS_SERVER_H_
#define HOLDFAST_TESTS_POOL_DNS_SCRIPTED_DNS_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pool/dns/resolver.h"
#include "pool/net/event_loop.h"
#include "pool/net/socket.h"

namespace holdfast::pool {

// RFC 1035 sections 3.2.2 and 4.1.1.
inline constexpr uint16_t kTypeA = 1;
inline constexpr uint16_t kTypeCname = 5;
inline constexpr uint16_t kTypeAaaa = 28;
inline constexpr uint16_t kTypeSrv = 33;  // RFC 2782
inline constexpr uint16_t kFormErr = 1;
inline constexpr uint16_t kServFail = 2;
inline constexpr uint16_t kNxDomain = 3;
inline constexpr uint16_t kRefused = 5;

struct DnsRecord {
  std::string name;
  uint16_t type;
  uint32_t ttl;
  std::string data;  // as it goes on the wire
};
DnsRecord A(std::string name, uint32_t ttl, std::string_view ip);
DnsRecord Aaaa(std::string name, uint32_t ttl, std::string_view ip);
DnsRecord Cname(std::string name, uint32_t ttl, std::string_view target);
DnsRecord Srv(std::string name, uint32_t ttl, const SrvRecord& service);

struct DnsReply {
  uint16_t code = 0;
  std::vector<DnsRecord> records;
  bool wrong_id = false;
  bool cut = false;      // the last byte is missing
  std::string raw = {};  // sent as it is in place of all the rest
};

// The response to a question for records of `type`, as it goes on the wire. `truncate`: without the
// records, and saying so.
std::string DnsMessage(std::string_view name, uint16_t type, const DnsReply& reply,
                       bool truncate = false);

struct DnsQuestion {
  std::string name;  // lower case, without the last dot
  uint16_t type;
  bool tcp;
  uint16_t edns_bytes = 0;  // what it has room for by RFC 6891; 0: it does not say
};

// What the server makes of EDNS.
enum class EdnsMood { kUnderstood, kFormErr, kSilent };

// A name server on 127.0.0.1 (or another address of the loopback) that answers by a script, over
// UDP, and over TCP what is too long for UDP. Names outside the script do not exist; in the script
// with another type they have no such record. Runs on the loop of the test.
class ScriptedDnsServer {
 public:
  static constexpr size_t kMaxUdpBytes = 512;  // RFC 1035 section 2.3.4, without EDNS

  // `port` 0 takes a free one.
  explicit ScriptedDnsServer(EventLoop* loop, std::string_view ip = "127.0.0.1", uint16_t port = 0);
  ~ScriptedDnsServer();

  void On(const std::string& name, uint16_t type, DnsReply reply) {
    OnSeveral(name, type, {std::move(reply)});
  }
  // All of `replies` are sent, one after the other.
  void OnSeveral(const std::string& name, uint16_t type, std::vector<DnsReply> replies) {
    script_[{name, type}] = std::move(replies);
  }
  // Leaves the question without an answer.
  void Ignore(const std::string& name, uint16_t type) { OnSeveral(name, type, {}); }

  void SetEdns(EdnsMood mood) { edns_ = mood; }
  // Its port is closed for TCP.
  void RefuseTcp();

  const SocketAddress& address() const { return address_; }
  const std::vector<DnsQuestion>& questions() const { return questions_; }
  // Of the questions, without repetitions next to each other (A and AAAA of one name are one).
  std::vector<std::string> NamesAsked() const;

 private:
  class Udp;
  class Tcp;
  class TcpPeer;

  // The messages to send back, empty when the message is no question.
  std::vector<std::string> Answer(std::string_view message, bool tcp);
  std::vector<DnsReply> RepliesTo(const DnsQuestion& question) const;

  EventLoop* loop_;
  SocketAddress address_;
  EdnsMood edns_ = EdnsMood::kUnderstood;
  std::map<std::pair<std::string, uint16_t>, std::vector<DnsReply>> script_;
  std::vector<DnsQuestion> questions_;
  std::unique_ptr<Udp> udp_;
  std::unique_ptr<Tcp> tcp_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_TESTS_POOL_DNS_SCRIPTED_DNS_SERVER_H_
