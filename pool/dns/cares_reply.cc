#include "pool/dns/cares_reply.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <ares.h>

#include "pool/net/check.h"

namespace holdfast::pool {
namespace {

struct FreeHostent {
  void operator()(hostent* host) const { ares_free_hostent(host); }
};
struct FreeData {
  void operator()(void* data) const { ares_free_data(data); }
};

ResolveStatus ToResolveStatus(int status) {
  switch (status) {
    case ARES_SUCCESS: return ResolveStatus::kOk;
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
    case ARES_EBADNAME: return ResolveStatus::kNotFound;
    case ARES_ETIMEOUT: return ResolveStatus::kTimeout;
    default: return ResolveStatus::kServerError;
  }
}

std::string Explain(int status) {
  // c-ares' own words, "could not contact DNS servers", are wrong for servers that said SERVFAIL.
  if (status == ARES_ECONNREFUSED) return "every server failed or refused";
  return ares_strerror(status);
}

// `bytes` as they are in a record.
SocketAddress ToAddress(int family, const char* bytes, uint16_t port) {
  if (family == AF_INET) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, bytes, sizeof(v4.sin_addr));
    return SocketAddress(reinterpret_cast<const sockaddr*>(&v4), sizeof(v4));
  }
  HOLDFAST_CHECK(family == AF_INET6);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::memcpy(&v6.sin6_addr, bytes, sizeof(v6.sin6_addr));
  return SocketAddress(reinterpret_cast<const sockaddr*>(&v6), sizeof(v6));
}

Records Failure(int status) {
  Records records;
  records.status = ToResolveStatus(status);
  records.no_such_name = status == ARES_ENOTFOUND;
  records.detail = Explain(status);
  return records;
}

const unsigned char* BytesOf(std::string_view message) {
  return reinterpret_cast<const unsigned char*>(message.data());
}

int ParseAddresses(QuestionType type, std::string_view message, uint16_t port,
                   std::vector<SocketAddress>& addresses) {
  const int length = static_cast<int>(message.size());
  hostent* raw = nullptr;
  const int status = type == QuestionType::kA
                         ? ares_parse_a_reply(BytesOf(message), length, &raw, nullptr, nullptr)
                         : ares_parse_aaaa_reply(BytesOf(message), length, &raw, nullptr, nullptr);
  const std::unique_ptr<hostent, FreeHostent> host(raw);
  if (status != ARES_SUCCESS) return status;
  for (char** address = host->h_addr_list; *address != nullptr; ++address) {
    addresses.push_back(ToAddress(host->h_addrtype, *address, port));
  }
  return ARES_SUCCESS;
}

int ParseServices(std::string_view message, std::vector<SrvRecord>& services) {
  ares_srv_reply* raw = nullptr;
  const int status = ares_parse_srv_reply(BytesOf(message), static_cast<int>(message.size()), &raw);
  const std::unique_ptr<ares_srv_reply, FreeData> list(raw);
  if (status != ARES_SUCCESS) return status;
  for (const ares_srv_reply* service = raw; service != nullptr; service = service->next) {
    services.push_back({service->host, service->port, service->priority, service->weight});
  }
  return ARES_SUCCESS;
}

Records Parse(QuestionType type, std::string_view message, uint16_t port) {
  Records records;
  const int status = type == QuestionType::kSrv
                         ? ParseServices(message, records.services)
                         : ParseAddresses(type, message, port, records.addresses);
  if (status != ARES_SUCCESS) return Failure(status);
  if (records.addresses.empty() && records.services.empty()) return Failure(ARES_ENODATA);
  records.status = ResolveStatus::kOk;
  records.ttl = SmallestTtl(message);
  return records;
}

}  // namespace

int WireType(QuestionType type) {
  switch (type) {
    case QuestionType::kA: return ns_t_a;
    case QuestionType::kAaaa: return ns_t_aaaa;
    case QuestionType::kSrv: return ns_t_srv;
  }
  HOLDFAST_CHECK(false);
}

Records ReadReply(int ares_status, QuestionType type, std::string_view message, uint16_t port) {
  // The part that fitted in is not the answer, and an empty part looks as if there were no records.
  if ((ares_status == ARES_SUCCESS || ares_status == ARES_ENODATA) && IsCut(message)) {
    Records records;
    records.cut = true;
    records.detail = "the answer does not fit into a datagram";
    return records;
  }
  return ares_status == ARES_SUCCESS ? Parse(type, message, port) : Failure(ares_status);
}

}  // namespace holdfast::pool
